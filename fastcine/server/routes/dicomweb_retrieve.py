"""WADO-RS: objects, metadata, frames and bulk data, one part after another, never a whole object in memory."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from fastcine.archive.folder import storage_errors
from fastcine.archive.frame_bytes import open_frames, transcoded_chunks, transcoded_frames, transcoding
from fastcine.archive.record import InstanceRow
from fastcine.dicom.parse import EXPLICIT_LITTLE
from fastcine.dicom.part10 import part10_head
from fastcine.dicomweb.json_model import Json, metadata
from fastcine.dicomweb.media_types import DICOM, Form, frame_forms, object_forms, parse_accept, wants_json
from fastcine.dicomweb.qido import retrieve_path
from fastcine.errors import FastcineError, NotFound, Unsupported, UsageError
from fastcine.server.context import CONTEXT, Context
from fastcine.server.middleware import add_fixed_headers, break_off
from fastcine.server.routes.dicomweb_search import INSTANCE, SERIES, STUDY, accepted, base_url, dicom_json
from fastcine.server.routes.studies import in_pool

Chunks = AsyncIterator[bytes]
READ_BYTES = 1 << 20
MOST_FRAMES = 10_000
_Value = TypeVar("_Value")


async def found_rows(request: web.Request) -> list[InstanceRow]:
    """The instances that the path names: one, or those of a series or a study. Raises NotFound where there is none."""
    found = request.match_info
    rows = await in_pool(
        request.app[CONTEXT],
        request.app[CONTEXT].index.instances_of,
        found["study_instance_uid"],
        found.get("series_instance_uid", ""),
        found.get("sop_instance_uid", ""),
    )
    if not rows:
        raise NotFound("no such study, series or instance")
    return rows


def path_of(row: InstanceRow) -> str:
    """Where an instance is found below the service's root."""
    return retrieve_path(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)


class Parts:
    """A multipart/related answer (RFC 2387) that is written as it comes; or, with one part, that part alone."""

    def __init__(self, request: web.Request, media_type: str, *, multipart: bool, status: int = 200) -> None:
        self._request, self._multipart = request, multipart
        self._boundary = secrets.token_hex(16)
        self._response = web.StreamResponse(status=status)
        kind = f'multipart/related; type="{media_type}"; boundary={self._boundary}' if multipart else media_type
        self._response.headers["Content-Type"] = kind
        self.headers = self._response.headers

    async def __aenter__(self) -> Parts:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if not isinstance(error, FastcineError):
            return
        if not self._response.prepared:
            if isinstance(error, Unsupported):
                raise web.HTTPNotAcceptable(reason=str(error)) from error
            return
        break_off(self._request, error)

    async def part(self, form: Form, location: str, chunks: AsyncIterator[bytes]) -> None:
        """One part; the answer begins with the first."""
        kind = form.media_type + (f"; transfer-syntax={form.transfer_syntax}" if form.transfer_syntax else "")
        if not self._response.prepared:
            if not self._multipart:
                self._response.headers["Content-Type"] = kind
            add_fixed_headers(self._request, self._response)
            await self._response.prepare(self._request)
        if self._multipart:
            head = f"--{self._boundary}\r\nContent-Type: {kind}\r\nContent-Location: {location}\r\n\r\n"
            await self._response.write(head.encode())
        async for chunk in chunks:
            await self._response.write(chunk)
        if self._multipart:
            await self._response.write(b"\r\n")

    async def end(self) -> web.StreamResponse:
        """The last boundary."""
        if self._multipart:
            await self._response.write(f"--{self._boundary}--\r\n".encode())
        await self._response.write_eof()
        return self._response


async def objects(request: web.Request) -> web.StreamResponse:
    """WADO-RS: a study's, a series' or one instance's objects as DICOM files."""
    context, rows = request.app[CONTEXT], await found_rows(request)
    ranges = parse_accept(*accepted(request))
    forms = [await _possible(context, row, object_forms(ranges, row.transfer_syntax_uid)) for row in rows]
    if not any(forms):
        raise web.HTTPNotAcceptable(reason="None of the accepted media types and transfer syntaxes can be served")
    multipart = len(rows) > 1 or any(form.multipart for form in forms if form)
    async with Parts(request, DICOM, multipart=multipart, status=200 if all(forms) else 206) as parts:
        for row, form in zip(rows, forms, strict=True):
            if form is not None:
                await parts.part(form, base_url(request) + path_of(row), _object(context, row, form))
        return await parts.end()


async def _possible(
    context: Context, row: InstanceRow, forms: list[Form], *, plain: tuple[str, ...] = ()
) -> Form | None:
    """The first of these forms that this object can be answered in: what a coding holds is seen in the object only.

    `plain`: transfer syntaxes that need no coding.
    """
    for form in forms:
        if form.as_stored or form.transfer_syntax in plain:
            return form
        with suppress(Unsupported):
            await in_pool(context, transcoding, context.folder, row, form.transfer_syntax)
            return form
    return None


