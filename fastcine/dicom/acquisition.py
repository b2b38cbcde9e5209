"""What an image was taken for and with: stage and view of a stress echo, R waves, the planes of a biplane run.

PS3.3 C.8.5.6 (stage, view, R Wave Time Vector), C.8.4.8 (R Wave Pointer), C.8.7.1 and C.8.19.3 (planes), C.7.4.2
(synchronization).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydicom import Dataset

from fastcine.dicom.values import as_written, decimals, integer, integers, items, number, text, texts

_STAGE_NAME, _STAGE_NUMBER, _STAGES = 0x00082120, 0x00082122, 0x00082124
_VIEW_NAME, _VIEW_NUMBER, _VIEWS = 0x00082127, 0x00082128, 0x0008212A
_TIMERS_MS, _TIMER_NAMES = 0x00082130, 0x00082132
_R_TIMES, _R_FRAMES, _HEART_RATE = 0x00186060, 0x00286040, 0x00181088
_IMAGE_TYPE, _PLANE, _REFERENCED, _PURPOSE = 0x00080008, 0x00189457, 0x00081140, 0x0040A170
_SOP_INSTANCE, _CODE, _SCHEME = 0x00081155, 0x00080100, 0x00080102
_ACQUISITION_NUMBER, _FRAME_OF_REFERENCE, _SYNCHRONIZATION = 0x00200012, 0x00200052, 0x00200200
_SYNCHRONIZED, _ORIENTATION = 0x00181800, 0x00200020

OTHER_PLANE = "121314"
"""DCM: Other image of biplane pair."""
_MOST_R_WAVES = 4096
_FARTHEST_MS = 60_000
"""R waves farther than this from the run are a slip: loops last seconds."""
_MOST_REFERENCES = 64
_HIGHEST_RATE = 400


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an image stands in a staged protocol: ``name`` and ``number`` (from 1) of ``count``, None where unknown.

    ``timers_ms`` are (name, milliseconds since that event), such as since the start of the infusion.
    """

    name: str
    number: int | None
    count: int | None
    timers_ms: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RWaves:
    """Peaks of R waves in ms from the start of the first frame, ascending, and the attribute that says so.

    By R Wave Pointer they are as exact as a frame is long: the start of the frame that it names.
    """

    times_ms: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Biplane:
    """One plane, ``"A"`` or ``"B"``, and what both planes of one acquisition share, as far as the file says it."""

    plane: str
    acquisition_number: int | None
    frame_of_reference_uid: str
    synchronization_uid: str
    time_synchronized: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Another image that this one names, and what for: the code's value where its scheme is DCM, else empty."""

    sop_instance_uid: str
    purpose: str


def read_stage(dataset: Dataset) -> Stage | None:
    """Stage Name and Number, None where neither is there."""
    stage = _place(dataset, _STAGE_NAME, _STAGE_NUMBER, _STAGES)
    if stage is None:
        return None
    names = texts(dataset, _TIMER_NAMES)
    timers = tuple(
        (names[place] if place < len(names) else "", float(value))
        for place, value in enumerate(decimals(dataset, _TIMERS_MS)[:16])
        if value is not None
    )
    return Stage(stage.name, stage.number, stage.count, timers)


def read_view(dataset: Dataset) -> Stage | None:
    """View Name and Number, of the views in the stage; None where neither is there."""
    return _place(dataset, _VIEW_NAME, _VIEW_NUMBER, _VIEWS)


def _place(dataset: Dataset, name: int, number_: int, count: int) -> Stage | None:
    told = text(dataset, name), integer(dataset, number_)
    return Stage(*told, integer(dataset, count)) if told[0] or told[1] is not None else None


