"""From a stored object to its cache: tiers of every frame, a derived window, bounded memory whatever the length."""

import re
import subprocess
import sys

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from fastcine.archive.cine_cache import CacheReader, CineCache
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cine.wire import parse_message
from fastcine.codec import htj2k, video
from fastcine.render.preview import unpack
from tests.archives import fill
from tests.dicom.building import encapsulated, image_elements, part10
from tests.serving import ROOT


def secondary_capture(path, *, frames, rows, columns, pixels=None, **elements):
    """A native multi-frame object; with `pixels` None a sparse file of zeros follows the header."""
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = pydicom.uid.generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    ds.Modality, ds.PatientName, ds.PatientID = "XA", "Made^Up", "1"
    ds.Rows, ds.Columns, ds.NumberOfFrames, ds.SamplesPerPixel = rows, columns, frames, 1
    ds.PhotometricInterpretation, ds.PixelRepresentation = "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    size = frames * rows * columns * ds.BitsAllocated // 8
    ds.PixelData = b"" if pixels is None else pixels.tobytes()
    ds["PixelData"].VR = "OW"
    ds.save_as(path, enforce_file_format=True)
    if pixels is None:
        with open(path, "r+b") as file:
            data = file.read()
            at = data.index(b"\xe0\x7f\x10\x00OW\0\0") + 8
            file.seek(at)
            file.write(size.to_bytes(4, "little"))
            file.truncate(at + 4 + size)
    return ds


@pytest.fixture
def noisy(tmp_path):
    rng = np.random.default_rng(5)
    pixels = rng.integers(300, 1700, (5, 40, 56), dtype=np.uint16)
    path = tmp_path / "noisy.dcm"
    secondary_capture(path, frames=5, rows=40, columns=56, pixels=pixels)
    return path, pixels


def test_tiers_description_and_pictures(tmp_path, noisy):
    path, pixels = noisy
    (receipt,) = fill(tmp_path / "data", [path])
    folder = DataFolder(tmp_path / "data")
    index = Index(folder.index_path)
    row = index.run(receipt.run)
    assert row.state == "ready"
    assert row.made == (5, 5, 5)
    window = row.description["display"]["windows"][0]
    assert window["source"] == "derived"
    assert window["center"] - window["width"] / 2 >= 290
    assert window["center"] + window["width"] / 2 <= 1710
    reader = CacheReader(folder, receipt.run, 5)
    assert reader.complete
    for frame in range(5):
        joined = b"".join(bytes(piece.payload) for piece in parse_message(reader.piece_slices(2, frame)))
        assert np.array_equal(htj2k.decode_exact(joined), pixels[frame])
        rough = b"".join(bytes(piece.payload) for piece in parse_message(reader.piece_slices(1, frame)))
        error = htj2k.decode_first_pass(rough, 12).astype(int) - pixels[frame]
        assert np.abs(error).mean() < 0.04 * 4096
    reader.close()
    cache = CineCache(folder)
    assert cache.get_blob(receipt.run, "thumbnail")[8:12] == b"WEBP"
    previews = unpack(cache.get_blob(receipt.run, "previews"))
    assert len(previews) == 5 and all(preview[8:12] == b"WEBP" for preview in previews)
    index.close()


def test_a_run_in_jpeg_2000_where_imagecodecs_was_built_without_it(tmp_path, noisy, monkeypatch):
    path, pixels = noisy
    ds = pydicom.dcmread(path)
    frames = [imagecodecs.jpeg2k_encode(frame, codecformat="J2K", level=0, reversible=True) for frame in pixels]
    ds.PixelData, ds.file_meta.TransferSyntaxUID = pydicom.encaps.encapsulate(frames), pydicom.uid.JPEG2000Lossless
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    monkeypatch.setattr(imagecodecs.JPEG2K, "available", False)
    monkeypatch.delattr(imagecodecs, "jpeg2k_decode")
    (receipt,) = fill(tmp_path / "data", [path])
    folder = DataFolder(tmp_path / "data")
    index = Index(folder.index_path)
    assert (index.run(receipt.run).state, index.run(receipt.run).made) == ("ready", (5, 5, 5))
    index.close()
    reader = CacheReader(folder, receipt.run, 5)
    for frame in range(5):
        joined = b"".join(bytes(piece.payload) for piece in parse_message(reader.piece_slices(2, frame)))
        assert np.array_equal(htj2k.decode_exact(joined), pixels[frame])
    reader.close()


def test_the_retired_biplane_xa_plays_as_the_others_do(tmp_path):
    """1.2.840.10008.5.1.4.1.1.12.3: both planes' frames in one object, angles of the first."""
    pixels = np.random.default_rng(6).integers(0, 4096, (4, 40, 56), dtype=np.uint16)
    path = tmp_path / "biplane.dcm"
    biplane = "1.2.840.10008.5.1.4.1.1.12.3"
    secondary_capture(
        path, frames=4, rows=40, columns=56, pixels=pixels, SOPClassUID=biplane, FrameTime="66.5",
        FrameIncrementPointer=0x00181063, PositionerPrimaryAngle="30", PositionerSecondaryAngle="-20",
    )  # fmt: skip
    (receipt,) = fill(tmp_path / "data", [path])
    index = Index(DataFolder(tmp_path / "data").index_path)
    row = index.run(receipt.run)
    index.close()
    assert (row.state, row.made) == ("ready", (4, 4, 4))
    assert row.description["sop_class_uid"] == biplane
    assert row.description["geometry"]["label"] == "LAO 30 CAU 20"
    assert row.description["timing"]["fps"] == pytest.approx(1000 / 66.5, abs=0.001)


def test_a_video_without_pyav_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "installed", lambda: False)
    path = tmp_path / "video.dcm"
    head = image_elements(samples=3, photometric="YBR_PARTIAL_420", planar=0, frames="5")
    path.write_bytes(part10(head + encapsulated([b"stream"]), "1.2.840.10008.1.2.4.102"))
    (receipt,) = fill(tmp_path / "data", [path])
    index = Index(DataFolder(tmp_path / "data").index_path)
    row = index.run(receipt.run)
    index.close()
    assert row.state == "failed" and "fastcine[video]" in row.message


def memory_growth_bytes(data, path):
    """How much more memory than after its imports `fastcine ingest` needed for one file, in a process of its own."""
    code = (
        "import re, resource\n"
        "from fastcine.cli import main, ingest_command, preparing\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        f"code = main.main(['ingest', '--data', {str(data)!r}, {str(path)!r}])\n"
        "print('grew', peak() - before, 'code', code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=1800, cwd=ROOT)
    grew, exit_code = map(int, re.search(r"grew (\d+) code (\d)", done.stdout).groups())
    assert exit_code == 0, done.stdout + done.stderr
    return grew * (1024 if sys.platform != "darwin" else 1)


@pytest.mark.soak
def test_a_long_run_needs_little_memory(tmp_path):
    path = tmp_path / "long.dcm"
    secondary_capture(path, frames=220, rows=1024, columns=1024)
    assert path.stat().st_size > 440 << 20
    assert memory_growth_bytes(tmp_path / "data", path) < 300 << 20


@pytest.mark.soak
def test_four_gigabytes_need_little_memory(tmp_path):
    path = tmp_path / "huge.dcm"
    # Lengths of native pixels have 32 bits: this is as long as one can be.
    secondary_capture(path, frames=2047, rows=1024, columns=1024)
    assert path.stat().st_size > 4_290_000_000
    assert memory_growth_bytes(tmp_path / "data", path) < 300 << 20
