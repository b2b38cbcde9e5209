"""Small pictures made at ingest: the strip's thumbnail, and the first frames that a page shows before anything else.

Lossy WebP, decoded natively by every browser we serve.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine.render.picture import Picture, shrunk

THUMBNAIL_PIXELS = 160
THUMBNAIL_QUALITY = 60
PREVIEW_BYTES = 7_000
"""One preview frame at most, so that the page with it stays within TCP's initial window of ten segments."""
PREVIEW_PIXELS = (512, 384, 256, 192, 128)
PREVIEW_QUALITY = 35


def webp(picture: Picture, quality: int) -> bytes:
    """Lossy WebP of a grey or RGB picture (`webp_encode` is lossless unless told otherwise, and wants RGB)."""
    rgb: NDArray[Any] = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    return bytes(imagecodecs.webp_encode(np.ascontiguousarray(rgb), level=quality, lossless=False, method=1))


def thumbnail(picture: Picture) -> bytes:
    """The tile's picture, longest side at most 160 pixels."""
    return webp(shrunk(picture, THUMBNAIL_PIXELS), THUMBNAIL_QUALITY)


def preview(picture: Picture) -> bytes:
    """The first frame as the page carries it: the largest of a few sizes that stays under `PREVIEW_BYTES`."""
    coded = b""
    for longest in PREVIEW_PIXELS:
        coded = webp(shrunk(picture, longest), PREVIEW_QUALITY)
        if len(coded) <= PREVIEW_BYTES:
            break
    return coded
