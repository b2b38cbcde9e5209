"""One thread at a time works; who is about to wait for the disk lets the next one go on.

Receiving a small object is a millisecond of Python and thirty system calls. Eight threads that do so at once hand the
interpreter's lock to each other at every one of these, which costs more than the work.
"""

from __future__ import annotations

import threading


class Turn:
    """A lock that its holder may leave early: `with turn: …; turn.leave(); os.fsync(…)`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def leave(self) -> None:
        """The next thread may go on; nothing where this one has left, or never had the turn."""
        if self._holder == threading.get_ident():
            self._holder = 0
            self._lock.release()

    def __exit__(self, *error: object) -> None:
        self.leave()
