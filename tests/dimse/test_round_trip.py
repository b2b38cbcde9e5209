"""Every valid object of the corpus by C-STORE, and back by C-GET and C-MOVE, its data set byte for byte."""

import socket
from collections import defaultdict

import pytest
from pydicom import Dataset

from fastcine.archive.describe import describe_object
from fastcine.archive.store import digest_of
from fastcine.dicom.parse import DEFLATED
from fastcine.errors import FastcineError
from tests.corpus import needs_corpus, paths
from tests.dimse import users
from tests.serving import serving

pytestmark = [needs_corpus, pytest.mark.filterwarnings("ignore::UserWarning")]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def valid_objects():
    """What the archive takes, and can be announced: a transfer syntax that may stand in a presentation context."""
    found = []
    for path in paths():
        try:
            data = path.read_bytes()
            row = describe_object(data, site_timezone="UTC", digest=digest_of(path))
        except FastcineError:
            continue
        sent = users.Sent(path, row)
        # Broken file meta, of which part is left in front of the data set: no sender has that in a data set.
        if data[128:132] != b"DICM" or not sent.data_set.startswith((b"\x02\x00", b"\x00")):
            found.append(sent)
    return found


def rounds():
    """Objects that share a SOP Instance UID come one after another, each to an archive of its own."""
    by_uid = defaultdict(list)
    for sent in valid_objects():
        if sent.data_set not in [each.data_set for each in by_uid[sent.sop_instance_uid]]:
            by_uid[sent.sop_instance_uid].append(sent)
    while by_uid:
        yield [sents.pop() for sents in by_uid.values()]
        by_uid = {uid: sents for uid, sents in by_uid.items() if sents}


def sent_on(sent):
    """The data set as it must go out: a deflated one of odd length with the NULL byte of PS3.5 A.5."""
    odd = sent.transfer_syntax_uid == DEFLATED and len(sent.data_set) % 2
    return sent.data_set + b"\0" if odd else sent.data_set


def asked(sent):
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.StudyInstanceUID = sent.study_instance_uid
    identifier.SOPInstanceUID = sent.sop_instance_uid
    return identifier


def test_one_of_each_kind_byte_for_byte(tmp_path):
    kinds = {(sent.sop_class_uid, sent.transfer_syntax_uid): sent for sent in next(rounds())}
    assert len(kinds) > 50
    assert there_and_back(tmp_path, [list(kinds.values())]) == len(kinds)


@pytest.mark.soak
def test_every_valid_object_byte_for_byte(tmp_path):
    assert there_and_back(tmp_path, rounds()) > 300


def there_and_back(tmp_path, lots):
    """How many objects came back as they were, by C-MOVE and by C-GET; each lot has an archive of its own."""
    count = 0
    for number, sents in enumerate(lots):
        destination = free_port()
        peers = f"DEST@127.0.0.1:{destination}"
        with serving(tmp_path / str(number), "--dicom-port", "0", "--dicom-peers", peers) as server:
            statuses = users.store_all(server.dicom_port, sents)
            assert {uid: status for uid, status in statuses.items() if status} == {}
            pairs = {(sent.sop_class_uid, sent.transfer_syntax_uid) for sent in sents}
            studies = sorted({sent.study_instance_uid for sent in sents})
            with users.receiving(destination, syntaxes=pairs) as moved:
                for study in studies:
                    identifier = Dataset()
                    identifier.QueryRetrieveLevel = "STUDY"
                    identifier.StudyInstanceUID = study
                    status, _ = users.move(server.dicom_port, identifier, "DEST")
                    assert status.Status == 0, study
            for sent in sents:
                assert moved[sent.sop_instance_uid] == (sent_on(sent), sent.transfer_syntax_uid), sent.path
            for batch, pairs in users.in_batches(sents):
                with users.getting(server.dicom_port, pairs) as get:
                    for sent in batch:
                        found, status = get(asked(sent))
                        assert status.Status == 0, sent.path
                        assert found[sent.sop_instance_uid] == (sent_on(sent), sent.transfer_syntax_uid), sent.path
                        count += 1
    return count
