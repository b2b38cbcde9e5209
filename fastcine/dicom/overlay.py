"""Overlays in groups 6000 to 601E (PS3.3 C.9.2): bit planes over the picture.

Bits are packed lowest first, row after row and frame after frame, without padding between them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fastcine.dicom.elements import Buffer
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.parse import ObjectStructure
from fastcine.dicom.values import integer, integers, text

#: Bits of one overlay of one frame that are unpacked at once.
_MAX_BITS = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One overlay. ``origin`` is (row, column) of its first bit in the picture, from 1, and may be 0 or negative.

    ``frames`` planes belong to the picture's frames from ``first_frame`` (from 1); one plane without such a place lies
    over every frame. ``packed`` holds the bits; it is
    empty where they lie in unused bits of the pixels (retired; ``embedded_bit`` then says which bit).
    """

    group: int
    rows: int
    columns: int
    kind: str
    origin: tuple[int, int]
    frames: int
    first_frame: int
    label: str
    description: str
    packed: bytes
    embedded_bit: int | None
    every_frame: bool = False

    def plane(self, frame: int) -> NDArray[np.bool_]:
        """Plane ``frame`` (from 0) as booleans, shape (rows, columns). Raises IndexError beyond the last."""
        if not 0 <= frame < self.frames or not self.packed:
            raise IndexError(frame)
        count = self.rows * self.columns
        first = frame * count
        piece = np.frombuffer(self.packed, np.uint8)[first // 8 : (first + count + 7) // 8]
        bits = np.unpackbits(piece, bitorder="little")[first % 8 : first % 8 + count]
        return bits.astype(np.bool_).reshape(self.rows, self.columns)


def read_overlays(data: Buffer | mmap.mmap, structure: ObjectStructure, dataset: Dataset) -> tuple[Overlay, ...]:
    """All overlays of an object; damaged ones are left out."""
    found = (_overlay(data, structure, dataset, group=group) for group in range(0x6000, 0x6020, 2))
    return tuple(overlay for overlay in found if overlay is not None)


def shown_overlays(overlays: Iterable[Overlay], layout: ImageLayout) -> tuple[Overlay, ...]:
    """Those whose bits can be had, with bits in the pixels as planes of all frames of an image laid out like this.

    Compressed pixels hold samples only, so that nothing can lie beside them (PS3.5 8.1.2).
    """
    found = []
    for overlay in overlays:
        if overlay.packed:
            found.append(overlay)
        elif overlay.embedded_bit is not None and _may_hold(layout, overlay.embedded_bit):
            placed = replace(overlay, rows=layout.rows, columns=layout.columns, origin=(1, 1))
            found.append(replace(placed, frames=layout.frames, first_frame=1, every_frame=False))
    return tuple(found)


def _may_hold(layout: ImageLayout, bit: int) -> bool:
    """Whether a bit of the stored words is none of the samples'."""
    plain = not layout.encapsulated and layout.samples_per_pixel == 1 and layout.bits_allocated in (8, 16)
    return plain and 0 <= bit < layout.bits_allocated and not layout.low_bit <= bit <= layout.high_bit


def embedded_bits(overlay: Overlay, native_frames: Iterable[Buffer], layout: ImageLayout) -> bytes:
    """The planes of an overlay of `shown_overlays` that lies in the pixels, packed as others are."""
    kind = np.dtype("u1" if layout.bits_allocated == 8 else ">u2" if layout.big_endian else "<u2")
    mask = 1 << (overlay.embedded_bit or 0)
    planes = [np.frombuffer(frame, kind) & mask != 0 for frame in native_frames]
    return np.packbits(np.concatenate(planes), bitorder="little").tobytes()


def overlay_json(overlay: Overlay) -> dict[str, object]:
    """One entry of ``overlays`` of docs/api.md."""
    return {
        "group": f"{overlay.group:04X}",
        "rows": overlay.rows,
        "columns": overlay.columns,
        "origin": list(overlay.origin),
        "frames": overlay.frames,
        "first_frame": overlay.first_frame,
        "every_frame": overlay.every_frame,
        "type": overlay.kind,
        "label": overlay.label,
        "description": overlay.description,
    }


def _overlay(data: Buffer | mmap.mmap, structure: ObjectStructure, dataset: Dataset, *, group: int) -> Overlay | None:
    def tag(element: int) -> int:
        return group << 16 | element

    rows, columns = integer(dataset, tag(0x0010)), integer(dataset, tag(0x0011))
    if not rows or not columns or rows * columns > _MAX_BITS:
        return None
    frames = max(1, integer(dataset, tag(0x0015)) or 1)
    needed = (rows * columns * frames + 7) // 8
    span, packed, embedded = structure.elements.get(tag(0x3000)), b"", None
    if span is not None and span.length + 1 >= needed:
        # One byte short is met where a writer rounded the bits down.
        with structure.buffer(data) as buffer:
            packed = bytes(buffer[span.value_offset : span.value_offset + min(span.length, needed + needed % 2)])
        packed = packed.ljust(needed + needed % 2, b"\0")
        if structure.big_endian and span.vr == "OW":
            packed = np.frombuffer(packed[: len(packed) // 2 * 2], ">u2").astype("<u2").tobytes()
    elif span is None and (integer(dataset, tag(0x0100)) or 1) > 1:
        embedded = integer(dataset, tag(0x0102))
    if not packed and embedded is None:
        return None
    origin = integers(dataset, tag(0x0050))
    return Overlay(
        group=group,
        rows=rows,
        columns=columns,
        kind=text(dataset, tag(0x0040)),
        origin=(origin[0], origin[1]) if len(origin) == 2 else (1, 1),
        frames=frames,
        first_frame=integer(dataset, tag(0x0051)) or 1,
        label=text(dataset, tag(0x1500)),
        description=text(dataset, tag(0x0022)),
        packed=packed,
        embedded_bit=embedded,
        every_frame=frames == 1 and integer(dataset, tag(0x0051)) is None,
    )
