"""The WebSocket of one viewer, closed in bounded time whatever the viewer does."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import WSCloseCode, web

from fastcine.cine.messages import MAX_TEXT_BYTES, goaway
from fastcine.server import framing

SUBPROTOCOL = "fastcine.v1"
CLOSE_S = 3.0
"""So long a viewer may take to read what is on its way and to answer the close."""


class StreamSocket(web.WebSocketResponse):
    """aiohttp's, but a viewer that reads nothing cannot keep it (and what waits for it in memory) open."""

    _said = False
    """Our close is on its way. Of the class until then: there are thousands of viewers."""
    secret = ""
    """The cookie or token it was opened with. Of the class where nobody has to sign in."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(
            protocols=(SUBPROTOCOL,),
            compress=False,
            max_msg_size=MAX_TEXT_BYTES + 1,  # aiohttp refuses what is as large as this
        )
        self._line = transport

    @property
    def said_close(self) -> bool:
        """Our close is on its way: nothing may follow it."""
        return self._said

    def say_goaway(self, reason: str, retry_ms: int) -> None:
        """Send the viewer elsewhere (docs/protocol.md, `goaway`) and begin to close."""
        if self._said or self.closed or self._line.is_closing():
            return
        text = orjson.dumps(goaway(reason, retry_ms))
        self._line.write(framing.header(framing.TEXT, len(text)) + text)
        self.say_close(1001, "going down")

    def say_close(self, code: int, reason: str) -> None:
        """Begin to close while another task waits in `receive`, which ends when the viewer has answered.

        aiohttp's own `close` ends the connection at once then: the close can be lost in the reset, and the
        viewer sees 1006 for our code (RFC 6455 section 7.1.1 has the server wait for the answer).
        """
        if self._said or self.closed:
            return
        self._said = True
        self._abort_in_time()
        if not self._line.is_closing():
            self._line.write(framing.close(code, reason))

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close with a code of docs/protocol.md; aiohttp calls this too, with its own."""
        if self.closed:
            return False
        if self._said:
            self._line.close()  # so that aiohttp does not say it a second time
        else:
            self._abort_in_time()
        if code == WSCloseCode.MESSAGE_TOO_BIG:
            code = 4413
        return await super().close(code=code, message=message[:120], drain=drain)

    def _abort_in_time(self) -> None:
        # A closed transport waits until all of it is read, and aiohttp waits for that before it closes.
        asyncio.get_running_loop().call_later(CLOSE_S, self._line.abort)
