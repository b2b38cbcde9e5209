"""Lines and words that a presentation state draws over a picture (PS3.3 C.10.5, C.10.7), as docs/api.md has them.

Points are [x, y]. Units PIXEL: columns and rows of the image, 0, 0 the upper left corner of its first pixel, half
pixels told. Units DISPLAY: parts of the displayed area, 0, 0 to 1, 1. Units MATRIX: pixels of a tiled whole.
"""

from __future__ import annotations

from pydicom import Dataset

from fastcine.dicom.values import as_written, decimals, integer, integers, items, text

_ANNOTATIONS, _LAYER, _TEXTS, _GRAPHICS = 0x00700001, 0x00700002, 0x00700008, 0x00700009
_BOX_UNITS, _ANCHOR_UNITS, _GRAPHIC_UNITS = 0x00700003, 0x00700004, 0x00700005
_WORDS, _BOX_TOP_LEFT, _BOX_BOTTOM_RIGHT, _JUSTIFIED = 0x00700006, 0x00700010, 0x00700011, 0x00700012
_ANCHOR, _ANCHOR_VISIBLE, _POINTS, _TYPE, _FILLED = 0x00700014, 0x00700015, 0x00700022, 0x00700023, 0x00700024
_LAYERS, _ORDER, _GRAY, _LAYER_TEXT, _LAYER_COLOR = 0x00700060, 0x00700062, 0x00700066, 0x00700068, 0x00700401
_REFERENCED, _SOP_INSTANCE, _FRAMES = 0x00081140, 0x00081155, 0x00081160

GRAPHIC_TYPES = ("POINT", "POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE")
"""A circle is its centre and a point on it, an ellipse the ends of its major and then of its minor axis."""
_MOST_ITEMS, _MOST_POINTS = 1000, 20_000
_LONGEST_TEXT = 1024


def applies_to(item: Dataset) -> list[dict[str, object]]:
    """The images that an item is for, each with its frames from 1; empty lists mean all of them."""
    return [
        {"sop_instance_uid": text(image, _SOP_INSTANCE), "frames": integers(image, _FRAMES)}
        for image in items(item, _REFERENCED)[:_MOST_ITEMS]
        if 0 < len(text(image, _SOP_INSTANCE)) <= 64
    ]


def annotations_json(dataset: Dataset) -> list[dict[str, object]]:
    """The Graphic Annotation Sequence; damaged objects in it are left out."""
    found: list[dict[str, object]] = []
    for item in items(dataset, _ANNOTATIONS)[:_MOST_ITEMS]:
        words = [_text(each) for each in items(item, _TEXTS)[:_MOST_ITEMS]]
        drawn = [_graphic(each) for each in items(item, _GRAPHICS)[:_MOST_ITEMS]]
        found.append(
            {
                "for": applies_to(item),
                "layer": text(item, _LAYER),
                "texts": [each for each in words if each is not None],
                "graphics": [each for each in drawn if each is not None],
            }
        )
    return found


def layers_json(dataset: Dataset) -> list[dict[str, object]]:
    """The Graphic Layer Sequence, the lowest first."""
    found = []
    for item in items(dataset, _LAYERS)[:_MOST_ITEMS]:
        color = integers(item, _LAYER_COLOR)
        found.append(
            {
                "name": text(item, _LAYER),
                "order": integer(item, _ORDER) or 0,
                "presentation_value": integer(item, _GRAY) if text(item, _GRAY) else None,
                "color_cielab": color if len(color) == 3 else None,
                "description": text(item, _LAYER_TEXT),
            }
        )
    return sorted(found, key=lambda layer: int(layer["order"]))  # type: ignore[call-overload]


def _points(item: Dataset, tag: int) -> list[list[float]]:
    numbers = decimals(item, tag)[: 2 * _MOST_POINTS]
    if len(numbers) % 2 or any(number is None for number in numbers):
        return []
    values = [as_written(float(number)) for number in numbers if number is not None]
    return [[x, y] for x, y in zip(values[::2], values[1::2], strict=True)]


def _text(item: Dataset) -> dict[str, object] | None:
    """A text has a box, an anchor point, or both."""
    top_left, bottom_right = _points(item, _BOX_TOP_LEFT), _points(item, _BOX_BOTTOM_RIGHT)
    anchor, words = _points(item, _ANCHOR), text(item, _WORDS)[:_LONGEST_TEXT]
    box = None
    if len(top_left) == len(bottom_right) == 1:
        box = {
            "units": text(item, _BOX_UNITS) or "PIXEL",
            "top_left": top_left[0],
            "bottom_right": bottom_right[0],
            "justified": text(item, _JUSTIFIED).lower() or "left",
        }
    point = None
    if len(anchor) == 1:
        visible = text(item, _ANCHOR_VISIBLE).upper() == "Y"
        point = {"units": text(item, _ANCHOR_UNITS) or "PIXEL", "point": anchor[0], "visible": visible}
    return {"text": words, "box": box, "anchor": point} if words and (box or point) else None


def _graphic(item: Dataset) -> dict[str, object] | None:
    kind, points = text(item, _TYPE).upper(), _points(item, _POINTS)
    needed = {"POINT": 1, "CIRCLE": 2, "ELLIPSE": 4}.get(kind, 2)
    exact = kind in ("POINT", "CIRCLE", "ELLIPSE")
    if kind not in GRAPHIC_TYPES or len(points) < needed or (exact and len(points) != needed):
        return None
    return {
        "type": kind,
        "units": text(item, _GRAPHIC_UNITS) or "PIXEL",
        "points": points,
        "filled": text(item, _FILLED).upper() == "Y",
    }
