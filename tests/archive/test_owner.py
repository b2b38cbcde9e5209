"""The ingest owner: order, preemption, failures, wishes, damage, and kill -9."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fastcine.archive.cine_cache import CacheReader, CacheWriter
from fastcine.archive.events import EventClient, Message, notify
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.archive.queue import MAX_ATTEMPTS, Priority
from fastcine.archive.record import RunRow
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import StorageFull, StorageUnavailable, Unsupported
from tests.archive.factories import record, stored_as
from tests.archive.test_cine_cache import payload, pieces

FRAMES = 6


def wire(sop: str) -> str:
    return run_name(run_id(sop))


def fill(run: RunRow, writer: CacheWriter) -> Iterator[None]:
    """A maker's work: all tiers, frame by frame, only what is missing."""
    for frame in range(run.frames):
        for tier in (0, 1, 2):
            if not writer.has(tier, frame):
                writer.add(tier, frame, pieces(tier, frame, run=run.run))
        yield


class Maker:
    """A maker that remembers which frame of what it made when; `before` may raise or wait."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.wanted: list[int | None] = []
        self.before: Callable[[RunRow, int], None] = lambda run, frame: None

    def __call__(
        self, run: RunRow, path: Path, writer: CacheWriter, wanted_frame: Callable[[], int | None]
    ) -> Iterator[None]:
        assert path.is_file()
        for frame, _ in enumerate(fill(run, writer)):
            self.before(run, frame)
            self.log.append(f"{run.sop_instance_uid}:{frame}")
            self.wanted.append(wanted_frame())
            yield


class Setup:
    """A folder with a lock, an index, a maker and an owner."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root, durable=False)
        self.index = Index(self.folder.index_path, durable=False)
        self.maker = Maker()
        self.lock = self.folder.acquire("test")
        self.owner = IngestOwner(self.folder, self.index, lock=self.lock, make=self.maker)

    def add(self, sop: str, *, priority: int = Priority.RECEIVED, file: bool = True) -> str:
        location = f"objects/{sop}.dcm"
        if file:
            (self.folder.root / location).write_bytes(b"x")
        self.index.add_instance(record(sop, frames=FRAMES), stored_as(sop, location=location), priority=priority)
        return wire(sop)

    def close(self) -> None:
        self.owner.close()
        self.index.close()
        self.lock.release()


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path / "d")
    yield made
    made.close()


def test_runs_are_made_by_priority_then_by_arrival(setup: Setup) -> None:
    runs = [setup.add("1"), setup.add("2", priority=Priority.REBUILD), setup.add("3")]
    setup.owner.settle()
    assert [entry.split(":")[0] for entry in setup.maker.log[::FRAMES]] == ["1", "3", "2"]
    for run in runs:
        row = setup.index.run(run)
        assert (row.state, row.made, row.message) == ("ready", (FRAMES,) * 3, "")
        reader = CacheReader(setup.folder, run, FRAMES)
        assert reader.complete and reader.ready() == (FRAMES,) * 3
    assert setup.index.queue.length() == 0


def test_a_wish_goes_on_top_the_newest_first_and_what_was_below_goes_on(setup: Setup) -> None:
    for sop in "1234":
        setup.add(sop)
    wishes = {("1", 2): ("3", 4), ("3", 2): ("2", None), ("2", 3): ("1", 5)}

    def wish(run: RunRow, frame: int) -> None:
        if (asked := wishes.pop((run.sop_instance_uid, frame), None)) is not None:
            message = {"type": "bump", "run": wire(asked[0])}
            setup.owner._request(message if asked[1] is None else {**message, "frame": asked[1]})

    setup.maker.before = wish
    setup.owner.settle()
    order = "".join(entry[0] for entry in setup.maker.log)
    assert order == "111" + "333" + "2222" + "111" + "22" + "333" + "444444"
    assert setup.maker.wanted[:6] == [None, None, None, 4, 4, 4]
    assert setup.maker.wanted[10:13] == [5, 5, 5]
    assert all(setup.index.run(wire(sop)).state == "ready" for sop in "1234")


def test_errors_end_their_run_only_and_say_why(setup: Setup) -> None:
    setup.add("1")
    setup.add("2", file=False)
    setup.add("3")
    setup.add("4")
    errors = {"1": Unsupported("no decoder", transfer_syntax="1.2.3"), "3": ZeroDivisionError("secret")}

    def fail(run: RunRow, frame: int) -> None:
        if frame == 2 and run.sop_instance_uid in errors:
            raise errors[run.sop_instance_uid]

    setup.maker.before = fail
    setup.owner.settle()
    rows = {sop: setup.index.run(wire(sop)) for sop in "1234"}
    assert [rows[sop].state for sop in "1234"] == ["failed", "failed", "failed", "ready"]
    assert "no decoder" in rows["1"].message and "missing" in rows["2"].message
    assert "ZeroDivisionError" in rows["3"].message and "secret" not in rows["3"].message
    assert setup.index.queue.length() == 0


