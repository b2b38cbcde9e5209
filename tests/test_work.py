"""Threads: how many, and that results come in order with bounded work ahead. Processes: what becomes of a call."""

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
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


def test_a_call_in_a_process_answers_or_raises():
    assert work.in_process(operator.add, 1, 2) == 3
    assert work.in_process(os.getpid) != os.getpid()
    with pytest.raises(ValueError, match="invalid literal"):
        work.in_process(int, "x")
    with pytest.raises(FileNotFoundError):  # an OSError that the call raised, not the pipe
        work.in_process(os.stat, "/no/such/file")


def test_one_caller_keeps_one_process():
    assert len({work.in_process(os.getpid) for _ in range(5)}) == 1


def test_there_are_few_processes_however_many_callers():
    with ThreadPoolExecutor(20) as threads:
        found = set(threads.map(lambda _: work.in_process(os.getpid), range(60)))
    assert len(found) <= min(work.hands(), 4)


def test_a_process_that_was_killed_is_made_anew():
    before = work.in_process(os.getpid)
    os.kill(before, signal.SIGKILL)
    after = work.in_process(os.getpid)
    assert after != before and work.in_process(os.getpid) == after


def test_a_process_killed_in_the_middle_of_a_call_is_made_anew(tmp_path):
    done = tmp_path / "twice"
    script = f"import os; os.path.exists({str(done)!r}) or (open({str(done)!r}, 'w'), os.kill(os.getpid(), 9))"
    assert work.in_process(exec, script) is None
    assert done.exists()


def test_a_call_that_always_kills_its_process_is_an_error_and_the_next_call_is_not():
    with pytest.raises(ChildProcessError):
        work.in_process(os._exit, 3)
    assert work.in_process(operator.add, 1, 2) == 3


def test_a_call_that_kills_its_process_harms_no_other(monkeypatch):
    places = work._places()
    places.put(None)  # two at least, on a machine of one core too
    monkeypatch.setattr(work, "_idle", places)
    with ThreadPoolExecutor(2) as threads:
        deadly = threads.submit(work.in_process, os._exit, 3)
        sound = [threads.submit(work.in_process, operator.add, 1, number) for number in range(20)]
        assert [future.result() for future in sound] == list(range(1, 21))
        assert isinstance(deadly.exception(), ChildProcessError)
    close(places)


def close(places):
    """End what a test's own places hold."""
    while not places.empty():
        if (process := places.get()) is not None:
            process.end()


def test_a_call_that_hangs_is_ended():
    before = work.in_process(os.getpid)
    with pytest.raises(TimeoutError):
        work.in_process(time.sleep, 1000, limit_s=0.2)
    assert not psutil.pid_exists(before)
    assert work.in_process(operator.add, 1, 2) == 3


def test_what_cannot_be_sent_is_an_error_and_the_next_call_is_not():
    with pytest.raises((AttributeError, TypeError)):
        work.in_process(lambda: 1)
    assert work.in_process(operator.add, 1, 2) == 3


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_processes_end_with_their_parent(end):
    program = f"import os, signal, sys\nfrom fastcine import work\nprint(work.in_process(os.getpid), flush=True)\n{end}"
    environment = {**os.environ, "PYTHONPATH": str(Path(work.__file__).parents[1])}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)
    child, patience = int(done.stdout), time.monotonic() + 20
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < patience, "it lives on"
        time.sleep(0.01)
    assert done.stderr == ""
