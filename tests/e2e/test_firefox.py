"""Firefox plays, ends exact, and draws the stored samples, whatever of the fast ways its engine has."""

import numpy as np
import pytest

from tests.e2e import firefox, looking
from tests.e2e.conftest import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.soak,
    pytest.mark.skipif(bool(firefox.missing()), reason=f"not here: {firefox.missing()}"),
]


@pytest.fixture(scope="module")
def fox():
    with firefox.firefox() as page:
        assert "Firefox/" in page.version
        yield page
        assert page.errors == []


@pytest.mark.parametrize("name", ["lca", "twelve", "palette", "rgb", "ybr"])
def test_firefox_ends_exact_and_draws_what_was_stored(fox, archive, name):
    description = looking.open_run(fox, archive, name)
    assert fox.evaluate("fastcine.player.stats().frames_exact") == description["frames"]
    for frame in (0, description["frames"] - 1):
        looking.show_frame(fox, frame)
        assert looking.difference(looking.canvas_picture(fox), looking.reference(archive, name, frame)) <= 2


def test_firefox_plays_at_the_files_rate(fox, archive):
    """By the frames that it shows, each in its turn, over two seconds; a machine of two cores may miss a few."""
    description = looking.open_run(fox, archive, "lca")
    shown = fox.evaluate(
        """() => new Promise((resolve) => {
          const frames = [], note = ({detail}) => frames.push(detail.frame);
          fastcine.player.addEventListener("frame", note);
          fastcine.player.play();
          setTimeout(() => (fastcine.player.removeEventListener("frame", note), resolve(frames)), 2000);
        })"""
    )
    steps = np.diff(shown) % description["frames"]
    assert len(shown) >= 2000 / description["timing"]["frame_time_ms"] * 0.8 and np.median(steps) == 1


def test_keys_of_firefox_are_the_players(fox, archive):
    looking.open_run(fox, archive, "lca")
    looking.show_frame(fox, 4)
    fox.press("\ue014")  # ArrowRight (WebDriver 17.4.2)
    wait_until(fox, "fastcine.player.frame === 5")
    fox.press(" ")
    wait_until(fox, "fastcine.player.playing")
