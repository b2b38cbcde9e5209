"""Senders that lie, stop half way, or claim too much: each is answered or cut off, and nothing is left behind."""

import contextlib
import io
import socket
import struct
import time

import pytest
from pydicom import Dataset
from pynetdicom import build_context
from pynetdicom.dimse_primitives import C_STORE

from tests.archive.factories import XA, part10
from tests.dimse import users
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
EXPLICIT = "1.2.840.10008.1.2.1"


class Object:
    """What `users.store_raw` needs of an object."""

    def __init__(self, sop="1.2.3.4", **changes):
        data = part10(sop, **changes)
        self.data_set = data[users.data_set_offset(data) :]
        self.sop_instance_uid, self.sop_class_uid, self.transfer_syntax_uid = sop, XA, EXPLICIT


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("strangers") / "data", "--dicom-port", "0") as server:
        yield server


def left_over(server):
    return [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")]


def test_what_was_not_announced_is_refused_and_kept(server):
    with users.associated(server.dicom_port, [build_context(XA, EXPLICIT)]) as association:
        status, comment = users.store_raw(association, Object(), sop_instance_uid="1.2.3.5")
        assert status == 0xA900 and "announced" in comment
        # The association goes on.
        assert users.store_raw(association, Object("1.2.3.6"))[0] == 0
    assert len(list((server.data / "quarantine").glob("*.dcm"))) == 1


def test_what_is_no_data_set_is_refused(server):
    broken = Object("1.2.3.7")
    broken.data_set = broken.data_set[:-20]
    nothing = Object("1.2.3.8")
    nothing.data_set = b"\x00" * 64
    with users.associated(server.dicom_port, [build_context(XA, EXPLICIT)]) as association:
        for each in (broken, nothing):
            status, comment = users.store_raw(association, each)
            assert status & 0xF000 == 0xC000 and comment
        assert users.store_raw(association, Object("1.2.3.9"))[0] == 0
    assert left_over(server) == []


def test_a_sender_that_goes_half_way_leaves_nothing(server):
    half = Object("1.2.3.10", pixels=b"\x01" * 3_000_000, Rows=1000, Columns=3000)
    with users.associated(server.dicom_port, [build_context(XA, EXPLICIT)]) as association:
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = XA, half.sop_instance_uid
        request.DataSet = io.BytesIO(half.data_set)
        line = association.dul.socket.socket
        sent, send, seen = 0, line.send, []

        class Cut:
            """The connection breaks in the middle."""

            def __getattr__(self, name):
                return getattr(line, name)

            def send(self, data):
                nonlocal sent
                sent += len(data)
                if sent > 1_500_000:
                    time.sleep(0.3)
                    seen.extend(left_over(server))
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    line.close()
                    raise ConnectionError
                return send(data)

        association.dul.socket.socket = Cut()
        with contextlib.suppress(Exception):
            association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        deadline = time.monotonic() + 10
        while (not seen or left_over(server)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen and left_over(server) == []
        association.kill()


def test_a_pdu_that_claims_gigabytes_is_cut_off(server):
    with socket.create_connection(("127.0.0.1", server.dicom_port), 5) as line:
        line.sendall(struct.pack(">BBI", 1, 0, 0xFFFF_FFF0) + b"x" * 100)
        line.settimeout(5)
        with contextlib.suppress(ConnectionError):
            while line.recv(4096):
                pass
    with users.associated(server.dicom_port, [build_context("1.2.840.10008.1.1")]) as association:
        assert association.send_c_echo().Status == 0


def test_noise_is_cut_off(server):
    noises = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 1000, b"\xff" * 70_000, b"")
    lines = [socket.create_connection(("127.0.0.1", server.dicom_port), 5) for _ in noises]
    for line, noise in zip(lines, noises, strict=True):
        line.settimeout(20)
        with contextlib.suppress(ConnectionError):
            line.sendall(noise)
    for line in lines:
        with line, contextlib.suppress(ConnectionError):
            while line.recv(4096):
                pass
    with users.associated(server.dicom_port, [build_context("1.2.840.10008.1.1")]) as association:
        assert association.send_c_echo().Status == 0


def test_a_retrieve_without_its_key_is_refused(server):
    for level, keys in (("STUDY", {}), ("STUDY", {"StudyInstanceUID": "*"}), ("IMAGE", {"StudyInstanceUID": "1.2"})):
        identifier = Dataset()
        identifier.QueryRetrieveLevel = level
        for keyword, value in keys.items():
            setattr(identifier, keyword, value)
        status, _ = users.move(server.dicom_port, identifier, "DEST")
        assert status.Status == 0xA900


def test_where_the_disk_refuses_it_is_a700_and_goes_on_later(tmp_path):
    with serving(tmp_path / "data", "--dicom-port", "0") as server:
        folder = tmp_path / "data" / "incoming"
        folder.rename(tmp_path / "gone")  # the disk refuses
        try:
            with users.associated(server.dicom_port, [build_context(XA, EXPLICIT)]) as association:
                status, comment = users.store_raw(association, Object())
                assert status == 0xA700 and "an object" in comment
                (tmp_path / "gone").rename(folder)
                assert users.store_raw(association, Object())[0] == 0
        finally:
            with contextlib.suppress(FileNotFoundError):
                (tmp_path / "gone").rename(folder)
