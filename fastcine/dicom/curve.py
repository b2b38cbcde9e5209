"""Curves in groups 5000 to 501E (retired 2004, PS3.3-2004 C.10.2): where old cath lab objects keep their ECG."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fastcine.dicom.elements import Buffer
from fastcine.dicom.parse import ObjectStructure
from fastcine.dicom.values import integer, integers, text, texts

#: Data Value Representation: 0 US, 1 SS, 2 FL, 3 FD, 4 SL.
_KINDS = {0: "u2", 1: "i2", 2: "f4", 3: "f8", 4: "i4"}
_MAX_POINTS = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve. ``values``: shape (points, stored dimensions), of the dimensions that are not evenly spaced.

    ``start`` and ``step`` describe the evenly spaced one, None where none is. The corpus' real angiogram has step 40
    and 40 samples for each frame.
    """

    group: int
    kind: str
    dimensions: int
    points: int
    units: tuple[str, ...]
    label: str
    description: str
    start: int | None
    step: int | None
    values: NDArray[np.generic]


def read_curves(data: Buffer | mmap.mmap, structure: ObjectStructure, dataset: Dataset) -> tuple[Curve, ...]:
    """All curves of an object; damaged ones are left out."""
    found = (_curve(data, structure, dataset, group=group) for group in range(0x5000, 0x5020, 2))
    return tuple(curve for curve in found if curve is not None)


def samples_per_frame(curve: Curve, frames: int) -> int | None:
    """Samples of an evenly spaced curve for each frame of its run; None when they do not divide evenly."""
    return curve.points // frames if frames and curve.points % frames == 0 else None


def _curve(data: Buffer | mmap.mmap, structure: ObjectStructure, dataset: Dataset, *, group: int) -> Curve | None:
    def tag(element: int) -> int:
        return group << 16 | element

    span = structure.elements.get(tag(0x3000))
    dimensions, points = integer(dataset, tag(0x0005)), integer(dataset, tag(0x0010))
    kind = _KINDS.get(integer(dataset, tag(0x0103)) or 0)
    if span is None or not dimensions or not points or kind is None or points > _MAX_POINTS or dimensions > 16:
        return None
    descriptor = integers(dataset, tag(0x0110))
    # 0: evenly spaced, its coordinates are not stored; 1: stored. Without a descriptor everything is stored.
    stored = sum(1 for each in descriptor if each == 1) if len(descriptor) == dimensions else dimensions
    dtype = np.dtype((">" if structure.big_endian else "<") + kind)
    if not stored or span.length < stored * points * dtype.itemsize:
        return None
    with structure.buffer(data) as buffer:
        raw = bytes(buffer[span.value_offset : span.value_offset + stored * points * dtype.itemsize])
    values = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("=")).reshape(points, stored)
    spaced = stored < dimensions
    return Curve(
        group=group,
        kind=text(dataset, tag(0x0020)),
        dimensions=dimensions,
        points=points,
        units=tuple(texts(dataset, tag(0x0030))),
        label=text(dataset, tag(0x2500)),
        description=text(dataset, tag(0x0022)),
        start=integer(dataset, tag(0x0112)) if spaced else None,
        step=integer(dataset, tag(0x0114)) if spaced else None,
        values=values,
    )
