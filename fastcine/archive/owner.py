"""The ingest owner: the one process (or thread) that holds the folder's lock and fills the cine cache from the queue.

What is made is a stack. On top is what is made now; when somebody asks for a run with more right, it goes on top and
what was below waits, half-made, where it stood. How a run is made is injected (`Make`): this module knows queue,
states, locks and events, and nothing of frames.

::

    queue row ──claim──► making ──► ready
                            ├─────► failed       the object cannot be decoded: the viewer says why
                            └─────► waiting      the disk is full, or the owner ends: the row stays
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastcine.archive.cine_cache import CacheWriter, CineCache
from fastcine.archive.events import EventServer, Message
from fastcine.archive.eviction import Evictor
from fastcine.archive.folder import DataFolder, FolderLock
from fastcine.archive.index import Index
from fastcine.archive.queue import Priority
from fastcine.archive.record import Claim, RunRow
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.reindex import reindex_if_lost
from fastcine.archive.removal import finish_removals
from fastcine.errors import FastcineError, NotFound, StorageFull, StorageUnavailable

logger = logging.getLogger(__name__)

POLL_S = 2.0
"""The socket wakes the owner; this is for a message lost and for rows whose time comes."""
NEWS_S = 0.1
"""Between two `run` events of one run: viewers need no more, and a fast maker would flood them."""
SAVE_S = 1.0
"""Between two notes in the index of how far a run is: each is an fsync."""
RETRY_S = 30.0
"""After a full or refusing disk."""
MAX_STACK = 4
"""Half-made runs kept in memory at most; further wishes wait in the queue."""

WantedFrame = Callable[[], int | None]


class FramesDiffer(Exception):
    """The object holds another number of frames than the index said; the index is put right, making starts anew."""


class Make(Protocol):
    """How a run's cache is made."""

    def __call__(self, run: RunRow, object_path: Path, writer: CacheWriter, wanted_frame: WantedFrame) -> Iterable[Any]:
        """Make whatever `writer.has` denies, first what `wanted_frame()` names, through `writer.add`.

        Does a little, yields, does a little more: between two steps the owner may set it aside for another run, or
        close it for good. Sets the run's description (Index.set_description) as early as it can; the owner calls
        `writer.finish`. Raises Unsupported or BadDicom with words for the viewer; FramesDiffer after
        Index.set_frames.
        """
        ...


@dataclass(slots=True)
class _Making:
    """A run on the stack."""

    claim: Claim
    row: RunRow
    writer: CacheWriter
    steps: Iterator[Any]
    damaged: set[tuple[int, int]]
    told: tuple[int, int, int] = (-1, -1, -1)
    told_at: float = float("-inf")
    saved_at: float = float("-inf")

    @property
    def run(self) -> str:
        """The wire id."""
        return self.claim.run

    def close(self) -> None:
        """Stop making; what was added stays."""
        close = getattr(self.steps, "close", None)
        if close is not None:
            close()
        self.writer.close()


