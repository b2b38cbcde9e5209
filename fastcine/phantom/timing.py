"""When a run's frames were taken, and how the Cine and Multi-frame modules say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom.dicom_objects import decimal


@dataclass(frozen=True, slots=True)
class Timing:
    """When frames were taken: their starts in ms from the first, as exact decimal increments.

    ``increments_ms`` are DS texts, one a frame, the first ``"0"`` (PS3.3 C.7.6.5.1.2); ``constant_ms`` is a Frame
    Time instead where all steps are equal.
    """

    increments_ms: tuple[str, ...]
    constant_ms: str | None = None

    def starts_s(self) -> NDArray[np.float64]:
        """Start of each frame in seconds from the first."""
        return np.asarray(np.cumsum([float(step) for step in self.increments_ms]) / 1000.0)


def constant_timing(frames: int, frame_time_ms: str) -> Timing:
    """``frames`` frames, ``frame_time_ms`` (a decimal text) apart."""
    return Timing(("0", *([frame_time_ms] * (frames - 1))), frame_time_ms)


def set_timing(ds: Dataset, timing: Timing) -> None:
    """Cine, Multi-frame and Frame Increment Pointer (PS3.3 C.7.6.5, C.7.6.6)."""
    ds.NumberOfFrames = len(timing.increments_ms)
    if timing.constant_ms is not None:
        ds.FrameIncrementPointer = 0x00181063
        ds.FrameTime = timing.constant_ms
    else:
        ds.FrameIncrementPointer = 0x00181065
        ds.FrameTimeVector = list(timing.increments_ms)
    steps = [float(step) for step in timing.increments_ms[1:]] or [1000.0]
    ds.CineRate = ds.RecommendedDisplayFrameRate = round(1000.0 / sorted(steps)[len(steps) // 2])
    ds.PreferredPlaybackSequencing = 0
    ds.FrameDelay = "0"
    ds.EffectiveDuration = decimal(sum(steps) / 1000.0)
