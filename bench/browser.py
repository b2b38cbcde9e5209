"""Chromium, driven: visits of a page, what it took, what its process holds, what the screen showed."""

from __future__ import annotations

import asyncio
import base64
import os
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
from playwright.async_api import async_playwright

from bench.chromium import VIEWPORT, Chromium, ChromiumError, Page, chromium_path, running
from bench.reading import Shown, busiest, number_on_screen, pss_bytes
from tests.e2e.conftest import FLAGS

PROBE = Path(__file__).parents[1] / "tests/e2e/probe.js"
FIRST_EXACT = Path(__file__).with_name("first_exact.js")
POLL_MS = 100
CPU_LOOK_S = 1.0
STATE = """(frames) => {
  const shown = window.probe?.shown ?? [];
  let wraps = 0;
  for (let n = 1; n < shown.length; n++) if (shown[n].number < shown[n - 1].number - frames / 2) wraps++;
  const stats = window.fastcine?.player?.stats() ?? null;
  return { wraps, shown: shown.length, stats, ended: Boolean(stats?.all_exact_ms || stats?.all_loaded_ms),
    connection: window.fastcine?.player?.connection ?? "", early: window.fastcineEarly?.socket?.readyState ?? null };
}"""
WAIT = f"""async ({{ frames, loops, whole, timeout_ms, poll_ms }}) => {{
  const state = {STATE};
  const until = performance.now() + timeout_ms;
  for (;;) {{
    const now = state(frames);
    const done = now.shown && now.wraps >= loops && (now.ended || !whole);
    if (done || performance.now() > until) return {{ ...now, done: Boolean(done) }};
    await new Promise((resolve) => setTimeout(resolve, poll_ms));
  }}
}}"""
"""In the page: asking it from here ten times a second takes a sixth of a small machine away from what is measured."""
RESULT = """() => {
  const canvas = document.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const player = window.fastcine.player;
  const corner = player.imageToCanvas(0, 0);
  const beside = player.imageToCanvas(100, 0);
  return {
    shown: probe.shown, previews: probe.previews, columns: player.description?.columns ?? 0,
    unreadable: probe.unreadable, first_ms: probe.first_ms, stats: player.stats(),
    badge: player.badge ?? "", renderer: player.renderer ?? window.fastcine.renderer ?? "",
    left: box.left + corner.x, top: box.top + corner.y,
    scale: (beside.x - corner.x) / 100, width: box.width, height: box.height, time_origin_ms: performance.timeOrigin,
    heap_bytes: performance.memory?.usedJSHeapSize ?? 0, first_exact_ms: window.firstExactMs ?? null,
  };
}"""


class DidNotPlay(RuntimeError):
    """A visit that ended without the picture it was to show; the text says how the page stood."""


@dataclass(slots=True)
class Visit:
    """One visit of one page; times in ms from navigation."""

    shown: list[Shown]
    unreadable: int
    player_first_ms: float | None
    """The page's own word."""
    canvas_first_ms: float | None
    """When the burned counter could first be read off the canvas."""
    screen_first_ms: float | None
    """When a picture of the screen first held a readable counter; only where the screen was recorded."""
    badge: str
    renderer: str
    stats: dict[str, Any]
    width: int
    height: int
    pss_bytes: int | None = None
    heap_bytes: int | None = None
    errors: list[str] = field(default_factory=list)
    previews: list[Shown] = field(default_factory=list)
    """What the page played before there was a player."""
    first_exact_ms: float | None = None
    """When the first message of the exact tier came."""
    after: Any = None
    """What the script that ran at the visit's end answered."""


def chromium(profile: Path, extra: Sequence[str] = ()) -> AbstractAsyncContextManager[Chromium]:
    """A browser whose pages are watched by our scripts."""
    return running(profile, scripts=(PROBE, FIRST_EXACT), extra=extra)


def _first_readable_ms(screen: list[tuple[float, str]], result: dict[str, Any]) -> float | None:
    """When the counter could first be read on a picture of the screen, ms from navigation."""
    for time_ms, data in screen:
        picture = imagecodecs.jpeg_decode(base64.b64decode(data))
        zoom = picture.shape[1] / VIEWPORT["width"]
        left, top, scale = result["left"] * zoom, result["top"] * zoom, result["scale"] * zoom
        if number_on_screen(picture, left=left, top=top, scale=scale) is not None:
            return float(time_ms - result["time_origin_ms"])
    return None


async def _wait(page: Page, frames: int, *, loops: int, whole: bool, timeout_s: float) -> None:
    """Until `loops` loops were shown (0: the first frame) and, with `whole`, everything was loaded."""
    words = {"frames": frames, "loops": loops, "whole": whole, "timeout_ms": timeout_s * 1000, "poll_ms": POLL_MS}
    try:
        state = await page.evaluate(WAIT, words)
    except ChromiumError:  # the page has loaded itself again
        state = await page.evaluate(WAIT, words)
    if not state.pop("done"):
        raise DidNotPlay(f"it did not play in {timeout_s} s: {state}")


