"""Who asks, and whether they may: every request passes here, and what is not listed is for administrators only."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from aiohttp import web

from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.receive import Receipt
from fastcine.archive.record import Outcome
from fastcine.auth.roles import ANYBODY, Identity, Permission
from fastcine.config import LOOPBACK
from fastcine.errors import Denied, NotFound, NotSignedIn
from fastcine.server.audit_trail import address_of
from fastcine.server.context import CONTEXT, Context

IDENTITY: web.RequestKey[Identity] = web.RequestKey("identity", Identity)
"""Who asks; set before any handler but those of OPEN runs."""
SECRET: web.RequestKey[str] = web.RequestKey("secret", str)
"""The cookie or token that they came with; empty where nobody has to sign in."""

OPEN = frozenset({"/sign-in", "/healthz", "/static/{version}/{name}"})
"""For everybody who reaches us: nothing of a patient is in them."""
MOST_SECRET = 200
STREAM = "/ws"
"""Refused inside the WebSocket: a page is told nothing of an upgrade that fails."""

UNSAFE: dict[tuple[str, str], Permission] = {
    ("POST", "/sign-out"): Permission.VIEW,
    ("POST", "/api/worklist"): Permission.VIEW,
    ("POST", "/api/upload"): Permission.STORE,
    ("POST", "/api/removals"): Permission.REJECT,
    ("POST", "/dicomweb/studies"): Permission.STORE,
    ("POST", "/dicomweb/studies/{study_instance_uid}"): Permission.STORE,
}
"""What a request that changes something needs; one that is not listed needs what an administrator has."""
_WADO = "/dicomweb/studies/{study_instance_uid}"
_QIDO = ("/series", "/instances")
"""Below a study these are searches."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def needed(method: str, canonical: str) -> Permission:
    """The permission that a route needs; `canonical` is its path with its parameters' names in braces."""
    if method in SAFE_METHODS:
        return Permission.VIEW
    return UNSAFE.get((method, canonical), Permission.DELETE)


def cookie_name(request: web.Request) -> str:
    """`__Host-` ties the cookie to this very name, over TLS only; plain HTTP is spoken on loopback only."""
    return "__Host-fastcine" if is_secure(request) else "fastcine"


def is_secure(request: web.Request) -> bool:
    """Whether the browser came by TLS: to us, or to the proxy that calls us by another name than loopback."""
    settings = request.app[CONTEXT].settings
    name = request.host.rsplit(":", 1)[0].strip("[]").lower()
    return request.scheme == "https" or settings.behind_proxy or name not in LOOPBACK


def secret_of(request: web.Request) -> tuple[str, bool]:
    """The token of an Authorization header, else the cookie; and whether it is a token."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip(), True
    return request.cookies.get(cookie_name(request), ""), False


async def who_asks(request: web.Request) -> tuple[Identity | None, str]:
    """Who it is by token or cookie (None: nobody's), and that secret; it is empty where nobody has to sign in."""
    context = request.app[CONTEXT]
    if not context.settings.asks_sign_in:
        return ANYBODY, ""
    secret, is_token = secret_of(request)
    if not secret or len(secret) > MOST_SECRET:
        return None, ""
    provider = context.provider
    call = provider.of_token if is_token else provider.of_cookie
    identity = await asyncio.get_running_loop().run_in_executor(context.pool, call, secret, time.time())
    return identity, secret


def _canonical(request: web.Request) -> str:
    """The route's path with its parameters' names in braces; empty where there is no such route."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


async def admit(request: web.Request) -> None:
    """Let a request through to its handler. Raises NotSignedIn, Denied, NotFound (of what is not theirs to see)."""
    canonical = _canonical(request)
    if canonical in OPEN:
        return
    if canonical == STREAM:  # it asks itself: what is kept in a request is kept for each of thousands of viewers
        return
    identity, secret = await who_asks(request)
    if identity is None:
        raise NotSignedIn("sign in first, or send the token of a user: Authorization: Bearer …")
    request[IDENTITY], request[SECRET] = identity, secret
    if not identity.may(needed(request.method, canonical)):
        record_refusal(request, identity)
        raise Denied(f"a {identity.role} may not do this")
    if identity.patient_ids is not None:
        await _check_patient(request, identity)


def record_refusal(request: web.Request, identity: Identity) -> None:
    """The audit record hears of what was refused."""
    context = request.app[CONTEXT]
    context.audit.record(
        entry(request, identity, AuditEvent.REFUSED, request.match_info.get("study_instance_uid", ""), outcome="denied")
    )


def entry(
    request: web.Request,
    identity: Identity,
    event: AuditEvent,
    study_instance_uid: str = "",
    *,
    outcome: str = "done",
    **detail: str,
) -> AuditEntry:
    """An entry of the audit record about a request."""
    return AuditEntry(
        at=datetime.now(UTC),
        event=event,
        who=identity.name,
        by_way_of=identity.by_way_of,
        address=address_of(request, behind_proxy=request.app[CONTEXT].settings.behind_proxy),
        study_instance_uid=study_instance_uid,
        outcome=outcome,
        detail=detail,
    )


def looked_at(request: web.Request, study_instance_uid: str, event: AuditEvent) -> None:
    """The audit record hears that somebody sees a study, or takes objects of it away."""
    context = request.app[CONTEXT]
    address = address_of(request, behind_proxy=context.settings.behind_proxy)
    context.audit.looked_at(request[IDENTITY], address, study_instance_uid, event)


def is_retrieval(request: web.Request) -> bool:
    """Whether objects, or what is in them, are asked for by DICOMweb."""
    canonical = _canonical(request)
    return request.method == "GET" and canonical.startswith(_WADO) and not canonical.endswith(_QIDO)


async def exported(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What goes out is recorded, also where its receiver hangs up in its middle: half of an object is out too."""
    out = False
    try:
        response = await handler(request)
        out = response.status < 400
    except (ConnectionError, asyncio.CancelledError):
        out = True
        raise
    finally:
        if out:
            looked_at(request, request.match_info["study_instance_uid"], AuditEvent.EXPORTED)
    return response


def record_stored(request: web.Request, receipts: Iterable[Receipt]) -> None:
    """The audit record hears what came in: one entry a study."""
    context = request.app[CONTEXT]
    kept = Counter(receipt.study_instance_uid for receipt in receipts if receipt.outcome is Outcome.STORED)
    for study, objects in kept.items():
        context.audit.record(entry(request, request[IDENTITY], AuditEvent.STORED, study, objects=str(objects)))


async def _check_patient(request: web.Request, identity: Identity) -> None:
    """One who is kept to some patients gets the same answer for another's study as for one that does not exist."""
    context, named = request.app[CONTEXT], request.match_info
    study, run = named.get("study_instance_uid"), named.get("run")
    if study is None and run is None:
        return
    loop = asyncio.get_running_loop()
    if not await loop.run_in_executor(context.pool, may_see, context, identity, study, run):
        record_refusal(request, identity)
        raise NotFound("no such study")


def may_see(context: Context, identity: Identity, study_instance_uid: str | None, run: str | None = None) -> bool:
    """Whether a study, or the study of a run, is of a patient that this one sees. Blocking."""
    if identity.patient_ids is None:
        return True
    try:
        uid = study_instance_uid or context.index.run(run or "").study_instance_uid
        return identity.may_see(context.index.study_row(uid).patient_and_study.patient_id)
    except NotFound:
        return False
