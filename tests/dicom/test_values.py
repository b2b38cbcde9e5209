import struct
from fractions import Fraction

import pytest
from pydicom import Dataset

from fastcine.dicom.values import (
    as_written,
    decimal,
    decimals,
    exact,
    group_item,
    integer,
    integers,
    items,
    number,
    text,
    texts,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("33.333", Fraction(33333, 1000)), ("-1.5E-1", Fraction(-3, 20)), (".5", Fraction(1, 2)), ("7.", Fraction(7)),
     ("nan", None), ("inf", None), ("1e999999999", None), ("", None), ("1,5", None), ("9" * 100, None)],
)  # fmt: skip
def test_exact(written, expected):
    assert exact(written) == expected


def test_whatever_stands_there():
    dataset = Dataset()
    dataset.add_new(0x00181063, "DS", "33.3")
    dataset.add_new(0x00280008, "IS", "12")
    dataset.add_new(0x00280010, "US", 512)
    dataset.add_new(0x00181065, "OB", b"0\\40\\x\\40 ")
    dataset.add_new(0x00081140, "SQ", [Dataset()])
    dataset.add_new(0x00100020, "LO", "")
    assert (number(dataset, 0x00181063), integer(dataset, 0x00280008), integer(dataset, 0x00280010)) == (33.3, 12, 512)
    assert integer(dataset, 0x00181063) is None
    assert decimals(dataset, 0x00181065) == [0, 40, None, 40] and integers(dataset, 0x00181065) == [0, 40, 40]
    assert texts(dataset, 0x00100020) == [] and text(dataset, 0x00100020) == "" and decimal(dataset, 0x00100020) is None
    assert (
        texts(dataset, 0x00081140) == [] and len(items(dataset, 0x00081140)) == 1 and items(dataset, 0x00280010) == []
    )
    assert text(dataset, 0x00999999) == ""


def test_functional_groups_shared_first():
    def group(width):
        voi, group_ = Dataset(), Dataset()
        voi.WindowWidth = width
        group_.FrameVOILUTSequence = [voi]
        return group_

    dataset = Dataset()
    dataset.PerFrameFunctionalGroupsSequence = [group(1), group(2)]
    assert group_item(dataset, 0x00289132, 1).WindowWidth == 2
    dataset.SharedFunctionalGroupsSequence = [group(3)]
    assert group_item(dataset, 0x00289132, 1).WindowWidth == 3
    assert group_item(dataset, 0x00289110) is None


@pytest.mark.parametrize("written", [0.7, -0.4, 178.293, 0.1, 4400.571, 0.0, 16777216.0, 1e-8])
def test_32_bit_floats_are_told_as_they_were_written(written):
    stored = struct.unpack("<f", struct.pack("<f", written))[0]
    assert as_written(stored) == written


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e300, float("inf")])
def test_64_bit_floats_stay_as_they_are(value):
    assert as_written(value) == value
