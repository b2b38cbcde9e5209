"""One headless viewer of thousands: speaks `fastcine.v1` on a bare transport, looks at headers, forgets payloads.

It checks what a player would stumble over (order of pieces, lengths) and times what arrives; nothing is decoded.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import orjson

from fastcine.cine.wire import FLAG_LAST, HEADER, HEADER_BYTES, Tier
from fastcine.load.arrivals import Arrivals

READ_BYTES = 1 << 18
GRANT_BYTES = 1 << 40
"""Nothing is decoded, so nothing ever has to wait: the server's window alone bounds what is in flight."""
_TEXT, _BINARY, _CLOSE, _PING = 1, 2, 8, 9
_SHARED = memoryview(bytearray(READ_BYTES))
"""Read into by all viewers of the process in turn: what came is worked up before the next read."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The run that is opened again and again."""

    run: str
    frames: int
    fps: float
    max_tier: int


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's WebSocket frame (RFC 6455 section 5.2); the mask is zero, which leaves the payload as it is."""
    size = len(payload)
    head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else bytes([0x80 | opcode, 0xFE]) + struct.pack("!H", size)
    return head + b"\0\0\0\0" + payload


def text(**fields: object) -> bytes:
    """A control message, framed."""
    return masked(_TEXT, orjson.dumps(fields))


