"""What happens in the archive, passed on inside a worker: to viewers that follow a run, and to event streams.

Events are hints; the cache and the index are the truth. So runs that are followed and not yet whole are looked at
again on a slow beat too: a lost message costs time, never the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from fastcine.archive.events import AsyncEventClient, Message
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import run_name

BEAT_S = 1.0
MOST_WAITING = 256
"""Events an idle browser tab may be behind; then the oldest go, and its page asks anew anyway."""

Event = tuple[str, dict[str, Any]]
"""Kind and body of an event, as docs/api.md names them."""


class Follower(Protocol):
    """Who wants to know that a run has grown."""

    def progress(self, run: int) -> None:
        """The run's cache may have grown."""


class News:
    """One worker's ear to the owner."""

    def __init__(self, folder: DataFolder) -> None:
        self._client = AsyncEventClient(folder)
        self._followers: dict[int, set[Follower]] = {}
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._hear()), loop.create_task(self._beat())]

    async def stop(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._client.close()

    async def _hear(self) -> None:
        async for message in self._client.events():
            match message["type"]:
                case "connected":
                    self._look_again()
                case "run":
                    self._run(message)
                case "study":
                    self._tell("study", {"study_instance_uid": message.get("study_instance_uid", "")})

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._look_again()

    def _look_again(self) -> None:
        for run, followers in list(self._followers.items()):
            for follower in list(followers):
                follower.progress(run)

    def _run(self, message: Message) -> None:
        body: dict[str, Any] = {
            name: message[name] for name in ("run", "ready", "complete", "state") if name in message
        }
        self._tell("run", body)
        try:
            run = int(message["run"], 16)
        except (KeyError, ValueError, TypeError):
            return
        for follower in list(self._followers.get(run, ())):
            follower.progress(run)

    def _tell(self, kind: str, body: dict[str, Any]) -> None:
        self._put((kind, body))

    def end(self) -> None:
        """The server goes down: event streams are to end, or they would hold it up."""
        self._put(None)

    def _put(self, event: Event | None) -> None:
        for waiting in self._listeners:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(event)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of events for an event stream, inside the block; None is the last."""
        waiting: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(waiting)
        try:
            yield waiting
        finally:
            self._listeners.discard(waiting)

    def follow(self, run: int, follower: Follower) -> None:
        """Tell `follower` about `run` from now on."""
        self._followers.setdefault(run, set()).add(follower)

    def unfollow(self, run: int, follower: Follower) -> None:
        """No longer."""
        followers = self._followers.get(run)
        if followers is not None:
            followers.discard(follower)
            if not followers:
                del self._followers[run]

    def ask_first(self, run: int) -> None:
        """Somebody looks at this run: its frames are to be made before others."""
        self._client.send({"type": "bump", "run": run_name(run)})

    def ask_remake(self, run: int, tier: int, frame: int) -> bool:
        """That frame is damaged; False when no owner listens just now."""
        return self._client.send({"type": "remake", "run": run_name(run), "tier": tier, "frame": frame})

    def stored(self, study_instance_uid: str) -> None:
        """An object of this study was stored by us: tell everybody, and wake the owner."""
        self._client.send({"type": "wake"})
        if study_instance_uid and not self._client.send({"type": "study", "study_instance_uid": study_instance_uid}):
            with contextlib.suppress(asyncio.QueueFull):
                self._tell("study", {"study_instance_uid": study_instance_uid})
