"""WebSocket frames as bytes, so that one write carries many pieces (RFC 6455 section 5.2).

A server's frames are not masked; every message is one frame.
"""

from __future__ import annotations

import struct

TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88
"""FIN set, opcode 1, 2 and 8."""


def header(opcode: int, payload_bytes: int) -> bytes:
    """The header in front of an unmasked frame of `payload_bytes`."""
    if payload_bytes < 126:
        return struct.pack("!BB", opcode, payload_bytes)
    if payload_bytes < 65536:
        return struct.pack("!BBH", opcode, 126, payload_bytes)
    return struct.pack("!BBQ", opcode, 127, payload_bytes)


def close(code: int, reason: str) -> bytes:
    """A whole close frame; the reason is cut to what a control frame holds (RFC 6455 section 5.5)."""
    said = reason.encode()[:123].decode(errors="ignore").encode()
    return header(CLOSE, 2 + len(said)) + struct.pack("!H", code) + said
