"""What the handlers share: one value, made by app.py, found under `CONTEXT`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import web

from fastcine.archive.cine_cache import CineCache
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth.provider import IdentityProvider
from fastcine.config import Settings
from fastcine.server.audit_trail import AuditTrail
from fastcine.server.metrics import Metrics
from fastcine.server.news import Event, News
from fastcine.server.shelf import RunShelf
from fastcine.server.static import ViewerFiles
from fastcine.server.stream_socket import StreamSocket
from fastcine.server.wheel import Wheel


@dataclass(slots=True)
class Context:
    """One web worker's parts."""

    settings: Settings
    folder: DataFolder
    index: Index
    pool: ThreadPoolExecutor
    upload_pool: ThreadPoolExecutor
    shelf: RunShelf
    news: News
    files: ViewerFiles
    metrics: Metrics
    wheel: Wheel
    provider: IdentityProvider
    audit: AuditTrail
    signing_in: asyncio.Semaphore
    """A password costs 64 MB and a tenth of a second of a core: they are looked at one or two at a time."""
    worker_ports: tuple[int, ...] = ()
    """Where all workers tell their metrics, by number; empty where there is one worker."""
    sockets: dict[StreamSocket, asyncio.Task[object]] = field(default_factory=dict)
    """The viewers, and the task that hears each."""
    event_streams: dict[asyncio.Queue[Event | None], str] = field(default_factory=dict)
    """Where events wait for a page (None ends it), and the cookie or token it came with."""

    def secrets(self) -> set[str]:
        """The cookies and tokens that streams were opened with."""
        return ({socket.secret for socket in self.sockets} | set(self.event_streams.values())) - {""}

    def end_streams_of(self, secrets: set[str]) -> None:
        """Close the streams of sessions and tokens that are over (docs/protocol.md: 4403)."""
        for socket in [each for each in self.sockets if each.secret in secrets]:
            socket.say_close(4403, "signed out")
        for waiting in [each for each, secret in self.event_streams.items() if secret in secrets]:
            while not waiting.empty():  # what waits is no longer theirs
                waiting.get_nowait()
            waiting.put_nowait(None)

    def small_picture(self, run: str, name: str) -> bytes | None:
        """A run's `thumbnail` or `previews` from the cine cache; None when it is not made yet. Reads a file."""
        return CineCache(self.folder).get_blob(run, name)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
