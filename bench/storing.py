"""Objects that come in by C-STORE while viewers play: whether any of them stalls."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import runs
from bench.many_viewers import crowd_words
from bench.runs import BenchedRun
from bench.sending import CONTEXTS, Kind
from tests.dimse.raw import store_in_parallel
from tests.serving import command, serving

RUN = ("xa512x60", 15)
SMALL_ROWS, LARGE_FRAMES = 39, 20
"""40 kB, and 20 MB of 1024x1024."""
PLAYING_WITHIN_S = 8.0
"""The crowd's own lead: one viewer first, then all, one round."""

Say = Callable[[str], None]


Watch = Callable[[str, BenchedRun, "Load", Path], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Load:
    """How much comes, and who watches."""

    small: int = 10_000
    large: int = 50
    associations: int = 8
    viewers: int = 20
    most_seconds: int = 900


def batches(load: Load) -> list[Iterator[bytes]]:
    """Each association's requests: its share of the small ones, its large ones evenly between them."""
    small, large = Kind(SMALL_ROWS, 1, studies="3"), Kind(1024, LARGE_FRAMES, studies="4")

    def of(association: int) -> Iterator[bytes]:
        little = range(association, load.small, load.associations)
        big = range(association, load.large, load.associations)
        sent = 0
        for place, number in enumerate(little, start=1):
            yield from small.requests(range(number, number + 1))
            while sent < len(big) * place // len(little):
                yield from large.requests(range(big[sent], big[sent] + 1))
                sent += 1

    return [of(association) for association in range(load.associations)]


def watched(url: str, run: BenchedRun, load: Load, scratch: Path) -> dict[str, Any]:
    """What `fastcine bench` finds."""
    told, seconds = scratch / "crowd.json", _seconds(load)
    words = crowd_words(run, load.viewers, seconds, "exact", core=None)
    command("bench", url, "--json", told, *words, timeout_s=seconds + 120)
    return dict(json.loads(told.read_text()))


def beside(
    run: BenchedRun, load: Load, scratch: Path, *, watch: Watch = watched, lead_s: float = PLAYING_WITHIN_S
) -> dict[str, Any]:
    """The crowd plays from before the first object until after the last. Plain JSON."""
    scratch.mkdir(parents=True, exist_ok=True)
    shutil.copytree(run.data, scratch / "data")
    stored: dict[str, Any] = {}
    with serving(scratch / "data", "--dicom-port", "0") as server:

        def store() -> None:
            time.sleep(lead_s)
            took, statuses = store_in_parallel(server.dicom_port, batches(load), CONTEXTS)
            stored.update(took_s=took, refused=sum(map(bool, statuses)), objects=len(statuses))

        sender = threading.Thread(target=store)
        sender.start()
        found = watch(server.url, run, load, scratch)
        sender.join(load.most_seconds)
        lines = [line for line in server.lines if "ERROR" in line]
    if not stored:
        raise RuntimeError(f"the objects did not come in within {load.most_seconds} s")
    return {**found, "stored": stored, "log": lines[:5], "load": {name: getattr(load, name) for name in load.__slots__}}


def _seconds(load: Load) -> int:
    """How long the crowd watches: long enough that most of what comes comes meanwhile, by a modest rate."""
    return min(load.most_seconds, round(8 + load.small / 100 + load.large))


def stalls(found: dict[str, Any]) -> int:
    """Seconds in which a frame came more than a frame's time after play needed it."""
    interval_ms = found["frame_interval_ms"]
    return sum((second["worst_late_ms"] or 0.0) > interval_ms for second in found["seconds"])


def measure(scratch: Path, *, load: Load | None = None, say: Say = print) -> dict[str, Any]:
    """With and, before it, without what comes in. Plain JSON."""
    run = runs.prepare(*RUN, cache=runs.cache_folder())
    load = load or Load()
    say(f"{load.viewers} viewers beside {load.small} small and {load.large} large objects")
    return {"run": run.title, **beside(run, load, scratch / "storing")}
