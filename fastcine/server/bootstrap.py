"""The native bootstrap: the page itself starts the stream and carries the first frame's preview.

The preview is a small WebP that the browser decodes natively, drawn before any module has loaded; the page, gzipped,
stays within TCP's first flight.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

HEAD_MARK = "<!-- bootstrap -->"
PREVIEW_MARK = '<img id="preview" alt="" hidden>'


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


def socket_script(script: str, tile: dict[str, Any], nonce: str, *, base: str, preview: bool) -> str:
    """The script element that opens the stream for a tile's run.

    `base` is the path of the viewer's files; `preview`: the page carries a picture, which goes before the decoder.
    """
    described = tile["description"]
    start = {
        "run": tile["run"],
        "frames": described["frames"],
        "rate_fps": described["timing"]["fps"],
        "base": base,
        "preview": preview,
    }
    return f'<script nonce="{nonce}">window.BOOTSTRAP = {inline_json(start)};\n{script}</script>'


def preview_elements(script: str, preview: bytes, nonce: str) -> str:
    """The preview picture and the script behind it."""
    source = base64.b64encode(preview).decode("ascii")
    image = f'<img id="preview" alt="" src="data:image/webp;base64,{source}">'
    return f'{image}<script nonce="{nonce}">{script}</script>'
