"""Deleting, rejecting, restoring: what is seen, kept and told; a crash at any step; the same objects sent meanwhile."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastcine.archive import removal_records, store
from fastcine.archive.catalog import Query, search
from fastcine.archive.catalog_rows import Level
from fastcine.archive.cine_cache import CineCache
from fastcine.archive.database import Database
from fastcine.archive.owner import IngestOwner
from fastcine.archive.reindex import reindex, reindex_if_lost
from fastcine.archive.removal import finish_removals, remove
from fastcine.archive.removal_records import Action, pending, removals
from fastcine.archive.verify import Problem, verify
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import NotFound, NotReady, StorageFull, StorageUnavailable, UsageError
from fastcine.server.shelf import RunShelf
from tests.archive.factories import part10, report
from tests.archive.test_owner import Maker
from tests.archive.test_receive import Archive

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Ward(Archive):
    """Study 1.2: two runs in series 1.2.3, a report in 1.2.99; study 2.2: one run."""

    def __init__(self, root: Path, **changes):
        super().__init__(root, **changes)
        self.sent = {
            "1.2.3.4": part10("1.2.3.4"),
            "1.2.3.5": part10("1.2.3.5", InstanceNumber=2),
            "1.2.3.9": report("1.2.3.9"),
            "2.2.3.4": part10("2.2.3.4", "2.2", "2.2.3"),
        }
        for data in self.sent.values():
            assert self.take(data).outcome == "stored"

    def remove(self, action, study="1.2", series="", sop="", **how):
        how = {"reason": "wrong patient", "by": "dr.house", "now": NOW, **how}
        return remove(self.folder, self.index, action=action, study=study, series=series, sop=sop, **how)

    def make(self):
        with self.folder.acquire("test") as lock:
            owner = IngestOwner(self.folder, self.index, lock=lock, make=Maker(), site_timezone="Europe/Berlin")
            owner.settle()
            owner.close()

    def seen(self):
        return sorted(row.sop_instance_uid for row in self.index.instances())

    def hidden(self):
        return sorted(row.sop_instance_uid for row in self.index.rejected())

    def findings(self, **how):
        return [(each.problem, each.subject) for each in verify(self.folder, self.index, **how)]

    def files(self, place):
        return sorted(path.stem for path in (self.folder.root / place).rglob("*.dcm"))


@pytest.fixture
def ward(tmp_path):
    made = Ward(tmp_path / "d")
    yield made
    made.index.close()


def test_a_deleted_study_is_gone_and_its_record_stays(ward):
    ward.make()
    done = ward.remove(Action.DELETE)
    assert done.studies == ("1.2",) and len(done.objects) == 3
    assert ward.seen() == ["2.2.3.4"] and ward.files("objects") == ["2.2.3.4"]
    assert list(CineCache(ward.folder).runs()) == [run_name(run_id("2.2.3.4"))]
    for level in Level:
        assert {row.get("StudyInstanceUID", ("2.2",)) for row in search(ward.index, Query(level=level)).rows} == {
            ("2.2",)
        }
    assert [row.patient_and_study.study_instance_uid for row in ward.index.studies_page("phantom").studies] == ["2.2"]
    with pytest.raises(NotFound):
        ward.index.study("1.2")
    assert not list(ward.folder.objects.glob("*/1.2"))
    (record,) = removals(ward.folder)
    assert record == done
    assert (record.action, record.reason, record.by, record.at) == (Action.DELETE, "wrong patient", "dr.house", NOW)
    assert {each.sop_instance_uid for each in record.objects} == {"1.2.3.4", "1.2.3.5", "1.2.3.9"}
    assert ward.findings() == []


def test_a_deleted_object_may_come_again(ward):
    ward.remove(Action.DELETE, sop="1.2.3.4")
    assert ward.take(ward.sent["1.2.3.4"]).outcome == "stored"
    assert ward.findings() == [] and len(ward.seen()) == 4


@pytest.mark.parametrize(
    ("which", "left", "counts"),
    [
        ({"series": "1.2.3"}, ["1.2.3.9"], (0, 1, 1, ("SR",))),
        ({"sop": "1.2.3.9"}, ["1.2.3.4", "1.2.3.5"], (2, 2, 1, ("XA",))),
        ({"series": "1.2.3", "sop": "1.2.3.5"}, ["1.2.3.4", "1.2.3.9"], (1, 2, 2, ("SR", "XA"))),
    ],
)
@pytest.mark.parametrize("action", [Action.DELETE, Action.REJECT])
def test_a_part_of_a_study_goes_and_the_rest_counts_right(ward, which, left, counts, action):
    ward.remove(action, **which)
    study = ward.index.study("1.2").study
    assert ward.seen() == [*left, "2.2.3.4"]
    assert (study.runs, study.objects, study.series, study.modalities) == counts
    assert ward.findings() == []


def test_what_was_rejected_keeps_its_bytes_and_comes_back(ward):
    before = {path.relative_to(ward.folder.objects): path.read_bytes() for path in ward.folder.objects.rglob("*.dcm")}
    ward.make()
    ward.remove(Action.REJECT, reason="patient moved")
    assert ward.seen() == ["2.2.3.4"] and ward.hidden() == ["1.2.3.4", "1.2.3.5", "1.2.3.9"]
    assert ward.files("objects") == ["2.2.3.4"] and ward.files("rejected") == ward.hidden()
    row = ward.index.rejected()[0]
    assert (row.reason, row.by_whom, row.at) == ("patient moved", "dr.house", NOW)
    assert ward.findings() == []
    ward.remove(Action.RESTORE, reason="it was the right one")
    assert ward.hidden() == [] and ward.seen() == sorted(ward.sent)
    assert before == {
        path.relative_to(ward.folder.objects): path.read_bytes() for path in ward.folder.objects.rglob("*.dcm")
    }
    assert [each.action for each in removals(ward.folder)] == [Action.REJECT, Action.RESTORE]
    assert ward.findings() == [] and ward.index.queue.length() == 2
    assert not list(ward.folder.rejected.iterdir())


def test_what_was_rejected_stays_so_when_it_is_sent_again(ward):
    ward.remove(Action.REJECT, sop="1.2.3.4")
    assert ward.take(ward.sent["1.2.3.4"]).outcome == "duplicate"
    refused = ward.take(part10("1.2.3.4", InstanceNumber=77))
    assert (refused.outcome, refused.code) == ("refused", "conflict")
    assert "1.2.3.4" not in ward.seen() and ward.files("rejected") == ["1.2.3.4"]
    assert ward.findings() == []


def test_rejected_objects_can_be_deleted_for_good(ward):
    ward.remove(Action.REJECT, sop="1.2.3.4")
    ward.remove(Action.DELETE)
    assert ward.hidden() == [] and ward.files("rejected") == [] and ward.seen() == ["2.2.3.4"]
    assert ward.take(ward.sent["1.2.3.4"]).outcome == "stored"
    assert ward.findings() == []


def test_reindex_keeps_what_was_rejected(ward):
    ward.remove(Action.REJECT, sop="1.2.3.4", reason="motion")
    ward.remove(Action.DELETE, sop="1.2.3.5")
    known = ward.index.rejected()
    answer = reindex(ward.folder, ward.index, site_timezone="UTC")
    assert answer.refused == []
    assert ward.index.rejected() == known and ward.seen() == ["1.2.3.9", "2.2.3.4"]
    assert ward.findings() == []


def test_an_index_that_was_lost_knows_it_again(tmp_path):
    ward = Ward(tmp_path / "d")
    for study in ("1.2", "2.2"):
        ward.remove(Action.REJECT, study)
    ward.index.close()
    for path in ward.folder.root.glob("index.sqlite*"):
        path.unlink()
    again = Archive(tmp_path / "d")
    assert reindex_if_lost(again.folder, again.index, site_timezone="UTC") is not None
    assert len(again.index.rejected()) == 4
    assert again.take(ward.sent["1.2.3.4"]).outcome == "duplicate"
    again.index.close()


def test_verify_finds_what_is_wrong_with_the_rejected(ward):
    ward.remove(Action.REJECT, series="1.2.3")
    first, second = sorted(ward.folder.rejected.rglob("*.dcm"))
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    second.rename(second.with_name("9.9.dcm"))
    assert sorted(ward.findings()) == sorted([
        (Problem.CHANGED_OBJECT, "1.2.3.4"),
        (Problem.MISSING_OBJECT, "1.2.3.5"),
        (Problem.REJECTED, second.with_name("9.9.dcm").relative_to(ward.folder.root).as_posix()),
    ])  # fmt: skip


@pytest.mark.parametrize("how", [{"reason": " "}, {"reason": "x" * 2000}, {"by": ""}, {"study": ""}])
def test_who_and_why_are_asked_for(ward, how):
    with pytest.raises(UsageError):
        ward.remove(Action.DELETE, **how)
    assert len(ward.seen()) == 4 and removals(ward.folder) == []


def test_nothing_is_not_found(ward):
    for action in Action:
        with pytest.raises(NotFound):
            ward.remove(action, "9.9")
    with pytest.raises(NotFound):
        ward.remove(Action.RESTORE)
    assert pending(ward.folder) == []


class Crash(BaseException):
    """The process ends here."""


def crash_at(patch, number):
    """What changes the disk or the index: the call of that number, and every one after it, does not happen."""
    calls = [0]

    def dying(real):
        def call(*given, **named):
            calls[0] += 1
            if calls[0] > number:
                raise Crash
            return real(*given, **named)

        return call

    for owner, names in ((Path, ("replace", "unlink", "mkdir", "rmdir")), (Database, ("write",))):
        for name in names:
            patch.setattr(owner, name, dying(getattr(owner, name)))
    patch.setattr(store.os, "rename", dying(store.os.rename))
    return calls


@pytest.mark.parametrize("action", list(Action))
def test_a_crash_at_any_step_leaves_all_or_nothing_and_the_next_start_ends_it(tmp_path, monkeypatch, action):
    whole = ["1.2.3.4", "1.2.3.5", "1.2.3.9", "2.2.3.4"]
    for number in range(100):
        ward = Ward(tmp_path / f"{action}{number}")
        ward.make()
        if action is Action.RESTORE:
            ward.remove(Action.REJECT)
        before = ward.seen()
        with monkeypatch.context() as patch:
            calls = crash_at(patch, number)
            try:
                ward.remove(action)
                crashed = False
            except Crash:
                crashed = True
        begun = bool(pending(ward.folder))
        if action is not Action.RESTORE:  # it shows object by object, each whole
            assert ward.seen() in (before, ["2.2.3.4"])
        assert set(ward.files("objects")) | set(ward.files("rejected")) >= set(ward.seen())
        if begun and number % 2:
            assert (Problem.UNFINISHED_REMOVAL, pending(ward.folder)[0].name) in ward.findings()
            assert [each.repaired for each in verify(ward.folder, ward.index, repair=True)][:1] == [True]
        else:
            assert finish_removals(ward.folder, ward.index, site_timezone="UTC") == begun
        after = {Action.DELETE: ["2.2.3.4"], Action.REJECT: ["2.2.3.4"], Action.RESTORE: whole}[action]
        decided = begun or not crashed or len(removals(ward.folder)) > (action is Action.RESTORE)
        assert ward.seen() == (after if decided else before)
        assert ward.files("objects") == ward.seen()
        with ward.folder.acquire("test"):
            left = ward.findings(repair=True)
        assert not [each for each in left if each[0] is not Problem.ORPHAN_CACHE], left
        assert ward.findings() == []
        ward.index.close()
        if not crashed:
            assert calls[0] == number or number > 8
            return
    raise AssertionError("it never ends")


def test_what_comes_again_while_it_is_being_deleted_is_not_lost(ward):
    """Whatever was acknowledged after the last deletion is there; all is sound at every moment."""
    data, stop, outcomes, errors = ward.sent["1.2.3.4"], threading.Event(), [], []

    def send():
        while not stop.is_set():
            try:
                outcomes.append(ward.take(data).outcome)
            except (StorageFull, StorageUnavailable) as error:
                errors.append(error)

    senders = [threading.Thread(target=send) for _ in range(3)]
    for each in senders:
        each.start()
    gone, deadline = 0, time.monotonic() + 10
    while gone < 12 and time.monotonic() < deadline:
        try:
            ward.remove(Action.DELETE, sop="1.2.3.4")
            gone += 1
        except NotFound:
            pass
    stop.set()
    for each in senders:
        each.join()
    assert errors == [] and gone == 12 and outcomes.count("stored") >= gone - 1
    outcomes.append(ward.take(data).outcome)
    assert "1.2.3.4" in ward.seen() and ward.findings() == []


def test_a_run_that_is_removed_while_it_is_made_leaves_nothing(ward):
    maker = Maker()
    asked = []

    def remove_it(run, frame):
        if run.sop_instance_uid == "1.2.3.4" and frame == 1 and not asked:
            asked.append(ward.remove(Action.REJECT))

    maker.before = remove_it
    with ward.folder.acquire("test") as lock:
        owner = IngestOwner(ward.folder, ward.index, lock=lock, make=maker)
        owner.settle()
        owner.close()
    assert asked and ward.findings() == []
    assert list(CineCache(ward.folder).runs()) == [run_name(run_id("2.2.3.4"))]


def test_who_opens_a_removed_run_does_not_get_it_even_where_another_has_it_open(ward):
    ward.make()
    run = run_name(run_id("1.2.3.4"))
    ward.index.set_description(run, {"run": run, "frames": 2})
    shelf = RunShelf(ward.folder, ward.index)
    opened = shelf.borrow(run_id("1.2.3.4"))
    ward.remove(Action.DELETE)
    assert shelf.borrow_open(run_id("1.2.3.4")) is None
    with pytest.raises(NotFound) as refused:
        shelf.borrow(run_id("1.2.3.4"))
    assert not isinstance(refused.value, NotReady)
    with pytest.raises(NotFound):  # whom the socket tells (server/ws.py)
        opened.pieces(2, 1, 0, opened.frame_bytes(2, 1))
    shelf.give_back(opened)
    shelf.close()


def test_a_disk_that_refuses_the_record_changes_nothing(ward, monkeypatch):
    def full(*_given, **_named):
        raise OSError(28, "No space left on device")

    ward.folder.durable = True
    with monkeypatch.context() as patch:
        patch.setattr(removal_records.os, "fsync", full)
        with pytest.raises(StorageFull):
            ward.remove(Action.DELETE)
    assert len(ward.seen()) == 4 and pending(ward.folder) == []
    assert ward.findings() == [] and [path.name for path in ward.folder.removals.iterdir()] == [".lock"]
