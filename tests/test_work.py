"""Threads: how many, and that results come in order with bounded work ahead."""

import os
import subprocess
import sys
import threading

import pytest

from fastcine import work


def test_hands_are_what_is_wanted_else_the_cores():
    assert work.hands(3) == 3
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert work.hands() == cores


def test_hands_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert work.hands() == 1


def test_a_pool_has_its_name_and_size():
    with work.pool(2, "code") as executor:
        assert executor.submit(lambda: threading.current_thread().name).result().startswith("code")
        assert executor._max_workers == 2


def test_results_come_in_order_whoever_is_ready_first():
    gates = [threading.Event() for _ in range(3)]

    def call(number):
        if number == 0:
            # The first ends last.
            assert gates[2].wait(10)
        gates[number].set()
        return number * 10

    with work.pool(3) as executor:
        assert list(work.in_order(executor, call, range(3), ahead=3)) == [0, 10, 20]


def test_no_more_is_begun_than_ahead():
    begun = []

    def source():
        for number in range(100):
            begun.append(number)
            yield number

    with work.pool(2) as executor:
        results = work.in_order(executor, lambda n: n, source(), ahead=4)
        assert next(results) == 0
        assert len(begun) <= 5
        assert next(results) == 1
        assert len(begun) <= 6
        results.close()
    assert len(begun) <= 6


def test_the_first_exception_ends_it_and_cancels_the_rest():
    released, begun = threading.Event(), []

    def call(number):
        if number == 0:
            raise ValueError("bad frame")
        begun.append(number)
        released.wait(10)

    with work.pool(1) as executor:
        with pytest.raises(ValueError, match="bad frame"):
            list(work.in_order(executor, call, range(50), ahead=10))
        released.set()
    # The one thread may have begun the next; the others were cancelled.
    assert begun in ([], [1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts pages as Linux does")
def test_trimming_gives_free_pages_back():
    if work._glibc("malloc_trim") is None:
        pytest.skip("another malloc than glibc's")
    program = """
import os
from fastcine import work
def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])
held = [bytes([n % 251]) * 60_000 for n in range(1000)]
del held[:-1]
before = resident_pages()
work.trim_heap()
print((before - resident_pages()) * os.sysconf("SC_PAGESIZE"))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 40_000_000


def test_trimming_is_nothing_without_glibc(monkeypatch):
    monkeypatch.setattr(work.ctypes, "CDLL", lambda name: object())
    work.trim_heap()
    work.share_one_arena()
