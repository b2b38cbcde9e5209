"""A stored object's frames as bytes, for clients that are not ours: as they are stored, or decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from fastcine.archive.cine_making import Source, open_source
from fastcine.archive.folder import DataFolder
from fastcine.archive.record import InstanceRow
from fastcine.codec.decode import decode_at
from fastcine.errors import NotFound, Unsupported


class Frames:
    """The frames of one open object. Frame numbers begin with 1, as in DICOM."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def check(self, numbers: Sequence[int]) -> None:
        """Raises NotFound for a frame that is not there."""
        if not all(1 <= number <= len(self._source.spans) for number in numbers):
            raise NotFound("no such frame")

    def stored(self, number: int) -> bytes:
        """A frame's bitstream."""
        return b"".join(self._source.buffer[offset : offset + length] for offset, length in self._span(number))

    def native(self, number: int) -> bytes:
        """A frame's stored samples, little endian, colour by pixel. Raises BadDicom or Unsupported."""
        source = self._source
        if source.video is not None:
            raise Unsupported("a video's frames are not served alone")
        samples = decode_at(source.buffer, source.spans, number - 1, layout=source.layout)
        return np.ascontiguousarray(samples).astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()

    def _span(self, number: int) -> Sequence[tuple[int, int]]:
        return self._source.spans[number - 1]


@contextmanager
def open_frames(folder: DataFolder, row: InstanceRow) -> Iterator[Frames]:
    """Raises NotFound where the object has no pixels or its file is gone; BadDicom where they are damaged."""
    if row.run is None:
        raise NotFound("the object has no frames")
    with open_source(folder.resolve(row.stored_as.location), row.frames) as source:
        yield Frames(source)
