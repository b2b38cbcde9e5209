import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.codec.jpeg import color_transform, passthrough_frame, scan_jpeg
from fastcine.errors import BadDicom
from tests.dicom.building import make_layout

GREY = np.add.outer(np.arange(16, dtype=np.uint8), np.arange(24, dtype=np.uint8)) * 5
RGB = np.stack([GREY, 255 - GREY, np.roll(GREY, 5, 1)], -1)
COLOUR = {"samples_per_pixel": 3, "photometric_interpretation": "YBR_FULL_422"}


def with_adobe(bitstream, transform):
    segment = b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes([transform])
    return bitstream[:2] + segment + bitstream[2:]


def without_jfif(bitstream):
    assert bitstream[2:4] == b"\xff\xe0"
    return bitstream[:2] + bitstream[4 + int.from_bytes(bitstream[4:6], "big") :]


def test_baseline_grey():
    found = scan_jpeg(imagecodecs.jpeg8_encode(GREY, 90))
    assert (found.width, found.height, found.precision, found.components) == (24, 16, 8, 1)
    assert found.baseline and not found.lossless and found.jfif and found.adobe_transform is None


def test_lossless_at_12_bits():
    found = scan_jpeg(imagecodecs.jpeg8_encode(GREY.astype(np.uint16), lossless=True, predictor=1, bitspersample=12))
    assert (found.frame_marker, found.precision, found.lossless, found.baseline) == (0xC3, 12, True, False)


def test_jpeg_ls():
    found = scan_jpeg(imagecodecs.jpegls_encode(GREY))
    assert (found.frame_marker, found.width, found.height) == (0xF7, 24, 16) and not found.lossless


def test_sampling():
    found = scan_jpeg(imagecodecs.jpeg8_encode(RGB, 90, subsampling="422"))
    assert found.sampling == ((2, 1), (1, 1), (1, 1)) and found.components == 3


@pytest.mark.parametrize("cut", [0, 1, 2, 10, 100, 160])
def test_cut_off(cut):
    with pytest.raises(BadDicom):
        scan_jpeg(imagecodecs.jpeg8_encode(GREY, 90)[:cut])


@given(st.binary(max_size=300))
def test_any_bytes(data):
    for head in (b"", b"\xff\xd8", b"\xff\xd8\xff\xc0"):
        try:
            assert scan_jpeg(head + data).components > 0
        except BadDicom as error:
            assert error.reason


def test_pass_through_keeps_every_byte():
    assert passthrough_frame([b"\xff\xd8ab", memoryview(b"cd\xff\xd9\0")]) == b"\xff\xd8abcd\xff\xd9\0"


BITSTREAM = without_jfif(imagecodecs.jpeg8_encode(RGB, 90, subsampling="444"))


@pytest.mark.parametrize(
    ("bitstream", "photometric", "expected"),
    [
        (BITSTREAM, "YBR_FULL_422", True),
        (BITSTREAM, "RGB", False),
        (with_adobe(BITSTREAM, 0), "YBR_FULL_422", False),
        (with_adobe(BITSTREAM, 1), "RGB", True),
        (imagecodecs.jpeg8_encode(RGB, 90, subsampling="444"), "RGB", True),
        (without_jfif(imagecodecs.jpeg8_encode(RGB, 90, subsampling="422")), "RGB", True),
        (imagecodecs.jpeg8_encode(GREY, 90), "MONOCHROME2", False),
    ],
)
def test_whether_to_turn_ycbcr_into_rgb(bitstream, photometric, expected):
    layout = make_layout(samples_per_pixel=3, photometric_interpretation=photometric)
    assert color_transform(scan_jpeg(bitstream), layout) is expected


def test_components_named_r_g_b():
    bitstream = bytearray(BITSTREAM)
    frame = bitstream.find(b"\xff\xc0")
    for number, letter in enumerate(b"RGB"):
        bitstream[frame + 10 + 3 * number] = letter
    assert not color_transform(scan_jpeg(bytes(bitstream)), make_layout(**COLOUR))
