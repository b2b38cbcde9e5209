import pytest
from pydicom import Dataset

from fastcine.dicom.mask import read_masks
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file


def masks(frames=30, mode="SUB", **values):
    item, dataset = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    dataset.MaskSubtractionSequence, dataset.RecommendedViewingMode = [item], mode
    return read_masks(dataset, frames=frames)


def test_average_subtraction():
    found = masks(
        MaskOperation="AVG_SUB",
        MaskFrameNumbers=[2, 3],
        ApplicableFrameRange=[4, 10, 12, 30],
        MaskSubPixelShift=[0.5, -1.25],
    )
    (item,) = found.items
    assert item.mask_frames == (2, 3) and item.frame_ranges == ((4, 10), (12, 30))
    assert item.shift_pixels == (0.5, -1.25) and item.contrast_averaging == 1 and found.subtract_first


def test_the_offset_of_tid_is_1_when_empty():
    assert masks(MaskOperation="TID", TIDOffset=None).items[0].tid_offset == 1
    assert masks(MaskOperation="TID", TIDOffset=-4).items[0].tid_offset == -4


@pytest.mark.parametrize(
    "values",
    [{"MaskOperation": "AVG_SUB"}, {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [31]},
     {"MaskOperation": "REV_TID", "TIDOffset": 1}, {"MaskOperation": "TID", "ApplicableFrameRange": [9, 3]}, {}],
)  # fmt: skip
def test_what_is_no_subtraction(values):
    found = masks(**values)
    assert found.items == () and not found.subtract_first


def test_none_is_said_and_subtracts_nothing():
    found = masks(MaskOperation="NONE", ApplicableFrameRange=[2, 9])
    assert [(each.operation, each.frame_ranges) for each in found.items] == [("NONE", ((2, 9),))]
    assert not found.subtracts and not found.subtract_first
    assert masks(MaskOperation="TID").subtracts


def test_the_real_angiogram_must_not_be_subtracted():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    dataset = read_values(data, parse_object(data))
    assert len(dataset.MaskSubtractionSequence) == 1
    (item,) = read_masks(dataset, frames=96).items
    assert item.operation == dataset.MaskSubtractionSequence[0].MaskOperation == "NONE"
    assert not read_masks(dataset, frames=96).subtracts
    assert read_masks(dataset, frames=96).intensity == "LIN"