class IngestOwner:
    """Works off the ingest queue of one folder, whose `lock` the caller holds and keeps until `run` has ended.

    `run` blocks; `stop` ends it from any thread or signal handler. `settle` works until the queue is empty.
    `when_idle` does a little that nobody waits for and answers whether there is more of it; `run` alone calls it.
    """

    def __init__(
        self,
        folder: DataFolder,
        index: Index,
        *,
        lock: FolderLock,
        make: Make,
        site_timezone: str = "UTC",
        cache_bytes: int = 0,
        when_idle: Callable[[], bool] = lambda: False,
    ) -> None:
        if not lock.held:
            raise StorageUnavailable("the owner needs the data folder's lock")
        self._folder, self._index, self._make, self._when_idle = folder, index, make, when_idle
        self._site_timezone = site_timezone
        self._stack: list[_Making] = []
        self._evictor = Evictor(folder, cache_bytes=cache_bytes)
        self._guard = threading.Lock()  # over the next two, which the event server's thread changes
        self._wanted: dict[str, int | None] = {}  # the newest wish last
        self._damaged: dict[str, set[tuple[int, int]]] = {}
        self._look = True
        self._stopping = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        for each in (self._wake_reader, self._wake_writer):
            each.setblocking(False)
        self._server = EventServer(folder, self._request)

    def recover(self) -> None:
        """Put right what the owner before, or killed receivers, left."""
        CineCache(self._folder).sweep()
        if reindex_if_lost(self._folder, self._index, site_timezone=self._site_timezone) is not None:
            logger.warning("the index was lost and is made anew from the files")
        finish_removals(self._folder, self._index, site_timezone=self._site_timezone)
        adopted = recover_incoming(self._folder, self._index, site_timezone=self._site_timezone)
        back = self._index.queue.recover()
        if adopted or back:
            logger.info("recovered: %d objects indexed, %d runs back in the queue", adopted, back)

    def run(self) -> None:
        """Recover, then make what is queued until `stop`; unfinished runs go back to the queue."""
        try:
            self.recover()
            while not self._stopping:
                if not (self.step() or self._evict() or self._do_idle_work()):
                    self._wait()
        finally:
            self._put_everything_back()

    def settle(self) -> None:
        """Recover and make until nothing is left to do now."""
        self.recover()
        while not self._stopping and (self.step() or self._evict()):
            pass

    def _do_idle_work(self) -> bool:
        """A little of what nobody waits for. A disk that refuses is tried again later."""
        try:
            return self._when_idle()
        except FastcineError as error:
            logger.warning("idle work waits: %s", error)
            return False

    def _evict(self, *just_made: str) -> bool:
        """Keep the cache below its limit; what is being made or was made just now is spared."""
        return self._evictor.step({*just_made, *(making.run for making in self._stack)})

    def stop(self) -> None:
        """End `run` soon. Safe in a signal handler."""
        self._stopping = True
        self._wake()

    def close(self) -> None:
        """After `run`: take the socket away."""
        self._put_everything_back()
        self._server.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def publish(self, message: Message) -> None:
        """Tell an event to all subscribers."""
        self._server.publish(message)

    def step(self) -> bool:
        """Take in what is wished, then one step of the run on top. False where there is nothing to do."""
        if self._look or not self._stack:
            self._look = False
            self._choose()
        if not self._stack:
            return False
        top = self._stack[-1]
        try:
            next(top.steps)
        except StopIteration:
            self._finish(top)
        except FramesDiffer:
            self._leave(top)
            self._index.queue.put_back(top.run)
        except Exception as error:
            self._fail(top, error)
        else:
            try:
                self._tell_progress(top)
            except NotFound as error:
                self._fail(top, error)
        return True

    def _choose(self) -> None:
        """What belongs on top: the newest wish, on the stack already or in the queue, else what has more right."""
        with self._guard:
            newest = next(reversed(self._wanted), None)
        for making in self._stack:
            if making.run == newest:
                self._stack.remove(making)
                self._stack.append(making)
                return
        while len(self._stack) < MAX_STACK:
            claim = self._index.queue.claim(above=self._stack[-1].claim.priority if self._stack else None)
            if claim is None or self._start(claim):
                return

    def _start(self, claim: Claim) -> bool:
        """Put a claimed run on top. False where it cannot even be begun."""
        try:
            row = self._index.run(claim.run)
            path = self._folder.resolve(row.location)
            if not path.is_file():
                raise NotFound("the object's file is missing; run fastcine verify")
            writer = CacheWriter(self._folder, row.run, row.frames)
        except FastcineError as error:
            self._give_up(claim.run, error)
            return False
        with self._guard:
            damaged = self._damaged.pop(claim.run, set())
        damaged = {(tier, frame) for tier, frame in damaged if frame < row.frames}
        for tier, frame in damaged:
            writer.mark_damaged(tier, frame)
        self._stack.append(_Making(claim, row, writer, self._steps(row, path, writer), damaged))
        self._tell(row.run, writer.ready(), complete=False, state="making")
        return True

    def _steps(self, row: RunRow, path: Path, writer: CacheWriter) -> Iterator[Any]:
        yield from self._make(row, path, writer, lambda: self._wanted.get(row.run))

    def _finish(self, making: _Making) -> None:
        try:
            making.writer.finish()
        except FastcineError as error:
            self._fail(making, error)
            return
        self._leave(making)
        self._index.queue.done(making.run, made=making.writer.ready())
        if self._was_removed(making.run):
            return
        self._evictor.note(making.run)
        self._evict(making.run)
        self._tell(making.run, making.writer.ready(), complete=True, state="ready")
        for tier, frame in sorted(making.damaged):
            ready = list(making.writer.ready())
            self.publish({"type": "run", "run": making.run, "ready": ready, "complete": True, "remade": [tier, frame]})

    def _fail(self, making: _Making, error: Exception) -> None:
        self._leave(making)
        self._give_up(making.run, error)

    def _give_up(self, run: str, error: Exception) -> None:
        self._forget_wish(run)
        if self._was_removed(run):
            return
        if isinstance(error, StorageFull | StorageUnavailable):
            spared = {run, *(making.run for making in self._stack)}
            made_room = isinstance(error, StorageFull) and self._evictor.make_room(spared)
            logger.warning("run %s waits: %s", run, error)
            self._index.queue.put_back(run, message=str(error), delay_s=0.0 if made_room else RETRY_S)
            return
        if isinstance(error, FastcineError):
            logger.warning("run %s cannot be made: %s", run, error)
            message = str(error)
        else:
            logger.error("run %s cannot be made", run, exc_info=error)
            message = f"an error inside fastcine ({type(error).__name__}); the log has more"
        with suppress(NotFound):
            self._index.queue.failed(run, message)
        self._tell(run, (0, 0, 0), complete=False, state="failed")

    def _was_removed(self, run: str) -> bool:
        """The object was deleted or rejected while its run was being made: what was made goes too."""
        try:
            self._index.run(run)
        except NotFound:
            CineCache(self._folder).remove(run)
            return True
        return False

    def _leave(self, making: _Making) -> None:
        self._stack.remove(making)
        self._forget_wish(making.run)
        making.close()

    def _forget_wish(self, run: str) -> None:
        with self._guard:
            self._wanted.pop(run, None)

    def _put_everything_back(self) -> None:
        while self._stack:
            making = self._stack[-1]
            self._leave(making)
            with suppress(FastcineError):
                self._index.queue.put_back(making.run)

    def _tell_progress(self, making: _Making) -> None:
        ready, now = making.writer.ready(), time.monotonic()
        first = making.told[1] <= 0 < ready[1]  # the first picture can be shown: that is worth an event of its own
        if ready == making.told or not (first or now - making.told_at >= NEWS_S):
            return
        making.told, making.told_at = ready, now
        if first or now - making.saved_at >= SAVE_S:
            making.saved_at = now
            self._index.set_run_state(making.run, "making", made=ready)
        self._tell(making.run, ready, complete=False, state="making")

    def _tell(self, run: str, ready: tuple[int, int, int], *, complete: bool, state: str) -> None:
        self.publish({"type": "run", "run": run, "ready": list(ready), "complete": complete, "state": state})

    def _request(self, message: Message) -> None:
        """In the event server's thread: take a request in, leave the work to `step`."""
        run, kind = str(message.get("run", "")), message["type"]
        if kind == "bump":
            frame = message.get("frame")
            with self._guard:
                self._wanted.pop(run, None)
                self._wanted[run] = frame if isinstance(frame, int) else None
            if not self._index.queue.bump(run):
                self._forget_wish(run)
        elif kind == "remake":
            tier, frame = message.get("tier"), message.get("frame")
            if isinstance(tier, int) and isinstance(frame, int) and 0 <= tier <= 2 and frame >= 0:
                self._index.run(run)  # NotFound ends here
                with self._guard:
                    self._damaged.setdefault(run, set()).add((tier, frame))
                self._index.queue.enqueue(run, priority=Priority.ASKED)
        self._look = True
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):
            self._wake_writer.send(b"w")

    def _wait(self) -> None:
        wake = self._index.queue.next_wake()
        wait = POLL_S if wake is None else min(POLL_S, max(0.0, wake - time.time()))
        select.select([self._wake_reader], [], [], wait)
        with suppress(BlockingIOError):
            self._wake_reader.recv(4096)
