"""Subtraction as the canvas shows it (2D and WebGL2) against the server's reference: real keys, pixels read back."""

import numpy as np
import pytest

from fastcine.dicom.mask import read_masks
from fastcine.render import subtraction
from tests.e2e import looking
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e

SETTLED = (
    "(({subtraction}) => subtraction && !subtraction.waiting && (subtraction.shown?.tier ?? 2) === 2)(fastcine.player)"
)


def reference(made, number, *, masks=None, shift=None, opacity=1.0, window=None, invert=False):
    """What frame `number` (from 1) looks like, by the file's first item or by hand-made `masks` (numbers from 1)."""
    settings = read_masks(made.dataset, frames=len(made.stored))
    bits, logarithmic = made.dataset.BitsStored, settings.intensity == "LIN"
    contrast = (number,)
    if masks is None:
        (item,) = settings.items
        parts = subtraction.parts_of(item, number, frames=len(made.stored))
        if parts is None:
            return None
        masks, contrast, shift = parts.masks, parts.contrast, shift or item.shift_pixels
    apart = subtraction.difference(
        [made.stored[one - 1] for one in contrast],
        [made.stored[one - 1] for one in masks],
        bits_stored=bits,
        logarithmic=logarithmic,
        shift_pixels=shift or (0.0, 0.0),
        opacity=opacity,
    )
    window = window or subtraction.opening_window(bits, logarithmic=logarithmic)
    return subtraction.subtracted_picture(apart, window=window, invert=invert)


def differs(page, wanted):
    wait_until(page, SETTLED)
    return looking.difference(looking.canvas_picture(page), wanted)


@pytest.fixture(params=["2d", "gl"])
def drawn(request, gl_browser):
    with looking.drawing_by(gl_browser, request.param) as page:
        page.renderer = request.param
        yield page


def opened(page, archive, name, frame):
    looking.open_run(page, archive, name)
    assert page.evaluate("fastcine.player.renderer") == page.renderer
    looking.show_frame(page, frame)


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("averaged", (1, 2, 5)),
        pytest.param("interval", (1, 4), marks=pytest.mark.soak),
        pytest.param("backwards", (3, 4, 7), marks=pytest.mark.soak),
    ],
)
def test_the_files_subtraction_is_that_of_the_reference(drawn, archive, name, frames):
    page, made = drawn, archive.made[name]
    opened(page, archive, name, 5)
    page.keyboard.press("s")
    for frame in frames:
        looking.show_frame(page, frame)
        wanted = reference(made, frame + 1)
        if wanted is None:
            looking.says(page, ".looks", "NOT SUBTRACTED")
            plain = looking.grey_reference(made, looking.description_of(archive, made), frame)
            assert looking.difference(looking.canvas_picture(page), plain) <= 1
            continue
        assert differs(page, wanted) <= 1, f"frame {frame + 1}"
        looking.says(page, ".looks", "SUBTRACTED\nmask frame")


@pytest.mark.soak
def test_a_mask_by_hand_is_moved_faded_windowed_and_inverted(drawn, archive):
    page, made = drawn, archive.made["averaged"]
    opened(page, archive, "averaged", 5)
    page.keyboard.press("s")
    page.keyboard.press("n")
    looking.says(page, ".looks", "mask frame 1 · logarithms")
    assert differs(page, reference(made, 6, masks=(1,))) <= 1
    for key in ("Alt+ArrowDown", "Alt+ArrowRight", "Alt+ArrowRight", "Alt+Shift+ArrowUp", "Alt+Shift+ArrowLeft"):
        page.keyboard.press(key)
    looking.says(page, ".looks", "moved 0.9 px down, 1.9 px right")
    moved = {"masks": (1,), "shift": (0.9, -1.9)}
    assert differs(page, reference(made, 6, **moved)) <= 1
    page.keyboard.press("i")
    assert differs(page, reference(made, 6, **moved, invert=True)) <= 1
    page.keyboard.press("i")
    box = page.locator("#picture").bounding_box()
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x - 60, y + 30, steps=3)
    page.mouse.up(button="right")
    window = tuple(page.evaluate("fastcine.player.window").values())
    assert window != subtraction.opening_window(12, logarithmic=True)
    assert differs(page, reference(made, 6, **moved, window=window)) <= 1
    fader = page.locator(".subtracting input")
    fader.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    share = int(fader.input_value()) / 100
    assert share < 1
    assert differs(page, reference(made, 6, **moved, window=window, opacity=share)) <= 1
    looking.says(page, ".looks", f"mask {round(share * 100)} %")


@pytest.mark.soak
def test_this_frame_and_the_mean_of_the_loop_are_masks(drawn, archive):
    page, made = drawn, archive.made["interval"]
    opened(page, archive, "interval", 2)
    page.keyboard.press("[")
    page.keyboard.press("s")
    page.keyboard.press("n")
    page.keyboard.press("n")
    looking.says(page, ".looks", "mask frame 3")
    looking.show_frame(page, 4)
    page.keyboard.press("]")
    assert differs(page, reference(made, 5, masks=(3,))) <= 1
    page.get_by_role("button", name="Mean of the loop").click()
    looking.says(page, ".looks", "mask frame 3–5")
    assert differs(page, reference(made, 5, masks=(3, 4, 5))) <= 1