async def visit(
    context: Chromium,
    url: str,
    frames: int,
    *,
    loops: int = 1,
    whole: bool = True,
    record: bool = False,
    memory: bool = False,
    after: str | None = None,
    after_words: dict[str, Any] | None = None,
    timeout_s: float = 45,
) -> Visit:
    """Open `url` in a new page, wait, read, close; `record` the screen, look at the process's `memory` at the end.

    `after` is a script that the page runs when all is read, with `after_words`.
    """
    page = await context.new_page()
    try:
        if record:
            await page.record(on=True)
        await page.goto(url)
        try:
            await _wait(page, frames, loops=loops, whole=whole, timeout_s=timeout_s)
        except DidNotPlay as error:
            raise DidNotPlay(f"{error}; the page's errors: {page.errors}") from None
        if record:
            await asyncio.sleep(0.3)
            await page.record(on=False)
        pss = await renderer_pss_bytes() if memory else None
        result = await page.evaluate(RESULT)
        return Visit(
            shown=[Shown(row["number"], row["time_ms"]) for row in result["shown"]],
            unreadable=result["unreadable"],
            player_first_ms=result["stats"]["first_frame_ms"],
            canvas_first_ms=result["first_ms"],
            screen_first_ms=_first_readable_ms(page.screen, result) if record else None,
            badge=result["badge"],
            renderer=result["renderer"],
            stats=result["stats"],
            width=round(result["width"]),
            height=round(result["height"]),
            pss_bytes=pss,
            heap_bytes=result["heap_bytes"],
            errors=page.errors,
            previews=_previews(result),
            first_exact_ms=result["first_exact_ms"],
            after=await page.evaluate(after, after_words) if after else None,
        )
    finally:
        await page.close()


def _previews(result: dict[str, Any]) -> list[Shown]:
    """The numbers on the previews that stood on the screen; -1 where one cannot be read."""
    found = []
    for row in result["previews"]:
        picture = imagecodecs.webp_decode(base64.b64decode(row["source"].partition(",")[2]))
        number = number_on_screen(picture, left=0, top=0, scale=picture.shape[1] / result["columns"])
        found.append(Shown(-1 if number is None else number, row["time_ms"]))
    return found


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the command's name (which may hold spaces): index 1 is the parent."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def renderer_cpu_seconds(ancestor: int) -> dict[int, float]:
    """CPU seconds of each renderer process below `ancestor`, by process id."""
    parents: dict[int, int] = {}
    cpu: dict[int, float] = {}
    ticks = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            fields = _stat_fields(pid)
            parents[pid] = int(fields[1])
            if b"--type=renderer" in (entry / "cmdline").read_bytes():
                cpu[pid] = (int(fields[11]) + int(fields[12])) / ticks
        except OSError:
            continue  # it ended meanwhile
    return {pid: seconds for pid, seconds in cpu.items() if _descends(pid, ancestor, parents)}


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        pid = parents.get(pid, 0)
    return False


async def renderer_pss_bytes() -> int:
    """PSS of the renderer that plays: of this program's browser's renderers the one that uses the CPU."""
    before = renderer_cpu_seconds(os.getpid())
    await asyncio.sleep(CPU_LOOK_S)
    return _pss_of(busiest(before, renderer_cpu_seconds(os.getpid())))


def _pss_of(pid: int) -> int:
    return pss_bytes(Path(f"/proc/{pid}/smaps_rollup").read_text())


def body_bytes(url: str) -> int:
    """Length on the wire of an answer's body, asked for as Chromium asks."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip, deflate, br"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return len(answer.read())


async def cold_bytes(url: str, frames: int, profile: Path) -> dict[str, int]:
    """Bytes over the wire of every HTTP answer (headers included) on a first visit with an empty cache, by path.

    Waits until the run was loaded and played once, so that decoders are among them. Bytes of the socket are not. What
    Chromium does not tell the size of, the scripts that workers start with, is asked for once more. Playwright is the
    one who listens to the network.
    """
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(profile), executable_path=chromium_path(), args=FLAGS, viewport=VIEWPORT
        )
        await context.add_init_script(path=PROBE)
        page: Any = await context.new_page()
        finished: list[Any] = []
        context.on("requestfinished", lambda request: finished.append(request))
        await page.goto(url, wait_until="commit")
        await _wait(page, frames, loops=1, whole=True, timeout_s=120)
        sizes: dict[str, int] = {}
        for request in finished:
            if request.url.startswith("http"):
                size = await request.sizes()
                body = size["responseBodySize"] or await asyncio.to_thread(body_bytes, request.url)
                path = "/" + request.url.split("/", 3)[3].partition("?")[0]
                sizes[path] = sizes.get(path, 0) + size["responseHeadersSize"] + body
        await context.close()
        return sizes
