"""`kill -9` of the receiver at random moments under load: what was acknowledged is there, nothing else is visible."""

import os
import random
import signal
import threading
import time

import psutil
import pytest
from pydicom import Dataset
from pynetdicom import build_context

from tests.archive.factories import XA, part10
from tests.dimse import users
from tests.serving import command, serving

EXPLICIT = "1.2.840.10008.1.2.1"
SENDERS = 3


class Still:
    """What `users.store_raw` needs."""

    def __init__(self, sop):
        data = part10(sop, f"1.2.{sop.split('.')[3]}", f"1.2.{sop.split('.')[3]}.1")
        self.data_set = data[users.data_set_offset(data) :]
        self.sop_instance_uid, self.sop_class_uid, self.transfer_syntax_uid = sop, XA, EXPLICIT


def receiver_of(server):
    """The receiver's process; None while the supervisor is starting another."""
    for child in psutil.Process(server.process.pid).children():
        try:
            if any("receiver_process" in word for word in child.cmdline()):
                return child
        except psutil.Error:
            continue
    return None


class Sender(threading.Thread):
    """Sends one object after another; a broken association is opened anew."""

    def __init__(self, port, number, ended):
        super().__init__()
        self.port, self.number, self.ended = port, number, ended
        self.acknowledged, self.sent = [], set()

    def run(self):
        while not self.ended.is_set():
            try:
                with users.associated(self.port, [build_context(XA, EXPLICIT)]) as association:
                    while association.is_established and not self.ended.is_set():
                        sop = f"1.2.3.{self.number}.{len(self.sent)}"
                        self.sent.add(sop)
                        status, _ = users.store_raw(association, Still(sop))
                        if status == 0:
                            self.acknowledged.append(sop)
            except (AttributeError, OSError, StopIteration, RuntimeError):
                time.sleep(0.05)


def kill_again_and_again(root, times, seed):
    rng, ended = random.Random(seed), threading.Event()
    with serving(root, "--dicom-port", "0") as server:
        senders = [Sender(server.dicom_port, number, ended) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        for _ in range(times):
            before = sum(len(sender.acknowledged) for sender in senders)
            deadline = time.monotonic() + 20
            while sum(len(sender.acknowledged) for sender in senders) < before + 5:
                assert time.monotonic() < deadline, "the receiver does not come back"
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.3))
            receiver = receiver_of(server)
            if receiver is not None:
                os.kill(receiver.pid, signal.SIGKILL)
        ended.set()
        for sender in senders:
            sender.join(60)
        acknowledged = {sop for sender in senders for sop in sender.acknowledged}
        sent = {sop for sender in senders for sop in sender.sent}
        # Nothing is visible that was not sent, and all that was acknowledged is.
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.SOPInstanceUID = "IMAGE", ""
        found, status = users.find(server.dicom_port, identifier)
        held = {str(each.SOPInstanceUID) for each in found}
        assert status == 0 and acknowledged <= held <= sent
    assert command("verify", "--data", root).returncode == 0
    return len(acknowledged)


def test_four_times(tmp_path):
    assert kill_again_and_again(tmp_path / "data", 4, seed=5) >= 20


@pytest.mark.soak
def test_two_hundred_times(tmp_path):
    assert kill_again_and_again(tmp_path / "data", 200, seed=6) >= 1000
