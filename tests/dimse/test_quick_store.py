"""C-STORE without pynetdicom's messages: the same answers, however the sender cuts; all that is odd is pynetdicom's."""

import io
import os
import re
import struct
import time
from itertools import pairwise

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import P_DATA_TF

from fastcine.archive.digest import data_set_offset
from fastcine.dimse.store_messages import COMMAND, LAST, StoreRequest, Value, read_request, response, values_of
from tests.archive.factories import EXPLICIT_LITTLE, XA, part10
from tests.dimse import raw
from tests.serving import serving

VERIFICATION = "1.2.840.10008.1.1"
CONTEXTS = [(XA, EXPLICIT_LITTLE), (VERIFICATION, EXPLICIT_LITTLE)]


class Object:
    def __init__(self, sop, **changes):
        data = part10(sop, **changes)
        self.data_set = data[data_set_offset(data[:65536]) :]
        self.sop_instance_uid, self.sop_class_uid = sop, XA


def as_value(command, control=COMMAND | LAST):
    return Value(0, 1, control, memoryview(command))


UIDS = st.from_regex(r"[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8}){1,5}", fullmatch=True)
UIDS.validate()
"""Now, while this process has one thread: it imports modules, and Python 3.11 may fail to parse in two at once."""


@given(sop_class=UIDS, sop=UIDS, message_id=st.integers(0, 65535))
def test_requests_read_as_pynetdicom_writes_them(sop_class, sop, message_id):
    asked = C_STORE()
    asked.MessageID, asked.Priority = message_id, 2
    asked.AffectedSOPClassUID, asked.AffectedSOPInstanceUID = sop_class, sop
    asked.DataSet = io.BytesIO(b"x")
    asked.MoveOriginatorApplicationEntityTitle, asked.MoveOriginatorMessageID = "MOVER", 7
    message = C_STORE_RQ()
    message.primitive_to_message(asked)
    (context, command), *_ = next(message.encode_msg(3, 0)).presentation_data_value_list
    assert command[0] == COMMAND | LAST
    value = Value(0, context, command[0], memoryview(command)[1:])
    assert read_request(value) == StoreRequest(3, message_id, sop_class, sop)


@given(sop=UIDS, status=st.sampled_from([0, 0xA700, 0xA900, 0xC000]), comment=st.text(max_size=80))
def test_answers_read_as_pynetdicom_reads_them(sop, status, comment):
    pdu = P_DATA_TF()
    pdu.decode(response(StoreRequest(5, 77, XA, sop), status, comment))
    message = DIMSEMessage()
    assert message.decode_msg(pdu.to_primitive()) and message.__class__ is C_STORE_RSP
    answer = message.message_to_primitive()
    assert (answer.Status, answer.MessageIDBeingRespondedTo) == (status, 77)
    assert (answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID) == (XA, sop)
    written = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in comment)
    assert (answer.ErrorComment or "") == written[:64].rstrip()


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(noise):
    for value in values_of(memoryview(noise)) or ():
        read_request(value)
    read_request(as_value(noise))


ODD = {
    "an echo": raw.element(0x0100, struct.pack("<H", 0x30)),
    "an answer": raw.store_command(XA, "1.2.3", extra={0x0100: struct.pack("<H", 0x8001)}),
    "no data set": raw.store_command(XA, "1.2.3", extra={0x0800: struct.pack("<H", 0x0101)}),
    "no class": raw.store_command("", "1.2.3"),
    "a path": raw.store_command(XA, "../../etc/passwd"),
    "too long": raw.store_command(XA, "1." * 40 + "1"),
    "cut off": raw.store_command(XA, "1.2.3")[:-3],
    "another group": struct.pack("<HHI", 8, 0, 0) + raw.store_command(XA, "1.2.3"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_pynetdicom(odd):
    assert read_request(as_value(ODD[odd])) is None
    assert read_request(as_value(raw.store_command(XA, "1.2.3"), control=COMMAND)) is None
    assert read_request(as_value(raw.store_command(XA, "1.2.3"))) is not None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("quick") / "data", "--dicom-port", "0") as server:
        yield server


def cut(data, *places):
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def forms(sent):
    """One request, cut as the standard allows (PS3.8 annex E): values and PDUs need not keep step."""
    command = raw.store_command(sent.sop_class_uid, sent.sop_instance_uid)
    whole = raw.pdv(1, 3, command)
    middle = len(sent.data_set) // 2
    first, second = raw.pdv(1, 0, sent.data_set[:middle]), raw.pdv(1, 2, sent.data_set[middle:])
    return {
        "as dcmtk": raw.store_pdus(sent),
        "all in one PDU": raw.data_pdu(whole, first, second),
        "an empty value last": raw.data_pdu(whole) + raw.data_pdu(first, raw.pdv(1, 0, sent.data_set[middle:]))
        + raw.data_pdu(raw.pdv(1, 2, b"")),
        "tiny values": raw.data_pdu(whole)
        + b"".join(raw.data_pdu(raw.pdv(1, 0, part)) for part in cut(sent.data_set, *range(50, 400, 50)))
        + raw.data_pdu(raw.pdv(1, 2, b"")),
        "the command in two": raw.data_pdu(raw.pdv(1, 1, command[:40])) + raw.data_pdu(raw.pdv(1, 3, command[40:]))
        + raw.data_pdu(first) + raw.data_pdu(second),
        "the command beside data": raw.data_pdu(
            raw.pdv(1, 1, command[:40]), raw.pdv(1, 3, command[40:]), first, second
        ),
    }  # fmt: skip


FORMS = list(forms(Object("1.2")))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [7, 1000, 1 << 20])
def test_however_it_is_cut_it_is_stored_whole(server, form, step):
    sent = Object(f"1.2.7.{FORMS.index(form)}.{step}", SeriesInstanceUID="1.2.7")
    line = raw.connect(server.dicom_port, CONTEXTS)
    data = forms(sent)[form]
    for at in range(0, len(data), step):
        line.sendall(data[at : at + step])
    assert raw.status_of(raw.read_pdu(line)[1]) == 0
    line.sendall(raw.RELEASE)
    assert raw.read_pdu(line)[0] == 6
    (path,) = server.data.glob(f"objects/**/{sent.sop_instance_uid}.dcm")
    assert path.read_bytes().endswith(sent.data_set)
    found = pydicom.dcmread(path)
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID == sent.sop_instance_uid


