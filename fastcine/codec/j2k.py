"""What a JPEG 2000 or HTJ2K codestream says of itself, before a codec allocates (ISO 15444-1 annex A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fastcine.errors import BadDicom

_SOC_SIZ = b"\xff\x4f\xff\x51"
_SIZ, _COD, _SOT, _EOC = 0xFF51, 0xFF52, 0xFF90, 0xFFD9
_TILE_HEADER_BYTES = 14
"""An SOT segment and the SOD marker."""


@dataclass(frozen=True, slots=True)
class CodestreamInfo:
    """The main header. ``start`` is where the codestream begins (after the boxes of a JP2 or JPH file, if any).

    ``precisions`` are bits, one a component; ``siz_offset`` is where the SIZ marker stands, ``tiles_offset`` where the
    first tile-part does.
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
    tiles_offset: int


def scan_codestream(data: bytes | memoryview) -> CodestreamInfo:
    """Read the main header. Raises BadDicom for what is no codestream or is cut off."""
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
    _check_tiles(siz, left, top, right, bottom, stream_bytes=len(view) - start)
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
        tiles_offset=offset,
    )


def _check_tiles(siz: bytes, left: int, top: int, right: int, bottom: int, *, stream_bytes: int) -> None:
    """The first tile holds the image's first sample, and every tile has room for its header (B.3, A.4.2).

    OpenJPH believes the header: told of a tile far away it walks through four thousand million of them.
    """
    width, height, first_left, first_top = struct.unpack_from(">IIII", siz, 18)
    if not (first_left <= left < first_left + width and first_top <= top < first_top + height):
        raise BadDicom("JPEG 2000 tiles do not begin where the image does")
    tiles = -(-(right - first_left) // width) * -(-(bottom - first_top) // height)
    if tiles * _TILE_HEADER_BYTES > stream_bytes:
        raise BadDicom(f"JPEG 2000 header tells of {tiles} tiles, more than the bitstream has room for")
    if any(not step for part in range(36, 36 + 3 * int.from_bytes(siz[34:36]), 3) for step in siz[part + 1 : part + 3]):
        raise BadDicom("JPEG 2000 component without samples")


def check_complete(data: bytes | memoryview, info: CodestreamInfo) -> None:
    """Step over the tile-parts to the end of the codestream. Raises BadDicom where it is cut off (A.4.2, A.4.4).

    OpenJPH decodes what is left of a broken stream without a word.
    """
    view, offset = memoryview(data), info.tiles_offset
    while offset + 2 <= len(view):
        marker = struct.unpack_from(">H", view, offset)[0]
        if marker == _EOC:
            return
        if marker != _SOT or offset + 12 > len(view):
            raise BadDicom("JPEG 2000 tile-part missing")
        length = struct.unpack_from(">I", view, offset + 6)[0]
        if length == 0:
            # The last tile-part may leave its length open: then it reaches to the end marker, wherever that is.
            if bytes(view[offset:]).rstrip(b"\0").endswith(b"\xff\xd9"):
                return
            break
        if length < 14:
            raise BadDicom("JPEG 2000 tile-part of impossible length")
        offset += length
    raise BadDicom("JPEG 2000 codestream is cut off")
