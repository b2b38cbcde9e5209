"""The README's pictures, made of the phantom: `make pictures`. Without being asked, nothing in the tree is written."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.archives import fill
from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.phantom_disc import phantom_disc
from tests.serving import serving

ASKED = os.environ.get("FASTCINE_PICTURES", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.soak,
    pytest.mark.skipif(not ASKED, reason="FASTCINE_PICTURES names no folder (make pictures)"),
]
MOST_BYTES = 60_000
EXACT = "fastcine.players.every((one) => !one.run || one.stats().all_exact_ms != null || !one.seen)"


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
    for quality in range(88, 20, -4):
        packed = io.BytesIO()
        image.save(packed, "WEBP", quality=quality, method=6)
        if packed.tell() < MOST_BYTES:
            break
    path = Path(ASKED) / f"{name}.webp"
    path.write_bytes(packed.getvalue())
    assert Image.open(path).size == image.size and path.stat().st_size < MOST_BYTES


def tiles_of(disc, words):
    """The study whose description holds these words, and its tiles."""
    (uid,) = [row["study_instance_uid"] for row in disc.rows if words in row["description"]]
    return uid, disc.json(f"/api/studies/{uid}")["tiles"]


def opened(page, disc, uid, run):
    page.goto(f"{disc.url}/view/{uid}?run={run}")
    wait_until(page, looking.EXACT)
    wait_until(page, "document.querySelector('.looks')")


def stand(page, frame):
    looking.show_frame(page, frame)
    page.wait_for_timeout(300)


def test_the_readmes_pictures(browser, disc):
    for row in disc.rows:
        print(row["description"], row["study_date_text"])
    for _, tiles in [tiles_of(disc, row["description"]) for row in disc.rows]:
        for tile in tiles:
            print(tile["kind"], tile["label"])
