"""C fuzz drivers of this folder, built with the address and undefined-behaviour sanitisers, and run."""

import shutil
import subprocess
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
