"""Presentation states on the canvas: chosen by key and list, pixels read back at the places that the file names."""

import numpy as np
import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.e2e.test_lying import lying_picture

pytestmark = pytest.mark.e2e

FRAME = 1
# Levels of each layer by its name, 8 bits: [35578, 53664, 50862] is L* 54.29, a* 80.81, b* 69.9: red.
COLORS = {"LINES": (255, 0, 0), "AREAS": (255, 255, 255)}
SHUTTER = (0, 0, 255)
"""[19379, 50449, 4104] is L* 29.57, a* 68.3, b* -112.03: blue; it goes before the grey."""
# The strongest of the pixels around each place: a line's middle may lie between two.
READ_GRAPHICS = """(places) => {
  const canvas = document.querySelector(".graphics"), ratio = canvas.width / canvas.clientWidth;
  return places.map(([x, y]) => {
    const {data} = canvas.getContext("2d").getImageData(Math.round(x * ratio) - 2, Math.round(y * ratio) - 2, 4, 4);
    const pixels = Array.from({length: 16}, (_, n) => [...data.subarray(4 * n, 4 * n + 4)]);
    return pixels.reduce((best, one) => (one[3] + one[0] > best[3] + best[0] ? one : best));
  });
}"""


@pytest.fixture
def opened(quiet_page, archive):
    page = quiet_page
    looking.open_run(page, archive, "covered")
    wait_until(page, "document.querySelector('.states option:nth-child(2)')")
    page.wait_for_timeout(300)  # the image's overlays come
    return page


def transposed(archive):
    """The picture as the state has it, by numpy: window, inversion, shutter, its overlays; turned and mirrored."""
    made = archive.made["covered"]
    stored = made.stored[FRAME].astype(float)
    level = np.clip((stored - 119.5) / 100 + 0.5, 0, 1)
    grey = 255 - np.rint(255 * level)
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    for group, layer in ((0x6000, "LINES"), (0x6002, "AREAS")):
        bits, (top, left) = made.dataset.planes[group]
        for row, column in np.add(np.argwhere(bits[0]), (top - 1, left - 1)):
            if row >= 0:
                picture[row, column] = COLORS[layer]
    row, column = np.mgrid[1 : grey.shape[0] + 1, 1 : grey.shape[1] + 1]
    picture[(row - 120) ** 2 + (column - 150) ** 2 > 110**2] = SHUTTER
    return np.rot90(picture, -1)[:, ::-1]


def on_screen(page, x, y):
    """Where an image point lies when the area (columns 40 to 240, rows 20 to 220, transposed) fills the canvas."""
    width, height = page.evaluate("(({clientWidth, clientHeight}) => [clientWidth, clientHeight])(picture)")
    scale = min(width, height) / 200
    return width / 2 + (y - 120) * scale, height / 2 + (x - 140) * scale


def drawn(page, *points):
    return page.evaluate(READ_GRAPHICS, [on_screen(page, *point) for point in points])


