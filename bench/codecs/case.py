"""One thing to measure: an operation on some frames by one implementation."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

OURS = "fastcine"
Call = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """`call(n)` does frame `n`, of `frames`; what it gives has to be `expected[n]` or within `tolerance` of it."""

    operation: str
    material: str
    implementation: str
    call: Call
    expected: Sequence[Any]
    raw_bytes: int
    """Of one frame's samples; 0 where samples are not what is counted."""
    frames: int
    tolerance: int = 0
    target: float = 0.0
    """Ours: at least so many times as fast as the best alternative."""
    limit_ms: float = 0.0
    """Ours: at most so long a call."""

    @property
    def name(self) -> str:
        return f"{self.operation}, {self.material}, {self.implementation}"

    def correct(self) -> bool:
        """Whether it gives what it should, of every frame."""
        return all(_alike(self.call(n), self.expected[n], self.tolerance) for n in range(self.frames))

    def run(self) -> None:
        """What is timed."""
        for n in range(self.frames):
            self.call(n)


def _alike(found: Any, expected: Any, tolerance: int) -> bool:
    if isinstance(found, Exception):
        return False
    if not isinstance(expected, np.ndarray):
        return bool(found == expected)
    found = np.asarray(found)
    if found.size != expected.size:
        return False
    found = found.reshape(expected.shape)
    if not tolerance:
        return bool(np.array_equal(found, expected))
    return bool(np.abs(found.astype(np.int64) - expected.astype(np.int64)).max() <= tolerance)


def installed(module: str) -> Any | None:
    """A module that may be missing, or None."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
