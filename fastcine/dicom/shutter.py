"""Display shutters: what is kept out of sight at a picture's edges (PS3.3 C.7.6.11, C.7.6.15).

Places are (row, column) of the picture from 1, as in the file; edges belong to what is seen. Of several shutters only
what lies inside all of them is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from fastcine.dicom.values import Values, group_item, integer, integers, text, texts

_SHAPE, _LEFT, _RIGHT, _UPPER, _LOWER = 0x00181600, 0x00181602, 0x00181604, 0x00181606, 0x00181608
_CENTER, _RADIUS, _VERTICES = 0x00181610, 0x00181612, 0x00181620
_VALUE, _OVERLAY_GROUP, _COLOR, _FRAME_SHUTTER = 0x00181622, 0x00181623, 0x00181624, 0x00189472

_MOST_VERTICES = 4096
"""An outline drawn by hand has a few dozen; beyond this it is damage."""


@dataclass(frozen=True, slots=True)
class Shutter:
    """One shutter. ``shape`` is rectangular, circular, polygonal or bitmap; what belongs to other shapes is None.

    ``edges`` are left and right column, upper and lower row; ``center`` is (row, column), ``radius`` counts columns;
    ``vertices`` are (row, column), the last joined to the first; ``overlay_group`` is the group whose 1 bits hide.
    ``presentation_value`` is the P-value that fills what is hidden (0 black, 65535 white), ``color_cielab`` the same
    in colour (three unsigned 16-bit values, PS3.3 C.10.7.1.1); None where the file is silent.
    """

    shape: str
    edges: tuple[int, int, int, int] | None = None
    center: tuple[int, int] | None = None
    radius: int | None = None
    vertices: tuple[tuple[int, int], ...] | None = None
    overlay_group: int | None = None
    presentation_value: int | None = None
    color_cielab: tuple[int, ...] | None = None


def read_shutters(dataset: Dataset) -> tuple[Shutter, ...]:
    """The shutters of an image or a presentation state; malformed ones are left out. Of frames the first's."""
    source = dataset if texts(dataset, _SHAPE) else group_item(dataset, _FRAME_SHUTTER) or dataset
    found = (_shutter(source, shape) for shape in dict.fromkeys(texts(source, _SHAPE)))
    return tuple(shutter for shutter in found if shutter is not None)


def _shutter(dataset: Dataset, shape: str) -> Shutter | None:
    value, color = _value(dataset), tuple(integers(dataset, _COLOR))
    lab = color if len(color) == 3 else None
    if shape == "RECTANGULAR":
        edges = [integer(dataset, tag) for tag in (_LEFT, _RIGHT, _UPPER, _LOWER)]
        left, right, upper, lower = edges
        if left is None or right is None or upper is None or lower is None or left > right or upper > lower:
            return None
        return Shutter("rectangular", edges=(left, right, upper, lower), presentation_value=value, color_cielab=lab)
    if shape == "CIRCULAR":
        center, radius = integers(dataset, _CENTER), integer(dataset, _RADIUS)
        if len(center) != 2 or radius is None or radius < 1:
            return None
        place = (center[0], center[1])
        return Shutter("circular", center=place, radius=radius, presentation_value=value, color_cielab=lab)
    if shape == "POLYGONAL":
        numbers = integers(dataset, _VERTICES)[: 2 * _MOST_VERTICES]
        vertices = tuple(zip(numbers[::2], numbers[1::2], strict=False))
        if len(vertices) < 3:
            return None
        return Shutter("polygonal", vertices=vertices, presentation_value=value, color_cielab=lab)
    group = integer(dataset, _OVERLAY_GROUP)
    if shape != "BITMAP" or group is None:
        return None
    return Shutter("bitmap", overlay_group=group, presentation_value=value, color_cielab=lab)


def _value(dataset: Values) -> int | None:
    value = integer(dataset, _VALUE) if text(dataset, _VALUE) else None
    return value if value is not None and 0 <= value <= 0xFFFF else None


def shutter_json(shutter: Shutter) -> dict[str, object]:
    """One entry of ``shutters`` of docs/api.md: what the shape needs, and what fills it."""
    told: dict[str, object] = {"shape": shutter.shape}
    if shutter.edges is not None:
        told |= dict(zip(("left", "right", "upper", "lower"), shutter.edges, strict=True))
    if shutter.center is not None:
        told |= {"center": list(shutter.center), "radius": shutter.radius}
    if shutter.vertices is not None:
        told["vertices"] = [list(vertex) for vertex in shutter.vertices]
    if shutter.overlay_group is not None:
        told["overlay_group"] = f"{shutter.overlay_group:04X}"
    told["presentation_value"] = shutter.presentation_value
    if shutter.color_cielab is not None:
        told["color_cielab"] = list(shutter.color_cielab)
    return told
