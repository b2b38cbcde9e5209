"""Orthanc with its DICOMweb plug-in, as Debian packages it: started on a data folder of its own, given one file."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.static_files import free_port

INSTALL = "sudo apt-get install orthanc orthanc-dicomweb"
PROGRAM = "Orthanc"
PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = PLUGINS / "libOrthancDicomWeb.so"
ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
"""The stored bytes, as viewers ask for them: nothing is transcoded."""
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running one that holds one instance."""

    port: int
    pid: int
    frame_path: str
    """The path of a frame's number comes behind."""
    version: str


def missing() -> str:
    """The line that installs it, "" where it is there."""
    return "" if shutil.which(PROGRAM) and DICOMWEB.exists() else INSTALL


def configuration(folder: Path, port: int) -> dict[str, Any]:
    """Its strongest: connections are kept, the instance stays in memory, nothing is logged."""
    return {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(DICOMWEB)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "KeepAlive": True,
        "TcpNoDelay": True,
        "MaximumStorageCacheSize": 1024,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _answer(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as answer:
        return dict(json.loads(answer.read()))


def _wait(process: subprocess.Popen[bytes], url: str) -> dict[str, Any]:
    for _ in range(int(START_S / 0.1)):
        if process.poll() is not None:
            break
        try:
            return _answer(url + "/system")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError("Orthanc does not answer")


@contextmanager
def serving(file: Path, folder: Path) -> Iterator[Orthanc]:
    """Orthanc on a free loopback port with `file` in it; `folder` is its own."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "orthanc.json").write_text(json.dumps(configuration(folder, port)))
    words = [PROGRAM, str(folder / "orthanc.json")]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        version = _wait(process, url)["Version"]
        plugin = _answer(url + "/plugins/dicom-web")["Version"]
        stored = _answer(url + "/instances", file.read_bytes())["ID"]
        tags = _answer(f"{url}/instances/{stored}/simplified-tags")
        names = (("studies", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instances", "SOPInstanceUID"))
        path = "/dicom-web" + "".join(f"/{level}/{tags[tag]}" for level, tag in names) + "/frames/"
        yield Orthanc(port, process.pid, path, f"{version} with DICOMweb {plugin}")
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
