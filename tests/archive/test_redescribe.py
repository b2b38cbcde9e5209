"""After an update every description says what the new version says, and the cine cache is not made anew."""

import threading

import pytest

from fastcine.archive import redescribe
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.archive.redescribe import BATCH, META_KEY, Redescriber
from fastcine.cine.description import DESCRIPTION_VERSION
from tests.archives import fill
from tests.small_xa import small_xa, written

RUNS = BATCH + 2


@pytest.fixture
def archive(tmp_path):
    """An archive whose descriptions are those of an older version."""
    made = {f"run{n}": small_xa(f"run{n}", ShutterShape="CIRCULAR", CenterOfCircularShutter=[9, 9],
                                RadiusOfCircularShutter=8) for n in range(RUNS)}  # fmt: skip
    receipts = fill(tmp_path / "data", written(tmp_path, made).values())
    folder = DataFolder(tmp_path / "data", durable=False)
    index = Index(folder.index_path, durable=False)
    for receipt in receipts:
        old = index.run(receipt.run).description
        del old["shutters"], old["version"]
        index.set_description(receipt.run, old)
    yield folder, index, [receipt.run for receipt in receipts]
    index.close()


def described(index, runs):
    return ["shutters" in index.run(run).description for run in runs]


def test_the_owner_does_it_when_it_is_idle(archive):
    folder, index, runs = archive
    entries = {path: path.stat().st_mtime_ns for path in folder.cine.rglob("exact")}
    assert len(entries) == RUNS
    with folder.acquire("test") as lock:
        redescriber = Redescriber(folder, index, site_timezone="UTC")
        done = threading.Event()

        def idle():
            more = redescriber.step()
            if not more:
                done.set()
            return more

        def make(*_):
            raise AssertionError("nothing is to be made")

        owner = IngestOwner(folder, index, lock=lock, make=make, when_idle=idle)
        thread = threading.Thread(target=owner.run)
        thread.start()
        assert done.wait(20)
        owner.stop()
        thread.join()
        owner.close()
    assert all(described(index, runs)) and index.run(runs[0]).state == "ready"
    assert entries == {path: path.stat().st_mtime_ns for path in entries}


def test_another_process_goes_on_where_one_left_off(archive):
    folder, index, runs = archive
    assert Redescriber(folder, index, site_timezone="UTC").step()
    assert sum(described(index, runs)) == BATCH
    again = Redescriber(folder, index, site_timezone="UTC")
    assert not again.step() and all(described(index, runs))
    assert index.meta(META_KEY) == str(DESCRIPTION_VERSION)


def test_what_cannot_be_read_keeps_its_old_description(archive):
    folder, index, runs = archive
    gone = min(runs)
    folder.resolve(index.run(gone).location).unlink()
    redescriber = Redescriber(folder, index, site_timezone="UTC")
    while redescriber.step():
        pass
    assert [run for run in runs if "shutters" not in index.run(run).description] == [gone]


def test_an_error_of_ours_costs_one_run_and_not_the_owner(archive, monkeypatch):
    folder, index, runs = archive
    real = redescribe.description

    def failing(source, identity, zone):
        if identity.sop_instance_uid == index.run(runs[0]).sop_instance_uid:
            raise ZeroDivisionError
        return real(source, identity, zone)

    monkeypatch.setattr(redescribe, "description", failing)
    redescriber = Redescriber(folder, index, site_timezone="UTC")
    while redescriber.step():
        pass
    assert described(index, runs) == [False] + [True] * (RUNS - 1)


def test_what_is_new_already_is_passed_over(archive, monkeypatch):
    folder, index, _ = archive
    fresh = Redescriber(folder, index, site_timezone="UTC")
    while fresh.step():
        pass
    index.set_meta(META_KEY, "")
    monkeypatch.setattr(redescribe, "open_source", None)  # nothing is to be read
    monkeypatch.setattr(redescribe, "LOOKED_AT", 2)
    again, steps = Redescriber(folder, index, site_timezone="UTC"), 1
    while again.step():
        steps += 1
    assert steps == RUNS // 2 + 1 and index.meta(META_KEY) == str(DESCRIPTION_VERSION)
