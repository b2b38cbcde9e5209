"""Pieces on the wire: the binary half of `fastcine.v1` (docs/protocol.md, section 1).

Pure. The same vectors (tests/vectors/wire.json) hold for this module and for the viewer's `engine/wire.js`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from fastcine.codec import _pieces
from fastcine.errors import PeerError

VERSION = 1
HEADER = struct.Struct("<BBBBIQIIII")
HEADER_BYTES = HEADER.size
PIECE_BYTES = 16_384
"""Payload of a piece at most: a seek must not wait behind a large exact frame."""
MAX_FRAME_BYTES = 1 << 28
FLAG_LAST = 1


class Tier(IntEnum):
    """What a bitstream is. The first pass (T0 in statistics) is coarse or fine, both lossy; exact is T1."""

    COARSE = 0
    FINE = 1
    EXACT = 2


TIERS = (Tier.COARSE, Tier.FINE, Tier.EXACT)


class WireCodec(IntEnum):
    """How a bitstream is coded."""

    HTJ2K = 1
    JPEG = 2
    DEFLATE = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece with its header's fields; `payload` is a view of the message, not a copy."""

    tier: int
    codec: int
    last: bool
    frame: int
    run: int
    offset_bytes: int
    frame_bytes: int
    crc32: int
    payload: memoryview


def run_id(sop_instance_uid: str) -> int:
    """The run's wire id: first 64 bits of SHA-256 of the SOP Instance UID, so a cache entry serves everyone."""
    return int.from_bytes(hashlib.sha256(sop_instance_uid.encode("ascii", "replace")).digest()[:8], "big")


def run_name(run: int) -> str:
    """The wire id as JSON and paths write it: 16 lower-case hex digits."""
    return f"{run:016x}"


def pack_frame(
    bitstream: bytes | memoryview, *, tier: Tier, codec: WireCodec, frame: int, run: int, crc32: int
) -> bytearray:
    """All pieces of one frame's bitstream, headers in front, as they lie in the cache and go over the wire."""
    out = bytearray(_pieces.packed_size(len(bitstream), PIECE_BYTES))
    _pieces.pack(
        bitstream,
        out,
        version=VERSION,
        tier=tier,
        codec=codec,
        frame=frame,
        run=run,
        crc32=crc32,
        piece_bytes=PIECE_BYTES,
    )
    return out


def parse_message(message: bytes | memoryview) -> Iterator[Piece]:
    """The pieces of a binary message, in order.

    Raises PeerError (4400) for a wrong version, unknown tier, codec or flag, a frame that is too large, or a
    payload that runs past its frame or the message.
    """
    view = memoryview(message)
    position = 0
    while position < len(view):
        if len(view) - position < HEADER_BYTES:
            raise PeerError(f"a piece's header is cut at byte {position}")
        version, tier, codec, flags, frame, run, offset, total, crc32, taken = HEADER.unpack_from(view, position)
        if version != VERSION:
            raise PeerError(f"piece version {version} at byte {position}, expected {VERSION}")
        if tier > Tier.EXACT or codec not in (1, 2, 3) or flags & ~FLAG_LAST:
            raise PeerError(f"unknown tier, codec or flag at byte {position}")
        if total > MAX_FRAME_BYTES or offset + taken > total:
            raise PeerError(f"a piece runs past its frame at byte {position}")
        if bool(flags & FLAG_LAST) != (offset + taken == total):
            raise PeerError(f"the last-piece flag is wrong at byte {position}")
        position += HEADER_BYTES
        if taken > len(view) - position:
            raise PeerError(f"a piece's payload is cut at byte {position}")
        payload = view[position : position + taken]
        position += taken
        yield Piece(tier, codec, bool(flags & FLAG_LAST), frame, run, offset, total, crc32, payload)


def wire_bytes(frame_bytes: int) -> int:
    """Bytes on the wire (headers included) of a bitstream of `frame_bytes`."""
    size: int = _pieces.packed_size(frame_bytes, PIECE_BYTES)
    return size
