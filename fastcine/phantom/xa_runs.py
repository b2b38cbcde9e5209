"""The phantom's X-ray runs: which artery, which projection, which technique."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import identity, xa_objects, xray
from fastcine.phantom.dicom_objects import Made, Place, code, item, sequence
from fastcine.phantom.projection import CArm
from fastcine.phantom.rhythm import Rhythm, make_rhythm
from fastcine.phantom.timing import Timing, constant_timing

_FPS_15 = "66.6667"
_SPACING_512_MM = 0.36

_STEPS_MS = ("33.3", "33.4", "33.3", "33.333", "33.334", "33.3", "33.4", "33.3", "33.33", "33.34", "33.3", "33.4")
UNEQUAL_STEPS_MS = (*_STEPS_MS, "66.7", *_STEPS_MS[1:])
"""A repeating pattern of Frame Time Vector steps: about 30 fps with one dropped pulse in twenty-four."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One X-ray run: artery (``"LCA"``, ``"RCA"``, ``"RENAL"``), geometry, timing and technique."""

    artery: str
    arm: CArm
    timing: Timing
    technique: xray.Technique
    injection: xray.Injection


def unequal_timing(frames: int) -> Timing:
    """``frames`` frames with unequal steps (Frame Time Vector)."""
    steps = (UNEQUAL_STEPS_MS * (frames // len(UNEQUAL_STEPS_MS) + 1))[: frames - 1]
    return Timing(("0", *steps))


def _arm(primary: float, secondary: float, *, pan: tuple[float, float] = (0.0, 0.0), size: int = 512) -> CArm:
    return CArm(primary, secondary, size, size, _SPACING_512_MM * 512 / size, pan_mm=pan)


def _small(artery: str, primary: float, secondary: float, *, pan: tuple[float, float]) -> Shot:
    """A run of 12 frames of 256x256, contrast in it from its start."""
    arm = _arm(primary, secondary, pan=pan, size=256)
    return Shot(artery, arm, constant_timing(12, _FPS_15), xray.Technique(), xray.Injection(-0.3, 0.9))


SHOTS = {
    "lca": Shot(
        "LCA", _arm(-32, -20, pan=(-6, 0)), constant_timing(60, _FPS_15), xray.Technique(), xray.Injection(0.45, 2.0)
    ),
    "rca": Shot(
        "RCA", _arm(40, 0, pan=(-24, 2)), constant_timing(45, _FPS_15), xray.Technique(collimator="circle"),
        xray.Injection(0.35, 1.5),
    ),
    "lca-12bit": Shot(
        "LCA", _arm(32, 20, pan=(4, 6), size=1024), unequal_timing(32),
        xray.Technique(bits=12, noise=0.6 / 256, spread=0.35, field=(0.78, 0.90)), xray.Injection(-0.6, 1.3),
    ),
    "biplane-a": Shot(
        "LCA", _arm(-30, 0, pan=(-5, 2)), constant_timing(20, _FPS_15), xray.Technique(), xray.Injection(0.1, 0.8)
    ),
    "biplane-b": Shot(
        "LCA", _arm(60, 0, pan=(0, 2)), constant_timing(20, _FPS_15), xray.Technique(), xray.Injection(0.1, 0.8)
    ),
    "dsa": Shot(
        "RENAL", _arm(12, 0, pan=(-34, 4)), constant_timing(24, "166.6667"),
        xray.Technique(bits=10, noise=1.2 / 256, logarithmic=True, breathing=False, beating=False),
        xray.Injection(1.0, 1.4, speed_mm_s=90.0),
    ),
    "enhanced": Shot(
        "LCA", _arm(0, 30, pan=(4, 6), size=256), constant_timing(16, _FPS_15), xray.Technique(),
        xray.Injection(-0.2, 0.8),
    ),
    "shutter": _small("LCA", -5, 35, pan=(2, 4)),
    "overlay": _small("LCA", -30, -18, pan=(-6, 0)),
    "windows": _small("LCA", 30, 18, pan=(4, 6)),
    "dsa-moved": Shot(
        "RENAL", _arm(12, 0, pan=(-34, 4), size=256), constant_timing(14, "250"),
        xray.Technique(
            bits=10, noise=0.0, logarithmic=True, breathing=False, beating=False, collimator="open", label=False
        ),
        xray.Injection(1.0, 1.4, speed_mm_s=90.0),
    ),
    # A year before: nearly the same projections, and one that is not there today.
    "prior-lca": _small("LCA", -30, -22, pan=(-6, 0)),
    "prior-rca": _small("RCA", 42, 2, pan=(-24, 2)),
    "prior-cra": _small("LCA", 5, 32, pan=(4, 6)),
    "still": Shot(
        "RCA", _arm(-30, 0, pan=(-8, 2)), Timing(("0",)), xray.Technique(collimator="circle"), xray.Injection(-1.5, 2.5)
    ),
}  # fmt: skip


def _rhythm(seed: int, shot_name: str) -> Rhythm:
    # Both planes of a biplane run show one beat.
    name = "biplane" if shot_name.startswith("biplane") else shot_name
    return make_rhythm(identity.rng_for(seed, f"rhythm {name}"), duration_s=8.0)


def shot_frames(seed: int, shot_name: str) -> Iterator[NDArray[Any]]:
    """The frames of a run of SHOTS, unsigned (rows, columns)."""
    shot = SHOTS[shot_name]
    rng = identity.rng_for(seed, f"tree {shot.artery}")
    scene = xray.coronary_scene(shot.artery, rng, _rhythm(seed, shot_name), shot.injection)
    return xray.render_run(
        scene, shot.arm, technique=shot.technique, times_s=shot.timing.starts_s(),
        rng=identity.rng_for(seed, f"noise {shot_name}"),
    )  # fmt: skip


def shot_dataset(place: Place, shot_name: str, *, plane: str = "SINGLE PLANE") -> Dataset:
    """The data set of a run of SHOTS, without pixels."""
    shot = SHOTS[shot_name]
    ds = xa_objects.xa_dataset(
        place, shot.arm, bits=shot.technique.bits, timing=shot.timing, plane=plane,
        collimator=shot.technique.collimator, field=shot.technique.field, logarithmic=shot.technique.logarithmic,
    )  # fmt: skip
    if shot.artery != "RENAL":
        xa_objects.set_ecg_curve(ds, _rhythm(place.seed, shot_name), shot.timing.starts_s())
    return ds


def finished(ds: Dataset, seed: int, shot_name: str) -> Made:
    """With the shot's frames, as JPEG Lossless SV1."""
    return Made(ds, xa_objects.xa_file(ds, shot_frames(seed, shot_name)))


def make_run(place: Place) -> Made:
    """A plain run: ``place.what`` names the shot."""
    return finished(shot_dataset(place, place.what), place.seed, place.what)


def make_biplane(place: Place) -> Made:
    """One plane of the biplane pair, which names the other (PS3.3 C.8.7.1: purpose 121314 DCM)."""
    other = "biplane-b" if place.what == "biplane-a" else "biplane-a"
    ds = shot_dataset(place, place.what, plane="BIPLANE A" if place.what == "biplane-a" else "BIPLANE B")
    ds.ReferencedImageSequence = sequence(
        item(
            ReferencedSOPClassUID=xa_objects.XA_IMAGE,
            ReferencedSOPInstanceUID=identity.uid_for(place.seed, f"object {other}"),
            PurposeOfReferenceCodeSequence=sequence(code("121314", "DCM", "Other image of biplane pair")),
        )
    )
    return finished(ds, place.seed, place.what)


def xray_log_lut(bits: int) -> Dataset:
    """The Modality LUT that LOG data must carry (PS3.3 C.8.7.1.1.2): stored logarithm to linear intensity."""
    stored = np.arange(1 << bits) / (1 << bits)
    linear = np.exp((stored - xray.LOG_WHITE) / xray.LOG_GAIN) * xray.LINEAR_GAIN
    # LUT Descriptor's third value may be 8 or 16 only (C.11.1.1).
    entries = np.clip(np.round(linear * (1 << 16)), 0, (1 << 16) - 1).astype("<u2")
    table = item(LUTDescriptor=[1 << bits, 0, 16], LUTExplanation="LOG to LIN", ModalityLUTType="US")
    table.add_new(0x00283006, "OW", entries.tobytes())
    return table


def renal_dataset(place: Place, shot_name: str) -> Dataset:
    """The data set of a renal run: logarithmic pixels, to be shown subtracted."""
    ds = shot_dataset(place, shot_name)
    ds.BodyPartExamined = "ABDOMEN"
    ds.ModalityLUTSequence = sequence(xray_log_lut(10))
    # In stored values: the Modality LUT of X-ray images is not part of display (PS3.3 C.8.7.1.1.2).
    ds.WindowCenter, ds.WindowWidth = "512", "1024"
    ds.RecommendedViewingMode = "SUB"
    return ds


def make_dsa(place: Place) -> Made:
    """A renal DSA run, the mean of frames 2 to 5 as mask."""
    ds = renal_dataset(place, "dsa")
    ds.MaskSubtractionSequence = sequence(xa_objects.mask_item(first=7, last=24, masks=(2, 3, 4, 5)))
    return finished(ds, place.seed, "dsa")


_CINE_KEYWORDS = (
    "NumberOfFrames", "FrameIncrementPointer", "FrameTimeVector", "FrameDelay", "EffectiveDuration", "CineRate",
    "RecommendedDisplayFrameRate", "PreferredPlaybackSequencing", "RWavePointer",
)  # fmt: skip


def make_still(place: Place) -> Made:
    """A single XA frame, uncompressed."""
    ds = shot_dataset(place, "still")
    for keyword in _CINE_KEYWORDS:
        if keyword in ds:
            del ds[keyword]
    for element in list(ds.group_dataset(0x5000)):
        del ds[element.tag]
    frames = [frame.tobytes() for frame in shot_frames(place.seed, "still")]
    return Made(ds, objects.part10(ds, transfer_syntax=objects.EXPLICIT_LITTLE, frames=frames))
