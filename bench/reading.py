"""From what was seen to figures. Pure: what the probe read, pictures of the screen, process tables in; numbers out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom import counter


@dataclass(frozen=True, slots=True)
class Shown:
    """One change of the picture: the burned number read after the draw, and when, ms from navigation."""

    number: int
    time_ms: float


@dataclass(frozen=True, slots=True)
class Loop:
    """The first loop, from the first frame seen to the first draw of the next loop."""

    lasted_ms: float
    nominal_ms: float
    missing: int
    """Frames of the loop that never came on the screen."""
    longest_gap_frames: int
    """The most frames missing together."""
    out_of_order: int
    """Draws of an earlier frame after a later one, within the loop."""
    longest_ms: float
    """The longest that one picture stood."""

    @property
    def late_ms(self) -> float:
        """How much longer than nominal it took; negative: too fast."""
        return self.lasted_ms - self.nominal_ms


def loop_end(shown: Sequence[Shown], frames: int) -> int | None:
    """Index of the first draw of the second loop: the number falls by more than half the run. None: not reached."""
    for index in range(1, len(shown)):
        if shown[index].number < shown[index - 1].number - frames // 2:
            return index
    return None


def first_loop(shown: Sequence[Shown], *, frames: int, fps: float) -> Loop:
    """Measure the first loop of a run of `frames` at `fps`. Raises ValueError where it was not played to its end."""
    end = loop_end(shown, frames)
    if end is None:
        raise ValueError("one loop was not played to its end")
    loop, after = shown[:end], shown[end]
    seen = {row.number for row in loop}
    wanted = range(loop[0].number, frames)
    gap = longest = 0
    for number in wanted:
        gap = 0 if number in seen else gap + 1
        longest = max(longest, gap)
    nominal = (frames - loop[0].number + after.number) * 1000 / fps
    return Loop(
        lasted_ms=after.time_ms - loop[0].time_ms,
        nominal_ms=nominal,
        missing=sum(number not in seen for number in wanted),
        longest_gap_frames=longest,
        out_of_order=sum(later.number < earlier.number for earlier, later in pairwise(loop)),
        longest_ms=max(later.time_ms - earlier.time_ms for earlier, later in pairwise(shown[: end + 1])),
    )


def number_on_screen(picture: NDArray[Any], *, left: float, top: float, scale: float) -> int | None:
    """The burned number in a picture of the screen (rows, columns[, channels], uint8), or None.

    `left`, `top`: where the image's corner lies in the picture, `scale`: picture pixels an image pixel. The blocks'
    middles are sampled into the counter's own geometry, so that `counter.read` decides what is legible.
    """
    side, height, width = counter.BLOCK_PIXELS, picture.shape[0], picture.shape[1]
    rows = np.floor(top + (np.arange(side) + 0.5) * scale).astype(int)
    columns = np.floor(left + (np.arange(side * counter.BLOCKS) + 0.5) * scale).astype(int)
    if rows[0] < 0 or columns[0] < 0 or rows[-1] >= height or columns[-1] >= width:
        return None
    return counter.read(picture[np.ix_(rows, columns)])


def pss_bytes(smaps_rollup: str) -> int:
    """Proportional set size in a process's /proc/<pid>/smaps_rollup. Raises ValueError where it is not stated."""
    for line in smaps_rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no Pss line")


def busiest(before: dict[int, float], after: dict[int, float]) -> int:
    """The process whose CPU seconds grew most between two looks. Raises ValueError where there is none in both."""
    growth = {pid: after[pid] - before[pid] for pid in before.keys() & after.keys()}
    if not growth:
        raise ValueError("no such process")
    return max(growth, key=lambda pid: growth[pid])


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of a series."""

    median: float
    least: float
    most: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError for an empty series."""
    if not values:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(values), min(values), max(values), len(values))
