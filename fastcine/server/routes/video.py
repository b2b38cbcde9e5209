"""A video's bytes as they were received, for the browser's own player; nothing is decoded."""

from __future__ import annotations

import re
from contextlib import suppress

from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.video_stream import VideoStream, is_video
from fastcine.errors import FastcineError, NotFound
from fastcine.server.access import looked_at
from fastcine.server.context import CONTEXT, Context
from fastcine.server.middleware import add_fixed_headers, break_off
from fastcine.server.routes.studies import in_pool

CHUNK_BYTES = 256 << 10
"""Read and sent at a time: all the memory that a viewer of a video takes here."""


def byte_range(header: str, size_bytes: int) -> range | None:
    """The bytes that a Range header asks for (RFC 9110, 14.1.2); an empty range where there are none of them.

    None where it is to be ignored: another unit, no range at all, or several at once, which no player needs.
    """
    found = re.fullmatch(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", header.strip(), re.IGNORECASE | re.ASCII)
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size_bytes - int(last)), size_bytes)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size_bytes) if last else size_bytes)


def _open(context: Context, run: str) -> tuple[VideoStream, str]:
    """The stream, and its study's UID."""
    row = context.index.run(run)
    if not is_video(row):
        raise NotFound("this run is no video")
    return VideoStream(context.folder.resolve(row.location)), row.study_instance_uid


async def video(request: web.Request) -> web.StreamResponse:
    """A video's stream as it was received, or the part of it that a Range header asks for."""
    context = request.app[CONTEXT]
    found, study_instance_uid = await in_pool(context, _open, context, request.match_info["run"])
    looked_at(request, study_instance_uid, AuditEvent.OPENED)
    with found as stream:
        size = stream.size_bytes
        # Nothing here can be compared with what If-Range holds, so what it is sent with has to come whole.
        asked = None if "If-Range" in request.headers else byte_range(request.headers.get("Range", ""), size)
        if asked is not None and not asked:
            error = {"error": {"code": "http", "message": f"the video has {size} bytes"}}
            return web.json_response(error, status=416, headers={"Content-Range": f"bytes */{size}"})
        response = web.StreamResponse(headers={"Accept-Ranges": "bytes", "Content-Type": stream.media_type})
        if asked is not None:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
        part = range(size) if asked is None else asked
        response.content_length = len(part)
        add_fixed_headers(request, response)
        # A player that seeks breaks off what it asked for before: that is no fault.
        with suppress(ConnectionError):
            await response.prepare(request)
            if request.method != "HEAD":
                await _send(request, response, stream, part)
    return response


async def _send(request: web.Request, response: web.StreamResponse, stream: VideoStream, part: range) -> None:
    """These bytes of the stream, as fast as they are taken."""
    try:
        for start in range(part.start, part.stop, CHUNK_BYTES):
            most = min(CHUNK_BYTES, part.stop - start)
            await response.write(await in_pool(request.app[CONTEXT], stream.read, start, most))
    except FastcineError as error:
        break_off(request, error)


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/api/runs/{run}/video", video)