def read_r_waves(dataset: Dataset, starts_ms: Sequence[Fraction]) -> RWaves | None:
    """R Wave Time Vector, else R Wave Pointer by the frames' starts; None where neither says anything."""
    vector = [as_written(float(value)) for value in decimals(dataset, _R_TIMES)[:_MOST_R_WAVES] if value is not None]
    last_ms = float(starts_ms[-1]) + _FARTHEST_MS
    times = sorted({value for value in vector if -_FARTHEST_MS <= value <= last_ms})
    if times:
        return RWaves(tuple(times), "R Wave Time Vector")
    frames = {frame for frame in integers(dataset, _R_FRAMES)[:_MOST_R_WAVES] if 1 <= frame <= len(starts_ms)}
    if frames:
        return RWaves(tuple(float(starts_ms[frame - 1]) for frame in sorted(frames)), "R Wave Pointer")
    return None


def read_heart_rate(dataset: Dataset) -> float | None:
    """Heart Rate in beats a minute; None where absent or absurd."""
    rate = number(dataset, _HEART_RATE)
    return rate if rate is not None and 0 < rate <= _HIGHEST_RATE else None


def read_biplane(dataset: Dataset) -> Biplane | None:
    """By Image Type value 3 (BIPLANE A, BIPLANE B), or Plane Identification of Enhanced objects."""
    kind = texts(dataset, _IMAGE_TYPE)
    named = " ".join(kind[2].upper().split()) if len(kind) > 2 else ""
    plane = {"BIPLANE A": "A", "BIPLANE B": "B"}.get(named)
    plane = plane or {"PLANE A": "A", "PLANE B": "B"}.get(text(dataset, _PLANE).upper())
    if plane is None:
        return None
    return Biplane(
        plane=plane,
        acquisition_number=integer(dataset, _ACQUISITION_NUMBER),
        frame_of_reference_uid=text(dataset, _FRAME_OF_REFERENCE),
        synchronization_uid=text(dataset, _SYNCHRONIZATION),
        time_synchronized=text(dataset, _SYNCHRONIZED).upper() == "Y",
    )


def read_references(dataset: Dataset, *, purpose: str = OTHER_PLANE) -> tuple[Reference, ...]:
    """The items of the Referenced Image Sequence with this purpose."""
    found = []
    for item in items(dataset, _REFERENCED)[:_MOST_REFERENCES]:
        codes = [text(code, _CODE) for code in items(item, _PURPOSE) if text(code, _SCHEME) in ("DCM", "")]
        uid = text(item, _SOP_INSTANCE)
        if purpose in codes and 0 < len(uid) <= 64:
            found.append(Reference(uid, purpose))
    return tuple(found)


def acquisition_json(dataset: Dataset, starts_ms: Sequence[Fraction]) -> dict[str, object]:
    """The fields of a description (docs/api.md) that only some runs have; nothing of what the file does not say."""
    told: dict[str, object] = {}
    stage, view, plane = read_stage(dataset), read_view(dataset), read_biplane(dataset)
    if stage is not None:
        timers = [{"name": name, "elapsed_ms": elapsed} for name, elapsed in stage.timers_ms]
        staged: dict[str, object] = {"name": stage.name, "number": stage.number, "count": stage.count}
        told["stage"] = staged | {"timers": timers} if timers else staged
    if view is not None:
        told["view"] = {"name": view.name, "number": view.number, "count": view.count}
    waves, rate = read_r_waves(dataset, starts_ms), read_heart_rate(dataset)
    if waves is not None:
        told |= {"r_wave_ms": list(waves.times_ms), "r_wave_source": waves.source}
    if rate is not None:
        told["heart_rate_bpm"] = rate
    if plane is not None:
        told["biplane"] = {
            "plane": plane.plane,
            "acquisition_number": plane.acquisition_number,
            "frame_of_reference_uid": plane.frame_of_reference_uid or None,
            "synchronization_uid": plane.synchronization_uid or None,
            "time_synchronized": plane.time_synchronized,
        }
    references = read_references(dataset)
    if references:
        told["referenced_runs"] = [
            {"sop_instance_uid": each.sop_instance_uid, "purpose": each.purpose} for each in references
        ]
    orientation = texts(dataset, _ORIENTATION)
    if len(orientation) == 2:
        told["patient_orientation"] = orientation
    return told
