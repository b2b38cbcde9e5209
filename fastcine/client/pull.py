"""The headless player: plays a loop through the real protocol and keeps the exact frames."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import numpy as np
import orjson

from fastcine.cine.wire import Tier, WireCodec, parse_message, run_id, run_name
from fastcine.client.receiving import Assembler, Score, WholeFrame, decode_exact, exact_dtype, exact_shape
from fastcine.errors import FastcineError, NotFound, Overloaded, PeerError, UsageError

SUBPROTOCOL = "fastcine.v1"
AHEAD_BYTES = 8 << 20
"""Credit kept ahead of what was received."""
MOST_REBUILDS = 3


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull; `url` is the server's base, `fps` of 0 takes the run's own rate."""

    url: str
    sop_instance_uid: str
    out: Path
    timeout_s: float = 300.0
    fps: float = 0.0


def socket_url(url: str) -> str:
    """The stream's address at a server's base URL. Raises UsageError for anything but http and https."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no server address such as http://127.0.0.1:8080")
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, "/ws", "", ""))


def frame_starts_ms(description: dict[str, Any]) -> list[float]:
    """Start of each frame from the run's start, ms."""
    timing = description["timing"]
    starts = timing["frame_starts_ms"]
    if starts is not None:
        return [float(value) for value in starts]
    return [float(timing["frame_time_ms"] or 0.0) * frame for frame in range(description["frames"])]


class _Output:
    """frames.npy (memory-mapped, so that memory stays bounded) or frame_0001.jpg …"""

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        self.folder, self.description = folder, description
        self.damaged: dict[int, int] = {}
        self.frames: np.memmap[Any, Any] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if description["tiers"]["exact"]["codec"] != "jpeg":
            shape = (description["frames"], *exact_shape(description))
            self.frames = np.lib.format.open_memmap(
                folder / "frames.npy", mode="w+", dtype=exact_dtype(description), shape=shape
            )

    def keep(self, whole: WholeFrame) -> bool:
        """Write one exact frame; False when its CRC does not match."""
        if whole.codec == WireCodec.JPEG:
            if zlib.crc32(whole.bitstream) != whole.crc32:
                return False
            (self.folder / f"frame_{whole.frame + 1:04d}.jpg").write_bytes(whole.bitstream)
            return True
        samples = decode_exact(whole, self.description)
        if samples is None or self.frames is None:
            return False
        self.frames[whole.frame] = samples
        return True

    def close(self) -> None:
        """Everything to the disk."""
        if self.frames is not None:
            self.frames.flush()


class _Puller:
    def __init__(self, request: PullRequest, socket: aiohttp.ClientWebSocketResponse, progress: Callable[..., None]):
        self.request, self.socket, self.progress = request, socket, progress
        self.run = run_id(request.sop_instance_uid)
        self.begun = time.monotonic()
        self.received_bytes = 0
        self.assembler: Assembler | None = None
        self.score: Score | None = None
        self.output: _Output | None = None

    def _now_ms(self) -> float:
        return (time.monotonic() - self.begun) * 1000.0

    async def _send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(orjson.dumps({"type": kind, **fields}).decode())

    async def play(self) -> dict[str, Any]:
        name = run_name(self.run)
        await self._send("hello", version=1, granted_bytes=AHEAD_BYTES)
        await self._send("open", run=name)
        await self._send("want", run=name, state="play", frame=0, rate_fps=self.request.fps or 15.0)
        async for message in self.socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await self._control(orjson.loads(message.data))
            elif message.type == aiohttp.WSMsgType.BINARY:
                await self._pieces(message.data)
            if self.score is not None and self.score.all_exact_ms is not None and self.output is not None:
                await asyncio.to_thread(self.output.close)
                return {"run": name, **self.score.report()}
        raise PeerError(f"the server closed the connection with code {self.socket.close_code} before all was exact")

    async def _control(self, body: dict[str, Any]) -> None:
        if body["type"] == "error":
            raise NotFound(body["message"]) if body["code"] == "not_found" else FastcineError(body["message"])
        if body["type"] == "goaway":
            raise Overloaded(body["reason"], retry_after_s=body["retry_ms"] / 1000)
        if body["type"] != "run":
            return
        description = body["description"]
        rate = self.request.fps or description["timing"]["fps"]
        await self._send("want", run=body["run"], state="play", frame=0, rate_fps=rate)
        self.assembler = Assembler(self.run, description["frames"])
        self.score = Score(frame_starts_ms(description), float(description["timing"]["duration_ms"]))
        self.output = await asyncio.to_thread(_Output, self.request.out, description)

    async def _pieces(self, message: bytes) -> None:
        if self.assembler is None or self.score is None or self.output is None:
            raise PeerError("pieces before the run's description")
        self.received_bytes += len(message)
        wholes = []
        for piece in parse_message(message):
            self.score.received(piece.tier, len(piece.payload))
            whole = self.assembler.add(piece)
            if whole is not None:
                wholes.append(whole)
        await self._send("credit", granted_bytes=self.received_bytes + AHEAD_BYTES, received_bytes=self.received_bytes)
        for whole in wholes:
            if whole.tier == Tier.EXACT and not await asyncio.to_thread(self.output.keep, whole):
                await self._damaged(whole)
                continue
            self.score.held(whole, self._now_ms())
            self.progress(self.score.exact, self.assembler.frames)

    async def _damaged(self, whole: WholeFrame) -> None:
        assert self.output is not None
        count = self.output.damaged[whole.frame] = self.output.damaged.get(whole.frame, 0) + 1
        if count > MOST_REBUILDS:
            raise PeerError(f"frame {whole.frame + 1} stays damaged after {MOST_REBUILDS} rebuilds")
        await self._send("damaged", run=run_name(self.run), tier=whole.tier, frame=whole.frame)


async def pull(request: PullRequest, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Play the run until every frame is exact; write frames (or bitstreams) and report.json; answer the report.

    Raises NotFound, Overloaded, PeerError, UsageError or FastcineError; TimeoutError after `timeout_s`.
    """
    address = socket_url(request.url)
    async with asyncio.timeout(request.timeout_s), aiohttp.ClientSession() as client:
        try:
            socket = await client.ws_connect(
                address, protocols=(SUBPROTOCOL,), compress=0, max_msg_size=0, autoping=True
            )
        except aiohttp.ClientError as error:
            raise NotFound(f"no fastcine server answers at {request.url}: {error}") from None
        async with socket:
            puller = _Puller(request, socket, progress)
            report = await puller.play()
    path = request.out / "report.json"
    await asyncio.to_thread(path.write_bytes, orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return report
