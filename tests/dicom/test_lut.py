import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from fastcine.dicom.lut import expand_segments, read_lut, read_palette
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file


def lut(descriptor, data, vr="OW"):
    item = Dataset()
    item.add_new(0x00283002, "US" if descriptor[1] >= 0 else "SS", descriptor)
    item.add_new(0x00283006, vr, data)
    item.LUTExplanation = "curve"
    return item


WORDS = np.array([0, 100, 4095], "<u2")


@pytest.mark.parametrize(
    ("data", "vr", "big_endian"),
    [(WORDS.tobytes(), "OW", False), ([0, 100, 4095], "US", False), (WORDS.astype(">u2").tobytes(), "OW", True)],
)
def test_a_table_in_either_vr_and_order(data, vr, big_endian):
    found = read_lut(lut([3, -5, 12], data, vr), big_endian=big_endian)
    assert (found.first, found.bits, found.explanation) == (-5, 12, "curve")
    assert found.entries.tolist() == [0, 100, 4095]


def test_bytes_packed_in_words():
    assert read_lut(lut([4, 0, 8], bytes([1, 2, 3, 4])), big_endian=False).entries.tolist() == [1, 2, 3, 4]
    assert read_lut(lut([4, 0, 8], bytes([2, 1, 4, 3])), big_endian=True).entries.tolist() == [1, 2, 3, 4]


def test_0_entries_mean_65536():
    found = read_lut(lut([0, 0, 16], bytes(131072)), big_endian=False)
    assert len(found.entries) == 65536


@pytest.mark.parametrize("item", [lut([9, 0, 12], WORDS.tobytes()), lut([3, 0, 40], WORDS.tobytes()), Dataset()])
def test_damaged_tables(item):
    assert read_lut(item, big_endian=False) is None


def palette(entries, bits=16, **changes):
    dataset = Dataset()
    for channel in range(3):
        dataset.add_new(0x00281101 + channel, "US", [len(entries), 0, bits])
        dataset.add_new(0x00281201 + channel, "OW", np.array(entries, "<u2").tobytes())
    for tag, value in changes.items():
        dataset.add_new(int(tag, 16), "OW", value)
    return dataset


def test_palettes():
    found = read_palette(palette([0, 0x8000, 0xFF00]), big_endian=False)
    assert (found.bits, found.red.dtype, found.red.tolist()) == (16, np.uint16, [0, 0x8000, 0xFF00])
    narrow = read_palette(palette([0, 128, 255], bits=16), big_endian=False)
    assert (narrow.bits, narrow.green.dtype, narrow.green.tolist()) == (8, np.uint8, [0, 128, 255])
    assert read_palette(Dataset(), big_endian=False) is None


def test_a_segmented_palette():
    segments = np.array([0, 1, 1000, 1, 4, 5000, 0, 2, 7, 8], "<u2").tobytes()
    dataset = Dataset()
    for channel in range(3):
        dataset.add_new(0x00281101 + channel, "US", [7, 0, 16])
        dataset.add_new(0x00281221 + channel, "OW", segments)
    assert read_palette(dataset, big_endian=False).blue.tolist() == [1000, 2000, 3000, 4000, 5000, 7, 8]


def test_indirect_segments():
    words = np.array([0, 2, 10, 20, 1, 2, 40, 2, 2, 0, 0])
    assert expand_segments(words, 8).tolist() == [10, 20, 30, 40, 10, 20, 30, 40]


@given(st.lists(st.integers(0, 65535), max_size=60), st.integers(1, 300))
def test_any_segments_end(words, length):
    found = expand_segments(np.array(words, np.int64), length)
    assert found is None or len(found) == length


def test_big_and_little_endian_corpus_twins_agree():
    def read(name):
        data = corpus_file(name)
        structure = parse_object(data)
        return read_palette(read_values(data, structure), big_endian=structure.big_endian)

    little = read("us/pydicom-data__OBXXXX1A_2frame.dcm")
    big = read("us/pydicom-data__OBXXXX1A_expb_2frame.dcm")
    assert little.red.tolist() == big.red.tolist() and len(little.red) == 256
