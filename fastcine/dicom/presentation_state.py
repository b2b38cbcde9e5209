"""Softcopy presentation states: how somebody wants pictures shown (PS3.3 A.33, C.11), as docs/api.md has them.

The order of what they say is that of PS3.4 N.2: mask, modality, VOI, presentation LUT; then shutters and overlays;
then rotation and flip; then the displayed area; then what is drawn in its units.
"""

from __future__ import annotations

import base64
import mmap
from collections.abc import Mapping

from pydicom import Dataset

from fastcine.dicom.display import lut_json, read_windows, window_json
from fastcine.dicom.elements import Buffer
from fastcine.dicom.graphic_annotation import annotations_json, applies_to, layers_json
from fastcine.dicom.identity import name_groups
from fastcine.dicom.lut import read_lut
from fastcine.dicom.mask import mask_json, read_masks
from fastcine.dicom.overlay import overlay_json, read_overlays
from fastcine.dicom.parse import ObjectStructure
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.shutter import read_shutters, shutter_json
from fastcine.dicom.values import decimals, integer, integers, items, number, text, texts
from fastcine.dicom.when import iso_text, moment

GRAYSCALE, COLOR = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"
XRAY = "1.2.840.10008.5.1.4.1.1.11.5"
PRESENTATION_STATES = frozenset((GRAYSCALE, COLOR, XRAY))
"""The SOP classes that are read: Grayscale, Color, and XA/XRF Grayscale."""

_LABEL, _DESCRIPTION, _DATE, _TIME, _CREATOR = 0x00700080, 0x00700081, 0x00700082, 0x00700083, 0x00700084
_SERIES, _IMAGES, _SERIES_UID = 0x00081115, 0x00081140, 0x0020000E
_SOFTCOPY_VOI, _VOI_LUT, _MODALITY_LUT = 0x00283110, 0x00283010, 0x00283000
_INTERCEPT, _SLOPE, _RESCALE_TYPE = 0x00281052, 0x00281053, 0x00281054
_SHAPE, _PRESENTATION_LUT = 0x20500020, 0x20500010
_FLIP, _ROTATION = 0x00700041, 0x00700042
_AREAS, _TOP_LEFT, _BOTTOM_RIGHT, _SIZE_MODE = 0x0070005A, 0x00700052, 0x00700053, 0x00700100
_SPACING, _ASPECT, _MAGNIFICATION = 0x00700101, 0x00700102, 0x00700103

_ANY_FRAME = 1 << 31
"""A state does not know how many frames its images have."""
_MOST_ITEMS = 1000
_MOST_OVERLAY_BYTES = 1 << 20


def presentation_state_json(data: Buffer | mmap.mmap, structure: ObjectStructure) -> dict[str, object]:
    """One state. Malformed parts are left out; raises BadDicom only as `read_values` does."""
    dataset = read_values(data, structure)
    shape = text(dataset, _SHAPE).upper()
    tables = _tables(dataset, _PRESENTATION_LUT, structure)
    masks = read_masks(dataset, frames=_ANY_FRAME)
    rotation = integer(dataset, _ROTATION) or 0
    return {
        "label": text(dataset, _LABEL),
        "description": text(dataset, _DESCRIPTION),
        "created": iso_text(moment(dataset, pair=(_DATE, _TIME), site_timezone=None)),
        "creator": name_groups(dataset, _CREATOR)[0],
        "for": _references(dataset),
        "modality": _modality(dataset, structure),
        "voi": [_voi(item, structure) for item in items(dataset, _SOFTCOPY_VOI)[:_MOST_ITEMS]],
        "presentation_lut_shape": shape if shape in ("IDENTITY", "INVERSE") else None,
        "presentation_lut": tables[0] if tables else None,
        "rotation_deg": rotation if rotation in (90, 180, 270) else 0,
        "flip_horizontal": text(dataset, _FLIP).upper() == "Y",
        "displayed_areas": [area for item in items(dataset, _AREAS)[:_MOST_ITEMS] if (area := _area(item))],
        "shutters": [shutter_json(each) for each in read_shutters(dataset)],
        "overlays": _overlays(data, structure, dataset),
        "active_overlays": _active_overlays(dataset),
        "layers": layers_json(dataset),
        "annotations": annotations_json(dataset),
        "mask": mask_json(masks) if masks.subtracts else None,
    }


def _references(dataset: Dataset) -> list[dict[str, object]]:
    return [
        {"series_instance_uid": text(series, _SERIES_UID), **image}
        for series in items(dataset, _SERIES)[:_MOST_ITEMS]
        for image in applies_to(series)
    ]


def _tables(dataset: Dataset, tag: int, structure: ObjectStructure) -> list[Mapping[str, object]]:
    found = (read_lut(item, big_endian=structure.big_endian) for item in items(dataset, tag)[:_MOST_ITEMS])
    return [lut_json(table) for table in found if table is not None]


def _modality(dataset: Dataset, structure: ObjectStructure) -> dict[str, object] | None:
    """What stands in for the image's own modality step; None where the state has none."""
    tables = _tables(dataset, _MODALITY_LUT, structure)
    slope, intercept = number(dataset, _SLOPE), number(dataset, _INTERCEPT)
    if not tables and slope is None and intercept is None:
        return None
    return {
        "rescale_slope": slope or 1.0,
        "rescale_intercept": intercept or 0.0,
        "rescale_type": text(dataset, _RESCALE_TYPE),
        "modality_lut": tables[0] if tables else None,
    }


def _voi(item: Dataset, structure: ObjectStructure) -> dict[str, object]:
    windows, function = read_windows(item)
    return {
        "for": applies_to(item),
        "windows": [window_json(each) for each in windows],
        "voi_lut_function": function,
        "voi_luts": _tables(item, _VOI_LUT, structure),
    }


def _area(item: Dataset) -> dict[str, object] | None:
    """Corners are column\\row in the file; here they are [row, column] as all places are.

    They are the image's pixels that come to lie there after rotation and flip (PS3.3 C.10.4).
    """
    top_left, bottom_right = integers(item, _TOP_LEFT), integers(item, _BOTTOM_RIGHT)
    if len(top_left) != 2 or len(bottom_right) != 2:
        return None
    spacing = [float(value) for value in decimals(item, _SPACING) if value]
    aspect = [value for value in integers(item, _ASPECT) if value > 0]
    return {
        "for": applies_to(item),
        "top_left": top_left[::-1],
        "bottom_right": bottom_right[::-1],
        "size_mode": text(item, _SIZE_MODE).upper() or "SCALE TO FIT",
        "pixel_spacing_mm": spacing if len(spacing) == 2 else None,
        "pixel_aspect": aspect[0] / aspect[1] if len(aspect) == 2 else None,
        "magnification": number(item, _MAGNIFICATION),
    }


def _overlays(data: Buffer | mmap.mmap, structure: ObjectStructure, dataset: Dataset) -> list[dict[str, object]]:
    """The state's own bit planes, with their bits."""
    return [
        overlay_json(each) | {"bits": base64.b64encode(each.packed).decode("ascii")}
        for each in read_overlays(data, structure, dataset)
        if 0 < len(each.packed) <= _MOST_OVERLAY_BYTES
    ]


def _active_overlays(dataset: Dataset) -> list[dict[str, str]]:
    """Overlays of the images, or of the state, that are to be shown: those with a layer (PS3.3 C.11.7)."""
    groups = range(0x6000, 0x6020, 2)
    layers = {group: texts(dataset, group << 16 | 0x1001) for group in groups}
    return [{"group": f"{group:04X}", "layer": found[0]} for group, found in layers.items() if found]
