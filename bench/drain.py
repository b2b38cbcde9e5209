"""`python -m bench.drain`: a process with a few connections that ask for frames, read them and forget them.

One program for the stream and for plain HTTP, so that both sides of the comparison spend alike: a select loop, one
buffer that all read into, one look at each header. Its order comes as JSON on stdin, its figures go to stdout.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

BUFFER_BYTES = 1 << 18
REPORT_BYTES, REPORT_S = 1_048_576, 0.004
"""Receipts are told as our page tells them: after so much, or this long after the one before (engine/connection.js)."""
GRANT_BYTES = 1 << 52
TEXT, BINARY, PING = 1, 2, 9
_BUFFER = memoryview(bytearray(BUFFER_BYTES))


@dataclass(slots=True)
class Drained:
    """What all connections have read; only counted up."""

    payload_bytes: int = 0
    frames: float = 0.0
    runs: int = 0


class Connection(ABC):
    """One socket. A header is collected, then its body skipped, over and over."""

    def __init__(self, host: str, port: int, drained: Drained) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.drained = drained
        self.host = f"{host}:{port}"
        self._head = b""
        self._left = 0

    def ready(self) -> None:
        """There is something to read. Raises ConnectionError at its end."""
        count = self.socket.recv_into(_BUFFER)
        if not count:
            raise ConnectionError("the server closed")
        place = 0
        while place < count:
            if self._left:
                taken = min(self._left, count - place)
                self._left -= taken
                place += taken
                self.body(taken, ended=not self._left)
                continue
            self._head += bytes(_BUFFER[place : min(count, place + 4096)])
            before, used = len(self._head), self.header(self._head)
            if not used:
                place = min(count, place + 4096)
                continue
            place = min(count, place + 4096) - (before - used)
            self._head = b""

    @abstractmethod
    def header(self, head: bytes) -> int:
        """Length of the header that `head` begins with and sets `_left`; 0 while it is not all there."""

    @abstractmethod
    def body(self, count: int, *, ended: bool) -> None:
        """So much more of the body came."""

    def look(self, now: float) -> None:  # noqa: B027 -- HTTP has nothing to tell
        """Time has passed."""


class HttpFrames(Connection):
    """Keep-alive HTTP/1.1: frame after frame, the next one asked for when one is whole."""

    def __init__(self, order: dict[str, Any], drained: Drained, number: int) -> None:
        super().__init__(order["host"], order["port"], drained)
        accept = order.get("accept", "*/*")
        self._requests = [
            f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: {accept}\r\n\r\n".encode() for path in order["paths"]
        ]
        self._place = number * len(self._requests) // order["clients"]
        self._ask()

    def _ask(self) -> None:
        self.socket.sendall(self._requests[self._place % len(self._requests)])
        self._place += 1

    def header(self, head: bytes) -> int:
        end = head.find(b"\r\n\r\n")
        if end < 0:
            return 0
        lines = head[:end].lower().split(b"\r\n")
        if not lines[0].startswith(b"http/1.1 200"):
            raise ConnectionError(f"the server answered {lines[0].decode(errors='replace')}")
        length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"")
        if not length.strip():
            raise ConnectionError("an answer without its length")
        self._left = int(length)
        return end + 4

    def body(self, count: int, *, ended: bool) -> None:
        self.drained.payload_bytes += count
        if ended:
            self.drained.frames += 1
            self._ask()


class Stream(Connection):
    """`fastcine.v1`: holds both first passes by its own word, so that all that comes is the exact tier.

    The run is opened again when it is whole. `order["run_bytes"]` is its length on the wire, headers included.
    """

    def __init__(self, order: dict[str, Any], drained: Drained, number: int) -> None:
        super().__init__(order["host"], order["port"], drained)
        frames, run = order["frames"], order["run"]
        self._run_bytes, self._payload = order["run_bytes"], order["payload_bytes"] / order["run_bytes"]
        self._frames_a_byte = frames / order["run_bytes"]
        held = [[0, 0, frames - 1], [1, 0, frames - 1]]
        wish = {"type": "want", "run": run, "state": "play", "frame": 0, "rate_fps": order["fps"]}
        self._open = masked(TEXT, {"type": "open", "run": run, "have": held}) + masked(TEXT, wish)
        self._close = masked(TEXT, {"type": "close", "run": run})
        self._of_run = self._received = self._reported = self._whole = 0
        self._reported_at = 0.0
        self._binary = False
        self._upgrade()

    def _upgrade(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
            f"{key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: fastcine.v1\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"the server answered {answer[:40]!r}")
        self.socket.sendall(masked(TEXT, {"type": "hello", "version": 1, "granted_bytes": GRANT_BYTES}) + self._open)

    def header(self, head: bytes) -> int:
        if len(head) < 2:
            return 0
        size, length = head[1] & 127, 2
        if size > 125:
            length = 4 if size == 126 else 10
            if len(head) < length:
                return 0
            size = int.from_bytes(head[2:length], "big")
        self._binary, self._left = head[0] & 15 == BINARY, size
        if head[0] & 15 not in (TEXT, BINARY, PING):
            raise ConnectionError("the server closed the stream")
        return length

    def body(self, count: int, *, ended: bool) -> None:
        if not self._binary:
            return
        self.drained.payload_bytes += count * self._payload
        self.drained.frames += count * self._frames_a_byte
        self._received += count
        self._of_run += count
        if ended:
            self._whole = self._received
        if ended and (self._received - self._reported >= REPORT_BYTES or self._of_run >= self._run_bytes):
            self._report()
        if ended and self._of_run >= self._run_bytes:
            if self._of_run > self._run_bytes:
                raise ConnectionError("more than the exact tier came")
            self._of_run = 0
            self.drained.runs += 1
            self.socket.sendall(self._close + self._open)

    def look(self, now: float) -> None:
        if self._whole > self._reported and now - self._reported_at >= REPORT_S:
            self._report()

    def _report(self) -> None:
        self._reported, self._reported_at = self._whole, time.monotonic()
        credit = {"type": "credit", "granted_bytes": GRANT_BYTES, "received_bytes": self._whole}
        self.socket.sendall(masked(TEXT, credit))


def masked(opcode: int, fields: dict[str, Any]) -> bytes:
    """A control message as a client's WebSocket frame; the mask is zero, which leaves the payload as it is."""
    payload = json.dumps(fields).encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload


