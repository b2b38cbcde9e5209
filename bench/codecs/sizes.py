"""How long the tiers are: the exact one against plain lossless HTJ2K, the first pass against the exact one.

And how near the finer first pass comes to the samples.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np

from bench.codecs import material
from bench.codecs.material import Material
from fastcine.cine.tiers import COARSE_STEP, FINE_STEP
from fastcine.codec import htj2k

MOST_OF_PLAIN = 1.02
MOST_OF_EXACT = {512: 0.08, 1024: 0.06}
"""By rows, of the X-ray runs; the echo has no target."""
LEAST_PSNR_DB = 38.0
"""Of the finer first pass, mean over the X-ray runs' frames."""


def psnr_db(frame: Any, decoded: Any, bits: int) -> float:
    """Peak signal to noise ratio of `decoded` against `frame`, both unsigned and below ``2**bits``."""
    mean_square = np.mean(np.square(decoded.astype(np.float64) - frame))
    return float(10 * np.log10((2**bits - 1) ** 2 / mean_square))


def _row(frames: Material) -> dict[str, Any]:
    bits, color = frames.bits, frames.color
    plain = exact = first = 0
    psnrs = []
    for frame in frames.frames:
        plain += len(imagecodecs.htj2k_encode(frame, reversible=True, rgb=color, planar=False))
        exact += len(htj2k.encode_exact(frame, bits, rgb=color))
        fine = htj2k.encode_first_pass(frame, bits, FINE_STEP)
        first += len(htj2k.encode_first_pass(frame, bits, COARSE_STEP)) + len(fine)
        psnrs.append(psnr_db(frame, htj2k.decode_first_pass(fine, bits), bits))
    rows = frames.frames[0].shape[0]
    return {
        "material": frames.name,
        "raw_of_exact": frames.raw_bytes * len(frames.frames) / exact,
        "exact_of_plain": exact / plain,
        "most_of_plain": MOST_OF_PLAIN,
        "first_pass_of_exact": first / exact,
        "psnr_db": sum(psnrs) / len(psnrs),
        "least_psnr_db": None if color else LEAST_PSNR_DB,
        "most_of_exact": None if color else MOST_OF_EXACT.get(rows),
    }


def measure() -> list[dict[str, Any]]:
    """A row for each bench run, as plain JSON."""
    return [_row(frames) for frames in material.every()]
