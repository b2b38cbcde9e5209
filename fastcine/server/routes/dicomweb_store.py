"""STOW-RS: objects, or metadata and bulk data; each object durable before the answer, each with its own outcome."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

import orjson
from aiohttp import BodyPartReader, MultipartReader, web

from fastcine.archive.folder import storage_errors
from fastcine.archive.receive import Announced, Receipt
from fastcine.archive.record import Outcome
from fastcine.archive.store import Store
from fastcine.dicom.store_status import OUT_OF_RESOURCES, refusal
from fastcine.dicomweb.json_model import stored_answer
from fastcine.dicomweb.media_types import DICOM, DICOM_JSON, MULTIPART, parse_accept, wants_json
from fastcine.dicomweb.qido import retrieve_path
from fastcine.dicomweb.stow import Assembled, Bulk, assemble, bulk_syntax
from fastcine.errors import BadDicom, FastcineError, NotFound, StorageFull, StorageUnavailable, UsageError
from fastcine.server.access import record_stored
from fastcine.server.context import CONTEXT, Context
from fastcine.server.pipe import CHUNK_BYTES, in_time, receive, receive_whole
from fastcine.server.routes.dicomweb_retrieve import stepped
from fastcine.server.routes.dicomweb_search import ROOT, STUDY, accepted, base_url, dicom_json
from fastcine.server.routes.studies import in_pool

SOURCE_NAME = "STOW-RS"
MOST_PARTS = 100_000
SMALL_BYTES = 1 << 20
"""An object of at most so many bytes is taken into memory, so that the next one can be read meanwhile."""
AT_ONCE = 8
"""Of them, of one request: more gain nothing, a commit already serves all that wait."""
MOST_METADATA_BYTES = 64 << 20
"""Of all metadata in a request: it is read whole."""


async def store(request: web.Request) -> web.Response:
    """STOW-RS: store objects; the answer says what became of each."""
    context = request.app[CONTEXT]
    if not wants_json(parse_accept(*accepted(request))):
        raise web.HTTPNotAcceptable(reason="The answer is application/dicom+json")
    kinds = parse_accept(request.headers.get("Content-Type", ""))
    kind = kinds[0].part_type if kinds and kinds[0].media_type == MULTIPART else ""
    if kind not in (DICOM, DICOM_JSON):
        raise web.HTTPUnsupportedMediaType(
            reason='Send multipart/related; type="application/dicom", or type="application/dicom+json" with bulk data'
        )
    if request.content_length is not None and request.content_length > context.settings.max_upload_bytes:
        raise StorageFull(f"more than max_upload_bytes ({context.settings.max_upload_bytes})")
    study = request.match_info.get("study_instance_uid", "")
    announced = Announced(study_instance_uid=study) if study else None
    taken = _objects if kind == DICOM else _assembled
    receipts: list[Receipt] = []
    try:
        async for each in taken(context, _parts(_reader(request)), announced):
            receipts.append(each)
    finally:  # what came before a part that is none is stored, too
        record_stored(request, receipts)
        for each in receipts:
            context.news.stored(each.study_instance_uid)
    return await _answer(request, receipts, study)


class _AnyBoundary(MultipartReader):
    """Boundaries are taken at any length a header may have.

    RFC 2046 5.1.1 allows 70 characters, which aiohttp insists on; Orthanc's have 73.
    """

    def _get_boundary(self) -> str:
        return self._mimetype.parameters["boundary"]


def _reader(request: web.Request) -> MultipartReader:
    try:
        return _AnyBoundary(request.headers, request.content)
    except (ValueError, AssertionError):
        raise UsageError("the multipart body has no boundary") from None


async def _parts(reader: MultipartReader) -> AsyncIterator[BodyPartReader]:
    for _ in range(MOST_PARTS):
        try:
            part = await reader.next()
        except ValueError:
            raise UsageError("the multipart body is broken") from None
        if part is None:
            return
        if not isinstance(part, BodyPartReader):
            raise web.HTTPUnsupportedMediaType(reason="Parts have no parts of their own")
        yield part
    raise UsageError(f"more than {MOST_PARTS} parts")


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while chunk := await part.read_chunk(CHUNK_BYTES):
            yield chunk
    except ValueError:
        raise UsageError("the multipart body ends before its last boundary") from None


async def _objects(
    context: Context, parts: AsyncIterator[BodyPartReader], announced: Announced | None
) -> AsyncIterator[Receipt]:
    """Objects as they are, each its part; small ones several at once, which wait for the disk together."""
    left = context.settings.max_upload_bytes
    under_way: deque[asyncio.Task[Receipt]] = deque()
    try:
        async for part in parts:
            if not part.headers.get("Content-Type", DICOM).startswith(DICOM):
                raise web.HTTPUnsupportedMediaType(reason="Parts must be application/dicom")
            object_ = _Object(part)
            await object_.begin()
            if object_.whole:
                under_way.append(asyncio.create_task(object_.store(context, left, announced)))
                left -= object_.taken
                if len(under_way) < AT_ONCE:
                    continue
                yield await under_way.popleft()
                continue
            while under_way:
                yield await under_way.popleft()
            yield await object_.store(context, left, announced)
            left -= object_.taken
        while under_way:
            yield await under_way.popleft()
    except (web.HTTPException, FastcineError):
        while under_way:  # what came before a part that is none
            yield await under_way.popleft()
        raise
    finally:
        await asyncio.gather(*under_way, return_exceptions=True)


class _Object:
    """An object on its way from its part; `whole` where all of it is here already, `taken` bytes so far."""

    def __init__(self, part: BodyPartReader) -> None:
        self._part, self._begun = part, bytearray()
        self._chunks = in_time(_chunks(part))
        self.whole, self.taken = False, 0

    async def begin(self) -> None:
        """Read until it is whole, or too large to be kept in memory."""
        async for chunk in self._chunks:
            self._begun += chunk
            self.taken += len(chunk)
            if self.taken > SMALL_BYTES:
                return
        self.whole = True

    async def _bytes(self) -> AsyncIterator[bytes]:
        yield bytes(self._begun)
        if not self.whole:
            async for chunk in self._chunks:
                self.taken += len(chunk)
                yield chunk

    async def store(self, context: Context, most_bytes: int, announced: Announced | None) -> Receipt:
        """What became of it."""
        try:
            if self.whole and self.taken <= most_bytes:
                return await receive_whole(context, bytes(self._begun), source_name=SOURCE_NAME, announced=announced)
            return await receive(
                context, self._bytes(), source_name=SOURCE_NAME, most_bytes=most_bytes, announced=announced
            )
        except (StorageFull, StorageUnavailable) as error:
            if not self.whole:
                await self._part.release()
            return Receipt(Outcome.REFUSED, reason=str(error), code=error.code)


async def _assembled(
    context: Context, parts: AsyncIterator[BodyPartReader], announced: Announced | None
) -> AsyncIterator[Receipt]:
    """Metadata in JSON, and the bulk data that it refers to, which waits in a file without a name."""
    models: list[object] = []
    bulk: dict[str, list[Bulk]] = defaultdict(list)
    with storage_errors("keeping bulk data"):
        spool = tempfile.TemporaryFile(dir=context.folder.incoming)  # noqa: SIM115 (closed below)
    with spool:
        left = context.settings.max_upload_bytes
        async for part in parts:
            kinds = parse_accept(part.headers.get("Content-Type", ""))
            if kinds and kinds[0].media_type == DICOM_JSON:
                models += await _models(context, part)
                continue
            location = part.headers.get("Content-Location", "")
            if not kinds or not location:
                raise UsageError("a part of bulk data needs a Content-Type and a Content-Location")
            syntax, offset = bulk_syntax(kinds[0]), spool.tell()
            async for chunk in in_time(_chunks(part)):
                left -= len(chunk)
                if left < 0:
                    raise StorageFull(f"more than max_upload_bytes ({context.settings.max_upload_bytes})")
                await in_pool(context, _keep, context, spool, chunk)
            bulk[location].append(Bulk(syntax, offset, spool.tell() - offset))
        for model in models:
            yield await _one(context, model, bulk, spool=spool, announced=announced)


def _keep(context: Context, spool: BinaryIO, chunk: bytes) -> None:
    Store(context.folder).check_space(2 * len(chunk))  # here, and once more in the object
    with storage_errors("keeping bulk data"):
        spool.write(chunk)


async def _models(context: Context, part: BodyPartReader) -> list[object]:
    text = bytearray()
    async for chunk in in_time(_chunks(part)):
        text += chunk
        if len(text) > MOST_METADATA_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_METADATA_BYTES, len(text))
    try:
        found = await in_pool(context, orjson.loads, text)
    except orjson.JSONDecodeError:
        raise UsageError("the metadata is no JSON") from None
    return found if isinstance(found, list) else [found]


def _read(spool: BinaryIO, start: int, length: int) -> bytes:
    with storage_errors("reading bulk data"):
        spool.seek(start)
        return spool.read(length)


def _file(spool: BinaryIO, found: Assembled) -> Iterator[bytes]:
    """Blocking: the object's bytes."""
    for piece in found.pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        for start in range(piece.offset, piece.offset + piece.length, CHUNK_BYTES):
            yield _read(spool, start, min(CHUNK_BYTES, piece.offset + piece.length - start))


