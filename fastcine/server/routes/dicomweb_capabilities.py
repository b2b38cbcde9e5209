"""DICOMweb's capabilities: what the service does, as WADL or JSON."""

from __future__ import annotations

import orjson
from aiohttp import web

from fastcine.dicomweb.capabilities import WADL, as_json, as_wadl, chosen
from fastcine.dicomweb.media_types import JSON, parse_accept
from fastcine.server.routes.dicomweb_search import ROOT, accepted, base_url


async def capabilities(request: web.Request) -> web.Response:
    """Every resource with its methods, media types and parameters: WADL, or JSON."""
    kind = chosen({each.media_type: each.quality for each in reversed(parse_accept(*accepted(request)))})
    if not kind:
        raise web.HTTPNotAcceptable(reason=f"Capabilities are {WADL} or {JSON}")
    root = base_url(request)
    body = as_wadl(root) if kind == WADL else orjson.dumps(as_json(root))
    response = web.Response(body=body, content_type=kind, charset="utf-8" if kind == WADL else None)
    response.enable_compression()
    return response


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get(f"{ROOT}/", capabilities)
    app.router.add_route("OPTIONS", f"{ROOT}/", capabilities)