def test_a_full_disk_is_waited_out(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    run = setup.add("1")
    full = True

    def fail(row: RunRow, frame: int) -> None:
        if full and frame == 3:
            raise StorageFull("the disk is full")

    setup.maker.before = fail
    setup.owner.settle()
    row = setup.index.run(run)
    assert row.state == "waiting" and "full" in row.message and setup.index.queue.length() == 1
    full = False
    assert setup.index.queue.claim() is None  # not before its time
    setup.index.queue.bump(run)
    setup.owner.settle()
    assert setup.index.run(run).state == "ready"
    assert [entry for entry in setup.maker.log if entry == "1:0"] == ["1:0", "1:0"]  # it looked, and made only the rest


def test_a_damaged_frame_is_made_anew(setup: Setup) -> None:
    run = setup.add("1")
    setup.owner.settle()
    reader = CacheReader(setup.folder, run, FRAMES)
    first = reader.record(2, 4)
    assert notify(setup.folder, {"type": "remake", "run": run, "tier": 2, "frame": 4})
    assert notify(setup.folder, {"type": "remake", "run": run, "tier": 2, "frame": 4000})
    assert notify(setup.folder, {"type": "remake", "run": "none", "tier": 2, "frame": 4})
    deadline = time.monotonic() + 5
    while setup.index.queue.length() == 0 or len(setup.owner._damaged.get(run, ())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    setup.owner.settle()
    second = reader.record(2, 4)
    assert first is not None and second is not None and second.offset_bytes > first.offset_bytes
    assert payload(reader.piece_slices(2, 4)) == payload(pieces(2, 4, run=run)) and reader.complete


def test_what_is_asked_for_while_it_is_made_is_made_once_more(setup: Setup) -> None:
    run = setup.add("1")
    asked = []

    def ask(row: RunRow, frame: int) -> None:
        if frame == 3 and not asked:
            asked.append(frame)
            setup.owner._request({"type": "remake", "run": run, "tier": 0, "frame": 0})

    setup.maker.before = ask
    setup.owner.settle()
    assert len(setup.maker.log) == 2 * FRAMES and setup.index.queue.length() == 0
    assert setup.index.run(run).state == "ready"


def test_events_tell_of_the_first_frames_and_of_the_end(setup: Setup) -> None:
    heard: queue.Queue[Message] = queue.Queue()

    def listen() -> None:
        for message in EventClient(setup.folder).events(timeout_s=20):
            heard.put(message)
            if message.get("complete"):
                return

    listener = threading.Thread(target=listen)
    listener.start()
    assert heard.get(timeout=5)["type"] == "connected"
    deadline = time.monotonic() + 5
    while not any(peer.subscribed for peer in list(setup.owner._server._peers.values())):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    worker = threading.Thread(target=setup.owner.run)
    worker.start()
    run = setup.add("1")
    notify(setup.folder, {"type": "wake"})
    listener.join(10)
    setup.owner.stop()
    worker.join(5)
    messages = list(heard.queue)
    assert {m["run"] for m in messages} == {run}
    assert [m["ready"][1] > 0 for m in messages][:2] == [False, True]
    assert messages[-1]["ready"] == [FRAMES] * 3 and messages[-1]["state"] == "ready"


def test_stopping_puts_unfinished_runs_back(setup: Setup) -> None:
    run = setup.add("1")
    setup.maker.before = lambda row, frame: setup.owner.stop() if frame == 2 else None
    setup.owner.run()
    assert setup.index.run(run).state == "waiting"
    claim = setup.index.queue.claim()
    assert claim is not None and claim.attempts == 1


def test_only_the_holder_of_the_lock_may_own(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "d")
    index = Index(folder.index_path)
    lock = folder.acquire("test")
    lock.release()
    with pytest.raises(StorageUnavailable):
        IngestOwner(folder, index, lock=lock, make=Maker())
    index.close()


def test_what_kills_its_maker_again_and_again_is_left_alone(setup: Setup) -> None:
    run = setup.add("1")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claim = setup.index.queue.claim()
        assert claim is not None and claim.attempts == attempt
        setup.index.queue.recover()  # as the next owner does after the death of this one
    assert setup.index.queue.claim() is None
    row = setup.index.run(run)
    assert row.state == "failed" and "ended the server" in row.message


OWNER = """
import sys, time
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from tests.archive.test_owner import fill
folder = DataFolder(sys.argv[1], durable=False)
def make(run, path, writer, wanted_frame):
    print(run.run, flush=True)
    for step in fill(run, writer):
        time.sleep(0.01)
        yield
owner = IngestOwner(folder, Index(folder.index_path, durable=False), lock=folder.acquire("serve"), make=make)
owner.run()
"""


def test_kill_9_of_the_owner_loses_nothing(setup: Setup) -> None:
    runs = [setup.add(sop) for sop in "123"]
    setup.owner.close()
    setup.lock.release()
    claimed = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(setup.folder.root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        claimed.append(process.stdout.readline().strip())
        time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert claimed == [runs[0], runs[0]]  # what was half-made goes on first
    assert os.path.exists(setup.folder.events_path)
    setup.lock = setup.folder.acquire("test")
    setup.owner = IngestOwner(setup.folder, setup.index, lock=setup.lock, make=setup.maker)
    setup.owner.settle()
    for run in runs:
        assert setup.index.run(run).state == "ready"
        reader = CacheReader(setup.folder, run, FRAMES)
        for tier in (0, 1, 2):
            for frame in range(FRAMES):
                assert payload(reader.piece_slices(tier, frame)) == payload(pieces(tier, frame, run=run))
