"""When each frame was taken and how fast to show it (PS3.3 C.7.6.5, C.7.6.6, C.7.6.16.2.2).

Two things that are kept apart: the acquisition's own time (Frame Time, Frame Time Vector, Frame Acquisition DateTime),
which measurements and ECG alignment use, and a display rate that somebody recommends. Sums are exact fractions of a
millisecond; floats appear at the edge only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Literal

from pydicom import Dataset

from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.values import PER_FRAME_GROUPS, decimal, decimals, integer, items, text, texts
from fastcine.dicom.when import parse_datetime

_FRAME_TIME, _FRAME_TIME_VECTOR, _FRAME_DELAY = 0x00181063, 0x00181065, 0x00181066
_POINTER, _RECOMMENDED, _CINE_RATE = 0x00280009, 0x00082144, 0x00180040
_START_TRIM, _STOP_TRIM, _SEQUENCING, _MODALITY = 0x00082142, 0x00082143, 0x00181244, 0x00080060
_FRAME_CONTENT, _FRAME_DATETIME, _REFERENCE_DATETIME = 0x00209111, 0x00189074, 0x00189151
_TRIGGER_DELAY, _FRAME_DISPLAY, _RECOMMENDED_FLOAT = 0x00181067, 0x00089458, 0x00089459

#: What the Frame Increment Pointer names when the frames step through time.
_TIME_POINTERS = frozenset((_FRAME_TIME, _FRAME_TIME_VECTOR))
#: A loop slower than one frame in 10 s or faster than 1000 a second is no cine: the value is a slip.
_LONGEST_STEP_MS, _SHORTEST_STEP_MS = Fraction(10_000), Fraction(1)
_HIGHEST_RATE = 1000
#: What a modality runs at when nothing says so (standards: XA 15, US 30).
_DEFAULT_FPS = {"XA": 15, "RF": 15, "US": 30, "IVUS": 30, "IVOCT": 30, "OCT": 30, "MR": 15, "CT": 15, "NM": 10}
_OTHER_FPS = 15
_MICROSECOND = timedelta(microseconds=1)

Sequencing = Literal["loop", "sweep"]


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """The timing of one run.

    Either ``frame_time_ms`` (every step alike) or ``frame_starts_ms`` (start of each frame from the run's start, first
    0) is set. ``acquisition_known`` says that they are the acquisition's own times and not a display rate.
    ``start_trim`` and ``stop_trim`` are frame numbers from 1, as in the file. ``frame_delay_ms`` counts from Content
    Time to the first frame, ``trigger_delay_ms`` from the trigger. ``problems`` names values that were malformed.
    """

    frame_time_ms: Fraction | None
    frame_starts_ms: tuple[Fraction, ...] | None
    duration_ms: Fraction
    source: str
    acquisition_known: bool
    recommended_fps: float | None
    cine_rate_fps: float | None
    sequencing: Sequencing
    start_trim: int | None
    stop_trim: int | None
    frame_delay_ms: Fraction | None = None
    trigger_delay_ms: Fraction | None = None
    problems: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Mean rate in frames a second."""
        if self.frame_time_ms is not None:
            return float(1000 / self.frame_time_ms)
        assert self.frame_starts_ms is not None
        return float(1000 * len(self.frame_starts_ms) / self.duration_ms)

    def starts_ms(self, frames: int) -> tuple[Fraction, ...]:
        """Start of each of ``frames`` frames from the run's start, in ms."""
        if self.frame_starts_ms is not None:
            return self.frame_starts_ms
        assert self.frame_time_ms is not None
        return tuple(self.frame_time_ms * frame for frame in range(frames))


def frame_timing(dataset: Dataset, layout: ImageLayout) -> FrameTiming:
    """The timing of an image, by the first that is usable: Frame Time Vector or Frame Time (as the Frame Increment
    Pointer says), Frame Acquisition DateTime (Enhanced), Recommended Display Frame Rate, Cine Rate, the modality's
    usual rate. Never raises: malformed values are named in ``problems`` and passed over.
    """
    return _Timing(dataset, layout.frames).timing()


