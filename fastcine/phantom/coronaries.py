"""The phantom's coronary arteries at end diastole, and the catheter that fills them.

Everything is procedural: trunks follow way points on the heart's surface (heart.py), side branches are grown from
them by a seeded walk that keeps to the surface.
"""

from __future__ import annotations

import numpy as np

from fastcine.phantom.heart import (
    ANTERIOR,
    BASE,
    LATERAL,
    LONG,
    ROOT,
    Floats,
    onto_surface,
    surface,
    unit,
)
from fastcine.phantom.vessels import STEP_MM, Branch, Tree, joined, narrowed, through, trunk


def _grow(
    parent: Branch,
    index: int,
    rng: np.random.Generator,
    *,
    degrees: float,
    length_mm: float,
    radius_mm: float,
    depth: int,
    lift: float = 1.0,
) -> list[Branch]:
    """A side branch that leaves ``parent`` at point ``index`` and walks over the surface, with its own twigs.

    ``degrees`` turns it from the parent's direction about the outward normal; ``lift`` under 1 dives inwards.
    """
    index = min(max(index, 1), len(parent.points_mm) - 2)
    point = parent.points_mm[index].copy()
    heading = unit(parent.points_mm[index + 1] - parent.points_mm[index - 1])
    _, normal = onto_surface(point, 1.0)
    turn = np.deg2rad(degrees)
    heading = unit(heading * np.cos(turn) + np.cross(normal, heading) * np.sin(turn))
    steps = max(int(length_mm / STEP_MM), 4)
    start_lift = float(np.linalg.norm(point - BASE - LONG * float((point - BASE) @ LONG)))
    start_lift /= max(
        float(np.linalg.norm(onto_surface(point, 1.0)[0] - BASE - LONG * float((point - BASE) @ LONG))), 1.0
    )
    points = np.empty((steps, 3))
    swing, phase = rng.uniform(0.03, 0.07), rng.uniform(0, 2 * np.pi)
    for step in range(steps):
        points[step] = point
        fraction = min(step / 8.0, 1.0)
        bend = swing * np.sin(step * STEP_MM / 5.5 + phase) + 0.012 * rng.standard_normal()
        heading = heading + np.cross(normal, heading) * bend + LONG * 0.02
        here = start_lift + (lift - start_lift) * fraction
        if lift < 1.0:
            here = 1.0 + (lift - 1.0) * (step / steps)
        moved, normal = onto_surface(point + unit(heading) * STEP_MM, here)
        heading = unit(moved - point)
        point = point + heading * STEP_MM
    fraction_along = np.linspace(0.0, 1.0, steps)
    radii = radius_mm * (1.0 - 0.72 * fraction_along**0.9)
    start_path = float(parent.path_mm[index])
    path = start_path + np.arange(steps, dtype=np.float64) * STEP_MM
    branch = Branch(points, radii, path, (parent.layer + 1) % 3, float(parent.radii_mm[index]))
    return [branch, *_twigs(branch, rng, depth=depth, lift=lift)]


def _twigs(
    branch: Branch, rng: np.random.Generator, *, depth: int, lift: float = 1.0, spacing_mm: float = 15.0
) -> list[Branch]:
    """Side branches along ``branch``, alternating sides, until ``depth`` runs out."""
    if depth <= 0:
        return []
    result: list[Branch] = []
    length_mm = len(branch.points_mm) * STEP_MM
    side = 1.0 if rng.random() < 0.5 else -1.0
    at = spacing_mm * rng.uniform(0.7, 1.2)
    while at < length_mm - 6.0:
        index = int(at / STEP_MM)
        result += _grow(
            branch,
            index,
            rng,
            degrees=side * rng.uniform(28, 58),
            length_mm=min((length_mm - at) * rng.uniform(0.5, 0.85), 34.0),
            radius_mm=float(branch.radii_mm[index]) * rng.uniform(0.5, 0.68),
            depth=depth - 1,
            lift=lift,
        )
        side, at = -side, at + spacing_mm * rng.uniform(0.75, 1.3)
    return result


def left_ostium_mm() -> Floats:
    """Where the left main leaves the aorta."""
    return np.asarray(ROOT + LATERAL * 13.0 + ANTERIOR * 1.0)


def right_ostium_mm() -> Floats:
    """Where the right coronary artery leaves the aorta."""
    return np.asarray(ROOT - LATERAL * 10.0 + ANTERIOR * 8.0)


