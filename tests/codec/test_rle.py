import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.encoders.base import RLELosslessEncoder

from fastcine.codec.decode import decode_frame
from fastcine.codec.rle import decode_rle
from fastcine.errors import BadDicom
from tests.dicom.building import make_layout

RLE = "1.2.840.10008.1.2.5"


def encoded(samples, layout):
    """By pydicom's own encoder, the outside oracle."""
    return RLELosslessEncoder.encode(
        samples.tobytes(),
        rows=layout.rows,
        columns=layout.columns,
        samples_per_pixel=layout.samples_per_pixel,
        bits_allocated=layout.bits_allocated,
        bits_stored=layout.bits_stored,
        pixel_representation=0,
        photometric_interpretation=layout.photometric_interpretation,
        number_of_frames=1,
        planar_configuration=0,
        encoding_plugin="pydicom",
    )


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("samples", [1, 3])
def test_what_pydicom_encodes(bits, samples):
    layout = make_layout(
        rows=13,
        columns=17,
        samples_per_pixel=samples,
        bits_allocated=bits,
        bits_stored=bits,
        bytes_per_sample=bits // 8,
        photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
        transfer_syntax_uid=RLE,
    )
    shape = (13, 17) if samples == 1 else (13, 17, 3)
    pixels = np.random.default_rng(bits).integers(0, 1 << bits, shape, np.uint64).astype(f"u{bits // 8}")
    pixels[:6] = 7  # runs too
    assert np.array_equal(decode_frame([encoded(pixels, layout)], layout), pixels)


def header(*offsets):
    return np.array([len(offsets), *offsets, *[0] * (15 - len(offsets))], "<u4").tobytes()


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        header(64),
        header(64) + b"\x05ab",
        header(64) + b"\x81a",
        header(4) + bytes(200),
        header(5000) + bytes(200),
        header(64, 64) + bytes(200),
        np.full(16, 0xFFFFFFFF, "<u4").tobytes() + bytes(200),
    ],
)
def test_damaged_frames(frame):
    with pytest.raises(BadDicom):
        decode_rle(memoryview(frame), samples=1, bytes_per_sample=1, plane_bytes=200)


def test_a_pad_byte_after_the_last_run():
    frame = header(64) + b"\xffa\x01bc" + b"\0"
    assert decode_rle(memoryview(frame), samples=1, bytes_per_sample=1, plane_bytes=4).tobytes() == b"aabc"


@given(st.binary(max_size=400))
def test_any_bytes(data):
    try:
        assert decode_rle(memoryview(data), samples=1, bytes_per_sample=2, plane_bytes=9).shape == (1, 2, 9)
    except BadDicom as error:
        assert error.reason
