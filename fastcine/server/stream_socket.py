"""The WebSocket of one viewer, closed in bounded time whatever the viewer does."""

from __future__ import annotations

import asyncio

from aiohttp import WSCloseCode, web

from fastcine.cine.messages import MAX_TEXT_BYTES

SUBPROTOCOL = "fastcine.v1"
CLOSE_S = 3.0
"""So long a viewer may take to read what is on its way and to answer the close."""


class StreamSocket(web.WebSocketResponse):
    """aiohttp's, but a viewer that reads nothing cannot keep it (and what waits for it in memory) open."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(
            protocols=(SUBPROTOCOL,),
            compress=False,
            max_msg_size=MAX_TEXT_BYTES + 1,  # aiohttp refuses what is as large as this
        )
        self._line = transport

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close with a code of docs/protocol.md; aiohttp calls this too, with its own."""
        if self.closed:
            return False
        # A closed transport waits until all of it is read, and aiohttp waits for that before it closes.
        asyncio.get_running_loop().call_later(CLOSE_S, self._line.abort)
        if code == WSCloseCode.MESSAGE_TOO_BIG:
            code = 4413
        return await super().close(code=code, message=message[:120], drain=drain)
