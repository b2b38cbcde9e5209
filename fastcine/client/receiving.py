"""The viewer's half of `fastcine.v1` for programs: assembles pieces and keeps score. Sans-I/O.

Time is a number of milliseconds handed in by the caller, from when the run was asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from fastcine.cine.wire import TIERS, Piece, Tier, WireCodec
from fastcine.codec import htj2k, pixels
from fastcine.errors import BadDicom, PeerError

MOST_RANGES, MOST_PARTIALS = 1500, 500
"""Of an `open`: even the longest numbers stay below the 64 KiB that a control message may have."""


@dataclass(frozen=True, slots=True)
class WholeFrame:
    """A frame's bitstream, complete."""

    tier: int
    codec: int
    frame: int
    crc32: int
    bitstream: bytes


@dataclass(slots=True)
class _Assembly:
    codec: int
    crc32: int
    total: int
    parts: list[bytes] = field(default_factory=list)
    length: int = 0


class Assembler:
    """Pieces of one run to whole frames, over as many connections as it takes."""

    def __init__(self, run: int, frames: int) -> None:
        self.run, self.frames = run, frames
        self._open: dict[tuple[int, int], _Assembly] = {}
        self._whole: tuple[set[int], ...] = tuple(set() for _ in TIERS)

    def add(self, piece: Piece) -> WholeFrame | None:
        """The frame that this piece completes, if it does. Raises PeerError when the piece does not fit."""
        if piece.run != self.run or piece.frame >= self.frames:
            raise PeerError("a piece of a run or frame that was not asked for")
        if piece.frame in self._whole[piece.tier]:
            raise PeerError(f"frame {piece.frame + 1} was sent again, though it was here whole")
        key = (piece.tier, piece.frame)
        state = self._open.setdefault(key, _Assembly(piece.codec, piece.crc32, piece.frame_bytes))
        if piece.offset_bytes != state.length or (piece.codec, piece.crc32, piece.frame_bytes) != (
            state.codec,
            state.crc32,
            state.total,
        ):
            raise PeerError(f"a piece at offset {piece.offset_bytes} where {state.length} stands")
        state.parts.append(bytes(piece.payload))
        state.length += len(piece.payload)
        if not piece.last:
            return None
        del self._open[key]
        self._whole[piece.tier].add(piece.frame)
        return WholeFrame(piece.tier, piece.codec, piece.frame, piece.crc32, b"".join(state.parts))

    def forget(self, tier: int, frame: int) -> None:
        """A whole frame turned out to be damaged: it will come again from its start."""
        self._whole[tier].discard(frame)

    def held(self) -> tuple[list[list[int]], list[list[int]]]:
        """`have` and `partial` of the `open` that resumes the run.

        What does not fit the message (runs that came in very many parts) is forgotten: it will come again.
        """
        ranges = [(tier, first, last) for tier in reversed(TIERS) for first, last in _ranges(self._whole[tier])]
        ranges.sort(key=lambda row: row[1] - row[2])
        for tier, first, last in ranges[MOST_RANGES:]:
            self._whole[tier].difference_update(range(first, last + 1))
        for key in list(self._open)[MOST_PARTIALS:]:
            del self._open[key]
        have = [list(row) for row in ranges[:MOST_RANGES]]
        return have, [[tier, frame, state.length] for (tier, frame), state in self._open.items()]


def _ranges(frames: set[int]) -> Iterator[tuple[int, int]]:
    """First and last of each unbroken row."""
    for _, row in groupby(enumerate(sorted(frames)), lambda item: item[1] - item[0]):
        numbers = [frame for _, frame in row]
        yield numbers[0], numbers[-1]


def exact_dtype(description: dict[str, Any]) -> np.dtype[Any]:
    """The dtype of the stored samples of a run, from its description."""
    tier = description["tiers"]["exact"]
    kind = {"float": "f", "int": "i"}.get(tier["sample_kind"], "i" if description["signed"] else "u")
    return np.dtype(f"<{kind}{tier['bytes_per_sample']}")


