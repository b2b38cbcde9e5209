"""QIDO-RS: studies, series and instances by their keys."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.catalog import Query
from fastcine.archive.catalog_rows import Level
from fastcine.archive.index import Index
from fastcine.dicomweb.media_types import DICOM_JSON, parse_accept, wants_json
from fastcine.dicomweb.qido import Asked, answer_keywords, answers, parse
from fastcine.server.access import IDENTITY, entry
from fastcine.server.context import CONTEXT
from fastcine.server.routes.studies import in_pool

ROOT = "/dicomweb"
WORTH_ZIPPING_BYTES = 1200
"""What fits into one packet is not made smaller."""
ZIP_LEVEL = 1
"""DICOM JSON repeats itself: a sixth of the usual level's time, for a third more bytes."""
STUDY = ROOT + "/studies/{study_instance_uid:[^/]+}"
SERIES = STUDY + "/series/{series_instance_uid:[^/]+}"
INSTANCE = SERIES + "/instances/{sop_instance_uid:[^/]+}"
SEARCHES: web.AppKey[asyncio.Semaphore] = web.AppKey("searches", asyncio.Semaphore)
"""How many searches a worker does at once; the others wait, and hold none of the threads that everything shares."""
SEARCHES_AT_ONCE = 2
KEYWORDS = {
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "sop_instance_uid": "SOPInstanceUID",
}


def base_url(request: web.Request) -> str:
    """The service's root, as the caller called it."""
    host = request.host
    if urlsplit(f"//{host}").port is None and not request.app[CONTEXT].settings.behind_proxy:
        # Some clients leave the port out of Host; what refers to us must lead here all the same.
        name = request.transport.get_extra_info("sockname") if request.transport else None
        host += f":{name[1]}" if name and name[1] not in (80, 443) else ""
    return f"{request.scheme}://{host}{ROOT}/"


def accepted(request: web.Request) -> list[str]:
    """What the caller accepts, in a header or in the query (PS3.18 8.3.3.1)."""
    return [*request.headers.getall("Accept", []), *request.query.getall("accept", [])]


def dicom_json(body: object, status: int = 200) -> web.Response:
    """DICOM JSON, compressed where the client likes."""
    response = web.Response(body=orjson.dumps(body), status=status, content_type=DICOM_JSON)
    response.enable_compression()
    return response


@dataclass(frozen=True, slots=True)
class _Page:
    """Matches as JSON text, None where there is none; `more`: there are others behind them."""

    text: bytes | None
    zipped: bool
    more: bool


def _page(index: Index, query: Query, keywords: Sequence[str], base: str, zipped: bool) -> _Page:
    """A page of matches, made row by row; compressed where `zipped`, if that is worth it."""
    rows = islice(answers(index, query, keywords, base), query.offset, None)
    page = list(islice(rows, query.limit))
    more = next(rows, None) is not None
    if not page:
        return _Page(None, zipped=False, more=more)
    text = b"[" + b",".join(page) + b"]"
    zipped = zipped and len(text) > WORTH_ZIPPING_BYTES
    # Here and not in aiohttp: zlib lets go of the interpreter's lock, and the event loop has other things to do.
    return _Page(gzip.compress(text, ZIP_LEVEL) if zipped else text, zipped=zipped, more=more)


def _warning(asked: Asked, more: bool) -> str:
    said = []
    if asked.unmatched:
        said.append(f"not matched: {', '.join(sorted(set(asked.unmatched)))}")
    if more:
        said.append("there are more results; ask for them with offset")
    return "; ".join(said)


async def _answer(request: web.Request, level: Level) -> web.Response:
    context = request.app[CONTEXT]
    if not wants_json(parse_accept(*accepted(request))):
        raise web.HTTPNotAcceptable(reason="Answers are application/dicom+json")
    fixed = {KEYWORDS[name]: uid for name, uid in request.match_info.items()}
    asked, identity = parse(level, request.query.items(), fixed), request[IDENTITY]
    query = replace(asked.query, patient_ids=identity.patient_ids)
    keywords = answer_keywords(asked, fixed)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    async with request.app[SEARCHES]:
        page = await in_pool(context, _page, context.index, query, keywords, base_url(request), zipped)
    words = "; ".join(f"{keyword} {text}" for keyword, text in asked.query.keys.items())
    context.audit.record(entry(request, identity, AuditEvent.SEARCHED, level=level.name.lower(), words=words))
    if page.text is None:
        response = web.Response(status=204)
    else:
        response = web.Response(body=page.text, content_type=DICOM_JSON)
        if page.zipped:
            response.headers["Content-Encoding"] = "gzip"
    warning = _warning(asked, page.more)
    if warning:
        response.headers["Warning"] = f'299 {request.host} "{warning}"'
    return response


async def studies(request: web.Request) -> web.Response:
    """QIDO-RS: studies by keys of the patient and the study."""
    return await _answer(request, Level.STUDY)


async def series(request: web.Request) -> web.Response:
    """QIDO-RS: series, of one study or of all."""
    return await _answer(request, Level.SERIES)


async def instances(request: web.Request) -> web.Response:
    """QIDO-RS: instances, of one series, of one study or of all."""
    return await _answer(request, Level.IMAGE)


def add(app: web.Application) -> None:
    """Routes of this module."""
    app[SEARCHES] = asyncio.Semaphore(SEARCHES_AT_ONCE)
    app.router.add_get(f"{ROOT}/studies", studies)
    for path in (f"{ROOT}/series", f"{STUDY}/series"):
        app.router.add_get(path, series)
    for path in (f"{ROOT}/instances", f"{STUDY}/instances", f"{SERIES}/instances"):
        app.router.add_get(path, instances)
