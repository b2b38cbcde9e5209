"""An overlay's bits, for the viewer to lay over the picture."""

from __future__ import annotations

from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.overlay_bits import overlay_bits
from fastcine.server.access import looked_at
from fastcine.server.context import CONTEXT, Context
from fastcine.server.routes.studies import in_pool


def _read(context: Context, run: str, group: int) -> tuple[bytes, str]:
    """The bits, and the study's UID."""
    row = context.index.run(run)
    return overlay_bits(context.folder.resolve(row.location), group), row.study_instance_uid


async def overlay(request: web.Request) -> web.Response:
    """An overlay's planes as packed bits, lowest first, without padding; its size stands in the run's description."""
    context = request.app[CONTEXT]
    bits, study = await in_pool(
        context, _read, context, request.match_info["run"], int(request.match_info["group"], 16)
    )
    looked_at(request, study, AuditEvent.OPENED)
    headers = {"Cache-Control": "private, max-age=3600"}
    response = web.Response(body=bits, content_type="application/octet-stream", headers=headers)
    response.enable_compression()
    return response


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/api/runs/{run}/overlays/{group:60[01][02468aceACE]}", overlay)
