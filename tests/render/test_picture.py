"""The display reference against pydicom's, and the small pictures."""

import base64

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from fastcine.render.picture import grey_picture, shrunk
from fastcine.render.preview import PREVIEW_BYTES, preview, thumbnail


def display(**changes):
    body = {
        "invert": False, "rescale_slope": 1.0, "rescale_intercept": 0.0, "voi_lut_function": "LINEAR", "voi_luts": [],
        "modality_lut": None, "windows": [{"center": 2000.0, "width": 1500.0}],
    }  # fmt: skip
    return {**body, **changes}


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("signed", [False, True])
def test_window_equals_pydicoms(function, signed):
    stored = np.arange(4096).astype(np.int16 if signed else np.uint16)
    stored = stored - 2048 if signed else stored
    stored = stored.reshape(64, 64).astype(np.int16 if signed else np.uint16)
    ds = Dataset()
    ds.RescaleSlope, ds.RescaleIntercept = "1.5", "-100"
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = "900", "1200", function
    ds.BitsStored, ds.BitsAllocated, ds.PixelRepresentation = 12, 16, int(signed)
    ds.PhotometricInterpretation = "MONOCHROME2"
    values = apply_voi_lut(apply_modality_lut(stored, ds), ds)
    low = (-2048 if signed else 0) * 1.5 - 100
    high = (2047 if signed else 4095) * 1.5 - 100
    theirs = np.rint((values - low) / (high - low) * 255)
    body = display(
        rescale_slope=1.5,
        rescale_intercept=-100.0,
        voi_lut_function=function,
        windows=[{"center": 900.0, "width": 1200.0}],
    )
    wire = (stored.astype(np.int32) + (2048 if signed else 0)).astype(np.uint16)
    ours = grey_picture(wire, body, bits_stored=12, signed=signed)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_invert_and_voi_lut():
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    body = display(windows=[{"center": 128.0, "width": 256.0}])
    assert np.array_equal(grey_picture(samples, body, bits_stored=8, signed=False), samples)
    inverted = grey_picture(samples, {**body, "invert": True}, bits_stored=8, signed=False)
    assert np.array_equal(inverted, 255 - samples)
    entries = np.array([0, 4095, 0, 4095], "<u2")
    lut = {"first": 100, "bits": 12, "data": base64.b64encode(entries.tobytes()).decode()}
    looked_up = grey_picture(samples, {**body, "voi_luts": [lut]}, bits_stored=8, signed=False).ravel()
    assert looked_up[[0, 99, 100, 101, 102, 103, 200]].tolist() == [0, 0, 0, 255, 0, 255, 255]
    window = {"center": 128.0, "width": 256.0, "source": "file"}
    both = grey_picture(samples, {**body, "voi_luts": [lut], "windows": [window]}, bits_stored=8, signed=False)
    assert np.array_equal(both, samples), "as the viewer opens it: by the file's window"


def test_shrinking_takes_means():
    picture = np.zeros((400, 200), np.uint8)
    picture[::2] = 200
    small = shrunk(picture, 100)
    assert small.shape == (100, 50)
    assert np.all(np.abs(small.astype(int) - 100) <= 1)
    assert shrunk(picture, 400) is picture
    assert shrunk(np.zeros((301, 77, 3), np.uint8), 50).shape == (50, 13, 3)


def test_small_pictures_are_lossy_webp_within_their_size():
    rng = np.random.default_rng(1)
    noisy = rng.integers(0, 256, (1024, 1024), dtype=np.uint8)
    data = preview(noisy)
    assert len(data) <= PREVIEW_BYTES
    decoded = imagecodecs.webp_decode(data)
    assert max(decoded.shape[:2]) >= 128
    assert max(imagecodecs.webp_decode(thumbnail(noisy)).shape[:2]) == 160
