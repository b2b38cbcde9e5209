"""WADO-RS rendered pictures and thumbnails: frames as JPEG, PNG or WebP, by the object's window or the client's."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from fastcine.archive.record import InstanceRow
from fastcine.archive.rendering import frame_pictures
from fastcine.dicomweb.media_types import MULTIPART, Form, parse_accept
from fastcine.dicomweb.rendered import Rendering, parse_rendering, parse_viewport, picture_type
from fastcine.errors import NotFound, UsageError
from fastcine.render.picture import Picture
from fastcine.render.preview import THUMBNAIL_PIXELS
from fastcine.render.still import WEBP, still
from fastcine.render.viewport import Viewport, fitted
from fastcine.server.context import CONTEXT, Context
from fastcine.server.routes.dicomweb_retrieve import Parts, found_rows, frame_numbers, once, path_of, stepped
from fastcine.server.routes.dicomweb_search import INSTANCE, SERIES, STUDY, accepted, base_url
from fastcine.server.routes.studies import in_pool

FRAMES = INSTANCE + "/frames/{frames:[0-9,]+}"


def _media_type(request: web.Request) -> str:
    found = picture_type(parse_accept(*accepted(request)))
    if found is None:
        raise web.HTTPNotAcceptable(reason="Pictures are image/jpeg, image/png or image/webp; films are not made")
    return found


async def _with_pixels(request: web.Request) -> list[InstanceRow]:
    rows = [row for row in await found_rows(request) if row.run is not None]
    if not rows:
        raise web.HTTPNotAcceptable(reason="There is nothing here that could be rendered: no object has pixels")
    return rows


def _numbers(request: web.Request) -> list[int]:
    text = request.match_info.get("frames")
    return [] if text is None else frame_numbers(text)


def _shown(picture: Picture, viewport: Viewport | None) -> Picture:
    if viewport is None:
        return picture
    try:
        return fitted(picture, viewport)
    except ValueError as error:
        raise UsageError(f"viewport: {error}") from None


def _stills(context: Context, row: InstanceRow, numbers: list[int], *, how: Rendering, kind: str) -> Iterator[bytes]:
    """Blocking, a frame at a time."""
    display = None
    if how.window is not None:
        window = {"center": how.window.center, "width": how.window.width}
        display = {"windows": [window], "voi_luts": [], "voi_lut_function": how.window.function}
    for picture in frame_pictures(context.folder, row, numbers, display):
        yield still(_shown(picture, how.viewport), kind, how.quality)


async def rendered(request: web.Request) -> web.StreamResponse:
    """WADO-RS: a picture of each instance (of many frames the representative or first one), or of each frame named."""
    context, kind, how = request.app[CONTEXT], _media_type(request), parse_rendering(request.query)
    rows, numbers = await _with_pixels(request), _numbers(request)
    form = Form(kind, "", multipart=len(rows) > 1 or len(numbers) > 1, as_stored=False)
    async with Parts(request, kind, multipart=form.multipart or _wants_parts(request)) as parts:
        if how.ignored:
            parts.headers["Warning"] = f'299 {request.host} "ignored: {", ".join(how.ignored)}"'
        for row in rows:
            location = f"{base_url(request)}{path_of(row)}"
            steps = stepped(context, _stills(context, row, numbers, how=how, kind=kind))
            for number in numbers or [0]:
                place = f"{location}/frames/{number}/rendered" if number else f"{location}/rendered"
                await parts.part(form, place, once(await anext(steps)))
        return await parts.end()


def _wants_parts(request: web.Request) -> bool:
    ranges = parse_accept(*accepted(request))
    return bool(ranges) and ranges[0].media_type == MULTIPART


async def thumbnail(request: web.Request) -> web.StreamResponse:
    """WADO-RS: one small picture that stands for a study, a series, an instance or a frame."""
    context, kind = request.app[CONTEXT], _media_type(request)
    text = request.query.get("viewport")
    viewport = Viewport(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS) if text is None else parse_viewport(text, whole=True)
    rows = [row for row in await found_rows(request) if row.run is not None]
    if not rows:
        raise NotFound("no object here has pixels")
    numbers = _numbers(request)[:1]
    body = None
    if kind == WEBP and text is None and not numbers and rows[0].run is not None:
        body = await in_pool(context, context.small_picture, rows[0].run.run, "thumbnail")
    if body is None:
        how = Rendering(None, viewport, 75, ())
        steps = stepped(context, _stills(context, rows[0], numbers, how=how, kind=kind))
        body = await anext(steps)
        await steps.aclose()
    return web.Response(body=body, content_type=kind)


def add(app: web.Application) -> None:
    """Routes of this module."""
    for path in (STUDY, SERIES, INSTANCE, FRAMES):
        app.router.add_get(f"{path}/rendered", rendered)
        app.router.add_get(f"{path}/thumbnail", thumbnail)
