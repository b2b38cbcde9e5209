"""The cache's limit: what goes, what stays, what comes again; what is open in another process; a crash at any call."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fastcine.archive.cine_cache import CacheReader, CineCache
from fastcine.archive.cine_paths import TABLE_FILE, entry_path
from fastcine.archive.eviction import Evictor, Pin, evict, was_evicted
from fastcine.archive.folder import DataFolder
from fastcine.archive.owner import IngestOwner
from fastcine.archive.verify import verify
from fastcine.cine.wire import run_id
from fastcine.errors import NotFound, NotReady
from fastcine.server.shelf import RunShelf
from tests.archive.test_owner import FRAMES, Setup
from tests.serving import ROOT


@pytest.fixture
def setup(tmp_path):
    made = Setup(tmp_path / "d")
    yield made
    made.close()


def used_at(setup, run, seconds):
    """Say when a run was last used."""
    os.utime(entry_path(setup.folder, run) / TABLE_FILE, (seconds, seconds))


def limited(setup, entries):
    """An owner whose cache has room for so many of our runs, and a little."""
    setup.owner.close()
    setup.owner = IngestOwner(
        setup.folder, setup.index, lock=setup.lock, make=setup.maker, cache_bytes=int(setup.size * (entries + 0.5))
    )
    return setup.owner


def there(setup):
    """SOP Instance UIDs' last components of runs whose tiers are there."""
    return [run for run in CineCache(setup.folder).runs() if not was_evicted(setup.folder, run)]


def made(setup, *sops):
    runs = [setup.add(sop) for sop in sops]
    setup.owner.settle()
    setup.size = CineCache(setup.folder).entry_bytes(runs[0])
    for age, run in enumerate(runs):
        CineCache(setup.folder).put_blob(run, "thumbnail", data=b"small")
        setup.index.set_description(run, {"run": run, "frames": FRAMES})
        used_at(setup, run, 1_000_000 + age)
    return runs


def test_the_least_recently_used_goes_and_its_picture_stays(setup):
    runs = made(setup, "1", "2", "3", "4")
    used_at(setup, runs[0], time.time())  # opened just now
    limited(setup, 2).settle()
    assert sorted(there(setup)) == sorted([runs[0], runs[3]])
    for run in runs[1:3]:
        assert CineCache(setup.folder).get_blob(run, "thumbnail") == b"small"
        assert setup.index.run(run).state == "ready"
        assert CineCache(setup.folder).entry_bytes(run) == len(b"small")
    assert [each.text for each in verify(setup.folder, setup.index) if "cache" in each.problem] == []


def test_without_a_limit_nothing_goes(setup):
    runs = made(setup, "1", "2", "3")
    setup.owner.settle()
    assert sorted(there(setup)) == sorted(runs)


def test_a_new_run_pushes_out_an_old_one_and_not_itself(setup):
    runs = made(setup, "1", "2")
    owner = limited(setup, 2)
    new = setup.add("3")
    owner.settle()
    assert sorted(there(setup)) == sorted([runs[1], new])


def test_a_nearly_full_disk_is_a_limit_too(setup, monkeypatch):
    runs = made(setup, "1", "2", "3")
    size = CineCache(setup.folder).entry_bytes(runs[0])
    free = setup.folder.reserve_bytes = 4 * size
    evictor = Evictor(setup.folder)
    monkeypatch.setattr(DataFolder, "free_bytes", lambda self: free - 1)
    assert evictor.make_room() == 2  # one, and a quarter of the reserve more
    assert there(setup) == [runs[2]]
    free = 10 * size
    assert evictor.make_room() == 0


def test_what_was_evicted_is_made_anew_when_it_is_opened(setup):
    (run,) = made(setup, "1")
    shelf = RunShelf(setup.folder, setup.index)
    assert evict(setup.folder, run)
    with pytest.raises(NotReady) as refused:
        shelf.borrow(run_id("1"))
    assert refused.value.lost
    # What the socket does then (server/ws.py).
    setup.owner._request({"type": "remake", "run": run, "tier": 0, "frame": 0})
    assert setup.index.run(run).state == "waiting"
    setup.owner.settle()
    opened = shelf.borrow(run_id("1"))
    assert opened.complete and opened.ready() == (FRAMES,) * 3
    shelf.close()


