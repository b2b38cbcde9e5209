"""A run through the real making, in a process of its own: `python -m bench.codecs.ingest WARM FILE` prints JSON.

WARM is made first, a short run: what libraries load once is no cost of FILE, for the owner's process goes on for weeks.

What the codecs cost is timed inside that very run, since two threads share caches; the event loop's lag is taken in
a second making, so that the loop's own work is not counted as the making's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from fastcine import work
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.archive.receive import receive_path
from fastcine.codec import _jpegll

THREADS = 2
TICK_S = 0.001
CODEC_CALLS = (
    (_jpegll, "decode"),
    (imagecodecs, "htj2k_encode"),
    (imagecodecs, "webp_encode"),
)
"""Where the making goes into a codec; the last for its two small pictures."""


@contextmanager
def codec_time() -> Iterator[dict[str, float]]:
    """Thread CPU seconds in each codec function meanwhile, by name."""
    spent: dict[str, float] = {}
    guard = threading.Lock()
    before = [(module, name, getattr(module, name)) for module, name in CODEC_CALLS]

    def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **named: Any) -> Any:
            started = time.thread_time()
            try:
                return call(*args, **named)
            finally:
                took = time.thread_time() - started
                with guard:
                    spent[name] = spent.get(name, 0.0) + took

        return wrapper

    for module, name, call in before:
        setattr(module, name, timed(name, call))
    try:
        yield spent
    finally:
        for module, name, call in before:
            setattr(module, name, call)


def _status_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    """Linux counts the highest resident size anew from here."""
    Path("/proc/self/clear_refs").write_text("5")


class _Archive:
    """A data folder with one object received; `make` makes its run once."""

    def __init__(self, root: Path, file: Path) -> None:
        self._folder = DataFolder(root, durable=False)
        self._index = Index(self._folder.index_path, durable=False)
        receive_path(self._folder, self._index, file, site_timezone="UTC")

    def make(self) -> None:
        """Everything that is queued, as the owner process does it."""
        work.share_one_arena()
        with self._folder.acquire("bench") as lock, work.pool(THREADS, "code") as executor:
            maker = Maker(self._folder, self._index, executor, threads=THREADS, site_timezone="UTC")
            owner = IngestOwner(self._folder, self._index, lock=lock, make=maker, site_timezone="UTC")
            owner.settle()
            owner.close()

    def close(self) -> None:
        self._index.close()


async def _lags_while(call: Callable[[], None]) -> list[float]:
    """How late a loop's ticks come, milliseconds, while `call` runs in a thread beside it."""
    lags = []
    making = asyncio.create_task(asyncio.to_thread(call))
    while not making.done():
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append((time.perf_counter() - due) * 1000)
    await making
    return lags


def measure(warm: Path, file: Path, *, lag: bool = True) -> dict[str, Any]:
    """One making's figures: seconds, milliseconds, bytes."""
    with tempfile.TemporaryDirectory(prefix="fastcine-bench-") as scratch:
        archive = _Archive(Path(scratch) / "warm", warm)
        archive.make()
        archive.close()
        archive = _Archive(Path(scratch) / "timed", file)
        _forget_peak()
        before_bytes = _status_bytes("VmRSS")
        with codec_time() as spent:
            cpu, wall = time.process_time(), time.perf_counter()
            archive.make()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        grown_bytes = _status_bytes("VmHWM") - before_bytes
        archive.close()
        found = {"cpu_s": cpu, "wall_s": wall, "codec_s": spent, "grown_bytes": grown_bytes}
        if lag:
            archive = _Archive(Path(scratch) / "watched", file)
            lags = asyncio.run(_lags_while(archive.make))
            archive.close()
            found["lag_p99_ms"] = float(np.percentile(lags, 99))
            found["lag_most_ms"] = max(lags)
        return found


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]), lag="--no-lag" not in sys.argv)))
