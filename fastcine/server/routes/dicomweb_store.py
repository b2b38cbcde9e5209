"""STOW-RS: objects in parts, each durable before the answer, each with its own outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, MultipartReader, web

from fastcine.archive.receive import Receipt
from fastcine.archive.record import Outcome
from fastcine.dicom.store_status import OUT_OF_RESOURCES, refusal
from fastcine.dicomweb.json_model import stored_answer
from fastcine.dicomweb.media_types import DICOM
from fastcine.dicomweb.qido import retrieve_path
from fastcine.errors import NotFound, StorageFull, StorageUnavailable, UsageError
from fastcine.server.context import CONTEXT, Context
from fastcine.server.pipe import CHUNK_BYTES, receive
from fastcine.server.routes.dicomweb_search import ROOT, STUDY, base_url, dicom_json
from fastcine.server.routes.studies import in_pool

MOST_PARTS = 100_000


async def store(request: web.Request) -> web.Response:
    """STOW-RS: store objects; the answer says what became of each."""
    context = request.app[CONTEXT]
    kind = request.content_type
    if kind != "multipart/related" or request.headers["Content-Type"].find(DICOM) < 0:
        raise web.HTTPUnsupportedMediaType(reason='Send multipart/related; type="application/dicom"')
    if request.content_length is not None and request.content_length > context.settings.max_upload_bytes:
        raise StorageFull(f"more than max_upload_bytes ({context.settings.max_upload_bytes})")
    receipts = [each async for each in _receipts(context, _reader(request))]
    study = request.match_info.get("study_instance_uid", "")
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


async def _receipts(context: Context, reader: MultipartReader) -> AsyncIterator[Receipt]:
    left = context.settings.max_upload_bytes
    for _ in range(MOST_PARTS):
        try:
            part = await reader.next()
        except ValueError:
            raise UsageError("the multipart body is broken") from None
        if part is None:
            return
        if not isinstance(part, BodyPartReader) or not part.headers.get("Content-Type", DICOM).startswith(DICOM):
            raise web.HTTPUnsupportedMediaType(reason="Parts must be application/dicom")
        taken = 0

        async def chunks(part: BodyPartReader = part) -> AsyncIterator[bytes]:
            nonlocal taken
            while chunk := await part.read_chunk(CHUNK_BYTES):
                taken += len(chunk)
                yield chunk

        try:
            receipt = await receive(context, chunks(), source_name="STOW-RS", most_bytes=left)
        except (StorageFull, StorageUnavailable) as error:
            receipt = Receipt(Outcome.REFUSED, reason=str(error), code=error.code)
            await part.release()
        except ValueError:
            raise UsageError("the multipart body ends before its last boundary") from None
        left -= taken
        yield receipt
    raise UsageError(f"more than {MOST_PARTS} parts")


async def _answer(request: web.Request, receipts: list[Receipt], study: str) -> web.Response:
    context, root = request.app[CONTEXT], base_url(request)
    good: list[tuple[str, str, str]] = []
    bad: list[tuple[str, str, int]] = []
    for receipt in receipts:
        context.metrics.uploads.labels(str(receipt.outcome)).inc()
        stored = receipt.outcome in (Outcome.STORED, Outcome.DUPLICATE)
        sop_class, url = "", ""
        if stored:
            context.news.stored(receipt.study_instance_uid)
            try:
                row = await in_pool(context, context.index.instance, receipt.sop_instance_uid)
                sop_class = row.sop_class_uid
                url = root + retrieve_path(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
            except NotFound:
                stored = False
        if stored:
            good.append((sop_class, receipt.sop_instance_uid, url))
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