def left_tree(rng: np.random.Generator) -> Tree:
    """Left main, LAD (with a 70 % stenosis in its middle third), circumflex, diagonals, septals, marginals."""
    fork = surface(0.0, 14, 1.05)
    main = trunk(
        [left_ostium_mm(), left_ostium_mm() * 0.5 + fork * 0.5 - LONG * 1.5, fork],
        rng,
        radii_mm=(2.3, 2.1),
        path_mm=0,
        layer=0,
    )
    s = float(main.path_mm[-1])
    lad_way = [
        fork,
        surface(0.10, 0),
        surface(0.24, -14),
        surface(0.45, -20),
        surface(0.66, -23),
        surface(0.84, -22),
        surface(0.96, -24),
    ]
    lad = trunk([*lad_way, surface(0.985, 170)], rng, radii_mm=(1.85, 0.5), path_mm=s, layer=0)
    lad = narrowed(lad, at_mm=38.0, length_mm=7.0, degree=0.62)
    cx_way = [fork, surface(-0.01, 40), surface(0.0, 72), surface(0.03, 105), surface(0.06, 135), surface(0.12, 160)]
    circumflex = trunk(cx_way, rng, radii_mm=(1.65, 0.6), path_mm=s, layer=0)
    branches = [main, lad, circumflex]
    for at_mm, length_mm, radius_mm in ((24, 66, 1.15), (44, 56, 0.95), (68, 40, 0.7), (88, 26, 0.5)):
        branches += _grow(
            lad, int(at_mm / STEP_MM), rng, degrees=-42, length_mm=length_mm, radius_mm=radius_mm, depth=2
        )
    for at_mm in (20, 30, 41, 53, 66, 80):
        branches += _grow(lad, int(at_mm / STEP_MM), rng, degrees=62, length_mm=30, radius_mm=0.5, depth=1, lift=0.45)
    for at_mm, length_mm, radius_mm in ((20, 70, 1.15), (42, 64, 1.1), (62, 46, 0.85), (80, 30, 0.6)):
        branches += _grow(
            circumflex, int(at_mm / STEP_MM), rng, degrees=46, length_mm=length_mm, radius_mm=radius_mm, depth=2
        )
    return joined(branches)


def right_tree(rng: np.random.Generator) -> Tree:
    """Right coronary artery: C-shaped in LAO, conus, marginals, posterior descending, posterolaterals."""
    way = [
        right_ostium_mm(),
        surface(0.0, -38, 0.98),
        surface(0.02, -62),
        surface(0.05, -90),
        surface(0.07, -118),
        surface(0.08, -142),
        surface(0.08, -163),
    ]
    main = trunk(way, rng, radii_mm=(1.9, 1.35), path_mm=0, layer=0)
    main = narrowed(main, at_mm=52.0, length_mm=9.0, degree=0.45)
    s = float(main.path_mm[-1])
    crux = main.points_mm[-1]
    descending = trunk(
        [crux, surface(0.22, -165), surface(0.42, -166), surface(0.62, -168), surface(0.8, -170)],
        rng,
        radii_mm=(1.05, 0.4),
        path_mm=s,
        layer=0,
    )
    lateral = trunk(
        [crux, surface(0.03, -176), surface(0.08, 168), surface(0.16, 152)],
        rng,
        radii_mm=(1.15, 0.6),
        path_mm=s,
        layer=0,
    )
    branches = [main, descending, lateral]
    for at_mm, length_mm, radius_mm in ((8, 34, 0.6), (30, 44, 0.75), (58, 62, 0.95), (82, 46, 0.75)):
        branches += _grow(
            main, int(at_mm / STEP_MM), rng, degrees=64, length_mm=length_mm, radius_mm=radius_mm, depth=2
        )
    for at_mm in (14, 26, 40):
        branches += _grow(descending, int(at_mm / STEP_MM), rng, degrees=-40, length_mm=24, radius_mm=0.45, depth=1)
    for at_mm in (10, 22, 34):
        branches += _grow(lateral, int(at_mm / STEP_MM), rng, degrees=-55, length_mm=42, radius_mm=0.75, depth=2)
    return joined(branches)


def catheter_mm(ostium_mm: Floats, *, right: bool) -> Floats:
    """A catheter's course (n, 3) every STEP_MM: from its tip at the ostium, round the arch, down the aorta."""
    bend = np.array([-16.0, 4.0, 10.0]) if right else np.array([-20.0, 6.0, 8.0])
    way = [
        ostium_mm,
        ostium_mm + bend * 0.45 + np.array([0.0, 0.0, -1.5]),
        ostium_mm + bend + np.array([-2.0, 0.0, 12.0]),
        ROOT + np.array([-10.0, 2.0, 48.0]),
        ROOT + np.array([-2.0, 16.0, 76.0]),
        ROOT + np.array([14.0, 44.0, 84.0]),
        ROOT + np.array([26.0, 62.0, 60.0]),
        ROOT + np.array([26.0, 66.0, 0.0]),
        ROOT + np.array([22.0, 66.0, -120.0]),
        ROOT + np.array([14.0, 66.0, -280.0]),
    ]
    return through(way)
