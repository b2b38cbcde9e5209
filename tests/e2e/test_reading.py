"""An echo reader's morning: 20 studies of 50 loops, each loop seen once, by real clicks and keys, which are counted."""

from collections import defaultdict

import numpy as np
import pydicom
import pytest

from tests.e2e import looking
from tests.e2e.conftest import opened_page, wait_until
from tests.e2e.morning import FRAMES, LOOPS, STUDIES

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

HANDS = 40
"""Clicks and keys for all of it, as the README says: a study's loops follow each other after one key, the next study
comes with another, and the first is opened with a click."""

# What was drawn, by run: each frame of it, whatever its tier.
WATCH = """
const seen = window.seen = {};
const begin = () => {
  if (!window.fastcine) return setTimeout(begin);
  fastcine.player.addEventListener("frame", ({detail: {run, frame}}) => (seen[run] ??= {})[frame] = true);
};
begin();
"""


class Hands:
    """A reader's hands; `count` is what they did."""

    def __init__(self, page):
        self.page = page
        self.count = 0

    def click(self, selector):
        self.count += 1
        self.page.locator(selector).first.click()

    def press(self, key):
        self.count += 1
        self.page.keyboard.press(key)


def seen_of(page, last):
    """Frames that were on the screen, by run, once the study's last run has been there for a whole loop."""
    wait_until(page, f"fastcine.player.run === '{last}' && fastcine.player.loops >= 1", 120_000)
    return page.evaluate("seen")


def test_every_loop_is_seen_once_with_few_clicks_and_keys(browser, morning):
    frames_seen = defaultdict(set)
    with opened_page(browser) as page:
        page.add_init_script(WATCH)
        page.goto(morning.url)
        wait_until(page, f"document.querySelectorAll('#rows tr').length === {STUDIES}")
        hands = Hands(page)
        hands.click("#rows tr a")
        for number, study in enumerate(morning.studies):
            if number:
                hands.press("Shift+PageDown")
            page.wait_for_url(f"**/view/{study.study_instance_uid}*")
            wait_until(page, "window.fastcine?.player.badge")
            tiles = morning.json(f"/api/studies/{study.study_instance_uid}")["tiles"]
            assert [tile["sop_instance_uid"] for tile in tiles] == list(study.loops)
            hands.press("Enter")
            runs = [tile["run"] for tile in tiles]
            for run, frames in seen_of(page, runs[-1]).items():
                frames_seen[run] |= {int(frame) for frame in frames}
            assert set(runs) <= set(frames_seen), "every loop of the study"
            check_last(page, morning.folder / f"{number:02}-{LOOPS - 1:02}.dcm")
            assert "PH-" not in page.url, "no identity in the address"
        assert page.errors == []
    assert len(frames_seen) == STUDIES * LOOPS
    missed = [FRAMES - len(frames) for frames in frames_seen.values()]
    assert max(missed) <= 1 and sum(missed) <= 0.01 * FRAMES * len(missed), (
        "each was seen whole; the machine may be busy"
    )
    print(f"\n{hands.count} clicks and keys for {len(frames_seen)} loops")
    assert hands.count <= HANDS


def check_last(page, file):
    """The picture on the screen is that of the study's last loop, as its file says: study and loop are burned in."""
    looking.show_frame(page, FRAMES - 1)
    # So small a picture is never shown at 1:1: its pixels are read at their middles, where neighbours weigh little.
    canvas, stored = looking.whole_canvas(page), pydicom.dcmread(file).pixel_array[-1]
    left, top, right, bottom = page.evaluate(
        """() => {
          const {player} = fastcine, {columns, rows} = player.description;
          const from = player.imageToCanvas(0, 0), to = player.imageToCanvas(columns, rows);
          return [from.x, from.y, to.x, to.y].map((each) => each * devicePixelRatio);
        }"""
    )
    rows, columns = stored.shape
    y = (top + (np.arange(rows) + 0.5) * (bottom - top) / rows).astype(int)
    x = (left + (np.arange(columns) + 0.5) * (right - left) / columns).astype(int)
    apart = np.abs(canvas[y][:, x, 0].astype(int) - stored)
    assert apart.max() <= 40, "letters are 255 on grey"
