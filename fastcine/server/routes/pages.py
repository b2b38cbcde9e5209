"""The two pages, and the viewer's files."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.auth.roles import Identity, Permission
from fastcine.render.preview import unpack
from fastcine.server import bootstrap
from fastcine.server.access import IDENTITY, looked_at
from fastcine.server.context import CONTEXT, Context
from fastcine.server.middleware import NONCE
from fastcine.server.round_trip import connection_round_trip_s
from fastcine.server.routes.studies import in_pool
from fastcine.viewmodel.study import study as study_json

HTML = "text/html"
ACCOUNT_MARK = "<!-- account -->"


def _account(identity: Identity) -> str:
    """Who is signed in, and the way out; nothing where nobody has to sign in."""
    if not identity.name:
        return ""
    name = f'<span class="quiet">{escape(identity.name)}</span>'
    return f'<form class="account" method="post" action="/sign-out">{name}<button>Sign out</button></form>'


async def worklist_page(request: web.Request) -> web.Response:
    """The worklist."""
    identity = request[IDENTITY]
    may = " ".join(sorted(permission for permission in Permission if identity.may(permission)))
    values = {"may": may, ACCOUNT_MARK: _account(identity)}
    page = request.app[CONTEXT].files.page("worklist", "fastcine", values, nonce=request[NONCE])
    response = web.Response(text=page, content_type=HTML)
    response.enable_compression()
    return response


def _view_values(
    context: Context, body: dict[str, Any], asked: str | None, *, nonce: str, round_trip_s: float | None
) -> dict[str, str]:
    """What fills the viewer's page; blocking."""
    tile = bootstrap.first_run(body["tiles"], asked)
    if tile is None:  # nothing is shown first: the modules need not wait in their template
        return {"study_json": bootstrap.inline_json(body), '<template id="modules">': "", "</template>": ""}
    previews = unpack(context.small_picture(tile["run"], "previews") or b"")
    described = tile["description"]
    fps, colour = described["timing"]["fps"], described["samples_per_pixel"] > 1
    previews = previews[: bootstrap.previews_to_carry(len(previews), fps, round_trip_s, colour=colour)]
    scripts, base = context.files.scripts, context.files.prefix
    values = {
        "study_json": bootstrap.inline_json(body),
        bootstrap.HEAD_MARK: bootstrap.socket_script(
            scripts["early_start"], tile, nonce, base=base, previews=len(previews)
        ),
        # That script starts it, and tries again where it does not come.
        bootstrap.MODULE_MARK.format(base=base): "",
    }
    if previews:
        values[bootstrap.PREVIEW_MARK] = bootstrap.preview_elements(scripts["preview"], previews[0], nonce)
        values[bootstrap.FOLLOWING_MARK] = bootstrap.following_previews(previews[1:], nonce)
    return values


async def view_page(request: web.Request) -> web.Response:
    """The viewer: the study inline, the stream begun, the first frames in the page."""
    context = request.app[CONTEXT]
    uid, asked, nonce = request.match_info["study_instance_uid"], request.query.get("run"), request[NONCE]
    round_trip_s = None if context.settings.behind_proxy else connection_round_trip_s(request.transport)
    body = study_json(await in_pool(context, context.index.study, uid))
    looked_at(request, uid, AuditEvent.OPENED)
    # What is looked at is made before all else; the last one asked for goes first.
    for tile in reversed(body["tiles"]):
        if tile["kind"] != "other" and tile["state"] in ("waiting", "making"):
            context.news.ask_first(int(tile["run"], 16))
    fill = partial(_view_values, nonce=nonce, round_trip_s=round_trip_s)
    values = await in_pool(context, fill, context, body, asked)
    response = web.Response(text=context.files.page("view", "fastcine", values, nonce=nonce), content_type=HTML)
    response.enable_compression()
    return response


async def viewer_file(request: web.Request) -> web.Response:
    """`/static/<version>/<name>`."""
    return request.app[CONTEXT].files.response(request)


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/", worklist_page)
    app.router.add_get("/view/{study_instance_uid}", view_page)
    app.router.add_get("/static/{version:[0-9a-f]{16}}/{name:[A-Za-z0-9_./-]+}", viewer_file)
