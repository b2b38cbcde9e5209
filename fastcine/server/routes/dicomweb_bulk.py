"""WADO-RS bulk data: one element's value of a stored object, whole or in part."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from fastcine.archive.record import InstanceRow
from fastcine.archive.store import Store
from fastcine.dicom.parse import EXPLICIT_LITTLE, parse_object
from fastcine.dicomweb.media_types import MULTIPART, OCTETS, Form, parse_accept
from fastcine.errors import NotFound, Unsupported
from fastcine.server.context import CONTEXT, Context
from fastcine.server.middleware import add_fixed_headers
from fastcine.server.routes import dicomweb_retrieve
from fastcine.server.routes.dicomweb_search import INSTANCE, accepted, base_url
from fastcine.server.routes.studies import in_pool
from fastcine.server.routes.video import byte_range


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value lies; `inside`: its bytes where the object is deflated and so does not lie there plainly."""

    offset: int
    length: int
    inside: bytes | None
    encapsulated: bool


def _find(context: Context, row: InstanceRow, tag: int) -> _Value:
    """Blocking. Raises NotFound, Unsupported."""
    with Store(context.folder).open_object(row.stored_as.location) as mapped:
        structure = parse_object(mapped)
        span = structure.elements.get(tag)
        if span is None:
            raise NotFound("the object has no such element")
        if structure.big_endian:
            raise Unsupported("bulk data of a big endian object", transfer_syntax=row.transfer_syntax_uid)
        if span.undefined_length:
            return _Value(span.value_offset, span.length, None, encapsulated=True)
        whole = None
        if structure.inflated is not None:
            whole = structure.inflated[span.value_offset : span.value_offset + span.length]
        return _Value(span.value_offset, span.length, whole, encapsulated=False)


async def bulk_data(request: web.Request) -> web.StreamResponse:
    """WADO-RS: an element's value by its tag, as metadata refers to it; encapsulated pixels as their frames."""
    context = request.app[CONTEXT]
    row = await dicomweb_retrieve.one_row(request)
    value = await in_pool(context, _find, context, row, int(request.match_info["tag"], 16))
    if value.encapsulated:
        return await dicomweb_retrieve.all_frames(request, row)
    ranges = parse_accept(*accepted(request))
    part_types = {OCTETS, "", "*/*", "application/*"}
    wanted = next((each for each in ranges if each.part_type in part_types), None)
    if ranges and wanted is None:
        raise web.HTTPNotAcceptable(reason="Bulk data is application/octet-stream")
    if wanted is not None and wanted.media_type == MULTIPART:
        form = Form(OCTETS, EXPLICIT_LITTLE, multipart=True, as_stored=True)
        parts = dicomweb_retrieve.Parts(request, OCTETS, multipart=True)
        location = f"{base_url(request)}{dicomweb_retrieve.path_of(row)}/bulkdata/{request.match_info['tag']}"
        await parts.part(form, location, _chunks(context, row, value, range(value.length)))
        return await parts.end()
    return await _single(request, row, value)


def _chunks(context: Context, row: InstanceRow, value: _Value, part: range) -> dicomweb_retrieve.Chunks:
    if value.inside is not None:
        return dicomweb_retrieve.once(value.inside[part.start : part.stop])
    path = context.folder.resolve(row.stored_as.location)
    return dicomweb_retrieve.file_chunks(context, path, value.offset + part.start, len(part))


async def _single(request: web.Request, row: InstanceRow, value: _Value) -> web.StreamResponse:
    asked = byte_range(request.headers.get("Range", ""), value.length)
    if asked is not None and not asked:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{value.length}"})
    part = range(value.length) if asked is None else asked
    response = web.StreamResponse(status=200 if asked is None else 206)
    response.headers.update({"Content-Type": OCTETS, "Accept-Ranges": "bytes"})
    if asked is not None:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{value.length}"
    response.content_length = len(part)
    add_fixed_headers(request, response)
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in _chunks(request.app[CONTEXT], row, value, part):
            await response.write(chunk)
    return response


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get(INSTANCE + "/bulkdata/{tag:[0-9A-Fa-f]{8}}", bulk_data)
