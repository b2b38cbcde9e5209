"""Files dropped on the worklist: streamed to the archive, durable before the answer."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator

from aiohttp import web

from fastcine.archive.receive import Receipt, receive_object
from fastcine.errors import StorageFull, UsageError
from fastcine.server.context import CONTEXT, Context
from fastcine.server.routes.studies import json_response

CHUNK_BYTES = 1 << 20
CHUNKS_WAITING = 4
"""Between the socket and the disk: a few megabytes a connection, however large the file."""


class _Pipe:
    """Chunks from the event loop to a thread, bounded; `None` ends it, an exception breaks it off."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(CHUNKS_WAITING)
        self.closed = False

    async def put(self, chunk: bytes | BaseException | None) -> None:
        """Hand over without blocking the loop."""
        while not self.closed:
            try:
                self._queue.put_nowait(chunk)
                return
            except queue.Full:
                await asyncio.sleep(0.002)

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._queue.get()) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk


def _receive(context: Context, pipe: _Pipe) -> Receipt:
    try:
        return receive_object(
            context.folder,
            context.index,
            pipe,
            source_name="upload",
            site_timezone=context.settings.site_timezone,
        )
    finally:
        pipe.closed = True


async def upload(request: web.Request) -> web.Response:
    """One file's bytes in the body; what became of it in the answer."""
    context = request.app[CONTEXT]
    most = context.settings.max_upload_bytes
    if request.content_length is not None and request.content_length > most:
        raise UsageError(f"the file is larger than max_upload_bytes ({most})")
    pipe = _Pipe()
    receiving = asyncio.get_running_loop().run_in_executor(context.upload_pool, _receive, context, pipe)
    taken = 0
    try:
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            taken += len(chunk)
            if taken > most:
                raise StorageFull(f"the file is larger than max_upload_bytes ({most})")
            await pipe.put(chunk)
    except BaseException as error:
        await asyncio.shield(pipe.put(ConnectionError("the upload was broken off")))
        await asyncio.shield(asyncio.gather(receiving, return_exceptions=True))
        raise error
    await pipe.put(None)
    receipt = await receiving
    context.metrics.uploads.labels(str(receipt.outcome)).inc()
    context.news.stored(receipt.study_instance_uid)
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
