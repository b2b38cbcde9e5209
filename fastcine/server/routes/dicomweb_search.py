"""QIDO-RS: studies, series and instances by their keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.catalog import Found, search
from fastcine.archive.catalog_rows import Level
from fastcine.dicomweb.media_types import DICOM_JSON, parse_accept, wants_json
from fastcine.dicomweb.qido import Asked, match_json, parse
from fastcine.server.access import IDENTITY, entry
from fastcine.server.context import CONTEXT
from fastcine.server.routes.studies import in_pool

ROOT = "/dicomweb"
STUDY = ROOT + "/studies/{study_instance_uid:[^/]+}"
SERIES = STUDY + "/series/{series_instance_uid:[^/]+}"
INSTANCE = SERIES + "/instances/{sop_instance_uid:[^/]+}"
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


def _warning(asked: Asked, found: Found) -> str:
    said = []
    if asked.unmatched:
        said.append(f"not matched: {', '.join(sorted(set(asked.unmatched)))}")
    if found.more:
        said.append("there are more results; ask for them with offset")
    return "; ".join(said)


async def _answer(request: web.Request, level: Level) -> web.Response:
    context = request.app[CONTEXT]
    if not wants_json(parse_accept(*accepted(request))):
        raise web.HTTPNotAcceptable(reason="Answers are application/dicom+json")
    fixed = {KEYWORDS[name]: uid for name, uid in request.match_info.items()}
    asked, identity = parse(level, request.query.items(), fixed), request[IDENTITY]
    query = replace(asked.query, patient_ids=identity.patient_ids)
    found = await in_pool(context, search, context.index, query)
    words = "; ".join(f"{keyword} {text}" for keyword, text in asked.query.keys.items())
    context.audit.record(entry(request, identity, AuditEvent.SEARCHED, level=level.name.lower(), words=words))
    if not found.rows:
        response = web.Response(status=204)
    else:
        tell = partial(match_json, asked=asked, fixed=fixed, base_url=base_url(request))
        response = dicom_json([tell(row) for row in found.rows])
    warning = _warning(asked, found)
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
    app.router.add_get(f"{ROOT}/studies", studies)
    for path in (f"{ROOT}/series", f"{STUDY}/series"):
        app.router.add_get(path, series)
    for path in (f"{ROOT}/instances", f"{STUDY}/instances", f"{SERIES}/instances"):
        app.router.add_get(path, instances)
