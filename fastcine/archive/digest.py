"""What makes two objects the same: SHA-256 of the data set, the file meta information apart.

The same image sent twice by two machines differs in the preamble and in group 0002 (implementation, AE titles), never
in the data set. Both parts are hashed while the bytes stream by, so `verify` notices a flipped bit in either.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

HEAD_BYTES = 65_536
"""How much of an object is looked at to find where its data set starts: file meta is a few hundred bytes."""
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))


@dataclass(frozen=True, slots=True)
class Digest:
    """An object's identity: where its data set starts (bytes), the hashes of both parts, the length of the whole."""

    data_set_offset: int
    head_sha256: bytes
    data_set_sha256: bytes
    file_bytes: int


def data_set_offset(head: bytes | memoryview) -> int:
    """Where the data set starts, from an object's first bytes (PS3.10 7.1); 0 for a bare data set.

    Never raises: of a broken head the last place that still made sense, so that broken objects have a digest too.
    """
    offset = 132 if bytes(head[128:132]) == b"DICM" else 0
    start = offset
    while bytes(head[offset : offset + 2]) == b"\x02\x00" and offset + 12 <= len(head):
        vr = bytes(head[offset + 4 : offset + 6])
        if vr in _LONG_VRS:
            value, length = offset + 12, struct.unpack_from("<I", head, offset + 8)[0]
        elif vr.isalpha() and vr.isupper():
            value, length = offset + 8, struct.unpack_from("<H", head, offset + 6)[0]
        else:  # met in the wild: file meta in implicit VR
            value, length = offset + 8, struct.unpack_from("<I", head, offset + 4)[0]
        if value + length > len(head):
            return start
        offset = value + length
    return offset


class Digester:
    """Hashes an object chunk by chunk; the chunks' sizes make no difference to the result."""

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._offset = 0
        self._head_hash = hashlib.sha256()
        self._data_set_hash = hashlib.sha256()
        self._bytes = 0

    @property
    def file_bytes(self) -> int:
        """Bytes seen so far."""
        return self._bytes

    def update(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        self._bytes += len(chunk)
        if self._head is None:
            self._data_set_hash.update(chunk)
            return
        self._head += chunk
        if len(self._head) >= HEAD_BYTES:
            self._split()

    def _split(self) -> None:
        if self._head is None:
            return
        head, self._head = self._head, None
        self._offset = data_set_offset(memoryview(head)[:HEAD_BYTES])
        self._head_hash.update(memoryview(head)[: self._offset])
        self._data_set_hash.update(memoryview(head)[self._offset :])

    def finish(self) -> Digest:
        """The digest of all bytes seen."""
        self._split()
        return Digest(self._offset, self._head_hash.digest(), self._data_set_hash.digest(), self._bytes)
