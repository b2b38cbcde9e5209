"""A stress echo of the phantom: four stages of four views, small grey loops of a beat and a bit, uint8 (150, 200).

The left ventricle is a ring of muscle that thickens on the rhythm's clock, another cut of it in each view. At peak
stress the apex hardly moves: what a reader is to find. Each loop begins at another moment of the beat, as real ones
do, and says in R Wave Time Vector when its R waves come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import identity, us_objects
from fastcine.phantom.dicom_objects import Made, Place, sequence
from fastcine.phantom.encode import jpeg_lossless
from fastcine.phantom.lettering import burn_text
from fastcine.phantom.rhythm import Rhythm
from fastcine.phantom.scan_sector import Map, ScanConverter, Sector, speckle
from fastcine.phantom.timing import Timing, constant_timing

FRAMES, FRAME_TIME_MS = 28, "40"
SECTOR = Sector(rows=150, columns=200, apex_row=14.0, apex_column=100.0, cm_per_pixel=0.115, far_cm=13.5,
                half_angle_deg=36.0, samples=130, beams=90)  # fmt: skip
_ECG_TOP, _ECG_BOTTOM = 128, 148
_ECG_MV_PER_ROW = 0.09
_R_SPREAD_MS = 45
"""Between the first R waves of two views of one stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the protocol: heart rate, how strongly the wall contracts (1 at rest), and minutes of infusion."""

    name: str
    rate_bpm: int
    vigour: float
    infusion_min: float
    ischemic: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A cut of the ventricle: centre and half axes of the cavity in cm (x to the right, y deeper), and its tilt."""

    name: str
    centre_cm: tuple[float, float]
    axes_cm: tuple[float, float]
    tilt_deg: float


STAGES = (
    Stage("Rest", 68, 1.0, 0.0),
    Stage("Low dose", 84, 1.15, 3.0),
    Stage("Peak dose", 132, 1.3, 12.0, ischemic=True),
    Stage("Recovery", 92, 1.05, 20.0),
)
VIEWS = (
    View("PLAX", (0.2, 6.4), (2.0, 3.9), 72.0),
    View("PSAX", (0.0, 6.6), (2.3, 2.3), 0.0),
    View("A4C", (0.7, 6.2), (1.9, 4.0), 0.0),
    View("A2C", (-0.2, 6.2), (1.7, 4.1), -8.0),
)


def place_of(place: Place) -> tuple[Stage, View]:
    """Stage by the series' number, view by the instance's."""
    return STAGES[place.series - 1], VIEWS[place.instance - 1]


def rhythm_of(stage: Stage, view: View) -> Rhythm:
    """Steady beats, the first R wave of each view a little later than the one before."""
    rr_s = 60.0 / stage.rate_bpm
    first_s = (40 + _R_SPREAD_MS * VIEWS.index(view) + 10 * STAGES.index(stage)) / 1000
    return Rhythm(first_s + rr_s * np.arange(-3.0, 8.0))


class _Ventricle:
    """One view's cut on the sector's polar grid."""

    def __init__(self, view: View, rng: np.random.Generator) -> None:
        x, y = SECTOR.polar_grid()
        tilt = np.deg2rad(view.tilt_deg)
        dx, dy = x - view.centre_cm[0], y - view.centre_cm[1]
        self._across = (dx * np.cos(tilt) + dy * np.sin(tilt)) / view.axes_cm[0]
        self._along = (-dx * np.sin(tilt) + dy * np.cos(tilt)) / view.axes_cm[1]
        self._apex = np.clip(-self._along, 0, 1).astype(np.float32)
        self._pattern = speckle(rng, SECTOR.samples, SECTOR.beams)
        self._gain = (1.2 - 0.04 * y).astype(np.float32)

    def brightness(self, contraction: float, *, ischemic: bool) -> Map:
        """Linear, before compression, float32 (samples, beams)."""
        inward = 0.34 * contraction * (1.0 - 0.85 * self._apex if ischemic else 1.0)
        cavity = np.hypot(self._across, self._along) / (1.0 - inward)
        outside = np.hypot(self._across, self._along) / (1.42 - 0.05 * contraction)
        muscle = np.clip((cavity - 1.0) * 9 + 0.5, 0, 1) * np.clip((1.0 - outside) * 14 + 0.5, 0, 1)
        rim = np.exp(-np.square((outside - 1.0) / 0.05)) + 0.8 * np.exp(-np.square((cavity - 1.0) / 0.05))
        level = 0.05 + 0.34 * muscle + 0.7 * rim
        level *= 1.0 - 0.9 * np.clip((1.0 - cavity) * 9, 0, 1)
        return np.asarray(level * self._pattern * self._gain, dtype=np.float32)


