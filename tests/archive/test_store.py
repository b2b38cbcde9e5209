"""The store's own contract: what a later back end (object storage) has to keep too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.store import Store, digest_of
from fastcine.errors import NotFound


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "d", reserve_bytes=0, durable=False)


def names(folder: DataFolder) -> list[str]:
    return sorted(name for name in os.listdir(folder.incoming) if not name.startswith(".lock"))


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
        assert len(names(folder)) == 1
    assert names(folder) == [] and list(Store(folder).locations()) == []


def test_missing_and_empty_objects_are_not_found(folder: DataFolder) -> None:
    (folder.objects / "empty").touch()
    for location in ("objects/none", "objects/empty"):
        with pytest.raises(NotFound):
            Store(folder).open_object(location)


def test_cleaning_up_spares_the_living(folder: DataFolder) -> None:
    (folder.incoming / "dead.part").write_bytes(b"x")
    with Store(folder).receive([b"x"]) as incoming:
        assert Store(folder).left_over() == []
        assert names(folder) == [incoming.path.name]
        Store(folder).commit(incoming, "1", "2", sop="3")
        assert Store(folder).left_over() == []  # not acknowledged yet, but its receiver lives
    ((intent, location),) = Store(folder).left_over()
    assert intent.name in names(folder) and folder.resolve(location).exists()


def test_a_temp_file_that_a_cleaner_took_is_made_again(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    real, taken = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and not taken:  # the cleaner comes between the making and the locking
            taken.extend(names(folder))
            assert Store(folder).left_over() == [] and names(folder) == []
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with Store(folder).receive([b"x"]) as incoming:
        assert taken and names(folder) == [incoming.path.name]


def test_withdrawing_leaves_no_trace(folder: DataFolder) -> None:
    with Store(folder).receive([b"x"]) as incoming:
        location = Store(folder).commit(incoming, "1", "2", sop="3")
        incoming.withdraw()
    assert not folder.resolve(location).exists() and names(folder) == []
