"""Notes of objects that are on their way: in place already, not yet in the index.

Each receiving process keeps one small file in incoming/, locked while it lives, with a slot for every object between
its rename and its acknowledgement. What stands in the file of a dead process (the kernel has freed the lock) was whole
and is indexed at the next start. A file for each object would cost as much as storing a small one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

SLOT_BYTES = 256
"""A location: three names of at most 64 characters and little beside."""
PREFIX = ".intents-"


class Intents:
    """The notes of this process. A forked child gets a file of its own at its first note."""

    def __init__(self, incoming: Path) -> None:
        self._incoming = incoming
        self._guard = threading.Lock()
        self._descriptor, self._owner = -1, 0
        self._free: list[int] = []
        self._slots = 0

    def note(self, location: str) -> int:
        """An object is about to get this place; answers what `drop` wants. Raises OSError."""
        with self._guard:
            if self._owner != os.getpid():
                self._descriptor, self._owner = _own_file(self._incoming), os.getpid()
                self._free, self._slots = [], 0
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
                return descriptor
        except BlockingIOError:
            pass
        os.close(descriptor)
        number += 1


def _locations(descriptor: int) -> list[str]:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    slots = (data[at : at + SLOT_BYTES] for at in range(0, len(data), SLOT_BYTES))
    return [slot.rstrip(b"\0").decode("utf-8", "replace") for slot in slots if slot[0]]


def left_by_the_dead(incoming: Path) -> list[tuple[Path, list[str]]]:
    """Files of dead processes that hold notes, and the locations noted. Raises OSError."""
    found = []
    for path in sorted(incoming.glob(f"{PREFIX}*")):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locations = _locations(descriptor)
            if locations:
                found.append((path, locations))
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
    return found


def forget(path: Path) -> None:
    """All that stood in a dead process's file is put right. Raises OSError."""
    os.truncate(path, 0)  # nobody takes a file that holds notes, so it is nobody's
