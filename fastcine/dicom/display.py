"""How the stored samples are to be shown: modality, VOI, inversion, palette (PS3.3 C.11, C.7.6.3; PS3.4 N.2).

Windows are in modality values. XA trap: in XA and XRF images the Modality LUT module leads from stored values back to
X-ray intensity and is not part of display (PS3.3 C.8.7.1.1.2), so it is left out for them.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.lut import LookUpTable, Palette, read_lut, read_palette
from fastcine.dicom.values import decimals, group_item, integer, items, number, text, texts

__all__ = [
    "Display", "LookUpTable", "Palette", "Window", "display_json", "display_settings", "full_range", "lut_json",
    "read_windows", "window_json",
]  # fmt: skip

_WINDOW_CENTER, _WINDOW_WIDTH, _WINDOW_TEXT, _VOI_FUNCTION = 0x00281050, 0x00281051, 0x00281055, 0x00281056
_RESCALE_INTERCEPT, _RESCALE_SLOPE, _RESCALE_TYPE = 0x00281052, 0x00281053, 0x00281054
_MODALITY_LUT, _VOI_LUT, _FRAME_VOI, _PIXEL_VALUES = 0x00283000, 0x00283010, 0x00289132, 0x00289145
_PRESENTATION_SHAPE, _PADDING, _PADDING_LIMIT, _SOP_CLASS = 0x20500020, 0x00280120, 0x00280121, 0x00080016

#: XA, XRF and retired XA Bi-plane: their Modality LUT is not for display.
_XRAY = frozenset(("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.3"))
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
#: Beyond this a window is a slip of the pen (and breaks 32-bit shaders): 1e9 spans any integer that is displayed.
_MAX_WINDOW = 1e9


@dataclass(frozen=True, slots=True)
class Window:
    """One window, in modality values. ``source`` is ``"file"`` or ``"derived"``."""

    center: float
    width: float
    explanation: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """The display steps of docs/api.md, in their order: modality, VOI, inversion. There is at least one window.

    ``pixel_padding`` is the range of stored values that are no picture, ends included. ``sample_min`` and
    ``sample_max`` are stored values: of the whole run where they were given, else what Bits Stored can hold.
    """

    invert: bool
    rescale_slope: float
    rescale_intercept: float
    rescale_type: str
    windows: tuple[Window, ...]
    voi_lut_function: str
    voi_luts: tuple[LookUpTable, ...]
    modality_lut: LookUpTable | None
    palette: Palette | None
    pixel_padding: tuple[int, int] | None
    sample_min: float
    sample_max: float


def full_range(layout: ImageLayout) -> tuple[int, int]:
    """The lowest and highest stored value that Bits Stored can hold (floats: 0 and 1)."""
    if layout.sample_kind == "float":
        return 0, 1
    if layout.signed:
        return -(1 << (layout.bits_stored - 1)), (1 << (layout.bits_stored - 1)) - 1
    return 0, (1 << layout.bits_stored) - 1


def display_settings(
    dataset: Dataset, layout: ImageLayout, *, sample_range: tuple[float, float] | None = None
) -> Display:
    """How to show this image. ``sample_range`` is (min, max) of the stored samples of the whole run, where known.

    Malformed windows, tables and numbers are left out; the derived window then takes their place.
    """
    slope, intercept, kind, modality_lut = _modality(dataset, layout)
    lowest, highest = sample_range or full_range(layout)
    if modality_lut is None:
        ends = sorted((lowest * slope + intercept, highest * slope + intercept))
    else:
        ends = [float(modality_lut.entries.min()), float(modality_lut.entries.max())]
    windows, function = _windows(dataset)
    if not windows:
        explanation = "full range" if sample_range is None else "minimum to maximum"
        # LINEAR maps center - 0.5 ± (width - 1) / 2 to black and white (PS3.3 C.11.2.1.2.1): exactly the two ends.
        windows = (Window((ends[0] + ends[1] + 1) / 2, ends[1] - ends[0] + 1, explanation, "derived"),)
        function = "LINEAR"
    tables = (read_lut(item, big_endian=layout.big_endian) for item in items(dataset, _VOI_LUT))
    is_palette = layout.photometric_interpretation == "PALETTE COLOR"
    return Display(
        invert=_inverted(dataset, layout),
        rescale_slope=slope,
        rescale_intercept=intercept,
        rescale_type=kind,
        windows=windows,
        voi_lut_function=function,
        voi_luts=tuple(table for table in tables if table is not None),
        modality_lut=modality_lut,
        palette=read_palette(dataset, big_endian=layout.big_endian) if is_palette else None,
        pixel_padding=_padding(dataset),
        sample_min=lowest,
        sample_max=highest,
    )


def _inverted(dataset: Dataset, layout: ImageLayout) -> bool:
    if layout.samples_per_pixel != 1 or layout.photometric_interpretation == "PALETTE COLOR":
        return False
    return layout.photometric_interpretation == "MONOCHROME1" or text(dataset, _PRESENTATION_SHAPE) == "INVERSE"


def _modality(dataset: Dataset, layout: ImageLayout) -> tuple[float, float, str, LookUpTable | None]:
    if text(dataset, _SOP_CLASS) in _XRAY or layout.samples_per_pixel != 1:
        return 1.0, 0.0, "", None
    for item in items(dataset, _MODALITY_LUT):
        table = read_lut(item, big_endian=layout.big_endian)
        if table is not None:
            return 1.0, 0.0, text(item, 0x00283004), table
    source = dataset if texts(dataset, _RESCALE_SLOPE) else group_item(dataset, _PIXEL_VALUES) or dataset
    slope, intercept = number(source, _RESCALE_SLOPE), number(source, _RESCALE_INTERCEPT)
    # A slope of 0 would make every pixel alike: not meant.
    return slope or 1.0, intercept or 0.0, text(source, _RESCALE_TYPE), None


def _windows(dataset: Dataset) -> tuple[tuple[Window, ...], str]:
    return read_windows(dataset if texts(dataset, _WINDOW_CENTER) else group_item(dataset, _FRAME_VOI) or dataset)


def read_windows(source: Dataset) -> tuple[tuple[Window, ...], str]:
    """The windows that stand in this very item, and their VOI LUT Function; malformed ones are left out."""
    function = text(source, _VOI_FUNCTION).upper()
    function = function if function in _FUNCTIONS else "LINEAR"
    explanations = texts(source, _WINDOW_TEXT)
    found = []
    pairs = zip(decimals(source, _WINDOW_CENTER), decimals(source, _WINDOW_WIDTH), strict=False)
    for place, (center, width) in enumerate(pairs):
        if center is None or width is None or abs(center) > _MAX_WINDOW or not 0 < width <= _MAX_WINDOW:
            continue
        if width < 1 and function == "LINEAR":
            continue  # PS3.3 C.11.2.1.2.1: not less than 1
        explanation = explanations[place] if place < len(explanations) else ""
        found.append(Window(float(center), float(width), explanation, "file"))
    return tuple(found), function


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    value = integer(dataset, _PADDING)
    if value is None:
        return None
    limit = integer(dataset, _PADDING_LIMIT)
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def display_json(display: Display) -> dict[str, object]:
    """The ``display`` object of docs/api.md."""
    return {
        "invert": display.invert,
        "rescale_slope": display.rescale_slope,
        "rescale_intercept": display.rescale_intercept,
        "rescale_type": display.rescale_type,
        "windows": [window_json(each) for each in display.windows],
        "voi_lut_function": display.voi_lut_function,
        "voi_luts": [lut_json(table) for table in display.voi_luts],
        "modality_lut": None if display.modality_lut is None else lut_json(display.modality_lut),
        "palette": None if display.palette is None else _palette_json(display.palette),
        "pixel_padding": None if display.pixel_padding is None else list(display.pixel_padding),
        "sample_min": _finite(display.sample_min),
        "sample_max": _finite(display.sample_max),
    }


def window_json(window: Window) -> dict[str, object]:
    """One of ``windows`` of docs/api.md."""
    return {
        "center": window.center,
        "width": window.width,
        "explanation": window.explanation,
        "source": window.source,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _base64(entries: NDArray[np.unsignedinteger]) -> str:
    little = entries.astype(entries.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode("ascii")


def lut_json(table: LookUpTable) -> Mapping[str, object]:
    """A table as ``voi_luts`` of docs/api.md hold it."""
    return {
        "explanation": table.explanation,
        "first": table.first,
        "bits": table.bits,
        "data": _base64(table.entries),
    }


def _palette_json(palette: Palette) -> Mapping[str, object]:
    return {
        "first": palette.first,
        "bits": palette.bits,
        "red": _base64(palette.red),
        "green": _base64(palette.green),
        "blue": _base64(palette.blue),
    }
