"""Signing in and out: one plain form, no script."""

from __future__ import annotations

import time
from html import escape
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.auth.roles import Identity, Role
from fastcine.errors import NotSignedIn, TooManyTries, UsageError
from fastcine.server import access
from fastcine.server.audit_trail import address_of
from fastcine.server.context import CONTEXT
from fastcine.server.middleware import NONCE
from fastcine.server.routes.studies import in_pool

HTML = "text/html"
MOST_FORM_BYTES = 8_192
MOST_FIELDS = 10


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a page of ours, or the worklist; nothing that a browser takes for elsewhere."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    ours = not parts.scheme and not parts.netloc and (parts.path == "/" or parts.path.startswith("/view/"))
    return wanted if ours and "\\" not in wanted and wanted.isprintable() and " " not in wanted else "/"


def _page(
    request: web.Request, *, next_page: str, name: str = "", message: str = "", status: int = 200
) -> web.Response:
    values = {"next": escape(next_page), "name": escape(name), "message": escape(message)}
    values |= {"focus_name": "" if name else "autofocus", "focus_password": "autofocus" if name else ""}
    text = request.app[CONTEXT].files.page("sign-in", "Sign in to fastcine", values, nonce=request[NONCE])
    return web.Response(text=text, content_type=HTML, status=status)


async def sign_in_page(request: web.Request) -> web.StreamResponse:
    """The form; `next` is the page that was asked for."""
    next_page = safe_next(request.query.get("next", "/"))
    identity, _ = await access.who_asks(request)
    if identity is not None:
        return web.Response(status=303, headers={"Location": next_page})
    return _page(request, next_page=next_page)


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(reason="Send the form as application/x-www-form-urlencoded")
    body = await request.content.read(MOST_FORM_BYTES + 1)
    while len(body) <= MOST_FORM_BYTES and (more := await request.content.read(MOST_FORM_BYTES)):
        body += more
    if len(body) > MOST_FORM_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_FORM_BYTES, len(body))
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise UsageError(f"a form of more than {MOST_FIELDS} fields is none of ours") from None
    return {name: values[0] for name, values in fields.items()}


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Name and password for a session's cookie."""
    context = request.app[CONTEXT]
    form = await _form(request)
    name, next_page = form.get("name", "").strip()[:64], safe_next(form.get("next", "/"))
    address = address_of(request, behind_proxy=context.settings.behind_proxy)
    async with context.signing_in:
        try:
            cookie, identity = await in_pool(
                context, context.provider.sign_in, name, form.get("password", ""), address, time.time()
            )
        except (NotSignedIn, TooManyTries) as error:
            stranger = Identity(name=name, role=Role.READER, by_way_of="browser")
            refusal = access.entry(request, stranger, AuditEvent.SIGN_IN_REFUSED, outcome=error.code)
            context.audit.record_once(refusal, for_s=getattr(error, "retry_after_s", 0.0))
            message = "That name and password do not go together." if isinstance(error, NotSignedIn) else f"{error}."
            page = _page(
                request, next_page=next_page, name=name, message=message.capitalize(), status=error.http_status
            )
            if isinstance(error, TooManyTries):
                page.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
            return page
    await context.audit.record(access.entry(request, identity, AuditEvent.SIGNED_IN))
    response = web.Response(status=303, headers={"Location": next_page})
    response.set_cookie(
        access.cookie_name(request),
        cookie,
        path="/",
        httponly=True,
        secure=access.is_secure(request),
        samesite="Lax",
        max_age=context.settings.session_hours * 3600,
    )
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """The session ends, here and in every open stream of it."""
    context, secret = request.app[CONTEXT], request[access.SECRET]
    if secret:
        await in_pool(context, context.provider.sign_out, secret)
        context.end_streams_of({secret})
        await context.audit.record(access.entry(request, request[access.IDENTITY], AuditEvent.SIGNED_OUT))
    response = web.Response(status=303, headers={"Location": "/sign-in", "Clear-Site-Data": '"cache"'})
    response.del_cookie(
        access.cookie_name(request), path="/", httponly=True, secure=access.is_secure(request), samesite="Lax"
    )
    return response


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/sign-in", sign_in_page)
    app.router.add_post("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)
