"""The composition root: parts made, wired, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from fastcine import work
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth.accounts import Accounts
from fastcine.auth.rules import SessionRules
from fastcine.config import Settings
from fastcine.errors import FastcineError
from fastcine.server import middleware, ws
from fastcine.server.audit_trail import AuditTrail
from fastcine.server.context import CONTEXT, Context
from fastcine.server.metrics import Metrics
from fastcine.server.news import News
from fastcine.server.routes import (
    dicomweb_bulk,
    dicomweb_capabilities,
    dicomweb_rendered,
    dicomweb_retrieve,
    dicomweb_search,
    dicomweb_store,
    history,
    operations,
    overlays,
    pages,
    removal,
    sign_in,
    studies,
    upload,
    video,
)
from fastcine.server.shelf import RunShelf
from fastcine.server.static import ViewerFiles
from fastcine.server.stream_socket import CLOSE_S
from fastcine.server.wheel import Wheel

log = logging.getLogger(__name__)

LAG_PERIOD_S = 0.1
SESSIONS_PERIOD_S = 10.0
"""An open stream outlives its session by so much at most."""
SIGNING_IN = 2
GOAWAY_RETRY_MS = 500
UPLOAD_THREADS = 16
"""Uploads at once; most of the time each waits for its sender or for the disk."""


def make_app(settings: Settings, *, viewer: Path | None = None, worker_ports: tuple[int, ...] = ()) -> web.Application:
    """The application of one web worker. Raises UsageError or StorageUnavailable when it cannot serve.

    `worker_ports`: where all workers tell their metrics (worker_metrics.py), where there are several.
    """
    app = web.Application(middlewares=[middleware.outermost], client_max_size=1 << 20)
    files = ViewerFiles(viewer)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        context = _context(settings, files)
        context.worker_ports = worker_ports
        app[CONTEXT] = context
        await context.news.start()
        loop = asyncio.get_running_loop()
        watches = [loop.create_task(_watch_lag(context)), loop.create_task(_watch_sessions(context))]
        yield
        for watch in watches:
            watch.cancel()
        await context.news.stop()
        await context.audit.stop()
        context.wheel.stop()
        context.shelf.close()
        context.pool.shutdown(cancel_futures=True)
        context.upload_pool.shutdown(cancel_futures=True)
        context.index.close()

    app.cleanup_ctx.append(parts)
    app.on_shutdown.append(_say_goodbye)
    dicomweb = (dicomweb_search, dicomweb_retrieve, dicomweb_bulk, dicomweb_rendered, dicomweb_store)
    viewer_json = (studies, history, video, overlays, upload)
    for module in (pages, sign_in, *viewer_json, operations, removal, *dicomweb, dicomweb_capabilities):
        module.add(app)
    app.router.add_get("/ws", ws.stream)
    return app


def _context(settings: Settings, files: ViewerFiles) -> Context:
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
    index = Index(folder.index_path, durable=settings.durable)
    pool = work.pool(max(4, work.hands()), "web")
    loop = asyncio.get_running_loop()
    rules = SessionRules(most_s=settings.session_hours * 3600.0, idle_s=settings.idle_minutes * 60.0)
    return Context(
        settings=settings,
        folder=folder,
        index=index,
        pool=pool,
        upload_pool=work.pool(UPLOAD_THREADS, "upload"),
        shelf=RunShelf(folder, index),
        news=News(folder),
        files=files,
        metrics=Metrics(),
        wheel=Wheel(loop),
        provider=Accounts(index, rules),
        audit=AuditTrail(index, pool),
        signing_in=asyncio.Semaphore(SIGNING_IN),
    )


async def _watch_lag(context: Context) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_PERIOD_S
        await asyncio.sleep(LAG_PERIOD_S)
        context.metrics.loop_lag.observe(max(0.0, loop.time() - due))


async def _watch_sessions(context: Context) -> None:
    """Streams last for hours: the session or token of each is looked at again and again."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SESSIONS_PERIOD_S)
        secrets = context.secrets()
        try:
            valid = await loop.run_in_executor(context.pool, context.provider.still_valid, secrets, time.time())
            context.end_streams_of(secrets - valid)
        except FastcineError as error:  # the index is busy: nobody is thrown out for that
            log.warning("sessions could not be looked at: %s", error)
        except Exception:
            log.exception("sessions could not be looked at")


async def _say_goodbye(app: web.Application) -> None:
    """Tell the players, so that they resume with the next process instead of waiting for a time-out."""
    app[CONTEXT].news.end()
    sockets = dict(app[CONTEXT].sockets)
    for socket in sockets:
        socket.say_goaway("the server is going down", GOAWAY_RETRY_MS)
    if sockets:
        # One that does not read keeps neither the others nor us: it is cut off by then.
        await asyncio.wait(sockets.values(), timeout=CLOSE_S)
