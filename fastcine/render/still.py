"""A display picture as a file that any program shows: JPEG, PNG or WebP. Pure."""

from __future__ import annotations

import imagecodecs
import numpy as np

from fastcine.errors import UsageError
from fastcine.render.picture import Picture
from fastcine.render.preview import webp

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
MEDIA_TYPES = (JPEG, PNG, WEBP)
"""The first is what is answered where a client does not care. JPEG and WebP are lossy, PNG is not."""
QUALITY = 90
_MOST_SIDE = {JPEG: 65_500, PNG: 1 << 30, WEBP: 16_383}


def still(picture: Picture, media_type: str, quality: int = QUALITY) -> bytes:
    """`picture`: uint8, (rows, columns[, 3]); `quality` 1 to 100, of no account to PNG.

    Raises UsageError for a side that the format does not know.
    """
    if max(picture.shape[:2]) > _MOST_SIDE[media_type]:
        raise UsageError(f"{media_type} has at most {_MOST_SIDE[media_type]} pixels a side: ask for a viewport")
    picture = np.ascontiguousarray(picture)
    if media_type == PNG:
        return bytes(imagecodecs.png_encode(picture))
    if media_type == WEBP:
        return webp(picture, quality)
    space = "RGB" if picture.ndim == 3 else None
    return bytes(imagecodecs.jpeg8_encode(picture, level=quality, colorspace=space, subsampling="444"))
