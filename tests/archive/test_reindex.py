"""reindex: from the files alone to an index that says the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastcine.archive.index import Index
from fastcine.archive.record import InstanceRow
from fastcine.archive.recovery import open_index
from fastcine.archive.reindex import reindex, reindex_if_lost
from fastcine.archive.verify import verify
from fastcine.errors import NotFound, StorageUnavailable
from tests.archive.factories import part10, report
from tests.archive.test_receive import Archive
from tests.archive.test_verify import work_off


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "d")
    for n in range(6):
        made.take(part10(f"1.2.{n}", f"1.{n // 4}", f"1.2.{n // 2}", InstanceNumber=n))
    made.take(report())
    made.take(part10("1.2.0", InstanceNumber=99))  # a conflict
    made.take(part10("1.2.77", pixels=None))  # broken
    work_off(made)
    yield made
    made.index.close()


def contents(index: Index, *, with_origin: bool) -> list[InstanceRow]:
    """All objects, without what a reindex starts anew (run states), sorted."""
    rows = sorted(index.instances(), key=lambda row: row.sop_instance_uid)
    fixed = datetime(2000, 1, 1, tzinfo=UTC)
    if not with_origin:
        rows = [
            replace(row, received=fixed, stored_as=replace(row.stored_as, received=fixed, source_name=""))
            for row in rows
        ]
    return [
        replace(row, run=replace(row.run, state="waiting", made=(0, 0, 0), message="") if row.run else None)
        for row in rows
    ]


def test_the_index_is_the_same_again(archive: Archive) -> None:
    before, quarantine = contents(archive.index, with_origin=True), archive.index.quarantine()
    studies = {
        row.patient_and_study: (row.runs, row.objects, row.series) for row in archive.index.studies_page().studies
    }
    report_ = reindex(archive.folder, archive.index, site_timezone="Europe/Berlin")
    assert (report_.indexed, report_.refused) == (7, [])
    assert contents(archive.index, with_origin=True) == before
    assert archive.index.quarantine() == quarantine and len(quarantine) == 2
    again = {row.patient_and_study: (row.runs, row.objects, row.series) for row in archive.index.studies_page().studies}
    assert again == studies
    assert len(archive.index.studies_page("phantom").studies) == len(studies)
    work_off(archive)
    assert list(verify(archive.folder, archive.index)) == []
    assert all(row.run is None or row.run.state == "ready" for row in archive.index.instances())


def test_a_lost_index_is_made_from_the_files_alone(archive: Archive) -> None:
    before, quarantine = contents(archive.index, with_origin=False), archive.index.quarantine()
    archive.index.close()
    for path in archive.folder.root.glob("index.sqlite*"):
        path.unlink()
    archive.index = Index(archive.folder.index_path)
    work_off(archive)  # the owner notices at its start
    assert contents(archive.index, with_origin=False) == before
    assert [row.sha256 for row in archive.index.quarantine()] == [row.sha256 for row in quarantine]
    assert all(row.run is None or row.run.state == "ready" for row in archive.index.instances())
    assert reindex_if_lost(archive.folder, archive.index, site_timezone="UTC") is None


def test_a_damaged_index_is_set_aside_not_deleted(archive: Archive) -> None:
    archive.index.close()
    with archive.folder.acquire("reindex") as lock:
        archive.folder.index_path.write_bytes(os.urandom(50_000))
        archive.index = open_index(archive.folder, lock)
        assert reindex(archive.folder, archive.index, site_timezone="UTC").indexed == 7
    assert [len(path.read_bytes()) for path in archive.folder.root.glob("index.sqlite.damaged-*")] == [50_000]


def test_reindexing_needs_the_lock(archive: Archive) -> None:
    lock = archive.folder.acquire("reindex")
    lock.release()
    with pytest.raises(StorageUnavailable):
        open_index(archive.folder, lock)


def test_what_cannot_be_indexed_is_named_and_stays(archive: Archive) -> None:
    (archive.folder.objects / "note.txt").write_text("hello")
    (archive.folder.objects / "other.dcm").write_bytes(part10("1.2.0", InstanceNumber=50))
    report_ = reindex(archive.folder, archive.index, site_timezone="UTC")
    assert report_.indexed == 7
    assert {location for location, _ in report_.refused} == {"objects/note.txt", "objects/other.dcm"}
    assert (archive.folder.objects / "note.txt").exists()


def test_a_crash_in_the_middle_leaves_the_old_index(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(archive.index.instances())

    def stop(done: int, total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(archive.folder, archive.index, site_timezone="UTC", progress=stop)
    assert list(archive.index.instances()) == before
    with pytest.raises(NotFound):
        archive.index.instance("nothing")


def test_nothing_that_is_received_meanwhile_is_forgotten(archive: Archive) -> None:
    stop, stored = threading.Event(), []

    def receive() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            stored.append(archive.take(part10(f"8.{number}")).sop_instance_uid)

    receiver = threading.Thread(target=receive)
    receiver.start()
    deadline = time.monotonic() + 20
    while len(stored) < 12 and time.monotonic() < deadline:
        reindex(archive.folder, archive.index, site_timezone="UTC")
        time.sleep(0.003)  # the lock of a process's writer is not fair
    stop.set()
    receiver.join()
    assert len(stored) >= 12
    for sop in stored:
        archive.index.instance(sop)
