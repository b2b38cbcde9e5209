import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastcine.codec.pixels import (
    apply_palette,
    from_unsigned,
    sample_range,
    to_rgb,
    to_unsigned,
    window_level,
    wire_dtype,
)
from fastcine.dicom.lut import Palette


@pytest.mark.parametrize(("bits", "dtype"), [(1, "u1"), (8, "u1"), (9, "u2"), (16, "u2"), (17, "u4"), (32, "u4")])
def test_wire_dtype(bits, dtype):
    assert wire_dtype(bits) == np.dtype(dtype)


@given(st.integers(1, 32), st.data())
def test_bias_there_and_back(bits, data):
    width = 8 if bits <= 8 else 16 if bits <= 16 else 32
    for signed in (False, True):
        lowest, highest = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        dtype = np.dtype(f"{'i' if signed else 'u'}{width // 8}")
        stored = data.draw(hnp.arrays(dtype, (2, 3), elements=st.integers(lowest, highest)))
        sent = to_unsigned(stored, bits)
        assert sent.dtype == wire_dtype(bits) and int(sent.max()) < 1 << bits
        assert np.array_equal(sent.astype(np.int64) + lowest, stored)
        assert np.array_equal(from_unsigned(sent, bits, dtype), stored)


def test_narrow_samples_in_wide_words_travel_narrow():
    assert to_unsigned(np.array([[255]], np.uint16), 8).dtype == np.uint8


def test_range_of_floats_without_nan():
    assert sample_range(np.array([[np.nan, 2.5], [-1, np.inf]], np.float32)) == (-1.0, 2.5)
    assert sample_range(np.full((2, 2), np.nan)) == (0.0, 0.0)
    assert sample_range(np.array([[3, 9]], np.uint16)) == (3, 9)


def every_ybr(step):
    values = np.arange(0, 256, step, dtype=np.uint8)
    return np.stack(np.meshgrid(values, values, values, indexing="ij"), -1).reshape(1, -1, 3)


def test_full_range_by_the_equations_of_dicom():
    ybr = every_ybr(5)
    y, cb, cr = (ybr[..., i].astype(np.float64) for i in range(3))
    exact = np.stack(
        [
            y + 1.402 * (cr - 128),
            y - (0.114 * 1.772 * (cb - 128) + 0.299 * 1.402 * (cr - 128)) / 0.587,
            y + 1.772 * (cb - 128),
        ],
        -1,
    )
    found = to_rgb(ybr, "YBR_FULL_422", 8)
    assert np.abs(found - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-4 and found.dtype == np.uint8
    # PS3.3 C.7.6.3.1.2 the other way round, inside the cube, comes back.
    inside = np.all((exact > 1) & (exact < 254), axis=-1)
    matrix = np.array([[0.2990, 0.5870, 0.1140], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    back = found[inside].astype(np.float64) @ matrix.T + [0, 128, 128]
    assert np.abs(back - ybr[inside]).max() < 1.1


def test_partial_range():
    points = np.array([[[16, 128, 128], [235, 128, 128], [0, 128, 128], [255, 128, 128], [126, 240, 128]]], np.uint8)
    found = to_rgb(points, "YBR_PARTIAL_420", 8)[0].tolist()
    assert found[:4] == [[0, 0, 0], [255, 255, 255], [0, 0, 0], [255, 255, 255]]
    assert found[4][2] == 255 and found[4][0] == round((126 - 16) * 255 / 219)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_colour(bits):
    grey = np.arange(0, 1 << bits, 37, dtype=np.uint16)
    ybr = np.stack([grey, np.full_like(grey, 1 << (bits - 1)), np.full_like(grey, 1 << (bits - 1))], -1)[None]
    assert np.array_equal(to_rgb(ybr, "YBR_FULL", bits), np.repeat(grey, 3).reshape(1, -1, 3))


def test_rgb_comes_back_as_it_is():
    rgb = every_ybr(64)
    assert to_rgb(rgb, "RGB", 8) is rgb


def test_palette_ends_and_depth():
    ramp = np.array([0, 0x80FF, 0xFF00], np.uint16)
    palette = Palette(10, 16, ramp, ramp[::-1], ramp)
    found = apply_palette(np.array([[0, 10, 11], [12, 13, 255]], np.uint8), palette)
    assert found[..., 0].tolist() == [[0, 0, 0x80], [0xFF, 0xFF, 0xFF]] and found[0, 0, 1] == 0xFF
    negative = Palette(-2, 8, *[np.array([1, 2, 3], np.uint8)] * 3)
    assert apply_palette(np.array([[-2, -1, 0]], np.int8), negative)[..., 2].tolist() == [[1, 2, 3]]


def reference_linear(x, center, width):
    """PS3.3 C.11.2.1.2.1, word for word."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0.0
    if x > center - 0.5 + (width - 1) / 2:
        return 255.0
    return ((x - (center - 0.5)) / (width - 1) + 0.5) * 255


@given(st.integers(-3000, 3000), st.floats(1, 4000), st.integers(-5000, 5000))
def test_linear(center, width, x):
    (found,) = window_level(np.array([x]), center=center, width=width)
    assert abs(found - reference_linear(x, center, width)) <= 0.5001


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        ("LINEAR_EXACT", [0, 25, 50, 75, 100], [0, 64, 128, 191, 255]),
        ("SIGMOID", [-1e9, 50, 1e9], [0, 128, 255]),
        ("LINEAR", [0, 49, 50, 51], [0, 0, 255, 255]),
    ],
)
def test_other_functions(function, values, expected):
    width = 1 if function == "LINEAR" else 100
    found = window_level(np.array(values, float), center=50, width=width, function=function)
    assert found.tolist() == expected
    assert window_level(np.array(values, float), center=50, width=width, function=function, invert=True).tolist() == [
        255 - level for level in expected
    ]


def test_nan_is_black():
    assert window_level(np.array([np.nan]), center=0, width=10).tolist() == [0]