def _draw_ecg(screen: NDArray[np.uint8], rhythm: Rhythm, times_s: NDArray[np.float64], frame: int) -> None:
    """The whole loop's trace, and a bright line where this frame is."""
    columns = np.linspace(0.0, float(times_s[-1]), SECTOR.columns - 20)
    rows = _ECG_BOTTOM - 5 - np.round(rhythm.ecg_mv(columns) / _ECG_MV_PER_ROW).astype(np.intp)
    screen[np.clip(rows, _ECG_TOP, _ECG_BOTTOM - 1), np.arange(10, SECTOR.columns - 10)] = 190
    now = 10 + round(float(times_s[frame]) / float(times_s[-1]) * (SECTOR.columns - 21))
    screen[_ECG_TOP:_ECG_BOTTOM, now] = 250


def stress_frames(stage: Stage, view: View, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """The loop's frames, uint8 (150, 200)."""
    rhythm, times_s = rhythm_of(stage, view), timing().starts_s()
    ventricle, converter = _Ventricle(view, rng), ScanConverter(SECTOR)
    furniture = np.zeros((SECTOR.rows, SECTOR.columns), dtype=np.uint8)
    burn_text(furniture, "PHANTOM", top=3, left=3, value=230)
    burn_text(furniture, view.name, top=13, left=3, value=200)
    burn_text(furniture, str(STAGES.index(stage) + 1), top=23, left=3, value=200)
    for frame, contraction in enumerate(rhythm.contraction(times_s) * min(stage.vigour, 1.3)):
        level = ventricle.brightness(float(contraction), ischemic=stage.ischemic)
        screen = furniture.copy()
        screen[converter.rows, converter.columns] = np.minimum(230.0 * np.sqrt(converter.convert(level)), 255.0)
        _draw_ecg(screen, rhythm, times_s, frame)
        yield screen


def timing() -> Timing:
    """That of every loop."""
    return constant_timing(FRAMES, FRAME_TIME_MS)


def _dataset(place: Place, stage: Stage, view: View) -> Dataset:
    ds = us_objects.us_dataset(place, timing(), rhythm_of(stage, view))
    objects.set_gray_pixels(ds, rows=SECTOR.rows, columns=SECTOR.columns, bits=8)
    ds.UltrasoundColorDataPresent = 0
    half, scale = np.deg2rad(SECTOR.half_angle_deg), 1 / SECTOR.cm_per_pixel
    reach, deepest = round(SECTOR.far_cm * np.sin(half) * scale), round(SECTOR.far_cm * scale)
    left, top = round(SECTOR.apex_column) - reach, round(SECTOR.apex_row)
    bounds = (left, top, round(SECTOR.apex_column) + reach, min(top + deepest, SECTOR.rows - 1))
    ds.SequenceOfUltrasoundRegions = sequence(us_objects.tissue_region(bounds, SECTOR.cm_per_pixel, (reach, 0)))
    ds.TransducerType, ds.BodyPartExamined = "SECTOR_PHASED", "HEART"
    ds.StageName, ds.StageNumber, ds.NumberOfStages = stage.name, place.series, len(STAGES)
    ds.ViewName, ds.ViewNumber, ds.NumberOfViewsInStage = view.name, place.instance, len(VIEWS)
    ds.NumberOfEventTimers, ds.EventTimerNames = 1, "INFUSION"
    ds.EventElapsedTimes = objects.decimal(stage.infusion_min * 60_000)
    return ds


def make_stress_loop(place: Place) -> Made:
    """One loop: `place.series` is the stage's number, `place.instance` the view's; JPEG Lossless."""
    stage, view = place_of(place)
    ds = _dataset(place, stage, view)
    frames = stress_frames(stage, view, identity.rng_for(place.seed, f"speckle stress {view.name}"))
    streams = [jpeg_lossless(np.ascontiguousarray(frame), bits=8) for frame in frames]
    return Made(ds, objects.part10(ds, transfer_syntax=objects.JPEG_LOSSLESS_SV1, frames=streams))
