"""Fuzz drivers of this folder and the compiled modules, built with the address and undefined-behaviour sanitisers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SANITISED = ["-g", "-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def built_driver(folder, name, *sources):
    """The program `name` (tests/fuzz/<name>.c with `sources` of ext/); skips where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    files = [ROOT / "tests/fuzz" / f"{name}.c", *(ROOT / "ext" / source for source in sources)]
    built = subprocess.run(
        [compiler, *SANITISED, f"-I{ROOT / 'ext'}", *files, "-o", folder / name],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        assert "sanitize" in built.stderr or "asan" in built.stderr, built.stderr
        pytest.skip("this compiler has no sanitisers")
    return folder / name


def run_driver(driver, seconds, *more):
    """So many seconds, with `more` words for the driver; some inputs must be tried, however busy the machine."""
    words = [driver, str(seconds), *map(str, more)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[1]) > 10


def runtime_library(compiler, name):
    """Where the compiler has it; skips where it has not."""
    words = [compiler, f"-print-file-name={name}"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"this compiler has no {name}")
    return found


def built_package(folder):
    """A copy of fastcine below `folder` whose modules have the sanitisers, and the environment to run it in."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc on this machine")
    # libstdc++ as well: without it the sanitiser does not know where to pass on what a library throws.
    preloaded = [runtime_library(compiler, name) for name in ("libasan.so", "libstdc++.so")]
    environment = {**os.environ, "CC": compiler, "FASTCINE_SKIP_VIEWER": "1"}
    environment |= {"CFLAGS": " ".join(SANITISED), "LDFLAGS": "-fsanitize=address,undefined"}
    words = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", folder, "--build-temp", folder / "temp"]
    subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)
    leave = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "fastcine", folder / "fastcine", ignore=leave, dirs_exist_ok=True)
    # Python's own small blocks come from malloc too: then one byte beyond a bytes object is seen.
    return {
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "LD_PRELOAD": " ".join(preloaded),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
    }


def run_module(name, folder, seconds, *more, environment=None):
    """`python -m tests.fuzz.<name>` for so many seconds in `folder`, which keeps what it finds."""
    words = [sys.executable, "-m", f"tests.fuzz.{name}", str(seconds), *map(str, more)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    done = subprocess.run(
        words, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=seconds + 120, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    assert int(done.stdout.split()[1]) > 10
