"""One timer for all viewers of a worker: no task per viewer.

Each viewer says when it wants to wake; the wheel keeps them in slots of `SLOT_S` and sets one `call_at`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SLOT_S = 0.25
"""Viewers wake only for their idle limits, so a coarse slot serves."""

Wake = Callable[[float], float | None]
"""Called with the time; answers when it wants to wake next, or None when it is done."""


class Wheel:
    """Slots of callbacks, one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[Wake]] = {}
        self._handle: asyncio.TimerHandle | None = None

    def add(self, wake: Wake, at: float) -> None:
        """Call `wake` at `at` (loop time) or within a slot after it."""
        slot = int(at / SLOT_S) + 1
        self._slots.setdefault(slot, set()).add(wake)
        self._arm()

    def _arm(self) -> None:
        if self._slots and (self._handle is None or self._handle.cancelled()):
            due = min(self._slots) * SLOT_S
            self._handle = self._loop.call_at(max(due, self._loop.time()), self._turn)

    def _turn(self) -> None:
        self._handle = None
        now = self._loop.time()
        current = int(now / SLOT_S)
        for slot in [slot for slot in self._slots if slot <= current]:
            for wake in self._slots.pop(slot):
                again = wake(now)
                if again is not None:
                    self._slots.setdefault(max(current + 1, int(again / SLOT_S) + 1), set()).add(wake)
        self._arm()

    def stop(self) -> None:
        """Forget everything."""
        self._slots.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
