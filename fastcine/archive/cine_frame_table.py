"""The file `frame_table` of a cache entry, byte by byte: a header, then a record for every tier and frame. Pure.

All integers little-endian. Writers and readers are different processes on one memory map: a record is written after
its data, the ready counts after the records, and each record carries a check of its own, so that a half-written one is
seen to be one.

Header, 64 bytes::

    0   8s   magic "fccine\\r\\n"
    8   u32  format version
    12  u32  frames
    16  u64  run (wire id)
    24  u32  boot: who wrote it since which start of the machine; data of an unfinished entry is trusted only within it
    28  u32  flags: bit 0 = complete
    32  u32  ready frames of tier 0, 1, 2 (12 bytes)
    44  20x  zero

Record, 32 bytes, tier by tier, frame by frame::

    0   u64  offset_bytes in the tier's file
    8   u32  length_bytes: all pieces, headers included
    12  u32  frame_bytes: length of the bitstream
    16  u32  crc32 of the length_bytes
    20  u32  flags: bit 0 = present, bit 1 = to be made anew
    24  u32  check: CRC-32 of the 24 bytes before
    28  4x   zero
"""

from __future__ import annotations

import mmap
import struct
import zlib
from dataclasses import dataclass

from fastcine.cine.wire import HEADER as PIECE_HEADER
from fastcine.cine.wire import MAX_FRAME_BYTES, TIERS, wire_bytes

Mapped = bytes | memoryview | mmap.mmap
MAGIC = b"fccine\r\n"
FORMAT_VERSION = 4
"""Raised whenever entries of old versions must not be used any more; they are rebuilt lazily."""
HEADER = struct.Struct("<8sIIQII3I20x")
RECORD = struct.Struct("<QIIII")
RECORD_BYTES = 32
READY_OFFSET = 32
FLAGS_OFFSET = 28
READY = struct.Struct("<3I")
COMPLETE = 1
PRESENT = 1
DAMAGED = 2
_CHECK = struct.Struct("<I4x")


@dataclass(frozen=True, slots=True)
class Header:
    """The header's fields."""

    version: int
    frames: int
    run: int
    boot: int
    complete: bool
    ready: tuple[int, int, int]

    def pack(self) -> bytes:
        """64 bytes."""
        flags = COMPLETE if self.complete else 0
        return HEADER.pack(MAGIC, self.version, self.frames, self.run, self.boot, flags, *self.ready)


@dataclass(frozen=True, slots=True)
class Record:
    """One frame of one tier."""

    offset_bytes: int
    length_bytes: int
    frame_bytes: int
    crc32: int
    flags: int = PRESENT

    @property
    def end_bytes(self) -> int:
        """Where the tier's file goes on."""
        return self.offset_bytes + self.length_bytes

    def pack(self) -> bytes:
        """32 bytes, the check at the end."""
        body = RECORD.pack(self.offset_bytes, self.length_bytes, self.frame_bytes, self.crc32, self.flags)
        return body + _CHECK.pack(zlib.crc32(body))


def table_bytes(frames: int) -> int:
    """Length of the whole file."""
    return HEADER.size + len(TIERS) * frames * RECORD_BYTES


def record_offset(tier: int, frame: int, *, frames: int) -> int:
    """Where a record stands."""
    return HEADER.size + (tier * frames + frame) * RECORD_BYTES


def read_header(data: Mapped) -> Header | None:
    """The header, or None where these bytes are no frame table of this version."""
    if len(data) < HEADER.size:
        return None
    magic, version, frames, run, boot, flags, *ready = HEADER.unpack_from(data, 0)
    if magic != MAGIC or version != FORMAT_VERSION or max(ready) > frames or len(data) < table_bytes(frames):
        return None
    return Header(version, frames, run, boot, bool(flags & COMPLETE), (ready[0], ready[1], ready[2]))


def read_record(data: Mapped, offset: int) -> Record | None:
    """The record at `offset`, or None where there is none yet or it is half-written."""
    body = bytes(data[offset : offset + RECORD.size])
    if zlib.crc32(body) != _CHECK.unpack_from(data, offset + RECORD.size)[0]:
        return None
    record = Record(*RECORD.unpack(body))
    if not record.flags & PRESENT or record.frame_bytes > MAX_FRAME_BYTES:
        return None
    return record if record.length_bytes == wire_bytes(record.frame_bytes) else None


def frame_bytes_of(pieces: bytes | bytearray | memoryview) -> int:
    """Length of the bitstream that `pieces` (headers in front) hold. Raises ValueError where they are not whole."""
    if len(pieces) < PIECE_HEADER.size:
        raise ValueError("pieces shorter than a header")
    total: int = PIECE_HEADER.unpack_from(pieces, 0)[7]
    if wire_bytes(total) != len(pieces):
        raise ValueError(f"{len(pieces)} bytes of pieces for a bitstream of {total} bytes")
    return total
