"""What is measured, ours and the peer in turn: first frame, playback, memory, size. Figures come out as plain JSON."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import peer_page
from bench.browser import DidNotPlay, Visit, chromium, cold_bytes, visit
from bench.chromium import Chromium
from bench.figures import OURS, PEER
from bench.reading import first_loop
from bench.runs import BenchedRun
from bench.static_files import free_port, serving_files
from tests.serving import serving

WARM_UP_VISITS = 2
"""Chromium keeps compiled code from the second visit on: both pages get as many before they are measured."""
FIRST_FRAME_FPS = 15
MEMORY = ("xa1024x120", 30)
MEMORY_LOOPS = 2

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sites:
    """Where each page is served; the peer's is None where it is not installed."""

    ours: str
    peer: str | None


class Bench:
    """One benchmark run: the parts that are measured share the browser's profile and the ports."""

    def __init__(self, scratch: Path, *, repeats: int, say: Say) -> None:
        self.scratch = scratch
        self.repeats = repeats
        self.say = say
        # One origin for all runs, so that the application stays in the browser's cache.
        self.port, self.peer_port = free_port(), free_port()
        self.with_peer = not peer_page.missing()
        self.page = peer_page.build() if self.with_peer else None
        self.stage = (1054, 722)
        self.notes: list[str] = []

    @asynccontextmanager
    async def sites(self, run: BenchedRun) -> AsyncIterator[Sites]:
        """Both servers, on one run's data."""
        with ExitStack() as stack:
            server = stack.enter_context(serving(run.data, "--port", str(self.port)))
            peer = None
            if self.page is not None:
                root = self.scratch / "site"
                peer_page.lay_out(root, self.page, run)
                peer = stack.enter_context(serving_files(root, self.scratch / "nginx", port=self.peer_port))
            yield Sites(server.url, peer)

    async def in_turn(
        self, context: Chromium, sites: Sites, run: BenchedRun, *, turn: int, **how: Any
    ) -> dict[str, Visit]:
        """One visit of each page, who goes first by `turn`, with the same canvas size.

        A page that did not play is noted and left out.
        """
        visits: dict[str, Visit] = {}
        for who in (OURS, PEER) if turn % 2 == 0 else (PEER, OURS):
            if who == OURS:
                url = sites.ours + run.path
            elif sites.peer is not None:
                url = sites.peer + peer_page.page_path(run, width=self.stage[0], height=self.stage[1])
            else:
                continue
            try:
                visits[who] = await visit(context, url, run.frames, **how)
            except DidNotPlay as error:
                self.notes.append(f"{run.title}, {who}: {error}")
        if OURS in visits:
            self.stage = (visits[OURS].width, visits[OURS].height)
        for who, each in visits.items():
            self.notes += [f"{run.title}, {who}: {text}" for text in each.errors]
        return visits

    async def warm_up(self, context: Chromium, sites: Sites, run: BenchedRun) -> None:
        for _ in range(WARM_UP_VISITS):
            await self.in_turn(context, sites, run, turn=0, loops=1)

    async def first_frames(self, context: Chromium, runs: list[BenchedRun]) -> list[dict[str, Any]]:
        """Navigation to first frame: the page's word, the canvas, and (visits of their own) the screen."""
        rows = []
        for run in runs:
            if run.fps != FIRST_FRAME_FPS:
                continue
            async with self.sites(run) as sites:
                await self.warm_up(context, sites, run)
                series = {who: no_times() for who in (OURS, PEER) if who == OURS or sites.peer is not None}
                for turn in range(self.repeats):
                    self.say(f"first frame, {run.title}: {turn + 1} of {self.repeats}")
                    plain = await self.in_turn(context, sites, run, turn=turn, loops=0, whole=False)
                    recorded = await self.in_turn(context, sites, run, turn=turn, loops=0, whole=False, record=True)
                    for who, each in plain.items():
                        series[who]["player_ms"].append(each.player_first_ms)
                        series[who]["canvas_ms"].append(each.canvas_first_ms)
                    for who, each in recorded.items():
                        series[who]["screen_ms"].append(each.screen_first_ms)
            rows.append({"run": run.title, **series})
        return rows

    async def playback(self, context: Chromium, runs: list[BenchedRun]) -> list[dict[str, Any]]:
        """The first loop of every run, read from the burned counter; at 1024x1024x120 also memory after two loops."""
        rows = []
        for run in runs:
            async with self.sites(run) as sites:
                await self.warm_up(context, sites, run)
                series: dict[str, list[dict[str, Any]]] = {OURS: []} | ({PEER: []} if sites.peer is not None else {})
                for turn in range(self.repeats):
                    self.say(f"playback, {run.title}: {turn + 1} of {self.repeats}")
                    memory = (run.name, run.fps) == MEMORY
                    how = {"loops": MEMORY_LOOPS if memory else 1, "memory": memory}
                    for who, each in (await self.in_turn(context, sites, run, turn=turn, **how)).items():
                        series[who].append(played(each, run))
            rows.append({"run": run.title, "fps": run.fps, "nominal_ms": run.frames * 1000 / run.fps, **series})
        return rows

    async def sizes(self, run: BenchedRun) -> dict[str, Any]:
        """Bytes of a cold first visit, by path; the peer's frames are not counted, as ours are not."""
        self.say("cold application size")
        found: dict[str, Any] = {}
        async with self.sites(run) as sites:
            with tempfile.TemporaryDirectory(dir=self.scratch) as profile:
                found[OURS] = await cold_bytes(sites.ours + run.path, run.frames, Path(profile))
            if sites.peer is not None:
                width, height = self.stage
                url = sites.peer + peer_page.page_path(run, width=width, height=height)
                with tempfile.TemporaryDirectory(dir=self.scratch) as profile:
                    sizes = await cold_bytes(url, run.frames, Path(profile))
                found[PEER] = {path: size for path, size in sizes.items() if "/frames/" not in path}
        return found


