"""How long the tiers are: the exact one against plain lossless HTJ2K, the first pass against the exact one."""

from __future__ import annotations

from typing import Any

import imagecodecs

from bench.codecs import material
from bench.codecs.material import Material
from fastcine.cine.tiers import COARSE_STEP, FINE_STEP
from fastcine.codec import htj2k

MOST_OF_PLAIN = 1.02
MOST_OF_EXACT = {512: 0.08, 1024: 0.06}
"""By rows, of the X-ray runs; the echo has no target."""


def _row(frames: Material) -> dict[str, Any]:
    bits, color = frames.bits, frames.color
    plain = exact = first = 0
    for frame in frames.frames:
        plain += len(imagecodecs.htj2k_encode(frame, reversible=True, rgb=color, planar=False))
        exact += len(htj2k.encode_exact(frame, bits, rgb=color))
        first += sum(len(htj2k.encode_first_pass(frame, bits, step)) for step in (COARSE_STEP, FINE_STEP))
    rows = frames.frames[0].shape[0]
    return {
        "material": frames.name,
        "raw_of_exact": frames.raw_bytes * len(frames.frames) / exact,
        "exact_of_plain": exact / plain,
        "most_of_plain": MOST_OF_PLAIN,
        "first_pass_of_exact": first / exact,
        "most_of_exact": None if color else MOST_OF_EXACT.get(rows),
    }


def measure() -> list[dict[str, Any]]:
    """A row for each bench run, as plain JSON."""
    return [_row(frames) for frames in material.every()]
