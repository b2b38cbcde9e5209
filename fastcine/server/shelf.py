"""Open runs of a worker: cache readers shared by all viewers, the recently used kept open.

`borrow` opens files and asks the index, so it is called in a thread; `borrow_open` answers from memory at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from fastcine.archive.cine_cache import CacheReader
from fastcine.archive.eviction import Pin
from fastcine.archive.folder import DataFolder
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.cine.wire import HEADER_BYTES, PIECE_BYTES, TIERS, run_name, wire_bytes
from fastcine.errors import NotFound, NotReady, Unsupported

KEPT_OPEN = 64
"""Readers kept open without a viewer: a strip's worth, so that going back is instant."""


class OpenRun:
    """One run: its description, and where each frame's pieces lie. Implements cine.plan.Catalogue."""

    def __init__(self, reader: CacheReader, description: dict[str, Any], study_instance_uid: str) -> None:
        self.run = int(description["run"], 16)
        self.study_instance_uid = study_instance_uid
        self.description = description
        self.frames: int = description["frames"]
        self.borrowers = 0
        self._reader = reader
        self._pin: Pin | None = None
        self._lengths: tuple[list[int], ...] = tuple([0] * self.frames for _ in TIERS)
        self._ready = (0, 0, 0)
        self._whole: dict[tuple[int, int], memoryview] = {}
        self.complete = False
        self.refresh()

    def refresh(self) -> bool:
        """Look again at what the cache holds; True when it has grown. A whole run is not looked at again."""
        if self.complete:
            return False
        was = (self._ready, self.complete)
        self.complete = self._reader.complete
        ready = self._reader.ready()
        for tier in TIERS:
            lengths = self._lengths[tier]
            for frame in range(self._ready[tier], ready[tier]):
                lengths[frame] = self._reader.frame_bytes(tier, frame)
        self._ready = ready
        return (self._ready, self.complete) != was

    def ready(self) -> tuple[int, int, int]:
        """Frames ready in each tier, counted from frame 0."""
        return self._ready

    def frame_bytes(self, tier: int, frame: int) -> int:
        """Length of a ready frame's bitstream."""
        return self._lengths[tier][frame]

    def pieces(self, tier: int, frame: int, start_bytes: int, end_bytes: int) -> memoryview:
        """Wire bytes (headers included) of payload `start_bytes` to `end_bytes`; `start_bytes` is a piece's start."""
        whole = self._whole.get((tier, frame)) or self._look_up(tier, frame)
        first = start_bytes + HEADER_BYTES * (start_bytes // PIECE_BYTES)
        if end_bytes == self._lengths[tier][frame]:
            return whole[first:]
        return whole[first : wire_bytes(end_bytes)]

    def _look_up(self, tier: int, frame: int) -> memoryview:
        """All pieces of a frame; remembered once the run's files do not grow any more."""
        found = self._reader.piece_slices(tier, frame)
        if self.complete:
            self._whole[tier, frame] = found
        return found

    def reread(self, tier: int, frame: int) -> None:
        """The frame may have been made anew: it lies elsewhere then, and its length may have changed."""
        self._whole.pop((tier, frame), None)
        self._lengths[tier][frame] = self._reader.frame_bytes(tier, frame)

    def place(self, tier: int, frame: int) -> int:
        """Where the frame lies now: a frame that is made anew lies elsewhere. -1 where it is not there."""
        record = self._reader.record(tier, frame)
        return -1 if record is None else record.offset_bytes

    def hold(self, folder: DataFolder) -> bool:
        """Before it is lent: hold it against eviction. False where it was evicted or made anew meanwhile."""
        try:
            self._pin = Pin(folder, run_name(self.run))
        except NotFound:
            return False
        if self._reader.stale:
            self.let_go()
            return False
        self._pin.touch()
        return True

    @property
    def gone(self) -> bool:
        """Whether its entry was evicted, removed or made anew since it was opened."""
        return self._reader.stale

    def let_go(self) -> None:
        """Nobody has it any more."""
        pin, self._pin = self._pin, None
        if pin is not None:
            pin.touch()
            pin.close()

    def close(self) -> None:
        """Let go of the files."""
        self.let_go()
        self._whole.clear()
        self._reader.close()


class RunShelf:
    """Who has which run open. Safe to call from threads."""

    def __init__(self, folder: DataFolder, index: ArchiveIndex) -> None:
        self._folder, self._index = folder, index
        self._lock = threading.Lock()
        self._open: OrderedDict[int, OpenRun] = OrderedDict()

    def borrow_open(self, run: int) -> OpenRun | None:
        """The run if it is open here already and whole (no waiting)."""
        with self._lock:
            opened = self._open.get(run)
            if opened is None:
                return None
            if opened.gone or (not opened.borrowers and not opened.hold(self._folder)):
                self._open.pop(run)  # evicted, removed, or made anew: who has it, keeps it
                if not opened.borrowers:
                    opened.close()
                return None
            opened.borrowers += 1
            self._open.move_to_end(run)
        if not opened.complete:
            opened.refresh()
        return opened

    def borrow(self, run: int) -> OpenRun:
        """The run, opened if need be.

        Raises NotFound, NotReady while nothing of it is made, Unsupported with the reason why it cannot be played.
        """
        opened = self.borrow_open(run)
        if opened is not None:
            return opened
        row = self._index.run(run_name(run))
        if row.state == "failed":
            raise Unsupported(row.message or "this object cannot be played")
        if row.description is None:
            raise NotReady("the run is still being prepared")
        try:
            reader = CacheReader(self._folder, run_name(run), row.frames)
        except NotFound:
            # Described, but its cache is gone or of an older format: the owner makes it anew.
            raise NotReady("the run is being prepared again", lost=row.state == "ready") from None
        fresh = OpenRun(reader, row.description, row.study_instance_uid)
        if not fresh.hold(self._folder):
            fresh.close()
            raise NotReady("the run is being prepared again", lost=row.state == "ready")
        with self._lock:
            known = self._open.get(run)
            # One that nobody holds may be of an entry that is gone.
            opened = known if known is not None and known.borrowers and not known.gone else fresh
            self._open[run] = opened
            opened.borrowers += 1
            surplus = self._surplus()
        for unused in (known, fresh):
            if unused is not None and unused is not opened and not unused.borrowers:
                unused.close()
        for idle in surplus:
            idle.close()
        return opened

    def give_back(self, opened: OpenRun) -> None:
        """The borrower is done."""
        with self._lock:
            opened.borrowers -= 1
            surplus = self._surplus()
            if not opened.borrowers:
                opened.let_go()
                if self._open.get(opened.run) is not opened:
                    surplus.append(opened)
        for idle in surplus:
            idle.close()

    def _surplus(self) -> list[OpenRun]:
        idle = [run for run, opened in self._open.items() if opened.borrowers == 0]
        return [self._open.pop(run) for run in idle[: max(0, len(idle) - KEPT_OPEN)]]

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            everything = list(self._open.values())
            self._open.clear()
        for opened in everything:
            opened.close()
