"""Bytes from the event loop to a thread that stores them: bounded, and broken off where the sender is."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial

from aiohttp import web

from fastcine.archive.receive import Announced, Receipt, receive_object
from fastcine.errors import StorageFull
from fastcine.server.context import Context

CHUNK_BYTES = 1 << 20
IDLE_S = 30.0
"""An upload whose sender stands still for so long is broken off."""
CHUNKS_WAITING = 4
"""Between the socket and the disk: a few megabytes a connection, however large the file."""


class Pipe:
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


async def in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Raises HTTPRequestTimeout where the sender stands still: it holds a thread and a temp file."""
    iterator = aiter(chunks)
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                chunk = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise web.HTTPRequestTimeout(reason="The upload stood still for too long") from None
        yield chunk


async def receive_whole(
    context: Context, data: bytes, *, source_name: str, announced: Announced | None = None
) -> Receipt:
    """Store one object whose bytes are all here: one thread's work, and nothing to hand over on the way."""
    return await asyncio.get_running_loop().run_in_executor(
        context.upload_pool, partial(_take, context, (data,), source_name=source_name, announced=announced)
    )


def _take(context: Context, chunks: Iterable[bytes], *, source_name: str, announced: Announced | None) -> Receipt:
    return receive_object(
        context.folder,
        context.index,
        chunks,
        source_name=source_name,
        site_timezone=context.settings.site_timezone,
        announced=announced,
    )


async def receive(
    context: Context,
    chunks: AsyncIterator[bytes],
    *,
    source_name: str,
    most_bytes: int,
    announced: Announced | None = None,
) -> Receipt:
    """Store one object whose bytes come as `chunks`; what became of it. Raises StorageFull beyond `most_bytes`."""
    pipe = Pipe()

    def take() -> Receipt:
        try:
            return _take(context, pipe, source_name=source_name, announced=announced)
        finally:
            pipe.closed = True

    receiving = asyncio.get_running_loop().run_in_executor(context.upload_pool, take)
    taken = 0
    try:
        async for chunk in in_time(chunks):
            taken += len(chunk)
            if taken > most_bytes:
                raise StorageFull(f"the file is larger than max_upload_bytes ({most_bytes})")
            await pipe.put(chunk)
    except BaseException as error:
        await asyncio.shield(pipe.put(ConnectionError("the upload was broken off")))
        await asyncio.shield(asyncio.gather(receiving, return_exceptions=True))
        raise error
    await pipe.put(None)
    return await receiving
