"""A link to emulate: how fast, how far, how lossy; and when a packet comes out at its other end. Pure.

A link is written RATE,RTT[,LOSS], as in ``8M,80ms`` or ``2M,120ms,1%``; ``none`` is no link at all.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from fastcine.errors import UsageError

QUEUE_S = 0.1
"""What the bottleneck's queue holds, in time at its rate; home routers hold more, and it only ever hurts."""
LEAST_QUEUE_BYTES = 48_000
"""Never less: ten segments of an opening connection and a few of its neighbours have to fit."""

_FORM = re.compile(r"(\d+(?:\.\d+)?)([kMG]),(\d+(?:\.\d+)?)ms(?:,(\d+(?:\.\d+)?)%)?")
_UNIT = {"k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, slots=True)
class Link:
    """The same both ways. `rate_bits_per_s` of whole IP packets, `loss` the share of packets lost, 0 to below 1."""

    rate_bits_per_s: float
    round_trip_ms: float
    loss: float = 0.0

    @property
    def rate_bytes_per_s(self) -> float:
        """Of whole IP packets."""
        return self.rate_bits_per_s / 8

    @property
    def queue_bytes(self) -> int:
        """Room in front of the bottleneck."""
        return max(LEAST_QUEUE_BYTES, round(self.rate_bytes_per_s * QUEUE_S))

    def __str__(self) -> str:
        unit, size = next((unit, size) for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)) if self._is_whole(size))
        loss = f",{self.loss * 100:g}%" if self.loss else ""
        return f"{self.rate_bits_per_s / size:g}{unit},{self.round_trip_ms:g}ms{loss}"

    def _is_whole(self, size: float) -> bool:
        return self.rate_bits_per_s >= size or size == 1e3


def parse_link(text: str) -> Link | None:
    """`text` as a Link, None for ``none``. Raises UsageError that shows the form."""
    if text == "none":
        return None
    found = _FORM.fullmatch(text.replace(" ", ""))
    link = None
    if found is not None:
        link = Link(float(found[1]) * _UNIT[found[2]], float(found[3]), float(found[4] or 0) / 100)
    if link is None or not link.rate_bits_per_s or link.loss >= 1:
        raise UsageError(f"{text!r} is no link: write RATE,RTT[,LOSS] as in 8M,80ms or 2M,120ms,1% (or none)")
    return link


class Shaper:
    """One direction of a link: a queue of bounded length before a line of fixed rate, then half the round trip."""

    __slots__ = ("_chance", "_free_at", "_link", "dropped", "lost", "passed_bytes", "passed_packets")

    def __init__(self, link: Link, seed: int = 0) -> None:
        self._link = link
        self._chance = random.Random(seed)
        self._free_at = 0.0
        self.dropped = 0
        """Packets that found the queue full."""
        self.lost = 0
        self.passed_packets = 0
        self.passed_bytes = 0

    def queued_bytes(self, now: float) -> float:
        """What waits in front of the line or is on its way into it."""
        return max(0.0, self._free_at - now) * self._link.rate_bytes_per_s

    def offer(self, size_bytes: int, now: float) -> float | None:
        """When a packet that comes now arrives at the other end; None where it never does."""
        if self.queued_bytes(now) + size_bytes > self._link.queue_bytes:
            self.dropped += 1
            return None
        self._free_at = max(self._free_at, now) + size_bytes / self._link.rate_bytes_per_s
        if self._link.loss and self._chance.random() < self._link.loss:
            self.lost += 1
            return None
        self.passed_packets += 1
        self.passed_bytes += size_bytes
        return self._free_at + self._link.round_trip_ms / 2000
