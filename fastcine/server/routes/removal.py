"""Deleting, rejecting and taking a rejection back, each with its reason in the archive and in the audit record."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
from aiohttp import web

from fastcine.archive.removal import remove
from fastcine.archive.removal_records import Action, Removal
from fastcine.auth.roles import Permission
from fastcine.errors import Denied, UsageError
from fastcine.server.access import IDENTITY, record_refusal
from fastcine.server.audit_trail import address_of
from fastcine.server.context import CONTEXT
from fastcine.server.routes.dicomweb_search import INSTANCE, SERIES, STUDY
from fastcine.server.routes.studies import in_pool, json_response

NAMES = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")


async def _body(request: web.Request) -> dict[str, str]:
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise UsageError("the body is no JSON") from None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise UsageError("the body is a JSON object of texts")
    return body


async def _remove(request: web.Request, action: Action, uids: dict[str, str], reason: str) -> Removal:
    """Answered when it is done and written down."""
    context, identity = request.app[CONTEXT], request[IDENTITY]
    if action is Action.DELETE and not identity.may(Permission.DELETE):
        record_refusal(request, identity)
        raise Denied(f"a {identity.role} may not delete")
    if uids.get(NAMES[2]) and not uids.get(NAMES[1]):
        raise UsageError("an object is named with its study and its series")
    removal = await in_pool(
        context,
        lambda: remove(
            context.folder,
            context.index,
            action=action,
            study=uids.get(NAMES[0], ""),
            series=uids.get(NAMES[1], ""),
            sop=uids.get(NAMES[2], ""),
            reason=reason,
            by=identity.name or identity.by_way_of,
            by_way_of=identity.by_way_of,
            address=address_of(request, behind_proxy=context.settings.behind_proxy),
            now=datetime.now(UTC),
            site_timezone=context.settings.site_timezone,
        ),
    )
    return removal


async def removals(request: web.Request) -> web.Response:
    """Delete, reject or restore a study, a series or an object."""
    body = await _body(request)
    if body.get("action") not in set(Action):
        raise UsageError(f"action must be one of {', '.join(Action)}")
    removal = await _remove(request, Action(body["action"]), body, body.get("reason", ""))
    return json_response({"action": str(removal.action), "objects": len(removal.objects)})


async def delete(request: web.Request) -> web.Response:
    """DICOMweb: delete a study, a series or an object; a reason may stand in the body."""
    reason = (await _body(request)).get("reason", "") or "deleted by DICOMweb"
    await _remove(request, Action.DELETE, dict(request.match_info), reason)
    return web.Response(status=204)


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_post("/api/removals", removals)
    for path in (STUDY, SERIES, INSTANCE):
        app.router.add_delete(path, delete)
