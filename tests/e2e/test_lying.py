"""Turned, mirrored, zoomed and moved: what the canvas shows, by both renderers, after real keys and a real wheel."""

import numpy as np
import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e

TURNS = {
    "q": lambda picture: np.rot90(picture, -1),
    "h": lambda picture: picture[:, ::-1],
    "v": lambda picture: picture[::-1],
}


def press(page, keys):
    """Until the page has done it."""
    for key in keys:
        before = page.evaluate("JSON.stringify(fastcine.player.view)")
        page.keyboard.press(key)
        wait_until(page, f"JSON.stringify(fastcine.player.view) !== {before!r}")


# The rectangle of the picture on the canvas right after a draw, at 1:1.
READ_PLACE = """() => new Promise((resolve) => {
  const {player} = fastcine, canvas = document.getElementById("picture"), {columns, rows} = player.description;
  player.addEventListener("frame", () => {
    const corners = [player.imageToCanvas(0, 0), player.imageToCanvas(columns, rows)];
    const [left, top] = [Math.min(...corners.map(({x}) => x)), Math.min(...corners.map(({y}) => y))];
    const [width, height] = player.view.turns % 2 ? [rows, columns] : [columns, rows];
    const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, -left * devicePixelRatio, -top * devicePixelRatio);
    const bytes = copy.getImageData(0, 0, width, height).data;
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    resolve({columns: width, rows: height, data: btoa(text)});
  }, {once: true});
  const {zoom, scale} = player.view;
  player.setView({zoom: zoom / scale});
})"""


def lying_picture(page):
    return looking.pixels_of(page.evaluate(READ_PLACE))


def reset(page):
    page.keyboard.press("r")
    wait_until(page, "(({turns, mirrored, zoom}) => turns === 0 && !mirrored && zoom === 1)(fastcine.player.view)")


@pytest.mark.parametrize("renderer", ["2d", pytest.param("gl", marks=pytest.mark.soak)])
def test_turns_and_flips_by_key(gl_browser, archive, renderer):
    with looking.drawing_by(gl_browser, renderer) as page:
        turn_and_flip(page, archive, renderer)


def turn_and_flip(page, archive, renderer):
    made = archive.made["twelve"]  # not as tall as wide
    description = looking.open_run(page, archive, "twelve")
    assert page.evaluate("fastcine.player.renderer") == renderer
    looking.show_frame(page, 1)
    upright = looking.grey_reference(made, description, 1)
    assert looking.difference(lying_picture(page), upright) <= 1
    for keys in ("q", "qq", "qqq", "qqqq", "h", "v", "qh", "hq", "qv", "vqq", "hv"):
        reset(page)
        press(page, keys)
        wanted = upright
        for key in keys:
            wanted = TURNS[key](wanted)
        assert looking.difference(lying_picture(page), wanted) <= 1, keys


@pytest.mark.soak
def test_the_pointer_holds_its_point_and_drags_the_turned_picture(quiet_page, archive):
    page = quiet_page
    looking.open_run(page, archive, "lca")
    looking.show_frame(page, 4)
    press(page, "qh")
    looking.says(page, ".looks", "mirrored, turned 90° left")
    box = page.locator("#picture").bounding_box()
    at = {"x": 420, "y": 260}
    before = page.evaluate("({x, y}) => fastcine.player.canvasToImage(x, y)", at)
    page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    wait_until(page, "fastcine.player.view.zoom > 1.5")
    after = page.evaluate("({x, y}) => fastcine.player.canvasToImage(x, y)", at)
    assert after == pytest.approx(before, abs=1), "the point under the pointer stays"
    press(page, "zz")
    still = looking.whole_canvas(page)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 320, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    moved = looking.whole_canvas(page)
    assert np.array_equal(moved[20:, 40:], still[:-20, :-40]) and not np.array_equal(moved, still)
