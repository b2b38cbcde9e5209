"""Playback over emulated links: first frame, when it runs at nominal rate, when all is exact. Figures as plain JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import bare_picture, browser, peer_page, runs
from bench.chromium import Chromium
from bench.reading import Shown
from bench.runs import BenchedRun, codestreams
from bench.static_files import serving_files
from fastcine.load.emulator import Emulated, emulated
from fastcine.load.link import parse_link
from tests.serving import serving

Say = Callable[[str], None]
Done = Callable[[dict[str, Any]], None]
DECODE_AGAIN = Path(__file__).with_name("decode_again.js")
REPEATS = 5
WARM_UP_VISITS = 3
"""Chromium keeps compiled code from the second visit on."""
BROWSER_START_S = 1.5
"""What a browser does by itself after its start, before a first visit with nothing cached: a tablet's runs already."""
OTHER_PAGE = "data:text/html,<p>another page</p><canvas></canvas>"
PEER_STAGE = {"width": 1054, "height": 756}
"""CSS pixels: what our page's canvas has in the same window."""
PEER_PATIENCE_S = 60.0
CLOSE_IDLE = """async () => {
  const button = () => document.getElementById("sockets-view-close-idle-button");
  while (!button()) await new Promise((resolve) => setTimeout(resolve, 10));
  button().click();
}"""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One line of the table: a run over a link and what is asked of it."""

    link: str
    run: str
    fps: int
    first_ms: float
    """First frame, from navigation."""
    steady_after_ms: float
    """Nominal rate without a stall, from the first frame; or, with `steady_from_navigation`, from navigation."""
    exact_of_bytes: float | None
    """All exact, as so many times the exact tier's bytes over the link's rate."""
    steady_from_navigation: bool = False
    cached: bool = True
    """Whether the application is in the browser's cache."""
    exact_of_decoding: float | None = None
    """All exact, counted from the first exact byte, as so many times decoding it all from memory."""

    @property
    def whole(self) -> bool:
        """Whether a visit lasts until all is exact."""
        return self.exact_of_bytes is not None or self.exact_of_decoding is not None


ROWS = (
    LinkRow("none", "xa1024x120", 30, 120, 50, None, exact_of_decoding=1.3),
    LinkRow("100M,20ms", "xa1024x120", 15, 140, 50, 1.15),
    LinkRow("20M,40ms", "xa1024x120", 15, 180, 50, 1.15),
    LinkRow("8M,80ms", "xa512x60", 15, 260, 50, 1.2),
    LinkRow("8M,80ms", "xa1024x60_12", 15, 260, 100, 1.15),
    LinkRow("8M,80ms", "us800x600_rgb60", 30, 280, 150, 1.35),
    LinkRow("2M,120ms,1%", "xa1024x60", 15, 510, 1200, None, steady_from_navigation=True),
    LinkRow("1M,200ms", "xa512x60", 15, 550, 300, None),
    LinkRow("8M,80ms", "xa512x60", 15, 310, 1500, None, steady_from_navigation=True, cached=False),
)


def steady_from_ms(shown: Sequence[Shown], *, frames: int, fps: float) -> float | None:
    """When play runs at the nominal rate without a stall, to the end of what was watched; ms from navigation.

    From the first picture on from which every later one comes within a period of its time and never two together are
    missing. `shown` begins with what the page played by itself. None where that never is.
    """
    period_ms = 1000 / fps
    places = [(shown[0].number, shown[0].time_ms)]
    for row in shown[1:]:
        last = places[-1][0]
        step = (row.number - last) % frames
        if step > frames // 2:
            return None  # backwards
        if step:
            places.append((last + step, row.time_ms))
    found = None
    for start in range(len(places) - 1, -1, -1):
        number, at_ms = places[start]
        if start + 1 < len(places) and places[start + 1][0] - number > 2:
            break
        late = [abs(time_ms - at_ms - (n - number) * period_ms) for n, time_ms in places[start:]]
        if max(late) <= period_ms:
            found = at_ms
    return found


async def close_idle(context: Chromium) -> None:
    """Have the browser forget its connections, not its cache."""
    page = await context.new_page()
    try:
        await page.goto("chrome://net-internals/#sockets")
        await page.evaluate(CLOSE_IDLE)
        await asyncio.sleep(0.1)
    finally:
        await page.close()


