"""verify: a flipped bit, a missing file, an orphan, a damaged cache: each is found, and what is derived is repaired."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcine.archive.cine_cache import CacheWriter, CineCache
from fastcine.archive.cine_paths import entry_path
from fastcine.archive.owner import IngestOwner
from fastcine.archive.verify import Finding, Problem, verify
from fastcine.cine.wire import run_id, run_name
from tests.archive.factories import part10, report
from tests.archive.test_owner import Maker
from tests.archive.test_receive import Archive

RUN = run_name(run_id("1.2.3.4"))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An angiogram and a report, and the angiogram's cache made."""
    made = Archive(tmp_path / "d")
    made.take(part10())
    made.take(report())
    work_off(made)
    yield made
    made.index.close()


def work_off(archive: Archive) -> None:
    with archive.folder.acquire("test") as lock:
        owner = IngestOwner(archive.folder, archive.index, lock=lock, make=Maker(), site_timezone="Europe/Berlin")
        owner.settle()
        owner.close()


def check(archive: Archive, *, repair: bool = False) -> list[Finding]:
    return list(verify(archive.folder, archive.index, repair=repair))


def the_only(archive: Archive, *, repair: bool = False) -> Finding:
    (finding,) = check(archive, repair=repair)
    return finding


def place(archive: Archive, sop: str = "1.2.3.4") -> Path:
    return archive.folder.resolve(archive.index.instance(sop).stored_as.location)


def flip(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes((byte ^ 1,)))


def test_a_sound_archive_has_no_findings(archive: Archive) -> None:
    assert check(archive) == check(archive, repair=True) == []


@pytest.mark.parametrize(
    ("offset", "part"), [(0, "file meta"), (140, "file meta"), (-1, "data set"), (500, "data set")]
)
def test_a_flipped_bit_is_found_wherever_it_is(archive: Archive, offset: int, part: str) -> None:
    size = place(archive).stat().st_size
    flip(place(archive), offset % size)
    for repair in (False, True):  # no repair can bring it back
        finding = the_only(archive, repair=repair)
        assert (finding.problem, finding.subject, finding.repaired) == (Problem.CHANGED_OBJECT, "1.2.3.4", False)
        assert part in finding.text


def test_missing_cut_and_unreadable_objects_are_found(archive: Archive) -> None:
    os.truncate(place(archive), 100)
    assert the_only(archive).problem is Problem.CHANGED_OBJECT
    place(archive).unlink()
    assert the_only(archive).problem is Problem.MISSING_OBJECT
    place(archive).mkdir()
    assert the_only(archive).problem is Problem.MISSING_OBJECT


def test_an_orphan_is_found_and_indexed(archive: Archive) -> None:
    location = archive.folder.object_location("7", "7.1", sop="7.1.1")
    archive.folder.resolve(location).parent.mkdir(parents=True)
    archive.folder.resolve(location).write_bytes(part10("7.1.1", "7", "7.1"))
    finding = the_only(archive)
    assert (finding.problem, finding.subject, finding.repaired) == (Problem.ORPHAN, location, False)
    assert the_only(archive, repair=True).repaired
    assert archive.index.instance("7.1.1").stored_as.location == location
    assert check(archive) == []


def test_orphans_that_cannot_be_indexed_say_why(archive: Archive) -> None:
    (archive.folder.objects / "copy.dcm").write_bytes(part10())
    (archive.folder.objects / "other.dcm").write_bytes(part10(InstanceNumber=5))
    (archive.folder.objects / "note.txt").write_bytes(b"hello")
    texts = {finding.subject: finding.text for finding in check(archive, repair=True)}
    assert "elsewhere" in texts["objects/copy.dcm"]
    assert "another data set" in texts["objects/other.dcm"]
    assert "DICOM" in texts["objects/note.txt"]


@pytest.mark.parametrize("damage", ["flipped", "gone", "cut", "unfinished"])
def test_a_damaged_cache_entry_is_found_and_made_anew(archive: Archive, damage: str) -> None:
    entry = entry_path(archive.folder, RUN)
    if damage == "flipped":
        flip(entry / "exact", 50)
    elif damage == "gone":
        CineCache(archive.folder).remove(RUN)
    elif damage == "cut":
        os.truncate(entry / "fine", 10)
    else:
        CacheWriter(archive.folder, RUN, 2, anew=True).close()
    finding = the_only(archive)
    assert (finding.problem, finding.subject, finding.repaired) == (Problem.BAD_CACHE, RUN, False)
    assert archive.index.run(RUN).state == "ready"
    assert the_only(archive, repair=True).repaired
    assert archive.index.run(RUN).state == "waiting"
    work_off(archive)
    assert check(archive) == [] and archive.index.run(RUN).state == "ready"


def test_a_cache_entry_of_nobody_is_found_and_removed(archive: Archive) -> None:
    CacheWriter(archive.folder, "0123456789abcdef", 1).close()
    assert the_only(archive).problem is Problem.ORPHAN_CACHE
    assert the_only(archive, repair=True).repaired
    assert check(archive) == [] and not entry_path(archive.folder, "0123456789abcdef").exists()


def test_wrong_sums_in_the_index_are_found_and_put_right(archive: Archive) -> None:
    archive.index.write(lambda c: c.execute("UPDATE study SET objects = 7, runs = 0"))
    archive.index.write(lambda c: c.execute("UPDATE run SET state = 'waiting'"))
    assert [f.problem for f in check(archive)] == [Problem.NOT_QUEUED, Problem.WRONG_COUNT]
    assert all(finding.repaired for finding in check(archive, repair=True))
    assert check(archive) == []
    row = archive.index.study_row("1.2")
    assert (row.objects, row.runs, archive.index.queue.length()) == (2, 1, 1)
    archive.index.write(lambda c: c.execute("DELETE FROM study_text"))
    assert the_only(archive).problem is Problem.NO_SEARCH_TEXT


def test_quarantine_is_compared_with_the_index(archive: Archive) -> None:
    archive.take(part10("9", pixels=None))
    assert check(archive) == []
    archive.index.write(lambda c: c.execute("DELETE FROM quarantine"))
    assert the_only(archive).problem is Problem.QUARANTINE
    assert the_only(archive, repair=True).repaired
    (row,) = archive.index.quarantine()
    archive.folder.resolve(row.location).unlink()
    assert "not there" in the_only(archive).text
    archive.index.write(lambda c: c.execute("DELETE FROM quarantine"))
    (archive.folder.quarantine / "stray.dcm").write_bytes(b"?")
    assert "nothing says why" in the_only(archive).text


def test_progress_counts_the_objects(archive: Archive) -> None:
    seen: list[tuple[int, int | None]] = []
    list(verify(archive.folder, archive.index, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(0, 2), (1, 2), (2, 2)]
