"""C-STORE: what our receiver takes a second, beside dcmtk's storescp and the disk itself, in turn."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import program_version
from bench.sending import CONTEXTS, Kind, free_port
from tests.dimse.raw import store_in_parallel
from tests.serving import serving

INSTALL = "sudo apt-get install dcmtk"
LARGE_OBJECTS, LARGE_FRAMES = 4, 75
SMALL_ASSOCIATIONS, SMALL_EACH, SMALL_ROWS = 8, 250, 39
"""Objects of 40 kB: 39 rows of 1024 pixels."""
ROUNDS = 3
OURS, OURS_DURABLE, PEER, DISK = "fastcine", "fastcine, durable", "storescp", "disk"

Say = Callable[[str], None]
Batches = list[list[bytes]]


def program() -> str | None:
    """dcmtk's storescp: pynetdicom installs one of that name beside our Python, which is not meant."""
    outside = [each for each in os.environ["PATH"].split(os.pathsep) if not Path(each, "python").exists()]
    return shutil.which("storescp", path=os.pathsep.join(outside))


def large() -> tuple[Kind, Batches]:
    """One association."""
    kind = Kind(1024, LARGE_FRAMES, studies="1")
    return kind, [list(kind.requests(range(LARGE_OBJECTS)))]


def small() -> tuple[Kind, Batches]:
    """Several at once."""
    kind = Kind(SMALL_ROWS, 1, studies="2")
    starts = range(0, SMALL_ASSOCIATIONS * SMALL_EACH, SMALL_EACH)
    return kind, [list(kind.requests(range(start, start + SMALL_EACH))) for start in starts]


def _took_s(port: int, batches: Batches) -> float:
    took, statuses = store_in_parallel(port, batches, CONTEXTS)
    if any(statuses) or len(statuses) != sum(map(len, batches)):
        raise RuntimeError(f"objects were refused: {sorted({f'{status:04X}' for status in statuses})}")
    return float(took)


def ours(folder: Path, batches: Batches, *, durable: bool) -> float:
    """Seconds, into a fresh archive."""
    environment = {"FASTCINE_DURABLE": "yes" if durable else "no"}
    with serving(folder / "data", "--dicom-port", "0", env=environment) as server:
        took = _took_s(server.dicom_port, batches)
        stored = sum(1 for _ in (server.data / "objects").rglob("*.dcm"))
    shutil.rmtree(folder)
    if stored != sum(map(len, batches)):
        raise RuntimeError(f"{stored} objects are stored")
    return took


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """dcmtk's, on a free port, writing into a folder."""
    folder.mkdir(parents=True)
    port = free_port()
    words = [str(program()), *options, "-pdu", "131072", "-od", str(folder), str(port)]
    process = subprocess.Popen(words, env={**os.environ, "TCP_NODELAY": "1"}, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def theirs(folder: Path, batches: Batches) -> float:
    """Seconds, into an empty folder; a process an association where there are several."""
    with storescp(folder, *(["--fork"] if len(batches) > 1 else [])) as port:
        took = _took_s(port, batches)
    shutil.rmtree(folder)
    return took


def disk(folder: Path, kind: Kind, count: int) -> float:
    """Seconds that writing, syncing and naming as many bytes takes, a file after the other."""
    folder.mkdir(parents=True)
    data = kind.sent(0).data_set
    begun = time.monotonic()
    for number in range(count):
        with open(folder / "temp", "wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())
        os.rename(folder / "temp", folder / str(number))
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    took = time.monotonic() - begun
    shutil.rmtree(folder)
    return took


def measure(scratch: Path, *, rounds: int = ROUNDS, say: Say = print) -> dict[str, Any]:
    """Seconds of every round, of large and of small objects. Plain JSON."""
    if program() is None:
        return {"notes": [f"dcmtk is not installed, the receiver is left out. To install it: {INSTALL}"]}
    found: dict[str, Any] = {"notes": [], "version": program_version(str(program()), "--version"), "rounds": rounds}
    for name, make in (("large", large), ("small", small)):
        kind, batches = make()
        count = sum(map(len, batches))
        contenders: dict[str, Callable[[Path], float]] = {
            OURS: lambda folder, batches=batches: ours(folder, batches, durable=False),  # type: ignore[misc]
            PEER: lambda folder, batches=batches: theirs(folder, batches),  # type: ignore[misc]
            OURS_DURABLE: lambda folder, batches=batches: ours(folder, batches, durable=True),  # type: ignore[misc]
            DISK: lambda folder, kind=kind, count=count: disk(folder, kind, count),  # type: ignore[misc]
        }
        took: dict[str, list[float]] = {each: [] for each in contenders}
        for turn in range(rounds):
            for each, run in contenders.items():
                say(f"{name} objects, {each}: {turn + 1} of {rounds}")
                took[each].append(run(scratch / f"{name}-{turn}-{len(each)}"))
        found[name] = {"objects": count, "bytes": kind.bytes, "associations": len(batches), "took_s": took}
    return found
