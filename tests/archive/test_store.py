"""The store's own contract: what a later back end (object storage) has to keep too."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.store import HELD_BYTES, Store, digest_of
from fastcine.errors import NotFound

LARGE = (b"x" * HELD_BYTES, b"y")
"""More than is held in memory."""


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "d", reserve_bytes=0, durable=False)


def names(folder: DataFolder) -> list[str]:
    return sorted(name for name in os.listdir(folder.incoming) if not name.startswith("."))


def test_chunks_of_any_kind_and_size_come_back_as_one_object(folder: DataFolder) -> None:
    with Store(folder).receive([b"ab", bytearray(b"cd"), memoryview(b"ef"), b"", b"g" * 100_000]) as incoming:
        with incoming.map() as mapped:
            assert mapped[:] == b"abcdef" + b"g" * 100_000
        location = Store(folder).commit(incoming, "1", "2", sop="3")
        incoming.acknowledged()
        assert incoming.digest == digest_of(folder.resolve(location))
    with Store(folder).open_object(location) as mapped:
        assert len(mapped) == 100_006
    assert names(folder) == [] and list(Store(folder).locations()) == [location]


def test_what_is_not_committed_was_never_there(folder: DataFolder) -> None:
    with Store(folder).receive([b"x"]):
        assert names(folder) == []  # held in memory
    with Store(folder).receive(LARGE):
        assert len(names(folder)) == 1
    assert names(folder) == [] and list(Store(folder).locations()) == []


def test_missing_and_empty_objects_are_not_found(folder: DataFolder) -> None:
    (folder.objects / "empty").touch()
    for location in ("objects/none", "objects/empty"):
        with pytest.raises(NotFound):
            Store(folder).open_object(location)


def test_cleaning_up_spares_the_living(folder: DataFolder) -> None:
    (folder.incoming / "dead.part").write_bytes(b"x")
    with Store(folder).receive(LARGE) as incoming:
        assert list(Store(folder).left_over()) == []
        assert names(folder) == [incoming.path.name]
        location = Store(folder).commit(incoming, "1", "2", sop="3")
        assert list(Store(folder).left_over()) == []  # not acknowledged yet, but its receiver lives
    assert folder.resolve(location).exists() and list(Store(folder).left_over()) == []


DIES = """
import os, sys
from fastcine.archive.folder import DataFolder
from fastcine.archive.store import Store
folder = DataFolder(sys.argv[1], reserve_bytes=0)
for name in ("4", "5", "6"):
    incoming = Store(folder).receive([b"x"])
    Store(folder).commit(incoming, "1", "2", sop=name)
    if name == "5":
        incoming.acknowledged()
os.kill(os.getpid(), 9)
"""


def test_what_a_dead_receiver_noted_is_told_once_it_is_dead(folder: DataFolder) -> None:
    with Store(folder).receive([b"x"]) as incoming:
        Store(folder).commit(incoming, "1", "2", sop="3")  # the living have a file of their own
        assert subprocess.run([sys.executable, "-c", DIES, str(folder.root)]).returncode == -9
        for notes in Store(folder).left_over():
            assert [location.rpartition("/")[2] for location in notes.locations] == ["4.dcm", "6.dcm"]
        # Nobody else notes into that file before it is forgotten.
        fresh = DataFolder(folder.root, reserve_bytes=0).intents
        fresh.drop(fresh.note("objects/x"))
        (again,) = (notes.locations for notes in Store(folder).left_over())
        assert again == notes.locations
        for notes in Store(folder).left_over():
            notes.forget()
    assert list(Store(folder).left_over()) == []


def test_a_dead_receivers_notes_are_waited_for_while_the_kernel_still_locks_them(folder: DataFolder) -> None:
    assert subprocess.run([sys.executable, "-c", DIES, str(folder.root)]).returncode == -9
    (path,) = folder.incoming.glob(".intents-*")
    with open(path, "rb") as lingering:
        fcntl.flock(lingering, fcntl.LOCK_EX)
        timer = threading.Timer(0.2, fcntl.flock, (lingering, fcntl.LOCK_UN))
        timer.start()
        found = [notes.locations for notes in Store(folder).left_over()]
        timer.join()
    assert [len(locations) for locations in found] == [2]


def test_a_temp_file_that_a_cleaner_took_is_made_again(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and not taken:  # the cleaner comes between the making and the locking
            taken.extend(names(folder))
            assert list(Store(folder).left_over()) == [] and names(folder) == []
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with Store(folder).receive(LARGE) as incoming:
        assert taken and names(folder) == [incoming.path.name]


def test_withdrawing_leaves_no_trace(folder: DataFolder) -> None:
    with Store(folder).receive([b"x"]) as incoming:
        location = Store(folder).commit(incoming, "1", "2", sop="3")
        incoming.withdraw()
    assert not folder.resolve(location).exists() and names(folder) == []
