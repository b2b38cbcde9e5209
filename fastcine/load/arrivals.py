"""What arrived at all viewers and how late: figures, and a time line a second long step by step. Pure."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastcine.cine.wire import TIERS

PERCENTILES = (50, 95, 99, 100)
TIER_NAMES = ("coarse", "fine", "exact")


@dataclass(slots=True)
class Second:
    """One second of the measured time."""

    frames: int = 0
    bytes_by_tier: list[int] = field(default_factory=lambda: [0 for _ in TIERS])
    worst_late_ms: float = float("-inf")
    worst_first_ms: float = float("-inf")
    """Time to first frame of a run opened anew."""


class Arrivals:
    """Counts for all viewers together. Times are seconds of one monotonic clock; measuring begins with `begin`."""

    def __init__(self) -> None:
        self.begun_at: float | None = None
        self.messages = 0
        self.received_bytes = 0
        self.opened = 0
        self.finished = 0
        """Runs of which all was there before the next one was asked for."""
        self.busy = 0
        self.lost = 0
        self.errors: dict[str, int] = {}
        self.seconds: list[Second] = []
        self._late_s = array("f")
        self._first_s = array("f")

    def begin(self, now: float) -> None:
        """From here on it counts."""
        self.begun_at = now

    def _second(self, now: float) -> Second | None:
        if self.begun_at is None:
            return None
        number = int(now - self.begun_at)
        while len(self.seconds) <= number:
            self.seconds.append(Second())
        return self.seconds[number]

    def message(self, count_bytes: int) -> None:
        """A binary message's payload has begun."""
        if self.begun_at is not None:
            self.messages += 1
            self.received_bytes += count_bytes

    def piece(self, tier: int, count_bytes: int, now: float) -> None:
        """A piece, header included."""
        second = self._second(now)
        if second is not None:
            second.bytes_by_tier[tier] += count_bytes

    def frame(self, due_at: float, now: float, *, first: bool) -> None:
        """A frame is whole in some tier for the first time; play needs it at `due_at`, `first` is a run's first."""
        second = self._second(now)
        if second is None:
            return
        late_s = now - due_at
        self._late_s.append(late_s)
        if first:
            self._first_s.append(late_s)
            second.worst_first_ms = max(second.worst_first_ms, late_s * 1000)
        second.frames += 1
        second.worst_late_ms = max(second.worst_late_ms, late_s * 1000)

    def error(self, words: str) -> None:
        """Something a viewer met."""
        self.errors[words] = self.errors.get(words, 0) + 1

    def figures(self, seconds: float) -> dict[str, Any]:
        """Plain JSON: rates over `seconds`, percentiles in ms."""
        return {
            "frames_per_s": len(self._late_s) / seconds,
            "messages_per_s": self.messages / seconds,
            "bytes_per_s": self.received_bytes / seconds,
            "runs_opened": self.opened,
            "runs_finished": self.finished,
            "busy": self.busy,
            "connections_lost": self.lost,
            "errors": self.errors,
            "late_ms": _percentiles(self._late_s),
            "first_frame_ms": _percentiles(self._first_s),
            "seconds": [
                {
                    "frames": each.frames,
                    "worst_late_ms": each.worst_late_ms if each.frames else None,
                    "worst_first_ms": None if each.worst_first_ms == float("-inf") else each.worst_first_ms,
                    **dict(zip(TIER_NAMES, each.bytes_by_tier, strict=True)),
                }
                for each in self.seconds
            ],
        }


def _percentiles(seconds: array[float]) -> dict[str, float]:
    if not seconds:
        return {}
    values = np.percentile(np.frombuffer(seconds, np.float32) * 1000, PERCENTILES)
    return {f"p{percentile}": float(value) for percentile, value in zip(PERCENTILES, values, strict=True)}
