"""C-STORE's messages as bytes (PS3.7 9.3.1, PS3.8 9.3.5): requests read, responses written. Pure.

Only what is plainly a storage request is read here; anything else is pynetdicom's to judge.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NamedTuple

P_DATA = 0x04
COMMAND, LAST = 0x01, 0x02
"""Bits of a presentation data value's message control header (PS3.8 E.2)."""
MOST_VALUES = 4096
"""Values in one PDU: a sane sender puts one or two into it."""
_COMMAND_FIELD, _STORE_REQUEST, _STORE_RESPONSE = 0x0100, 0x0001, 0x8001
_NO_DATA_SET = 0x0101
_UNPRINTABLE = re.compile(r"[^ -\[\]-~]")
"""What Error Comment, an LO, cannot hold (PS3.5 6.2): the backslash separates values."""
_UID = re.compile(rb"[0-9.]{1,64}")


class Value(NamedTuple):
    """One presentation data value: where it starts in the PDU's body, its context, control header and fragment."""

    offset: int
    context_id: int
    control: int
    fragment: memoryview


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a C-STORE-RQ announces."""

    context_id: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str


def values_of(body: memoryview) -> list[Value] | None:
    """The values in a P-DATA-TF PDU, None where it is malformed. `body` is what follows the PDU's six bytes."""
    found: list[Value] = []
    offset, end = 0, len(body)
    while offset < end:
        if offset + 6 > end or len(found) >= MOST_VALUES:
            return None
        length, context_id, control = struct.unpack_from(">IBB", body, offset)
        if length < 2 or offset + 4 + length > end:
            return None
        found.append(Value(offset, context_id, control, body[offset + 6 : offset + 4 + length]))
        offset += 4 + length
    return found or None


def read_request(value: Value) -> StoreRequest | None:
    """The request whose whole command set this value holds; None for any other message and all that is odd."""
    if value.control & (COMMAND | LAST) != COMMAND | LAST:
        return None
    command, offset = bytes(value.fragment), 0
    found: dict[int, bytes] = {}
    while offset + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHI", command, offset)
        if group or offset + 8 + length > len(command):
            return None
        found[element] = command[offset + 8 : offset + 8 + length]
        offset += 8 + length
    shorts = [found.get(element, b"") for element in (_COMMAND_FIELD, 0x0110, 0x0800)]
    if offset != len(command) or any(len(each) != 2 for each in shorts):
        return None
    field, message_id, data_set = (int.from_bytes(each, "little") for each in shorts)
    uids = [found.get(element, b"").rstrip(b"\0") for element in (0x0002, 0x1000)]
    if field != _STORE_REQUEST or data_set == _NO_DATA_SET or not all(map(_UID.fullmatch, uids)):
        return None
    return StoreRequest(value.context_id, message_id, uids[0].decode(), uids[1].decode())


def response(request: StoreRequest, status: int, comment: str = "") -> bytes:
    """The P-DATA-TF PDU that holds the C-STORE-RSP. `comment`: Error Comment (0000,0902), cut at 64 characters."""
    command = (
        _uid(0x0002, request.sop_class_uid)
        + _short(_COMMAND_FIELD, _STORE_RESPONSE)
        + _short(0x0120, request.message_id)
        + _short(0x0800, _NO_DATA_SET)
        + _short(0x0900, status)
        + (_element(0x0902, _even(_UNPRINTABLE.sub("?", comment)[:64].encode("ascii"), b" ")) if comment else b"")
        + _uid(0x1000, request.sop_instance_uid)
    )
    message = _element(0, struct.pack("<I", len(command))) + command
    value = struct.pack(">IBB", len(message) + 2, request.context_id, COMMAND | LAST) + message
    return struct.pack(">BxI", P_DATA, len(value)) + value


def _element(element: int, value: bytes) -> bytes:
    """Of group 0000, in implicit VR little endian, as every command set (PS3.7 6.3.1)."""
    return struct.pack("<HHI", 0, element, len(value)) + value


def _short(element: int, value: int) -> bytes:
    return struct.pack("<HHIH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    return _element(element, _even(uid.encode("ascii"), b"\0"))


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad * (len(value) % 2)
