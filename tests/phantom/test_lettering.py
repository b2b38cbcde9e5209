from __future__ import annotations

import numpy as np
import pytest

from fastcine.phantom.lettering import burn_text, text_mask


def test_letters_look_like_themselves() -> None:
    drawn = ["".join("#" if p else "." for p in row) for row in text_mask("TO")]
    assert drawn == [
        "#####..###..",
        "..#...#...#.",
        "..#...#...#.",
        "..#...#...#.",
        "..#...#...#.",
        "..#...#...#.",
        "..#....###..",
    ]


def test_scale_repeats_pixels() -> None:
    assert np.array_equal(text_mask("AB", scale=3)[::3, ::3], text_mask("AB"))


def test_burning_writes_the_letters_and_a_shadow_around_them_only() -> None:
    pixels = np.full((20, 40), 100, dtype=np.uint8)
    burn_text(pixels, "HI", top=5, left=6, value=250, shadow=10)
    mask = text_mask("HI")
    assert np.all(pixels[5:12, 6:18][mask] == 250)
    assert pixels[4, 6] == 10 and np.all(pixels[13:] == 100) and np.all(pixels[:, 20:] == 100)


def test_text_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="fit"):
        burn_text(np.zeros((10, 10), dtype=np.uint8), "PHANTOM", top=2, left=2, value=1)
    with pytest.raises(KeyError):
        text_mask("é")
