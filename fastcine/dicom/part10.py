"""File meta information (PS3.10 7.1) in front of a data set."""

from __future__ import annotations

import struct

from fastcine import __version__

IMPLEMENTATION_CLASS_UID = "2.25.300268741264183129263190327519254071277"
"""Ours, in file meta and associations; a UUID, fixed for good."""
IMPLEMENTATION_VERSION_NAME = f"FASTCINE_{__version__}"[:16]


def _element(number: int, representation: bytes, value: bytes) -> bytes:
    """An element of group 0002 with a short header, explicit VR little endian."""
    return struct.pack("<HH2sH", 0x0002, number, representation, len(value)) + value


def _uid(number: int, uid: str) -> bytes:
    value = uid.encode("latin-1", "replace")
    return _element(number, b"UI", value + b"\0" * (len(value) % 2))


_VERSION = struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\x00\x01"
_NAME = IMPLEMENTATION_VERSION_NAME.encode()
_IMPLEMENTATION = _uid(0x0012, IMPLEMENTATION_CLASS_UID) + _element(0x0013, b"SH", _NAME + b" " * (len(_NAME) % 2))


def part10_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble, `DICM` and file meta information for a data set that has none, or a new transfer syntax."""
    meta = (
        _VERSION
        + _uid(0x0002, sop_class_uid)
        + _uid(0x0003, sop_instance_uid)
        + _uid(0x0010, transfer_syntax_uid)
        + _IMPLEMENTATION
    )
    return bytes(128) + b"DICM" + _element(0, b"UL", struct.pack("<I", len(meta))) + meta