async def _one(
    context: Context,
    model: object,
    bulk: dict[str, list[Bulk]],
    *,
    spool: BinaryIO,
    announced: Announced | None,
) -> Receipt:
    def put_together() -> Assembled:
        return assemble(model, bulk, lambda each: _read(spool, each.offset, each.length))

    try:
        found = await in_pool(context, put_together)
    except BadDicom as error:
        return Receipt(Outcome.REFUSED, reason=str(error), code=error.code)
    try:
        chunks = stepped(context, _file(spool, found))
        most = context.settings.max_upload_bytes
        receipt = await receive(context, chunks, source_name=SOURCE_NAME, most_bytes=most, announced=announced)
    except (StorageFull, StorageUnavailable) as error:
        receipt = Receipt(Outcome.REFUSED, found.sop_instance_uid, reason=str(error), code=error.code)
    return receipt


async def _answer(request: web.Request, receipts: list[Receipt], study: str) -> web.Response:
    context, root = request.app[CONTEXT], base_url(request)
    good: list[tuple[str, str, str]] = []
    bad: list[tuple[str, str, int]] = []
    for receipt in receipts:
        context.metrics.uploads.labels(str(receipt.outcome)).inc()
        stored = receipt.outcome in (Outcome.STORED, Outcome.DUPLICATE)
        sop_class, study_uid, series_uid = (
            receipt.sop_class_uid,
            receipt.study_instance_uid,
            receipt.series_instance_uid,
        )
        if receipt.outcome is Outcome.DUPLICATE:  # of one that may have been rejected
            try:
                row = await in_pool(context, context.index.instance, receipt.sop_instance_uid)
                sop_class, study_uid, series_uid = row.sop_class_uid, row.study_instance_uid, row.series_instance_uid
            except NotFound:
                stored = False
        if stored:
            path = retrieve_path(study_uid, series_uid, receipt.sop_instance_uid)
            good.append((sop_class, receipt.sop_instance_uid, root + path))
        else:
            bad.append((sop_class, receipt.sop_instance_uid, refusal(receipt.code)))
    if not receipts:
        raise UsageError("there is no object in the body")
    status = 200 if not bad else 202 if good else 409
    if bad and all(reason == OUT_OF_RESOURCES for _, _, reason in bad) and not good:
        status = 507
    return dicom_json(stored_answer(root + retrieve_path(study) if study else "", good, bad), status)


def add(app: web.Application) -> None:
    """Routes of this module."""
    for path in (f"{ROOT}/studies", STUDY):
        app.router.add_post(path, store)
