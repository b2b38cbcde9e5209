"""Disks that are full, read-only, or may not be written: a clear refusal over every way in, and nothing half-stored."""

import contextlib
import os
import subprocess
import urllib.error
import urllib.request
from functools import partial

import pytest

from fastcine.archive.digest import data_set_offset
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.verify import verify
from tests.archive.factories import EXPLICIT_LITTLE, XA, part10
from tests.dimse import raw
from tests.serving import serving
from tests.test_write_order import WAYS

MB = 1 << 20


class Sent:
    sop_class_uid = XA

    def __init__(self, sop, *, large=True):
        self.sop_instance_uid = sop
        # Not compressible, so that a disk that packs is full, too.
        changes = {"pixels": os.urandom(3 * MB), "Rows": 1024, "Columns": 1536} if large else {}
        self.data = part10(sop, "1.2", "1.2.3", **changes)
        self.data_set = self.data[data_set_offset(self.data[:65536]) :]


def c_store(server, sent):
    line = raw.connect(server.dicom_port, [(XA, EXPLICIT_LITTLE)])
    line.sendall(raw.store_pdus(sent))
    status = raw.status_of(raw.read_pdu(line)[1])
    line.sendall(raw.RELEASE)
    line.close()
    return status


def over_http(way, server, sent):
    path, kind, body = WAYS[way]
    request = urllib.request.Request(server.url + path, data=body(sent.data), headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


INTO = {"C-STORE": c_store, **{way: partial(over_http, way) for way in WAYS}}
STORED = {"C-STORE": 0, "STOW-RS": 200, "upload": 200}
REFUSED = {"C-STORE": {0xA700}, "STOW-RS": {507}, "upload": {507}}
UNAVAILABLE = {**REFUSED, "upload": {503}}


def assert_refused(server, number, wanted, *, sizes=(True, False)):
    """Every way in refuses, says so, and leaves nothing of it."""
    for large in sizes:
        for place, (way, send) in enumerate(INTO.items()):
            sent = Sent(f"1.2.3.{number}{place}{int(large)}", large=large)
            assert send(server, sent) in wanted[way], (way, large)
            assert not list((server.data / "objects").rglob(f"{sent.sop_instance_uid}*"))
    half = [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")]
    assert half == [] and not list((server.data / "quarantine").iterdir())


def assert_goes_on(server, number):
    """Every way in takes objects again; what was acknowledged is there and sound, and nothing else."""
    before = {path.stem for path in (server.data / "objects").rglob("*.dcm")}
    sent = {f"1.2.3.{number}{place}" for place in range(len(INTO))}
    for sop, (way, send) in zip(sorted(sent), INTO.items(), strict=True):
        assert send(server, Sent(sop)) == STORED[way], way
    assert {path.stem for path in (server.data / "objects").rglob("*.dcm")} == before | sent
    server.wait_until_made()
    folder = DataFolder(server.data)
    index = Index(folder.index_path)
    assert {row.sop_instance_uid for row in index.instances()} == before | sent
    assert list(verify(folder, index)) == []
    index.close()


def served(data, **settings):
    return serving(data, "--dicom-port", "0", env={f"FASTCINE_{name.upper()}": each for name, each in settings.items()})


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 160 MB, where mounting one is allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextlib.contextmanager
def read_only(place):
    """Everything below a folder cannot be written, whoever tries."""
    for words in (("--bind", place, place), ("-o", "remount,ro,bind", place)):
        subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_and_a_read_only_disk(small_disk):
    with served(small_disk / "data", reserve_bytes="0") as server:
        assert_goes_on(server, 1)
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(MB)) == MB:
                pass
        assert_refused(server, 2, REFUSED)
        os.truncate(filler, filler.stat().st_size - 2 * MB)  # room to begin with a large one, not to end
        assert_refused(server, 3, REFUSED, sizes=(True,))
        filler.unlink()
        assert_goes_on(server, 4)
        with read_only(server.data / "objects"):
            assert_refused(server, 5, UNAVAILABLE)
        with read_only(server.data / "incoming"):
            assert_refused(server, 6, UNAVAILABLE)
        assert_goes_on(server, 7)


@contextlib.contextmanager
def forbidden(place):
    """A folder that may not be written any more; where we are root, for root too."""
    if os.geteuid():
        place.chmod(0o500)
        undo = partial(place.chmod, 0o700)
    else:
        done = subprocess.run(["chattr", "+i", place], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"root may write everywhere, and nothing here forbids it: {done.stderr.strip()}")
        undo = partial(subprocess.run, ["chattr", "-i", place], check=True)
    try:
        yield
    finally:
        undo()


@pytest.mark.soak
def test_a_folder_that_may_not_be_written_any_more(tmp_path):
    with served(tmp_path / "data", reserve_bytes="0") as server:
        with forbidden(server.data / "objects"):
            assert_refused(server, 1, UNAVAILABLE)
        with forbidden(server.data / "incoming"):
            assert_refused(server, 2, UNAVAILABLE)
        assert_goes_on(server, 3)
