"""Debian's Orthanc with its DICOMweb plug-in, started beside an archive of ours that it knows, and that knows it."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from bench.orthanc import DICOMWEB, PROGRAM, START_S, missing
from tests.dimse.test_round_trip import free_port
from tests.serving import serving

TITLE = "ORTHANC"
OURS = "fastcine"
"""How it calls us, as a modality and as a DICOMweb server."""
needs_orthanc = pytest.mark.skipif(bool(missing()), reason=f"Orthanc is not installed ({missing()})")


def configuration(folder, *, port, dicom_port, archive):
    return {
        "Name": TITLE,
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "Plugins": [str(DICOMWEB)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "KeepAlive": True,
        "DicomServerEnabled": True,
        "DicomAet": TITLE,
        "DicomPort": dicom_port,
        "DicomModalities": {OURS: ["FASTCINE", "127.0.0.1", archive.dicom_port]},
        "DicomWeb": {
            "Enable": True,
            "Root": "/dicom-web/",
            "Servers": {OURS: {"Url": f"{archive.url}/dicomweb/"}},
        },
    }


class Orthanc:
    """A running one, by its REST interface."""

    def __init__(self, port, dicom_port):
        self.url, self.dicom_port = f"http://127.0.0.1:{port}", dicom_port

    def raw(self, path, body=None, method=None):
        request = urllib.request.Request(self.url + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def ask(self, path, body=None, method=None):
        """JSON there and back."""
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.raw(path, data, method) or b"null")

    def give(self, data):
        """A file for it to keep; its own ID of the instance."""
        return json.loads(self.raw("/instances", data))["ID"]

    def empty(self):
        for patient in self.ask("/patients"):
            self.raw(f"/patients/{patient}", method="DELETE")

    def files(self):
        """Every file that it holds, as it keeps it, by SOP Instance UID."""
        found = {}
        for instance in self.ask("/instances"):
            uid = self.ask(f"/instances/{instance}")["MainDicomTags"]["SOPInstanceUID"]
            found[uid] = self.raw(f"/instances/{instance}/file")
        return found

    def _wait(self, process):
        for _ in range(int(START_S / 0.05)):
            if process.poll() is not None:
                break
            try:
                return self.ask("/system")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise AssertionError("Orthanc does not answer")


@contextmanager
def orthanc_beside(archive, folder, dicom_port):
    """Orthanc on loopback; `folder` is its own."""
    folder.mkdir(parents=True)
    found = Orthanc(free_port(), dicom_port)
    settings = configuration(folder / "db", port=int(found.url.split(":")[2]), dicom_port=dicom_port, archive=archive)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([PROGRAM, str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        found._wait(process)
        yield found
    finally:
        process.kill()  # asked politely it takes three seconds, and nothing of it is needed any more
        process.wait()


@contextmanager
def both(folder):
    """An archive of ours and Orthanc, acquainted with each other."""
    dicom_port = free_port()
    peers = f"{TITLE}@127.0.0.1:{dicom_port}"
    with (
        serving(folder / "data", "--dicom-port", "0", "--dicom-peers", peers) as archive,
        orthanc_beside(archive, folder / "orthanc", dicom_port) as orthanc,
    ):
        yield archive, orthanc
