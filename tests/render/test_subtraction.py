"""The reference of mask subtraction, against the standard's words and scipy-free arithmetic by hand."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from fastcine.codec import pixels
from fastcine.dicom.mask import read_masks
from fastcine.render import subtraction
from fastcine.render.subtraction import Parts, parts_of


def item(operation, *, frames=10, **elements):
    entry = Dataset()
    entry.MaskOperation = operation
    for keyword, value in elements.items():
        setattr(entry, keyword, value)
    dataset = Dataset()
    dataset.MaskSubtractionSequence = Sequence([entry])
    return read_masks(dataset, frames=frames).items[0]


def test_an_averaged_mask_is_for_its_ranges_and_ends_where_averaging_does():
    ranged = item("AVG_SUB", MaskFrameNumbers=[1, 2], ApplicableFrameRange=[3, 4, 7, 10], ContrastFrameAveraging=2)
    assert [parts_of(ranged, frame, frames=10) is not None for frame in range(1, 11)] == [
        False, False, True, True, False, False, True, True, True, True,
    ]  # fmt: skip
    assert parts_of(ranged, 3, frames=10) == Parts((1, 2), (3, 4))
    whole = item("AVG_SUB", MaskFrameNumbers=[1], ContrastFrameAveraging=3)
    assert parts_of(whole, 8, frames=10) == Parts((1,), (8, 9, 10))
    assert parts_of(item("NONE"), 5, frames=10) is None
    assert parts_of(whole, 9, frames=10) is None, "it ends at the last frame less the averaging, plus one"


def test_time_interval_differences_take_earlier_frames_or_walk_back():
    assert parts_of(item("TID", TIDOffset=2), 5, frames=10) == Parts((3,), (5,))
    assert parts_of(item("TID", TIDOffset=2), 2, frames=10) is None
    assert parts_of(item("TID", TIDOffset=-1), 5, frames=10) == Parts((6,), (5,))
    assert parts_of(item("TID", TIDOffset=None), 5, frames=10) == Parts((4,), (5,)), "no length means 1"
    # PS3.3 C.7.6.10: offset 1, frames 3 to 4: the masks are 2 and 1.
    back = item("REV_TID", ApplicableFrameRange=[3, 5], TIDOffset=1)
    assert [parts_of(back, frame, frames=10) for frame in (3, 4, 5)] == [Parts((2,), (3,)), Parts((1,), (4,)), None]


def test_a_mask_moves_down_and_to_the_left():
    mask = np.zeros((6, 7))
    mask[2, 3] = 1.0
    assert np.argwhere(subtraction.moved(mask, (1, 2)) == 1).tolist() == [[3, 1]]
    assert np.argwhere(subtraction.moved(mask, (-1, -3)) == 1).tolist() == [[1, 6]]
    half = subtraction.moved(mask, (0.25, 0.5))
    assert half[2, 2] == half[2, 3] == pytest.approx(0.375) and half[3, 2] == half[3, 3] == pytest.approx(0.125)
    assert half.sum() == pytest.approx(1)


def test_a_mask_at_the_edge_is_drawn_on():
    ramp = np.arange(20.0).reshape(4, 5)
    assert np.array_equal(subtraction.moved(ramp, (9, 0)), np.repeat(ramp[:1], 4, axis=0))
    assert np.array_equal(subtraction.moved(ramp, (0, 9))[:, 0], ramp[:, 4])


@pytest.mark.parametrize("logarithmic", [False, True])
def test_whole_frames_agree_with_the_kernel(logarithmic):
    rng = np.random.default_rng(3)
    frame, mask = (rng.integers(0, 4096, (40, 50), np.uint16) for _ in range(2))
    apart = subtraction.difference([frame], [mask], bits_stored=12, logarithmic=logarithmic)
    kernel = pixels.subtracted(frame, mask, 12, logarithmic=logarithmic).astype(np.float64) - 2048
    assert np.abs(np.clip(apart, -2048, 2047) - kernel).max() <= 2


def test_a_vessel_is_as_dark_over_bone_as_beside_it():
    bone = np.array([[3000, 300]], np.uint16)
    vessel = np.rint(bone * 0.7).astype(np.uint16)
    apart = subtraction.difference([vessel], [bone], bits_stored=12, logarithmic=True)
    assert apart[0, 0] == pytest.approx(apart[0, 1], rel=0.01) and apart[0, 0] < 0
    plain = subtraction.difference([vessel], [bone], bits_stored=12, logarithmic=False)
    assert plain[0, 0] == pytest.approx(10 * plain[0, 1], rel=0.01)


def test_averages_fading_and_signs():
    masks = [np.full((2, 2), 10, np.uint8), np.array([[30, 30], [10, 10]], np.uint8)]
    contrast = [np.full((2, 2), 50, np.uint8), np.full((2, 2), 60, np.uint8)]
    whole = subtraction.difference(contrast, masks, bits_stored=8, logarithmic=False)
    assert np.allclose(whole, [[35, 35], [45, 45]])
    none = subtraction.difference(contrast, masks, bits_stored=8, logarithmic=False, opacity=0)
    assert np.allclose(none, 40), "what is left of the mask is its mean"
    shifted_up = [one.astype(np.uint8) + np.uint8(128) for one in contrast]
    signed = subtraction.difference(shifted_up, [shifted_up[0]], bits_stored=8, logarithmic=True, signed=True)
    assert np.allclose(signed, 255 * (np.log1p(60) - np.log1p(50)) / 2 / np.log1p(127))


def test_alike_is_grey_and_contrast_is_dark():
    apart = np.array([[0.0, -64.0, 64.0, -20.0]])
    picture = subtraction.subtracted_picture(apart, window=subtraction.opening_window(8, logarithmic=False))
    assert picture.tolist() == [[128, 0, 255, 88]]
    assert subtraction.subtracted_picture(apart, window=(0, 128), invert=True).tolist() == [[127, 255, 0, 167]]