def test_a_state_is_applied_and_taken_away(opened, archive):
    page = opened
    looking.show_frame(page, 3)
    before = looking.whole_canvas(page)
    view = page.evaluate("fastcine.player.view")
    assert "frame 2" in page.locator(".states option").nth(1).inner_text()
    page.keyboard.press(";")
    wait_until(page, f"fastcine.player.frame === {FRAME} && !fastcine.player.waiting")
    looking.says(page, ".looks", "PRESENTATION STATE COMMENTED")
    looking.show_frame(page, FRAME)
    wanted = transposed(archive)

    # The displayed area fills the canvas: each of its points has the level of the pixel that lies there.
    seen = looking.whole_canvas(page)
    errors = []
    for x in range(60, 230, 10):
        for y in range(30, 210, 10):
            at = on_screen(page, x + 0.5, y + 0.5)
            errors.append(np.abs(seen[int(at[1]), int(at[0])].astype(int) - wanted[x, y]).max())
    assert np.mean(np.array(errors) <= 24) > 0.9, "between pixels it is smoothed, and the overlay's edges with it"

    color = {name: [*levels, 255] for name, levels in COLORS.items()}
    line = [(100, 40), (180, 80), (200, 180), (75, 200), (110, 200)]
    for point, found in zip(line, drawn(page, *line), strict=True):
        assert found == pytest.approx(color["LINES"], abs=3), point
    # A circle in parts of the area: radius a quarter of 200, around its middle (140, 120).
    ring = [(140 + 50 * np.cos(t), 120 + 50 * np.sin(t)) for t in (0.3, 1.9, 4.1)]
    for point, found in zip(ring, drawn(page, *ring), strict=True):
        assert found == pytest.approx(color["LINES"], abs=3), point
    assert drawn(page, (130, 70), (108, 80))[0] == color["AREAS"], "filled"
    assert drawn(page, (160, 35))[0] == color["AREAS"]
    assert drawn(page, (160, 40))[0] == pytest.approx(color["LINES"], abs=3), "the layer above lies over it"
    assert [found[3] for found in drawn(page, (140, 120), (220, 100), (100, 60))] == [0, 0, 0]
    # Words in parts of the area: x 0.1 to 0.5 across (rows 40 to 120), y 0.8 to 0.9 down (columns 200 to 220).
    box = drawn(page, *[(x, y) for x in np.arange(201, 219, 1.5) for y in np.arange(41, 119, 2.5)])
    assert 0.1 < np.mean([found == color["AREAS"] for found in box]) < 0.8

    assert looking.difference(lying_picture(page), wanted) <= 1

    page.keyboard.press("r")
    wait_until(page, "document.querySelector('.graphics').hidden")
    page.keyboard.press(";")
    looking.says(page, ".looks", "PRESENTATION STATE COMMENTED")
    page.keyboard.press(";")
    wait_until(page, "!document.querySelector('.looks').innerText.includes('PRESENTATION')")
    assert page.evaluate("fastcine.player.view") == view
    looking.show_frame(page, 3)
    assert np.array_equal(looking.whole_canvas(page), before), "as it was"


@pytest.mark.soak
def test_graphics_stay_on_their_frame_and_follow_the_hand(opened, archive):
    page = opened
    page.locator(".states").select_option(index=1)
    looking.says(page, ".looks", "PRESENTATION STATE COMMENTED")
    looking.show_frame(page, FRAME)
    assert drawn(page, (200, 180))[0][3] == 255
    page.keyboard.press("ArrowRight")
    looking.says(page, ".looks", "made for frame 2")
    inked = "document.querySelector('.graphics').getContext('2d').getImageData(0, 0, 2000, 2000).data.some(Boolean)"
    assert not page.evaluate(inked)
    page.keyboard.press("ArrowLeft")
    looking.show_frame(page, FRAME)
    for key in ("-", "q", "h"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
    looking.says(page, ".looks", "changed since")
    looking.show_frame(page, FRAME)
    # The corner of the line and the point, where the player now has these pixels.
    for size in ((1280, 900), (1000, 700)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.wait_for_timeout(200)
        for point in ((180, 120), (200, 180)):
            places = [page.evaluate("([x, y]) => Object.values(fastcine.player.imageToCanvas(x, y))", point)]
            assert page.evaluate(READ_GRAPHICS, places)[0] == pytest.approx([255, 0, 0, 255], abs=3), (size, point)


@pytest.mark.soak
def test_another_run_is_offered_none_of_it(opened, archive):
    page = opened
    page.keyboard.press(";")
    looking.says(page, ".looks", "PRESENTATION STATE COMMENTED")
    # Looked at in the very call in which another run is opened, before any picture of it.
    gone = page.evaluate("""() => {
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowUp", bubbles: true}));
      return document.querySelector(".graphics").hidden;
    }""")
    assert gone
    wait_until(page, "!fastcine.player.waiting && document.querySelector('.states').hidden")
    assert page.evaluate("(({turns, mirrored}) => turns === 0 && !mirrored)(fastcine.player.view)")
    assert page.locator(".graphics").is_hidden() and "PRESENTATION" not in looking.text(page, ".looks")
