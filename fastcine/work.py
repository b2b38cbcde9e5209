"""Pools of threads for blocking work, and how many hands they have.

Codecs release the GIL, so threads are enough for them; what holds the GIL (pylibjpeg) goes to processes.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def hands(wanted: int = 0) -> int:
    """Threads to use: `wanted`, or (0) the cores this process may run on."""
    if wanted > 0:
        return wanted
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


def pool(wanted: int = 0, name: str = "work") -> ThreadPoolExecutor:
    """A pool of `hands(wanted)` threads."""
    return ThreadPoolExecutor(max_workers=hands(wanted), thread_name_prefix=name)


def share_one_arena() -> None:
    """From now on threads allocate from one heap, where malloc is glibc's: what one frees, the next one uses.

    Each with a heap of its own keeps its largest moment: three times the memory for coding frames of a megabyte, and
    no less time, since codecs allocate seldom.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def _glibc(name: str) -> Any:
    """A function of glibc's malloc; None on musl, macOS and Windows."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None


def trim_heap() -> None:
    """Give the heap's free pages back to the system, where malloc is glibc's; the next touch costs a page fault.

    Codecs leave holes of megabytes between what outlives them, so that the heap grows with every frame.
    """
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def in_order(
    executor: ThreadPoolExecutor, call: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Results in the order of `items`, at most `ahead` (> 0) calls begun and not yet taken: memory stays bounded.

    The first exception ends it; calls not yet begun are cancelled.
    """
    source = iter(items)
    waiting: list[Future[Result]] = [executor.submit(call, item) for item in islice(source, ahead)]
    try:
        while waiting:
            first = waiting.pop(0)
            result = first.result()
            waiting.extend(executor.submit(call, item) for item in islice(source, 1))
            yield result
    finally:
        for future in waiting:
            future.cancel()
