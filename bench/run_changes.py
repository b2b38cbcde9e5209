"""How soon another run of a study shows its first frame in an open page: not fetched in advance, and fetched."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
from pydicom.uid import generate_uid

from bench import browser, runs
from bench.chromium import Chromium
from fastcine.load.emulator import emulated
from fastcine.load.link import parse_link
from tests.serving import command, serving

Say = Callable[[str], None]
CHANGE = Path(__file__).with_name("change_run.js")
RUNS = 6
FPS = 15
AFAR, NEAR = 3, 1
"""Tiles that are chosen from the first one: two ahead are fetched in advance (viewer/ui/view-page.js)."""
BUSY_MS = 1500
"""After the first frame: the run on screen still fills the link."""
FETCHED_MS = 3000
"""After all of the run on screen is exact, the first passes of its neighbours come."""
PATIENCE_MS = 90_000


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Runs of one kind over a link, and what is asked of the change."""

    link: str
    run: str
    added_ms: float
    """To one round trip, where nothing was fetched in advance."""
    prefetched_ms: float = 50


ROWS = (
    ChangeRow("none", "xa512x60", 30),
    ChangeRow("none", "xa1024x60", 45),
    ChangeRow("20M,40ms", "xa512x60", 30),
    ChangeRow("20M,40ms", "xa1024x60", 45),
    ChangeRow("8M,80ms", "xa512x60", 30),
)


def _study(name: str, *, cache: Path) -> Path:
    """A data folder with one study of `RUNS` copies of the bench run, made once."""
    data = cache / "data" / f"{name}_study"
    if (data / "index.sqlite").is_file():
        return data
    files = cache / "files" / f"{name}_study"
    shutil.rmtree(files, ignore_errors=True)
    command("phantom", files, "--force", "--bench", name, "--fps", FPS)
    first = next(files.glob("*.dcm"))
    dataset = pydicom.dcmread(io.BytesIO(first.read_bytes()))
    for number in range(2, RUNS + 1):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number
        dataset.save_as(files / f"{name}_{number}.dcm")
    command("ingest", "--data", data, files)
    return data


async def _change(context: Chromium, url: str, tile: int, *, whole: bool) -> dict[str, Any] | None:
    settle_ms = FETCHED_MS if whole else BUSY_MS
    words = {"tile": tile, "whole": whole, "settle_ms": settle_ms, "patience_ms": PATIENCE_MS}
    visit = await browser.visit(
        context, url, 1, loops=0, whole=False, after=CHANGE.read_text(), after_words=words, timeout_s=150
    )
    changed: dict[str, Any] | None = visit.after
    return changed


async def measure_row(
    row: ChangeRow, data: Path, scratch: Path, *, repeats: int, say: Say, tun: bool
) -> dict[str, Any]:
    """`repeats` changes of each kind, each in a visit of its own."""
    found: dict[str, Any] = {"row": asdict(row), "afar": [], "near": []}
    with serving(data) as server:
        tiles = await asyncio.to_thread(server.wait_until_made)
        study = tiles[0]["description"]["study_instance_uid"]
        with emulated(parse_link(row.link), urlsplit(server.url).port or 80, tun=tun) as link:
            found["how"] = link.how
            url = f"http://localhost:{link.port}/view/{study}?run={tiles[0]['run']}"
            rules = [f"--host-resolver-rules=MAP localhost {link.host}"]
            async with browser.chromium(scratch / "profile", extra=rules) as context:
                for _ in range(3):  # Chromium keeps compiled code from the second visit on
                    await browser.visit(context, url, 1, loops=0, whole=False)
                for turn in range(repeats):
                    say(f"{row.link} {row.run}: change {turn + 1} of {repeats}")
                    found["afar"].append(await _change(context, url, AFAR, whole=False))
                    found["near"].append(await _change(context, url, NEAR, whole=True))
    return found


async def measure(scratch: Path, *, repeats: int, say: Say, tun: bool = True) -> dict[str, Any]:
    """How it was measured and every row, plain JSON."""
    found = []
    for number, row in enumerate(ROWS):
        data = _study(row.run, cache=runs.cache_folder())
        folder = scratch / f"row-{number}"
        found.append(await measure_row(row, data, folder, repeats=repeats, say=say, tun=tun))
    how = {"runs": RUNS, "busy_s": BUSY_MS / 1000, "fetched_s": FETCHED_MS / 1000}
    return {"how": how, "rows": found}
