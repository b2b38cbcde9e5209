"""Rendered pictures and thumbnails (PS3.18 8.3.5, 10.4.1.1.3, 10.4.1.1.4): what a client asks for. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastcine.dicomweb.media_types import MediaRange
from fastcine.errors import UsageError
from fastcine.render.still import MEDIA_TYPES, QUALITY
from fastcine.render.viewport import MOST_PIXELS, Viewport

_FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_IGNORED = ("annotation", "charset", "iccprofile")


@dataclass(frozen=True, slots=True)
class Window:
    """A window that takes the place of the object's, in modality values; `function` is that of PS3.3 C.11.2.1."""

    center: float
    width: float
    function: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """How pictures are made. `ignored`: parameters that were given and change nothing."""

    window: Window | None
    viewport: Viewport | None
    quality: int
    ignored: tuple[str, ...]


def parse_rendering(query: Mapping[str, str]) -> Rendering:
    """From the parameters of a URL. Raises UsageError (400) for values that are none."""
    quality = query.get("quality", str(QUALITY))
    if not re.fullmatch("[0-9]{1,3}", quality) or not 1 <= int(quality) <= 100:
        raise UsageError("quality is a whole number from 1 to 100")
    return Rendering(
        window=_window(query["window"]) if "window" in query else None,
        viewport=parse_viewport(query["viewport"]) if "viewport" in query else None,
        quality=int(quality),
        ignored=tuple(name for name in _IGNORED if query.get(name, "no") != "no"),
    )


def _window(text: str) -> Window:
    parts = text.split(",")
    if len(parts) != 3 or parts[2].lower() not in _FUNCTIONS:
        raise UsageError(f"window is center,width,function; function one of {', '.join(_FUNCTIONS)}")
    function = _FUNCTIONS[parts[2].lower()]
    try:
        center, width = float(parts[0]), float(parts[1])
    except ValueError:
        raise UsageError("a window's center and width are numbers") from None
    if not math.isfinite(center) or not math.isfinite(width) or width < (1 if function == "LINEAR" else 1e-9):
        raise UsageError("a window's width is at least 1 (linear) or above 0")
    return Window(center, width, function)


def parse_viewport(text: str, *, whole: bool = False) -> Viewport:
    """`vw,vh` or `vw,vh,sx,sy,sw,sh`, where the last four may be empty; `whole`: only the first. Raises UsageError."""
    parts = text.split(",")
    if len(parts) not in ((2,) if whole else (2, 6)):
        raise UsageError("viewport is vw,vh" + ("" if whole else " or vw,vh,sx,sy,sw,sh"))
    numbers = [_pixels(part) for part in parts] + [None] * (6 - len(parts))
    width, height, left, top, part_width, part_height = numbers
    if width is None or height is None or not (1 <= width <= MOST_PIXELS and 1 <= height <= MOST_PIXELS):
        raise UsageError(f"a viewport has 1 to {MOST_PIXELS} pixels a side")
    if (left or 0) < 0 or (top or 0) < 0 or part_width == 0 or part_height == 0:
        raise UsageError("a viewport's part begins in the picture and is not empty")
    return Viewport(width, height, left or 0, top or 0, part_width, part_height)


def _pixels(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("-?[0-9]{1,6}", text):
        raise UsageError("a viewport is given in whole pixels")
    return int(text)


def picture_type(ranges: Sequence[MediaRange]) -> str | None:
    """The media type that answers; None: not acceptable (406). Films (image/gif, video/*) are not made."""
    for each in ranges:
        part = each.part_type
        if part in MEDIA_TYPES:
            return part
        if part in ("", "*/*", "image/*"):
            return MEDIA_TYPES[0]
    return None if ranges else MEDIA_TYPES[0]
