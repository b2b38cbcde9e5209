"""What every request passes: host allow-list, origin check, security headers, errors as JSON, the access log.

Query strings are never logged, nor any header: they could name a patient.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import quote, urlsplit

from aiohttp import web

from fastcine.config import LOOPBACK
from fastcine.errors import Denied, FastcineError, NotFound, NotSignedIn
from fastcine.server import access
from fastcine.server.context import CONTEXT

log = logging.getLogger("fastcine.access")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NONCE: web.RequestKey[str] = web.RequestKey("nonce", str)
"""The one inline script of a page is allowed by this."""

FIXED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # To nobody else, but to us: a form's Origin would be "null" otherwise.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def content_security_policy(nonce: str) -> str:
    """No inline script or style but the page's own, by nonce; WASM may be compiled; nothing from elsewhere."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def add_fixed_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer carries; for a handler that sends its answer itself, before it begins."""
    for name, value in FIXED_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", content_security_policy(request.get(NONCE, "")))
    response.headers.setdefault("Cache-Control", "no-store")
    if request.app[CONTEXT].settings.tls_certificate:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def break_off(request: web.Request, error: FastcineError) -> NoReturn:
    """An answer that has begun cannot become an error: only an end in its middle can still say that it is not whole."""
    log.warning("an answer broke off: %s", error)
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionAbortedError from error


def host_name(host: str) -> str:
    """The name in a Host header or URL without its port, lower case; empty where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").lower() if parts.port is None or parts.port else ""
    except ValueError:
        return ""


def allowed_host(host: str, settings_host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a Host header names us: loopback, the address served on, or a name of the allow-list."""
    name = host_name(host)
    if name in LOOPBACK or name in allowed or name == settings_host.lower():
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_ours(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page's origin is this server; with TLS of our own it must have come by that too."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc.lower() == host.lower() and (parts.scheme == "https" or not secure)


def _check_caller(request: web.Request) -> None:
    settings = request.app[CONTEXT].settings
    if not allowed_host(request.host, settings.host, settings.allowed_hosts):
        raise Denied("this server is not called by that name; add it to allowed_hosts")
    origin = request.headers.get("Origin")
    socket = request.headers.get("Upgrade", "").lower() == "websocket"
    if request.method in access.SAFE_METHODS and not socket:
        return
    # Programs send no Origin; a browser always does on these, and then it must be ours.
    if origin is not None and not _is_ours(origin, request.host, secure=bool(settings.tls_certificate)):
        raise Denied("the request came from another site's page")
    if origin is None and request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Denied("the request came from another site's page")


def error_response(error: FastcineError) -> web.Response:
    """The one shape of errors (docs/api.md)."""
    response = web.json_response({"error": {"code": error.code, "message": str(error)}}, status=error.http_status)
    retry = getattr(error, "retry_after_s", None)
    if retry is not None:
        response.headers["Retry-After"] = str(max(1, round(retry)))
    if isinstance(error, NotSignedIn):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _refused(request: web.Request, error: FastcineError) -> web.Response:
    """A browser that asked for a page without a session is shown the form, which leads back to it."""
    page = request.method == "GET" and (request.path == "/" or request.path.startswith("/view/"))
    if isinstance(error, NotSignedIn) and page:
        return web.Response(status=303, headers={"Location": f"/sign-in?next={quote(request.raw_path, safe='/')}"})
    return error_response(error)


async def _refusal(request: web.Request) -> web.StreamResponse | None:
    """The answer to one who may not ask this; None where the answer is the handler's to give."""
    try:
        _check_caller(request)
        await access.admit(request)
    except Exception as error:
        return _failure(request, error)
    return None


def _failure(request: web.Request, error: Exception) -> web.StreamResponse:
    """The answer where there is none. Raises `error` where nobody is there to be answered."""
    if isinstance(error, FastcineError):
        return _refused(request, error)
    if isinstance(error, web.HTTPNotFound):
        return error_response(NotFound("no such page"))
    if isinstance(error, web.HTTPException):
        return web.json_response({"error": {"code": "http", "message": error.reason}}, status=error.status)
    if isinstance(error, (ConnectionError, TimeoutError)):
        raise error
    log.error("a request failed: %s %s", request.method, _shown_path(request), exc_info=error)
    return error_response(FastcineError("the server failed; its log says where"))


def _shown_path(request: web.Request) -> str:
    """The path for the log; one that no route knows could hold anything, so it is not repeated."""
    return request.path if request.match_info.http_exception is None else "(no such page)"


@web.middleware
async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """All of it, in order."""
    started = time.perf_counter()
    if "Upgrade" not in request.headers:  # a stream has no page, and lasts
        request[NONCE] = secrets.token_urlsafe(16)
    if (response := await _refusal(request)) is None:
        try:
            if access.is_retrieval(request):
                response = await access.exported(request, handler)
            else:
                # Here, not in a function of its own: a coroutine more is one more for each of thousands of streams.
                response = await handler(request)
        except Exception as error:
            response = _failure(request, error)
    if not response.prepared:
        add_fixed_headers(request, response)
    request.app[CONTEXT].metrics.requests.labels(str(response.status)).inc()
    elapsed_ms = (time.perf_counter() - started) * 1000
    log.info("%s %s %d %.1f ms", request.method, _shown_path(request), response.status, elapsed_ms)
    return response
