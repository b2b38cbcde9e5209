"""All of the codec bench in one go: pytest-benchmark for speed, then lengths, then a whole run."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.codecs import ingest_runs, others, sizes

ROOT = Path(__file__).parents[2]
PACKAGES = ("imagecodecs", "numpy", "pydicom", "Cython", *others.OPTIONAL)
COMMAND = "python -m bench --codecs"


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def speeds() -> list[dict[str, Any]]:
    """One row a case: CPU seconds of a call that does `frames` frames; median, least, most.

    CPU time of the process, in which nothing else runs: a decoder that starts threads of its own pays for them.
    """
    with tempfile.TemporaryDirectory(prefix="fastcine-bench-") as scratch:
        answer = Path(scratch) / "speed.json"
        command = [sys.executable, "-m", "pytest", str(Path(__file__).with_name("test_speed.py")), "-q"]
        command += ["-p", "no:xdist", "-p", "no:cacheprovider", "--benchmark-quiet", f"--benchmark-json={answer}"]
        command += ["--benchmark-timer=time.process_time", "--benchmark-warmup=off"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not answer.is_file():
            raise SystemExit(f"the codec bench failed:\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
        benchmarks = json.loads(answer.read_text())["benchmarks"]
    rows = []
    for each in benchmarks:
        stats = each["stats"]
        figures = {"median_s": stats["median"], "least_s": stats["min"], "most_s": stats["max"]}
        rows.append({**each["extra_info"], **figures, "rounds": stats["rounds"]})
    return rows


def measure(folder: Path) -> dict[str, Any]:
    """Everything, as plain JSON; `folder` keeps the runs that are ingested."""
    return {
        "versions": _versions(),
        "missing": others.missing(),
        "speed": speeds(),
        "sizes": sizes.measure(),
        "ingest": ingest_runs.measure(folder),
    }
