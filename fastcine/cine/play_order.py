"""The order in which a wish will show a run's frames. Pure."""

from __future__ import annotations

from functools import lru_cache

from fastcine.cine.messages import Loop, Want, Wish


def play_order(frames: int, want: Want) -> list[int]:
    """Frames in the order in which the wish will show them, each once; those outside the range come last.

    `frames` > 0. Play runs from `want.frame` towards the out point (the in point when `rate_fps` is negative), then by
    the loop's kind; a pause spreads out from its frame.
    """
    last = frames - 1 if want.last < 0 else min(want.last, frames - 1)
    first = min(want.first, last)
    here = min(max(want.frame, 0), frames - 1)
    if want.state is Wish.PAUSE:
        order = sorted(range(first, last + 1), key=lambda frame: (abs(frame - here), -frame))
    else:
        start = min(max(here, first), last)
        ahead, behind = list(range(start, last + 1)), list(range(first, start))
        if want.rate_fps < 0:
            ahead, behind = list(range(start, first - 1, -1)), list(range(last, start, -1))
        if want.loop is Loop.SWEEP:
            behind.reverse()
        order = ahead + behind
    inside = set(order)
    return order + [frame for frame in range(frames) if frame not in inside]


@lru_cache(64)
def shared_play_order(frames: int, want: Want) -> tuple[int, ...]:
    """Most viewers of a run begin alike: one order for all of them."""
    return tuple(play_order(frames, want))
