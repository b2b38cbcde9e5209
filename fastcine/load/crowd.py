"""Many viewers at once: connected in a ramp, each opening the run in turn, measured for a while."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from fastcine.errors import NotFound, UsageError
from fastcine.load.arrivals import Arrivals
from fastcine.load.emulator import Emulated
from fastcine.load.viewer import Viewer, Watched

CONNECTS_PER_S = 400
"""A ramp: what is measured is the playing crowd, not the rush at the door."""
CONNECT_S = 20.0
SETTLE_S = 2.0
_METRICS = ("process_cpu_seconds_total", "process_resident_memory_bytes")
_LAG = "fastcine_loop_lag_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is asked for: `every_s` is how often each viewer opens the run anew, 0 once."""

    viewers: int
    run: str
    seconds: float = 30.0
    every_s: float = 4.0
    max_tier: int = 2
    fps: float = 0.0


async def watched_run(url: str, crowd: Crowd) -> Watched:
    """The run as the server describes it. Raises NotFound, UsageError."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/api/runs/{crowd.run}") as answer:
            if answer.status != 200:
                raise NotFound(f"the server has no run {crowd.run}; `fastcine inspect` or the worklist names them")
            described = (await answer.json())["description"]
    except aiohttp.ClientError as error:
        raise UsageError(
            f"no server answers at {url} ({type(error).__name__}); start one with `fastcine serve`"
        ) from None
    if described is None:
        raise NotFound(f"the run {crowd.run} is not prepared yet")
    return Watched(described["run"], described["frames"], crowd.fps or described["timing"]["fps"], crowd.max_tier)


async def server_metrics(url: str) -> dict[str, Any]:
    """CPU seconds, resident bytes and the loop's lag (cumulative counts by upper bound) of the server; {} without."""
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
            return parse_metrics(await answer.text())
    return {}


def parse_metrics(exposition: str) -> dict[str, Any]:
    """Of Prometheus' text form: what `server_metrics` answers."""
    found: dict[str, Any] = {"lag": {}}
    for line in exposition.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(_LAG + "{"):
            bound = name.partition('le="')[2].partition('"')[0]
            found["lag"][float(bound)] = found["lag"].get(float(bound), 0.0) + float(value)
        elif name.partition("{")[0] in _METRICS:
            key = name.partition("{")[0]
            found[key] = found.get(key, 0.0) + float(value)
    return found


def lag_p99_ms(before: dict[str, Any], after: dict[str, Any]) -> float | None:
    """The bound below which 99 % of the loop's wake-ups between two looks were late, ms."""
    counts = {bound: count - before.get("lag", {}).get(bound, 0.0) for bound, count in after.get("lag", {}).items()}
    total = max(counts.values(), default=0.0)
    within = [bound for bound, count in counts.items() if total and count >= 0.99 * total]
    return min(within) * 1000 if within else None


