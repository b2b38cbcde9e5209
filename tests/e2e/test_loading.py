"""A viewer whose own files do not come at once, or not at all."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error as PlaywrightError

from tests.e2e import looking
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e


class Failing:
    """Requests for files of one name fail, the first so many of them."""

    def __init__(self, page, name, times):
        self.left, self.failed = times, 0
        page.route(f"**/{name}", self)

    def __call__(self, route):
        if self.failed < self.left:
            self.failed += 1
            route.abort("connectionreset")
        else:
            route.continue_()


def once_loaded_again(page):
    """Until all is exact; asking fails while the page is being left."""
    for _ in range(4):
        with suppress(PlaywrightError):
            wait_until(page, looking.EXACT)
            return
        page.wait_for_timeout(500)
    raise AssertionError("the page is never there to be asked")


@pytest.mark.parametrize(
    ("name", "times"), [("ui/view-page.js", 1), pytest.param("engine/clock.js", 2, marks=pytest.mark.soak)]
)
def test_a_module_that_fails_is_had_by_loading_again(page, archive, name, times):
    """(Preloading fails first where a module is preloaded; that is tried again by itself.)"""
    failing = Failing(page, name, times)
    page.goto(looking.address(archive, archive.made["lca"]))
    once_loaded_again(page)
    assert failing.failed == times
    wait_until(page, "document.getElementById('notice').hidden")
    assert page.evaluate("history.state") is None


@pytest.mark.soak
def test_a_viewer_that_never_comes_says_so_and_leaves_no_picture_without_a_name(page, archive):
    Failing(page, "ui/strip.js", 1000)
    page.goto(looking.address(archive, archive.made["lca"]))
    looking.says(page, "#notice", "a lossy preview is shown", timeout_ms=20_000)
    looking.says(page, "#notice", "does not start", timeout_ms=20_000)
    assert page.evaluate("document.getElementById('preview').hidden")


@pytest.mark.parametrize(
    ("name", "times"),
    [
        pytest.param("vendor/openjphjs.wasm", 3, marks=pytest.mark.soak),
        pytest.param("vendor/openjphjs.js", 3, marks=pytest.mark.soak),
        ("engine/decode_worker.js", 2),
    ],
)
def test_a_decoder_that_fails_at_first_is_started_again(page, archive, name, times):
    failing = Failing(page, name, times)
    page.goto(looking.address(archive, archive.made["lca"]))
    wait_until(page, looking.EXACT)
    assert failing.failed == times
    metrics = page.evaluate("fetch('/metrics').then((answer) => answer.text())")
    assert re.search(r"^fastcine_rebuilds_total 0\.0$", metrics, re.MULTILINE), "sound frames were made anew"
