"""The compiled kernels against a twin in numpy, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastcine.codec import _pixels, pixels

WORDS = st.sampled_from([np.uint8, np.uint16, np.uint32])
LENGTHS = st.integers(0, 700)


def words(dtype, length):
    return hnp.arrays(dtype, length, elements={"min_value": 0, "max_value": np.iinfo(dtype).max})


@settings(deadline=None)
@given(st.data(), st.integers(0, 7), LENGTHS)
def test_bits(data, start, count):
    packed = data.draw(hnp.arrays(np.uint8, (start + count + 7) // 8 + data.draw(st.integers(0, 2))))
    expected = np.unpackbits(packed, bitorder="little")[start : start + count]
    assert np.array_equal(pixels.unpacked_bits(packed, start, count), expected)


@settings(deadline=None)
@given(st.data(), LENGTHS)
def test_twelve_bits(data, count):
    samples = data.draw(words(np.uint16, count)) & 4095
    padded = np.append(samples, np.zeros(count % 2, np.uint16)).reshape(-1, 2)
    low, high = padded[:, 0], padded[:, 1]
    packed = np.stack([low & 255, low >> 8 | (high & 15) << 4, high >> 4], -1).astype(np.uint8).reshape(-1)
    out = np.empty(count, np.uint16)
    _pixels.unpack_12(packed[: count // 2 * 3 + count % 2 * 2], out)
    assert np.array_equal(out, samples)


@settings(deadline=None)
@given(st.data(), WORDS, LENGTHS, st.booleans())
def test_bits_stored(data, dtype, count, signed):
    """Whatever stands above Bits Stored, to stored samples and to the wire."""
    allocated = 8 * np.dtype(dtype).itemsize
    bits = data.draw(st.integers(1, allocated))
    raw = data.draw(words(dtype, count))
    masked = (raw & ((1 << bits) - 1)).astype(np.int64)
    value = np.where(signed & (masked >= 1 << (bits - 1)), masked - (1 << bits), masked)
    stored = pixels.to_stored(raw, bits, np.dtype(f"{'i' if signed else 'u'}{allocated // 8}"))
    assert np.array_equal(stored, value) and stored.dtype.kind == ("i" if signed else "u")
    sent = pixels.to_unsigned(raw, bits, signed=signed)
    swapped = raw.astype(raw.dtype.newbyteorder("S"))
    assert np.array_equal(pixels.to_unsigned(swapped, bits, signed=signed), sent), "whatever the byte order"
    assert np.array_equal(pixels.to_stored(swapped, bits, stored.dtype), stored)
    assert sent.dtype == pixels.wire_dtype(bits)
    assert np.array_equal(sent, value + ((1 << (bits - 1)) if signed else 0))


@settings(deadline=None)
@given(st.data(), st.sampled_from([np.uint8, np.uint16]), st.integers(0, 40), st.integers(1, 9))
def test_planes_and_pixels(data, dtype, rows, columns):
    planes = data.draw(hnp.arrays(dtype, (3, rows, columns)))
    together = pixels.interleaved(planes)
    assert np.array_equal(together, planes.transpose(1, 2, 0)) and together.flags.c_contiguous
    apart = np.empty(planes.size, dtype)
    _pixels.deinterleave(together.reshape(-1), apart)
    assert np.array_equal(apart.reshape(planes.shape), planes)


@settings(deadline=None)
@given(st.data(), st.sampled_from([np.uint8, np.uint16]), st.integers(1, 700))
def test_range_and_histogram(data, dtype, count):
    samples = data.draw(words(dtype, count))
    assert pixels.sample_range(samples) == (samples.min(), samples.max())
    assert np.array_equal(pixels.histogram(samples), np.bincount(samples, minlength=np.iinfo(dtype).max + 1))


@settings(deadline=None)
@given(st.sampled_from([np.uint8, np.uint16, np.uint32]), st.integers(1, 9000), st.data())
def test_a_bit_above_is_found_wherever_it_is(dtype, count, data):
    samples = np.full((1, count), 7, dtype)
    assert not _pixels.any_bits(samples, 0xFFFFFFF8)
    assert pixels.to_stored(samples, 3, samples.dtype) is samples, "nothing to do, nothing copied"
    samples[0, data.draw(st.integers(0, count - 1))] |= 8
    assert _pixels.any_bits(samples, 0xFFFFFFF8)
    assert (pixels.to_stored(samples, 3, samples.dtype) == 7).all()


@settings(deadline=None)
@given(st.data(), st.sampled_from([np.uint8, np.uint16]), LENGTHS, st.integers(1, 300))
def test_look_up(data, dtype, count, length):
    samples = data.draw(words(dtype, count))
    table = data.draw(hnp.arrays(np.uint8, length))
    assert np.array_equal(pixels.look_up(samples, table), table[np.minimum(samples.astype(int), length - 1)])


@settings(deadline=None)
@given(st.data(), st.integers(1, 16), st.booleans(), st.floats(-4, 4))
def test_mask_subtraction(data, bits, logarithmic, gain):
    dtype, top = np.uint8 if bits <= 8 else np.uint16, (1 << bits) - 1
    frame, mask = (data.draw(hnp.arrays(dtype, 50, elements=st.integers(0, top))) for _ in range(2))
    found = pixels.subtracted(frame, mask, bits, logarithmic=logarithmic, gain=gain)
    full = (lambda codes: np.log1p(codes) / np.log1p(top)) if logarithmic else (lambda codes: codes / top)
    exact = (1 << (bits - 1)) + (full(frame.astype(float)) - full(mask.astype(float))) * gain * top
    # The table has 13 bits at most, so that at 16 bits a step of it is 8 levels.
    assert np.abs(found - np.clip(exact, 0, top)).max() <= 1 + abs(gain) * max(1, top / 8191)
    assert np.array_equal(pixels.subtracted(frame, frame, bits), np.full(50, 1 << (bits - 1)))


def test_contrast_is_dark():
    mask, frame = np.full((2, 2), 200, np.uint8), np.array([[200, 100], [50, 200]], np.uint8)
    picture = pixels.subtracted(frame, mask, 8)
    assert picture[0, 0] == picture[1, 1] == 128 and picture[1, 0] < picture[0, 1] < 128


@pytest.mark.parametrize(
    "call",
    [
        lambda: _pixels.unpack_bits(np.zeros(1, np.uint8), np.zeros(9, np.uint8)),
        lambda: _pixels.unpack_12(np.zeros(4, np.uint8), np.zeros(3, np.uint16)),
        lambda: _pixels.mask_bits(np.zeros(3, np.uint8), np.zeros(2, np.uint8), mask=1, flip=0, minus=0),
        lambda: _pixels.mask_bits(np.zeros(3, np.uint8), np.zeros(3, np.uint16), mask=1, flip=0, minus=0),
        lambda: _pixels.mask_bits(np.zeros(3, np.uint64), np.zeros(3, np.uint8), mask=1, flip=0, minus=0),
        lambda: _pixels.mask_bits(np.zeros(3, np.float32), np.zeros(3, np.uint8), mask=1, flip=0, minus=0),
        lambda: _pixels.mask_bits(np.zeros(3, ">u2"), np.zeros(3, np.uint8), mask=1, flip=0, minus=0),
        lambda: _pixels.mask_bits(np.zeros(6, np.uint8)[::2], np.zeros(3, np.uint8), mask=1, flip=0, minus=0),
        lambda: _pixels.any_bits(np.zeros(3, np.uint64), 1),
        lambda: _pixels.interleave(np.zeros(4, np.uint8), np.zeros(4, np.uint8)),
        lambda: _pixels.deinterleave(np.zeros(3, np.uint8), np.zeros(6, np.uint8)),
        lambda: _pixels.ybr_to_rgb(np.zeros(4, np.uint8), np.zeros(4, np.uint8), np.zeros((5, 256), np.int32), 21),
        lambda: _pixels.ybr_to_rgb(np.zeros(3, np.uint8), np.zeros(3, np.uint8), np.zeros((5, 257), np.int32), 21),
        lambda: _pixels.ybr_to_rgb(np.zeros(3, np.uint8), np.zeros(3, np.uint8), np.zeros((4, 256), np.int32), 21),
        lambda: _pixels.lookup(np.zeros(3, np.uint8), np.zeros(3, np.uint8), np.zeros(255, np.uint8)),
        lambda: _pixels.lookup(np.zeros(3, np.uint8), np.zeros(2, np.uint8), np.zeros(256, np.uint8)),
        lambda: _pixels.lookup_rgb(np.zeros(3, np.uint16), np.zeros(9, np.uint8), np.zeros((256, 3), np.uint8)),
        lambda: _pixels.lookup_rgb(np.zeros(3, np.uint8), np.zeros(8, np.uint8), np.zeros((256, 3), np.uint8)),
        lambda: _pixels.sample_range(np.zeros(0, np.uint8)),
        lambda: _pixels.histogram(np.zeros(3, np.uint16), np.zeros(256, np.uint32)),
        lambda: pixels.subtracted(np.zeros(3, np.uint8), np.zeros(4, np.uint8), 8),
        lambda: pixels.subtracted(np.zeros(3, np.uint16), np.zeros(3, np.uint16), 16, gain=9),
    ],
)
def test_what_does_not_fit_together_is_refused(call):
    with pytest.raises(ValueError):
        call()
