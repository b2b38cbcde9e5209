"""Where the X-ray gantry stood (PS3.3 C.8.7.5 XA Positioner; C.8.19.6 for Enhanced XA).

Primary angle: positive is LAO, negative RAO, -180 to 180 degrees. Secondary: positive is CRA, negative CAU, -90 to 90.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from fastcine.dicom.values import decimals, group_item, number, text

_PRIMARY, _SECONDARY = 0x00181510, 0x00181511
_PRIMARY_INCREMENT, _SECONDARY_INCREMENT, _MOTION = 0x00181520, 0x00181521, 0x00181500
#: Enhanced XA: Positioner Position Sequence, and the isocenter reference's own angles.
_POSITIONER, _ISOCENTER, _ISO_PRIMARY, _ISO_SECONDARY = 0x00189405, 0x00189462, 0x00189463, 0x00189464


@dataclass(frozen=True, slots=True)
class Geometry:
    """The angles of frame 1 in degrees (None where unknown) and ``label`` such as ``"LAO 32 CRA 20"``.

    ``primary_offsets_deg`` and ``secondary_offsets_deg`` are added for each frame of a run whose gantry moved; empty
    when it stood still.
    """

    primary_angle_deg: float | None
    secondary_angle_deg: float | None
    label: str
    primary_offsets_deg: tuple[float, ...] = ()
    secondary_offsets_deg: tuple[float, ...] = ()


def read_geometry(dataset: Dataset, *, frames: int = 1) -> Geometry:
    """The geometry of an image; angles out of range count as unknown."""
    primary, secondary = _angle(number(dataset, _PRIMARY), 180), _angle(number(dataset, _SECONDARY), 90)
    if primary is None and secondary is None:
        for macro, tags in ((_POSITIONER, (_PRIMARY, _SECONDARY)), (_ISOCENTER, (_ISO_PRIMARY, _ISO_SECONDARY))):
            item = group_item(dataset, macro)
            if item is not None and primary is None:
                primary, secondary = _angle(number(item, tags[0]), 180), _angle(number(item, tags[1]), 90)
    moved = text(dataset, _MOTION) == "DYNAMIC" and frames > 1
    return Geometry(
        primary,
        secondary,
        angle_label(primary, secondary),
        _offsets(dataset, _PRIMARY_INCREMENT, frames) if moved else (),
        _offsets(dataset, _SECONDARY_INCREMENT, frames) if moved else (),
    )


def angle_label(primary_angle_deg: float | None, secondary_angle_deg: float | None) -> str:
    """``"LAO 32 CRA 20"``: whole degrees; ``AP`` for a primary angle of 0, nothing for a secondary of 0."""
    parts = []
    if primary_angle_deg is not None:
        degrees = _whole(primary_angle_deg)
        parts.append("AP" if degrees == 0 else f"{'LAO' if degrees > 0 else 'RAO'} {abs(degrees)}")
    if secondary_angle_deg is not None:
        degrees = _whole(secondary_angle_deg)
        if degrees:
            parts.append(f"{'CRA' if degrees > 0 else 'CAU'} {abs(degrees)}")
    return " ".join(parts)


def _whole(angle_deg: float) -> int:
    """Rounded half away from zero, so that -32.5 and 32.5 read alike."""
    return int(abs(angle_deg) + 0.5) * (1 if angle_deg >= 0 else -1)


def _angle(value: float | None, limit: float) -> float | None:
    return value if value is not None and abs(value) <= limit else None


def _offsets(dataset: Dataset, tag: int, frames: int) -> tuple[float, ...]:
    """One value is the mean change a frame; as many as frames are offsets from the first angle, not summed up."""
    values = [float(value) for value in decimals(dataset, tag) if value is not None]
    if len(values) == 1:
        return tuple(values[0] * frame for frame in range(frames))
    return tuple(values) if len(values) == frames else ()


def geometry_json(geometry: Geometry) -> dict[str, object]:
    """The ``geometry`` object of docs/api.md."""
    return {
        "primary_angle_deg": geometry.primary_angle_deg,
        "secondary_angle_deg": geometry.secondary_angle_deg,
        "label": geometry.label,
    }
