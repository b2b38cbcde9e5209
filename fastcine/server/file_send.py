"""Large parts of a file to a connection without a copy on the way, where the system and the transport allow it.

nginx does the same. What does not fit into the socket's buffer at once is written to the transport as usual.
"""

from __future__ import annotations

import asyncio
import os
import socket
from io import FileIO

_MORE = getattr(socket, "MSG_MORE", 0)
"""The head waits for the bytes behind it, so that the two leave in one packet."""


def send_from_file(
    transport: asyncio.WriteTransport, head: bytes, file: FileIO, offset_bytes: int, view: memoryview
) -> None:
    """Send `head` and then `view`, whose bytes are also those of `file` from `offset_bytes` on."""
    sent = _sent_at_once(transport, head, file, offset_bytes, len(view))
    if sent < len(head):
        transport.writelines([head[sent:], view])
    elif rest := view[sent - len(head) :]:
        transport.write(rest)


def _sent_at_once(transport: asyncio.WriteTransport, head: bytes, file: FileIO, offset_bytes: int, count: int) -> int:
    """Bytes of head and file that the socket has taken; none where others wait in front, or with TLS."""
    line = transport.get_extra_info("socket")
    if line is None or transport.get_write_buffer_size() or transport.get_extra_info("sslcontext") is not None:
        return 0
    sent = 0
    try:
        # Transports lend their socket for questions only: this one is of the same descriptor and never closes it.
        plain = socket.socket(line.family, line.type, line.proto, fileno=line.fileno())
        try:
            sent = plain.send(head, _MORE | socket.MSG_DONTWAIT)
        finally:
            plain.detach()
        if sent == len(head):
            sent += os.sendfile(line.fileno(), file.fileno(), offset_bytes, count)
    except (AttributeError, OSError):
        pass  # full, broken (the transport finds out by itself), or not to be had here
    return sent
