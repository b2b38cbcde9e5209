"""dcmtk's programs, both directions: they call us, and we send to them."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.dimse.test_round_trip import free_port
from tests.serving import serving

# pynetdicom installs programs of the same names beside our Python: those are not meant.
OURS = Path(sys.executable).parent.resolve()
PATH = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if Path(each).resolve() != OURS)
TOOLS = ("echoscu", "storescu", "findscu", "movescu", "getscu", "storescp")
LACKING = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"dcmtk is not installed ({', '.join(LACKING)})")
# With Nagle's algorithm each of its answers waits 40 ms.
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1", "PATH": PATH}


def dcmtk(*words, ok=True):
    """What a tool prints."""
    program = shutil.which(words[0], path=PATH)
    done = subprocess.run([program, *map(str, words[1:])], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    if ok:
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def storescp(folder, port, *options):
    folder.mkdir()
    program = [shutil.which("storescp", path=PATH), "+B", "-od", str(folder), *options, str(port)]
    process = subprocess.Popen(program, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """A JPEG Lossless run, native images and a report, as files."""
    folder = tmp_path_factory.mktemp("objects")
    name, run = bench_run("xa512x60", frames=4)
    (folder / name).write_bytes(run)
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(
            part10(f"1.2.3.{number}", StudyDate="20260301", PatientID=f"PH-{number}")
        )
    (folder / "report.dcm").write_bytes(report("1.2.3.9"))
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory, objects):
    """A server that holds them, sent by storescu; it knows DEST at `destination`."""
    destination = free_port()
    peers = f"DEST@127.0.0.1:{destination}"
    with serving(tmp_path_factory.mktemp("archive") / "data", "--dicom-port", "0", "--dicom-peers", peers) as server:
        server.destination = destination
        files = sorted(objects.iterdir())
        lossless = [path for path in files if "xa512" in path.name]
        ours = ("-aec", "FASTCINE", "localhost", server.dicom_port)
        dcmtk("storescu", "-xs", *ours, *lossless)
        dcmtk("storescu", "-R", *ours, *(path for path in files if path not in lossless))
        yield server


def study_of(path):
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)


def test_echoscu(archive):
    assert "Success" in dcmtk("echoscu", "-v", "-aec", "FASTCINE", "localhost", archive.dicom_port)


def test_what_storescu_sent_is_stored_as_it_was(archive, objects):
    stored = {path.stem: path for path in (archive.data / "objects").rglob("*.dcm")}
    assert len(stored) == 5
    for path in objects.iterdir():
        sent = pydicom.dcmread(path)
        assert pydicom.dcmread(stored[sent.SOPInstanceUID]) == sent


def test_sent_again_it_is_no_error(archive, objects):
    ours = ("-aec", "FASTCINE", "localhost", archive.dicom_port)
    said = dcmtk("storescu", "-v", "-R", *ours, objects / "0.dcm")
    assert "Received Store Response (Success)" in said


def test_another_object_under_the_same_uid_is_refused_and_kept(archive, objects, tmp_path):
    (tmp_path / "other.dcm").write_bytes(part10("1.2.3.0", StudyDate="20260302", PatientID="PH-0"))
    ours = ("-aec", "FASTCINE", "localhost", archive.dicom_port)
    said = dcmtk("storescu", "-v", "-R", *ours, tmp_path / "other.dcm", ok=False)
    assert "Received Store Response (Success)" not in said and "CannotUnderstand" in said
    assert len(list((archive.data / "quarantine").glob("*.dcm"))) == 1


def test_findscu(archive, objects):
    ours = ("-aec", "FASTCINE", "localhost", archive.dicom_port)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientID=PH-?", "-k", "StudyDate")
    said = dcmtk("findscu", "-S", *keys, *ours)
    assert said.count("(Pending)") == 1 and "[1.2" in said
    keys = ("-k", "QueryRetrieveLevel=IMAGE", "-k", "StudyInstanceUID=1.2", "-k", "SOPInstanceUID", "-k", "Rows")
    assert dcmtk("findscu", "-S", *keys, *ours).count("(Pending)") == 4
    keys = ("-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName")
    assert "(Pending)" in dcmtk("findscu", "-P", *keys, *ours)
    # There is no PATIENT level in the Study Root model: A900.
    assert "(Pending)" not in dcmtk("findscu", "-S", *keys, *ours)


def test_movescu_to_storescp(archive, objects, tmp_path):
    (run,) = objects.glob("*xa512*")
    ours = ("-aec", "FASTCINE", "-aem", "DEST", "localhost", archive.dicom_port)
    with storescp(tmp_path / "moved", archive.destination, "+xa"):
        for study in {study_of(path) for path in objects.iterdir()}:
            dcmtk("movescu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}", *ours)
    moved = {pydicom.dcmread(path, force=True).SOPInstanceUID: path for path in (tmp_path / "moved").iterdir()}
    assert len(moved) == 5
    for path in objects.iterdir():
        sent = pydicom.dcmread(path)
        assert pydicom.dcmread(moved[sent.SOPInstanceUID]) == sent
    assert pydicom.dcmread(moved[pydicom.dcmread(run).SOPInstanceUID]).file_meta.TransferSyntaxUID.endswith(".4.70")


def test_to_one_that_takes_no_compression_lossless_goes_uncompressed(archive, objects, tmp_path):
    (run,) = objects.glob("*xa512*")
    study = study_of(run)
    ours = ("-aec", "FASTCINE", "-aem", "DEST", "localhost", archive.dicom_port)
    with storescp(tmp_path / "moved", archive.destination):
        dcmtk("movescu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}", *ours)
    (moved,) = (tmp_path / "moved").iterdir()
    found = pydicom.dcmread(moved)
    assert not found.file_meta.TransferSyntaxUID.is_compressed
    dcmtk("dcmdjpeg", run, tmp_path / "expected.dcm")
    expected = pydicom.dcmread(tmp_path / "expected.dcm")
    assert found.PixelData == expected.PixelData
    for element in found:
        if element.keyword not in ("PixelData",):
            assert element == expected[element.tag], element


def test_a_destination_that_is_not_known(archive):
    ours = ("-aec", "FASTCINE", "-aem", "NOBODY", "localhost", archive.dicom_port)
    said = dcmtk("movescu", "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2", *ours, ok=False)
    assert "MoveDestinationUnknown" in said.replace(" ", "")


def test_getscu(archive, objects, tmp_path):
    ours = ("-aec", "FASTCINE", "localhost", archive.dicom_port)
    (tmp_path / "got").mkdir()
    key = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2")
    dcmtk("getscu", "-S", "+B", "-od", tmp_path / "got", *key, *ours)
    got = {pydicom.dcmread(path, force=True).SOPInstanceUID: path for path in (tmp_path / "got").iterdir()}
    assert len(got) == 4
    for path in objects.iterdir():
        sent = pydicom.dcmread(path)
        if sent.StudyInstanceUID == "1.2":
            assert pydicom.dcmread(got[sent.SOPInstanceUID]) == sent


def test_a_call_to_another_title_is_refused(archive):
    said = dcmtk("echoscu", "-v", "-aec", "OTHER", "localhost", archive.dicom_port, ok=False)
    assert "Called AE Title Not Recognized" in said
