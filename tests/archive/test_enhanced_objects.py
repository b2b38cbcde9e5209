"""Enhanced objects as whole runs: received, made; the frames in the cache are pydicom's, their times the file's."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless, generate_uid

from fastcine.archive.cine_cache import CacheReader, CineCache
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cine.wire import Tier, parse_message
from fastcine.codec import htj2k
from fastcine.phantom import enhanced, patient
from fastcine.phantom.dicom_objects import Place
from tests.archives import fill

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

ENHANCED_US = "1.2.840.10008.5.1.4.1.1.6.2"
ROWS, COLUMNS = 48, 64
BEGIN = datetime(2026, 3, 1, 9, 15, 0, 250_000, UTC)
FRAME_CONTENT = 0x00209111
IMAGE_TYPE = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]


def item(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def stamp(offset_ms):
    return (BEGIN + timedelta(milliseconds=offset_ms)).strftime("%Y%m%d%H%M%S.%f+0000")


def frame_groups(offset_ms, time_index, plane):
    """Frame Content, the plane's place and the image type of one frame."""
    moment = stamp(offset_ms)
    content = item(
        FrameAcquisitionDateTime=moment, FrameReferenceDateTime=moment, FrameAcquisitionDuration=5.0,
        DimensionIndexValues=[time_index, plane], TemporalPositionIndex=time_index, StackID="1",
        InStackPositionNumber=plane,
    )  # fmt: skip
    return item(
        FrameContentSequence=[content],
        PlanePositionVolumeSequence=[item(ImagePositionVolume=[0.0, 0.0, float(plane)])],
        PlaneOrientationVolumeSequence=[item(ImageOrientationVolume=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])],
        USImageDescriptionSequence=[item(FrameType=IMAGE_TYPE, VolumetricProperties="VOLUME")],
    )  # fmt: skip


def set_dimensions(ds, organization_type):
    organization = generate_uid()
    ds.DimensionOrganizationType = organization_type
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionIndexSequence = [
        item(DimensionOrganizationUID=organization, DimensionIndexPointer=pointer, FunctionalGroupPointer=FRAME_CONTENT)
        for pointer in (0x00209128, 0x00209057)  # Temporal Position Index, In-Stack Position Number
    ]