def exact_shape(description: dict[str, Any]) -> tuple[int, ...]:
    """Shape of one frame: (rows, columns) or (rows, columns, samples)."""
    shape = (description["rows"], description["columns"])
    return shape if description["samples_per_pixel"] == 1 else (*shape, description["samples_per_pixel"])


def decode_exact(whole: WholeFrame, description: dict[str, Any]) -> npt.NDArray[Any] | None:
    """The stored samples of an exact frame, or None when it is damaged: not decodable, or its CRC-32 does not match.

    For codec JPEG use the bitstream itself.
    """
    dtype, shape = exact_dtype(description), exact_shape(description)
    on_wire = dtype if dtype.kind == "f" else pixels.wire_dtype(description["bits_stored"]).newbyteorder("<")
    if whole.codec == WireCodec.DEFLATE:
        wanted = int(np.prod(shape)) * on_wire.itemsize
        try:
            raw = zlib.decompressobj().decompress(whole.bitstream, wanted)
        except zlib.error:
            return None
        samples = np.frombuffer(raw, on_wire) if len(raw) == wanted else np.zeros(0, on_wire)
    else:
        try:
            samples = htj2k.decode_exact(whole.bitstream).astype(on_wire, copy=False)
        except BadDicom:
            return None
    if samples.size != int(np.prod(shape)) or zlib.crc32(np.ascontiguousarray(samples).data) != whole.crc32:
        return None
    samples = samples.reshape(shape)
    return samples if dtype.kind == "f" else pixels.from_unsigned(samples, description["bits_stored"], dtype)


class Score:
    """What a viewer of this run would have seen: a play clock that starts with the first frame.

    A frame is due at the first frame's time plus its start; when nothing of it is held then, that is a stall.
    """

    def __init__(self, starts_ms: list[float], duration_ms: float) -> None:
        self.starts_ms, self.duration_ms = starts_ms, duration_ms
        self.first_frame_ms: float | None = None
        self.all_exact_ms: float | None = None
        self.bytes_by_tier = [0, 0, 0]
        self._exact: set[int] = set()
        self._held_at: list[float | None] = [None] * len(starts_ms)

    def received(self, tier: int, count_bytes: int) -> None:
        """Bytes of a piece, header included, came in."""
        self.bytes_by_tier[tier] += count_bytes

    def held(self, whole: WholeFrame, now_ms: float) -> None:
        """A frame is whole."""
        if self.first_frame_ms is None:
            self.first_frame_ms = now_ms
        if self._held_at[whole.frame] is None:
            self._held_at[whole.frame] = now_ms
        if whole.tier == Tier.EXACT and whole.frame not in self._exact:
            self._exact.add(whole.frame)
            if self.exact == len(self.starts_ms):
                self.all_exact_ms = now_ms

    @property
    def exact(self) -> int:
        """Frames held exact."""
        return len(self._exact)

    def stalls(self) -> list[int]:
        """Frames that were not there when the first loop came to them."""
        if self.first_frame_ms is None:
            return []
        origin = self.first_frame_ms
        return [
            frame
            for frame, (start, at) in enumerate(zip(self.starts_ms, self._held_at, strict=True))
            if at is None or at > origin + start
        ]

    def steady_ms(self) -> float | None:
        """From when on the first loop ran at its nominal rate without a stall."""
        if self.first_frame_ms is None:
            return None
        late = self.stalls()
        if not late:
            return self.first_frame_ms
        after = late[-1] + 1
        start = self.starts_ms[after] if after < len(self.starts_ms) else self.duration_ms
        return self.first_frame_ms + start

    def report(self) -> dict[str, Any]:
        """The figures of `report.json`."""
        return {
            "first_frame_ms": self.first_frame_ms,
            "steady_ms": self.steady_ms(),
            "all_exact_ms": self.all_exact_ms,
            "stalls": len(self.stalls()),
            "frames_total": len(self.starts_ms),
            "frames_exact": self.exact,
            "bytes_t0": self.bytes_by_tier[0] + self.bytes_by_tier[1],
            "bytes_t1": self.bytes_by_tier[2],
        }