async def settle(context: Chromium) -> None:
    """Have the browser done with its own start; nothing of ours is cached by that."""
    page = await context.new_page()
    try:
        await page.goto(OTHER_PAGE)
        await asyncio.sleep(BROWSER_START_S)
    finally:
        await page.close()


async def measure_row(
    row: LinkRow, run: BenchedRun, scratch: Path, *, repeats: int, say: Say, tun: bool = True
) -> dict[str, Any]:
    """`repeats` visits over the link, and as many short ones with the screen recorded; medians are the caller's."""
    with serving(run.data) as server:
        port = urlsplit(server.url).port or 80
        await asyncio.to_thread(browser.body_bytes, server.url + run.path)
        with emulated(parse_link(row.link), port, tun=tun) as link:
            visits = await _visits(row, run, scratch, link=link, repeats=repeats, say=say)
    found = {"row": asdict(row), "how": link.how, "unsupported": link.unsupported, "totals": link.totals}
    return {**found, "t1_bytes": sum(map(len, codestreams(run))), "visits": visits}


async def _visits(
    row: LinkRow, run: BenchedRun, scratch: Path, *, link: Emulated, repeats: int, say: Say
) -> list[dict[str, Any]]:
    rules = [f"--host-resolver-rules=MAP localhost {link.host}"]
    url = f"http://localhost:{link.port}{run.path}"
    after = DECODE_AGAIN.read_text() if row.exact_of_decoding is not None else None
    found: list[dict[str, Any]] = []

    async def once(context: Chromium, *, record: bool) -> browser.Visit:
        if row.cached:
            await close_idle(context)
        how: dict[str, Any] = (
            {"loops": 0, "whole": False} if record else {"loops": 1, "whole": row.whole, "after": after}
        )
        return await browser.visit(context, url, run.frames, record=record, timeout_s=150, **how)

    for turn in range(1 if row.cached else repeats):
        visits: list[browser.Visit | None] = []
        for kind in ("a",) if row.cached else ("a", "b"):
            async with browser.chromium(scratch / f"profile-{turn}{kind}", extra=rules) as context:
                if not row.cached:
                    await settle(context)
                for _ in range(WARM_UP_VISITS if row.cached else 0):
                    await once(context, record=True)
                for _ in range(repeats if row.cached else 1):
                    for record in (True, False) if row.cached else (kind == "a",):
                        try:
                            visits.append(await once(context, record=record))
                        except browser.DidNotPlay as error:
                            say(f"{row.link} {row.run}: {error}")
                            visits.append(None)
        for recorded, plain in zip(visits[::2], visits[1::2], strict=True):
            found.append(_figures(recorded, plain, run))
            say(f"{row.link} {row.run}: {len(found)} of {repeats}")
    return found


def _figures(recorded: browser.Visit | None, visit: browser.Visit | None, run: BenchedRun) -> dict[str, Any]:
    """Of a visit and the one before it that was recorded; without figures where it did not play."""
    first = {"first_ms": recorded.screen_first_ms if recorded else None}
    if visit is None:
        return {**first, "did_not_play": True}
    stats = visit.stats
    return {
        **first,
        "player_first_ms": visit.player_first_ms,
        "canvas_first_ms": visit.canvas_first_ms,
        "steady_ms": steady_from_ms([*visit.previews, *visit.shown], frames=run.frames, fps=run.fps),
        "player_steady_ms": stats["steady_ms"],
        "all_exact_ms": stats["all_exact_ms"],
        "first_exact_ms": visit.first_exact_ms,
        "decode_again": visit.after,
        "missed": stats["frames_missed"],
        "stalls": stats["stalls"],
        "unreadable": visit.unreadable,
        "bytes_t0": stats["bytes_t0"],
        "bytes_t1": stats["bytes_t1"],
        "previews": [(row.number, round(row.time_ms)) for row in visit.previews],
        "shown": [(row.number, round(row.time_ms)) for row in visit.shown[:40]],
        "errors": visit.errors,
    }


def peer_skipped(row: LinkRow, run: BenchedRun, exact_bytes: int) -> str:
    """Why the bare page is not visited over this link, "" where it is."""
    link = parse_link(row.link)
    if peer_page.missing():
        return "not installed"
    if run.description["samples_per_pixel"] != 1:
        return "grey runs only"
    if link is not None and exact_bytes / link.rate_bytes_per_s > PEER_PATIENCE_S:
        return f"takes over {PEER_PATIENCE_S:.0f} s"
    return ""


