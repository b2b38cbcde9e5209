"""The stream of an object's video as it was received: its fragments as one run of bytes, read where they are asked for.

This is how a video is played where nothing here can decode it: the browser gets the stream and does what it can.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from types import TracebackType

from fastcine.archive.folder import storage_errors
from fastcine.archive.record import RunRow
from fastcine.codec.video import NEEDS_PYAV
from fastcine.dicom.elements import PIXEL_DATA, tag_text
from fastcine.dicom.encapsulation import FrameSpan, frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import find_syntax
from fastcine.errors import BadDicom, NotFound

_READING = "reading an object"
_SYNC, _PACKET_BYTES = b"\x47", 188
"""An MPEG-2 transport stream is packets of this length; each begins with the sync byte (ISO 13818-1, 2.4.3)."""
_HEAD_BYTES = 2 * (_PACKET_BYTES + 4)


def is_video(run: RunRow) -> bool:
    """Whether a run's pixels are an encapsulated video."""
    syntax = find_syntax(run.transfer_syntax_uid)
    return syntax is not None and syntax.video


def only_lacks_pyav(run: RunRow) -> bool:
    """Whether a run could not be made for want of PyAV alone. Of a failure the index keeps nothing but its words."""
    return run.state == "failed" and is_video(run) and run.message.startswith(NEEDS_PYAV)


class VideoStream:
    """The video of one object, opened; a context manager. Finding the fragments and reading them block.

    Raises NotFound where the object holds no video, BadDicom where it is damaged, StorageUnavailable.
    """

    def __init__(self, path: Path) -> None:
        with storage_errors(_READING):
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 it is closed in __exit__
        try:
            self._span = _stream_span(self._file.fileno())
            self._ends = list(accumulate(fragment.length_bytes for fragment in self._span))
            self.media_type = media_type(self.read(0, _HEAD_BYTES))
        except BaseException:
            self._file.close()
            raise

    @property
    def size_bytes(self) -> int:
        """The length of the whole stream, the last fragment's padding included."""
        return self._ends[-1]

    def read(self, start: int, most: int) -> bytes:
        """The stream's bytes from `start` on, `most` of them, fewer at its end. Raises StorageUnavailable, BadDicom."""
        parts, left = [], min(most, self.size_bytes - start)
        number = bisect_right(self._ends, start)
        while left > 0:
            offset, length = self._span[number]
            into = start - (self._ends[number] - length)
            place = offset + into
            with storage_errors(_READING):
                # Not by a memory map: a page fault would hold the GIL, and with it everybody's stream.
                part = os.pread(self._file.fileno(), min(left, length - into), place)
            if length and not part:
                raise BadDicom("the object's file ends within its video", tag=tag_text(PIXEL_DATA), offset=place)
            parts.append(part)
            start, left = start + len(part), left - len(part)
            number += start >= self._ends[number]
        return b"".join(parts)

    def __enter__(self) -> VideoStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def media_type(head: bytes) -> str:
    """What a stream's first bytes show it to be: what a browser may play by its container, else plain bytes."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] in (b"\0\0\1\xba", b"\0\0\1\xb3"):  # a program stream's pack, or a bare sequence of pictures
        return "video/mpeg"
    # Packets of a Blu-ray (the .103 syntaxes come from there) have four bytes of time in front.
    for packet_bytes in (_PACKET_BYTES, _PACKET_BYTES + 4):
        if head[packet_bytes - _PACKET_BYTES :: packet_bytes][:2] == 2 * _SYNC:
            return "video/mp2t"
    return "application/octet-stream"


def _stream_span(descriptor: int) -> FrameSpan:
    """Where the fragments of an object's video lie in its file. Raises NotFound where it holds none."""
    with storage_errors(_READING):
        data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    structure = parse_object(data)
    syntax = find_syntax(structure.transfer_syntax_uid)
    if syntax is None or not syntax.video:
        raise NotFound("this object holds no video")
    (span,) = frame_spans(data, structure, image_layout(read_values(data, structure), structure))
    return span
