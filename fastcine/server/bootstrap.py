"""The native bootstrap: the page itself starts the stream and carries previews of the first frames.

They are small WebP pictures that the browser decodes natively and plays before any module has loaded. All that starts
the viewer and the first of them, gzipped, stay within TCP's first flight; the others follow at the page's end.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import orjson

from fastcine.cine.pacing import NEAR_S

HEAD_MARK = "<!-- bootstrap -->"
PREVIEW_MARK = '<img id="preview" alt="" hidden>'
MODULE_MARK = '<script type="module" src="{base}ui/view-page.js"></script>'
FOLLOWING_MARK = "<!-- following previews -->"
UNKNOWN_ROUND_TRIP_S = 0.1
"""A reader at home."""
DECODER_START_S = 0.2
"""From a page's first picture to its first decoded frame, beside the way over the link."""


def first_run(tiles: list[dict[str, Any]], asked: str | None) -> dict[str, Any] | None:
    """The tile that the viewer will open: the one asked for, else the first run, else the first still.

    None where that one cannot be played yet.
    """
    pictures = [tile for tile in tiles if tile["kind"] != "other"]
    chosen = next((tile for tile in pictures if tile["run"] == asked), None)
    chosen = chosen or next((tile for tile in pictures if tile["kind"] == "run" and tile["state"] != "failed"), None)
    chosen = chosen or (pictures[0] if pictures else None)
    return chosen if chosen is not None and chosen["description"] is not None and chosen["state"] != "failed" else None


def inline_json(value: object) -> str:
    """JSON that may stand inside a script element: no `<`, no line separators of old JavaScript."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def previews_to_carry(previews: int, rate_fps: float, round_trip_s: float | None, *, colour: bool = False) -> int:
    """How many of a run's previews the page carries: they play until the stream's frames are there.

    That takes two round trips of the socket and the start of a decoder. In colour all: there the first pass is so large
    that it comes hardly faster than it is played. Near too: their bytes cost nothing there, and on a small machine page
    and decoders take longer to start than frames to come.
    """
    if colour or (round_trip_s is not None and round_trip_s < NEAR_S):
        return previews
    lasting_s = 2 * (UNKNOWN_ROUND_TRIP_S if round_trip_s is None else round_trip_s) + DECODER_START_S
    return min(previews, 1 + math.ceil(lasting_s * max(rate_fps, 1.0)))


def socket_script(script: str, tile: dict[str, Any], nonce: str, *, base: str, previews: int) -> str:
    """The script element that opens the stream for a tile's run.

    `base` is the path of the viewer's files; `previews`: so many pictures the page carries, before the decoder starts.
    """
    described = tile["description"]
    start = {
        "run": tile["run"],
        "frames": described["frames"],
        "rate_fps": described["timing"]["fps"],
        "base": base,
        "previews": previews,
    }
    return f'<script nonce="{nonce}">window.BOOTSTRAP = {inline_json(start)};\n{script}</script>'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def preview_elements(script: str, preview: bytes, nonce: str) -> str:
    """The first preview picture and the script behind it."""
    image = f'<img id="preview" alt="" src="data:image/webp;base64,{_base64(preview)}">'
    return f'{image}<script nonce="{nonce}">{script}</script>'


def following_previews(previews: Sequence[bytes], nonce: str) -> str:
    """The pictures after the first, at the page's very end: what is above them does not wait for them."""
    return "\n".join(f'<script nonce="{nonce}">fastcineEarly.add("{_base64(each)}")</script>' for each in previews)