async def peer_visit(row: LinkRow, run: BenchedRun, scratch: Path, *, exact_bytes: int, tun: bool) -> dict[str, Any]:
    """The bare Cornerstone3D page over the same link: one visit, and a short one with the screen recorded."""
    skipped = peer_skipped(row, run, exact_bytes)
    if skipped:
        return {"skipped": skipped}
    root = scratch / "peer"
    await asyncio.to_thread(peer_page.lay_out, root, peer_page.build(), run)
    with (
        serving_files(root, scratch / "peer-server") as url,
        emulated(parse_link(row.link), urlsplit(url).port or 80, tun=tun) as link,
    ):
        address = f"http://localhost:{link.port}{peer_page.page_path(run, **PEER_STAGE)}"
        rules = [f"--host-resolver-rules=MAP localhost {link.host}"]
        visits: list[browser.Visit] = []
        for record in (True, False):
            # A profile for both where the page is cached, else an empty one for each.
            profile = scratch / ("peer-profile" if row.cached else f"peer-profile-{record}")
            async with browser.chromium(profile, extra=rules) as context:
                if not row.cached:
                    await settle(context)
                for _ in range(WARM_UP_VISITS if row.cached and record else 0):
                    await browser.visit(context, address, run.frames, loops=0, whole=False, timeout_s=PEER_PATIENCE_S)
                how: dict[str, Any] = {"loops": 0, "whole": False} if record else {"loops": 1, "whole": True}
                limit_s = 2 * PEER_PATIENCE_S
                visits.append(
                    await browser.visit(context, address, run.frames, record=record, timeout_s=limit_s, **how)
                )
    recorded, plain = visits
    return {
        "first_ms": recorded.screen_first_ms,
        "steady_ms": steady_from_ms(plain.shown, frames=run.frames, fps=run.fps),
        "all_there_ms": plain.stats["all_loaded_ms"],
    }


async def bare_picture_ms(
    row: LinkRow, run: BenchedRun, scratch: Path, *, repeats: int, tun: bool
) -> list[float | None]:
    """When a page that is nothing but the first preview has it on the screen, over the same link."""
    root = scratch / "picture"
    await asyncio.to_thread(bare_picture.lay_out, root, run)
    with (
        serving_files(root, scratch / "picture-server") as url,
        emulated(parse_link(row.link), urlsplit(url).port or 80, tun=tun) as link,
    ):
        rules = [f"--host-resolver-rules=MAP localhost {link.host}"]
        found = []
        async with browser.chromium(scratch / "picture-profile", extra=rules) as context:
            for turn in range(WARM_UP_VISITS + repeats):
                await close_idle(context)
                address = f"http://localhost:{link.port}/"
                visit = await browser.visit(context, address, run.frames, record=True, loops=0, whole=False)
                if turn >= WARM_UP_VISITS:
                    found.append(visit.screen_first_ms)
    return found


async def measure(
    scratch: Path, *, repeats: int, say: Say, done: Done, wanted: Sequence[str] = (), tun: bool = True
) -> list[dict[str, Any]]:
    """Every row, or those whose link and run are `wanted`, ("8M,80ms xa512x60"); as many rows of plain JSON.

    `done` hears of each row as it comes. Beside ours a page of nothing but the first picture, and one visit of the bare
    Cornerstone3D page, where it is installed and the row is not over soon anyway.
    """
    found = []
    for number, row in enumerate(ROWS):
        if wanted and f"{row.link} {row.run}" not in wanted:
            continue
        run = runs.prepare(row.run, row.fps, cache=runs.cache_folder())
        folder = scratch / f"row-{number}"
        measured = await measure_row(row, run, folder, repeats=repeats, say=say, tun=tun)
        say(f"{row.link} {row.run}: a bare picture, Cornerstone3D")
        try:
            measured["bare_picture_ms"] = await bare_picture_ms(row, run, folder, repeats=repeats, tun=tun)
            measured["peer"] = await peer_visit(row, run, folder, exact_bytes=measured["t1_bytes"], tun=tun)
        except browser.DidNotPlay:
            measured["peer"] = {"skipped": "did not play"}
        found.append(measured)
        done(measured)
    return found
