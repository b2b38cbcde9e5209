"""Notes of objects that are on their way: in place already, not yet in the index.

Each receiving process keeps one small file in incoming/, locked while it lives, with a slot for every object between
its rename and its acknowledgement. What stands in the file of a dead process (the kernel has freed the lock) was whole
and is indexed at the next start. A file for each object would cost as much as storing a small one.

The first slot names the process: where that is dead and its file is locked all the same (the kernel is not done with
it, or somebody else looks into it just now), it is waited for, so that no start passes over what it has to put right.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SLOT_BYTES = 256
"""A location: three names of at most 64 characters and little beside."""
PREFIX = ".intents-"
HOLDER = b"process "
LOCK_WAIT_S = 5.0
"""How long a dead process's file is waited for."""


class Intents:
    """The notes of this process. A forked child gets a file of its own at its first note."""

    def __init__(self, incoming: Path) -> None:
        self._incoming = incoming
        self._guard = threading.Lock()
        self._descriptor, self._owner = -1, 0
        self._free: list[int] = []
        self._slots = 1

    def note(self, location: str) -> int:
        """An object is about to get this place; answers what `drop` wants. Raises OSError."""
        with self._guard:
            if self._owner != os.getpid():
                self._descriptor, self._owner = _own_file(self._incoming), os.getpid()
                self._free, self._slots = [], 1
            if not self._free:
                self._free.append(self._slots)
                self._slots += 1
            slot = self._free.pop()
        try:
            os.pwrite(self._descriptor, location.encode().ljust(SLOT_BYTES, b"\0"), slot * SLOT_BYTES)
        except OSError:
            self.drop(slot)
            raise
        return slot

    def drop(self, slot: int) -> None:
        """It is in the index, or gone."""
        with suppress(OSError):  # then it is looked at once more at the next start
            os.pwrite(self._descriptor, b"\0", slot * SLOT_BYTES)
        with self._guard:
            self._free.append(slot)

    def __del__(self) -> None:
        if self._descriptor >= 0 and self._owner == os.getpid():
            os.close(self._descriptor)


def _own_file(incoming: Path) -> int:
    """The first file that nobody has, and that holds nothing of a dead one, locked."""
    number = 0
    while True:
        descriptor = os.open(incoming / f"{PREFIX}{number:02d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _locations(descriptor):
                os.pwrite(descriptor, (HOLDER + b"%d" % os.getpid()).ljust(SLOT_BYTES, b"\0"), 0)
                return descriptor
        except BlockingIOError:
            pass
        os.close(descriptor)
        number += 1


def _slots(descriptor: int) -> list[bytes]:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return [data[at : at + SLOT_BYTES] for at in range(0, len(data), SLOT_BYTES)]


def _locations(descriptor: int) -> list[str]:
    noted = (slot for slot in _slots(descriptor) if slot[0] and not slot.startswith(HOLDER))
    return [slot.rstrip(b"\0").decode("utf-8", "replace") for slot in noted]


def _holder_lives(descriptor: int) -> bool:
    first = next(iter(_slots(descriptor)), b"").rstrip(b"\0")
    if not first.startswith(HOLDER):  # it has not yet said who it is
        return True
    try:
        os.kill(int(first.removeprefix(HOLDER)), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _locked(descriptor: int) -> bool:
    """Get the lock of a dead process's file. False where its process lives, or the lock is not to be had in time."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if _holder_lives(descriptor) or time.monotonic() > deadline:
                return False
        time.sleep(0.01)


@dataclass(frozen=True)
class LeftNotes:
    """What a dead process noted, its file locked here so that nobody else puts it right at the same time."""

    locations: list[str]
    _descriptor: int

    def forget(self) -> None:
        """All of it is put right. Raises OSError."""
        os.truncate(self._descriptor, 0)


def left_by_the_dead(incoming: Path) -> Iterator[LeftNotes]:
    """The notes of dead processes, file by file, each locked until the next is asked for. Raises OSError."""
    for path in sorted(incoming.glob(f"{PREFIX}*")):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if _locked(descriptor) and (locations := _locations(descriptor)):
                yield LeftNotes(locations, descriptor)
        finally:
            os.close(descriptor)
