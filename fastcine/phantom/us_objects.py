"""Ultrasound objects of the phantom: echo loops and the IVUS pullback (PS3.3 A.7, C.8.5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import echo, identity, ivus
from fastcine.phantom.dicom_objects import Made, Place, code, item, sequence
from fastcine.phantom.encode import jpeg_2000_lossless, jpeg_baseline_422
from fastcine.phantom.rhythm import Rhythm, make_rhythm
from fastcine.phantom.timing import Timing, constant_timing, set_timing

US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
RGB_ECHO_FRAMES = 60
IVUS_RATE_MM_S = 2.5
_CM, _SECONDS, _NO_UNIT = 3, 4, 0


def _region(
    *, spatial: int, data: int, bounds: tuple[int, int, int, int], units: tuple[int, int], delta: tuple[float, float],
    reference: tuple[int, int] | None = None, flags: int = 0,
) -> Dataset:  # fmt: skip
    """One item of the Sequence of Ultrasound Regions (PS3.3 C.8.5.5); ``bounds`` are x0, y0, x1, y1 inclusive.

    ``reference`` is relative to the region's corner and may lie outside it.
    """
    region = item(
        RegionSpatialFormat=spatial, RegionDataType=data, RegionFlags=flags,
        RegionLocationMinX0=bounds[0], RegionLocationMinY0=bounds[1],
        RegionLocationMaxX1=bounds[2], RegionLocationMaxY1=bounds[3],
        PhysicalUnitsXDirection=units[0], PhysicalUnitsYDirection=units[1],
        PhysicalDeltaX=delta[0], PhysicalDeltaY=delta[1],
    )  # fmt: skip
    if reference is not None:
        region.ReferencePixelX0, region.ReferencePixelY0 = reference
        region.ReferencePixelPhysicalValueX = region.ReferencePixelPhysicalValueY = 0.0
    return region


def tissue_region(bounds: tuple[int, int, int, int], cm_per_pixel: float, apex: tuple[int, int]) -> Dataset:
    """A sector of 2-D tissue; ``bounds`` x0, y0, x1, y1 inclusive, ``apex`` (x, y) from its corner."""
    delta = (cm_per_pixel, cm_per_pixel)
    return _region(spatial=1, data=1, bounds=bounds, units=(_CM, _CM), delta=delta, reference=apex, flags=1)


def _echo_regions() -> list[Dataset]:
    """The sector (2-D tissue), the colour box (2-D colour flow) and the ECG trace."""
    sector = echo.SECTOR
    half = np.deg2rad(sector.half_angle_deg)
    scale = 1 / sector.cm_per_pixel
    reach = round(sector.far_cm * np.sin(half) * scale)
    x0, y0 = round(sector.apex_column) - reach, round(sector.apex_row)
    x1, y1 = round(sector.apex_column) + reach, round(sector.apex_row + sector.far_cm * scale)
    apex = (round(sector.apex_column) - x0, round(sector.apex_row) - y0)
    delta = (sector.cm_per_pixel, sector.cm_per_pixel)
    left, right = (np.deg2rad(a) for a in echo.COLOR_ANGLE_DEG)
    near, far = echo.COLOR_DEPTH_CM
    box = (
        round(sector.apex_column + far * np.sin(left) * scale),
        round(sector.apex_row + near * np.cos(right) * scale),
        round(sector.apex_column + far * np.sin(right) * scale),
        round(sector.apex_row + far * scale),
    )
    box_apex = (round(sector.apex_column) - box[0], round(sector.apex_row) - box[1])
    top, bottom, ecg_left, ecg_right = echo.ECG_BOUNDS
    step_s = echo.ECG_SWEEP_S / (ecg_right - ecg_left)
    return [
        tissue_region((x0, y0, x1, y1), sector.cm_per_pixel, apex),
        _region(spatial=1, data=2, bounds=box, units=(_CM, _CM), delta=delta, reference=box_apex),
        _region(
            spatial=4, data=0x0A, bounds=(ecg_left, top, ecg_right - 1, bottom - 1), units=(_SECONDS, _NO_UNIT),
            delta=(step_s, 1.0),
        ),
    ]  # fmt: skip


def us_dataset(place: Place, timing: Timing, rhythm: Rhythm) -> Dataset:
    """A US multi-frame data set without pixels, with the beat's R Wave Time Vector (ms from frame 1)."""
    ds = objects.base_dataset(place, sop_class_uid=US_MULTIFRAME, image_type=("ORIGINAL", "PRIMARY", "CARDIO", "0001"))
    set_timing(ds, timing)
    ds.HeartRate = rhythm.rate_bpm()
    peaks = rhythm.r_times_within_s(float(timing.starts_s()[-1]))
    if peaks:
        ds.RWaveTimeVector = [round(1000.0 * t, 3) for t in peaks]
    return ds


def _echo_dataset(place: Place, timing: Timing, rhythm: Rhythm, *, photometric: str) -> Dataset:
    ds = us_dataset(place, timing, rhythm)
    objects.set_color_pixels(ds, rows=echo.SECTOR.rows, columns=echo.SECTOR.columns, photometric=photometric)
    ds.UltrasoundColorDataPresent = 1
    ds.SequenceOfUltrasoundRegions = sequence(*_echo_regions())
    ds.TransducerType = "SECTOR_PHASED"
    ds.BodyPartExamined = "HEART"
    ds.StageName, ds.StageNumber, ds.NumberOfStages = "Rest", 1, 1
    ds.ViewName, ds.ViewNumber, ds.NumberOfViewsInStage = "A4C", 1, 1
    return ds


def echo_rhythm(seed: int, what: str) -> Rhythm:
    """The rhythm of the echo loop called ``what``."""
    return make_rhythm(identity.rng_for(seed, f"rhythm {what}"), duration_s=8.0, rate_bpm=68)


def make_jpeg_echo(place: Place) -> Made:
    """An apical four-chamber loop with colour Doppler, 48 frames, JPEG baseline, YBR_FULL_422."""
    timing = constant_timing(48, "33.333")
    rhythm = echo_rhythm(place.seed, place.what)
    ds = _echo_dataset(place, timing, rhythm, photometric="YBR_FULL_422")
    rng = identity.rng_for(place.seed, f"speckle {place.what}")
    frames = [jpeg_baseline_422(f) for f in echo.echo_frames(rhythm, times_s=timing.starts_s(), rng=rng)]
    ratio = ds.Rows * ds.Columns * 3 * len(frames) / sum(map(len, frames))
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio, ds.LossyImageCompressionMethod = f"{ratio:.1f}", "ISO_10918_1"
    return Made(ds, objects.part10(ds, transfer_syntax=objects.JPEG_BASELINE, frames=frames))


def rgb_echo_dataset(place: Place, timing: Timing, rhythm: Rhythm) -> Dataset:
    """The data set of the uncompressed RGB loop, without pixels."""
    return _echo_dataset(place, timing, rhythm, photometric="RGB")


def rgb_echo_frames(seed: int, what: str, timing: Timing, rhythm: Rhythm) -> Iterator[NDArray[np.uint8]]:
    """The frames of the uncompressed RGB loop, uint8 (600, 800, 3)."""
    rng = identity.rng_for(seed, f"speckle {what}")
    return echo.echo_frames(rhythm, times_s=timing.starts_s(), rng=rng)


def make_rgb_echo(place: Place) -> Made:
    """The same view, 60 frames at 30 a second, uncompressed RGB."""
    timing = constant_timing(RGB_ECHO_FRAMES, "33.333")
    rhythm = echo_rhythm(place.seed, place.what)
    ds = rgb_echo_dataset(place, timing, rhythm)
    frames = [frame.tobytes() for frame in rgb_echo_frames(place.seed, place.what, timing, rhythm)]
    return Made(ds, objects.part10(ds, transfer_syntax=objects.EXPLICIT_LITTLE, frames=frames))


def make_ivus(place: Place) -> Made:
    """A motorised IVUS pullback, 75 frames at 15 a second, JPEG 2000 lossless."""
    timing = constant_timing(75, "66.667")
    rhythm = make_rhythm(identity.rng_for(place.seed, "rhythm ivus"), duration_s=8.0)
    ds = us_dataset(place, timing, rhythm)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "INTRAVASCULAR"]
    objects.set_gray_pixels(ds, rows=ivus.SIZE, columns=ivus.SIZE, bits=8)
    ds.UltrasoundColorDataPresent = 0
    ds.IVUSAcquisition = "MOTOR_PULLBACK"
    ds.IVUSPullbackRate = objects.decimal(IVUS_RATE_MM_S)
    ds.IVUSPullbackStartFrameNumber, ds.IVUSPullbackStopFrameNumber = 1, 75
    middle = ivus.SIZE // 2
    ds.SequenceOfUltrasoundRegions = sequence(
        _region(
            spatial=1, data=1, bounds=(0, 0, ivus.SIZE - 1, ivus.SIZE - 1), units=(_CM, _CM),
            delta=(ivus.MM_PER_PIXEL / 10, ivus.MM_PER_PIXEL / 10), reference=(middle, middle),
        )
    )  # fmt: skip
    ds.TransducerType = "IV_ROT XTAL"
    ds.BodyPartExamined = "HEART"
    ds.SynchronizationFrameOfReferenceUID = identity.uid_for(place.seed, "synchronization ivus")
    ds.SynchronizationTrigger, ds.AcquisitionTimeSynchronized = "NO TRIGGER", "N"
    ds.AnatomicRegionSequence = sequence(code("41801008", "SCT", "Coronary artery"))
    rng = identity.rng_for(place.seed, "speckle ivus")
    rendered = ivus.ivus_frames(rhythm, times_s=timing.starts_s(), rate_mm_s=IVUS_RATE_MM_S, rng=rng)
    frames = [jpeg_2000_lossless(frame) for frame in rendered]
    return Made(ds, objects.part10(ds, transfer_syntax=objects.JPEG_2000_LOSSLESS, frames=frames))
