"""What `fastcine pull` gives back equals what pydicom decodes, sample for sample, through the whole real way.

Every losslessly coded image of the corpus that pydicom decodes, and every losslessly coded object of the phantom:
received, made by the owner, served, played to exact. Files that share a SOP Instance UID are spread over data folders.
JPEG baseline: the bitstreams are the file's own fragments.
"""

import asyncio
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from aiohttp import web
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from fastcine.client.pull import PullRequest, pull
from fastcine.config import Settings
from fastcine.server.app import make_app
from tests import corpus
from tests.archives import fill
from tests.phantom_disc import phantom_disc

# pydicom reads values lazily and warns of what real files hold; it is the oracle here, not what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
LOSSY = {
    "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203",
}  # fmt: skip
BY_GDCM = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
FOLDERS = ("codec_single", "cta", "other_iod", "other_multiframe", "us", "xa", "waveform", "sr")


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def reference(path):
    """pydicom's raw decode as (frames, rows, columns[, samples]), or None where it decodes nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(path, force=True)
            syntax = ds.file_meta.TransferSyntaxUID if "TransferSyntaxUID" in ds.file_meta else None
            options = {"decoding_plugin": "gdcm"} if syntax in BY_GDCM else {}
            array = pixel_array(path, raw=True, **options) if syntax else ds.pixel_array
        except Exception:
            return None
    frames = int(ds.get("NumberOfFrames") or 1)
    samples = ds.SamplesPerPixel
    shape = (-1, ds.Rows, ds.Columns) if samples == 1 else (-1, ds.Rows, ds.Columns, samples)
    array = array.reshape(shape)
    assert len(array) == frames or frames == 1
    return stored_bits(array, ds)


def stored_bits(array, ds):
    """Bits above Bits Stored removed, signed samples sign-extended: pydicom leaves what the file holds there."""
    if array.dtype.kind == "f" or ds.BitsStored >= ds.BitsAllocated or ds.BitsAllocated == 1:
        return array
    spare = 8 * array.dtype.itemsize - ds.BitsStored
    if ds.PixelRepresentation == 0:
        return array & array.dtype.type((1 << ds.BitsStored) - 1)
    return (array << spare) >> spare


def kind_of(path):
    """ "lossless", "jpeg" or None (lossy, no pixels, nothing pydicom decodes)."""
    try:
        ds = read(path)
        syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
    except Exception:
        return None
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return None
    if syntax == JPEG_BASELINE:
        return "jpeg" if ds.BitsStored == 8 else None
    return None if syntax in LOSSY else "lossless"


def spread(paths):
    """Files in rounds, so that no round holds a SOP Instance UID twice."""
    rounds = []
    for path in paths:
        uid = str(read(path).get("SOPInstanceUID", ""))
        place = next((one for one in rounds if uid not in one), None)
        if place is None:
            place = {}
            rounds.append(place)
        place[uid] = path
    return rounds


async def play(root, uids, out):
    """Pull every run of a data folder; reports and errors by UID."""
    runner = web.AppRunner(make_app(Settings(data=str(root))), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    results = {}
    for number, uid in enumerate(uids):
        request = PullRequest(f"http://127.0.0.1:{port}", uid, out / str(number), timeout_s=60)
        try:
            results[uid] = (request.out, await pull(request))
        except Exception as error:
            results[uid] = (None, error)
    await runner.cleanup()
    return results


def played(paths, base):
    """{path: (folder of frames or None, report or error)} through real archives."""
    results = {}
    for number, files in enumerate(spread(paths)):
        root = base / f"data{number}"
        receipts = dict(zip(files.values(), fill(root, files.values()), strict=True))
        uids = {receipts[path].sop_instance_uid: path for path in files.values()}
        for uid, found in asyncio.run(play(root, uids, base / f"out{number}")).items():
            results[uids[uid]] = found
    return results


CORPUS_FILES = [path for path in corpus.paths(*FOLDERS) if kind_of(path)]


@pytest.fixture(scope="module")
def corpus_played(tmp_path_factory):
    return played(CORPUS_FILES, tmp_path_factory.mktemp("corpus"))


def check(path, folder, report):
    if kind_of(path) == "jpeg":
        ds = read(path)
        frames = list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1)))
        ours = [file.read_bytes() for file in sorted(folder.glob("frame_*.jpg"))]
        assert ours == frames
        assert report["frames_exact"] == len(frames)
        return
    theirs = reference(path)
    ours = np.load(folder / "frames.npy")
    assert ours.dtype == theirs.dtype.newbyteorder("<")
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


@corpus.needs_corpus
@pytest.mark.parametrize("path", CORPUS_FILES, ids=lambda path: path.name[:70])
def test_corpus_comes_back_exact(path, corpus_played):
    folder, report = corpus_played[path]
    if folder is None and reference(path) is None:
        pytest.skip(f"pydicom does not decode it either; ours says: {report}")
    assert folder is not None, report
    if kind_of(path) == "lossless" and reference(path) is None:
        pytest.skip("decoded here, but pydicom has nothing to compare with")
    check(path, folder, report)


@corpus.needs_corpus
def test_the_corpus_is_really_tested(corpus_played):
    compared = [path for path in CORPUS_FILES if kind_of(path) == "jpeg" or reference(path) is not None]
    assert len(compared) >= 100
    assert sum(kind_of(path) == "jpeg" for path in CORPUS_FILES) >= 8


@pytest.fixture(scope="module")
def phantom_played(tmp_path_factory):
    paths = phantom_disc(tmp_path_factory).values()
    images = [path for path in paths if path.name != "DICOMDIR" and kind_of(path)]
    return played(images, tmp_path_factory.mktemp("phantom"))


def test_phantom_comes_back_exact(phantom_played):
    assert len(phantom_played) >= 8
    for path, (folder, report) in phantom_played.items():
        assert folder is not None, f"{Path(path).name}: {report}"
        check(path, folder, report)


def test_a_video_comes_back_as_its_decoder_gives_it(tmp_path):
    pytest.importorskip("av")
    from tests.codec.videos import coded_video, luma_by_pyav, video_object

    stream, path = coded_video("libx264", "mp4"), tmp_path / "video.dcm"
    video_object(path, stream, ".102.1", pieces=5)
    folder, report = played([path], tmp_path)[path]
    assert report["frames_exact"] == 12
    assert np.array_equal(np.load(folder / "frames.npy")[..., 0], luma_by_pyav(stream))
