"""What the figures were measured on, and with which versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUSY_LOAD_A_CORE = 0.35
"""Above this load average a core at the start, somebody else is using the machine and the figures are noisy."""


def text_of(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", text_of("/proc/cpuinfo"), re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def is_busy(load: float) -> bool:
    return load > BUSY_LOAD_A_CORE * (os.cpu_count() or 1)


def program_version(*words: str) -> str:
    """First line that a program says of its version, "" where there is none."""
    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""


def peer_versions() -> dict[str, str]:
    """Versions of the peer's packages from its lock file."""
    lock = json.loads((ROOT / "bench/peers/package-lock.json").read_text())
    names = ("@cornerstonejs/core", "@cornerstonejs/tools", "@cornerstonejs/dicom-image-loader",
             "@cornerstonejs/codec-openjph")  # fmt: skip
    return {name: lock["packages"][f"node_modules/{name}"]["version"] for name in names}


def viewer_decoder_version() -> str:
    lock = json.loads((ROOT / "viewer/package-lock.json").read_text())
    return str(lock["packages"]["node_modules/@cornerstonejs/codec-openjph"]["version"])


def versions(chromium: str) -> dict[str, str]:
    """Everything that is compared or takes part, by name."""
    found = {
        "fastcine": importlib.metadata.version("fastcine"),
        "commit": program_version("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "Chromium": program_version(chromium, "--version").removeprefix("Chromium ").partition(" built")[0],
        "Python": platform.python_version(),
    }
    for package in ("aiohttp", "uvloop", "imagecodecs", "playwright"):
        found[package] = importlib.metadata.version(package)
    found["codec-openjph (viewer)"] = viewer_decoder_version()
    found.update(peer_versions())
    nginx = program_version("nginx", "-v")
    if nginx:
        found["nginx"] = nginx.removeprefix("nginx version: ")
    return found


def describe() -> dict[str, object]:
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "load_average_1_min_at_start": load_average(),
    }
