"""Viewports: what is cut, turned over and scaled; Pillow for the scaling."""

import numpy as np
import pytest
from PIL import Image

from fastcine.render.viewport import Viewport, fitted

PICTURE = (np.indices((60, 90)).sum(0) * 2 % 256).astype(np.uint8)


def test_the_whole_picture_fits_and_keeps_its_shape():
    assert np.array_equal(fitted(PICTURE, Viewport(90, 60)), PICTURE)
    assert fitted(PICTURE, Viewport(45, 45)).shape == (30, 45)
    assert fitted(PICTURE, Viewport(1000, 120)).shape == (120, 180)
    assert fitted(np.stack([PICTURE] * 3, -1), Viewport(30, 90)).shape == (20, 30, 3)
    assert fitted(PICTURE, Viewport(1, 1)).shape == (1, 1)


def test_a_part_of_it_and_turned_over():
    part = fitted(PICTURE, Viewport(20, 10, left=5, top=7, part_width=20, part_height=10))
    assert np.array_equal(part, PICTURE[7:17, 5:25])
    assert np.array_equal(fitted(PICTURE, Viewport(20, 10, 5, 7, -20, -10)), PICTURE[7:17, 5:25][::-1, ::-1])
    assert np.array_equal(fitted(PICTURE, Viewport(85, 53, 5, 7)), PICTURE[7:, 5:])
    assert np.array_equal(fitted(PICTURE, Viewport(10, 10, 80, 50, 500, 500)), PICTURE[50:, 80:])
    for beside in (Viewport(10, 10, left=90), Viewport(10, 10, top=60)):
        with pytest.raises(ValueError):
            fitted(PICTURE, beside)


@pytest.mark.parametrize(("size", "how"), [((30, 20), Image.Resampling.BOX), ((180, 120), Image.Resampling.BILINEAR)])
def test_scaling_is_pillows(size, how):
    theirs = np.asarray(Image.fromarray(PICTURE).resize(size, how)).astype(int)
    assert np.abs(fitted(PICTURE, Viewport(*size)).astype(int) - theirs).max() <= 1
