"""Bytes and frames a second of one server process on one core: ours, nginx and Orthanc in turn, eight clients each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import orthanc, runs, static_files
from bench.machine import program_version
from bench.runs import BenchedRun, codestreams
from fastcine.cine.wire import wire_bytes
from tests.serving import Server, serving

ROOT = Path(__file__).parents[1]
RUN = ("xa512x60", 15)
CLIENTS = 8
ROUNDS = 5
LEAD_S, SECONDS = 0.5, 3.0
SERVER_CORE, CLIENT_CORE = 0, 1
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
OURS, NGINX, ORTHANC = "fastcine", "nginx", "orthanc"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that runs, and what its clients are told."""

    name: str
    order: dict[str, Any]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside stays on one core, where there are two and that can be asked for."""
    if len(CORES) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def children_of(pid: int) -> list[int]:
    """Processes that `pid` has started, and those that they have."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in thread.read_text().split()]
    return [*found, *(each for child in found for each in children_of(child))]


def ours(server: Server, run: BenchedRun, frames: list[bytes]) -> Contender:
    """The exact tier over the stream."""
    parts = urlsplit(server.url)
    return Contender(
        OURS,
        {
            "host": parts.hostname,
            "port": parts.port,
            "run": run.description["run"],
            "frames": run.frames,
            "fps": run.fps,
            "run_bytes": sum(wire_bytes(len(frame)) for frame in frames),
            "payload_bytes": sum(map(len, frames)),
            "server_pids": [server.process.pid, *children_of(server.process.pid)],
        },
    )


def _nginx(stack: ExitStack, frames: list[bytes], scratch: Path) -> Contender:
    """The same bitstreams, each a static file."""
    folder = scratch / "site/runs/exact"
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=1):
        (folder / str(number)).write_bytes(frame)
    before = set(children_of(os.getpid()))
    url = stack.enter_context(static_files.serving_files(scratch / "site", scratch / "nginx", name="nginx"))
    paths = [f"/runs/exact/{number}" for number in range(1, len(frames) + 1)]
    pids = sorted(set(children_of(os.getpid())) - before)
    return Contender(NGINX, {"host": "127.0.0.1", "port": urlsplit(url).port, "paths": paths, "server_pids": pids})


def _orthanc(peer: orthanc.Orthanc, run: BenchedRun) -> Contender:
    """The file as it came, frame by frame over WADO-RS."""
    paths = [f"{peer.frame_path}{number}" for number in range(1, run.frames + 1)]
    order = {
        "host": "127.0.0.1",
        "port": peer.port,
        "paths": paths,
        "accept": orthanc.ACCEPT,
        "server_pids": [peer.pid],
    }
    return Contender(ORTHANC, order)


def drained(order: dict[str, Any], *, seconds: float) -> dict[str, float]:
    """What eight clients in a process of their own read; rates, and the CPU of both sides."""
    words = json.dumps({**order, "clients": CLIENTS, "lead_s": LEAD_S, "seconds": seconds})
    with on_core(CLIENT_CORE):
        done = subprocess.run(
            [sys.executable, "-m", "bench.drain"], input=words, text=True, capture_output=True, cwd=ROOT, check=False
        )
    if done.returncode:
        raise RuntimeError(f"the clients failed:\n{done.stderr[-1500:]}")
    return dict(json.loads(done.stdout))


def measure(scratch: Path, *, rounds: int = ROUNDS, seconds: float = SECONDS, say: Say = print) -> dict[str, Any]:
    """`rounds` turns of every server that is installed; all the while the others wait. Plain JSON."""
    cache = runs.cache_folder()
    run = runs.prepare(*RUN, cache=cache)
    frames = codestreams(run)
    notes: list[str] = []
    versions: dict[str, str] = {}
    with ExitStack() as stack, on_core(SERVER_CORE):
        contenders = [ours(stack.enter_context(serving(run.data)), run, frames)]
        if static_files.server_name() == NGINX:
            contenders.append(_nginx(stack, frames, scratch))
            versions[NGINX] = program_version("nginx", "-v").rpartition("/")[2]
        else:
            notes.append(f"nginx is not installed, it is left out. To install it: {static_files.INSTALL_NGINX}")
        if orthanc.missing():
            notes.append(f"Orthanc is not installed, it is left out. To install it: {orthanc.missing()}")
        else:
            file = cache / "files" / f"{run.name}_{run.fps}fps.dcm"
            peer = stack.enter_context(orthanc.serving(file, scratch / ORTHANC))
            contenders.append(_orthanc(peer, run))
            versions[ORTHANC] = peer.version
        found: dict[str, list[dict[str, float]]] = {each.name: [] for each in contenders}
        for turn in range(rounds):
            for each in contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)]:
                say(f"throughput, {each.name}: {turn + 1} of {rounds}")
                found[each.name].append(drained(each.order, seconds=seconds))
    return {
        "run": run.title, "frames": run.frames, "bytes": sum(map(len, frames)), "clients": CLIENTS, "rounds": rounds,
        "seconds": seconds, "pinned": len(CORES) > 1, "versions": versions, "notes": notes, "rates": found,
    }  # fmt: skip
