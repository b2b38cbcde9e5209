"""Addresses of IPv4/TCP packets rewritten in place, checksums with them (RFC 1624). Pure.

The far end of the emulated link is this very machine: what is sent to FAR comes back in, addressed to the loopback
address, from FAR; answers go the same way back. So a server that listens on loopback only is reached over the link.
"""

from __future__ import annotations

import struct

NEAR, FAR, LOOPBACK = bytes([198, 18, 0, 1]), bytes([198, 18, 0, 2]), bytes([127, 0, 0, 1])
"""The first two from the block for benchmarks (RFC 2544): nobody's addresses."""

_IP_CHECKSUM, _ADDRESSES, _TCP, _TCP_CHECKSUM = 10, slice(12, 20), 6, 16


def _words(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


#: (source, destination) of a packet -> the same as it arrives, the sum of both as 16-bit words less before, up or not.
_TURNS = {
    near + far: (new, _words(new) - _words(near + far), up)
    for near, far, new, up in ((NEAR, FAR, FAR + LOOPBACK, True), (LOOPBACK, FAR, FAR + NEAR, False))
}


def turn(packet: bytearray) -> bool | None:
    """Readdress the packet for its other end: True for one towards the server, False for one from it.

    None, and nothing changed, for what is not TCP over IPv4 between the two ends.
    """
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    found = _TURNS.get(bytes(packet[_ADDRESSES]))
    header_bytes = (packet[0] & 15) * 4
    if found is None or len(packet) < header_bytes + _TCP_CHECKSUM + 2:
        return None
    addresses, grown, up = found
    packet[_ADDRESSES] = addresses
    for place in (_IP_CHECKSUM, header_bytes + _TCP_CHECKSUM):
        value = (packet[place] << 8 | packet[place + 1]) - grown
        value = value % 0xFFFF or 0xFFFF  # one's complement: the sum is of the complements, so growth is taken away
        packet[place], packet[place + 1] = value >> 8, value & 255
    return up
