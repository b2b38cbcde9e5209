"""Transcoding by a real server: objects and frames in other codings, the cine cache's own where it has them."""

import io

import numpy as np
import openjpeg
import pytest
from pydicom import dcmread
from pydicom.pixels import get_decoder

from fastcine.archive.cine_cache import CacheReader
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import parse_message
from fastcine.codec.rle import encode_rle
from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.codec.test_transcode import HTJ2K, JLS, PLUGIN, RLE, SV1
from tests.codec.test_transcode_built import built
from tests.dicomweb.test_client import EXPLICIT, KIND, fetch, multipart, post, uids
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FRAMES = 3


@pytest.fixture(scope="module")
def sent():
    _, run = bench_run("xa512x60", frames=FRAMES)
    rng = np.random.default_rng(1)
    signed = rng.integers(-2048, 2048, (FRAMES, 40, 60)).astype("<i2")
    ybr = rng.integers(0, 256, (1, 40, 60, 3)).astype(np.uint8)
    return {
        "run": run,
        "signed": built(list(signed), BitsStored=12, HighBit=11, PixelRepresentation=1, SOPInstanceUID="1.2.7.1"),
        "ybr": built(list(ybr), SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=0,
                     SOPInstanceUID="1.2.7.2"),
        "overlay": built(list(signed[:1]), syntax=RLE, fragments=[encode_rle(signed[0])], StudyInstanceUID="1.2.77",
                         SOPInstanceUID="1.2.7.3", extra=[(0x60000102, "US", 12)], BitsStored=12, HighBit=11),
        "still": part10("1.2.3.1"),
        "report": report("1.2.3.9"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory, sent):
    with serving(tmp_path_factory.mktemp("transcoded") / "data") as server:
        assert post(server, multipart(*sent.values()), KIND)[0] == 200
        server.wait_until_made()
        yield server


def url(server, data):
    study, series, instance = uids(dcmread(io.BytesIO(data)))
    return f"{server.url}/dicomweb/studies/{study}/series/{series}/instances/{instance}"


def samples(data, syntax, plugin=""):
    array, _ = get_decoder(syntax).as_array(dcmread(io.BytesIO(data)), raw=True, decoding_plugin=plugin)
    return array


@pytest.mark.parametrize("name", ["run", "signed", "ybr"])
def test_objects(server, sent, name):
    data = sent[name]
    expected = samples(data, str(dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID))
    for syntax in (RLE, SV1, JLS, *HTJ2K):
        status, headers, body = fetch(url(server, data), Accept=f"application/dicom; transfer-syntax={syntax}")
        assert status == 200 and headers["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"
        assert dcmread(io.BytesIO(body)).file_meta.TransferSyntaxUID == syntax
        assert np.array_equal(samples(body, syntax, PLUGIN[syntax]), expected), syntax


def test_an_overlay_in_the_pixels_is_not_lost(server, sent):
    where = url(server, sent["overlay"])
    for syntax in (EXPLICIT, JLS):
        assert fetch(where, Accept=f"application/dicom; transfer-syntax={syntax}")[0] == 406
    assert fetch(where, Accept="application/dicom")[0] == 200


def exact_tier(server, data, frame):
    """The bitstream that the cine cache holds."""
    where = server.json(f"/api/runs/{dcmread(io.BytesIO(data)).SOPInstanceUID}")["run"]
    reader = CacheReader(DataFolder(server.data), where, FRAMES)
    return b"".join(piece.payload for piece in parse_message(reader.piece_slices(2, frame)))


def test_frames_as_htj2k_are_the_cine_caches(server, sent):
    """A signed one's with the flag of its signs; where there is none in the cache, or of YBR, one is made."""
    expected = {name: samples(sent[name], str(dcmread(io.BytesIO(sent[name])).file_meta.TransferSyntaxUID))
                for name in ("run", "signed", "ybr")}  # fmt: skip
    for name in ("run", "signed"):
        for number in range(FRAMES):
            frame = fetch(f"{url(server, sent[name])}/frames/{number + 1}", Accept="image/jphc")[2]
            assert np.array_equal(openjpeg.decode(frame), expected[name][number])
            cached = exact_tier(server, sent[name], number)
            differing = [place for place, pair in enumerate(zip(frame, cached, strict=True)) if pair[0] != pair[1]]
            assert len(differing) == (name == "signed")  # Ssiz
    status, _, body = fetch(f"{url(server, sent['ybr'])}/frames/1", Accept="image/jphc")
    assert status == 200 and np.array_equal(openjpeg.decode(body), expected["ybr"])
    status, _, body = fetch(f"{url(server, sent['signed'])}/frames/2", Accept="image/jls")
    assert status == 200 and body.startswith(b"\xff\xd8\xff\xf7")


def test_a_study_leaves_out_what_cannot_be_coded(server):
    study = f"{server.url}/dicomweb/studies/1.2"
    jls = f'multipart/related; type="application/dicom"; transfer-syntax={JLS}'
    status, _, body = fetch(study, Accept=jls)
    assert status == 206 and body.count(b"Content-Location") == 3  # the report has no pixels
    status, _, body = fetch(study, Accept=f"{jls}, {jls.replace(JLS, EXPLICIT)}; q=0.5")
    assert status == 200 and body.count(b"Content-Location") == 4
    assert fetch(f"{study}/series/1.2.99", Accept=jls)[0] == 406
    assert fetch(study, Accept=jls.replace(JLS, "1.2.840.10008.1.2"))[0] == 406
