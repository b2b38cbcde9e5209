"""How runs are played and follow each other: once, on by themselves, trimmed, at the reader's own rate."""

from itertools import groupby, pairwise

import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.e2e.test_cells import ALL_EXACT, cells, cells_archive, open_cells  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


def test_once_ends_on_the_last_frame_and_next_after_one_loop_goes_on(cells, cells_archive):  # noqa: F811
    cells.keyboard.press("u")
    wait_until(cells, "!fastcine.player.playing && fastcine.player.frame === 39")
    assert cells.evaluate("document.getElementById('sequencing').value") == "once"
    cells.locator("#tiles button").nth(4).click()
    wait_until(cells, f"fastcine.player.run === '{cells_archive.run_of['Trim']}' && {ALL_EXACT}")
    cells.keyboard.press("ArrowUp")
    wait_until(cells, f"fastcine.player.run === '{cells_archive.run_of['Fast']}' && {ALL_EXACT}")
    cells.locator("#sequencing").select_option("next 1")
    cells.keyboard.press("Space")
    wait_until(cells, f"fastcine.player.run === '{cells_archive.run_of['Trim']}'")
    assert cells.evaluate("fastcine.player.playing") is True
    wait_until(cells, f"fastcine.player.loops >= 1 && fastcine.player.run === '{cells_archive.run_of['Trim']}'")


def test_frames_that_the_file_trims_away_are_not_played_until_asked_for(quiet_page, cells_archive):  # noqa: F811
    """Start Trim 4 and Stop Trim 9 of 12 frames."""
    page = open_cells(quiet_page, cells_archive, "Trim")
    page.wait_for_timeout(300)
    seen = {row["numbers"][0] for row in page.evaluate("sampleCells(800)")}
    trim = cells_archive.made["Trim"].dataset
    assert seen == set(range(trim.StartTrim - 1, trim.StopTrim))
    page.keyboard.press("\\")
    page.wait_for_timeout(200)
    assert {row["numbers"][0] for row in page.evaluate("sampleCells(1200)")} == set(range(12))


def speed_of(page):
    return page.evaluate("fastcine.player.speed_now")


def go(page, archive, key, name):
    page.keyboard.press(key)
    wait_until(page, f"fastcine.player.run === '{archive.run_of[name]}' && !fastcine.player.waiting")
    page.wait_for_timeout(100)


def test_the_readers_rate_is_kept_by_series_and_leaks_into_no_other_study(cells, cells_archive):  # noqa: F811
    """Planes A and B are of series 1, Slow and Fast of series 2."""
    cells.get_by_role("button", name="4 times the speed").click()
    assert speed_of(cells) == 4
    go(cells, cells_archive, "ArrowDown", "Plane B")
    go(cells, cells_archive, "ArrowDown", "Slow")
    assert speed_of(cells) == 4, "it goes on from run to run"
    cells.keyboard.press(",")
    cells.keyboard.press(",")
    cells.keyboard.press(",")
    assert speed_of(cells) == 0.5
    go(cells, cells_archive, "ArrowUp", "Plane B")
    assert speed_of(cells) == 4, "this series has its own"
    cells.reload()
    wait_until(cells, f"window.fastcine?.player.run && {ALL_EXACT}")
    assert speed_of(cells) == 4
    cells.keyboard.press("0")
    assert speed_of(cells) == 1
    go(cells, cells_archive, "ArrowUp", "Plane A")
    assert speed_of(cells) == 1, "reset"
    go(cells, cells_archive, "ArrowDown", "Plane B")
    go(cells, cells_archive, "ArrowDown", "Slow")
    assert speed_of(cells) == 0.5
    cells.keyboard.press("k")
    cells.goto(looking.address(cells_archive, cells_archive.made["Other"]))
    wait_until(cells, f"window.fastcine?.player.run && {ALL_EXACT}")
    assert (speed_of(cells), cells.evaluate("fastcine.player.playing")) == (1, True)


def numbers_shown(page, lasting_ms):
    """The numbers burned into what the first cell showed, in order, each once."""
    return [number for number, _ in groupby(row["numbers"][0] for row in page.evaluate(f"sampleCells({lasting_ms})"))]


def test_in_and_out_points_and_backwards(cells, cells_archive):  # noqa: F811
    for frame, key in ((10, "["), (15, "]")):
        looking.show_frame(cells, frame)
        cells.keyboard.press(key)
    for key, step in (("Space", 1), ("j", 5)):  # forwards, and backwards: five on in a ring of six
        cells.keyboard.press(key)
        cells.wait_for_timeout(200)
        shown = numbers_shown(cells, 1500)
        assert set(shown) == set(range(10, 16))
        steps = [(after - before) % 6 for before, after in pairwise(shown)]
        assert steps.count(step) >= 0.9 * len(steps), "a busy machine may miss one"
    cells.keyboard.press("\\")
    cells.wait_for_timeout(200)
    assert set(numbers_shown(cells, 3200)) == set(range(40)), "the whole run again"


def test_a_file_that_wants_to_be_played_to_and_fro_is(quiet_page, cells_archive):  # noqa: F811
    """Preferred Playback Sequencing 1, 10 frames of 100 ms."""
    page = open_cells(quiet_page, cells_archive, "Other")
    shown = numbers_shown(page, 3000)
    steps = [after - before for before, after in pairwise(shown)]
    assert {1, -1} <= set(steps) and max(map(abs, steps)) <= 2, "it turns at its ends, and never jumps back"
    assert {0, 9} <= set(shown)
    assert page.evaluate("document.getElementById('sequencing').value") == "sweep"


def test_the_calibration_stands_on_the_picture(cells, cells_archive):  # noqa: F811
    dataset = cells_archive.made["Plane A"].dataset
    assert "PixelSpacing" not in dataset and dataset.ImagerPixelSpacing and dataset.DistanceSourceToPatient
    looking.says(cells, "#calibration", "isocentre estimate")  # from the detector's spacing and both distances
