"""What a JPEG 2000 or HTJ2K codestream says of itself, before a codec allocates (ISO 15444-1 annex A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fastcine.errors import BadDicom

_SOC_SIZ = b"\xff\x4f\xff\x51"
_SIZ, _COD, _QCD, _SOT = 0xFF51, 0xFF52, 0xFF5C, 0xFF90


@dataclass(frozen=True, slots=True)
class CodestreamInfo:
    """The main header. ``start`` is where the codestream begins (after the boxes of a JP2 or JPH file, if any).

    ``precisions`` are bits, one a component; ``siz_offset`` and ``qcd_offset`` are offsets of those markers.
    """

    width: int
    height: int
    components: int
    precisions: tuple[int, ...]
    signed: tuple[bool, ...]
    reversible: bool
    multi_component_transform: bool
    high_throughput: bool
    start: int
    siz_offset: int
    qcd_offset: int


def scan_codestream(data: bytes | memoryview) -> CodestreamInfo:
    """Read SIZ, COD and where QCD stands. Raises BadDicom for what is no codestream or is cut off."""
    view = memoryview(data)
    start = bytes(view[:65536]).find(_SOC_SIZ)
    if start < 0:
        raise BadDicom("no JPEG 2000 codestream")
    segments: dict[int, tuple[int, bytes]] = {}
    offset = start + 2
    while offset + 4 <= len(view):
        marker, length = struct.unpack_from(">HH", view, offset)
        if marker == _SOT:
            break
        if marker >> 8 != 0xFF or length < 2 or offset + 2 + length > len(view):
            raise BadDicom("JPEG 2000 header cut off or damaged")
        segments.setdefault(marker, (offset, bytes(view[offset + 4 : offset + 2 + length])))
        offset += 2 + length
    siz_offset, siz = segments.get(_SIZ, (0, b""))
    _, cod = segments.get(_COD, (0, b""))
    if len(siz) < 36 or len(cod) < 10:
        raise BadDicom("JPEG 2000 header without its sizes or coding style")
    capability, right, bottom, left, top = struct.unpack_from(">HIIII", siz)
    components = struct.unpack_from(">H", siz, 34)[0]
    if len(siz) < 36 + 3 * components or not components or right <= left or bottom <= top:
        raise BadDicom("JPEG 2000 image size is impossible")
    depths = siz[36 : 36 + 3 * components : 3]
    return CodestreamInfo(
        width=right - left,
        height=bottom - top,
        components=components,
        precisions=tuple((depth & 0x7F) + 1 for depth in depths),
        signed=tuple(bool(depth & 0x80) for depth in depths),
        reversible=cod[9] == 1,
        multi_component_transform=cod[4] == 1,
        high_throughput=bool(capability & 0x4000),
        start=start,
        siz_offset=siz_offset,
        qcd_offset=segments.get(_QCD, (-1, b""))[0],
    )