def test_what_is_open_stays_and_goes_once_it_is_not(setup):
    runs = made(setup, "1", "2")
    shelf = RunShelf(setup.folder, setup.index)
    opened = shelf.borrow(run_id("1"))
    second = shelf.borrow(run_id("1"))
    used_at(setup, runs[0], 1)
    owner = limited(setup, 1)
    owner.settle()
    assert there(setup) == [runs[0]]  # the other went in its place
    assert not evict(setup.folder, runs[0])
    shelf.give_back(opened)
    assert not evict(setup.folder, runs[0])
    shelf.give_back(second)
    assert (entry_path(setup.folder, runs[0]) / TABLE_FILE).stat().st_mtime > time.time() - 60  # used until now
    assert evict(setup.folder, runs[0])
    # The shelf has kept it mapped, and does not lend what is gone.
    assert shelf.borrow_open(run_id("1")) is None
    with pytest.raises(NotReady):
        shelf.borrow(run_id("1"))
    shelf.close()


HOLDS = """
import sys
from fastcine.archive.eviction import Pin
from fastcine.archive.folder import DataFolder
pin = Pin(DataFolder(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def test_what_another_process_has_open_stays_until_that_dies(setup):
    (run,) = made(setup, "1")
    command = [sys.executable, "-c", HOLDS, str(setup.folder.root), run]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as viewer:
        assert viewer.stdout.readline() == "held\n"
        assert not evict(setup.folder, run)
        viewer.kill()
        viewer.wait()
        assert evict(setup.folder, run)
    with pytest.raises(NotFound):
        Pin(setup.folder, run)


def test_frames_that_are_being_read_are_read_to_their_end(setup):
    (run,) = made(setup, "1")
    reader = CacheReader(setup.folder, run, FRAMES)
    frames = [bytes(reader.piece_slices(2, frame)) for frame in range(FRAMES)]
    assert evict(setup.folder, run)
    assert [bytes(reader.piece_slices(2, frame)) for frame in range(FRAMES)] == frames
    assert reader.stale
    reader.close()


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("line", range(5))
def test_a_crash_leaves_an_entry_that_is_whole_or_one_that_is_evicted(setup, monkeypatch, line):
    """touch of the mark, unlink of the table, unlinks of the tiers: one after the other the last that happens."""
    (run,) = made(setup, "1")
    calls = []

    def dying(real):
        def call(self, *given, **named):
            if run in str(self):
                calls.append(real)
                if len(calls) > line:
                    raise Crash
            return real(self, *given, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("touch", "unlink"):
            patch.setattr(Path, name, dying(getattr(Path, name)))
        with pytest.raises(Crash):
            evict(setup.folder, run)
    assert was_evicted(setup.folder, run) == (line >= 2)
    assert [each for each in verify(setup.folder, setup.index) if "cache" in each.problem] == []
    if line < 2:
        CacheReader(setup.folder, run, FRAMES).close()
    owner = limited(setup, 1)
    owner.settle()  # clears what is left, and nothing else
    if line >= 2:
        assert CineCache(setup.folder).entry_bytes(run) == len(b"small")
    setup.index.queue.enqueue(run)
    owner.settle()
    reader = CacheReader(setup.folder, run, FRAMES)
    assert reader.complete
    reader.close()


def test_a_full_disk_makes_room_and_goes_on_at_once(setup, monkeypatch):
    """The cache is what fills disks: the run that does not fit is made when an older one has gone."""
    made(setup, "1", "2")
    size = CineCache(setup.folder).entry_bytes(there(setup)[0])
    room = [0]
    monkeypatch.setattr(
        DataFolder, "free_bytes", lambda self: room[0] + size * (2 - sum(run in there(setup) for run in there(setup)))
    )
    setup.folder.reserve_bytes = size // 2
    new = setup.add("3")
    setup.owner.settle()
    assert setup.index.run(new).state == "ready"
    assert new in there(setup) and len(there(setup)) < 3
