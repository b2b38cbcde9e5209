"""What is ingested: 60 frames 1024x1024 of JPEG Lossless, and the same twice as long, to see whether memory grows."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pydicom
from pydicom.encaps import encapsulate, generate_frames

from fastcine.phantom import bench_runs

RUN, FRAMES = "xa1024x60", 60
FRAME_BYTES = 1024 * 1024
REPEATS = 3
MOST_OF_CODECS, MOST_OF_CPU, MOST_LAG_MS, MOST_FRAMES = 1.1, 0.6, 5.0, 16


def _files(folder: Path) -> tuple[Path, Path, Path]:
    """A short one to warm up, the run and the longer one, kept in `folder`."""
    warm, short, long = folder / f"{RUN}_warm.dcm", folder / f"{RUN}.dcm", folder / f"{RUN}_twice.dcm"
    if not short.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        short.write_bytes(bench_runs.bench_run(RUN)[1])
    if not warm.is_file():
        warm.write_bytes(bench_runs.bench_run(RUN, frames=4)[1])
    if not long.is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(short.read_bytes()))
            frames = list(generate_frames(dataset.PixelData, number_of_frames=FRAMES)) * 2
            dataset.NumberOfFrames, dataset.PixelData = len(frames), encapsulate(frames)
            dataset.save_as(long)
    return warm, short, long


def _made(*words: str | Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.codecs.ingest", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(folder: Path) -> dict[str, Any]:
    """The median making by CPU of a few, each in a process of its own, and memory for both lengths."""
    warm, short, long = _files(folder)
    made = sorted((_made(warm, short) for _ in range(REPEATS)), key=lambda each: each["cpu_s"])
    middle = made[len(made) // 2]
    middle["cpu_least_s"], middle["cpu_most_s"] = made[0]["cpu_s"], made[-1]["cpu_s"]
    middle["grown_bytes_twice"] = _made(warm, long, "--no-lag")["grown_bytes"]
    return middle


def lines(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """(what, figure, target, met) of what `measure` gave."""
    codecs = sum(found["codec_s"].values())
    parts = ", ".join(f"{name} {spent:.2f}" for name, spent in sorted(found["codec_s"].items()))
    of_codecs, of_cpu = found["cpu_s"] / codecs, found["wall_s"] / found["cpu_s"]
    grown = [found[name] / FRAME_BYTES for name in ("grown_bytes", "grown_bytes_twice")]
    cpu = f"{found['cpu_s']:.2f} s ({found['cpu_least_s']:.2f} to {found['cpu_most_s']:.2f})"
    return [
        ("CPU, all", cpu, "", True),
        ("CPU, its codec calls", f"{codecs:.2f} s ({parts})", "", True),
        ("CPU of its codec calls", f"{of_codecs:.2f}", f"at most {MOST_OF_CODECS}", of_codecs <= MOST_OF_CODECS),
        ("wall, two threads, of CPU", f"{of_cpu:.2f}", f"at most {MOST_OF_CPU}", of_cpu <= MOST_OF_CPU),
        (
            "event-loop lag, p99 (most)",
            f"{found['lag_p99_ms']:.1f} ms ({found['lag_most_ms']:.1f})",
            f"under {MOST_LAG_MS:.0f} ms",
            found["lag_p99_ms"] < MOST_LAG_MS,
        ),
        (
            "memory grown, in decoded frames: 60 frames, 120",
            f"{grown[0]:.1f}, {grown[1]:.1f}",
            f"at most {MOST_FRAMES}",
            max(grown) <= MOST_FRAMES,
        ),
    ]
