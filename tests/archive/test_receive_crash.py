"""kill -9 of receivers at random moments, two processes at once, and objects far larger than memory allows."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.store import Store, digest_of
from tests.archive.factories import part10

KILLER = """
import os, random, signal, sys, time
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import receive_object
from fastcine.archive.recovery import recover_incoming
from tests.archive.test_receive_crash import numbered

root, acknowledged, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])

def receiver(start):
    folder = DataFolder(root)
    index = Index(folder.index_path)
    recover_incoming(folder, index, site_timezone="UTC")
    log = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(start, start + 100_000):
        data = numbered(number)
        chunks = (data[at : at + 20_000] for at in range(0, len(data), 20_000))
        receipt = receive_object(folder, index, chunks, source_name="test", site_timezone="UTC")
        os.write(log, f"{number} {receipt.outcome}\\n".encode())

def size():
    return os.path.getsize(acknowledged) if os.path.exists(acknowledged) else 0

source = random.Random(kills)
for kill in range(kills):
    children = []
    for _ in range(2):  # both bring the same objects: they race for each
        child = os.fork()
        if child == 0:
            receiver(kill * 3)
        children.append(child)
    before = size()
    while size() == before:  # let it acknowledge something, however slow the machine is
        assert os.waitpid(-1, os.WNOHANG) == (0, 0), "a receiver ended by itself"
        time.sleep(0.001)
    time.sleep(source.uniform(0, 0.08))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
"""


def numbered(number: int) -> bytes:
    """Object `number`: 60 to 190 kB, each its own content."""
    rows = 300 + 64 * (number % 11)
    pixels = number.to_bytes(4, "little") * (rows * 50)
    return part10(f"1.2.{number}", f"1.{number % 5}", f"1.{number % 7}", Rows=rows, Columns=100, pixels=pixels)


def kill_and_check(root: Path, kills: int) -> None:
    acknowledged = root / "acknowledged"
    subprocess.run([sys.executable, "-c", KILLER, str(root / "d"), str(acknowledged), str(kills)], check=True)
    folder = DataFolder(root / "d")
    index = Index(folder.index_path)
    recover_incoming(folder, index, site_timezone="UTC")
    lines = [line.split() for line in acknowledged.read_text().splitlines()]
    assert {outcome for _, outcome in lines} <= {"stored", "duplicate"}
    told = {int(number) for number, _ in lines}
    assert len(lines) >= kills  # it was not killed before it did anything
    rows = {row.sop_instance_uid: row.stored_as for row in index.instances()}
    assert {f"1.2.{number}" for number in told} <= set(rows)
    # What is visible beyond that was whole and on its way to be acknowledged: at most one object a receiver and kill.
    assert len(rows) - len(told) <= 2 * kills
    for stored in rows.values():
        digest = digest_of(folder.resolve(stored.location))
        assert (digest.head_sha256, digest.data_set_sha256) == (stored.head_sha256, stored.data_set_sha256)
    assert sorted(Store(folder).locations()) == sorted(stored.location for stored in rows.values())
    assert [name for name in os.listdir(folder.incoming) if not name.startswith(".")] == []
    assert os.listdir(folder.quarantine) == []
    assert index.queue.length() == len(rows)
    index.close()


def test_ten_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 10)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 200)


def test_two_processes_store_each_object_once(tmp_path: Path) -> None:
    script = """
import sys
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import receive_object
from tests.archive.test_receive_crash import numbered
folder = DataFolder(sys.argv[1], durable=False)
index = Index(folder.index_path, durable=False)
for n in range(60):
    print(receive_object(folder, index, [numbered(n)], source_name="", site_timezone="UTC").outcome)
"""
    workers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "d")], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outcomes = [line for worker in workers for line in worker.communicate()[0].split()]
    assert all(worker.returncode == 0 for worker in workers)
    assert outcomes.count("stored") == outcomes.count("duplicate") == 60


MEASURE = """
import json, sys
from pathlib import Path
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import receive_path

def memory(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) << 10

folder = DataFolder(sys.argv[1], durable=False, reserve_bytes=0)
index = Index(folder.index_path, durable=False)
before = memory("VmRSS")
receipt = receive_path(folder, index, Path(sys.argv[2]), site_timezone="UTC")
print(json.dumps([receipt.outcome, memory("VmHWM") - before, index.instance("1.2.3.4").frames]))
"""


def receive_large(root: Path, frames: int) -> list[object]:
    """Receive a sparse native object of so many million bytes in a process of its own: outcome, extra bytes, frames."""
    large = root / "large.dcm"
    length = frames * 1_000_000
    header = part10(pixels=None, Rows=1000, Columns=1000, NumberOfFrames=frames)
    with open(large, "wb") as file:
        file.write(header + b"\xe0\x7f\x10\x00OB\x00\x00" + struct.pack("<I", length))
        file.truncate(file.tell() + length)
    run = [sys.executable, "-c", MEASURE, str(root / "d"), str(large)]
    answer: list[object] = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    return answer


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured through /proc")


@needs_proc
def test_an_object_of_400_mb_takes_a_few_mb_of_memory(tmp_path: Path) -> None:
    outcome, extra, frames = receive_large(tmp_path, 400)
    assert (outcome, frames) == ("stored", 400)
    assert isinstance(extra, int) and extra < 40 << 20


@pytest.mark.soak
@needs_proc
def test_an_object_of_4_gb_takes_no_more(tmp_path: Path) -> None:
    outcome, extra, frames = receive_large(tmp_path, 4290)
    assert (outcome, frames) == ("stored", 4290)
    assert isinstance(extra, int) and extra < 40 << 20
