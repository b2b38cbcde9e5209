"""What a JPEG bitstream says of itself: a scan of its markers (ISO 10918-1 annex B), JPEG-LS (ISO 14495-1) included.

Decides what the viewer's decoder is told about passed-through frames, and checks sizes before a codec allocates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastcine.dicom.layout import ImageLayout
from fastcine.errors import BadDicom

#: Start-of-frame markers: SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC), and JPEG-LS' SOF55 (F7).
_FRAME_MARKERS = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS_MARKERS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
#: Markers without a length: TEM, RST0 to RST7, SOI.
_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD9)))
#: Headers of real frames end within a few kB; a thumbnail or an ICC profile may make it some 100.
_MAX_HEADER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class JpegInfo:
    """A JPEG or JPEG-LS bitstream's header.

    ``frame_marker`` is the low byte of SOFn (0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC3 lossless, 0xF7
    JPEG-LS). ``sampling`` is (horizontal, vertical) for each component. ``adobe_transform`` is APP14's flag (0 none,
    1 YCbCr, 2 YCCK) or None. ``component_ids`` are the identifiers in the frame header. ``near`` is JPEG-LS' largest
    error of the first scan, 0 for lossless, None where there is no scan or no JPEG-LS.
    """

    width: int
    height: int
    precision: int
    components: int
    frame_marker: int
    sampling: tuple[tuple[int, int], ...]
    component_ids: tuple[int, ...]
    adobe_transform: int | None
    jfif: bool
    near: int | None = None

    @property
    def baseline(self) -> bool:
        """Baseline sequential DCT, 8 bits: what every browser decodes."""
        return self.frame_marker == 0xC0 and self.precision == 8

    @property
    def lossless(self) -> bool:
        """One of the lossless processes (SOF3, 7, 11, 15)."""
        return self.frame_marker in _LOSSLESS_MARKERS


def scan_jpeg(bitstream: bytes | memoryview) -> JpegInfo:
    """Read the markers up to the first scan. Raises BadDicom when there is no frame header."""
    view = memoryview(bitstream)[:_MAX_HEADER_BYTES]
    if bytes(view[:2]) != b"\xff\xd8":
        raise BadDicom("JPEG bitstream without a start of image")
    offset, frame, adobe, jfif, near = 2, None, None, False, None
    while offset + 4 <= len(view):
        if view[offset] != 0xFF:
            raise BadDicom("JPEG bitstream without a marker where one must be")
        marker = view[offset + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            offset += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            break
        length = view[offset + 2] << 8 | view[offset + 3]
        body = bytes(view[offset + 4 : offset + 2 + length])
        if length < 2 or len(body) != length - 2:
            raise BadDicom("JPEG marker segment cut off")
        if marker in _FRAME_MARKERS and frame is None:
            frame = (marker, body)
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif marker == 0xE0 and body.startswith(b"JFIF\0"):
            jfif = True
        elif marker == 0xDA:
            # A scan header ends with three bytes; in JPEG-LS the first of them is NEAR (ISO 14495-1 C.2.3).
            near = body[-3] if len(body) >= 6 and frame is not None and frame[0] == 0xF7 else None
            break
        offset += 2 + length
    if frame is None:
        raise BadDicom("JPEG bitstream without a frame header")
    return replace(_frame_header(*frame, adobe=adobe, jfif=jfif), near=near)


def _frame_header(marker: int, body: bytes, *, adobe: int | None, jfif: bool) -> JpegInfo:
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not body[5]:
        raise BadDicom("JPEG frame header cut off")
    components = [body[6 + 3 * number : 9 + 3 * number] for number in range(body[5])]
    return JpegInfo(
        width=body[3] << 8 | body[4],
        height=body[1] << 8 | body[2],
        precision=body[0],
        components=body[5],
        frame_marker=marker,
        sampling=tuple((each[1] >> 4, each[1] & 15) for each in components),
        component_ids=tuple(each[0] for each in components),
        adobe_transform=adobe,
        jfif=jfif,
    )


def passthrough_frame(fragments: Sequence[memoryview | bytes]) -> bytes:
    """The frame's original bitstream: its fragments byte for byte, padding included, joined."""
    return b"".join(fragments)


def color_transform(info: JpegInfo, layout: ImageLayout) -> bool:
    """Whether the decoder has to turn YCbCr into RGB to show this frame.

    Only for three components. What the file says about itself (Adobe APP14) beats the Photometric Interpretation,
    which real files get wrong (RGB bitstreams in YBR objects); the components' identifiers "R", "G", "B" beat it too.
    Without either, the Photometric Interpretation decides (PS3.5 8.2.1), except that subsampled chroma is YCbCr.
    """
    if info.components != 3:
        return False
    if info.adobe_transform is not None:
        return info.adobe_transform == 1
    if info.component_ids == (0x52, 0x47, 0x42):
        return False
    if info.jfif or info.sampling[0] != info.sampling[1]:
        return True
    return layout.photometric_interpretation.startswith("YBR")
