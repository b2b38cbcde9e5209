"""Small pictures made at ingest: the strip's thumbnail, and the first frames that a page shows before anything else.

Lossy WebP, decoded natively by every browser we serve.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine.render.picture import Picture, halved, shrunk

THUMBNAIL_PIXELS = 160
THUMBNAIL_QUALITY = 60
PREVIEW_BYTES = 5_000
"""The first picture at most, so that the page with it stays within TCP's initial window of ten segments."""
PREVIEW_PIXELS = (512, 384, 256, 192, 128)
PREVIEW_QUALITY = 35
PREVIEWS_LAST_S = 0.65
"""How long previews play: until the stream's first frames are there over a link of 200 ms."""
FOLLOWING_PIXELS = 256
"""The pictures after the first stand for one frame's time each."""
FOLLOWING_QUALITY = 25
FOLLOWING_BYTES = 4_000


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


def following_preview(picture: Picture) -> bytes:
    """A frame behind the first one: smaller, made quickly, halved until it is small."""
    small = halved(picture, FOLLOWING_PIXELS)
    coded = webp(small, FOLLOWING_QUALITY)
    return coded if len(coded) <= FOLLOWING_BYTES else webp(halved(small, max(small.shape[:2]) // 2), FOLLOWING_QUALITY)


def preview_frames(frames: int, fps: float) -> int:
    """How many frames from the first have a preview."""
    return min(frames, 1 + math.ceil(PREVIEWS_LAST_S * min(max(fps, 1.0), 30.0)))


def pack(previews: Sequence[bytes]) -> bytes:
    """Pictures one behind the other, each with its length in front (u32, little-endian)."""
    return b"".join(struct.pack("<I", len(one)) + one for one in previews)


def unpack(data: bytes) -> list[bytes]:
    """The reverse of `pack`; what is cut off is left out."""
    found, place = [], 0
    while place + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, place)
        place += 4 + length
        if place <= len(data):
            found.append(data[place - length : place])
    return found
