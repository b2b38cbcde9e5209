import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.codec.checksum import crc32


@given(st.binary(max_size=300))
def test_is_zlibs(data):
    assert crc32(data) == crc32(bytearray(data)) == crc32(memoryview(data)) == zlib.crc32(data)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_of_samples(dtype):
    samples = np.arange(60).astype(dtype).reshape(4, 5, 3)
    assert crc32(samples.data) == zlib.crc32(samples.tobytes())
    assert crc32(samples[:0].data) == 0


def test_without_libdeflate(monkeypatch):
    class Missing:
        available = False

    monkeypatch.setattr(imagecodecs, "DEFLATE", Missing)
    assert crc32(b"frame") == zlib.crc32(b"frame")
