"""STOW-RS beside the installed Orthanc's: the same objects to both in turn, each with its disk synced as it does."""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset

from bench import orthanc
from tests.serving import serving

ROUNDS = 3
OURS, PEER = "fastcine", "orthanc"
BOUNDARY = "fastcine-bench"
KIND = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
UID = "1.2.826.0.1.3680043.10.1561.1{:015d}"
_PLACEHOLDER = UID.format(0)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """Objects of one size: how many in a request, and how many requests on one connection."""

    name: str
    rows: int
    frames: int
    objects: int
    requests: int


CASES = (
    Case("a run of 60 MiB", 1024, 60, 1, 2),
    Case("a run of 8 MiB", 512, 32, 1, 6),
    Case("40 kB, one a request", 200, 1, 1, 100),
    Case("40 kB, 50 a request", 200, 1, 50, 4),
)


def template(case: Case) -> bytes:
    """An uncompressed 8-bit XA object as a Part 10 file, its UID a placeholder."""
    dataset = pydicom.Dataset()
    pixels = np.random.default_rng(1).integers(0, 256, case.rows * case.rows, np.uint8).tobytes() * case.frames
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1", "SOPInstanceUID": _PLACEHOLDER, "Modality": "XA",
        "StudyInstanceUID": "1.2.826.0.1.3680043.10.1561.1", "SeriesInstanceUID": "1.2.826.0.1.3680043.10.1561.2",
        "PatientName": "Bench^STOW", "PatientID": "PHANTOM", "Rows": case.rows, "Columns": case.rows,
        "NumberOfFrames": case.frames, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x7FE00010, "OB", pixels)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


class Uids:
    """Numbers that no object has had, whoever it goes to."""

    def __init__(self) -> None:
        self._last = 0

    def named(self, file: bytes) -> bytes:
        """The file with a UID of its own."""
        self._last += 1
        uid = UID.format(self._last).encode()
        head = file[:4096].replace(_PLACEHOLDER.encode(), uid)
        return head + file[4096:]


def body(files: list[bytes]) -> bytes:
    """One request's."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(part for file in files for part in (head, file, b"\r\n")) + f"--{BOUNDARY}--\r\n".encode()


def stored_bytes_per_s(url: str, bodies: list[bytes]) -> float:
    """Requests one behind the other over one connection; raises where one is not answered with 200."""
    parts = urlsplit(url)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    client.connect()
    begun = time.perf_counter()
    for each in bodies:
        client.request("POST", parts.path, each, {"Content-Type": KIND, "Accept": "application/dicom+json"})
        answer = client.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{url} answers {answer.status}")
    spent = time.perf_counter() - begun
    client.close()
    return sum(map(len, bodies)) / spent


def measure(
    scratch: Path, *, rounds: int = ROUNDS, cases: tuple[Case, ...] = CASES, say: Say = print
) -> dict[str, Any]:
    """`rounds` turns of both with each case; which goes first alternates. Plain JSON."""
    if orthanc.missing():
        return {"notes": [f"Orthanc is not installed, STOW is left out. To install it: {orthanc.missing()}"]}
    uids, rates = Uids(), {case.name: {OURS: list[float](), PEER: list[float]()} for case in cases}
    with ExitStack() as stack:
        scratch.mkdir(parents=True, exist_ok=True)
        first = scratch / "first.dcm"
        first.write_bytes(uids.named(template(CASES[-1])))
        ours = stack.enter_context(serving(scratch / "data"))
        peer = stack.enter_context(orthanc.serving(first, scratch / PEER))
        urls = {OURS: f"{ours.url}/dicomweb/studies", PEER: f"http://127.0.0.1:{peer.port}/dicom-web/studies"}
        for case in cases:
            file = template(case)
            if case is not cases[0]:
                ours.wait_until_made(timeout_s=600)  # of the case before
            for turn in range(rounds):
                for name in (OURS, PEER) if turn % 2 else (PEER, OURS):
                    say(f"STOW, {case.name}, {name}: {turn + 1} of {rounds}")
                    bodies = [body([uids.named(file) for _ in range(case.objects)]) for _ in range(case.requests)]
                    rates[case.name][name].append(stored_bytes_per_s(urls[name], bodies))
    return {"rounds": rounds, "version": peer.version, "rates": rates, "notes": []}
