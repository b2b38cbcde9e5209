"""A stored object's frames and data set as bytes for clients that are not ours: as stored, decoded, or coded anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from fastcine.archive.cine_cache import CacheReader
from fastcine.archive.cine_making import Source, open_source
from fastcine.archive.folder import DataFolder
from fastcine.archive.record import InstanceRow
from fastcine.archive.store import Store
from fastcine.cine.wire import Tier, WireCodec, parse_message
from fastcine.codec.decode import decode_at
from fastcine.codec.encode import HTJ2K, from_cine_cache
from fastcine.codec.transcode import Coded, Transcoding
from fastcine.dicom.layout import ImageLayout
from fastcine.errors import NotFound, PeerError, Unsupported


class Frames:
    """The frames of one open object. Frame numbers begin with 1, as in DICOM."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def check(self, numbers: Sequence[int]) -> None:
        """Raises NotFound for a frame that is not there."""
        _check(numbers, len(self._source.spans))

    def stored(self, number: int) -> bytes:
        """A frame's bitstream."""
        return b"".join(self._source.buffer[offset : offset + length] for offset, length in self._span(number))

    def native(self, number: int) -> bytes:
        """A frame's stored samples, little endian, colour by pixel, eight of one bit to a byte.

        Raises BadDicom or Unsupported.
        """
        source = self._source
        if source.video is not None:
            raise Unsupported("a video's frames are not served alone")
        samples = decode_at(source.buffer, source.spans, number - 1, layout=source.layout)
        if source.layout.bits_allocated == 1:
            return np.packbits(samples.reshape(-1).view(np.uint8), bitorder="little").tobytes()
        return np.ascontiguousarray(samples).astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()

    def _span(self, number: int) -> Sequence[tuple[int, int]]:
        return self._source.spans[number - 1]


def _check(numbers: Sequence[int], frames: int) -> None:
    if not all(1 <= number <= frames for number in numbers):
        raise NotFound("no such frame")


@contextmanager
def open_frames(folder: DataFolder, row: InstanceRow) -> Iterator[Frames]:
    """Raises NotFound where the object has no pixels or its file is gone; BadDicom where they are damaged."""
    if row.run is None:
        raise NotFound("the object has no frames")
    with open_source(folder.resolve(row.stored_as.location), row.frames) as source:
        yield Frames(source)


def transcoding(folder: DataFolder, row: InstanceRow, wanted: str) -> Transcoding:
    """A stored object on its way into transfer syntax `wanted`. Raises NotFound and what Transcoding raises."""
    return Transcoding(Store(folder).open_object(row.stored_as.location), wanted)


def transcoded_chunks(folder: DataFolder, row: InstanceRow, wanted: str) -> Iterator[bytes]:
    """Its data set in that transfer syntax (no file meta information), frame by frame. Raises as `transcoding` does."""
    yield from transcoding(folder, row, wanted).chunks(_from_cache(folder, row, wanted))


def transcoded_frames(folder: DataFolder, row: InstanceRow, numbers: Sequence[int], wanted: str) -> Iterator[bytes]:
    """Frames, from 1, coded in that transfer syntax. Raises NotFound for one that is not there, before the first."""
    found = transcoding(folder, row, wanted)
    _check(numbers, found.frames)
    coded = _from_cache(folder, row, wanted)
    for number in numbers:
        yield found.frame(number - 1, coded)


def _from_cache(folder: DataFolder, row: InstanceRow, wanted: str) -> Coded | None:
    """The exact tier where it is the codestream that is wanted, so that nothing is decoded or encoded."""
    if wanted not in HTJ2K or row.run is None:
        return None
    try:
        reader = CacheReader(folder, row.run.run, row.frames)
    except NotFound:
        return None

    def coded(frame: int, layout: ImageLayout, photometric: str) -> bytes | None:
        try:
            if not reader.intact(Tier.EXACT, frame):
                return None
            pieces = list(parse_message(reader.piece_slices(Tier.EXACT, frame)))
        except (NotFound, PeerError):  # not made yet, gone, or no pieces at all
            return None
        if pieces[0].codec != WireCodec.HTJ2K:
            return None
        return from_cine_cache(b"".join(piece.payload for piece in pieces), layout, photometric, wanted)

    return coded
