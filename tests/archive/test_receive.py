"""Receiving: every outcome, what lies on disk after it, and what is asked of the disk in which order."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fastcine.archive import receive, store
from fastcine.archive.digest import data_set_offset
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import Receipt, quarantine_row_of, receive_object, receive_path
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.store import Store, digest_of
from fastcine.errors import NotFound, StorageFull, StorageUnavailable
from tests.archive.factories import part10, report
from tests.serving import ROOT


class Archive:
    """A data folder and its index."""

    def __init__(self, root: Path, **changes: Any) -> None:
        self.folder = DataFolder(root, **{"reserve_bytes": 0, "durable": False, **changes})
        self.index = Index(self.folder.index_path, durable=False)

    def take(self, data: bytes, *, step: int = 1000, **changes: Any) -> Receipt:
        chunks = (data[start : start + step] for start in range(0, len(data), step))
        return receive_object(
            self.folder, self.index, chunks, source_name="test", site_timezone="Europe/Berlin", **changes
        )

    def take_path(self, path: Path) -> Receipt:
        return receive_path(self.folder, self.index, path, site_timezone="Europe/Berlin")

    def objects(self) -> list[str]:
        return list(Store(self.folder).locations())

    def incoming(self) -> list[str]:
        return [name for name in os.listdir(self.folder.incoming) if not name.startswith(".")]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "d")
    yield made
    made.index.close()


def test_an_object_is_stored_as_received_and_indexed(archive: Archive) -> None:
    data = part10()
    receipt = archive.take(data)
    assert (receipt.outcome, receipt.sop_instance_uid, receipt.study_instance_uid) == ("stored", "1.2.3.4", "1.2")
    instance = archive.index.instance("1.2.3.4")
    assert archive.folder.resolve(instance.stored_as.location).read_bytes() == data
    assert instance.stored_as.location.endswith("/1.2/1.2.3/1.2.3.4.dcm")
    assert (instance.kind, instance.frames, instance.rows, instance.label) == ("run", 2, 4, "LCA")
    assert instance.run is not None and instance.run.run == receipt.run
    study = archive.index.study_row("1.2").patient_and_study
    assert (study.patient_name, study.birth_date, study.sex) == ("Phantom^Paula", "1961-04-12", "F")
    assert study.study_date_text == "2026-03-01 09:15"
    assert study.study_datetime is not None and study.study_datetime.isoformat() == "2026-03-01T09:15:00+01:00"
    assert archive.incoming() == [] and archive.index.queue.length() == 1
    with Store(archive.folder).open_object(instance.stored_as.location) as mapped:
        assert mapped[:] == data


def test_the_same_data_set_is_a_duplicate_whatever_its_file_meta(archive: Archive) -> None:
    archive.take(part10(sender="A"))
    for again in (part10(sender="A"), part10(sender="B"), part10()[data_set_offset(part10()) :]):
        receipt = archive.take(again)
        assert (receipt.outcome, receipt.sop_instance_uid) == ("duplicate", "1.2.3.4")
    assert len(archive.objects()) == 1 and archive.incoming() == []
    assert os.listdir(archive.folder.quarantine) == []


def test_another_data_set_under_the_same_uid_is_kept_in_quarantine(archive: Archive) -> None:
    first, second = part10(), part10(study="7.7", InstanceNumber=9)
    archive.take(first)
    receipt = archive.take(second)
    assert (receipt.outcome, receipt.code, receipt.sop_instance_uid) == ("refused", "conflict", "1.2.3.4")
    assert "1.2.3.4" in receipt.reason
    (row,) = archive.index.quarantine()
    assert archive.folder.resolve(row.location).read_bytes() == second
    assert quarantine_row_of(archive.folder.resolve(row.location).with_suffix(".json")) == row
    assert archive.folder.resolve(archive.objects()[0]).read_bytes() == first
    assert archive.index.studies_page().total == 1
    archive.take(second)
    assert len(archive.index.quarantine()) == 1 and archive.incoming() == []


BROKEN = {
    "cut off": (part10()[:-7], "7FE0,0010"),
    "no pixels in an image": (part10(pixels=None), "7FE0,0010"),
    "no pixels though described": (part10(pixels=None, SOPClassUID="1.2.3"), "7FE0,0010"),
    "too few pixels": (part10(pixels=bytes(31) + b"\0", NumberOfFrames=3), "7FE0,0010"),
    "unknown syntax": (part10().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0"), "0002,0010"),
    "impossible size": (part10(Rows=0), "0028,0010"),
    "a UID of 300 characters": (part10(StudyInstanceUID="1." * 150 + "1"), "0020,000D"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_refused_with_tag_and_offset_and_kept(archive: Archive, case: str) -> None:
    data, tag = BROKEN[case]
    receipt = archive.take(data)
    assert (receipt.outcome, receipt.code) == ("refused", "bad_dicom")
    (row,) = archive.index.quarantine()
    assert row.tag == tag and row.offset_bytes >= 0
    assert tag in receipt.reason and str(row.offset_bytes) in receipt.reason
    assert archive.folder.resolve(row.location).read_bytes() == data
    sidecar = archive.folder.resolve(row.location).with_suffix(".json").read_text()
    assert "Phantom" not in sidecar + receipt.reason and json.loads(sidecar)["tag"] == tag
    assert archive.objects() == [] and archive.incoming() == []
    assert archive.index.studies_page().studies == ()


@pytest.mark.parametrize("data", [b"", b"x", b"hello, world\n" * 50, bytes(10_000), b"%PDF-1.7" + bytes(5000)])
def test_what_is_no_dicom_is_skipped_and_not_copied(archive: Archive, data: bytes) -> None:
    receipt = archive.take(data)
    assert (receipt.outcome, receipt.code) == ("skipped", "not_dicom")
    assert archive.incoming() == archive.objects() == os.listdir(archive.folder.quarantine) == []


def test_what_is_no_dicom_is_not_read_to_its_end(archive: Archive) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield bytes(100_000)

    receipt = receive_object(archive.folder, archive.index, endless(), source_name="", site_timezone="UTC")
    assert receipt.outcome == "skipped" and len(read) == 1


def test_objects_without_pixels_are_stored_too(archive: Archive) -> None:
    receipt = archive.take(report())
    assert (receipt.outcome, receipt.run) == ("stored", "")
    instance = archive.index.instance("1.2.3.9")
    assert (instance.kind, instance.run, instance.label) == ("other", None, "Report (Comprehensive SR)")
    assert archive.index.study_row("1.2").objects == 1 and archive.index.queue.length() == 0


def test_a_directory_of_files_is_skipped(archive: Archive) -> None:
    receipt = archive.take(part10(SOPClassUID="1.2.840.10008.1.3.10"))
    assert receipt.outcome == "skipped" and "DICOMDIR" in receipt.reason


def test_a_bare_data_set_is_kept_as_it_came_and_noted(archive: Archive) -> None:
    data = part10()[data_set_offset(part10()) :]
    assert archive.take(data).outcome == "stored"
    instance = archive.index.instance("1.2.3.4")
    assert archive.folder.resolve(instance.stored_as.location).read_bytes() == data
    assert any("bare data set" in note for note in instance.notes)


def test_missing_uids_are_made_up_the_same_way_every_time(archive: Archive) -> None:
    data = part10(StudyInstanceUID=None, SeriesInstanceUID=None, SOPInstanceUID=None, meta_sop="1.2.9")
    first = archive.take(data)
    assert (first.outcome, first.sop_instance_uid) == ("stored", "1.2.9")
    assert first.study_instance_uid.startswith("2.25.")
    assert archive.take(data).outcome == "duplicate"
    assert any("no Study Instance UID" in note for note in archive.index.instance("1.2.9").notes)


def test_hostile_uids_never_leave_the_folder(archive: Archive, tmp_path: Path) -> None:
    data = part10(sop="../../../../escape", study="..", series="/etc", meta_sop="1.2.9")
    assert archive.take(data).outcome == "stored"
    assert len(archive.objects()) == 1 and not list(tmp_path.glob("**/escape*"))
    instance = archive.index.instance("../../../../escape")
    assert archive.folder.resolve(instance.stored_as.location).read_bytes() == data


def test_a_second_ingest_of_the_same_files_reads_nothing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for name, data in {"a": part10(), "b": report(), "c": b"no dicom", "e": part10(pixels=None)}.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    assert [archive.take_path(path).outcome for path in paths] == ["stored", "stored", "skipped", "refused"]
    monkeypatch.setattr(receive, "_receive_file", None)  # any attempt to read raises TypeError
    again = [archive.take_path(path) for path in paths]
    assert [receipt.outcome for receipt in again] == ["duplicate", "duplicate", "skipped", "refused"]
    assert again[0].study_instance_uid == "1.2" and again[0].run
    assert "7FE0,0010" in again[3].reason and again[3].code == "bad_dicom"
    monkeypatch.undo()
    archive.folder.resolve(again[3].kept_as).unlink()  # then it is read, and kept, once more
    assert archive.folder.resolve(archive.take_path(paths[3]).kept_as).exists()


def test_a_copy_elsewhere_is_compared_and_not_copied(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(part10(sender="A"))
    (tmp_path / "b").write_bytes(part10(sender="B"))
    (tmp_path / "c").write_bytes(part10(InstanceNumber=7))  # as long as the others, another data set
    archive.take_path(tmp_path / "a")
    monkeypatch.setattr(Store, "commit", None)
    assert archive.take_path(tmp_path / "b").outcome == "duplicate"
    assert archive.take_path(tmp_path / "c").code == "conflict"


def test_a_file_that_changed_is_read_again(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"not yet")
    assert archive.take_path(path).outcome == "skipped"
    path.write_bytes(part10())
    assert archive.take_path(path).outcome == "stored"


def test_what_cannot_be_read_is_refused_in_words(archive: Archive, tmp_path: Path) -> None:
    assert archive.take_path(tmp_path / "nothing").code == "unreadable"
    os.mkfifo(tmp_path / "pipe")
    assert archive.take_path(tmp_path / "pipe").outcome == "skipped"


def test_too_little_room_is_said_before_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path / "d", reserve_bytes=1000)
    free = 1000 + 2 * len(part10()) - 1
    monkeypatch.setattr(DataFolder, "free_bytes", lambda self: free)
    with pytest.raises(StorageFull, match="MB are needed"):
        archive.take(part10(), expected_bytes=len(part10()))
    assert archive.incoming() == archive.objects() == []
    free += 1
    assert archive.take(part10(), expected_bytes=len(part10())).outcome == "stored"
    archive.index.close()


def fail_at(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """The next `os.<call>` on disk fails as the system would."""
    real = getattr(os, call)

    def fake(*arguments: Any, **named: Any) -> Any:
        if call == "write" and len(arguments[1]) < 500:
            return real(*arguments, **named)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fake)


@pytest.mark.parametrize(
    ("call", "number", "error"),
    [
        ("write", errno.ENOSPC, StorageFull),
        ("write", errno.EDQUOT, StorageFull),
        ("write", errno.EIO, StorageUnavailable),
        ("fsync", errno.EIO, StorageUnavailable),
        ("pwrite", errno.ENOSPC, StorageFull),
        ("mkdir", errno.EROFS, StorageUnavailable),
    ],
)
def test_a_disk_that_refuses_leaves_nothing_half_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: type[Exception]
) -> None:
    archive = Archive(tmp_path / "d", durable=True)
    fail_at(monkeypatch, call, number)
    with pytest.raises(error):
        archive.take(part10())
    monkeypatch.undo()
    assert archive.incoming() == archive.objects() == []
    with pytest.raises(NotFound):
        archive.index.instance("1.2.3.4")
    assert archive.take(part10()).outcome == "stored"
    archive.index.close()


@pytest.mark.parametrize("failing", ["index", "fsync of the folder"])
def test_what_cannot_be_indexed_is_taken_back(archive: Archive, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageFull("the index cannot grow")

    with monkeypatch.context() as patch:
        if failing == "index":
            patch.setattr(archive.index, "add_instance", full)
        else:
            archive.folder.durable = True
            real = store.sync_directory
            patch.setattr(store, "sync_directory", lambda path: full() if path.name == "1.2.3" else real(path))
        with pytest.raises(StorageFull):
            archive.take(part10())
    assert archive.objects() == archive.incoming() == []
    assert archive.take(part10()).outcome == "stored"


def test_a_source_that_breaks_off_leaves_nothing(archive: Archive) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(128) + b"DICM" + bytes(70_000)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        receive_object(archive.folder, archive.index, broken(), source_name="", site_timezone="UTC")
    assert archive.incoming() == []


def test_durable_before_acknowledged_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path / "d", durable=True)
    calls: list[str] = []
    for name in ("fsync", "rename", "mkdir"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _real=real, _name=name, **k: (calls.append(_name), _real(*a, **k))[1])
    real_add = archive.index.add_instance
    monkeypatch.setattr(archive.index, "add_instance", lambda *a, **k: (calls.append("index"), real_add(*a, **k))[1])
    archive.take(part10())
    #                 the bytes; then folder by folder with its entry in the parent; then the name, then the index
    assert calls == ["fsync", *["mkdir", "fsync"] * 3, "rename", "fsync", "index"]
    archive.index.close()


COMMITS = """
import os, sys
from fastcine.archive.folder import DataFolder
from fastcine.archive.store import Store
from tests.archive.factories import part10
folder = DataFolder(sys.argv[1])
with Store(folder).receive([part10()]) as incoming:
    print(Store(folder).commit(incoming, "1.2", "1.2.3", sop="1.2.3.4"), flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


def test_a_whole_object_that_was_never_acknowledged_is_indexed_at_the_next_start(archive: Archive) -> None:
    command = [sys.executable, "-c", COMMITS, str(archive.folder.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as receiver:
        assert receiver.stdout is not None
        location = receiver.stdout.readline().strip()
        assert recover_incoming(archive.folder, archive.index, site_timezone="UTC") == 0  # its receiver lives
        receiver.communicate("")
    assert recover_incoming(archive.folder, archive.index, site_timezone="UTC") == 1
    assert archive.index.instance("1.2.3.4").stored_as.location == location
    assert archive.incoming() == [] and archive.index.queue.length() == 1
    assert recover_incoming(archive.folder, archive.index, site_timezone="UTC") == 0


def test_a_left_over_under_the_same_name_gives_way(archive: Archive) -> None:
    place = archive.folder.resolve(archive.folder.object_location("1.2", "1.2.3", sop="1.2.3.4"))
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half an object")
    assert archive.take(part10()).outcome == "stored"
    assert place.read_bytes() == part10()
    (kept,) = archive.folder.quarantine.iterdir()
    assert kept.read_bytes() == b"half an object"


def test_digests_in_the_index_are_those_of_the_file(archive: Archive) -> None:
    archive.take(part10(pixels=bytes(200_000), Rows=1000, Columns=100), step=777)
    stored = archive.index.instance("1.2.3.4").stored_as
    digest = digest_of(archive.folder.resolve(stored.location))
    assert (digest.head_sha256, digest.data_set_sha256) == (stored.head_sha256, stored.data_set_sha256)
    assert (digest.file_bytes, digest.data_set_offset) == (stored.file_bytes, stored.data_set_offset)


@pytest.mark.skipif("FASTCINE_CORPUS" not in os.environ, reason="FASTCINE_CORPUS is not set")
def test_the_weird_files_of_the_corpus_neither_crash_nor_hang(archive: Archive) -> None:
    slowest = 0.0
    for path in sorted(Path(os.environ["FASTCINE_CORPUS"], "weird").rglob("*")):
        if path.is_file():
            start = time.monotonic()
            assert archive.take_path(path).outcome in ("stored", "duplicate", "refused", "skipped")
            slowest = max(slowest, time.monotonic() - start)
    assert slowest < 1.0
    assert archive.incoming() == []
    for row in archive.index.quarantine():
        assert row.reason and archive.folder.resolve(row.location).stat().st_size == row.file_bytes


def test_what_is_taken_now_is_made_before_what_is_old(tmp_path):
    folder, index = DataFolder(tmp_path, durable=False), Index(tmp_path / "index.sqlite", durable=False)
    today = datetime.now(UTC)
    for sop, date in (("1.2.3.1", "20200101"), ("1.2.3.2", f"{today:%Y%m%d}"), ("1.2.3.3", "")):
        data = part10(sop, f"1.2.{sop[-1]}", StudyDate=date, AcquisitionDate=date, ContentDate=date, SeriesDate=date)
        receive_object(folder, index, [data], source_name="test", site_timezone="UTC")
    claims = [index.queue.claim().run for _ in range(3)]
    assert claims == [index.instance(sop).run.run for sop in ("1.2.3.2", "1.2.3.1", "1.2.3.3")]
    index.close()
