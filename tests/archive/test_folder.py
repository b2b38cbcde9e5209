"""The data folder: paths from hostile UIDs, the format file, the lock across processes and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.archive.folder import FORMAT, DataFolder, safe_name
from fastcine.errors import StorageUnavailable, UsageError

HOLDER = """
import sys, time
from fastcine.archive.folder import DataFolder
lock = DataFolder(sys.argv[1]).acquire("serve")
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "uid", ["", "..", "../../etc/passwd", "1.2/3", "1.2.3\x00", "1." + "2" * 64, "a.b", ".1", "1.", "1..2", "１.２"]
)
def test_a_uid_that_is_none_becomes_its_hash(uid: str) -> None:
    name = safe_name(uid)
    assert len(name) == 64 and set(name) <= set("0123456789abcdef")


def test_a_sound_uid_stays_readable() -> None:
    longest = "1." + "2" * 62
    assert safe_name(longest) == longest
    assert safe_name("1.2.840.10008") == "1.2.840.10008"


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_every_location_stays_below_objects(study: str, series: str, sop: str) -> None:
    location = DataFolder.object_location(DataFolder.__new__(DataFolder), study, series, sop=sop)
    parts = location.split("/")
    assert parts[0] == "objects" and len(parts) == 5 and location.endswith(".dcm")
    assert not {"", ".", ".."} & set(parts)


def test_layout_is_made_once_and_opened_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "deep" / "data")
    assert (folder.root / "format").read_text().strip() == FORMAT
    assert folder.root.stat().st_mode & 0o077 == 0
    assert DataFolder(folder.root).root == folder.root
    assert folder.free_bytes() > 0


def test_a_folder_with_other_things_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(UsageError, match="no fastcine data folder"):
        DataFolder(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.doc"]


def test_a_file_or_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        DataFolder(tmp_path / "f")
    DataFolder(tmp_path / "d")
    (tmp_path / "d" / "format").write_text("fastcine data 99\n")
    with pytest.raises(UsageError, match="upgrade"):
        DataFolder(tmp_path / "d")


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises((StorageUnavailable, UsageError)):
        DataFolder("/proc/nowhere/data")


def test_resolve_refuses_to_leave(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "d")
    assert folder.resolve("objects/a.dcm") == folder.root / "objects/a.dcm"
    for location in ("../x", "objects/../../x", "/etc/passwd"):
        with pytest.raises(StorageUnavailable):
            folder.resolve(location)


def test_the_lock_is_exclusive_names_its_owner_and_dies_with_kill_9(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "d")
    assert folder.owner() is None
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder.root)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        owner = folder.owner()
        assert owner is not None and (owner.pid, owner.role) == (holder.pid, "serve")
        with pytest.raises(UsageError, match=f"fastcine serve, process {holder.pid}"):
            folder.acquire("ingest")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()
    assert folder.owner() is None
    with folder.acquire("ingest"):
        owner = folder.owner()
        assert owner is not None and owner.role == "ingest"
    assert folder.owner() is None


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "d")
    lock = folder.acquire("serve")
    ready, say_ready = os.pipe()
    ending, say_ending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn where the test runner has threads
        child = os.fork()
    if child == 0:  # lives on while the parent dies
        os.close(say_ending)
        os.write(say_ready, b"1")
        os.read(ending, 1)
        os._exit(0)
    try:
        os.read(ready, 1)
        lock._close()  # what the kernel does at kill -9: the descriptor goes, nobody unlocks
        folder.acquire("ingest").release()
    finally:
        os.close(say_ending)
        os.waitpid(child, 0)
        for descriptor in (ready, say_ready, ending):
            os.close(descriptor)
