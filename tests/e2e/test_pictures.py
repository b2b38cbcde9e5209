"""The README's pictures, made of the phantom: `make pictures`. Without being asked, nothing in the tree is written."""

import io
import itertools
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.archives import fill
from tests.e2e import looking
from tests.e2e.conftest import opened_page, wait_until
from tests.phantom_disc import phantom_disc
from tests.serving import serving

ASKED = os.environ.get("FASTCINE_PICTURES", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.soak,
    pytest.mark.skipif(not ASKED, reason="FASTCINE_PICTURES names no folder (make pictures)"),
]
MOST_BYTES = 60_000
ANGIOGRAPHY, STRESS = "2026-03-01", "2026-02-25"


@pytest.fixture(scope="module")
def disc(tmp_path_factory):
    files = [path for name, path in phantom_disc(tmp_path_factory).items() if name != "DICOMDIR"]
    data = tmp_path_factory.mktemp("pictures") / "data"
    fill(data, files)
    with serving(data) as server:
        server.wait_until_made()
        server.rows = server.json("/api/worklist", {"limit": 50})["studies"]
        yield server


def keep(page, name):
    """The page as it is, in `docs/img/<name>.webp`: as good as the bytes allow."""
    page.mouse.move(2, 2)
    page.wait_for_timeout(600)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for share, quality in itertools.product((1, 0.8, 0.65), range(88, 40, -6)):
        size = (round(image.width * share), round(image.height * share))
        packed = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(packed, "WEBP", quality=quality, method=6)
        if packed.tell() < MOST_BYTES:
            break
    assert packed.tell() < MOST_BYTES
    (Path(ASKED) / f"{name}.webp").write_bytes(packed.getvalue())


def run_of(disc, date, label):
    """Study and run of the first tile that says so."""
    (uid,) = [row["study_instance_uid"] for row in disc.rows if row["study_date_text"].startswith(date)]
    tiles = disc.json(f"/api/studies/{uid}")["tiles"]
    return uid, next(tile["run"] for tile in tiles if tile["kind"] == "run" and tile["label"] == label)


def opened(page, disc, date, label, *, frame):
    """The viewer stands on a frame of this run, exactly drawn."""
    uid, run = run_of(disc, date, label)
    page.goto(f"{disc.url}/view/{uid}?run={run}")
    wait_until(page, looking.EXACT)
    wait_until(page, "document.querySelector('.looks')")
    page.wait_for_timeout(1500)  # thumbnails
    looking.show_frame(page, frame)


def all_exact(page, count):
    held = "fastcine.players.every((one) => one.stats().all_exact_ms != null)"
    wait_until(page, f"fastcine.players.length === {count} && {held}", 60_000)
    page.wait_for_timeout(500)


def test_the_readmes_pictures(browser, disc):
    with opened_page(browser, width=1280, height=800) as page:
        page.goto(disc.url)
        wait_until(page, "document.querySelectorAll('#rows tr').length === 3")
        keep(page, "worklist")
        opened(page, disc, ANGIOGRAPHY, "LCA", frame=24)
        keep(page, "viewer")
        opened(page, disc, ANGIOGRAPHY, "LCA biplane", frame=12)
        page.keyboard.press("3")
        all_exact(page, 2)
        keep(page, "biplane")
        opened(page, disc, STRESS, "Rest PLAX", frame=4)
        page.keyboard.press("5")
        all_exact(page, 16)
        keep(page, "stress")
        opened(page, disc, ANGIOGRAPHY, "Right renal artery DSA", frame=12)
        looking.says(page, ".looks", "SUBTRACTED")  # the file asks for it
        keep(page, "subtraction")
        assert page.errors == []
    with opened_page(browser, width=768, height=1024) as page:
        opened(page, disc, ANGIOGRAPHY, "LCA", frame=24)
        keep(page, "tablet")
