"""Durable before acknowledged, as the kernel sees it: the system calls of the process that receives, traced by strace.

The order: the bytes into a temp file, fsync, rename, fsync of the folder, the index's journal synced, the answer.
"""

import itertools
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastcine.archive.digest import data_set_offset
from tests.archive.factories import EXPLICIT_LITTLE, XA, part10
from tests.dimse import raw
from tests.serving import serving

STRACE = shutil.which("strace")
pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed (Debian: apt-get install strace)")
CALLS = "openat,write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,sendto,sendmsg"
_LINE = re.compile(r"(?P<thread>\d+)\s+(?P<rest>.*)")


@dataclass
class Call:
    """A system call: when it began and when it had returned, as places in the trace; its name, and all of its text."""

    name: str
    text: str
    begun: int
    ended: int


def calls_of(trace):
    """The calls, in the order in which they began; those of several threads may overlap."""
    found, open_calls = [], {}
    for place, line in enumerate(trace.splitlines()):
        match = _LINE.fullmatch(line)
        if match is None or match["rest"].startswith(("---", "+++")):
            continue
        thread, rest = match["thread"], match["rest"]
        if rest.startswith("<..."):
            call = open_calls.pop(thread, None)
            if call is not None:
                call.text += rest
                call.ended = place
            continue
        call = Call(rest.split("(")[0], rest, place, place)
        found.append(call)
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = call
    return found


def child_of(server, module):
    """The one process of `serve` that runs this module."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (found,) = [int(each) for each in children if module in Path(f"/proc/{each}/cmdline").read_text()]
    return found


@contextmanager
def traced(pid, into):
    """Trace a process, its threads too; skips where that is not allowed."""
    tracer = subprocess.Popen(
        [STRACE, "-f", "-y", "-s", "48", "-e", f"trace={CALLS}", "-o", str(into), "-p", str(pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    line = tracer.stderr.readline()
    if "attached" not in line:
        tracer.wait(5)
        pytest.skip(f"strace may not trace here: {line.strip()}")
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)


def assert_order(trace, data, *, answer):
    """One object was stored; `answer` tells the call that acknowledges it."""
    calls = calls_of(trace)

    def the(names, pattern, after=-1):
        found = [c for c in calls if c.name in names and re.search(pattern, c.text) and c.begun > after]
        assert found, f"no {names} of {pattern} after line {after}:\n{trace[-6000:]}"
        return found[0]

    made = the(("openat",), r"incoming/[0-9a-f]+\.part\".*O_EXCL")
    temp = re.search(r"incoming/[0-9a-f]+\.part", made.text)[0]
    written = [c for c in calls if c.name == "write" and temp in c.text.split(">")[0]]
    assert sum(int(c.text.rsplit("= ", 1)[1]) for c in written) == len(data)
    synced = the(("fsync",), re.escape(temp), written[-1].ended)
    renamed = the(("rename", "renameat", "renameat2"), re.escape(temp) + r"\".*objects/", synced.ended)
    target = re.search(r"objects/[^\"]+\.dcm", renamed.text)[0]
    folder = the(("fsync",), re.escape(str(Path(target).parent)) + ">", renamed.ended)
    indexed = the(("fsync", "fdatasync"), r"index\.sqlite-wal>", folder.ended)
    acknowledged = [c for c in calls if answer(c)]
    assert acknowledged, f"nothing was answered:\n{trace[-6000:]}"
    assert acknowledged[0].begun > indexed.ended
    # Each new folder's name was durable before anything was put into it.
    for each in [c for c in calls if c.name == "mkdir" and "objects/" in c.text and c.text.endswith("= 0")]:
        parent = Path(re.search(r"objects/[^\"]+", each.text)[0]).parent
        assert the(("fsync",), re.escape(str(parent)) + ">", each.ended).ended < renamed.begun
    assert not [c for c in calls if c.name.startswith("rename") and "objects/" in c.text and c is not renamed]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    env = {"FASTCINE_DICOM_RECEIVERS": "1", "FASTCINE_DURABLE": "yes"}
    with serving(tmp_path_factory.mktemp("order") / "data", "--dicom-port", "0", env=env) as server:
        yield server


class Sent:
    """An object in a study of its own, with what a C-STORE needs of it."""

    sop_class_uid = XA

    def __init__(self, number, size):
        self.sop_instance_uid = f"1.2.{number}.4"
        large = {"pixels": os.urandom(3_000_000), "Rows": 1000, "Columns": 1500} if size == "large" else {}
        self.data = part10(self.sop_instance_uid, f"1.2.{number}", f"1.2.{number}.3", **large)
        self.data_set = self.data[data_set_offset(self.data[:65536]) :]


NUMBERS = itertools.count(10)


@pytest.fixture(params=["small", "large"])
def sent(request):
    """Small ones are held in memory until they are stored, large ones are not."""
    return Sent(next(NUMBERS), request.param)


def test_c_store_is_acknowledged_when_it_is_durable(server, sent, tmp_path):
    line = raw.connect(server.dicom_port, [(XA, EXPLICIT_LITTLE)])
    with traced(child_of(server, "receiver_process"), tmp_path / "trace"):
        line.sendall(raw.store_pdus(sent))
        assert raw.status_of(raw.read_pdu(line)[1]) == 0
    line.close()
    (stored,) = (server.data / "objects").rglob(f"{sent.sop_instance_uid}.dcm")
    trace = (tmp_path / "trace").read_text()
    assert_order(trace, stored.read_bytes(), answer=lambda c: c.name == "sendto" and r'"\4\0\0\0' in c.text)


BOUNDARY = "b0"
WAYS = {
    "upload": ("/api/upload", "application/dicom", lambda data: data),
    "STOW-RS": (
        "/dicomweb/studies",
        f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        lambda data: b"".join(
            (
                f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
                data,
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        ),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_http_is_answered_when_it_is_durable(server, sent, tmp_path, way):
    path, kind, body = WAYS[way]
    request = urllib.request.Request(server.url + path, data=body(sent.data), headers={"Content-Type": kind})
    with (
        traced(child_of(server, "web_process"), tmp_path / "trace"),
        urllib.request.urlopen(request, timeout=30) as answer,
    ):
        assert answer.status == 200
        answer.read()
    trace = (tmp_path / "trace").read_text()
    assert_order(trace, sent.data, answer=lambda c: '"HTTP/1.1 200' in c.text)
