"""Orthanc and we, both ways: its DICOM network and its DICOMweb client against ours, and ours against its."""

import io
from collections import Counter

import imagecodecs
import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from pydicom import Dataset
from pydicom.encaps import encapsulate

from fastcine.archive.digest import data_set_offset
from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.corpus import needs_corpus
from tests.dimse import users
from tests.dimse.test_round_trip import rounds
from tests.interop.orthanc import OURS, TITLE, both, needs_orthanc

pytestmark = [needs_orthanc, pytest.mark.filterwarnings("ignore::UserWarning")]
EXPLICIT, HTJ2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201"
STUDY = "1.2.840.99.1"
PATIENT = {"PatientName": "Müller^Jürgen", "PatientID": "PH-7", "SpecificCharacterSet": "ISO_IR 192"}


def read(data):
    return pydicom.dcmread(io.BytesIO(data), force=True)


def data_set(file):
    return file[data_set_offset(file[:65536]) :]


def by_uid(files):
    return {str(read(file).SOPInstanceUID): file for file in files}


@pytest.fixture(scope="module")
def objects():
    """A JPEG Lossless run, native images of a patient whose name has accents, and a report; by SOP Instance UID."""
    _, run = bench_run("xa512x60", frames=4)
    images = [part10(f"{STUDY}.1.{number}", STUDY, f"{STUDY}.1", InstanceNumber=number, **PATIENT) for number in (1, 2)]
    text = read(report(f"{STUDY}.9", STUDY))
    text.update(PATIENT)
    written = io.BytesIO()
    text.save_as(written)
    return by_uid([run, *images, written.getvalue()])


@pytest.fixture(scope="module")
def pair(tmp_path_factory, objects):
    """Archive and Orthanc; ours holds the objects, sent by Orthanc's C-STORE."""
    with both(tmp_path_factory.mktemp("pair")) as (archive, orthanc):
        given = [orthanc.give(file) for file in objects.values()]
        assert orthanc.files() == objects
        orthanc.sent = orthanc.ask(f"/modalities/{OURS}/store", given)
        yield archive, orthanc


@pytest.fixture
def archive(pair):
    return pair[0]


@pytest.fixture
def orthanc(pair):
    """It holds nothing any more."""
    pair[1].empty()
    return pair[1]


def stored(archive):
    return {path.stem: path.read_bytes() for path in (archive.data / "objects").rglob("*.dcm")}


def assert_same_data_sets(found, expected):
    assert found.keys() == expected.keys()
    for uid, file in found.items():
        assert data_set(file) == data_set(expected[uid]), uid
        assert read(file).file_meta.TransferSyntaxUID == read(expected[uid]).file_meta.TransferSyntaxUID


def of_study(objects, study=STUDY):
    return {uid: file for uid, file in objects.items() if read(file).StudyInstanceUID == study}


def test_what_its_c_store_sent_lies_here_byte_for_byte(pair, objects):
    archive, orthanc = pair
    assert (orthanc.sent["InstancesCount"], orthanc.sent["FailedInstancesCount"]) == (len(objects), 0)
    ours = stored(archive)
    assert_same_data_sets({uid: ours[uid] for uid in objects}, objects)


def test_its_c_echo(orthanc):
    assert orthanc.ask(f"/modalities/{OURS}/echo", {}) == {}


def test_our_c_move_to_it(archive, orthanc, objects):
    for study in {str(read(file).StudyInstanceUID) for file in objects.values()}:
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study
        status, _ = users.move(archive.dicom_port, identifier, TITLE)
        assert status.Status == 0 and not status.NumberOfFailedSuboperations
    assert_same_data_sets(orthanc.files(), objects)


def test_what_it_does_not_take_compressed_comes_uncompressed(archive, orthanc, tmp_path):
    """HTJ2K is unknown to it; nothing is lost by decoding it."""
    noise = np.random.default_rng(5).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    uid = "1.2.840.99.3.1"
    native = read(part10(uid, "1.2.840.99.3", "1.2.840.99.3.2", Rows=64, Columns=64, pixels=noise.tobytes()))
    coded = read(part10(uid, "1.2.840.99.3", "1.2.840.99.3.2", Rows=64, Columns=64))
    coded.PixelData = encapsulate([imagecodecs.htj2k_encode(frame, reversible=True) for frame in noise])
    coded.file_meta.TransferSyntaxUID = HTJ2K
    coded.save_as(tmp_path / "coded.dcm")
    archive.upload(tmp_path / "coded.dcm")
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", "1.2.840.99.3"
    status, _ = users.move(archive.dicom_port, identifier, TITLE)
    assert status.Status == 0
    (moved,) = map(read, orthanc.files().values())
    assert moved.file_meta.TransferSyntaxUID == EXPLICIT and moved.PixelData == native.PixelData
    assert {element.tag for element in moved} == {element.tag for element in native}