class _Timing:
    def __init__(self, dataset: Dataset, frames: int) -> None:
        self._dataset = dataset
        self._frames = frames
        self._problems: list[str] = []

    def timing(self) -> FrameTiming:
        recommended = self._rate(_RECOMMENDED, "Recommended Display Frame Rate")
        if recommended is None:
            # Enhanced objects give rates for ranges of frames; the first stands for the run.
            for item in items(self._dataset, _FRAME_DISPLAY)[:1]:
                recommended = self._rate(_RECOMMENDED_FLOAT, "Recommended Display Frame Rate", dataset=item)
        cine_rate = self._rate(_CINE_RATE, "Cine Rate")
        step, starts, source = self._acquisition()
        known = bool(source)
        if not known:
            step, source = self._display_step(recommended, cine_rate)
        if starts is not None:
            duration = starts[-1] + starts[-1] / (len(starts) - 1)
        else:
            assert step is not None
            duration = step * self._frames
        return FrameTiming(
            frame_time_ms=step,
            frame_starts_ms=starts,
            duration_ms=duration,
            source=source,
            acquisition_known=known,
            recommended_fps=None if recommended is None else float(recommended),
            cine_rate_fps=None if cine_rate is None else float(cine_rate),
            sequencing="sweep" if integer(self._dataset, _SEQUENCING) == 1 else "loop",
            start_trim=self._trim(_START_TRIM, "Start Trim"),
            stop_trim=self._trim(_STOP_TRIM, "Stop Trim"),
            frame_delay_ms=decimal(self._dataset, _FRAME_DELAY),
            trigger_delay_ms=decimal(self._dataset, _TRIGGER_DELAY),
            problems=tuple(self._problems),
        )

    def _acquisition(self) -> tuple[Fraction | None, tuple[Fraction, ...] | None, str]:
        """(step, starts, source) of the acquisition's own time; the source is empty when there is none."""
        pointers = self._pointers()
        order = [_FRAME_TIME_VECTOR, _FRAME_TIME]
        if pointers:
            # What the pointer names comes first. Frames that step through space or energy have no cine time.
            order.sort(key=lambda tag: tag not in pointers)
            if not _TIME_POINTERS & set(pointers):
                order = []
                if PER_FRAME_GROUPS not in pointers and self._frames > 1:
                    self._problems.append("Frame Increment Pointer names no time")
        for tag in order:
            if tag == _FRAME_TIME_VECTOR:
                starts = self._vector()
                if starts is not None:
                    return (*_simplified(starts), "Frame Time Vector")
            else:
                step = self._frame_time()
                if step is not None:
                    return step, None, "Frame Time"
        starts = self._datetimes()
        if starts is not None:
            return (*_simplified(starts), "Frame Acquisition DateTime")
        return None, None, ""

    def _pointers(self) -> list[int]:
        element = self._dataset.get(_POINTER)
        if element is None or element.value is None or isinstance(element.value, bytes):
            return []
        values = element.value if element.VM > 1 else [element.value]
        return [int(value) for value in values if isinstance(value, int)]

    def _frame_time(self) -> Fraction | None:
        step = decimal(self._dataset, _FRAME_TIME)
        if step is None:
            if texts(self._dataset, _FRAME_TIME):
                self._problems.append("Frame Time is no number")
            return None
        if not _SHORTEST_STEP_MS <= step <= _LONGEST_STEP_MS:
            if self._frames > 1:
                self._problems.append("Frame Time out of range")
            return None
        return step

    def _vector(self) -> tuple[Fraction, ...] | None:
        """Starts by the Frame Time Vector: the first element is always 0, whatever stands there."""
        vector = decimals(self._dataset, _FRAME_TIME_VECTOR)
        if not vector or self._frames < 2:
            return None
        if len(vector) == self._frames - 1:
            # Written without the leading 0 by some.
            self._problems.append("Frame Time Vector one element short")
            vector = [Fraction(0), *vector]
        if len(vector) < self._frames:
            self._problems.append(f"Frame Time Vector of {len(vector)} elements for {self._frames} frames")
            return None
        steps = vector[1 : self._frames]
        if any(step is None or not 0 <= step <= _LONGEST_STEP_MS for step in steps):
            self._problems.append("Frame Time Vector with elements that are no steps of time")
            return None
        starts = tuple(accumulate((step or Fraction(0) for step in steps), initial=Fraction(0)))
        if starts[-1] < _SHORTEST_STEP_MS * (self._frames - 1):
            self._problems.append("Frame Time Vector out of range")
            return None
        return starts

    def _datetimes(self) -> tuple[Fraction, ...] | None:
        """Starts by each frame's Frame Acquisition DateTime, which has to rise."""
        groups = items(self._dataset, PER_FRAME_GROUPS)
        if len(groups) < self._frames or self._frames < 2:
            return None
        moments = []
        for group in groups[: self._frames]:
            content = items(group, _FRAME_CONTENT)
            written = (texts(content[0], _FRAME_DATETIME) or texts(content[0], _REFERENCE_DATETIME)) if content else []
            moment = parse_datetime(written[0]) if written else None
            if moment is None:
                return None
            moments.append(moment)
        try:
            offsets = [moment - moments[0] for moment in moments]
        except TypeError:  # some with a zone and some without
            self._problems.append("Frame Acquisition DateTime with and without a time zone")
            return None
        starts = tuple(Fraction(offset // _MICROSECOND, 1000) for offset in offsets)
        steps = [after - before for before, after in pairwise(starts)]
        if any(step < 0 for step in steps) or max(steps) > _LONGEST_STEP_MS or starts[-1] == 0:
            self._problems.append("Frame Acquisition DateTime does not rise as a cine does")
            return None
        if 2 * steps.count(Fraction(0)) >= len(steps):
            # Planes of a volume, kinds of data, or whole seconds: by these times most frames would never be seen.
            self._problems.append("Frame Acquisition DateTime is the same for many frames")
            return None
        return starts

    def _rate(self, tag: int, name: str, *, dataset: Dataset | None = None) -> Fraction | None:
        dataset = self._dataset if dataset is None else dataset
        rate = decimal(dataset, tag)
        if rate is not None and 0 < rate <= _HIGHEST_RATE:
            return rate
        if texts(dataset, tag) and rate != 0:
            self._problems.append(f"{name} out of range" if rate is not None else f"{name} is no number")
        return None

    def _display_step(self, recommended: Fraction | None, cine_rate: Fraction | None) -> tuple[Fraction, str]:
        if recommended is not None:
            return 1000 / recommended, "Recommended Display Frame Rate"
        if cine_rate is not None:
            return 1000 / cine_rate, "Cine Rate"
        modality = text(self._dataset, _MODALITY)
        fps = _DEFAULT_FPS.get(modality, _OTHER_FPS)
        named = f" ({modality})" if modality in _DEFAULT_FPS else ""
        return Fraction(1000, fps), f"default {fps} fps{named}"

    def _trim(self, tag: int, name: str) -> int | None:
        value = integer(self._dataset, tag)
        if value is not None and 1 <= value <= self._frames:
            return value
        if texts(self._dataset, tag):
            self._problems.append(f"{name} is no frame of the run")
        return None


def _simplified(starts: tuple[Fraction, ...]) -> tuple[Fraction | None, tuple[Fraction, ...] | None]:
    """A constant step instead of a list of starts, where all steps are alike."""
    step = starts[1] - starts[0]
    if step >= _SHORTEST_STEP_MS and all(start == step * frame for frame, start in enumerate(starts)):
        return step, None
    return None, starts


def timing_json(timing: FrameTiming) -> dict[str, object]:
    """The ``timing`` object of docs/api.md."""
    starts = timing.frame_starts_ms
    return {
        "frame_time_ms": None if timing.frame_time_ms is None else float(timing.frame_time_ms),
        "frame_starts_ms": None if starts is None else [float(start) for start in starts],
        "duration_ms": float(timing.duration_ms),
        "source": timing.source,
        "fps": round(timing.fps, 3),
        "recommended_fps": timing.recommended_fps,
        "cine_rate_fps": timing.cine_rate_fps,
        "sequencing": timing.sequencing,
        "start_trim": timing.start_trim,
        "stop_trim": timing.stop_trim,
        "acquisition_known": timing.acquisition_known,
    }
