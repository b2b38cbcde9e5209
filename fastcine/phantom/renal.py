"""The phantom's right renal artery, which does not beat: what the DSA run shows."""

from __future__ import annotations

import numpy as np

from fastcine.phantom.heart import Floats, unit
from fastcine.phantom.vessels import Branch, Tree, joined, narrowed, through, trunk


def _forked(parent: Branch, rng: np.random.Generator, *, length_mm: float, depth: int) -> list[Branch]:
    """Two daughters at the end of ``parent``, by Murray's law, and theirs: a tree that spreads through an organ."""
    if depth == 0:
        return []
    end, before = parent.points_mm[-1], parent.points_mm[-4]
    heading = unit(end - before)
    across = unit(np.cross(heading, unit(rng.standard_normal(3) * np.array([0.25, 1.0, 0.25]))))
    split = rng.uniform(0.42, 0.58)
    result: list[Branch] = []
    for side, share in ((1.0, split), (-1.0, 1.0 - split)):
        turned = unit(heading + across * side * rng.uniform(0.35, 0.75))
        reach = length_mm * rng.uniform(0.75, 1.2)
        middle = end + (heading * 0.5 + turned * 0.5) * reach * 0.5
        radius = float(parent.radii_mm[-1]) * share ** (1 / 3)
        daughter = trunk(
            [end, middle, middle + turned * reach * 0.6], rng, radii_mm=(radius, radius * 0.82),
            path_mm=float(parent.path_mm[-1]), layer=0,
        )  # fmt: skip
        result += [daughter, *_forked(daughter, rng, length_mm=length_mm * 0.78, depth=depth - 1)]
    return result


_RENAL_OSTIUM = np.array([-2.0, 14.0, 8.0])


def renal_tree(rng: np.random.Generator) -> Tree:
    """A right renal artery and its branches through the kidney; it does not beat."""
    ostium = _RENAL_OSTIUM
    way = [ostium, ostium + np.array([-14.0, 4.0, -3.0]), ostium + np.array([-28.0, 9.0, -5.0])]
    main = trunk(way, rng, radii_mm=(2.7, 2.4), path_mm=0, layer=0)
    main = narrowed(main, at_mm=9.0, length_mm=6.0, degree=0.5)
    return joined([main, *_forked(main, rng, length_mm=17.0, depth=6)])


def renal_catheter_mm() -> Floats:
    """A cobra catheter from below: up the aorta, hooked into the renal ostium; every STEP_MM from its tip."""
    aorta = np.array([12.0, 20.0, 0.0])
    way = [
        _RENAL_OSTIUM,
        aorta + np.array([-6, -4, 10.0]),
        aorta + np.array([2, 0, 2.0]),
        aorta + np.array([4, 0, -30.0]),
    ]
    return through([*way, aorta + np.array([6, 2, -90.0]), aorta + np.array([10, 4, -200.0])])