def enhanced_us(path, offsets_ms, syntax, *, planes=1, **more):
    """Frames at these moments, `planes` of a volume at each; the file's own pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = ENHANCED_US
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    ds.Modality, ds.PatientName, ds.PatientID = "US", "Made^Up", "1"
    ds.ImageType, ds.AcquisitionDateTime = IMAGE_TYPE, stamp(0)
    ds.Rows, ds.Columns, ds.NumberOfFrames, ds.SamplesPerPixel = ROWS, COLUMNS, len(offsets_ms) * planes, 1
    ds.PhotometricInterpretation, ds.PixelRepresentation = "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    set_dimensions(ds, "3D_TEMPORAL" if planes > 1 else "3D")
    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=["0.4", "0.5"], SliceThickness="1")],
            FrameVOILUTSequence=[item(WindowCenter="100", WindowWidth="160")],
            ImageDataTypeSequence=[item(DataType="TISSUE_INTENSITY", AliasedDataType="NO")],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        frame_groups(offset_ms, time_index, plane)
        for time_index, offset_ms in enumerate(offsets_ms, start=1)
        for plane in range(1, planes + 1)
    ]
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    pixels = np.random.default_rng(3).integers(0, 256, (ds.NumberOfFrames, ROWS, COLUMNS), dtype=np.uint8)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    if syntax != ExplicitVRLittleEndian:
        ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


def made(tmp_path, path):
    """The run row after the whole way, and the exact frames of the cache."""
    (receipt,) = fill(tmp_path / "data", [path])
    folder = DataFolder(tmp_path / "data", durable=False)
    index = Index(folder.index_path, durable=False)
    row = index.run(receipt.run)
    index.close()
    assert (row.state, row.message) == ("ready", "")
    reader = CacheReader(folder, row.run, row.frames)
    assert reader.complete and row.made == (row.frames,) * 3
    messages = [parse_message(reader.piece_slices(Tier.EXACT, frame)) for frame in range(row.frames)]
    frames = [htj2k.decode_exact(b"".join(bytes(piece.payload) for piece in pieces)) for pieces in messages]
    reader.close()
    assert CineCache(folder).get_blob(row.run, "thumbnail")[8:12] == b"WEBP"
    return row, np.stack(frames)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_enhanced_ultrasound_with_times_of_its_own(tmp_path, syntax):
    steps = [16.5, 17.25, 16, 18.125, 16.5, 17]
    offsets = list(accumulate(steps, initial=0.0))
    path = enhanced_us(tmp_path / "us.dcm", offsets, syntax)
    row, frames = made(tmp_path, path)
    assert np.array_equal(frames, pixel_array(path, raw=True))
    described = row.description
    assert described["sop_class_uid"] == ENHANCED_US and described["frames"] == len(offsets)
    timing = described["timing"]
    assert timing["frame_starts_ms"] == pytest.approx(offsets, abs=0.0011) and timing["frame_time_ms"] is None
    assert (timing["source"], timing["acquisition_known"]) == ("Frame Acquisition DateTime", True)
    window = described["display"]["windows"][0]
    assert (window["center"], window["width"]) == (100, 160)
    assert described["tiers"]["exact"]["badge"] == "EXACT"


def test_its_pixel_measures_are_a_calibration(tmp_path):
    row, _ = made(tmp_path, enhanced_us(tmp_path / "us.dcm", [0, 20, 40], ExplicitVRLittleEndian))
    calibration = row.description["calibration"]
    assert calibration["state"] == "calibrated"
    assert (calibration["row_spacing_mm"], calibration["column_spacing_mm"]) == (0.4, 0.5)


def test_even_times_are_a_frame_time(tmp_path):
    row, _ = made(tmp_path, enhanced_us(tmp_path / "us.dcm", [0, 20, 40, 60], RLELossless))
    assert row.description["timing"]["frame_time_ms"] == 20.0
    assert row.description["timing"]["duration_ms"] == 80.0


def test_planes_of_a_volume_are_at_one_moment_and_every_frame_is_shown(tmp_path):
    path = enhanced_us(tmp_path / "us.dcm", [0, 50, 100], ExplicitVRLittleEndian, planes=4)
    row, frames = made(tmp_path, path)
    assert np.array_equal(frames, pixel_array(path, raw=True)) and len(frames) == 12
    timing = row.description["timing"]
    assert timing["frame_starts_ms"] is None and timing["frame_time_ms"] == pytest.approx(1000 / 30)
    assert timing["source"] == "default 30 fps (US)" and not timing["acquisition_known"]


def test_the_rate_that_it_recommends_for_ranges_of_frames(tmp_path):
    shown = item(StartTrim="1", StopTrim="12", SkipFrameRangeFlag="DISPLAY", RecommendedDisplayFrameRateInFloat=12.5)
    path = enhanced_us(
        tmp_path / "us.dcm", [0, 50, 100], ExplicitVRLittleEndian, planes=4, FrameDisplaySequence=[shown]
    )
    row, _ = made(tmp_path, path)
    assert row.description["timing"]["frame_time_ms"] == 80.0
    assert row.description["timing"]["source"] == "Recommended Display Frame Rate"


def test_enhanced_angiography_of_the_phantom(tmp_path):
    (entry,) = [entry for entry in patient.ENTRIES if entry.make is enhanced.make_enhanced]
    place = Place(1, entry.what, entry.series, entry.instance, entry.description, entry.modality, entry.minute)
    path = tmp_path / "xa.dcm"
    path.write_bytes(enhanced.make_enhanced(place).data)
    row, frames = made(tmp_path, path)
    assert np.array_equal(frames, pixel_array(path, raw=True, decoding_plugin="gdcm"))
    ds = pydicom.dcmread(path)
    groups = ds.PerFrameFunctionalGroupsSequence
    written = [group.FrameContentSequence[0].FrameAcquisitionDateTime for group in groups]
    moments = [datetime.strptime(str(moment), "%Y%m%d%H%M%S.%f%z") for moment in written]
    starts = [(moment - moments[0]) / timedelta(milliseconds=1) for moment in moments]
    described, timing = row.description, row.description["timing"]
    assert "FrameTime" not in ds and described["sop_class_uid"] == enhanced.ENHANCED_XA
    assert (timing["source"], timing["acquisition_known"]) == ("Frame Acquisition DateTime", True)
    assert timing["frame_starts_ms"] == pytest.approx(starts)
    assert all(after > before for before, after in pairwise(timing["frame_starts_ms"]))
    assert described["geometry"]["label"] == "AP CRA 30"
    assert described["calibration"]["state"] == "calibrated"
