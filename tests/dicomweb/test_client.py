"""dicomweb-client (not ours) against a real server: store, search, metadata, objects, frames, bulk data."""

import io
import urllib.error
import urllib.request

import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.encaps import generate_frames

from fastcine.codec.decode import decode_at
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
EXPLICIT = "1.2.840.10008.1.2.1"


def read(data):
    return pydicom.dcmread(io.BytesIO(data))


@pytest.fixture(scope="module")
def sent():
    _, run = bench_run("xa512x60", frames=4)
    stills = [part10(f"1.2.3.{number}", InstanceNumber=number, PatientName="Müller^Jürgen") for number in (1, 2)]
    return {"run": run, "stills": stills, "report": report("1.2.3.9", PatientName="Müller^Jürgen")}


@pytest.fixture(scope="module")
def server(tmp_path_factory, sent):
    with serving(tmp_path_factory.mktemp("dicomweb") / "data") as server:
        datasets = [read(each) for each in (sent["run"], *sent["stills"], sent["report"])]
        answer = client_of(server).store_instances(datasets)
        assert len(answer.ReferencedSOPSequence) == 4 and "FailedSOPSequence" not in answer
        yield server


def client_of(server):
    return DICOMwebClient(f"{server.url}/dicomweb")


def uids(dataset):
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_search(server, sent):
    client = client_of(server)
    assert len(client.search_for_studies()) == 2 and len(client.search_for_series()) == 3
    assert len(client.search_for_instances()) == 4
    (study,) = client.search_for_studies(search_filters={"PatientName": "müller*", "00080020": "20200101-"})
    assert study["00100010"]["Value"] == [{"Alphabetic": "Müller^Jürgen"}]
    assert study["00201208"] == {"vr": "IS", "Value": [3]}
    assert study["00081190"]["Value"] == [f"{server.url}/dicomweb/studies/1.2"]
    assert client.search_for_studies(search_filters={"PatientName": "muller"}, fuzzymatching=True) == [study]
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    series = client.search_for_series("1.2", search_filters={"Modality": "SR"})
    assert [each["0020000E"]["Value"] for each in series] == [["1.2.99"]]
    assert "00100010" not in series[0] and "00100010" in client.search_for_series()[0]
    assert len(client.search_for_instances("1.2", "1.2.3")) == 2
    assert len(client.search_for_instances("1.2", limit=1)) == 1
    wide = client.search_for_instances("1.2", "1.2.3", fields=["StudyDescription", "00100040"])
    assert {"00081030", "00100040"} <= set(wide[0])


def test_search_says_what_it_cannot(server):
    url = f"{server.url}/dicomweb/studies"
    status, headers, _ = fetch(f"{url}?PatientID=nobody")
    assert status == 204
    status, headers, _ = fetch(f"{url}?limit=1&PatientAge=010Y")
    assert status == 200 and headers["Warning"].startswith("299 ")
    assert "PatientAge" in headers["Warning"] and "more results" in headers["Warning"]
    for wrong in ("limit=x", "Patient-Name=x", "99999999=1", "fuzzymatching=perhaps"):
        assert fetch(f"{url}?{wrong}")[0] == 400, wrong
    assert fetch(url, Accept="application/dicom+xml")[0] == 406


def test_metadata(server, sent):
    expected = read(sent["stills"][0])
    for found in client_of(server).retrieve_series_metadata("1.2", "1.2.3"):
        assert "00020010" not in found and found["7FE00010"]["BulkDataURI"].startswith(server.url)
    (found,) = (client_of(server).retrieve_instance_metadata(*uids(expected)),)
    told = pydicom.Dataset.from_json({tag: value for tag, value in found.items() if tag != "7FE00010"})
    for element in told:
        assert element == expected[element.tag]
    assert len(told) == len(expected) - 1


def test_objects(server, sent):
    client = client_of(server)
    for data in (sent["run"], *sent["stills"], sent["report"]):
        expected = read(data)
        assert client.retrieve_instance(*uids(expected)) == expected
    assert len(client.retrieve_study("1.2")) == 3 and len(client.retrieve_series("1.2", "1.2.3")) == 2
    run = read(sent["run"])
    native = client.retrieve_instance(*uids(run), media_types=(("application/dicom", EXPLICIT),))
    assert native.file_meta.TransferSyntaxUID == EXPLICIT
    layout, spans = layout_of(sent["run"])
    whole = np.stack([decode_at(memoryview(sent["run"]), spans, frame, layout=layout) for frame in range(4)])
    assert native.PixelData == whole.tobytes()
    url = f"{server.url}/dicomweb/studies/1.2/series/1.2.3/instances/1.2.3.1"
    status, headers, body = fetch(url, Accept="application/dicom")
    assert status == 200 and headers["Content-Type"].startswith("application/dicom") and read(body).SOPInstanceUID
    assert fetch(url, Accept="image/png")[0] == 406
    assert fetch(f"{server.url}/dicomweb/studies/9.9")[0] == 404


