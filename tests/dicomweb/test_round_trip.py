"""Every valid object of the corpus by STOW-RS, and back by WADO-RS: its data set byte for byte, and the file itself."""

import orjson
import pytest

from tests.corpus import needs_corpus
from tests.dicomweb.test_client import KIND, fetch, multipart, post
from tests.dimse.test_round_trip import rounds
from tests.serving import serving

pytestmark = [needs_corpus, pytest.mark.filterwarnings("ignore::UserWarning")]


def there_and_back(folder, lots):
    """How many data sets came back as they were, and how many files; each lot has an archive of its own."""
    data_sets = files = 0
    for number, sents in enumerate(lots):
        with serving(folder / str(number)) as server:
            for sent in sents:
                status, body = post(server, multipart(sent.path.read_bytes()), KIND)
                assert status == 200, (sent.path, body)
            for sent in sents:
                whole = sent.path.read_bytes()
                where = place(server, sent)
                status, _, body = fetch(where, Accept="application/dicom; transfer-syntax=*")
                assert status == 200 and body.endswith(sent.data_set), sent.path
                assert body[128:132] == b"DICM", sent.path
                data_sets += 1
                if whole[128:134] == b"DICM\x02\x00":
                    assert body == whole, sent.path
                    files += 1
                status, _, body = fetch(f"{where}/metadata")
                assert status == 200 and orjson.loads(body), sent.path
    return data_sets, files


def place(server, sent):
    """Where QIDO-RS says that it is."""
    url = f"{server.url}/dicomweb/studies/{sent.study_instance_uid}/instances"
    status, _, body = fetch(f"{url}?SOPInstanceUID={sent.sop_instance_uid}")
    assert status == 200, sent.path
    return orjson.loads(body)[0]["00081190"]["Value"][0]


def test_one_of_each_kind(tmp_path):
    kinds = {(sent.sop_class_uid, sent.transfer_syntax_uid): sent for sent in next(rounds())}
    data_sets, files = there_and_back(tmp_path, [list(kinds.values())])
    assert data_sets == len(kinds) > 50 and files > data_sets * 0.8


@pytest.mark.soak
def test_every_valid_object(tmp_path):
    data_sets, files = there_and_back(tmp_path, rounds())
    assert data_sets > 300 and files > 250
