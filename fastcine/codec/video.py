"""Encapsulated video (MPEG-2, AVC, HEVC; PS3.5 8.2.5 to 8.2.7): the stream in, its frames out, in order.

FFmpeg decodes it, through PyAV, which is not among the dependencies: its wheels hold GPL code. Frames are the decoder's
own samples. Nothing is scaled or converted; chroma of half the size is repeated.

The bytes are hostile. FFmpeg may open the few containers and codecs that DICOM names and nothing else: a stream that is
really a play list would make it open other files. It may not make up what is damaged.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.dicom.layout import ImageLayout
from fastcine.errors import BadDicom, FastcineError, Unsupported

NEEDS_PYAV = 'video needs PyAV, which is not installed: pip install "fastcine[video]"'

Samples = NDArray[Any]

_TAG = "7FE0,0010"
#: Elementary streams, MPEG-2 program and transport streams, MP4. FFmpeg's names.
_OPEN_OPTIONS = {
    "format_whitelist": "mpegvideo,h264,hevc,mpeg,mpegts,mov,mp4,m4a,3gp,3g2,mj2",
    "codec_whitelist": "mpeg1video,mpeg2video,h264,hevc",
    "protocol_whitelist": "",
}
#: What a codec may add to a frame's edges while it decodes.
_EDGE = 64
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


def installed() -> bool:
    """Whether PyAV is here."""
    return importlib.util.find_spec("av") is not None


class Video:
    """The frames of one object's video, decoded from the first on as often as asked; nothing is kept between.

    ``fragments`` are the stream in order, ``layout`` is the object's. ``photometric_interpretation`` is that of the
    frames: YBR_FULL where the stream says that it has full range, else YBR_PARTIAL_420; of an object with one sample
    a pixel, which gets the luma alone, the object's own. Raises Unsupported without PyAV; BadDicom where there is no
    frame, or its size or depth is not the layout's.
    """

    def __init__(self, fragments: Sequence[memoryview | bytes], layout: ImageLayout) -> None:
        if not installed():
            raise Unsupported(NEEDS_PYAV, transfer_syntax=layout.transfer_syntax_uid)
        if layout.signed:
            raise BadDicom("signed samples in a video", tag="0028,0103")
        self._fragments, self._layout = fragments, layout
        self.photometric_interpretation = layout.photometric_interpretation
        with _refusals(), _opened(fragments, layout) as decoded:
            first = next(decoded, None)
            if first is None:
                raise BadDicom("a video without a frame", tag=_TAG)
            _check(first, layout)
            if layout.samples_per_pixel == 3:
                full = first.color_range == _FULL_RANGE or first.format.name.startswith("yuvj")
                self.photometric_interpretation = "YBR_FULL" if full else "YBR_PARTIAL_420"

    def frames(self) -> Iterator[Samples]:
        """Frames from the first: uint8 (uint16 over 8 bits), shape (rows, columns[, 3]), C order.

        At most the layout's number; a stream of fewer ends early. Raises BadDicom where the stream is damaged.
        """
        with _refusals(), _opened(self._fragments, self._layout) as decoded:
            for frame in islice(decoded, self._layout.frames):
                _check(frame, self._layout)
                yield _samples(frame, self._layout)

    def frame_near(self, number: int) -> Samples:
        """Frame ``number`` (from 0), or the last one where the stream ends before it. All before it are decoded too."""
        kept = deque(islice(self.frames(), number + 1), maxlen=1)
        if not kept:
            raise BadDicom("a video without a frame", tag=_TAG)
        return kept[0]


class _Stream(io.RawIOBase):
    """Fragments as one file, without joining them."""

    def __init__(self, fragments: Sequence[memoryview | bytes]) -> None:
        self._fragments = [memoryview(fragment) for fragment in fragments]
        self._ends = list(accumulate(map(len, self._fragments)))
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._ends[-1] if self._ends else 0
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        number = bisect_right(self._ends, self._place)
        if number == len(self._ends):
            return 0
        fragment = self._fragments[number]
        start = self._place - (self._ends[number] - len(fragment))
        count = min(len(buffer), len(fragment) - start)
        memoryview(buffer).cast("B")[:count] = fragment[start : start + count]
        self._place += count
        return count


@contextmanager
def _refusals() -> Iterator[None]:
    """FFmpeg's errors as ours."""
    try:
        yield
    except FastcineError:
        raise
    except Exception as error:  # PyAV has a class for each of FFmpeg's codes, and raises ValueError and others too
        raise BadDicom("the video is damaged or not what its transfer syntax says", tag=_TAG) from error


@contextmanager
def _opened(fragments: Sequence[memoryview | bytes], layout: ImageLayout) -> Iterator[Iterator[Any]]:
    """The stream's frames as PyAV's. One thread: coding the tiers takes the others, and is far slower."""
    av: Any = importlib.import_module("av")
    with av.open(_Stream(fragments), options=_OPEN_OPTIONS) as container:
        if not container.streams.video:
            raise BadDicom("no video in the stream", tag=_TAG)
        stream = container.streams.video[0]
        codec = stream.codec_context
        codec.thread_count = 1
        most = (layout.rows + _EDGE) * (layout.columns + _EDGE)
        codec.options = {"max_pixels": str(most), "err_detect": "explode"}
        yield container.decode(stream)


def _check(frame: Any, layout: ImageLayout) -> None:
    """Size, depth and colour model of a decoded frame are the layout's, and nothing in it was made up."""
    if frame.is_corrupt:
        raise BadDicom("the video is damaged", tag=_TAG)
    if (frame.height, frame.width) != (layout.rows, layout.columns):
        place = f"{layout.rows}x{layout.columns}"
        raise BadDicom(f"video of {frame.height}x{frame.width} in an image of {place}", tag=_TAG)
    form = frame.format
    if form.is_rgb or form.is_big_endian or len(form.components) not in (1, 3) or len(frame.planes) not in (1, 3):
        raise Unsupported(f"video of pixel format {form.name}", transfer_syntax=layout.transfer_syntax_uid)
    bits = form.components[0].bits
    if bits != layout.bits_stored:
        raise BadDicom(f"video of {bits} bits where Bits Stored is {layout.bits_stored}", tag=_TAG)


def _samples(frame: Any, layout: ImageLayout) -> Samples:
    """A frame's planes as stored samples; chroma is repeated to one triple a pixel."""
    dtype = np.dtype("<u1" if layout.bits_stored <= 8 else "<u2")
    planes = [_plane(plane, dtype) for plane in frame.planes]
    if layout.samples_per_pixel == 1:
        return planes[0].astype(dtype.newbyteorder("="), copy=True)
    out = np.full((layout.rows, layout.columns, 3), 1 << (layout.bits_stored - 1), dtype.newbyteorder("="))
    for channel, plane in enumerate(planes):
        down, across = -(-layout.rows // plane.shape[0]), -(-layout.columns // plane.shape[1])
        for row in range(down):
            for column in range(across):
                target = out[row::down, column::across, channel]
                target[...] = plane[: target.shape[0], : target.shape[1]]
    return out


def _plane(plane: Any, dtype: np.dtype[Any]) -> Samples:
    """One plane, shape (height, width), a view of the decoder's memory without the padding of its lines."""
    stride = plane.line_size // dtype.itemsize
    flat = np.frombuffer(plane, dtype, stride * plane.height)
    return flat.reshape(plane.height, stride)[:, : plane.width]
