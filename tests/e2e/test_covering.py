"""Shutters, overlays and filters on the canvas (2D and WebGL2) against numpy: real keys, a finger, pixels read back."""

import numpy as np
import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e

YELLOW = (255, 220, 80)


def blurred(picture):
    """Weights 1 2 1 both ways, edges go on; 16 times."""
    around = np.pad(picture.astype(np.int64), 1, "edge")
    rows = around[:-2] + 2 * around[1:-1] + around[2:]
    return rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]


def sharpened(picture):
    return np.clip((32 * picture.astype(np.int64) - blurred(picture) + 8) >> 4, 0, 255).astype(np.uint8)


def smoothed(picture):
    return ((blurred(picture) + 8) >> 4).astype(np.uint8)


def covered(made, grey, frame, *, overlays=True, shutters=True):
    """The picture of frame `frame` (from 0) with what the file lays over it."""
    picture = np.repeat(grey[..., None], 3, axis=2)
    for bits, (top, left) in made.dataset.planes.values() if overlays else ():
        plane = 0 if len(bits) == 1 else frame - 1
        if not 0 <= plane < len(bits):
            continue
        for row, column in np.argwhere(bits[plane]):
            if row + top - 1 >= 0:
                picture[row + top - 1, column + left - 1] = YELLOW
    if shutters:
        row, column = np.mgrid[1 : grey.shape[0] + 1, 1 : grey.shape[1] + 1]
        seen = ((row - 128) ** 2 + (column - 160) ** 2 <= 150**2) & (column >= 21) & (column <= 300)
        picture[~(seen & (row >= 11) & (row <= 240))] = 64
    return picture


@pytest.mark.parametrize("renderer", ["2d", pytest.param("gl", marks=pytest.mark.soak)])
def test_shutters_overlays_and_filters(gl_browser, archive, renderer):
    with looking.drawing_by(gl_browser, renderer) as page:
        made = archive.made["covered"]
        description = looking.open_run(page, archive, "covered")
        assert page.evaluate("fastcine.player.renderer") == renderer
        wait_until(page, "document.querySelector('.looks')")
        page.wait_for_timeout(300)  # its overlays' bits come

        def differs(frame, **how):
            grey = looking.grey_reference(made, description, frame)
            wanted = covered(made, how.pop("filtered", lambda picture: picture)(grey), frame, **how)
            return looking.difference(looking.canvas_picture(page), wanted)

        for frame in (1, 0):
            looking.show_frame(page, frame)
            assert differs(frame) <= 1
        page.keyboard.press("g")
        looking.says(page, ".looks", "sharpened display")
        assert differs(0, filtered=sharpened) <= 1
        page.keyboard.press("g")
        looking.says(page, ".looks", "smoothed display")
        assert differs(0, filtered=smoothed) <= 1
        page.keyboard.press("g")
        page.keyboard.press("o")
        looking.says(page, ".looks", "overlays hidden")
        assert differs(0, overlays=False) <= 1
        page.keyboard.press("y")
        looking.says(page, ".looks", "shutters open")
        assert differs(0, overlays=False, shutters=False) <= 1


@pytest.mark.soak
def test_a_resting_finger_magnifies(quiet_page, archive):
    page = quiet_page
    looking.open_run(page, archive, "twelve")
    looking.show_frame(page, 1)
    looking.canvas_picture(page)  # 1:1
    wait_until(page, "document.querySelector('.loupe')")
    box = page.locator("#picture").bounding_box()
    x, y = box["width"] / 2 + 20, box["height"] / 2 + 30
    touch = page.context.new_cdp_session(page)
    point = {"x": box["x"] + x, "y": box["y"] + y}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    wait_until(page, "!document.querySelector('.loupe').hidden")
    frame = page.evaluate("fastcine.player.frame")
    touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{**point, "x": point["x"] + 40}]})
    page.wait_for_timeout(150)
    middle, under = page.evaluate(
        """([x, y]) => {
          const level = (canvas, x, y) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[0];
          const glass = document.querySelector(".loupe");
          return [level(glass, glass.width / 2, glass.height / 2), level(document.getElementById("picture"), x, y)];
        }""",
        [x + 40, y],
    )
    assert abs(middle - under) <= 3, "the glass shows what lies under the finger"
    assert page.evaluate("fastcine.player.frame") == frame, "and a finger under it does not go through the frames"
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_until(page, "document.querySelector('.loupe').hidden")
