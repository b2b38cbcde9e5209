"""A run's description: all that a player needs to decode, time and show it (docs/api.md). Made once, at ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from pydicom import Dataset

from fastcine.cine.tiers import Recipe
from fastcine.cine.wire import WireCodec, run_id, run_name
from fastcine.dicom.acquisition import acquisition_json
from fastcine.dicom.calibration import calibration_json, pixel_aspect, read_calibration
from fastcine.dicom.display import display_json, display_settings
from fastcine.dicom.geometry import geometry_json, read_geometry
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.lossy import Lossy, lossy_json, lossy_state
from fastcine.dicom.mask import mask_json, read_masks
from fastcine.dicom.overlay import Overlay, overlay_json
from fastcine.dicom.shutter import read_shutters, shutter_json
from fastcine.dicom.timing import FrameTiming, frame_timing, timing_json
from fastcine.dicom.values import integer, text, texts
from fastcine.dicom.when import acquisition_moment, iso_text

CODEC_NAMES: Mapping[WireCodec, str] = {
    WireCodec.HTJ2K: "htj2k",
    WireCodec.JPEG: "jpeg",
    WireCodec.DEFLATE: "deflate",
}
DESCRIPTION_VERSION = 3
"""Raised when descriptions say more than before: those of an archive are then made anew (archive/redescribe.py)."""
PHANTOM_MARK = "PHANTOM"
INTENSITIES = ("LIN", "LOG", "DISP")
"""Pixel Intensity Relationship (PS3.3 C.8.7.1.1.2)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs of the object that is described."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str


def needs_sample_range(dataset: Dataset, recipe: Recipe) -> bool:
    """Whether the first window has to be derived from the samples: none in the file, and more than 8 bits."""
    layout = recipe.layout
    if layout.samples_per_pixel != 1 or recipe.palette is not None or layout.bits_stored <= 8:
        return False
    display = display_settings(dataset, layout)
    return display.windows[0].source == "derived" and not display.voi_luts


def describe(
    dataset: Dataset,
    recipe: Recipe,
    identity: Identity,
    *,
    compressed_bytes: int,
    sample_range: tuple[float, float] | None = None,
    site_timezone: tzinfo | None = None,
    overlays: Sequence[Overlay] = (),
) -> dict[str, Any]:
    """The description.

    `compressed_bytes` is the length of all frames as stored; `sample_range` is (min, max) of stored samples, where
    `needs_sample_range` asks for it; `overlays` are the object's.
    """
    lossy = lossy_state(dataset, recipe.layout, compressed_bytes=compressed_bytes, reversible=recipe.reversible)
    layout = replace(recipe.layout, photometric_interpretation=recipe.photometric_interpretation)
    timing = frame_timing(dataset, layout)
    return {
        "version": DESCRIPTION_VERSION,
        "run": run_name(run_id(identity.sop_instance_uid)),
        "sop_instance_uid": identity.sop_instance_uid,
        "series_instance_uid": identity.series_instance_uid,
        "study_instance_uid": identity.study_instance_uid,
        "sop_class_uid": text(dataset, 0x00080016),
        "transfer_syntax_uid": layout.transfer_syntax_uid,
        "modality": text(dataset, 0x00080060),
        "series_number": integer(dataset, 0x00200011),
        "instance_number": integer(dataset, 0x00200013),
        "series_description": text(dataset, 0x0008103E),
        "image_type": texts(dataset, 0x00080008),
        "acquisition_datetime": iso_text(acquisition_moment(dataset, site_timezone=site_timezone)),
        "label": text(dataset, 0x0008103E) or text(dataset, 0x00181030) or text(dataset, 0x00080060),
        "rows": layout.rows,
        "columns": layout.columns,
        "frames": layout.frames,
        "samples_per_pixel": layout.samples_per_pixel,
        "bits_stored": layout.bits_stored,
        "signed": layout.signed and layout.sample_kind != "float",
        "photometric_interpretation": recipe.photometric_interpretation,
        "pixel_aspect": pixel_aspect(dataset),
        "tiers": _tiers(recipe, lossy),
        "display": display_json(display_settings(dataset, layout, sample_range=sample_range)),
        "timing": timing_json(timing),
        "geometry": geometry_json(read_geometry(dataset, frames=layout.frames)),
        "calibration": calibration_json(read_calibration(dataset)),
        "lossy": lossy_json(lossy),
        "phantom": PHANTOM_MARK in text(dataset, 0x00204000).upper(),
        **_of_some_runs(dataset, layout, timing, overlays),
    }


def _of_some_runs(
    dataset: Dataset, layout: ImageLayout, timing: FrameTiming, overlays: Sequence[Overlay]
) -> dict[str, Any]:
    """What only some objects say. The first picture's page carries descriptions: what is not there takes no byte."""
    told: dict[str, Any] = acquisition_json(dataset, timing.starts_ms(layout.frames))
    masks, shutters = read_masks(dataset, frames=layout.frames), read_shutters(dataset)
    if masks.intensity in INTENSITIES:
        told["pixel_intensity_relationship"] = masks.intensity
    if masks.items:
        told["mask"] = mask_json(masks)
    if shutters:
        told["shutters"] = [shutter_json(each) for each in shutters]
    if overlays:
        told["overlays"] = [overlay_json(each) for each in overlays]
    return told


def _tiers(recipe: Recipe, lossy: Lossy) -> dict[str, Any]:
    first_pass = None
    if recipe.first_pass:
        first_pass = {
            "codec": "htj2k",
            "components": recipe.first_pass_components,
            "bits": recipe.first_pass_bits,
            "color": "rgb" if recipe.first_pass_rgb else "stored",
        }
    layout = recipe.layout
    exact: dict[str, Any] = {
        "codec": CODEC_NAMES[recipe.exact],
        "components": layout.samples_per_pixel,
        "bits": layout.bits_stored,
        "color": "stored",
        "bytes_per_sample": layout.bytes_per_sample,
        "sample_kind": layout.sample_kind,
        "badge": "AS ACQUIRED" if lossy.source or recipe.exact is WireCodec.JPEG else "EXACT",
    }
    if recipe.exact is WireCodec.JPEG:
        exact["jpeg_transform"] = recipe.jpeg_transform
        if layout.samples_per_pixel == 3:
            exact["color"] = "rgb"
    return {"coarse": first_pass, "fine": first_pass, "exact": exact}
