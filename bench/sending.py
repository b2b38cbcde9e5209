"""Objects to send by C-STORE, whole requests as bytes: senders that cost nothing (tests/dimse/raw.py)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from fastcine.archive.digest import data_set_offset
from tests.archive.factories import EXPLICIT_LITTLE, XA, part10
from tests.dimse.raw import store_pdus

CONTEXTS = [(XA, EXPLICIT_LITTLE)]
MOST_PDU = 131_066
"""Of a PDU of 131 072 bytes, which is dcmtk's largest, less its header."""
_ROOT = "1.2.826.0.1.3680043.10.2"
_NUMBER = "0000001"


@dataclass(frozen=True, slots=True)
class Sent:
    """As a sender has it."""

    sop_class_uid: str
    sop_instance_uid: str
    data_set: bytes


class Kind:
    """Objects of one size, alike but for their UIDs: `rows` by 1024 pixels of 8 bits, `frames` of them, all noise."""

    def __init__(self, rows: int, frames: int, *, studies: str) -> None:
        self._root = f"{_ROOT}.{studies}"
        shape = {"Rows": rows, "Columns": 1024, "NumberOfFrames": frames}
        uids = (f"{self._root}.1.1.1{_NUMBER}", f"{self._root}.1", f"{self._root}.1.1")
        noise = os.urandom(min(rows * 1024 * frames, 1 << 20))
        pixels = (noise * (rows * 1024 * frames // len(noise) + 1))[: rows * 1024 * frames]
        file = part10(*uids, pixels=pixels, **shape)
        self._template = file[data_set_offset(file[:65536]) :]
        self._uid = uids[0]

    @property
    def bytes(self) -> int:
        """Of one data set."""
        return len(self._template)

    def sent(self, number: int) -> Sent:
        """The object of that number, below ten millions."""
        uid = f"{self._root}.1.1.1{number:07}"
        head, rest = self._template[:4096], self._template[4096:]
        return Sent(XA, uid, head.replace(self._uid.encode(), uid.encode()) + rest)

    def requests(self, numbers: range) -> Iterator[bytes]:
        """C-STORE requests of these objects, each made when it is asked for."""
        for number in numbers:
            yield store_pdus(self.sent(number), most=MOST_PDU)


def free_port() -> int:
    """On loopback."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
