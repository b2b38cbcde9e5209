"""QIDO-RS study searches over a million instances: how long answers take while eight clients ask without a pause."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench import large_index
from bench.large_index import Size
from bench.throughput import children_of
from tests.serving import Server, serving

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "bench/.cache"
MADE_BY = (
    "bench/large_index.py",
    "fastcine/archive/index_write.py",
    "fastcine/archive/catalog_study.py",
    "fastcine/archive/search_text.py",
)
"""An older schema is migrated as any other."""
SIZE = Size(studies=100_500, instances=10)
CLIENTS = 8
LEAD_S, SECONDS = 2.0, 20.0
PAGE = "50"
"""Studies of one page of a worklist."""
ASKED = 200
"""Different questions of each kind."""

Say = Callable[[str], None]


def kept(size: Size, *, cache: Path = CACHE, say: Say = print) -> Path:
    """The data folder with the index, made anew only where the code that makes it has changed."""
    digest = hashlib.sha256(repr(size).encode())
    for name in MADE_BY:
        digest.update((ROOT / name).read_bytes())
    folder = cache / f"index-{digest.hexdigest()[:12]}"
    if not (folder / "whole").is_file():
        for old in cache.glob("index-*"):
            shutil.rmtree(old)
        say(f"an index of {size.studies} studies, some minutes")
        made = large_index.make(folder, size)
        (folder / "whole").write_text(str(made))
    return folder


def questions(size: Size, *, each: int = ASKED, seed: int = 1) -> dict[str, list[dict[str, str]]]:
    """Kind of search to the keys of some of that kind; all but the last ones find something."""
    drawn = random.Random(seed)

    def number() -> int:
        return drawn.randrange(size.studies)

    def month() -> str:
        return f"{drawn.randrange(2012, 2026)}{drawn.randrange(1, 13):02}"

    def begins(least: int) -> str:
        return drawn.choice(large_index.SURNAMES)[:least]

    many = {"limit": PAGE}
    makers: dict[str, Callable[[], dict[str, str]]] = {
        "PatientID": lambda: {"PatientID": large_index.patient_id(drawn.randrange(large_index.patients(size.studies)))},
        "AccessionNumber": lambda: {"AccessionNumber": large_index.accession(number())},
        "StudyInstanceUID": lambda: {"StudyInstanceUID": large_index.study_uid(number())},
        "PatientName=MIL*": lambda: {"PatientName": f"{begins(3)}*", **many},
        "PatientName=MILLER^A*": lambda: {"PatientName": f"{begins(20)}^{drawn.choice('AJMSP')}*", **many},
        "StudyDate, a week": lambda: {"StudyDate": f"{(m := month())}01-{m}07", **many},
        "ModalitiesInStudy": lambda: {"ModalitiesInStudy": drawn.choice(["XA", "US", "IVUS", "CT", "OCT"]), **many},
        "name, date, modality": lambda: {
            "PatientName": f"{begins(2)}*", "StudyDate": f"{drawn.randrange(2012, 2024)}0101-",
            "ModalitiesInStudy": drawn.choice(["XA", "US"]), **many,
        },
        "nothing, the newest": lambda: dict(many),
    }  # fmt: skip
    return {kind: [make() for _ in range(each)] for kind, make in makers.items()}


def unindexed(*, each: int = 20, seed: int = 2) -> dict[str, list[dict[str, str]]]:
    """Searches that the index is no help for: outside the mix, each walks along every study."""
    drawn = random.Random(seed)
    makers: dict[str, Callable[[], dict[str, str]]] = {
        "PatientName=*LLER": lambda: {"PatientName": f"*{drawn.choice(large_index.SURNAMES)[-4:]}^A*", "limit": PAGE},
        "ReferringPhysicianName": lambda: {
            "ReferringPhysicianName": f"{drawn.choice(large_index.SURNAMES)}^NOBODY", "limit": PAGE
        },
    }  # fmt: skip
    return {kind: [make() for _ in range(each)] for kind, make in makers.items()}


def paths(asked: Mapping[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    return {kind: [f"/dicomweb/studies?{urlencode(keys)}" for keys in several] for kind, several in asked.items()}


def ask(url: str, asked: Mapping[str, list[dict[str, str]]], *, clients: int, seconds: float) -> dict[str, Any]:
    """What the clients found, in a process of their own."""
    parts = urlsplit(url)
    order = {"host": parts.hostname, "port": parts.port, "questions": paths(asked), "clients": clients}
    words = json.dumps({**order, "lead_s": LEAD_S, "seconds": seconds})
    done = subprocess.run(
        [sys.executable, "-m", "bench.askers"], input=words, text=True, capture_output=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the clients failed:\n{done.stderr[-1500:]}")
    return dict(json.loads(done.stdout))


def _cpu_s(server: Server) -> float:
    """CPU time that a server's processes have used."""
    ticks = 0
    for pid in children_of(server.process.pid):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(*, size: Size = SIZE, seconds: float = SECONDS, cache: Path = CACHE, say: Say = print) -> dict[str, Any]:
    """The mix, and then what is not indexed, one client alone. Plain JSON."""
    data = kept(size, cache=cache, say=say)
    with serving(data) as server:
        say(f"{CLIENTS} clients search for {seconds:g} s")
        before = _cpu_s(server)
        mix = ask(server.url, questions(size), clients=CLIENTS, seconds=seconds)
        spent_s = _cpu_s(server) - before
        say("searches without an index")
        alone = ask(server.url, unindexed(), clients=1, seconds=seconds / 4)
    counted = sum(map(len, mix["answers"].values())) * (LEAD_S + seconds) / seconds
    return {
        "instances": int((data / "whole").read_text()), "studies": size.studies, "clients": CLIENTS,
        "seconds": seconds, "alone_seconds": seconds / 4, "page": int(PAGE), "mix": mix, "alone": alone,
        "server_cpu_ms": spent_s / counted * 1000,
    }  # fmt: skip
