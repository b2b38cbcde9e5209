"""WebSocket frames as bytes, so that one write carries many pieces (RFC 6455 section 5.2).

A server's frames are not masked; every message is one frame.
"""

from __future__ import annotations

import struct

TEXT, BINARY = 0x81, 0x82
"""FIN set, opcode 1 and 2."""


def header(opcode: int, payload_bytes: int) -> bytes:
    """The header in front of an unmasked frame of `payload_bytes`."""
    if payload_bytes < 126:
        return struct.pack("!BB", opcode, payload_bytes)
    if payload_bytes < 65536:
        return struct.pack("!BBH", opcode, 126, payload_bytes)
    return struct.pack("!BBQ", opcode, 127, payload_bytes)