class Gathering:
    """The viewers of one measuring."""

    def __init__(self, crowd: Crowd, watched: Watched, link: Emulated, host: str) -> None:
        self.crowd, self.watched, self.link, self.host = crowd, watched, link, host
        self.arrivals = Arrivals()
        self.viewers: set[Viewer] = set()
        self._ending = False

    def _lost(self, viewer: Viewer) -> None:
        if viewer in self.viewers:
            self.viewers.discard(viewer)
            if not self._ending:
                self.arrivals.lost += 1

    async def connect(self) -> None:
        """One more viewer. Raises OSError where the server does not take it."""
        loop = asyncio.get_running_loop()
        viewer = Viewer(self.watched, self.arrivals, self.host, self._lost)
        await loop.create_connection(lambda: viewer, self.link.host, self.link.port)
        async with asyncio.timeout(CONNECT_S):
            await viewer.greeted
        self.viewers.add(viewer)

    async def connect_all(self, progress: Callable[[int], None]) -> None:
        """All of them, a bounded number at a time."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        waiting: set[asyncio.Task[None]] = set()
        for number in range(self.crowd.viewers):
            waiting.add(asyncio.create_task(self.connect()))
            await asyncio.sleep(max(0.0, begun + number / CONNECTS_PER_S - loop.time()))
            progress(number + 1)
        for task in waiting:
            try:
                await task
            except OSError as error:
                self.arrivals.error(f"not connected: {type(error).__name__}")

    async def play(self, until: float, every_s: float = 0.0) -> None:
        """Each viewer opens its run in its turn, evenly spread, until `until` (loop time)."""
        loop = asyncio.get_running_loop()
        crowd = sorted(self.viewers, key=id)
        every_s = every_s or self.crowd.every_s or SETTLE_S
        start = loop.time()
        turn = 0
        while (now := loop.time()) < until:
            due = int((now - start) / every_s * len(crowd)) if crowd else 0
            if not self.crowd.every_s:  # once
                due = min(due, len(crowd))
            for number in range(turn, due):
                viewer = crowd[number % len(crowd)]
                if viewer in self.viewers:
                    viewer.open_run(time.monotonic(), again=number >= len(crowd))
            turn = max(turn, due)
            await asyncio.sleep(0.002)

    def end(self) -> None:
        """All go."""
        self._ending = True
        for viewer in list(self.viewers):
            viewer.close()


async def _once(gathering: Gathering) -> None:
    """One viewer first: what a server makes once for all is no viewer's."""
    try:
        await gathering.connect_all(lambda count: None)
        await gathering.play(asyncio.get_running_loop().time() + 2 * SETTLE_S, every_s=SETTLE_S)
    finally:
        gathering.end()


async def measure(url: str, crowd: Crowd, link: Emulated, progress: Callable[[int], None]) -> dict[str, Any]:
    """Connect, play, and say what came how late; plain JSON."""
    parts = urlsplit(url)
    watched = await watched_run(url, crowd)
    host = f"{parts.hostname}:{parts.port or 80}"
    await _once(Gathering(replace(crowd, viewers=1), watched, link, host))
    empty = await server_metrics(url)
    gathering = Gathering(crowd, watched, link, host)
    loop = asyncio.get_running_loop()
    try:
        await gathering.connect_all(progress)
        # One round of all before it counts, so that every viewer plays.
        lead_s = (crowd.every_s or 0.0) + SETTLE_S
        playing = asyncio.create_task(gathering.play(loop.time() + lead_s + crowd.seconds))
        await asyncio.sleep(lead_s if crowd.every_s else 0.0)
        before, cpu_s, begun = await server_metrics(url), time.process_time(), time.monotonic()
        gathering.arrivals.begin(begun)
        await playing
        lasted_s = time.monotonic() - begun
        cpu_s = time.process_time() - cpu_s
        after = await server_metrics(url)
        found = gathering.arrivals.figures(lasted_s)
        found["viewers"] = len(gathering.viewers)
    finally:
        gathering.end()
    return {
        **found,
        "seconds_measured": lasted_s,
        "frames_expected_per_s": found["viewers"] * watched.frames / crowd.every_s if crowd.every_s else None,
        "frame_interval_ms": 1000 / watched.fps,
        "client_cpu": cpu_s / lasted_s,
        **server_figures(empty, before, after, lasted_s, found["viewers"]),
        "client_pid": os.getpid(),
    }


def server_figures(
    empty: dict[str, Any], before: dict[str, Any], after: dict[str, Any], lasted_s: float, viewers: int
) -> dict[str, Any]:
    """CPU share, memory a viewer and loop lag of the server, each None where its metrics do not say."""
    cpu, memory = _METRICS
    spent = after[cpu] - before[cpu] if cpu in after and cpu in before else None
    grown = after[memory] - empty[memory] if memory in after and memory in empty else None
    return {
        "server_cpu": None if spent is None else spent / lasted_s,
        "server_bytes_per_viewer": None if grown is None or not viewers else grown / viewers,
        "loop_lag_p99_ms": lag_p99_ms(before, after),
    }
