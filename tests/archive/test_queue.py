"""The ingest queue by itself: order, wishes, returning, and what may be claimed when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcine.archive.index import Index
from fastcine.archive.queue import IngestQueue, Priority
from fastcine.cine.wire import run_id, run_name
from tests.archive.factories import record, stored_as

RUNS = [run_name(run_id(sop)) for sop in "1234"]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "i.sqlite", durable=False)
    for sop in "1234":
        made.add_instance(record(sop), stored_as(sop))
    yield made
    made.close()


def drain(queue: IngestQueue) -> list[str]:
    order = []
    while (claim := queue.claim()) is not None:
        order.append(claim.run)
    return order


def test_first_come_first_served_unless_asked_for(index: Index) -> None:
    assert index.queue.bump(RUNS[2]) and index.queue.bump(RUNS[3])
    assert not index.queue.bump("nothing")
    assert drain(index.queue) == [RUNS[3], RUNS[2], RUNS[0], RUNS[1]]


def test_only_what_has_more_right_interrupts(index: Index) -> None:
    claim = index.queue.claim()
    assert claim is not None and index.queue.claim(above=claim.priority) is None
    index.queue.bump(RUNS[1])
    other = index.queue.claim(above=claim.priority)
    assert other is not None and other.run == RUNS[1] and other.priority >= Priority.ASKED


def test_put_back_waits_its_time_and_is_no_attempt(index: Index) -> None:
    claim = index.queue.claim()
    assert claim is not None
    index.queue.put_back(claim.run, message="the disk is full", delay_s=60)
    assert claim.run not in drain(index.queue)
    wake = index.queue.next_wake()
    assert wake is not None and 50 < wake - time.time() <= 60
    again = index.queue.claim(now=time.time() + 61)
    assert again is not None and (again.run, again.attempts) == (claim.run, 1)


def test_enqueuing_again_keeps_one_row_and_the_higher_right(index: Index) -> None:
    index.queue.enqueue(RUNS[3], priority=Priority.ASKED)
    index.queue.enqueue(RUNS[3], priority=Priority.REBUILD)
    assert index.queue.length() == 4 and drain(index.queue)[0] == RUNS[3]


def test_done_and_failed_leave_the_queue_with_their_state(index: Index) -> None:
    drain(index.queue)
    index.queue.done(RUNS[0], made=(96, 96, 96))
    index.queue.failed(RUNS[1], "no decoder")
    assert index.queue.length() == 2
    assert (index.run(RUNS[0]).state, index.run(RUNS[0]).made, index.run(RUNS[0]).complete) == (
        "ready",
        (96,) * 3,
        True,
    )
    assert (index.run(RUNS[1]).state, index.run(RUNS[1]).message) == ("failed", "no decoder")
    assert index.queue.recover() == 2 and len(drain(index.queue)) == 2
