"""The file's own windows and tables of grey, chosen by key and list: canvas pixels against pydicom's VOI functions."""

import numpy as np
import pytest
from pydicom.pixels import apply_voi, apply_windowing

from tests.e2e import looking
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e

FRAME = 1
CHOSEN = "document.getElementById('presets').selectedOptions[0].textContent"


def by_table(made, index):
    """The frame by one item of the VOI LUT Sequence, by pydicom: uint8."""
    bits = made.dataset.VOILUTSequence[index].LUTDescriptor[2]
    out = apply_voi(made.stored[FRAME], made.dataset, index=index)
    return np.rint(out * (255 / ((1 << bits) - 1))).astype(np.uint8)


def by_window(made, index):
    """The frame by one of the file's windows, by pydicom: uint8."""
    out = apply_windowing(made.stored[FRAME], made.dataset, index=index)
    return np.rint(out * (255 / ((1 << made.dataset.BitsStored) - 1))).astype(np.uint8)


@pytest.mark.parametrize("renderer", ["2d", pytest.param("gl", marks=pytest.mark.soak)])
def test_windows_and_tables_of_the_file_are_shown_when_chosen(gl_browser, archive, renderer):
    made = archive.made["windows and tables"]
    pictures = [by_window(made, 0), by_window(made, 1), by_table(made, 0), by_table(made, 1)]
    for n, one in enumerate(pictures):
        others = pictures[:n] + pictures[n + 1 :]
        assert min(np.abs(one.astype(int) - other).max() for other in others) > 50, "they could be told apart"
    with looking.drawing_by(gl_browser, renderer) as page:
        description = looking.open_run(page, archive, made.name)
        assert page.evaluate("fastcine.player.renderer") == renderer
        looking.show_frame(page, FRAME)
        opens = looking.grey_reference(made, description, FRAME).astype(int)
        assert np.abs(opens - pictures[0]).max() <= 1, "the server's previews look the same"
        for picture, words in zip(pictures, ("whole", "narrow", "vessels", "waves"), strict=True):
            assert looking.difference(looking.canvas_picture(page), picture) <= 1, words
            assert page.evaluate(CHOSEN).startswith(words)
            page.keyboard.press("w")
        assert page.evaluate(CHOSEN).startswith("whole"), "from the last on to the first"
        # By the list, as a keyboard uses it.
        page.locator("#presets").focus()
        page.keyboard.press("End")
        wait_until(page, "fastcine.player.window === null")
        assert looking.difference(looking.canvas_picture(page), pictures[3]) <= 1
        page.keyboard.press("ArrowUp")
        wait_until(page, f"{CHOSEN} === 'vessels'")
        assert looking.difference(looking.canvas_picture(page), pictures[2]) <= 1
        page.locator("#presets").blur()
        page.keyboard.press("i")
        assert looking.difference(looking.canvas_picture(page), 255 - pictures[2]) <= 1, "inverted after its table"
        page.keyboard.press("r")
        assert looking.difference(looking.canvas_picture(page), pictures[0]) <= 1


@pytest.mark.soak
def test_a_file_of_a_table_and_no_window_opens_with_its_table(quiet_page, archive):
    page, made = quiet_page, archive.made["table alone"]
    looking.open_run(page, archive, made.name)
    looking.show_frame(page, FRAME)
    assert page.evaluate("fastcine.player.window") is None
    assert page.evaluate(CHOSEN) == "soft"
    assert looking.difference(looking.canvas_picture(page), by_table(made, 0)) <= 1
    # A hand takes it away, and W brings it back.
    page.mouse.move(700, 400)
    page.mouse.down(button="right")
    page.mouse.move(640, 340, steps=3)
    page.mouse.up(button="right")
    wait_until(page, "fastcine.player.window !== null")
    page.keyboard.press("w")
    wait_until(page, "fastcine.player.window === null")
    assert looking.difference(looking.canvas_picture(page), by_table(made, 0)) <= 1
