"""Vessels as tapered centre lines: curves through way points, tortuosity, stenoses, trees.

Coordinates are DICOM's patient system in millimetres from the isocentre: x to the patient's left, y to the back,
z to the head (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom.heart import Floats, unit

STEP_MM = 1.2
"""Distance of neighbouring points along a vessel."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One vessel at end diastole: ``points_mm`` (n, 3), ``radii_mm`` (n,), ``path_mm`` (n,) from the ostium.

    ``layer`` separates vessels whose shadows add up where they cross (0 to 2); ``inside_mm`` is how far the branch
    runs within its parent's lumen, where it must not add to the parent's shadow.
    """

    points_mm: Floats
    radii_mm: Floats
    path_mm: Floats
    layer: int
    inside_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """All branches of one coronary artery, joined: segment k runs from point ``start[k]`` to ``start[k] + 1``.

    ``share`` (n,) is 1 but where a branch still runs within its parent (rising from 0).
    """

    points_mm: Floats
    radii_mm: Floats
    path_mm: Floats
    share: Floats
    layer: NDArray[np.intp]
    start: NDArray[np.intp]


def through(way_points: Sequence[Floats]) -> Floats:
    """A smooth curve (Catmull-Rom) through the way points, resampled every STEP_MM."""
    points = np.asarray(way_points)
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    t = np.linspace(0.0, 1.0, 24, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        )
    curve = np.concatenate([*pieces, [points[-1]]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.arange(0.0, lengths[-1], STEP_MM)
    return np.stack([np.interp(wanted, lengths, curve[:, axis]) for axis in range(3)], axis=1)


def wavy(points: Floats, rng: np.random.Generator, amplitude_mm: float) -> Floats:
    """Tortuosity: two slow sines across the curve, none at its start."""
    s = np.arange(len(points)) * STEP_MM
    ramp = np.clip(s / 12.0, 0.0, 1.0)
    result = points.copy()
    for wavelength_mm in (38.0, 17.0):
        direction = unit(rng.standard_normal(3))
        wave = np.sin(2 * np.pi * (s / (wavelength_mm * (0.8 + 0.4 * rng.random())) + rng.random()))
        wave = wave - wave[0]
        result += (amplitude_mm * wavelength_mm / 38.0 * ramp * wave)[:, None] * direction
    return result


def trunk(
    way_points: Sequence[Floats], rng: np.random.Generator, *, radii_mm: tuple[float, float], path_mm: float, layer: int
) -> Branch:
    """A main vessel through way points, tapering between the two radii."""
    points = wavy(through(way_points), rng, 1.1)
    fraction = np.linspace(0.0, 1.0, len(points))
    radii = radii_mm[0] + (radii_mm[1] - radii_mm[0]) * np.asarray(fraction**0.8, dtype=np.float64)
    return Branch(points, radii, path_mm + np.arange(len(points), dtype=np.float64) * STEP_MM, layer)


def narrowed(branch: Branch, *, at_mm: float, length_mm: float, degree: float) -> Branch:
    """The same vessel with a smooth stenosis: ``degree`` 0.7 leaves 30 % of the diameter."""
    s = np.arange(len(branch.points_mm)) * STEP_MM
    radii = branch.radii_mm * (1.0 - degree * np.exp(-np.square((s - at_mm) / (length_mm / 2))))
    return Branch(branch.points_mm, radii, branch.path_mm, branch.layer, branch.inside_mm)


def _share(branch: Branch) -> Floats:
    s = branch.path_mm - branch.path_mm[0]
    return np.asarray(
        np.clip((s - 0.3 * branch.inside_mm) / max(branch.inside_mm, 1e-9), 0.0, 1.0)
        if branch.inside_mm
        else np.ones(len(s))
    )


def joined(branches: Sequence[Branch]) -> Tree:
    """All ``branches`` as one tree."""
    starts, offset = [], 0
    for branch in branches:
        starts.append(np.arange(offset, offset + len(branch.points_mm) - 1))
        offset += len(branch.points_mm)
    return Tree(
        points_mm=np.concatenate([b.points_mm for b in branches]),
        radii_mm=np.concatenate([b.radii_mm for b in branches]),
        path_mm=np.concatenate([b.path_mm for b in branches]),
        share=np.concatenate([_share(b) for b in branches]),
        layer=np.concatenate([np.full(len(b.points_mm), b.layer) for b in branches]).astype(np.intp),
        start=np.concatenate(starts).astype(np.intp),
    )
