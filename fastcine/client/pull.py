"""The headless player: plays a loop through the real protocol and keeps the exact frames."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fastcine.cine.wire import Piece, Tier, WireCodec, run_id, run_name
from fastcine.client.receiving import Score, WholeFrame, decode_exact, exact_dtype, exact_shape
from fastcine.client.run_stream import RunStream


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull; `url` is the server's base, `fps` of 0 takes the run's own rate."""

    url: str
    sop_instance_uid: str
    out: Path
    timeout_s: float = 300.0
    fps: float = 0.0


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
    """Receives the run: keeps its exact frames and the score."""

    def __init__(self, out: Path, progress: Callable[[int, int], None]) -> None:
        self._out, self._progress = out, progress
        self._begun = time.monotonic()
        self._score: Score | None = None
        self._output: _Output | None = None

    async def begin(self, description: dict[str, Any]) -> None:
        self._score = Score(frame_starts_ms(description), float(description["timing"]["duration_ms"]))
        self._output = await asyncio.to_thread(_Output, self._out, description)

    def received(self, piece: Piece) -> None:
        assert self._score is not None
        self._score.received(piece.tier, len(piece.payload))

    async def keep(self, whole: WholeFrame) -> bool:
        assert self._score is not None and self._output is not None
        if whole.tier == Tier.EXACT and not await asyncio.to_thread(self._output.keep, whole):
            return False
        self._score.held(whole, (time.monotonic() - self._begun) * 1000.0)
        self._progress(self._score.exact, len(self._score.starts_ms))
        return True

    @property
    def complete(self) -> bool:
        return self._score is not None and self._score.all_exact_ms is not None

    async def report(self) -> dict[str, Any]:
        assert self._score is not None and self._output is not None
        await asyncio.to_thread(self._output.close)
        return self._score.report()


async def pull(request: PullRequest, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Play the run until every frame is exact; write frames (or bitstreams) and report.json; answer the report.

    A lost connection is made again and the run resumed. Raises NotFound, Overloaded, PeerError, UsageError or
    FastcineError; TimeoutError after `timeout_s`.
    """
    run = run_id(request.sop_instance_uid)
    puller = _Puller(request.out, progress)
    stream = RunStream(request.url, run, puller, fps=request.fps)
    async with asyncio.timeout(request.timeout_s):
        await stream.play()
        report = {"run": run_name(run), **await puller.report(), "connections": stream.connections}
    path = request.out / "report.json"
    await asyncio.to_thread(path.write_bytes, orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return report
