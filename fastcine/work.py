"""Pools of threads for blocking work and how many hands they have, and processes for what holds the GIL.

Codecs release the GIL, so threads are enough for them; pylibjpeg does not, and goes to processes.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from math import ceil
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
_MOST_PROCESSES = 4
PROCESS_LIMIT_S = 60.0
"""For one call in a process; ten times what the largest frames take."""


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


class _Process:
    """A process that does one call at a time, and ends with this one: its end of the pipe closes.

    Not concurrent.futures' pool: when a process of that dies, the calls of all its others are broken too, and a sound
    frame beside one that kills the decoder, twice, would be taken for damaged.
    """

    def __init__(self) -> None:
        # Forked, it would have the locks of threads that it does not have.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_answer_calls, args=(theirs,), name="fastcine-work", daemon=True)
        self._process.start()
        theirs.close()

    def answer(self, call: Callable[..., Any], args: tuple[Any, ...], limit_s: float) -> tuple[bool, Any]:
        """Whether it went well, with the result or the exception. Raises TimeoutError; EOFError, OSError if it died."""
        self._pipe.send((call, args, limit_s))
        if not self._pipe.poll(limit_s):
            raise TimeoutError(f"no answer from a process within {limit_s:g} s")
        went_well, result = self._pipe.recv()
        return bool(went_well), result

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _answer_calls(pipe: Connection) -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but when to end is the parent's to say
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            asked = pipe.recv_bytes()
            try:
                call, args, limit_s = pickle.loads(asked)
                # If the parent is killed while the call hangs with the GIL, this ends it: nothing handles the signal.
                signal.alarm(ceil(limit_s) + 1)
                answer = True, call(*args)
            except Exception as error:
                answer = False, error
            signal.alarm(0)
            pipe.send(answer)


def _places() -> LifoQueue[_Process | None]:
    """As many as there may be processes; one that has begun is taken before a new one is."""
    places: LifoQueue[_Process | None] = LifoQueue()
    for _ in range(min(hands(), _MOST_PROCESSES)):
        places.put(None)
    return places


_idle = _places()


def in_process(call: Callable[..., Result], *args: Any, limit_s: float = PROCESS_LIMIT_S) -> Result:
    """`call(*args)` in another process, while this thread waits without the GIL: for what would hold it.

    Processes begin when they are first wanted. One that dies is made anew and the call tried once more; each does one
    call at a time, so that a call that kills its process harms no other. All that goes to and fro has to be picklable.
    Raises what the call raises, ChildProcessError where its process died twice, TimeoutError after `limit_s`.
    """
    process, whole = _idle.get(), False
    try:
        for attempt in range(2):
            if process is None:
                process = _Process()
            try:
                went_well, result = process.answer(call, args, limit_s)
                whole = True
                break
            except TimeoutError:
                raise
            except (EOFError, OSError) as error:
                process.end()
                process = None
                if attempt:
                    raise ChildProcessError("the process of a call died, and the next one too") from error
    finally:
        if process is not None and not whole:
            # What it answers later would be taken for the answer to the next call.
            process.end()
            process = None
        _idle.put(process)
    if went_well:
        return result  # type: ignore[no-any-return]
    raise result
