"""A relay that cuts connections after so many bytes and keeps every byte that passed; and what those bytes say."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from fastcine.cine.wire import FLAG_LAST, HEADER, HEADER_BYTES

TEXT, BINARY = 1, 2


@dataclass
class Passed:
    """One connection: what went up and down, byte by byte."""

    cut_at: int | None
    """Bytes from the server after which it is cut; None: never."""
    abrupt: bool = False
    """Reset instead of ended: what is on its way then is lost too."""
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)
    was_cut: bool = False


class CuttingRelay:
    """`next_cut()` answers (cut_at, abrupt) for each new connection."""

    def __init__(self, url, next_cut):
        self._target = (urlsplit(url).hostname, urlsplit(url).port)
        self._next_cut = next_cut
        self.connections = []
        self._tasks = set()

    async def start(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        passed = Passed(*self._next_cut())
        self.connections.append(passed)
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        up = asyncio.create_task(self._pump(reader, far_writer, passed.up))
        down = asyncio.create_task(self._pump(far_reader, writer, passed.down, passed))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if passed.was_cut and not passed.abrupt:
                # Ended, not reset: what was said meanwhile is taken in, or the kernel would answer it with a reset.
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
                writer.write_eof()
                with suppress(OSError):
                    await asyncio.wait_for(reader.read(), 2)
        finally:
            up.cancel(), down.cancel()
            for end in (writer, far_writer):
                end.transport.abort() if passed.abrupt else end.close()
            self._tasks.discard(asyncio.current_task())

    @staticmethod
    async def _pump(reader, writer, log, passed=None):
        with suppress(OSError):
            while data := await reader.read(65536):
                if passed is not None and passed.cut_at is not None:
                    data = data[: passed.cut_at - len(log)]
                log += data
                writer.write(data)
                await writer.drain()
                if passed is not None and len(log) == passed.cut_at:
                    passed.was_cut = True
                    return


@asynccontextmanager
async def cutting(url, next_cut):
    relay = CuttingRelay(url, next_cut)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


def frames(log):
    """(opcode, payload, whole) of the WebSocket frames behind the upgrade; a cut one comes last, as far as it goes."""
    place = log.find(b"\r\n\r\n") + 4
    while place > 3 and place + 2 <= len(log):
        opcode, masked, size = log[place] & 15, log[place + 1] >> 7, log[place + 1] & 127
        place += 2
        wider = {126: 2, 127: 8}.get(size, 0)
        if wider:
            size = int.from_bytes(log[place : place + wider], "big")
            place += wider
        mask = bytes(log[place : place + 4]) if masked else b""
        place += 4 if masked else 0
        payload = bytes(log[place : place + size])
        whole = place + size <= len(log)
        if mask:
            repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
            payload = bytes(a ^ b for a, b in zip(payload, repeated, strict=True))
        place += size
        yield opcode, payload, whole


def opened(passed):
    """The `open` that went up, or None when the connection did not come so far."""
    texts = [orjson.loads(payload) for opcode, payload, whole in frames(passed.up) if opcode == TEXT and whole]
    return next((body for body in texts if body["type"] == "open"), None)


def pieces(passed, *, whole_messages=False):
    """(tier, frame, start, end, last) of every piece that came down, to the cut; or only those of whole messages."""
    for opcode, payload, whole in frames(passed.down):
        place = 0
        while opcode == BINARY and (whole or not whole_messages) and place + HEADER_BYTES <= len(payload):
            _, tier, _, flags, frame, _, offset, _, _, size = HEADER.unpack_from(payload, place)
            end = min(size, len(payload) - place - HEADER_BYTES)
            yield tier, frame, offset, offset + end, bool(flags & FLAG_LAST) and end == size
            place += HEADER_BYTES + size
