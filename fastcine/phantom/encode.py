"""Frames to bitstreams and raw pixels, through imagecodecs."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray


def jpeg_lossless(frame: NDArray[Any], *, bits: int) -> bytes:
    """One monochrome frame, uint8 or uint16 (rows, columns), as JPEG Lossless, Process 14, Selection Value 1.

    ``bits`` is the stream's precision (Bits Stored): 8 for uint8, 9 to 16 for uint16 (ITU-T T.81 H.1).
    """
    precision = None if bits == 8 else bits
    return bytes(imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, bitspersample=precision))


def jpeg_baseline_422(frame: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """One RGB frame, uint8 (rows, columns, 3), as JPEG baseline YCbCr 4:2:2 (DICOM: YBR_FULL_422)."""
    return bytes(
        imagecodecs.jpeg8_encode(frame, level=quality, colorspace="RGB", outcolorspace="YCBCR", subsampling="422")
    )


def jpeg_2000_lossless(frame: NDArray[np.uint8]) -> bytes:
    """One monochrome frame, uint8 (rows, columns), as a reversible JPEG 2000 codestream without JP2 boxes."""
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="J2K", level=0, reversible=True))
