"""The RLE codec under the address and undefined-behaviour sanitisers, on mutated frames."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SANITISED = ["-g", "-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    program = tmp_path_factory.mktemp("fuzz") / "fuzz_rle"
    sources = [ROOT / "tests/fuzz/fuzz_rle.c", ROOT / "ext/fc_rle.c", ROOT / "ext/fc_planes.c"]
    built = subprocess.run(
        [compiler, *SANITISED, f"-I{ROOT / 'ext'}", *sources, "-o", program],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        assert "sanitize" in built.stderr or "asan" in built.stderr, built.stderr
        pytest.skip("this compiler has no sanitisers")
    return program


def run(driver, seconds):
    done = subprocess.run([driver, str(seconds)], capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[1]) > 100 * seconds


def test_two_seconds(driver):
    run(driver, 2)


@pytest.mark.soak
def test_ten_minutes(driver):
    run(driver, 600)
