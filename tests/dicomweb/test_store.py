"""STOW-RS beyond plain objects: metadata with bulk data, a study that is named, failures by the book."""

import copy
import io
import json
import shutil
import subprocess

import numpy as np
import orjson
import pydicom
import pytest
from pydicom.encaps import generate_frames

from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.codec.test_transcode import Image, assert_no_new_error, errors
from tests.codec.test_transcode_built import built
from tests.dicomweb.test_client import KIND, fetch, multipart, post, uids
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
JSON_KIND = 'multipart/related; type="application/dicom+json"; boundary=b'
EXPLICIT, SV1 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("stow") / "data") as server:
        yield server


def body(*parts):
    """(headers, bytes) each."""
    found = b""
    for headers, data in parts:
        found += b"--b\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        found += b"\r\n" + data + b"\r\n"
    return found + b"--b--\r\n"


def metadata(models):
    return {"Content-Type": "application/dicom+json"}, json.dumps(models).encode()


def bulk(location, data, kind="application/octet-stream"):
    return {"Content-Type": kind, "Content-Location": location}, data


def model_of(dataset, **uris):
    """A data set in JSON, with these elements by reference."""
    found = copy.deepcopy(dataset)
    for keyword in uris:
        del found[keyword]
    model = found.to_json_dict(suppress_invalid_tags=True)
    for keyword, uri in uris.items():
        model[f"{pydicom.datadict.tag_for_keyword(keyword):08X}"] = {"vr": dataset[keyword].VR, "BulkDataURI": uri}
    return model


def back(server, dataset):
    study, series, instance = uids(dataset)
    where = f"{server.url}/dicomweb/studies/{study}/series/{series}/instances/{instance}"
    status, _, data = fetch(where, Accept="application/dicom; transfer-syntax=*")
    assert status == 200
    return data


def reasons(answer, sequence="00081198"):
    return [item["00081197"]["Value"][0] for item in orjson.loads(answer)[sequence]["Value"]]


def test_native_pixels_and_values_of_all_kinds(server, tmp_path):
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.LUTExplanation = [256, 0, 16], "nested bulk data"
    lut.LUTData = np.arange(256, dtype="<u2").tobytes()
    lut["LUTData"].VR = "OW"
    pixels = [np.random.default_rng(seed).integers(0, 4096, (21, 23)).astype("<u2") for seed in range(3)]
    data = built(pixels, SOPInstanceUID="1.2.8.1", PatientName="Müller^Jürgen=山田^太郎", PatientID="8",
                 SpecificCharacterSet="ISO_IR 192", FrameTime="33.3", ModalityLUTSequence=[lut], BitsStored=12,
                 HighBit=11, FrameIncrementPointer=0x00181063)  # fmt: skip
    expected = pydicom.dcmread(io.BytesIO(data))
    model = model_of(expected, PixelData="http://x/pixels")
    model["00283000"]["Value"][0]["00283006"] = {"vr": "OW", "BulkDataURI": "http://x/lut"}
    parts = [bulk("http://x/lut", lut.LUTData), bulk("http://x/pixels", expected.PixelData)]
    status, answer = post(server, body(metadata([model]), *parts), JSON_KIND)
    assert status == 200, answer
    found = back(server, expected)
    assert pydicom.dcmread(io.BytesIO(found)) == expected
    assert pydicom.dcmread(io.BytesIO(found)).file_meta.TransferSyntaxUID == EXPLICIT
    if shutil.which("dciodvfy"):
        assert_no_new_error(errors(data, tmp_path), errors(found, tmp_path), "native", Image(data).layout)


def test_compressed_frames_a_part_each(server, tmp_path):
    _, data = bench_run("xa512x60", frames=3)
    expected = pydicom.dcmread(io.BytesIO(data))
    frames = list(generate_frames(expected.PixelData, number_of_frames=3))
    model = model_of(expected, PixelData="pixels")
    parts = [bulk("pixels", frame, f"image/jpeg; transfer-syntax={SV1}") for frame in frames]
    status, answer = post(server, body(*parts, metadata([model])), JSON_KIND)  # in any order
    assert status == 200, answer
    found = back(server, expected)
    assert pydicom.dcmread(io.BytesIO(found)).file_meta.TransferSyntaxUID == SV1
    for ours, theirs in zip(Image(found).frames(), Image(data).frames(), strict=True):
        assert np.array_equal(ours, theirs)
    if shutil.which("dciodvfy"):
        assert_no_new_error(errors(data, tmp_path), errors(found, tmp_path), "jpeg", Image(data).layout)
        assert subprocess.run(["dcmftest", "-"], input=found, check=False).returncode in (0, 1)