class Viewer(asyncio.BufferedProtocol):
    """A connection. `open_run` asks for the run as if nothing of it were held; arrivals go to the shared counts."""

    def __init__(self, watched: Watched, arrivals: Arrivals, host: str, closed: Callable[[Viewer], None]) -> None:
        self.watched, self.arrivals, self._host, self._closed = watched, arrivals, host, closed
        self.greeted = asyncio.get_running_loop().create_future()
        self.idle = False
        """Reads nothing, like a tab that hangs."""
        self.received_bytes = 0
        self._reported_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._wanted = 0
        self._skip = 0
        self._message_left = 0
        self._opcode = 0
        self._step: Callable[[memoryview, int, int], int] = self._handshake
        self._held: bytearray = bytearray(watched.frames)
        self._offsets: dict[tuple[int, int], int] = {}
        self._asked_at = 0.0
        self._answered = False
        self._frames_held = 0

    # ---- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: fastcine.v1\r\n\r\n".encode()
        )

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer of all."""
        return _SHARED

    def buffer_updated(self, nbytes: int) -> None:
        """Work up what came."""
        place = 0
        while place < nbytes:
            if self._skip:
                taken = min(self._skip, nbytes - place)
                self._skip -= taken
                place += taken
                continue
            place = self._step(_SHARED, place, nbytes)
        if self.received_bytes > self._reported_bytes:
            self._reported_bytes = self.received_bytes
            self._write(text(type="credit", granted_bytes=GRANT_BYTES, received_bytes=self.received_bytes))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server or the link is gone."""
        if not self.greeted.done():
            self.greeted.set_exception(exc or ConnectionError("closed before the upgrade"))
            self.greeted.exception()  # looked at, whoever waits
        self._closed(self)

    # ---- what comes, step by step; each takes bytes from `place` on and says how far it came

    def _take(self, data: memoryview, place: int, end: int) -> int:
        """Fill the header that is being collected."""
        taken = min(self._wanted - len(self._head), end - place)
        self._head += data[place : place + taken]
        return place + taken

    def _handshake(self, data: memoryview, place: int, end: int) -> int:
        before = len(self._head)
        self._head += data[place:end]
        found = self._head.find(b"\r\n\r\n")
        if found < 0:
            return end
        status = bytes(self._head[:12])
        self._head.clear()
        self._next_message()
        if status != b"HTTP/1.1 101":
            self.arrivals.error(f"upgrade refused: {status[9:].decode(errors='replace')}")
            self.close()
        elif not self.greeted.done():
            self.greeted.set_result(None)
            self._write(text(type="hello", version=1, granted_bytes=GRANT_BYTES))
        return place + found + 4 - before

    def _next_message(self) -> None:
        self._step, self._wanted = self._frame_header, 2

    def _frame_header(self, data: memoryview, place: int, end: int) -> int:
        place = self._take(data, place, end)
        head = self._head
        if len(head) < self._wanted:
            return place
        size = head[1] & 127
        needed = 2 + (2 if size == 126 else 8 if size == 127 else 0)
        if len(head) < needed:
            self._wanted = needed
            return place
        if needed > 2:
            size = int.from_bytes(head[2:needed], "big")
        self._opcode, self._message_left = head[0] & 15, size
        head.clear()
        if self._opcode == _BINARY:
            self.received_bytes += size
            self.arrivals.message(size)
            self._step, self._wanted = self._piece_header, HEADER_BYTES
        else:
            self._step, self._wanted = self._control, size
            if not size:
                self._next_message()
        return place

    def _piece_header(self, data: memoryview, place: int, end: int) -> int:
        place = self._take(data, place, end)
        if len(self._head) < HEADER_BYTES:
            return place
        _, tier, _, flags, frame, _, offset, total, _, payload = HEADER.unpack(self._head)
        self._head.clear()
        self._skip = payload
        self._message_left -= HEADER_BYTES + payload
        if not self._answered:
            return self._after_piece(place)  # of the time before the run was closed and opened again
        now = time.monotonic()
        self.arrivals.piece(tier, HEADER_BYTES + payload, now)
        # Timed by its header: the payload is in the same read or the next one.
        key = (tier, frame)
        if offset != self._offsets.get(key, 0) or self._message_left < 0 or offset + payload > total:
            self.arrivals.error("a piece out of its order")
        self._offsets[key] = offset + payload
        if flags & FLAG_LAST:
            self._whole(tier, frame, now)
        return self._after_piece(place)

    def _after_piece(self, place: int) -> int:
        if self._message_left <= 0:
            self._next_message()
        return place

    def _control(self, data: memoryview, place: int, end: int) -> int:
        place = self._take(data, place, end)
        if len(self._head) < self._wanted:
            return place
        body = bytes(self._head)
        self._head.clear()
        self._next_message()
        if self._opcode == _PING:
            self._write(masked(10, body))
        elif self._opcode == _CLOSE:
            self.close()
        elif self._opcode == _TEXT:
            kind = orjson.loads(body)
            if kind["type"] == "run":
                # Each answer begins anew: a server that is late may answer the opening before this one too.
                self._answered = True
                self._offsets.clear()
            elif kind["type"] == "goaway":
                self.arrivals.busy += 1
            elif kind["type"] == "error":
                self.arrivals.error(str(kind.get("code")))
        return place

    # ---- what it makes of it

    def _whole(self, tier: int, frame: int, now: float) -> None:
        if frame >= self.watched.frames or self._held[frame]:
            return
        self._held[frame] = 1
        self._frames_held += 1
        self.arrivals.frame(self._asked_at + frame / self.watched.fps, now, first=self._frames_held == 1)
        if self._frames_held == self.watched.frames:
            self.arrivals.finished += 1

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def open_run(self, now: float, *, again: bool) -> None:
        """Ask for the run from its start (`now`: time.monotonic); with `again` the open one is closed before."""
        watched = self.watched
        self._held = bytearray(watched.frames)
        self._offsets.clear()
        self._frames_held = 0
        self._answered = False
        self._asked_at = now
        self.arrivals.opened += 1
        before = text(type="close", run=watched.run) if again else b""
        wish = {"state": "play", "frame": 0, "rate_fps": watched.fps, "first": 0, "last": watched.frames - 1}
        if watched.max_tier < Tier.EXACT:
            wish["max_tier"] = watched.max_tier
        self._write(
            before + text(type="open", run=watched.run) + text(type="want", run=watched.run, loop="loop", **wish)
        )

    def pause_reading(self) -> None:
        """Like a tab that hangs: the server's bytes stay where they are."""
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        """Done."""
        if self._transport is not None:
            self._transport.abort()
