"""Our decoder of JPEG Lossless against a plain encoder, against libjpeg-turbo, and against bytes from strangers."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.codec.jpeg import scan_jpeg
from fastcine.codec.jpeg_lossless import decode_jpeg_lossless, decode_jpeg_lossless_pair
from fastcine.errors import BadDicom
from tests.codec import sof3

SIZES = st.integers(1, 70)


def decoded(bitstream):
    return decode_jpeg_lossless(bitstream, scan_jpeg(bitstream))


def picture(seed, shape, precision):
    """Noise about a ramp, with a few samples of the extremes."""
    rng = np.random.default_rng(seed)
    top = (1 << precision) - 1
    smooth = np.linspace(0, top, shape[1])[None, :].repeat(shape[0], 0)
    smooth = smooth if len(shape) == 2 else smooth[..., None].repeat(shape[2], 2)
    values = smooth + rng.normal(0, max(1, top / 60), shape)
    values = np.where(rng.random(shape) < 0.02, rng.choice([0, top], shape), values)
    return np.clip(np.rint(values), 0, top).astype(np.uint8 if precision <= 8 else np.uint16)


@settings(deadline=None)
@given(st.integers(0, 2**32), SIZES, SIZES, st.integers(2, 16), st.integers(1, 7), st.data())
def test_every_form(seed, rows, columns, precision, predictor, data):
    components = data.draw(st.sampled_from([1, 1, 1, 2, 3]))
    point_transform = data.draw(st.integers(0, min(4, precision - 1)))
    restart_rows = data.draw(st.sampled_from([0, 0, 1, 2, 7]))
    samples = picture(seed, (rows, columns) if components == 1 else (rows, columns, components), precision)
    bitstream = sof3.encode(
        samples,
        precision=precision,
        predictor=predictor,
        point_transform=point_transform,
        restart_rows=restart_rows if restart_rows * columns < 65536 else 0,
        interleaved=data.draw(st.booleans()),
        tables=data.draw(st.sampled_from([(0,), (1,), (0, 1), (1, 0, 0)])),
    )
    found = decoded(bitstream)
    assert found.dtype == samples.dtype
    assert np.array_equal(found, samples >> point_transform << point_transform)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("precision", "components"), [(8, 1), (8, 3), (12, 1), (16, 1)])
def test_what_libjpeg_writes(predictor, precision, components):
    shape = (61, 157) if components == 1 else (61, 157, 3)
    samples = picture(predictor, shape, precision)
    space = "RGB" if components == 3 else None
    bitstream = bytes(
        imagecodecs.jpeg8_encode(
            samples, lossless=True, predictor=predictor, bitspersample=precision, colorspace=space, outcolorspace=space
        )
    )
    assert np.array_equal(decoded(bitstream), samples)


@given(st.integers(0, 2**32), st.integers(1, 3000), st.sampled_from([8, 12]))
@settings(deadline=None, max_examples=20)
def test_two_at_once(seed, columns, precision):
    """Frames of other contents and other tables, in batches of rows that end anywhere."""
    shape = (max(1, 12_000 // columns), columns)
    frames = [picture(seed + n, shape, precision) for n in range(2)]
    one, two = (
        bytes(imagecodecs.jpeg8_encode(each, lossless=True, predictor=predictor, bitspersample=precision))
        for each, predictor in zip(frames, (1, 6), strict=True)
    )
    found = decode_jpeg_lossless_pair(one, two, scan_jpeg(one))
    assert np.array_equal(found[0], frames[0]) and np.array_equal(found[1], frames[1])
    cut = two[: len(two) // 2]
    good, bad = decode_jpeg_lossless_pair(one, cut, scan_jpeg(one))
    assert np.array_equal(good, frames[0]) and isinstance(bad, BadDicom)
    bad, good = decode_jpeg_lossless_pair(cut, one, scan_jpeg(one))
    assert np.array_equal(good, frames[0]) and isinstance(bad, BadDicom)


def made(**choices):
    return sof3.encode(picture(1, (20, 30), 8), precision=8, **choices)


@pytest.mark.parametrize(
    ("bitstream", "words"),
    [
        (made()[:200], "cut off"),
        (made()[:-20], "cut off"),
        (made(restart_rows=5).replace(b"\xff\xd1", b"\xff\xd9", 1), "restart marker"),
        (made().replace(b"\xff\xc4", b"\xff\xfe", 1), "Huffman table is missing"),
        (made().replace(bytes((1, 1, 0, 1, 0, 0)), bytes((1, 1, 0, 9, 0, 0)), 1), "scan header"),
        (made().replace(bytes((1, 1, 0, 1, 0, 0)), bytes((1, 7, 0, 1, 0, 0)), 1), "scan header"),
        (made(tables=(1,)).replace(b"\0\0\x10\0\0", b"\x10\0\0\0\0", 1), "Huffman table that cannot be"),
    ],
)
def test_damage_is_named(bitstream, words):
    with pytest.raises(BadDicom, match=rf"JPEG Lossless frame: .*({words}).*near byte \d+"):
        decoded(bitstream)


def test_without_the_end_marker_but_whole():
    assert np.array_equal(decoded(made()[:-2]), picture(1, (20, 30), 8))


def test_fill_bytes_and_padding():
    bitstream = (
        made(restart_rows=5).replace(b"\xff\xd1", b"\xff\xff\xff\xd1", 1).replace(b"\xff\xda", b"\xff\xff\xda", 1)
    )
    assert np.array_equal(decoded(bitstream + b"\0"), picture(1, (20, 30), 8))


@pytest.mark.parametrize(
    "bitstream",
    [
        sof3.encode(picture(1, (8, 8, 3), 8), precision=8).replace(bytes((1, 0x11, 0)), bytes((1, 0x21, 0)), 1),
        made().replace(b"\xff\xc3", b"\xff\xc1", 1),
        made(restart_rows=1).replace(b"\xff\xdd\x00\x04\x00\x1e", b"\xff\xdd\x00\x04\x00\x1f", 1),
    ],
)
def test_what_others_have_to_decode(bitstream):
    with pytest.raises(NotImplementedError):
        decoded(bitstream)


SEEDS = [
    made(),
    made(restart_rows=3, predictor=7),
    sof3.encode(picture(2, (20, 30, 3), 12), precision=12, predictor=4, tables=(0, 1)),
    sof3.encode(picture(2, (20, 30, 3), 8), precision=8, interleaved=False, tables=(1,)),
]


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6), st.data())
@settings(deadline=None, max_examples=300)
def test_whatever_the_bytes_are_it_ends(bitstream, changes, data):
    damaged = bytearray(bitstream)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    damaged = bytes(damaged[: data.draw(st.integers(2, len(damaged)))])
    try:
        info = scan_jpeg(damaged)
        if info.height * info.width < 1 << 20:
            decode_jpeg_lossless(damaged, info)
            decode_jpeg_lossless_pair(damaged, bitstream, info)
    except (BadDicom, NotImplementedError):
        pass
