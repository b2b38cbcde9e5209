"""The table of compiled modules and what of the viewer is packaged; everything static is in pyproject.toml."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
VIEWER = ROOT / "viewer"
VIEWER_PARTS = (
    "*.html",
    "bootstrap/*.js",
    "engine/*.js",
    "ui/*.js",
    "style/*.css",
    "style/*.svg",
    "vendor/*",
    "packed/**/*.*",
)

sys.path.insert(0, str(VIEWER))
from build_viewer import build_requirements, build_viewer  # noqa: E402

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


class BuildInParallel(build_ext):
    """Compile one module on each core."""

    def initialize_options(self) -> None:
        """setuptools compiles one after the other unless told otherwise."""
        super().initialize_options()
        self.parallel = os.cpu_count()


class BuildWithViewer(build_py):
    """Package the viewer's files, as they lie in git and as they are sent, in the wheel as fastcine/viewer_files."""

    def run(self) -> None:
        """Build what is not there, then copy; an editable install reads the checkout instead."""
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
    """The sdist holds the decoders and the packed scripts too, so that it installs without Node."""

    def run(self) -> None:
        """Build them first; MANIFEST.in lists them."""
        build_viewer()
        super().run()


setup(
    ext_modules=extensions(),
    setup_requires=build_requirements(),
    cmdclass={"build_ext": BuildInParallel, "build_py": BuildWithViewer, "sdist": SdistWithViewer},
)
