"""axe-core finds nothing on any page, at a desk and on a tablet; nothing moves while a page is filled; all is dark."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.e2e import looking
from tests.e2e.conftest import opened_page, wait_until
from tests.e2e.test_sign_in import served  # noqa: F401  (a fixture)
from tests.e2e.test_viewer_page import AXE, SHIFTS, THUMBNAILS, study_address

pytestmark = pytest.mark.e2e

SIZES = {"desk": (1280, 900), "tablet": (768, 1024)}


def violations(page):
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
          (one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""
    )
    return found


def check(page, where):
    assert violations(page) == [], where


def is_dark(seen):
    """Whether the page, or a part of it, is dark as it is seen: by its mean luminance, 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(seen.screenshot())).convert("L")).mean() < 64


def walk(page, archive, *, whole):
    page.goto(archive.url)
    wait_until(page, "document.querySelectorAll('#rows tr').length > 0")
    check(page, "worklist")
    assert page.evaluate("shifted") == [] and is_dark(page)
    page.goto(study_address(archive, "lca"))
    wait_until(page, f"{looking.EXACT} && {THUMBNAILS}")
    check(page, "single run")
    assert page.evaluate("shifted") == [] and is_dark(page.locator("footer"))
    page.keyboard.press("?")
    wait_until(page, "document.getElementById('help').open")
    check(page, "help")
    if not whole:
        return
    page.get_by_role("button", name="Change keys").click()
    check(page, "help, keys to be changed")
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    wait_until(page, "fastcine.players.length === 4")
    page.wait_for_timeout(500)
    check(page, "four cells")
    page.keyboard.press("1")
    looking.open_run(page, archive, "averaged")
    page.keyboard.press("s")
    looking.says(page, ".looks", "SUBTRACTED")
    check(page, "subtraction's panel")


def test_both_pages_are_accessible_and_nothing_moves(quiet_page, archive):
    quiet_page.add_init_script(SHIFTS)
    quiet_page.add_init_script(path=AXE)
    walk(quiet_page, archive, whole=False)


@pytest.mark.soak
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_anywhere(browser, archive, served, size):  # noqa: F811
    width, height = SIZES[size]
    with opened_page(browser, width=width, height=height) as page:
        page.add_init_script(SHIFTS)
        page.add_init_script(path=AXE)
        walk(page, archive, whole=True)
        assert page.errors == []
    context = browser.new_context(ignore_https_errors=True, viewport={"width": width, "height": height})
    page = context.new_page()
    page.add_init_script(path=AXE)
    page.goto(f"{served[0].url}/sign-in")
    check(page, "sign-in")
    assert is_dark(page)
    context.close()
