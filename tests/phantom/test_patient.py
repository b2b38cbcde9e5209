"""The whole phantom, read back by pydicom, gdcm and dciodvfy."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom.fileset import FileSet

from fastcine.phantom import identity, patient, xa_runs
from tests.phantom import reading
from tests.phantom_disc import phantom_disc

ENTRIES = {entry.what: entry for entry in patient.ENTRIES}
OBJECTS = {what: patient.file_name(entry) for what, entry in ENTRIES.items()}
PICTURES = [what for what, entry in ENTRIES.items() if entry.modality != "PR"]
PLUGINS = {"1.2.840.10008.1.2.4.70": "gdcm", "1.2.840.10008.1.2.4.90": "pylibjpeg", "1.2.840.10008.1.2.4.50": "gdcm"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in phantom_disc(tmp_path_factory).items()}


@pytest.fixture(scope="module")
def disc_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom_disc(tmp_path_factory)["DICOMDIR"].parent


def test_names_are_known_beforehand_and_are_file_ids(files: dict[str, bytes]) -> None:
    assert tuple(files) == patient.file_names()
    for name in files:
        for part in name.split("/"):
            assert re.fullmatch(r"[A-Z0-9_]{1,8}(\.[A-Z]{3})?", part)
    assert sum(map(len, files.values())) < 150e6


def test_the_first_file_comes_before_the_rest_is_made() -> None:
    """The first file needs a small part of the whole's CPU time (10 s): 60 frames are made and coded."""
    started = time.thread_time()
    name, data = next(patient.phantom_files())
    assert time.thread_time() - started < 5.0
    assert name == OBJECTS["lca"] and reading.dataset(data).NumberOfFrames == 60


@pytest.mark.parametrize("what", OBJECTS)
def test_dciodvfy_finds_no_error(what: str, files: dict[str, bytes], tmp_path: Path) -> None:
    assert reading.iod_errors(files[OBJECTS[what]], tmp_path) == []


@pytest.mark.parametrize("what", OBJECTS)
def test_every_object_says_whose_it_is_and_that_it_is_a_phantom(what: str, files: dict[str, bytes]) -> None:
    ds = reading.dataset(files[OBJECTS[what]])
    assert ds.PatientName == identity.PATIENT_NAME and ds.PatientID == "PH-1"
    assert "PHANTOM" in ds.PatientComments and ds.TimezoneOffsetFromUTC == "+0100"
    assert ds.StudyInstanceUID == identity.uid_for(1, ENTRIES[what].study.what)
    assert ds.StudyDescription == ENTRIES[what].study.description
    if what in PICTURES:
        assert "PHANTOM" in ds.ImageComments and ds.AcquisitionDateTime.endswith("+0100")


