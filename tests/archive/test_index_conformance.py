"""What every index must do (fastcine/archive/interfaces.py). A later one joins INDEXES and must pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fastcine.archive.index import Index
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.archive.queue import Priority
from fastcine.archive.record import Outcome, QuarantineRow, SeenFile
from fastcine.archive.removal_records import Action, Removal
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import Conflict, Duplicate, NotFound, StorageUnavailable, UsageError
from tests.archive.factories import record, stored_as

INDEXES: dict[str, Callable[[Path], ArchiveIndex]] = {
    "sqlite": lambda path: Index(path),
    "sqlite, not synced": lambda path: Index(path, durable=False),
}
NOW = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)


@pytest.fixture(params=INDEXES)
def open_index(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ArchiveIndex]:
    """Opens the same index each time."""
    return lambda: INDEXES[request.param](tmp_path / "index")


@pytest.fixture
def index(open_index: Callable[[], ArchiveIndex]) -> Iterator[ArchiveIndex]:
    made = open_index()
    yield made
    made.close()


def wire(sop: str) -> str:
    return run_name(run_id(sop))


def fill(index: ArchiveIndex, *sops: str, study: str = "1.2", series: str = "1.2.3") -> None:
    for sop in sops:
        index.add_instance(record(sop, study, series), stored_as(sop))


def test_an_object_is_there_once(index: ArchiveIndex) -> None:
    fill(index, "1")
    with pytest.raises(Duplicate):
        index.add_instance(record("1"), stored_as("1"))
    with pytest.raises(Conflict):
        index.add_instance(record("1", "9.9"), stored_as("other"))
    row = index.instance("1")
    assert (row.study_instance_uid, row.series_instance_uid, row.stored_as.location) == (
        "1.2",
        "1.2.3",
        "objects/1.dcm",
    )
    assert index.data_set_sha256("1") == stored_as("1").data_set_sha256 and index.data_set_sha256("2") is None
    study = index.study_row("1.2")
    assert (study.objects, study.runs, study.series, study.modalities) == (1, 1, 1, ("XA",))
    for ask in (index.instance, index.study, index.study_row, index.run):
        with pytest.raises(NotFound):
            ask("9.9")


def test_what_was_written_is_there_when_it_is_opened_again(open_index: Callable[[], ArchiveIndex]) -> None:
    first = open_index()
    fill(first, "1", "2")
    second = open_index()
    assert [row.sop_instance_uid for row in second.instances(batch=1)] == ["1", "2"]
    second.close()
    first.close()
    for ask in (lambda: first.instance("1"), lambda: fill(first, "3")):
        with pytest.raises(StorageUnavailable):
            ask()
    third = open_index()
    assert third.queue.length() == 2
    third.close()


def test_studies_come_in_pages_newest_first_and_are_found(index: ArchiveIndex) -> None:
    for number in range(7):
        when = NOW + timedelta(days=number)
        index.add_instance(
            record(f"1.{number}", f"2.{number}", f"3.{number}", study_datetime=when, patient_name=f"Name{number}^X"),
            stored_as(f"{number}"),
        )
    found, after = [], None
    while True:
        page = index.studies_page(after=after, limit=3)
        found += [row.patient_and_study.study_instance_uid for row in page.studies]
        after = page.next
        if after is None:
            break
    assert found == [f"2.{number}" for number in reversed(range(7))]
    (row,) = index.studies_page("name4").studies
    assert row.patient_and_study.study_datetime == NOW + timedelta(days=4)
    assert index.studies_page("nobody").studies == ()
    with pytest.raises(UsageError):
        index.studies_page(after="no key")


def test_a_run_has_its_state(index: ArchiveIndex) -> None:
    fill(index, "1")
    run = wire("1")
    assert index.run(run) == index.run("1") and index.run(run).state == "waiting" and index.run(run).description is None
    index.set_description(run, {"run": run, "word": "größer"})
    index.set_frames(run, 7)
    index.set_run_state(run, "making", made=(3, 2, 1))
    found = index.run(run)
    assert (found.frames, found.state, found.made) == (7, "making", (3, 2, 1))
    assert found.description == {"run": run, "word": "größer"} and index.instance("1").frames == 7
    for change in (
        lambda: index.set_description("0" * 16, {}),
        lambda: index.set_frames("0" * 16, 1),
        lambda: index.set_run_state("0" * 16, "ready"),
    ):
        with pytest.raises(NotFound):
            change()


def test_the_queue_gives_by_right_and_keeps_what_is_claimed(open_index: Callable[[], ArchiveIndex]) -> None:
    index = open_index()
    for sop, priority in (("1", Priority.REBUILD), ("2", Priority.RECEIVED), ("3", Priority.RECEIVED), ("4", None)):
        index.add_instance(record(sop), stored_as(sop), priority=priority)
    queue = index.queue
    assert queue.length() == 3 and not queue.bump(wire("4"))
    first = queue.claim()
    assert first is not None and first.run == wire("2") and index.run("2").state == "making"
    assert queue.claim(above=Priority.RECEIVED) is None
    assert queue.bump(wire("1"))
    bumped = queue.claim(above=Priority.RECEIVED)
    assert bumped is not None and bumped.run == wire("1")
    queue.done(wire("2"), made=(1, 1, 1))
    assert (index.run("2").state, index.run("2").made) == ("ready", (1, 1, 1))
    queue.put_back(wire("1"), message="full", delay_s=60)
    wake = queue.next_wake()
    assert wake is not None and index.run("1").message == "full"
    third = queue.claim()
    assert third is not None and third.run == wire("3") and queue.claim() is None
    queue.enqueue(wire("3"))  # asked for again while it is being made
    queue.failed(wire("3"), "broken")
    assert queue.length() == 2 and index.run("3").message == "broken"
    index.close()
    again = open_index()
    claim = again.queue.claim()
    assert claim is not None and claim.run == wire("3")
    assert again.queue.recover() == 1 and again.run("3").state == "waiting"
    again.close()


def test_refused_objects_and_files_that_were_met_are_remembered(index: ArchiveIndex) -> None:
    row = QuarantineRow(
        sha256="ab", location="quarantine/ab.dcm", file_bytes=3, code="bad_dicom", reason="cut", tag="0008,0018",
        offset_bytes=-1, sop_instance_uid="", study_instance_uid="", source_name="test", received=NOW,
    )  # fmt: skip
    assert index.add_quarantine(row) and not index.add_quarantine(row)
    assert index.quarantine() == [row]
    index.remember_file(b"key", SeenFile(Outcome.STORED, "1"))
    assert index.seen_file(b"key") is None  # its object is not here
    fill(index, "1")
    assert index.seen_file(b"key") == SeenFile(Outcome.STORED, "1") and index.seen_file(b"other") is None


def removal(index: ArchiveIndex, action: Action, *uids: str) -> Removal:
    return Removal(name="r", action=action, reason="why", by="who", at=NOW, objects=tuple(index.removable(*uids)))


def test_objects_disappear_at_once_with_all_that_hangs_on_them(index: ArchiveIndex) -> None:
    fill(index, "1", "2")
    fill(index, "3", series="1.2.4")
    fill(index, "4", study="2.2", series="2.2.3")
    assert [each.sop_instance_uid for each in index.removable("1.2")] == ["1", "2", "3"]
    assert [each.sop_instance_uid for each in index.removable("1.2", "1.2.4")] == ["3"]
    assert index.removable("1.2", "1.2.4", "1") == [] == index.removable("9")
    index.hide(removal(index, Action.DELETE, "1.2", "", "2"), {})
    study = index.study("1.2")
    assert [row.sop_instance_uid for row in study.instances] == ["1", "3"] and study.study.objects == 2
    assert index.queue.length() == 3
    index.hide(removal(index, Action.DELETE, "1.2"), {})
    assert [row.patient_and_study.study_instance_uid for row in index.studies_page().studies] == ["2.2"]
    assert [len(index.studies_page("phantom").studies), index.queue.length()] == [1, 1]
    fill(index, "1")  # it may come again
    assert index.study_row("1.2").objects == 1 and index.rejected() == []


def test_rejected_objects_stay_known_until_they_are_not(index: ArchiveIndex) -> None:
    fill(index, "1", "2")
    gone = removal(index, Action.REJECT, "1.2")
    index.hide(gone, {"1": "rejected/1", "2": "rejected/2"})
    assert [(row.sop_instance_uid, row.location, row.reason) for row in index.rejected()] == [
        ("1", "rejected/1", "why"),
        ("2", "rejected/2", "why"),
    ]
    with pytest.raises(NotFound):
        index.instance("1")
    with pytest.raises(Duplicate):
        fill(index, "1")
    with pytest.raises(Conflict):
        index.add_instance(record("1"), stored_as("other"))
    assert index.data_set_sha256("1") == stored_as("1").data_set_sha256
    assert [each.location for each in index.restorable("1.2", "", "2")] == ["rejected/2"]
    index.unreject("1")
    fill(index, "1")
    assert [row.sop_instance_uid for row in index.rejected()] == ["2"]
    # Not the row of what has come again since: that is another object.
    index.unreject("2")
    index.add_instance(record("2"), stored_as("another"))
    index.hide(gone, {})
    assert [row.sop_instance_uid for row in index.instances()] == ["2"]


def test_many_write_at_once_and_each_counts(index: ArchiveIndex) -> None:
    outcomes: list[str] = []

    def work(number: int) -> None:
        for turn in range(20):
            try:
                index.add_instance(record(f"5.{turn}"), stored_as(f"5.{turn}"))
                outcomes.append("stored")
            except Duplicate:
                outcomes.append("duplicate")
            fill(index, f"6.{number}.{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcomes.count("stored") == 20 and len(outcomes) == 80
    assert index.study_row("1.2").objects == 100 == len(list(index.instances(batch=7)))


def test_a_patients_studies_are_found_by_id_and_issuer(index: ArchiveIndex) -> None:
    for number, (patient, issuer) in enumerate((("P", "A"), ("P", "A"), ("P", "B"), ("Q", "A"), ("", "A"))):
        when = NOW + timedelta(days=number)
        about = {"patient_id": patient, "issuer_of_patient_id": issuer, "study_datetime": when}
        index.add_instance(record(f"{number}", f"1.{number}", **about), stored_as(f"{number}"))

    def found(patient: str, issuer: str, limit: int = 9) -> list[str]:
        rows = index.studies_of_patient(patient, issuer, limit=limit)
        return [row.patient_and_study.study_instance_uid for row in rows]

    assert found("P", "A") == ["1.1", "1.0"] and found("P", "A", limit=1) == ["1.1"]
    assert found("P", "B") == ["1.2"] and found("P", "") == found("", "A") == []
