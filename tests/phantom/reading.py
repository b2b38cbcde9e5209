"""How these tests look at what the phantom wrote: pydicom with gdcm, and dciodvfy where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels import iter_pixels


def dataset(data: bytes) -> FileDataset:
    """The data set; reading must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pydicom.dcmread(BytesIO(data))


def frames(data: bytes, *, plugin: str = "gdcm", count: int | None = None) -> NDArray[Any]:
    """The stored samples of the first ``count`` frames, decoded by an outside decoder."""
    indices = None if count is None else list(range(count))
    options = {"decoding_plugin": plugin} if plugin else {}
    return np.stack(list(iter_pixels(BytesIO(data), indices=indices, raw=True, **options)))


def iod_errors(data: bytes, folder: Path) -> list[str]:
    """What dciodvfy calls an error; skips the test where the checker is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    path = folder / "object.dcm"
    path.write_bytes(data)
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Abort"))]
