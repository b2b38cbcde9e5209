"""Thousands of viewers on one core, and how late the event loop is while a run is taken in beside a hundred of them."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import runs
from bench.runs import BenchedRun
from bench.throughput import CLIENT_CORE, CORES, SERVER_CORE, on_core
from fastcine.load.crowd import lag_p99_ms, parse_metrics
from tests.serving import Server, command, serving

RUN = ("xa512x60", 15)
TAKEN_IN = ("xa1024x120", 30)
CROWD, CROWD_S = 3000, 60
BESIDE, BESIDE_S = 100, 20
PLAYING_WITHIN_S = 6
MOST_VIEWERS = ("--max-viewers", "20000")

Say = Callable[[str], None]


def crowd_words(run: BenchedRun, viewers: int, seconds: int, max_tier: str, *, core: int | None) -> list[str]:
    """What `fastcine bench` is told, without the server's address."""
    pinned = [] if core is None else ["--cpu", str(core)]
    words = ["--run", run.description["sop_instance_uid"], "--viewers", str(viewers), "--seconds", str(seconds)]
    return [*words, "--max-tier", max_tier, *pinned]


def crowd(url: str, words: list[str], scratch: Path, seconds: int) -> dict[str, Any]:
    """What `fastcine bench` found."""
    found = scratch / f"crowd-{time.monotonic_ns()}.json"
    command("bench", url, "--json", found, *words, timeout_s=seconds + 120)
    return dict(json.loads(found.read_text()))


def _one_core(run: BenchedRun, scratch: Path) -> dict[str, Any]:
    """The crowd on one core, the server on another, where there are two."""
    words = crowd_words(run, CROWD, CROWD_S, "fine", core=CORES[CLIENT_CORE] if len(CORES) > 1 else None)
    with on_core(SERVER_CORE):
        server = Server(run.data, *MOST_VIEWERS)
    try:
        return {**crowd(server.url, words, scratch, CROWD_S), "words": words}
    finally:
        server.stop()


def _metrics(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(server.url + "/metrics", timeout=20) as answer:
        return parse_metrics(answer.read().decode())


def _taken_in_beside(run: BenchedRun, file: Path, scratch: Path, say: Say) -> dict[str, Any]:
    """The loop's lag from the upload's first byte until the run is made, while the crowd plays."""
    data = scratch / "data"
    shutil.copytree(run.data, data)
    words = crowd_words(run, BESIDE, BESIDE_S, "exact", core=None)
    with serving(data) as server, ThreadPoolExecutor(1) as pool:
        playing = pool.submit(crowd, server.url, words, scratch, BESIDE_S)
        time.sleep(PLAYING_WITHIN_S)
        say("a run is taken in")
        before, begun = _metrics(server), time.monotonic()
        server.upload(file)
        server.wait_until_made()
        lasted, after = time.monotonic() - begun, _metrics(server)
        found = playing.result()
    return {**found, "words": words, "ingest_s": lasted, "ingest_lag_p99_ms": lag_p99_ms(before, after)}


def measure(scratch: Path, *, say: Say) -> dict[str, Any]:
    """Both; plain JSON."""
    scratch.mkdir(parents=True, exist_ok=True)
    cache = runs.cache_folder()
    run = runs.prepare(*RUN, cache=cache)
    runs.prepare(*TAKEN_IN, cache=cache)
    file = cache / "files" / f"{TAKEN_IN[0]}_{TAKEN_IN[1]}fps.dcm"
    say(f"{CROWD} viewers for {CROWD_S} s")
    one_core = _one_core(run, scratch)
    say(f"{BESIDE} viewers while a run is taken in")
    return {"run": run.title, "one_core": one_core, "beside": _taken_in_beside(run, file, scratch, say)}
