"""The link where no TUN device may be made: a TCP relay that behaves much like one. Loss is not emulated.

A connection costs a round trip before anything passes; a direction opens at ten segments in flight and doubles them
each round trip (slow start, RFC 5681, RFC 6928); all connections share a line of the link's rate, and no more is read
than its queue holds, so that the sender feels the link. Kernel buffers on both sides are kept small for the same end.

A process of its own: ``python -m fastcine.load.tcp_relay LINK PORT`` says ``ready <port>``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import deque
from contextlib import suppress

from fastcine.load.link import Link, parse_link

SEGMENT_BYTES = 1460
HEADERS_BYTES = 40
"""Of IP and TCP, which the link carries too."""
OPENING_SEGMENTS = 10
BUFFER_BYTES = 32_768


class Line:
    """One direction's bottleneck, shared by all connections. Times are the loop's."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._free_at = 0.0
        self.passed_bytes = 0

    def room_at(self, now: float) -> float:
        """From when on the queue takes another segment."""
        return self._free_at - (self._link.queue_bytes - SEGMENT_BYTES) / self._link.rate_bytes_per_s

    def send(self, size_bytes: int, now: float) -> float:
        """When the last of `size_bytes` arrives."""
        packets = -(-size_bytes // SEGMENT_BYTES)
        whole = size_bytes + packets * HEADERS_BYTES
        self.passed_bytes += whole
        self._free_at = max(self._free_at, now) + whole / self._link.rate_bytes_per_s
        return self._free_at + self._link.round_trip_ms / 2000


class _Direction:
    """From one socket to another over a line, with a congestion window that only ever opens."""

    def __init__(self, line: Line, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._line, self._half_s = line, link.round_trip_ms / 2000
        self._reader, self._writer = reader, writer
        self._window_bytes = OPENING_SEGMENTS * SEGMENT_BYTES
        self._flying: deque[tuple[float, int]] = deque()
        self._flying_bytes = 0
        self._arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        delivery = asyncio.create_task(self._deliver())
        try:
            loop = asyncio.get_running_loop()
            while True:
                room = await self._room(loop)
                data = await self._reader.read(min(room, BUFFER_BYTES // 2))
                now = loop.time()
                due = self._line.send(len(data), now) if data else now + self._half_s
                self._flying.append((due + self._half_s, len(data)))
                self._flying_bytes += len(data)
                self._arriving.put_nowait((due, data))
                if not data:
                    break
            await delivery
        finally:
            delivery.cancel()

    async def _room(self, loop: asyncio.AbstractEventLoop) -> int:
        while True:
            now = loop.time()
            while self._flying and self._flying[0][0] <= now:
                acknowledged = self._flying.popleft()[1]
                self._flying_bytes -= acknowledged
                self._window_bytes += acknowledged
            room = self._window_bytes - self._flying_bytes
            later = self._line.room_at(now)
            if room > 0 and later <= now:
                return room
            await asyncio.sleep(max(0.0005, (self._flying[0][0] if room <= 0 else later) - now))

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._arriving.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if not data:
                with suppress(OSError):
                    self._writer.write_eof()
                return
            self._writer.write(data)
            await self._writer.drain()


class TcpRelay:
    """Listens on a port of loopback's and carries what comes to `port` over the link."""

    def __init__(self, link: Link, port: int) -> None:
        self._link, self._target = link, port
        self.up, self.down = Line(link), Line(link)

    async def start(self) -> asyncio.Server:
        """The listening server; its port is free."""
        listening = socket.create_server(("127.0.0.1", 0))
        # Inherited by what is accepted; set before, or the kernel has announced a larger window.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        return await asyncio.start_server(self._connected, sock=listening, limit=BUFFER_BYTES)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._link.round_trip_ms / 1000)
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        server.setblocking(False)
        ends = [writer]
        try:
            await asyncio.get_running_loop().sock_connect(server, ("127.0.0.1", self._target))
            far_reader, far_writer = await asyncio.open_connection(sock=server, limit=BUFFER_BYTES)
            ends.append(far_writer)
            up = _Direction(self.up, self._link, reader, far_writer)
            down = _Direction(self.down, self._link, far_reader, writer)
            await asyncio.gather(up.run(), down.run())
        except (OSError, asyncio.CancelledError):
            server.close()
        finally:
            for end in ends:
                end.close()

    def totals(self) -> dict[str, dict[str, int]]:
        """Bytes that passed, headers included."""
        return {"down": {"passed_bytes": self.down.passed_bytes}, "up": {"passed_bytes": self.up.passed_bytes}}


async def _serve(link: Link, port: int) -> None:
    relay = TcpRelay(link, port)
    server = await relay.start()
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever said there: it closes
    await ended.wait()
    server.close()
    print(json.dumps(relay.totals()), flush=True)


def main(words: list[str]) -> int:
    """The process."""
    link = parse_link(words[0])
    if link is None:
        return 2
    asyncio.run(_serve(link, int(words[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
