"""What keys, buttons and the mouse do to the picture, read from its pixels and its burned counter."""

import re
from itertools import pairwise

import numpy as np
import pytest

from fastcine.archive.cine_cache import CacheReader
from fastcine.archive.folder import DataFolder
from fastcine.phantom import counter
from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.e2e.test_playback import PROBE

pytestmark = pytest.mark.e2e

FRAME_TEXT = "document.getElementById('frame-text').textContent"


def stand_on(page, frame):
    """Until the page stands on this frame, exactly drawn; the number burned into what the canvas shows."""
    stands = f"window.fastcine?.player.frame === {frame} && !fastcine.player.playing"
    wait_until(page, stands + " && fastcine.player.badge !== ''")
    return counter.read(looking.canvas_picture(page)[..., 1])


@pytest.fixture
def lca(quiet_page, archive):
    quiet_page.add_init_script(PROBE)
    looking.open_run(quiet_page, archive, "lca")
    return quiet_page


@pytest.fixture
def rca(quiet_page, archive):
    quiet_page.add_init_script(PROBE)
    quiet_page.description = looking.open_run(quiet_page, archive, "rca")
    return quiet_page


def cached_bytes(archive, name):
    """Bytes of a run's exact tier, and of both first passes, as they lie in the cache."""
    run = looking.description_of(archive, archive.made[name])["run"]
    frames = len(archive.made[name].stored)
    reader = CacheReader(DataFolder(archive.data, durable=False), run, frames)
    coarse, fine, exact = (sum(reader.frame_bytes(tier, frame) for frame in range(frames)) for tier in range(3))
    reader.close()
    return exact, coarse + fine


def test_it_plays_by_itself_and_its_counts_agree(lca, archive):
    wait_until(lca, "window.fastcine?.player.stats().steady_ms != null && probe.shown.length > 30")
    stats = lca.evaluate("fastcine.player.stats()")
    assert set(stats) == {
        "first_frame_ms", "steady_ms", "frames_shown", "frames_missed", "frames_out_of_order", "stalls",
        "frames_exact", "frames_total", "all_exact_ms", "bytes_t0", "bytes_t1",
        "held_bytes", "limit_bytes",
    }  # fmt: skip
    assert stats["frames_exact"] == stats["frames_total"] == 24
    assert 0 < stats["first_frame_ms"] <= stats["all_exact_ms"]
    assert stats["first_frame_ms"] <= stats["steady_ms"]
    assert stats["frames_out_of_order"] == 0
    made, first_pass = cached_bytes(archive, "lca")
    assert stats["bytes_t1"] == made, "each exact frame came once"
    assert 0 < stats["bytes_t0"] <= first_pass
    seen = lca.evaluate("({shown: probe.shown.length, unreadable: probe.unreadable})")
    assert seen["unreadable"] == 0
    assert lca.evaluate("fastcine.player.stats().frames_shown") >= seen["shown"]