def layout_of(data):
    structure = parse_object(data)
    layout = image_layout(read(data), structure)
    return layout, frame_spans(data, structure, layout)


def test_frames(server, sent):
    client, run = client_of(server), read(sent["run"])
    stored = list(generate_frames(run.PixelData, number_of_frames=4))
    found = client.retrieve_instance_frames(*uids(run), [3, 1], media_types=(("image/jpeg", "1.2.840.10008.1.2.4.70"),))
    assert [bytes(each) for each in found] == [stored[2], stored[0]]
    layout, spans = layout_of(sent["run"])
    (found,) = client.retrieve_instance_frames(*uids(run), [2], media_types=(("application/octet-stream", EXPLICIT),))
    assert bytes(found) == decode_at(memoryview(sent["run"]), spans, 1, layout=layout).tobytes()
    url = f"{server.url}/dicomweb/studies/{uids(run)[0]}/series/{uids(run)[1]}/instances/{uids(run)[2]}/frames"
    status, headers, body = fetch(f"{url}/2", Accept="image/jpeg")
    assert status == 200 and body == stored[1] and headers["Content-Type"].startswith("image/jpeg")
    for missing in ("0", "5", "1,5"):
        assert fetch(f"{url}/{missing}")[0] == 404, missing
    assert fetch(f"{url}/1", Accept='multipart/related; type="image/jpx"')[0] == 406
    report_url = f"{server.url}/dicomweb/studies/1.2/series/1.2.99/instances/1.2.3.9/frames/1"
    assert fetch(report_url)[0] == 404


def test_bulk_data(server, sent):
    still = read(sent["stills"][0])
    url = f"{server.url}/dicomweb/studies/1.2/series/1.2.3/instances/1.2.3.1/bulkdata/7FE00010"
    status, headers, body = fetch(url, Accept="application/octet-stream")
    assert status == 200 and body == still.PixelData and headers["Accept-Ranges"] == "bytes"
    status, headers, body = fetch(url, Accept="application/octet-stream", Range="bytes=4-9")
    assert (status, body) == (206, still.PixelData[4:10])
    assert headers["Content-Range"] == f"bytes 4-9/{len(still.PixelData)}"
    assert fetch(url, Accept="application/octet-stream", Range="bytes=999999999-")[0] == 416
    assert bytes(client_of(server).retrieve_bulkdata(url)[0]) == still.PixelData
    assert fetch(url.replace("7FE00010", "00091001"))[0] == 404


def post(server, body, kind, path="/dicomweb/studies"):
    request = urllib.request.Request(server.url + path, data=body, headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def multipart(*parts, kind="application/dicom"):
    body = b"".join(b"--b\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + each + b"\r\n" for each in parts)
    return body + b"--b--\r\n"


KIND = 'multipart/related; type="application/dicom"; boundary=b'


def test_store_answers_for_each(server, sent):
    other = part10("1.2.3.1", InstanceNumber=7)
    status, body = post(server, multipart(sent["stills"][1], other), KIND)
    assert status == 202 and b"00081199" in body and b'"00081197"' in body
    assert post(server, multipart(sent["stills"][0]), KIND)[0] == 200  # there already
    assert post(server, multipart(other), KIND)[0] == 409
    assert post(server, multipart(b"no DICOM at all"), KIND)[0] == 409


def test_store_refuses_what_is_no_multipart(server):
    for body, kind, expected in (
        (b"x", "application/dicom", 415),
        (b"x", "multipart/related; type=image/png; boundary=b", 415),
        (b"--b--\r\n", KIND, 400),
        (b"nothing", KIND, 400),
        (multipart(b"x", kind="image/png"), KIND, 415),
        (b"x", 'multipart/related; type="application/dicom"', 400),
    ):
        assert post(server, body, kind)[0] == expected, (body, kind)