def test_requests_and_echoes_may_follow_without_a_pause(server):
    """Sent before the answers are read: each is answered, in order."""
    echo = b"".join(
        raw.element(number, value)
        for number, value in (
            (0x0002, raw.uid_value(VERIFICATION)),
            (0x0100, struct.pack("<H", 0x30)),
            (0x0110, struct.pack("<H", 9)),
            (0x0800, struct.pack("<H", 0x0101)),
        )
    )
    echo = raw.data_pdu(raw.pdv(3, 3, raw.element(0, struct.pack("<I", len(echo))) + echo))
    line = raw.connect(server.dicom_port, CONTEXTS)
    stores = [raw.store_pdus(Object(f"1.2.8.{number}")) for number in range(4)]
    line.sendall(stores[0] + stores[1] + echo)
    for _ in range(3):
        assert raw.status_of(raw.read_pdu(line)[1]) == 0
    line.sendall(stores[2] + stores[3] + raw.RELEASE)
    kinds = [raw.read_pdu(line)[0] for _ in range(3)]
    assert kinds == [4, 4, 6]


@pytest.mark.parametrize(
    "wrong",
    [
        raw.data_pdu(raw.pdv(3, 0, b"data of another context")),
        raw.data_pdu(raw.pdv(1, 3, raw.store_command(XA, "1.2.9.2"))),
        b"\x09\x00\x00\x00\x00\x04" + bytes(4),
        raw.data_pdu(raw.pdv(1, 0, b"x"))[:-3] + b"\0" * 3 + b"\x04\x00\xff\xff\xff\xff",
    ],
    ids=["another context", "a command inside data", "no such PDU", "four gigabytes"],
)
def test_a_sender_that_breaks_the_protocol_is_cut_off_and_leaves_nothing(server, wrong):
    sent = Object("1.2.9.1", pixels=os.urandom(2_000_000), Rows=1000, Columns=1000)
    line = raw.connect(server.dicom_port, CONTEXTS)
    line.settimeout(10)
    line.sendall(raw.store_pdus(sent)[:1_700_000] if b"\xff\xff\xff\xff" not in wrong else raw.store_pdus(sent)[:300])
    begun = raw.store_pdus(sent)[: len(raw.data_pdu(raw.pdv(1, 3, raw.store_command(XA, "1.2.9.1"))))]
    line.close()
    line = raw.connect(server.dicom_port, CONTEXTS)
    line.settimeout(10)
    line.sendall(begun + wrong)
    try:
        while raw.read_pdu(line)[0] not in (0, 7):
            pass
    except ConnectionError:
        pass
    line.close()
    deadline = time.monotonic() + 5
    while left(server) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left(server) == [] and not list(server.data.glob("objects/**/1.2.9.*.dcm"))
    line = raw.connect(server.dicom_port, CONTEXTS)
    line.sendall(raw.store_pdus(Object(f"1.2.10.{time.monotonic_ns()}")))
    assert raw.status_of(raw.read_pdu(line)[1]) == 0
    line.close()


def left(server):
    return [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")]


def test_callers_that_take_small_pdus_only_are_answered_in_pieces(server):
    line = raw.connect(server.dicom_port, CONTEXTS, max_pdu=128)
    line.sendall(raw.store_pdus(Object("1.2.11")))
    answer = b""
    while not re.search(rb"\x00\x00\x00\x09", answer):  # Status (0000,0900)
        kind, content = raw.read_pdu(line)
        assert kind == 4 and len(content) <= 128
        answer += content[6:]
    line.close()


def test_a_sender_that_stops_half_way_keeps_nobody_waiting(server):
    """In the middle of a command, of an object's PDU, and between two."""
    pdus = raw.store_pdus(Object("1.2.12.1", pixels=os.urandom(300_000), Rows=1000, Columns=150))
    slow = []
    for stop in (4, 100, 5000, 131_500, 290_000):
        for _ in range(2):  # one for each receiver, and more
            line = raw.connect(server.dicom_port, CONTEXTS)
            line.sendall(pdus[:stop])
            slow.append(line)
    time.sleep(0.1)
    for number in range(6):
        line = raw.connect(server.dicom_port, CONTEXTS)
        line.settimeout(5)
        line.sendall(raw.store_pdus(Object(f"1.2.13.{number}")))
        assert raw.status_of(raw.read_pdu(line)[1]) == 0
        line.close()
    for line in slow:
        line.close()