def test_it_queries_and_retrieves(orthanc, objects):
    asked = {"PatientID": "PH-?", "PatientName": "müller*", "StudyDate": "20260101-", "ModalitiesInStudy": ""}
    query = orthanc.ask(f"/modalities/{OURS}/query", {"Level": "Study", "Query": asked})["Path"]
    (found,) = orthanc.ask(f"{query}/answers?expand&simplify")
    assert found["StudyInstanceUID"] == STUDY and found["PatientName"] == "Müller^Jürgen"
    assert sorted(found["ModalitiesInStudy"].split("\\")) == ["SR", "XA"]
    orthanc.ask(f"{query}/retrieve", {"TargetAet": TITLE})
    assert_same_data_sets(orthanc.files(), of_study(objects))


def test_its_queries_at_the_other_levels(orthanc):
    def ask(level, **keys):
        query = orthanc.ask(f"/modalities/{OURS}/query", {"Level": level, "Query": keys})["Path"]
        return orthanc.ask(f"{query}/answers?expand&simplify")

    assert {each["PatientID"] for each in ask("Patient", PatientID="PH-7", PatientName="")} == {"PH-7"}
    series = ask("Series", StudyInstanceUID=STUDY, Modality="", SeriesInstanceUID="")
    assert Counter(each["Modality"] for each in series) == {"XA": 1, "SR": 1}
    images = ask("Instance", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1", InstanceNumber="")
    assert sorted(each["SOPInstanceUID"] for each in images) == [f"{STUDY}.1.1", f"{STUDY}.1.2"]


@pytest.mark.parametrize(
    "level, resource",
    [
        ("Study", {"StudyInstanceUID": STUDY}),
        ("Series", {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1"}),
        (
            "Instance",
            {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", "SOPInstanceUID": f"{STUDY}.1.2"},
        ),
    ],
)
def test_its_c_move(orthanc, objects, level, resource):
    orthanc.ask(f"/modalities/{OURS}/move", {"Level": level, "Resources": [resource], "TargetAet": TITLE})
    expected = {
        uid: file
        for uid, file in objects.items()
        if all(read(file)[keyword].value == uid for keyword, uid in resource.items())
    }
    assert_same_data_sets(orthanc.files(), expected)


def dicomweb(orthanc, what, body):
    return orthanc.ask(f"/dicom-web/servers/{OURS}/{what}", body)


def test_its_qido(orthanc, archive):
    (study,) = dicomweb(orthanc, "qido", {"Uri": "/studies", "Arguments": {"PatientName": "m*", "00100020": "PH-7"}})
    assert study["0020000D"]["Value"] == STUDY and study["00100010"]["Value"] == "Müller^Jürgen"
    assert study["00081190"]["Value"] == f"{archive.url}/dicomweb/studies/{STUDY}"
    series = dicomweb(orthanc, "qido", {"Uri": f"/studies/{STUDY}/series", "Arguments": {"Modality": "SR"}})
    assert [each["00080060"]["Value"] for each in series] == ["SR"]
    asked = {"Uri": f"/studies/{STUDY}/instances", "Arguments": {"includefield": "all", "limit": "2"}}
    assert len(dicomweb(orthanc, "qido", asked)) == 2


def test_its_wado_retrieve(orthanc, objects):
    assert dicomweb(orthanc, "retrieve", {"Resources": [{"Study": STUDY}]})["ReceivedInstancesCount"] == "3"
    assert_same_data_sets(orthanc.files(), of_study(objects))
    orthanc.empty()
    one = {"Study": STUDY, "Series": f"{STUDY}.1", "Instance": f"{STUDY}.1.1"}
    assert dicomweb(orthanc, "retrieve", {"Resources": [one]})["ReceivedInstancesCount"] == "1"
    assert list(orthanc.files()) == [f"{STUDY}.1.1"]


def test_its_stow_and_the_same_file_back(orthanc, archive):
    """Its boundary is longer than RFC 2046 allows."""
    study = "1.2.840.99.2"
    sent = by_uid([part10(f"{study}.1.{number}", study, f"{study}.1", InstanceNumber=number) for number in range(1, 6)])
    given = [orthanc.give(file) for file in sent.values()]
    assert dicomweb(orthanc, "stow", {"Resources": given})["InstancesCount"] == "5"
    ours = stored(archive)
    assert {uid: ours[uid] for uid in sent} == sent
    orthanc.empty()
    dicomweb(orthanc, "retrieve", {"Resources": [{"Study": study}]})
    assert orthanc.files() == sent


def normal(element):
    """Of IS and DS the numbers: Orthanc writes them as text, or as another kind of number."""
    values = element.get("Value", [])
    return element["vr"], [float(value) if element["vr"] in ("IS", "DS") else value for value in values]


def test_dicomweb_client_hears_the_same_from_both(orthanc, archive, objects):
    """Its metadata of the same objects is the oracle for ours, but for what only references differ in."""
    for file in objects.values():
        orthanc.give(file)
    theirs, ours = DICOMwebClient(f"{orthanc.url}/dicom-web"), DICOMwebClient(f"{archive.url}/dicomweb")

    def told(client, uid):
        dataset = read(objects[uid])
        return client.retrieve_instance_metadata(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, uid)

    for uid in objects:
        expected, found = told(theirs, uid), told(ours, uid)
        assert found.keys() - {"7FE00010"} == expected.keys() - {"7FE00010"}
        for tag in found.keys() - {"7FE00010"}:
            assert normal(found[tag]) == normal(expected[tag]), tag
    asked = {"PatientID": "PH-7"}
    (expected,), (found,) = (client.search_for_studies(search_filters=asked) for client in (theirs, ours))
    for tag in ("0020000D", "00080020", "00080030", "00100010", "00100020", "00201206", "00201208"):
        assert normal(found[tag]) == normal(expected[tag]), tag
    for uid, file in objects.items():
        dataset = read(file)
        path = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, uid)
        assert ours.retrieve_instance(*path) == theirs.retrieve_instance(*path) == dataset


def same(found, sent):
    """But for what dcmtk, which Orthanc keeps objects by, writes anew: group lengths, and padding."""
    found, sent = (
        {element.tag: element for element in each if element.tag.element and element.tag != 0xFFFCFFFC}
        for each in (found, sent)
    )
    pixels = [each.pop(pydicom.tag.Tag("PixelData"), None) for each in (found, sent)]
    return found == sent and len({each and bytes(each.value).rstrip(b"\0") for each in pixels}) == 1


def one_of_each_kind():
    kinds = {}
    for sent in next(rounds()):
        kinds.setdefault((sent.sop_class_uid, sent.transfer_syntax_uid), sent)
    return {sent.sop_instance_uid: sent for sent in kinds.values()}


@needs_corpus
@pytest.mark.soak
def test_one_of_each_kind_of_real_objects_there_and_back(tmp_path):
    """By our C-MOVE to Orthanc, and by its C-STORE to another archive of ours."""
    sents = one_of_each_kind()
    with both(tmp_path / "to") as (archive, orthanc):
        assert set(users.store_all(archive.dicom_port, list(sents.values())).values()) == {0}
        for study in sorted({sent.study_instance_uid for sent in sents.values()}):
            identifier = Dataset()
            identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study
            status, _ = users.move(archive.dicom_port, identifier, TITLE)
            assert "Status" in status, study
        there = orthanc.files()
    # It refuses objects without Patient ID or of a broken form, and JPEG XL.
    assert len(there) >= len(sents) - 7
    kept = {
        uid for uid, file in there.items() if read(file).file_meta.TransferSyntaxUID == sents[uid].transfer_syntax_uid
    }
    assert len(kept) > 60 and sum(data_set(there[uid]) == sents[uid].data_set for uid in kept) > 25
    for uid in kept:
        assert same(read(there[uid]), read(sents[uid].path.read_bytes())), sents[uid].path
    with both(tmp_path / "from") as (archive, orthanc):
        given = [orthanc.give(there[uid]) for uid in kept]
        assert orthanc.ask(f"/modalities/{OURS}/store", given)["FailedInstancesCount"] == 0
        back = stored(archive)
    assert back.keys() == kept
    for uid in kept:
        assert same(read(back[uid]), read(there[uid])), sents[uid].path