@pytest.mark.soak
def test_the_mask_is_fitted_to_a_patient_who_moved(quiet_page, archive):
    page, made = quiet_page, archive.made["averaged"]
    page.renderer = "2d"
    opened(page, archive, "averaged", 5)
    page.keyboard.press("s")
    page.keyboard.press("n")
    looking.says(page, ".looks", "SUBTRACTED")
    page.keyboard.press("x")
    wait_until(page, "(({shown}) => shown && (shown.shift[0] || shown.shift[1]))(fastcine.player.subtraction)")
    shift = page.evaluate("fastcine.player.subtraction.shown.shift")
    assert shift == pytest.approx([0.75, 1.5], abs=0.1), "0.75 rows down, 1.5 columns to the left"
    before, after = (reference(made, 6, masks=(1,), shift=one) for one in ((0.0, 0.0), tuple(shift)))
    assert differs(page, after) <= 1
    left, fitted = (np.median(np.abs(one.astype(int) - 128)) for one in (before, after))
    assert fitted < 0.7 * left, "beside the vessel there is less left"


@pytest.mark.soak
def test_alt_and_an_arrow_move_the_mask_as_it_lies_on_the_screen(quiet_page, archive):
    page, made = quiet_page, archive.made["averaged"]
    page.renderer = "2d"
    opened(page, archive, "averaged", 5)
    page.keyboard.press("s")
    page.keyboard.press("n")
    page.keyboard.press("q")  # what was up points to the right
    page.keyboard.press("Alt+ArrowRight")
    looking.says(page, ".looks", "moved 1 px up")
    page.keyboard.press("r")
    assert differs(page, reference(made, 6, masks=(1,), shift=(-1, 0))) <= 1


@pytest.mark.soak
def test_a_lost_context_comes_back_subtracted(gl_browser, archive):
    with looking.drawing_by(gl_browser, "gl") as page:
        page.renderer = "gl"
        opened(page, archive, "averaged", 5)
        page.keyboard.press("s")
        wanted = reference(archive.made["averaged"], 6)
        assert differs(page, wanted) <= 1
        page.evaluate(
            """() => new Promise((resolve) => {
              const canvas = document.getElementById("picture");
              const lost = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
              const restore = () => setTimeout(() => lost.restoreContext(), 50);
              canvas.addEventListener("webglcontextlost", restore, {once: true});
              canvas.addEventListener("webglcontextrestored", () => setTimeout(resolve), {once: true});
              lost.loseContext();
            })"""
        )
        assert differs(page, wanted) <= 1, "mask, levels and table are there again"
        page.keyboard.press("s")
        made = archive.made["averaged"]
        plain = looking.grey_reference(made, looking.description_of(archive, made), 5)
        assert looking.difference(looking.canvas_picture(page), plain) <= 1, "and without the mask again"


@pytest.mark.soak
def test_colour_is_not_subtracted(quiet_page, archive):
    looking.open_run(quiet_page, archive, "rgb")
    looking.show_frame(quiet_page, 1)
    quiet_page.keyboard.press("s")
    quiet_page.wait_for_timeout(100)
    assert quiet_page.evaluate("fastcine.player.subtraction") is None
    assert looking.difference(looking.canvas_picture(quiet_page), archive.made["rgb"].stored[1]) <= 2


def test_what_the_file_says_is_not_to_be_subtracted_is_not(quiet_page, archive):
    """Mask Operation NONE: neither at first, though SUB is recommended, nor by the key; by hand it is."""
    page, made = quiet_page, archive.made["none"]
    assert made.dataset.MaskSubtractionSequence[0].MaskOperation == "NONE"
    description = looking.open_run(page, archive, "none")
    looking.show_frame(page, 5)
    plain = looking.grey_reference(made, description, 5)
    assert page.evaluate("fastcine.player.subtraction") is None
    assert looking.difference(looking.canvas_picture(page), plain) <= 1
    page.keyboard.press("s")
    looking.says(page, ".looks", "NOT SUBTRACTED\nno mask for this frame")
    assert looking.difference(looking.canvas_picture(page), plain) <= 1
    page.keyboard.press("n")
    looking.says(page, ".looks", "SUBTRACTED\nmask frame 1")
    assert differs(page, reference(made, 6, masks=(1,))) <= 1
    page.keyboard.press("s")
    wait_until(page, "!fastcine.player.subtraction")
    assert looking.difference(looking.canvas_picture(page), plain) <= 1


def test_a_run_that_recommends_it_starts_subtracted(quiet_page, archive):
    page, made = quiet_page, archive.made["recommended"]
    assert made.dataset.RecommendedViewingMode == "SUB"
    description = looking.open_run(page, archive, "recommended")
    looking.says(page, ".looks", "SUBTRACTED")
    asked_ms, first_ms = page.evaluate(
        """[performance.getEntriesByType("resource").find(({name}) => name.endsWith("/subtraction.js")).startTime,
            fastcine.player.stats().first_frame_ms]"""
    )
    assert asked_ms > first_ms, "the first picture is there before what subtracts is asked for"
    looking.show_frame(page, 5)
    assert differs(page, reference(made, 6)) <= 1
    looking.says(page, ".looks", "SUBTRACTED\nmask frame 1")
    page.keyboard.press("s")
    wait_until(page, "!fastcine.player.subtraction")
    assert looking.difference(looking.canvas_picture(page), looking.grey_reference(made, description, 5)) <= 1
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    assert page.evaluate("fastcine.player.subtraction") is None, "the reader's word stands"
