"""The cine cache kept below its limit: entries that nobody has open go, the least recently used first.

What is evicted is a run's tiers; its small pictures stay, and so does its row, `ready`: when somebody opens it, it is
found missing and made anew. When an entry was last used is its frame table's time of change. Who plays an entry holds a
shared lock on that file (Pin), across processes; a crash at any line leaves an entry that is whole, or one that counts
as evicted.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
from collections.abc import Collection, Iterator

from fastcine.archive.cine_cache import CineCache
from fastcine.archive.cine_paths import TABLE_FILE, TIER_FILES, entry_path
from fastcine.archive.folder import DataFolder, storage_errors
from fastcine.errors import FastcineError, NotFound

MARK_FILE = ".evicted"
"""Stands in an entry that was evicted, so that `verify` does not take it for damage."""
COUNTED_AT_ONCE = 100
"""Entries looked at in one step, while the owner starts: a few milliseconds."""
LOW_WATER = 0.95
"""Where the limit is passed, entries go until so much of it is used: not one at every run that is made."""


class Pin:
    """An entry held against eviction until `close`. Raises NotFound where it is not there."""

    def __init__(self, folder: DataFolder, run: str) -> None:
        self._descriptor = -1
        try:
            self._descriptor = os.open(entry_path(folder, run) / TABLE_FILE, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # none there, or it is being evicted this moment
            self.close()
            raise NotFound("the run is not in the cine cache") from None
        if not os.fstat(self._descriptor).st_nlink:
            self.close()
            raise NotFound("the run is not in the cine cache")

    def touch(self) -> None:
        """It is used now."""
        with contextlib.suppress(OSError):
            os.utime(self._descriptor)

    def close(self) -> None:
        """Let go of it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def evict(folder: DataFolder, run: str) -> bool:
    """Delete a run's tiers; False where somebody has the entry open. Call it holding the folder's lock.

    Raises StorageFull or StorageUnavailable.
    """
    entry = entry_path(folder, run)
    with storage_errors("making room in the cine cache"):
        try:
            descriptor = os.open(entry / TABLE_FILE, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            _clear(folder, run)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (entry / MARK_FILE).touch()
            (entry / TABLE_FILE).unlink()
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        _clear(folder, run)
    return True


def _clear(folder: DataFolder, run: str) -> None:
    """The rest of an entry without its frame table, which nobody can read any more."""
    for name in TIER_FILES:
        (entry_path(folder, run) / name).unlink(missing_ok=True)


def was_evicted(folder: DataFolder, run: str) -> bool:
    """Whether a run has no entry because it was evicted."""
    entry = entry_path(folder, run)
    return (entry / MARK_FILE).exists() and not (entry / TABLE_FILE).exists()


class Evictor:
    """Counts what the cache takes and evicts; in the ingest owner's thread only.

    `cache_bytes` is the limit; 0: what the disk has, down to the folder's reserve.
    """

    def __init__(self, folder: DataFolder, *, cache_bytes: int = 0) -> None:
        self._folder, self._limit = folder, cache_bytes
        self._bytes: dict[str, int] = {}
        self._oldest: list[tuple[float, str]] = []
        self._uncounted: Iterator[str] | None = None
        self._counted = False
        self.total_bytes = 0

    def note(self, run: str) -> None:
        """An entry was made, or made anew: count it."""
        table, used = entry_path(self._folder, run) / TABLE_FILE, 0.0
        self.total_bytes -= self._bytes.pop(run, 0)
        with contextlib.suppress(OSError):
            used = table.stat().st_mtime
        if used:
            self._bytes[run] = CineCache(self._folder).entry_bytes(run)
            self.total_bytes += self._bytes[run]
            heapq.heappush(self._oldest, (used, run))

    def step(self, spared: Collection[str] = ()) -> bool:
        """Count a little, or evict what is too much but for `spared`. False where there is nothing (more) to do."""
        if not self._counted:
            self._count()
            return True
        return self.make_room(spared) > 0

    def _count(self) -> None:
        if self._uncounted is None:
            self._uncounted = CineCache(self._folder).runs()
        for _ in range(COUNTED_AT_ONCE):
            run = next(self._uncounted, None)
            if run is None:
                self._counted = True
                return
            if run not in self._bytes:
                self.note(run)
            if run not in self._bytes and was_evicted(self._folder, run):
                _clear(self._folder, run)  # a crash came in between

    def _too_much_bytes(self) -> int:
        """How much has to go; 0 below the limit."""
        most = self.total_bytes - int(self._limit * LOW_WATER) if 0 < self._limit < self.total_bytes else 0
        reserve, missing = self._folder.reserve_bytes, 0
        if reserve:
            with contextlib.suppress(FastcineError):  # a disk that cannot be asked: whoever writes is told
                missing = reserve - self._folder.free_bytes()
        return max(most, missing + reserve // 4 if missing > 0 else 0)

    def make_room(self, spared: Collection[str] = ()) -> int:
        """Evict until the cache is below its limit, or nothing is left that may go; answers how many runs went."""
        while not self._counted:
            self._count()
        wanted = self._too_much_bytes()
        freed, evicted, kept = 0, 0, []
        while freed < wanted and self._oldest:
            used, run = heapq.heappop(self._oldest)
            now = self._used(run)
            if now is None or run not in self._bytes:
                self.total_bytes -= self._bytes.pop(run, 0)
            elif now > used:
                heapq.heappush(self._oldest, (now, run))
            elif run in spared or not self._evict(run):
                kept.append((used, run))
            else:
                gone = self._bytes.pop(run)
                self.total_bytes -= gone
                freed, evicted = freed + gone, evicted + 1
        for each in kept:
            heapq.heappush(self._oldest, each)
        return evicted

    def _used(self, run: str) -> float | None:
        try:
            return (entry_path(self._folder, run) / TABLE_FILE).stat().st_mtime
        except OSError:
            return None

    def _evict(self, run: str) -> bool:
        try:
            return evict(self._folder, run)
        except FastcineError:
            return False