def drain(order: dict[str, Any]) -> dict[str, float]:
    """All connections for `lead_s` and then, counted, for `seconds`; bytes of frames, frames, CPU seconds of both."""
    drained = Drained()
    kind: type[HttpFrames] | type[Stream] = HttpFrames if "paths" in order else Stream
    with selectors.DefaultSelector() as selector:
        for number in range(order["clients"]):
            connection = kind(order, drained, number)
            selector.register(connection.socket, selectors.EVENT_READ, connection)

        def read_until(end: float) -> float:
            while (now := time.monotonic()) < end:
                for key, _ in selector.select(REPORT_S):
                    key.data.ready()
                for key in selector.get_map().values():
                    key.data.look(now)
            return now

        begun = read_until(time.monotonic() + order["lead_s"])
        before = (drained.payload_bytes, drained.frames, time.process_time(), cpu_seconds(order["server_pids"]))
        lasted = read_until(begun + order["seconds"]) - begun
        after = (drained.payload_bytes, drained.frames, time.process_time(), cpu_seconds(order["server_pids"]))
    names = ("bytes_per_s", "frames_per_s", "client_cpu", "server_cpu")
    return {name: (late - early) / lasted for name, early, late in zip(names, before, after, strict=True)}


def cpu_seconds(pids: list[int]) -> float:
    """CPU seconds that the processes have used."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(drain(json.load(sys.stdin))))