def no_times() -> dict[str, list[float | None]]:
    return {"player_ms": [], "canvas_ms": [], "screen_ms": []}


def played(each: Visit, run: BenchedRun) -> dict[str, Any]:
    """One visit's playback as plain figures."""
    # What our page played by itself comes first: the clock started with it.
    by_page = [
        row for row in each.previews if row.number <= each.shown[0].number and row.time_ms < each.shown[0].time_ms
    ]
    again = bool(by_page) and by_page[-1].number == each.shown[0].number
    loop = first_loop([*by_page, *each.shown[again:]], frames=run.frames, fps=run.fps)
    ended = each.stats.get("all_exact_ms") or each.stats.get("all_loaded_ms")
    exact = each.stats.get("frames_exact")
    return {
        **asdict(loop),
        "late_ms": loop.late_ms,
        "canvas_first_ms": each.canvas_first_ms,
        "all_there_ms": ended,
        "unreadable": each.unreadable,
        "badge": each.badge,
        "all_exact": None if exact is None else exact == run.frames,
        "renderer": each.renderer,
        "renderer_pss_bytes": each.pss_bytes,
        "heap_bytes": each.heap_bytes,
    }


async def measure(
    wanted: set[str], runs: list[BenchedRun], scratch: Path, *, repeats: int, say: Say
) -> tuple[dict[str, Any], list[str]]:
    """Measure `wanted` ("first", "playback", "size"); the results by name, and what the pages complained of."""
    bench = Bench(scratch, repeats=repeats, say=say)
    results: dict[str, Any] = {}
    async with chromium(scratch / "profile") as context:
        if "first" in wanted:
            results["first_frame"] = await bench.first_frames(context, runs)
        if "playback" in wanted:
            results["playback"] = await bench.playback(context, runs)
    if "size" in wanted:
        results["size"] = await bench.sizes(runs[0])
    results["canvas"] = list(bench.stage)
    return results, bench.notes
