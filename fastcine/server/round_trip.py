"""What the kernel knows of a connection: its round trip, measured by TCP itself since the handshake."""

from __future__ import annotations

import asyncio
import socket
import struct

MOST_S = 1.0
_RTT_OFFSET = 68
"""Of tcpi_rtt, u32 microseconds, in Linux' struct tcp_info (linux/tcp.h)."""


def connection_round_trip_s(transport: asyncio.BaseTransport | None) -> float | None:
    """The round trip of the client's (or its proxy's) connection, seconds; None where it cannot be had."""
    connection = None if transport is None else transport.get_extra_info("socket")
    option = getattr(socket, "TCP_INFO", None)
    if connection is None or option is None:
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, option, _RTT_OFFSET + 4)
        (microseconds,) = struct.unpack_from("=I", info, _RTT_OFFSET)
    except (OSError, struct.error):  # a connection that has just gone; a kernel that says less
        return None
    return min(microseconds / 1e6, MOST_S) if microseconds else None
