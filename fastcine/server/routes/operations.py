"""For those who run the server: health, metrics, the events stream, the OpenAPI document."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import orjson
from aiohttp import web

from fastcine import __version__
from fastcine.auth.roles import Identity
from fastcine.errors import FastcineError
from fastcine.server.access import IDENTITY, SECRET, may_see
from fastcine.server.context import CONTEXT, Context
from fastcine.server.news import Event
from fastcine.server.openapi import document
from fastcine.server.routes.studies import in_pool, json_response
from fastcine.server.worker_metrics import all_workers

EVENTS_PING_S = 20.0


async def healthz(request: web.Request) -> web.Response:
    """The worker answers."""
    return json_response({"status": "ok", "version": __version__})


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text, of all workers."""
    context = request.app[CONTEXT]
    context.metrics.ingest_queue.set(await in_pool(context, context.index.queue.length))
    body = (await all_workers(context.worker_ports)).encode() if context.worker_ports else context.metrics.text()
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4"})


async def openapi(request: web.Request) -> web.Response:
    """The routes for machines."""
    return json_response(document(request.app))


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: `study` and `run` (docs/api.md). They end with the session."""
    context, identity = request.app[CONTEXT], request[IDENTITY]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    # A page that went away is no fault.
    # Nor is an index that is busy: the page connects again.
    with context.news.listen() as waiting, suppress(ConnectionError, FastcineError):
        context.event_streams[waiting] = request[SECRET]
        try:
            await response.write(b"retry: 2000\n: here\n\n")
            while (event := await _next_event(waiting)) is not None:
                if identity.patient_ids is None or await in_pool(context, _concerns, context, identity, event):
                    await response.write(_line(event))
        finally:
            del context.event_streams[waiting]
    return response


def _concerns(context: Context, identity: Identity, event: Event) -> bool:
    """Whether an event is of a patient that this one sees. Blocking."""
    study, run = event[1].get("study_instance_uid"), event[1].get("run")
    return (study is None and run is None) or may_see(context, identity, study, run)


def _line(event: Event) -> bytes:
    kind, body = event
    if not kind:
        return b": still here\n\n"
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"


async def _next_event(waiting: asyncio.Queue[Event | None]) -> Event | None:
    """The next event, one of no kind when nothing happens for long, None when the server goes down."""
    try:
        return await asyncio.wait_for(waiting.get(), EVENTS_PING_S)
    except TimeoutError:
        return ("", {})


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/api/openapi.json", openapi)
    app.router.add_get("/api/events", events)
