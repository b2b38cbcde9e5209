"""The bits of a stored object's overlays, read from the file when they are asked for."""

from __future__ import annotations

from pathlib import Path

from fastcine.archive.cine_making import open_source
from fastcine.dicom.overlay import embedded_bits
from fastcine.errors import NotFound


def overlay_bits(path: Path, group: int) -> bytes:
    """One overlay's planes: bits lowest first, row after row and plane after plane, nothing between them.

    `group` is 0x6000 to 0x601E. Raises NotFound where the object has no such overlay, BadDicom, Unsupported,
    StorageUnavailable.
    """
    with open_source(path) as source:
        overlay = next((each for each in source.overlays() if each.group == group), None)
        if overlay is None:
            raise NotFound("this run has no such overlay")
        if not overlay.packed:
            frames = (b"".join(source.fragments(frame)) for frame in range(source.layout.frames))
            return embedded_bits(overlay, frames, source.layout)
        return overlay.packed[: (overlay.rows * overlay.columns * overlay.frames + 7) // 8]
