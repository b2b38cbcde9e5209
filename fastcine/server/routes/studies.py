"""JSON for the viewer: worklist, study, run, thumbnail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.record import RunRow
from fastcine.errors import NotFound, UsageError
from fastcine.server.access import IDENTITY, entry, looked_at
from fastcine.server.context import CONTEXT, Context
from fastcine.viewmodel.study import study as study_json
from fastcine.viewmodel.study import video_url
from fastcine.viewmodel.worklist import worklist_page as worklist_json

MOST_ROWS = 200
Answer = TypeVar("Answer")


def json_response(value: object, status: int = 200) -> web.Response:
    """JSON by orjson, compressed where the browser likes."""
    response = web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
    response.enable_compression()
    return response


async def in_pool(context: Context, call: Callable[..., Answer], *values: Any) -> Answer:
    """`call(*values)` in the worker's threads."""
    return await asyncio.get_running_loop().run_in_executor(context.pool, call, *values)


async def worklist(request: web.Request) -> web.Response:
    """A page of studies. Search words come in the body, never in the URL."""
    context = request.app[CONTEXT]
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise UsageError("the body is no JSON") from None
    if not isinstance(body, dict):
        raise UsageError("the body is no JSON object")
    search, after, limit = body.get("search", ""), body.get("after"), body.get("limit", 50)
    if not isinstance(search, str) or len(search) > 200 or not isinstance(after, str | None):
        raise UsageError("search and after must be text, search of at most 200 characters")
    if not isinstance(limit, int) or not 1 <= limit <= MOST_ROWS:
        raise UsageError(f"limit must be a whole number from 1 to {MOST_ROWS}")
    identity = request[IDENTITY]
    page = await in_pool(
        context,
        lambda: context.index.studies_page(search, after=after, limit=limit, patient_ids=identity.patient_ids),
    )
    if search.strip():
        context.audit.record(entry(request, identity, AuditEvent.SEARCHED, words=search))
    else:  # the list of everybody, which an open page asks for again and again
        looked_at(request, "", AuditEvent.SEARCHED)
    return json_response(worklist_json(page))


async def study(request: web.Request) -> web.Response:
    """A study's banner and tiles."""
    context = request.app[CONTEXT]
    detail = await in_pool(context, context.index.study, request.match_info["study_instance_uid"])
    looked_at(request, detail.study.patient_and_study.study_instance_uid, AuditEvent.OPENED)
    return json_response(study_json(detail))


async def _run_row(request: web.Request) -> RunRow:
    context = request.app[CONTEXT]
    return await in_pool(context, context.index.run, request.match_info["run"])


async def run(request: web.Request) -> web.Response:
    """One run: its description and how far its cache is."""
    row = await _run_row(request)
    return json_response(
        {
            "run": row.run,
            "description": row.description,
            "ready": list(row.made),
            "complete": row.complete,
            "state": row.state,
            "message": row.message,
            "video_url": video_url(row),
        }
    )


async def thumbnail(request: web.Request) -> web.Response:
    """The run's middle frame, small."""
    context = request.app[CONTEXT]
    row = await _run_row(request)
    looked_at(request, row.study_instance_uid, AuditEvent.OPENED)
    blob = await in_pool(context, context.small_picture, row.run, "thumbnail")
    if blob is None:
        raise NotFound("the thumbnail is not made yet")
    return web.Response(body=blob, content_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_post("/api/worklist", worklist)
    app.router.add_get("/api/studies/{study_instance_uid}", study)
    app.router.add_get("/api/runs/{run}", run)
    app.router.add_get("/api/runs/{run}/thumbnail", thumbnail)
