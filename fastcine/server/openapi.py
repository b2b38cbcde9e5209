"""The OpenAPI document, made from the routes themselves: summary and text are the handlers' docstrings."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from fastcine import __version__

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def document(app: web.Application) -> dict[str, Any]:
    """OpenAPI 3.1 of every route."""
    paths: dict[str, dict[str, Any]] = {}
    for route in app.router.routes():
        if route.resource is None or route.method in ("HEAD", "*"):
            continue
        path = re.sub(r"\{(\w+):[^/]*\}", r"{\1}", route.resource.canonical)
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", path)
        ]
        text = (route.handler.__doc__ or "").strip()
        paths.setdefault(path, {})[route.method.lower()] = {
            "summary": text.split("\n", 1)[0],
            "parameters": parameters,
            "responses": {
                "200": {"description": "as docs/api.md says"},
                "default": {
                    "description": "an error",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                },
            },
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "fastcine", "version": __version__, "description": "Not a medical device."},
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }
