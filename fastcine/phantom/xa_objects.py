"""XA objects of the phantom: the X-ray modules over pixels of xray.py (PS3.3 A.14, C.8.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import Place, code, decimal, item, sequence
from fastcine.phantom.encode import jpeg_lossless
from fastcine.phantom.projection import CArm
from fastcine.phantom.rhythm import Rhythm
from fastcine.phantom.timing import Timing, set_timing

XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"
ECG_SAMPLES_PER_FRAME = 40
"""As in real cath lab XA with a 5000 group curve."""


def _set_positioner(ds: Dataset, arm: CArm) -> None:
    """X-Ray acquisition and XA positioner (PS3.3 C.8.7.3, C.8.7.5)."""
    ds.KVP, ds.XRayTubeCurrent, ds.ExposureTime = "78", 620, 6
    ds.RadiationSetting, ds.ImageAndFluoroscopyAreaDoseProduct = "GR", "1.2"
    ds.DistanceSourceToDetector = decimal(arm.source_to_detector_mm)
    ds.DistanceSourceToPatient = decimal(arm.source_to_patient_mm)
    ds.EstimatedRadiographicMagnificationFactor = decimal(arm.source_to_detector_mm / arm.source_to_patient_mm)
    ds.PositionerMotion = "STATIC"
    ds.PositionerPrimaryAngle, ds.PositionerSecondaryAngle = decimal(arm.primary_deg), decimal(arm.secondary_deg)
    ds.ImagerPixelSpacing = [decimal(arm.imager_spacing_mm)] * 2
    ds.FieldOfViewShape = "RECTANGLE"
    ds.FieldOfViewDimensions = [round(arm.rows * arm.imager_spacing_mm), round(arm.columns * arm.imager_spacing_mm)]


def _set_shutter(ds: Dataset, arm: CArm, collimator: str, field: tuple[float, float]) -> None:
    """X-Ray collimator (PS3.3 C.8.7.3): edges of what xray.shutter lets through."""
    if collimator == "circle":
        ds.CollimatorShape = "CIRCULAR"
        ds.CenterOfCircularCollimator = [arm.rows // 2, arm.columns // 2]
        ds.RadiusOfCircularCollimator = round(arm.rows / 2 * 0.985)
    elif collimator == "rectangle":
        ds.CollimatorShape = "RECTANGULAR"
        ds.CollimatorLeftVerticalEdge = round(arm.columns / 2 * (1 - field[0]))
        ds.CollimatorRightVerticalEdge = round(arm.columns / 2 * (1 + field[0]))
        ds.CollimatorUpperHorizontalEdge = round(arm.rows / 2 * (1 - field[1]))
        ds.CollimatorLowerHorizontalEdge = round(arm.rows / 2 * (1 + field[1]))


def set_ecg_curve(ds: Dataset, rhythm: Rhythm, starts_s: NDArray[np.float64]) -> None:
    """The ECG as a retired 5000 group curve (PS3.3 2004 C.10.2), 40 samples a frame, and R Wave Pointer."""
    count = len(starts_s)
    step_s = float(starts_s[-1]) / (count - 1) if count > 1 else 1 / 15
    frame_edges = np.concatenate([starts_s, [starts_s[-1] + step_s]])
    samples = np.interp(
        np.arange(count * ECG_SAMPLES_PER_FRAME) / ECG_SAMPLES_PER_FRAME, np.arange(count + 1), frame_edges
    )
    values = np.round(2048 + 1200 * rhythm.ecg_mv(samples)).astype("<i2")
    ds.add_new(0x50000005, "US", 1)
    ds.add_new(0x50000010, "US", len(values))
    ds.add_new(0x50000020, "CS", "ECG")
    ds.add_new(0x50000022, "LO", "ECG lead II")
    ds.add_new(0x50000030, "SH", "DPPS")
    ds.add_new(0x50000103, "US", 1)
    ds.add_new(0x50000110, "US", 0)
    ds.add_new(0x50000112, "US", 0)
    ds.add_new(0x50000114, "US", 1)
    ds.add_new(0x50002500, "LO", "ECG")
    ds.add_new(0x50003000, "OW", values.tobytes())
    peaks = [
        int(np.searchsorted(frame_edges, r, side="right")) for r in rhythm.r_times_within_s(float(frame_edges[-1]))
    ]
    if peaks:
        ds.RWavePointer = peaks
    ds.HeartRate = rhythm.rate_bpm()


def mask_item(*, first: int, last: int, masks: Sequence[int]) -> Dataset:
    """An AVG_SUB item of the Mask Subtraction Sequence (PS3.3 C.7.6.10); frames from 1."""
    return item(
        MaskOperation="AVG_SUB", ApplicableFrameRange=[first, last], MaskFrameNumbers=list(masks),
        ContrastFrameAveraging=1, MaskSubPixelShift=[0.0, 0.0], MaskOperationExplanation="AVG_SUB",
    )  # fmt: skip


def xa_dataset(
    place: Place, arm: CArm, *, bits: int, timing: Timing, plane: str = "SINGLE PLANE", collimator: str = "rectangle",
    field: tuple[float, float] = (0.955, 0.935), logarithmic: bool = False,
) -> Dataset:  # fmt: skip
    """An XA data set without pixels: ``plane`` is Image Type value 3."""
    ds = objects.base_dataset(place, sop_class_uid=XA_IMAGE, image_type=("ORIGINAL", "PRIMARY", plane))
    objects.set_gray_pixels(ds, rows=arm.rows, columns=arm.columns, bits=bits)
    set_timing(ds, timing)
    _set_positioner(ds, arm)
    _set_shutter(ds, arm, collimator, field)
    ds.BodyPartExamined = "HEART"
    ds.ContrastBolusAgent = "Iodine"
    ds.ContrastBolusAgentSequence = sequence(code("44588005", "SCT", "Iodine"))
    ds.ContrastBolusRoute = "Intra-arterial"
    ds.PixelIntensityRelationship = "LOG" if logarithmic else "LIN"
    ds.PixelIntensityRelationshipSign = 1
    middle = 1 << (bits - 1)
    ds.WindowCenter, ds.WindowWidth = str(middle), str(2 * middle)
    return ds


def encoded(frames: Iterable[NDArray[Any]], *, bits: int) -> list[bytes]:
    """Frames as JPEG Lossless SV1 bitstreams."""
    return [jpeg_lossless(np.ascontiguousarray(frame), bits=bits) for frame in frames]


def xa_file(ds: Dataset, frames: Iterable[NDArray[Any]]) -> bytes:
    """The Part 10 bytes: ``frames`` coded as JPEG Lossless SV1."""
    streams = encoded(frames, bits=int(ds.BitsStored))
    return objects.part10(ds, transfer_syntax=objects.JPEG_LOSSLESS_SV1, frames=streams)