def test_each_data_set_has_its_own_outcome(server):
    good, other = (pydicom.dcmread(io.BytesIO(report(f"1.2.8.{number}", study="1.2.80"))) for number in (2, 3))
    lost = pydicom.dcmread(io.BytesIO(part10("1.2.8.4", study="1.2.80")))
    nameless = model_of(other)
    del nameless["00080018"]
    models = [model_of(good), model_of(lost, PixelData="http://x/never sent"), nameless, {"0008": 1}, 7]
    status, answer = post(server, body(metadata(models)), JSON_KIND)
    assert status == 202 and len(orjson.loads(answer)["00081199"]["Value"]) == 1
    assert reasons(answer, "0008119A") == [0xC000] * 4
    assert back(server, good)
    status, answer = post(server, body(metadata([model_of(lost, PixelData="x")]), bulk("x", b"\0" * 8)), JSON_KIND)
    assert status == 409 and reasons(answer, "00081198" if b"00081198" in answer else "0008119A") == [0xC000]


def test_another_studys_objects_are_refused(server):
    path = "/dicomweb/studies/1.2.81"
    ours, theirs = report("1.2.8.11", study="1.2.81"), report("1.2.8.12", study="1.2.82")
    status, answer = post(server, multipart(theirs), KIND, path)
    assert status == 409 and reasons(answer) == [0xA900]
    (failed,) = orjson.loads(answer)["00081198"]["Value"]
    assert failed["00081155"]["Value"] == ["1.2.8.12"] and failed["00081150"]["Value"][0].startswith("1.2.840")
    status, answer = post(server, multipart(theirs, ours), KIND, path)
    assert status == 202 and reasons(answer) == [0xA900]
    assert orjson.loads(answer)["00081190"]["Value"] == [f"{server.url}{path}"]
    status, answer = post(server, body(metadata([model_of(pydicom.dcmread(io.BytesIO(theirs)))])), JSON_KIND, path)
    assert status == 409 and reasons(answer) == [0xA900]
    assert fetch(f"{server.url}/dicomweb/studies/1.2.82")[0] == 404
    assert fetch(f"{server.url}{path}")[0] == 200


def test_many_small_ones_are_answered_in_their_order(server):
    files = [report(f"1.2.8.100.{number}", study="1.2.83") for number in range(30)]
    files[7], files[21] = files[3], b"no DICOM at all"
    status, answer = post(server, multipart(*files), KIND)
    assert status == 202
    stored = [item["00081155"]["Value"][0] for item in orjson.loads(answer)["00081199"]["Value"]]
    assert stored == [f"1.2.8.100.{3 if number == 7 else number}" for number in range(30) if number != 21]
    assert reasons(answer, "0008119A") == [0xC000]
    status, _, found = fetch(f"{server.url}/dicomweb/studies/1.2.83/instances")
    assert status == 200 and len(orjson.loads(found)) == 28


def test_what_is_no_object_is_among_the_other_failures(server):
    status, answer = post(server, multipart(b"no DICOM at all"), KIND)
    assert status == 409 and reasons(answer, "0008119A") == [0xC000] and b"00081198" not in answer


@pytest.mark.parametrize(
    ("sent", "kind", "expected"),
    [
        (body(metadata([])), JSON_KIND, 400),
        (body(({"Content-Type": "application/dicom+json"}, b"{")), JSON_KIND, 400),
        (body(({"Content-Type": "application/dicom+json"}, b"[" * 100_000)), JSON_KIND, 400),
        (body(bulk("x", b"12", "text/html")), JSON_KIND, 400),
        (body(bulk("x", b"12", f"image/jls; transfer-syntax={SV1}")), JSON_KIND, 400),
        (body(({"Content-Type": "application/octet-stream"}, b"12")), JSON_KIND, 400),
        (b"--b\r\nContent-Type: application/dicom+json\r\n\r\n[", JSON_KIND, 400),
        (body(metadata([])), JSON_KIND.replace("json", "xml"), 415),
        (b"[]", "application/dicom+json", 415),
    ],
)
def test_what_is_not_understood(server, sent, kind, expected):
    assert post(server, sent, kind)[0] == expected
    assert [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")] == []