def test_pause_and_steps_by_key_and_button(lca):
    lca.keyboard.press("Space")
    wait_until(lca, "!fastcine.player.playing")
    lca.keyboard.press("Home")
    assert stand_on(lca, 0) == 0
    looking.says(lca, "#shown", "paused")
    for key, frame in (("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 23), ("ArrowRight", 0)):
        lca.keyboard.press(key)
        assert stand_on(lca, frame) == frame, key
    lca.get_by_role("button", name="Next frame").click()
    assert stand_on(lca, 1) == 1
    assert re.sub(r"\s+", " ", lca.evaluate(FRAME_TEXT)) == "frame 2 / 24"
    assert looking.text(lca, "#time-text").strip() == "0.07 s"
    lca.evaluate("probe.shown.length = 0")
    lca.get_by_role("button", name="Play", exact=True).click()
    wait_until(lca, "probe.shown.length >= 6")
    numbers = lca.evaluate("probe.shown.slice(0, 6).map(({number}) => number)")
    assert numbers == sorted(numbers) and numbers[0] in (1, 2), "it went on where it stood"
    lca.get_by_role("button", name="Pause").click()
    wait_until(lca, "!fastcine.player.playing")


def test_scrubber_seeks_and_shows_what_is_held(lca):
    lca.keyboard.press("k")
    box = lca.locator("#scrubber").bounding_box()
    for share in (0.76, 0.26):
        lca.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        frame = int(share * 24)
        assert stand_on(lca, frame) == frame
        assert lca.locator("#scrubber").get_attribute("aria-valuetext") == f"frame {frame + 1} of 24"
    strong = lca.evaluate(
        """() => {
          const held = document.getElementById("held"), {width, height} = held;
          const {data} = held.getContext("2d").getImageData(0, 0, width, height);
          let full = 0;
          for (let at = 0; at < data.length; at += 4) full += data[at] === 0x71 && data[at + 1] === 0x97;
          return full / (width * height);
        }"""
    )
    assert strong == 1, "every frame is held exact, so the whole track is strong"


def rate_of(page, frames, *, lasting_ms=1000):
    """Frames a second by the burned counter, loops unrolled."""
    page.evaluate("probe.shown.length = 0")
    wait_until(page, f"probe.shown.length > 2 && probe.shown.at(-1).time_ms - probe.shown[0].time_ms > {lasting_ms}")
    shown = page.evaluate("probe.shown")
    steps = sum((after["number"] - before["number"]) % frames for before, after in pairwise(shown))
    return steps * 1000 / (shown[-1]["time_ms"] - shown[0]["time_ms"])


def test_speed_and_rates(lca):
    assert looking.text(lca, "#rate") == "DICOM 15 fps"
    lca.keyboard.press(",")
    assert rate_of(lca, 24) == pytest.approx(7.5, rel=0.08)
    lca.get_by_role("button", name="2 times the speed").click()
    wait_until(lca, "document.querySelector('[data-speed=\"2\"]').getAttribute('aria-pressed') === 'true'")
    assert rate_of(lca, 24) == pytest.approx(30, rel=0.08)
    lca.keyboard.press("0")
    assert rate_of(lca, 24) == pytest.approx(15, rel=0.08)
    wait_until(lca, "/^shown 1[0-9]/.test(document.getElementById('shown').textContent)")


def test_recommended_rate_is_one_click_away(rca):
    """Frame Time Vector of 40 and 60 ms in turn; the file recommends 10 a second for display."""
    assert looking.text(rca, "#rate") == "DICOM 20.1 fps"
    button = rca.locator("#recommended")
    assert button.inner_text() == "Recommended 10 fps"
    button.click()
    assert rate_of(rca, 30) == pytest.approx(10, rel=0.08)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert rate_of(rca, 30) == pytest.approx(20.1, rel=0.08)


def test_window_and_inversion(rca, archive):
    made = archive.made["rca"]
    looking.show_frame(rca, 7)

    def differs(**look):
        return looking.difference(looking.canvas_picture(rca), looking.grey_reference(made, rca.description, 7, **look))

    assert differs() <= 2
    rca.mouse.move(700, 400)
    rca.mouse.down(button="right")
    rca.mouse.move(640, 340, steps=3)
    rca.mouse.up(button="right")
    window = rca.evaluate("fastcine.player.window")
    assert window == pytest.approx({"center": 2048 - 4096 / 5, "width": 4096 - 4096 / 5}), "60 of 300 pixels"
    assert differs(window=tuple(window.values())) <= 2
    looking.says(rca, "#window-text", "W\u00a03277 L\u00a01229")
    assert rca.locator("#presets").evaluate("(list) => list.selectedOptions[0].textContent") == "set by hand"
    rca.locator("#presets").select_option("w0")
    assert differs() <= 2
    rca.keyboard.press("w")
    assert differs(window=(1500, 1000)) <= 2
    rca.keyboard.press("i")
    assert differs(window=(1500, 1000), invert=True) <= 2
    looking.says(rca, "#window-text", "inverted")
    rca.keyboard.press("r")
    assert differs() <= 2


def test_zoom_pan_fit_and_one_to_one(lca):
    looking.show_frame(lca, 4)
    box = lca.locator("#picture").bounding_box()
    at = {"x": 420, "y": 260}
    before = lca.evaluate("({x, y}) => fastcine.player.canvasToImage(x, y)", at)
    lca.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    lca.keyboard.down("Control")
    lca.mouse.wheel(0, -100)
    lca.mouse.wheel(0, -100)
    lca.keyboard.up("Control")
    wait_until(lca, "window.fastcine?.player.view.zoom > 1.5")
    after = lca.evaluate("({x, y}) => fastcine.player.canvasToImage(x, y)", at)
    assert after == pytest.approx(before, abs=1), "the point under the pointer stays"
    lca.keyboard.press("z")
    assert lca.evaluate("fastcine.player.view.zoom") == 1
    lca.keyboard.press("z")
    assert lca.evaluate("fastcine.player.view.scale") == 1
    looking.says(lca, "#fit", "Fit")
    still = looking.whole_canvas(lca)
    lca.keyboard.down("Shift")
    lca.mouse.move(box["x"] + 300, box["y"] + 300)
    lca.mouse.down()
    lca.mouse.move(box["x"] + 350, box["y"] + 330, steps=4)
    lca.mouse.up()
    lca.keyboard.up("Shift")
    moved = looking.whole_canvas(lca)
    assert np.array_equal(moved[30:, 50:], still[:-30, :-50]), "every pixel has moved with the hand"
    assert not np.array_equal(moved, still)
    lca.locator("#fit").click()
    view = lca.evaluate("fastcine.player.view")
    assert (view["zoom"], view["pan_x"], view["pan_y"]) == (1, 0, 0)
    looking.says(lca, "#fit", "1:1")


def test_full_screen(lca):
    button = lca.locator("[data-command='full-screen']")
    lca.keyboard.press("f")
    wait_until(lca, "document.fullscreenElement === document.documentElement")
    wait_until(lca, "document.querySelector('[data-command=full-screen]').getAttribute('aria-pressed') === 'true'")
    button.click()
    wait_until(lca, "document.fullscreenElement === null")
    wait_until(lca, "document.querySelector('[data-command=full-screen]').getAttribute('aria-pressed') === 'false'")


def test_next_and_previous_run_play_on(lca, archive):
    """Each shows its own pixels, and no run stops the playing."""
    for key, name, badge in (
        ("ArrowDown", "echo", "AS ACQUIRED"),
        ("ArrowDown", "rca", "EXACT"),
        ("ArrowUp", "echo", "AS ACQUIRED"),
    ):
        made = archive.made[name]
        description = looking.description_of(archive, made)
        lca.keyboard.press(key)
        wait_until(lca, f"window.fastcine?.player.run === '{description['run']}' && {looking.EXACT}")
        lca.evaluate("probe.shown.length = 0")
        wait_until(lca, "probe.shown.length >= 4")
        assert lca.evaluate("fastcine.player.playing") is True
        looking.says(lca, "#badge", badge)
        assert looking.text(lca, "#tiles [aria-current=true] .label") == made.dataset.SeriesDescription
        if name == "echo":
            assert "lossy 11:1 (ISO_10918_1)" in looking.text(lca, "#badge-detail")
    looking.show_frame(lca, 5)
    assert looking.difference(looking.canvas_picture(lca), archive.made["echo"].stored[5]) <= 2
    lca.keyboard.press("ArrowDown")
    wait_until(lca, "window.fastcine?.player.description.bits_stored === 12 && fastcine.player.badge === 'EXACT'")
    assert lca.evaluate("fastcine.player.playing") is False, "what stood, stands"
    made = archive.made["rca"]
    reference = looking.grey_reference(made, looking.description_of(archive, made), 0)
    assert looking.difference(looking.canvas_picture(lca), reference) <= 2
