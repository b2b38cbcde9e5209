"""Rendered pictures and thumbnails from a real server: as pydicom's reference shows them, in the form asked for."""

import io

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import apply_voi_lut, pixel_array

from fastcine.phantom.bench_runs import bench_run
from tests.archive.factories import part10, report
from tests.dicomweb.test_client import KIND, fetch, multipart, post, uids
from tests.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
GIF = "image/gif"


@pytest.fixture(scope="module")
def sent():
    _, run = bench_run("xa512x60", frames=3)
    colour = part10("1.2.3.5", series="1.2.5", NumberOfFrames=None, SamplesPerPixel=3, PhotometricInterpretation="RGB",
                    PlanarConfiguration=0, BitsAllocated=8, BitsStored=8, HighBit=7, Rows=40, Columns=60,
                    pixels=np.indices((40, 60, 3)).sum(0).astype(np.uint8).tobytes())  # fmt: skip
    return {"run": run, "colour": colour, "still": part10("1.2.3.1"), "report": report("1.2.3.9")}


@pytest.fixture(scope="module")
def server(tmp_path_factory, sent):
    with serving(tmp_path_factory.mktemp("rendered") / "data") as server:
        assert post(server, multipart(*sent.values()), KIND)[0] == 200
        yield server


def url(server, data):
    study, series, instance = uids(dcmread(io.BytesIO(data)))
    return f"{server.url}/dicomweb/studies/{study}/series/{series}/instances/{instance}"


def picture(body):
    return np.asarray(Image.open(io.BytesIO(body)))


def expected(data, frame, center, width, function):
    dataset = dcmread(io.BytesIO(data))
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, function
    stored = pixel_array(io.BytesIO(data), index=frame)
    full = (1 << dataset.BitsStored) - 1
    return np.rint(apply_voi_lut(stored, dataset) / full * 255)


@pytest.mark.parametrize(
    ("function", "name"), [("linear", "LINEAR"), ("linear-exact", "LINEAR_EXACT"), ("sigmoid", "SIGMOID")]
)
def test_the_window_is_what_pydicom_makes_of_it(server, sent, function, name):
    where = f"{url(server, sent['run'])}/frames/2/rendered?window=120,150,{function}"
    status, headers, body = fetch(where, Accept="image/png")
    assert status == 200 and headers["Content-Type"] == "image/png"
    theirs = expected(sent["run"], 1, 120, 150, name)
    assert np.abs(picture(body).astype(int) - theirs).max() <= 1


def test_media_types(server, sent):
    where = f"{url(server, sent['run'])}/rendered"
    exact = picture(fetch(where, Accept="image/png")[2]).astype(int)
    assert exact.shape == (512, 512)
    for accept, kind in {
        "": "image/jpeg",
        "*/*": "image/jpeg",
        "image/webp": "image/webp",
        "image/jpeg;q=0.5, image/webp": "image/webp",
        "image/gif, image/*;q=0.1": "image/jpeg",
    }.items():
        status, headers, body = fetch(where, **({"Accept": accept} if accept else {}))
        assert (status, headers["Content-Type"]) == (200, kind), accept
        lossy = picture(body)
        lossy = lossy[..., 0] if lossy.ndim == 3 else lossy
        assert lossy.shape == exact.shape and np.abs(lossy - exact).mean() < 4
    assert len(fetch(where + "?quality=10")[2]) < len(fetch(where + "?quality=95")[2]) / 2
    for accept in (GIF, "video/mp4", "text/html", f'multipart/related; type="{GIF}"'):
        assert fetch(where, Accept=accept)[0] == 406, accept
    assert picture(fetch(f"{url(server, sent['colour'])}/rendered", Accept="image/png")[2]).shape == (40, 60, 3)


def test_viewport(server, sent):
    where = f"{url(server, sent['run'])}/frames/1/rendered"
    whole = picture(fetch(where, Accept="image/png")[2])
    part = picture(fetch(f"{where}?viewport=64,64,100,200,64,64", Accept="image/png")[2])
    assert np.array_equal(part, whole[200:264, 100:164])
    assert picture(fetch(f"{where}?viewport=100,50", Accept="image/png")[2]).shape == (50, 50)


def test_wrong_parameters_are_told(server, sent):
    where = f"{url(server, sent['run'])}/rendered"
    for wrong in ("window=1", "window=1,2,cubic", "window=a,2,linear", "window=1,0,linear", "window=1,inf,sigmoid",
                  "quality=0", "quality=101", "quality=high", "viewport=0,5", "viewport=9,99999", "viewport=1,2,3",
                  "viewport=9,9,-1,0,5,5", "viewport=9,9,600,600,5,5", "viewport=9,9,0,0,0,5"):  # fmt: skip
        assert fetch(f"{where}?{wrong}")[0] == 400, wrong
    status, headers, _ = fetch(f"{where}?iccprofile=srgb")
    assert status == 200 and headers["Warning"].startswith("299 ") and "iccprofile" in headers["Warning"]
    assert fetch(url(server, sent["run"]) + "/frames/4/rendered")[0] == 404
    assert fetch(url(server, sent["report"]) + "/rendered")[0] == 406
    assert fetch(f"{server.url}/dicomweb/studies/9.9/rendered")[0] == 404


def test_many_pictures_come_in_parts(server, sent):
    client = DICOMwebClient(f"{server.url}/dicomweb")
    run = dcmread(io.BytesIO(sent["run"]))
    found = client.retrieve_instance_frames_rendered(*uids(run), [3], media_types=("image/png",))
    assert picture(found).shape == (512, 512)
    status, headers, body = fetch(f"{url(server, sent['run'])}/frames/1,3/rendered", Accept="image/png")
    assert headers["Content-Type"].startswith("multipart/related") and body.count(b"Content-Type: image/png") == 2
    status, headers, body = fetch(f"{server.url}/dicomweb/studies/1.2/rendered")
    assert status == 200 and body.count(b"Content-Type: image/jpeg") == 2  # the report has no picture
    assert body.count(b"/rendered\r\n") == 2


def test_thumbnails(server, sent):
    where = url(server, sent["run"])
    server.wait_until_made()
    for level in (where, where.rpartition("/instances")[0], where.rpartition("/series")[0], f"{where}/frames/2"):
        status, headers, body = fetch(f"{level}/thumbnail")
        assert (status, headers["Content-Type"]) == (200, "image/jpeg") and max(picture(body).shape) == 160
        assert fetch(f"{level}/thumbnail", Accept="image/webp")[1]["Content-Type"] == "image/webp"
    assert max(picture(fetch(f"{where}/thumbnail?viewport=64,32", Accept="image/png")[2]).shape) == 32
    assert fetch(f"{where}/thumbnail?viewport=1,2,3,4,5,6")[0] == 400
    assert fetch(f"{where}/thumbnail", Accept=GIF)[0] == 406
    assert fetch(url(server, sent["report"]) + "/thumbnail")[0] == 404
