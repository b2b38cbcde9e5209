"""Addresses of IPv4/TCP packets rewritten in place, checksums with them (RFC 1624). Pure.

The far end of an emulated link is this very machine: what is sent there comes back in, addressed to the loopback
address, from the far end; answers go the same way back. So a server that listens on loopback only is reached over it.
"""

from __future__ import annotations

import struct

LOOPBACK = bytes([127, 0, 0, 1])
MOST_LINKS = 16
_IP_CHECKSUM, _ADDRESSES, _TCP, _TCP_CHECKSUM = 10, slice(12, 20), 6, 16


def near_and_far(number: int) -> tuple[bytes, bytes]:
    """Both ends' addresses of the machine's link `number`, 0 to 15: of the block for benchmarks (RFC 2544)."""
    return bytes([198, 18, number, 1]), bytes([198, 18, number, 2])


def _words(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


class Turn:
    """What is done to each packet of one link."""

    def __init__(self, number: int) -> None:
        near, far = near_and_far(number)
        # (source, destination) of a packet -> the same as it arrives, how much that adds as 16-bit words, up or not.
        self._turns = {
            before: (after, _words(after) - _words(before), up)
            for before, after, up in ((near + far, far + LOOPBACK, True), (LOOPBACK + far, far + near, False))
        }

    def __call__(self, packet: bytearray) -> bool | None:
        """Readdress the packet for its other end: True for one towards the server, False for one from it.

        None, and nothing changed, for what is not TCP over IPv4 between the two ends.
        """
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
            return None
        found = self._turns.get(bytes(packet[_ADDRESSES]))
        header_bytes = (packet[0] & 15) * 4
        if found is None or len(packet) < header_bytes + _TCP_CHECKSUM + 2:
            return None
        addresses, grown, up = found
        packet[_ADDRESSES] = addresses
        for place in (_IP_CHECKSUM, header_bytes + _TCP_CHECKSUM):
            value = (packet[place] << 8 | packet[place + 1]) - grown
            # One's complement: the field is the sum's complement, so what was added is taken away.
            value = value % 0xFFFF or 0xFFFF
            packet[place], packet[place + 1] = value >> 8, value & 255
        return up
