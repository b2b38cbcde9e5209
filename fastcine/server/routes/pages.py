"""The two pages, and the viewer's files."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from fastcine.server.context import CONTEXT
from fastcine.server.middleware import NONCE
from fastcine.viewmodel.study import study as study_json

HTML = "text/html"


def inline_json(value: object) -> str:
    """JSON that may stand inside a script element: no `<`, no line separators of old JavaScript."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


async def worklist_page(request: web.Request) -> web.Response:
    """The worklist."""
    page = request.app[CONTEXT].files.page("worklist", title="fastcine", nonce=request[NONCE])
    response = web.Response(text=page, content_type=HTML)
    response.enable_compression()
    return response


async def view_page(request: web.Request) -> web.Response:
    """The viewer, with the study's JSON inline so that nothing is asked for before the first frame."""
    context = request.app[CONTEXT]
    uid = request.match_info["study_instance_uid"]
    detail = await asyncio.get_running_loop().run_in_executor(context.pool, context.index.study, uid)
    body = inline_json(study_json(detail))
    page = context.files.page("view", title="fastcine", nonce=request[NONCE], study_json=body)
    response = web.Response(text=page, content_type=HTML)
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
