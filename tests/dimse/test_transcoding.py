"""C-MOVE to receivers that do not take an object as it is stored: in a lossless one that they take, or not at all."""

import io

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import get_decoder

from fastcine.dicom.part10 import part10_head
from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import report
from tests.codec.test_transcode import HTJ2K, JLS, PLUGIN, RLE, SV1
from tests.codec.test_transcode_built import built
from tests.dicomweb.test_client import KIND, multipart, post
from tests.dimse import users
from tests.dimse.test_round_trip import free_port
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def objects():
    _, run = bench_run("xa512x60", frames=2)
    deep = built(
        [np.arange(256, dtype="<u4").reshape(16, 16) << 20], SOPInstanceUID="1.2.9.1", StudyInstanceUID="1.2.9"
    )
    return {"run": run, "deep": deep, "report": report("1.2.9.2", study="1.2.9")}


def samples(data, syntax):
    with_head = io.BytesIO(part10_head("1.2", "1.3", syntax) + data)
    array, _ = get_decoder(syntax).as_array(
        pydicom.dcmread(with_head), raw=True, decoding_plugin=PLUGIN.get(syntax, "")
    )
    return array


def test_the_receiver_chooses(tmp_path, monkeypatch):
    monkeypatch.setattr(users._config, "UNRESTRICTED_STORAGE_SERVICE", False)  # it would take everything
    sent = objects()
    read = {name: pydicom.dcmread(io.BytesIO(data)) for name, data in sent.items()}
    classes = {name: str(each.SOPClassUID) for name, each in read.items()}
    expected = get_decoder(SV1).as_array(read["run"], raw=True, decoding_plugin="gdcm")[0]
    destination = free_port()
    with serving(tmp_path / "data", "--dicom-port", "0", "--dicom-peers", f"DEST@127.0.0.1:{destination}") as server:
        assert post(server, multipart(*sent.values()), KIND)[0] == 200

        def moved(study, takes):
            identifier = Dataset()
            identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study
            with users.receiving(destination, syntaxes=takes) as found:
                status, _ = users.move(server.dicom_port, identifier, "DEST")
                return dict(found), status

        for syntax in (JLS, HTJ2K[0]):
            found, status = moved(str(read["run"].StudyInstanceUID), {(classes["run"], syntax)})
            data, came_as = found[str(read["run"].SOPInstanceUID)]
            assert (status.Status, came_as) == (0, syntax)
            assert np.array_equal(samples(data, syntax), expected), syntax
        # 32 bits fit into RLE only; a report into nothing but a plain data set.
        takes = {(classes["deep"], JLS), (classes["deep"], RLE), (classes["report"], JLS)}
        found, status = moved("1.2.9", takes)
        assert status.Status == 0xB000 and status.NumberOfFailedSuboperations == 1
        assert {uid: came_as for uid, (_, came_as) in found.items()} == {"1.2.9.1": RLE}
