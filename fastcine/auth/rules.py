"""How long a session lasts, and how often somebody may try. Pure: times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

FREE_TRIES = 5
"""Under one name from one address; people mistype."""
FREE_TRIES_OF_ADDRESS = 30
"""From one address under any names: a ward may share one."""
LONGEST_WAIT_S = 900.0
FORGOTTEN_S = 24 * 3600.0


def keys_of_try(name: str, address: str) -> tuple[str, str]:
    """Under what a try is counted: name and address, and the address. By name alone anybody could lock somebody out."""
    return f"{name.casefold()}\n{address}", f"\n{address}"


def wait_s(key: str, failures: int, ago_s: float) -> float:
    """How long from now the next try must wait; 0 or less: not at all.

    After the free ones 1 s from the latest, doubling to 15 minutes.
    """
    free = FREE_TRIES_OF_ADDRESS if key.startswith("\n") else FREE_TRIES
    return 0.0 if failures < free else min(LONGEST_WAIT_S, 2.0 ** min(failures - free, 20)) - max(0.0, ago_s)


@dataclass(frozen=True, slots=True)
class SessionRules:
    """A session ends `most_s` after it began, and when it was not used for `idle_s`. Watching a stream is using it."""

    most_s: float
    idle_s: float

    def lives(self, began: float, seen: float, now: float) -> bool:
        """Whether it still counts. One from the future (a clock set back) does not."""
        return -60.0 <= now - began < self.most_s and now - seen < self.idle_s
