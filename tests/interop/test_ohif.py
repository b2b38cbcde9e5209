"""OHIF, as it is published, in a real browser over our DICOMweb: it lists the study, opens it and plays a run."""

import re

import pytest
from playwright.sync_api import sync_playwright

from tests.archives import fill
from tests.e2e.conftest import FLAGS, chromium_path
from tests.interop.ohif import ohif_before
from tests.serving import command, serving

pytestmark = [pytest.mark.soak, pytest.mark.e2e]
# It draws with WebGL: without a GPU by Chromium's software one.
SOFTWARE_GL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """It holds the phantom's angiography, whole: XA runs of 8 and 12 bits, DSA, echo, IVUS, a presentation state."""
    folder = tmp_path_factory.mktemp("ohif")
    command("phantom", folder / "disc")
    fill(
        folder / "data",
        sorted(path for path in (folder / "disc/DICOM/ST000001").rglob("*") if path.is_file()),
        make=False,
    )
    with serving(folder / "data") as server:
        yield server


@pytest.fixture(scope="module")
def ohif(server):
    with ohif_before(server) as found:
        yield found


@pytest.fixture
def page(ohif):
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=[*flags, *SOFTWARE_GL])
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.failures = []
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        yield page
        chromium.close()


def frame_number(page):
    """As OHIF writes it: I:3 (3/60)."""
    found = re.search(r"\((\d+)/60\)", page.inner_text("body"))
    return int(found[1]) if found else None


def picture(page):
    return page.locator(".viewport-element canvas, canvas.cornerstone-canvas").first.screenshot()


def test_it_lists_the_study_opens_it_and_plays_a_run(ohif, server, page, tmp_path):
    url, asked = ohif
    (study,) = server.json("/api/worklist", {"limit": 10})["studies"]
    page.goto(url)
    page.get_by_text("Phantom, Paula").wait_for()
    assert page.get_by_text("Coronary angiography").count() == 1
    page.screenshot(path=str(tmp_path / "list.png"))

    page.goto(f"{url}/viewer?StudyInstanceUIDs={study['study_instance_uid']}")
    page.get_by_text("Skip all").click()
    page.get_by_text("(1/60)").wait_for()
    for series in ("LCA", "RCA", "LCA LAO CRA 12 bit"):
        page.get_by_text(series, exact=True).first.wait_for()
    page.mouse.move(760, 470)
    page.keyboard.press("c")
    rate = page.get_by_text("FPS", exact=True)
    rate.wait_for()
    # The acquired rate, from our metadata.
    assert "15" in page.evaluate("[...document.querySelectorAll('input')].map(each => each.value)")
    # The button has no name; it stands left of the rate.
    box = rate.bounding_box()
    page.mouse.click(box["x"] - 64, box["y"] + box["height"] / 2)
    numbers, pictures = set(), set()
    for _ in range(60):
        page.wait_for_timeout(250)
        numbers.add(frame_number(page))
        pictures.add(picture(page))
        if len(numbers) > 10 and len(pictures) > 10:
            break
    page.screenshot(path=str(tmp_path / "playing.png"))
    assert len(numbers) > 10 and len(pictures) > 10, (numbers, len(pictures))
    frames = [status for status, path, _ in asked if "/frames/" in path]
    assert len(frames) >= 60 and {status for status, _, _ in asked} <= {200, 204}
    assert page.failures == []
