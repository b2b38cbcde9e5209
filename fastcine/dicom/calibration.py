"""Whether distances may be given in mm, by what the file carries and nothing else (PS3.3 10.7, C.8.7.5, C.8.5.5).

Imager Pixel Spacing is the size of a pixel on the detector and never a distance in the patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset

from fastcine.dicom.values import decimals, group_item, integer, items, number, text

_PIXEL_SPACING, _CALIBRATION_TYPE, _IMAGER_SPACING, _NOMINAL_SPACING = 0x00280030, 0x00280A02, 0x00181164, 0x00182010
_SOURCE_DETECTOR, _SOURCE_PATIENT, _MAGNIFICATION = 0x00181110, 0x00181111, 0x00181114
_BEAM_CENTER, _BEAM_SPACING, _PIXEL_MEASURES = 0x00189401, 0x00189404, 0x00289110
_ASPECT, _REGIONS, _MODALITY = 0x00280034, 0x00186011, 0x00080060

#: Modalities whose Pixel Spacing is in the plane that is shown (PS3.3 C.7.6.2).
_CROSS_SECTIONAL = frozenset(("CT", "MR", "PT", "NM", "RTDOSE", "SEG", "OCT", "IVOCT"))
_ULTRASOUND = frozenset(("US", "IVUS"))
_CENTIMETRES, _TISSUE_2D = 3, 1


class State(StrEnum):
    """What the calibration carries."""

    CALIBRATED = "calibrated"
    ISOCENTER_ESTIMATE = "isocenter_estimate"
    REGIONS = "regions"
    UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True)
class Region:
    """One ultrasound region (PS3.3 C.8.5.5): bounds in pixels, ends included; deltas in units a pixel.

    Units are codes: 3 cm, 4 s, 5 Hz, 7 cm/s. The reference pixel counts from the region's corner and may lie outside.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    spatial_format: int
    data_type: int
    flags: int
    units_x: int
    units_y: int
    delta_x: float
    delta_y: float
    reference_x: float | None
    reference_y: float | None
    reference_value_x: float | None
    reference_value_y: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration of one image. Spacings are mm from centre to centre of pixels, of the rows and of the columns.

    They are None where no single pair holds for the picture (``uncalibrated``; ``regions``: each region its own).
    """

    state: State
    text: str
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    regions: tuple[Region, ...] = ()


_UNCALIBRATED = Calibration(State.UNCALIBRATED, "uncalibrated: distances in pixels")


def read_calibration(dataset: Dataset) -> Calibration:
    """The calibration of an image; malformed, zero and negative spacings count as absent."""
    modality = text(dataset, _MODALITY)
    measures = group_item(dataset, _PIXEL_MEASURES)
    measured = _pair(measures, _PIXEL_SPACING) if measures is not None else None
    if items(dataset, _REGIONS):
        return _by_regions(dataset)
    if modality in _ULTRASOUND:
        # Enhanced US Volume has no regions: its frames are planes through a volume (PS3.3 A.59, C.7.6.16.2.1).
        return _calibrated(measured, "pixel spacing of the volume") if measured else _UNCALIBRATED
    spacing = _pair(dataset, _PIXEL_SPACING) or measured
    if modality in _CROSS_SECTIONAL:
        return _calibrated(spacing, "pixel spacing of the image") if spacing else _UNCALIBRATED
    beam = group_item(dataset, _BEAM_CENTER)
    at_center = _pair(beam, _BEAM_SPACING) if beam is not None else None
    if at_center:
        return _calibrated(at_center, "calibrated at the centre of the beam")
    return _projection(dataset, spacing)


def _projection(dataset: Dataset, spacing: tuple[float, float] | None) -> Calibration:
    imager, nominal = _pair(dataset, _IMAGER_SPACING), _pair(dataset, _NOMINAL_SPACING)
    kind = text(dataset, _CALIBRATION_TYPE).upper()
    # PS3.3 10.7.1.1: Pixel Spacing equal to Imager Pixel Spacing has not been corrected for magnification; with
    # neither a type nor another spacing to compare with nobody can know.
    if spacing and spacing not in (imager, nominal):
        if kind in ("GEOMETRY", "FIDUCIAL"):
            return _calibrated(spacing, f"calibrated ({kind.lower()})")
        if imager or nominal:
            return _calibrated(spacing, "calibrated (method not stated)")
    magnification = _magnification(dataset)
    if imager and magnification:
        estimate = (imager[0] / magnification, imager[1] / magnification)
        return Calibration(State.ISOCENTER_ESTIMATE, "isocentre estimate", *estimate)
    return _UNCALIBRATED


def _magnification(dataset: Dataset) -> float | None:
    """Estimated Radiographic Magnification Factor, else the ratio of the two distances; between 1 and 10."""
    factor = number(dataset, _MAGNIFICATION)
    if factor is None:
        detector, patient = number(dataset, _SOURCE_DETECTOR), number(dataset, _SOURCE_PATIENT)
        factor = detector / patient if detector and patient else None
    return factor if factor is not None and 1 <= factor <= 10 else None


def _calibrated(spacing: tuple[float, float], words: str) -> Calibration:
    return Calibration(State.CALIBRATED, words, *spacing)


def _by_regions(dataset: Dataset) -> Calibration:
    regions = tuple(region for region in (_region(item) for item in items(dataset, _REGIONS)) if region is not None)
    if not regions:
        return _UNCALIBRATED
    flat = {
        (abs(region.delta_y) * 10, abs(region.delta_x) * 10)
        for region in regions
        if region.spatial_format == _TISSUE_2D and region.units_x == region.units_y == _CENTIMETRES
    }
    rows, columns = flat.pop() if len(flat) == 1 and len(regions) == 1 else (None, None)
    return Calibration(State.REGIONS, "calibrated by ultrasound regions", rows, columns, regions)


def _region(item: Dataset) -> Region | None:
    bounds = [integer(item, tag) for tag in (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)]
    codes = [integer(item, tag) for tag in (0x00186012, 0x00186014, 0x00186016, 0x00186024, 0x00186026)]
    deltas = [number(item, tag) for tag in (0x0018602C, 0x0018602E)]
    if None in bounds or not deltas[0] or not deltas[1]:
        return None
    x0, y0, x1, y1 = (bound or 0 for bound in bounds)
    spatial_format, data_type, flags, units_x, units_y = (code or 0 for code in codes)
    references = [number(item, tag) for tag in (0x00186020, 0x00186022, 0x00186028, 0x0018602A)]
    return Region(x0, y0, x1, y1, spatial_format, data_type, flags, units_x, units_y, deltas[0], deltas[1], *references)


def _pair(dataset: Dataset, tag: int) -> tuple[float, float] | None:
    """Row and column spacing in mm. One value alone stands for both; anything not above 0 is none."""
    values = [float(value) for value in decimals(dataset, tag)[:2] if value is not None and 0 < value < 1000]
    if not values:
        return None
    return values[0], values[-1]


def pixel_aspect(dataset: Dataset) -> float:
    """Height of a pixel over its width: Pixel Aspect Ratio, else the spacings, else 1; nonsense counts as 1."""
    ratio = decimals(dataset, _ASPECT)
    aspect = 1.0
    if len(ratio) == 2 and ratio[0] and ratio[1]:
        aspect = float(ratio[0] / ratio[1])
    else:
        measures = group_item(dataset, _PIXEL_MEASURES)
        sources = [(dataset, _PIXEL_SPACING), (dataset, _IMAGER_SPACING)]
        if measures is not None:
            sources.append((measures, _PIXEL_SPACING))
        for source, tag in sources:
            spacing = _pair(source, tag)
            if spacing:
                aspect = spacing[0] / spacing[1]
                break
    return aspect if 0.1 <= aspect <= 10 else 1.0


def calibration_json(calibration: Calibration) -> dict[str, object]:
    """The ``calibration`` object of docs/api.md."""
    return {
        "state": str(calibration.state),
        "text": calibration.text,
        "row_spacing_mm": calibration.row_spacing_mm,
        "column_spacing_mm": calibration.column_spacing_mm,
    }
