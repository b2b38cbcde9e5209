"""The composition root: parts made, wired, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from fastcine import work
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.config import Settings
from fastcine.server import middleware, ws
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
    operations,
    pages,
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
        lag = asyncio.get_running_loop().create_task(_watch_lag(context))
        yield
        lag.cancel()
        await context.news.stop()
        context.wheel.stop()
        context.shelf.close()
        context.pool.shutdown(cancel_futures=True)
        context.upload_pool.shutdown(cancel_futures=True)
        context.index.close()

    app.cleanup_ctx.append(parts)
    app.on_shutdown.append(_say_goodbye)
    dicomweb = (dicomweb_search, dicomweb_retrieve, dicomweb_bulk, dicomweb_rendered, dicomweb_store)
    for module in (pages, studies, video, upload, operations, *dicomweb, dicomweb_capabilities):
        module.add(app)
    app.router.add_get("/ws", ws.stream)
    return app


def _context(settings: Settings, files: ViewerFiles) -> Context:
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
    index = Index(folder.index_path, durable=settings.durable)
    pool = work.pool(max(4, work.hands()), "web")
    loop = asyncio.get_running_loop()
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
    )


async def _watch_lag(context: Context) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_PERIOD_S
        await asyncio.sleep(LAG_PERIOD_S)
        context.metrics.loop_lag.observe(max(0.0, loop.time() - due))


async def _say_goodbye(app: web.Application) -> None:
    """Tell the players, so that they resume with the next process instead of waiting for a time-out."""
    app[CONTEXT].news.end()
    sockets = dict(app[CONTEXT].sockets)
    for socket in sockets:
        socket.say_goaway("the server is going down", GOAWAY_RETRY_MS)
    if sockets:
        # One that does not read keeps neither the others nor us: it is cut off by then.
        await asyncio.wait(sockets.values(), timeout=CLOSE_S)
