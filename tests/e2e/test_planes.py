"""Biplane runs: which two of a study's files are planes of one acquisition, and that they play as one."""

import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.e2e.plane_objects import FRAMES
from tests.e2e.test_cells import ALL_EXACT, PROBE

pytestmark = pytest.mark.e2e


def shown(page, count):
    """The runs in the cells, once there are so many and all of them are here."""
    seen = "document.querySelectorAll('#cells .stage:not([hidden])').length"
    wait_until(page, f"{seen} === {count} && {ALL_EXACT}")
    return page.evaluate(f"fastcine.players.slice(0, {count}).map((player) => player.run)")


def is_one(page, lasting_ms):
    """Both canvases show the same burned frame number at each animation frame; the numbers that were seen."""
    wait_until(page, "fastcine.players.every((player) => player.locked === 'locked' && player.playing)")
    page.wait_for_timeout(150)
    seen = [row["numbers"] for row in page.evaluate(f"sampleCells({lasting_ms})")]
    assert [numbers for numbers in seen if numbers[0] != numbers[1]] == []
    return {one for one, _ in seen}


def test_pairs_are_found_in_the_files_and_play_as_one(quiet_page, archive):
    page = quiet_page
    page.add_init_script(PROBE)
    names = ("named A", "named B", "moment A", "moment B", "lonely")
    run = {name: looking.description_of(archive, archive.made[name])["run"] for name in names}
    study = archive.made["named A"].study_instance_uid
    assert archive.json(f"/api/studies/{study}")["biplane_pairs"] == [
        {"a": run["named A"], "b": run["named B"], "by": "reference"},
        {"a": run["moment A"], "b": run["moment B"], "by": "acquisition"},
    ]
    looking.open_run(page, archive, "named B")
    page.keyboard.press("3")
    assert shown(page, 2) == [run["named A"], run["named B"]], "the other is the one that it names, and A stands first"
    assert is_one(page, 2500) == set(range(FRAMES)), "every frame was on both screens"
    page.keyboard.press("ArrowDown")
    wait_until(page, f"fastcine.players[0].run === '{run['moment A']}'")
    assert shown(page, 2) == [run["moment A"], run["moment B"]], "of the same moment"
    page.get_by_role("button", name="2 times the speed").click()
    wait_until(page, "fastcine.players.every((player) => player.speed_now === 2)")
    assert len(is_one(page, 800)) > FRAMES / 2
    page.keyboard.press("ArrowLeft")
    wait_until(page, "fastcine.players.every((player) => !player.playing)")
    page.wait_for_timeout(100)
    one, two = page.evaluate("cellNumbers()")
    assert one == two == page.evaluate("fastcine.player.frame"), "a step of one is a step of both"
    page.keyboard.press("ArrowDown")
    assert shown(page, 1) == [run["lonely"]]
    page.keyboard.press("3")
    page.wait_for_timeout(300)
    assert shown(page, 1) == [run["lonely"]], "a plane whose other is not there has none"
