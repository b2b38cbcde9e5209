"""Files dropped on the worklist: streamed to the archive, durable before the answer."""

from __future__ import annotations

from aiohttp import web

from fastcine.errors import UsageError
from fastcine.server.access import record_stored
from fastcine.server.context import CONTEXT
from fastcine.server.pipe import CHUNK_BYTES, receive
from fastcine.server.routes.studies import json_response


async def upload(request: web.Request) -> web.Response:
    """One file's bytes in the body; what became of it in the answer."""
    context = request.app[CONTEXT]
    most = context.settings.max_upload_bytes
    if request.content_length is not None and request.content_length > most:
        raise UsageError(f"the file is larger than max_upload_bytes ({most})")
    chunks = request.content.iter_chunked(CHUNK_BYTES)
    receipt = await receive(context, chunks, source_name="upload", most_bytes=most)
    context.metrics.uploads.labels(str(receipt.outcome)).inc()
    context.news.stored(receipt.study_instance_uid)
    record_stored(request, [receipt])
    return json_response(
        {
            "outcome": str(receipt.outcome),
            "sop_instance_uid": receipt.sop_instance_uid,
            "study_instance_uid": receipt.study_instance_uid,
            "reason": receipt.reason,
        }
    )


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_post("/api/upload", upload)