@pytest.mark.parametrize("what", PICTURES)
def test_an_outside_decoder_reads_every_frame(what: str, files: dict[str, bytes]) -> None:
    data = files[OBJECTS[what]]
    ds = reading.dataset(data)
    count = int(ds.get("NumberOfFrames", 1))
    decoded = reading.frames(data, plugin=PLUGINS.get(ds.file_meta.TransferSyntaxUID, ""))
    color = (3,) if ds.SamplesPerPixel == 3 else ()
    assert decoded.shape == (count, ds.Rows, ds.Columns, *color)
    assert int(decoded.max()) < 1 << ds.BitsStored and int(decoded.std()) > 10
    if what in xa_runs.SHOTS and what != "dsa-moved":
        assert np.array_equal(decoded[0], next(xa_runs.shot_frames(1, what)))
        strip = decoded[:, -13 * (ds.Rows // 256) :, ds.Columns // 4 : -(ds.Columns // 4)]
        assert ((strip == (232 << ds.BitsStored) >> 8).sum(axis=(1, 2)) > 80).all()


def test_the_same_seed_makes_the_same_bytes_and_another_seed_another_patient(files: dict[str, bytes]) -> None:
    entry = next(e for e in patient.ENTRIES if e.what == "enhanced")

    def made(seed: int) -> bytes:
        return entry.make(entry.place(seed)).data

    assert made(1) == files[OBJECTS["enhanced"]]
    other = reading.dataset(made(2))
    assert other.PatientID == "PH-2" and other.StudyInstanceUID == identity.uid_for(2, "study")
    assert not np.array_equal(reading.frames(made(1), count=1), reading.frames(made(2), count=1))


def test_unequal_frame_times_are_exact_decimal_texts(files: dict[str, bytes]) -> None:
    ds = reading.dataset(files[OBJECTS["lca-12bit"]])
    assert ds.FrameIncrementPointer == 0x00181065 and "FrameTime" not in ds
    steps = [str(step) for step in ds.FrameTimeVector]
    assert steps == list(xa_runs.unequal_timing(32).increments_ms) and steps[0] == "0"
    assert len(set(steps[1:])) > 3 and len(steps) == ds.NumberOfFrames
    assert (ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored) == (1024, 1024, 16, 12)


def test_the_ecg_curve_and_the_r_wave_pointer_agree(files: dict[str, bytes]) -> None:
    ds = reading.dataset(files[OBJECTS["lca"]])
    curve = np.frombuffer(ds[0x50003000].value, dtype="<i2").astype(np.float64)
    assert len(curve) == ds[0x50000010].value == 40 * ds.NumberOfFrames
    top = (curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:]) & (curve[1:-1] > 2048 + 900)
    peaks = (np.flatnonzero(top) + 1) / 40
    assert [int(p) + 1 for p in peaks] == list(ds.RWavePointer)


def test_the_biplane_pair_names_each_other(files: dict[str, bytes]) -> None:
    a, b = (reading.dataset(files[OBJECTS[name]]) for name in ("biplane-a", "biplane-b"))
    assert (a.ImageType[2], b.ImageType[2]) == ("BIPLANE A", "BIPLANE B")
    for one, other in ((a, b), (b, a)):
        reference = one.ReferencedImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == other.SOPInstanceUID
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121314"
    assert a.AcquisitionDateTime == b.AcquisitionDateTime and a.SeriesInstanceUID == b.SeriesInstanceUID
    assert (float(a.PositionerPrimaryAngle), float(b.PositionerPrimaryAngle)) == (-30, 60)


def test_the_dsa_mask_frames_come_before_the_contrast(files: dict[str, bytes]) -> None:
    data = files[OBJECTS["dsa"]]
    ds = reading.dataset(data)
    mask = ds.MaskSubtractionSequence[0]
    assert (ds.RecommendedViewingMode, mask.MaskOperation, ds.PixelIntensityRelationship) == ("SUB", "AVG_SUB", "LOG")
    frames = reading.frames(data).astype(np.float64)
    average = frames[np.array(mask.MaskFrameNumbers) - 1].mean(axis=0)
    dark = [(average - frame > 60).mean() for frame in frames]
    assert max(dark[:5]) < 0.001 and max(dark) > 0.02
    assert mask.ApplicableFrameRange == [7, ds.NumberOfFrames]


def test_ultrasound_regions_lie_inside_and_show_centimetres(files: dict[str, bytes]) -> None:
    ds = reading.dataset(files[OBJECTS["echo-jpeg"]])
    assert ds.PhotometricInterpretation == "YBR_FULL_422" and ds.LossyImageCompression == "01"
    regions = list(ds.SequenceOfUltrasoundRegions)
    assert [r.RegionDataType for r in regions] == [1, 2, 10]
    for region in regions:
        assert 0 <= region.RegionLocationMinX0 < region.RegionLocationMaxX1 < ds.Columns
        assert 0 <= region.RegionLocationMinY0 < region.RegionLocationMaxY1 < ds.Rows
    tissue, color, ecg = regions
    depth_cm = (tissue.RegionLocationMaxY1 - tissue.RegionLocationMinY0) * tissue.PhysicalDeltaY
    assert depth_cm == pytest.approx(15.6, abs=0.1) and tissue.PhysicalUnitsXDirection == 3
    corner = tissue.RegionLocationMinX0 + tissue.ReferencePixelX0
    assert corner == color.RegionLocationMinX0 + color.ReferencePixelX0 == 400
    assert ecg.PhysicalUnitsXDirection == 4 and ecg.PhysicalDeltaX == pytest.approx(0.005)
    assert len(ds.RWaveTimeVector) in (1, 2, 3)


def test_the_uncompressed_echo_and_the_pullback(files: dict[str, bytes]) -> None:
    rgb = reading.dataset(files[OBJECTS["echo-rgb"]])
    assert (rgb.PhotometricInterpretation, rgb.NumberOfFrames, rgb.Rows, rgb.Columns) == ("RGB", 60, 600, 800)
    pullback = reading.dataset(files[OBJECTS["ivus"]])
    assert pullback.Modality == "IVUS" and pullback.IVUSAcquisition == "MOTOR_PULLBACK"
    assert pullback.IVUSPullbackStopFrameNumber == pullback.NumberOfFrames
    assert pullback.SequenceOfUltrasoundRegions[0].PhysicalDeltaX == pytest.approx(0.84 / 360)


def test_enhanced_frames_carry_their_own_times(files: dict[str, bytes]) -> None:
    ds = reading.dataset(files[OBJECTS["enhanced"]])
    assert "FrameTime" not in ds
    groups = ds.PerFrameFunctionalGroupsSequence
    stamps = [g.FrameContentSequence[0].FrameAcquisitionDateTime for g in groups]
    assert len(set(stamps)) == ds.NumberOfFrames == 16 and stamps == sorted(stamps)
    position = groups[0].PositionerPositionSequence[0]
    assert (float(position.PositionerPrimaryAngle), float(position.PositionerSecondaryAngle)) == (0, 30)


def test_the_dicomdir_lists_every_object(files: dict[str, bytes], disc_folder: Path, tmp_path: Path) -> None:
    listed = FileSet(disc_folder / "DICOMDIR")
    assert {Path(i.path).relative_to(disc_folder).as_posix() for i in listed} == set(OBJECTS.values())
    for instance in listed:
        assert instance.load().SOPInstanceUID == instance.ReferencedSOPInstanceUIDInFile
    assert reading.iod_errors(files["DICOMDIR"], tmp_path) == []


def test_some_files_are_no_dicom(files: dict[str, bytes]) -> None:
    assert files["VIEWER/LOGO.PNG"].startswith(b"\x89PNG")
    for name in ("README.TXT", "AUTORUN.INF", "INDEX.HTM"):
        assert files[name].isascii() and b"PHANTOM" in files[name]