async def _object(context: Context, row: InstanceRow, form: Form) -> AsyncIterator[bytes]:
    path = context.folder.resolve(row.stored_as.location)
    if form.as_stored:
        skip = 0
        if not row.stored_as.has_file_meta:  # a bare data set, stored as it came
            yield part10_head(row.sop_class_uid, row.sop_instance_uid, row.transfer_syntax_uid)
            skip = row.stored_as.data_set_offset
        async for chunk in file_chunks(context, path, skip):
            yield chunk
        return
    yield part10_head(row.sop_class_uid, row.sop_instance_uid, form.transfer_syntax)
    async for chunk in stepped(context, transcoded_chunks(context.folder, row, form.transfer_syntax)):
        yield chunk


async def file_chunks(context: Context, path: Path, offset: int, length: int | None = None) -> AsyncIterator[bytes]:
    """A file's bytes, a megabyte at a time, read in the worker's threads."""

    def opened() -> Iterator[bytes]:
        with storage_errors("reading an object"), open(path, "rb", buffering=0) as file:
            file.seek(offset)
            left = length
            while left is None or left > 0:
                chunk = file.read(READ_BYTES if left is None else min(READ_BYTES, left))
                if not chunk:
                    return
                if left is not None:
                    left -= len(chunk)
                yield chunk

    async for chunk in stepped(context, opened()):
        yield chunk


async def stepped(context: Context, steps: Iterator[_Value]) -> AsyncGenerator[_Value, None]:
    """A blocking iterator, a step at a time in the worker's threads."""
    ended = object()
    while True:
        value = await in_pool(context, lambda: next(steps, ended))
        if value is ended:
            return
        yield value  # type: ignore[misc]


async def instance_metadata(request: web.Request) -> web.Response:
    """WADO-RS: data sets as DICOM JSON, bulk data by reference."""
    context = request.app[CONTEXT]
    if not wants_json(parse_accept(*accepted(request))):
        raise web.HTTPNotAcceptable(reason="Metadata is application/dicom+json")
    root = base_url(request)

    def told(row: InstanceRow) -> Json:
        with storage_errors("reading an object"):
            try:
                with open(context.folder.resolve(row.stored_as.location), "rb") as file:
                    uri = f"{root}{path_of(row)}/bulkdata/"
                    return metadata(file, lambda tag: uri + tag, pixel_bytes=row.run is not None)
            except FileNotFoundError:
                raise NotFound("the object's file is missing; run fastcine verify") from None

    return dicom_json([await in_pool(context, told, row) for row in await found_rows(request)])


def frame_numbers(text: str) -> list[int]:
    """`1,5,7` as numbers. Raises UsageError."""
    try:
        numbers = [int(each) for each in text.split(",")]
    except ValueError:
        raise UsageError("frames are numbers from 1, separated by commas") from None
    if len(numbers) > MOST_FRAMES:
        raise UsageError(f"more than {MOST_FRAMES} frames in one request")
    return numbers


async def one_row(request: web.Request) -> InstanceRow:
    """The instance that the path names. Raises NotFound."""
    return (await found_rows(request))[0]


async def frames(request: web.Request) -> web.StreamResponse:
    """WADO-RS: frames of an instance, as stored or decoded (little endian samples)."""
    numbers, row = frame_numbers(request.match_info["frames"]), await one_row(request)
    return await _frames(request, row, numbers)


async def all_frames(request: web.Request, row: InstanceRow) -> web.StreamResponse:
    """Every frame of an instance."""
    return await _frames(request, row, list(range(1, row.frames + 1)))


async def _frames(request: web.Request, row: InstanceRow, numbers: list[int]) -> web.StreamResponse:
    context = request.app[CONTEXT]
    forms = frame_forms(parse_accept(*accepted(request)), row.transfer_syntax_uid)
    if row.run is None:
        raise NotFound("the object has no frames")
    form = await _possible(context, row, forms, plain=(EXPLICIT_LITTLE, row.transfer_syntax_uid))
    if form is None:
        raise web.HTTPNotAcceptable(reason="None of the accepted media types can be served for this object")
    location = f"{base_url(request)}{path_of(row)}/frames/"
    steps = stepped(context, _frame_bytes(context, row, numbers, form))
    async with Parts(request, form.media_type, multipart=form.multipart or len(numbers) > 1) as parts:
        for number in numbers:
            # Asked for before the part begins: a frame that is not there is an answer, not a broken connection.
            await parts.part(form, location + str(number), once(await anext(steps)))
        return await parts.end()


def _frame_bytes(context: Context, row: InstanceRow, numbers: list[int], form: Form) -> Iterator[bytes]:
    if not form.as_stored and form.transfer_syntax not in (EXPLICIT_LITTLE, row.transfer_syntax_uid):
        yield from transcoded_frames(context.folder, row, numbers, form.transfer_syntax)
        return
    with open_frames(context.folder, row) as source:
        source.check(numbers)
        read: Callable[[int], bytes] = source.stored if form.as_stored else source.native
        for number in numbers:
            yield read(number)


async def once(data: bytes) -> AsyncIterator[bytes]:
    """A value in one chunk."""
    yield data


def add(app: web.Application) -> None:
    """Routes of this module."""
    for path in (STUDY, SERIES, INSTANCE):
        app.router.add_get(path, objects)
        app.router.add_get(f"{path}/metadata", instance_metadata)
    app.router.add_get(INSTANCE + "/frames/{frames:[0-9,]+}", frames)
