"""How long a session lasts, and how often somebody may try. Pure: times are seconds."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

FREE_TRIES, FORGET_ONE_S = 5, 600.0
"""Under one name from one address; people mistype. One failure is forgotten in so long."""
FREE_TRIES_OF_ADDRESS, FORGET_ONE_OF_ADDRESS_S = 30, 60.0
"""From one address under any names: a whole hospital may share one."""
LONGEST_WAIT_S = 900.0
FORGOTTEN_S = 24 * 3600.0


def keys_of_try(name: str, address: str) -> tuple[str, str]:
    """Under what a try is counted: name and address, and the address. By name alone anybody could lock somebody out.

    Of an IPv6 address the first 64 bits count: whoever has one has all that begin so (RFC 4291 2.5.4).
    """
    try:
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address):
            mapped = found.ipv4_mapped
            address = str(mapped or ipaddress.ip_network((found, 64), strict=False))
    except ValueError:
        pass
    return f"{name.casefold()}\n{address}", f"\n{address}"


def _is_shared(key: str) -> bool:
    return key.startswith("\n")


def failures_left(key: str, failures: float, ago_s: float) -> float:
    """What of failures still counts so long after the latest."""
    return max(0.0, failures - max(0.0, ago_s) / (FORGET_ONE_OF_ADDRESS_S if _is_shared(key) else FORGET_ONE_S))


def wait_s(key: str, failures: float, ago_s: float) -> float:
    """How long from now the next try must wait; 0 or less: not at all.

    After the free ones 1 s from the latest, doubling to 15 minutes.
    """
    more = failures_left(key, failures, ago_s) - (FREE_TRIES_OF_ADDRESS if _is_shared(key) else FREE_TRIES)
    return 0.0 if more <= -1 else min(LONGEST_WAIT_S, 2.0 ** min(more, 20.0)) - max(0.0, ago_s)


@dataclass(frozen=True, slots=True)
class SessionRules:
    """A session ends `most_s` after it began, and when it was not used for `idle_s`. Watching a stream is using it."""

    most_s: float
    idle_s: float

    def lives(self, began: float, seen: float, now: float) -> bool:
        """Whether it still counts. One from the future (a clock set back) does not."""
        return -60.0 <= now - began < self.most_s and now - seen < self.idle_s
