import imagecodecs
import numpy as np
import pytest

from fastcine.codec.color_and_loss import decoded_photometric, reversible
from tests.dicom.building import make_layout

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], -1)


def layout(suffix, photometric, samples=3):
    return make_layout(
        transfer_syntax_uid="1.2.840.10008.1.2" + suffix,
        photometric_interpretation=photometric,
        samples_per_pixel=samples,
    )


@pytest.mark.parametrize(
    ("suffix", "stated", "frame", "expected"),
    [
        (".4.50", "YBR_FULL_422", imagecodecs.jpeg8_encode(COLOUR, 90), "YBR_FULL"),
        (".4.51", "RGB", imagecodecs.jpeg8_encode(COLOUR, 90, subsampling="422"), "YBR_FULL"),
        (".4.91", "YBR_ICT", imagecodecs.htj2k_encode(COLOUR, 0.1, reversible=False, rgb=True), "RGB"),
        (".4.201", "YBR_FULL", imagecodecs.htj2k_encode(COLOUR, reversible=True, rgb=True), "RGB"),
        (".4.201", "YBR_FULL", imagecodecs.htj2k_encode(COLOUR, reversible=True, rgb=False, planar=False), "YBR_FULL"),
        (".4.110", "XYB", b"", "RGB"),
        (".1", "YBR_FULL_422", b"", "YBR_FULL"),
        (".5", "YBR_FULL", b"", "YBR_FULL"),
        (".5", "RGB", b"", "RGB"),
    ],
)
def test_colour_of_decoded_samples(suffix, stated, frame, expected):
    assert decoded_photometric([frame[:9], frame[9:]], layout(suffix, stated)) == expected


def test_grey_stays_what_it_is():
    assert decoded_photometric([b""], layout(".4.50", "MONOCHROME1", samples=1)) == "MONOCHROME1"


@pytest.mark.parametrize(
    ("suffix", "frame", "expected"),
    [
        (".4.70", b"", True),
        (".4.81", imagecodecs.jpegls_encode(GREY, level=0), True),
        (".4.81", imagecodecs.jpegls_encode(GREY, level=3), False),
        (".4.91", imagecodecs.jpeg2k_encode(GREY, level=40, codecformat="j2k"), False),
        (".4.203", imagecodecs.htj2k_encode(GREY, reversible=True), None),
        (".4.203", imagecodecs.htj2k_encode(GREY, 0.1, reversible=False), False),
        (".4.50", imagecodecs.jpeg8_encode(GREY, 90), False),
        (".4.112", b"", None),
    ],
)
def test_whether_anything_was_lost(suffix, frame, expected):
    assert reversible([frame], layout(suffix, "MONOCHROME2", samples=1)) is expected
