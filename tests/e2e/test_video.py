"""A video that nothing on the server can decode: the browser plays it as received, or the viewer says why not."""

import io

import pytest

pytest.importorskip("av")

import av
import numpy as np

from fastcine.codec import video
from tests.archives import fill
from tests.codec.videos import COLUMNS, ROWS, coded_video, video_object
from tests.e2e import looking, made_objects
from tests.e2e.conftest import opened_page, wait_until
from tests.serving import serving

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

FRAMES = 50
PLAYS = "document.querySelector('#stage video')?.currentTime > 0.2"
# What the element shows, drawn to a canvas of the picture's size.
READ_VIDEO = """() => {
  const video = document.querySelector("#stage video"), {videoWidth: columns, videoHeight: rows} = video;
  const copy = new OffscreenCanvas(columns, rows).getContext("2d");
  copy.drawImage(video, 0, 0);
  const bytes = copy.getImageData(0, 0, columns, rows).data;
  return {columns, rows, data: btoa(String.fromCharCode(...bytes))};
}"""
# The run before goes on arriving in the player: its badge is not this one's.
LATE_BADGE = "void fastcine.player.dispatchEvent(new CustomEvent('badge', {detail: {badge: 'EXACT'}}))"
CAN_PLAY = """document.createElement("video").canPlayType('video/mp4; codecs="avc1.64000a"') !== \"\""""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A study of three: an X-ray run, an AVC video, and a video that no browser plays; made without PyAV."""
    folder = tmp_path_factory.mktemp("videos")
    xa = next(one for one in made_objects.heart() if one.name == "lca")
    (folder / "lca.dcm").write_bytes(xa.data)
    same = {"StudyInstanceUID": xa.study_instance_uid, "PatientID": str(xa.dataset.PatientID)}
    avc = coded_video("libx264", "mp4", frames=FRAMES)
    video_object(folder / "avc.dcm", avc, ".102.1", frames=FRAMES, pieces=3, SeriesDescription="Film", **same)
    mpeg2 = coded_video("mpeg2video", "mpeg", frames=FRAMES)
    video_object(folder / "mpeg2.dcm", mpeg2, ".101", frames=FRAMES, SeriesDescription="Old film", **same)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "installed", lambda: False)
        lca, film, old = fill(folder / "data", [folder / f"{name}.dcm" for name in ("lca", "avc", "mpeg2")])
    with serving(folder / "data") as server:
        server.view = f"{server.url}/view/{xa.study_instance_uid}"
        with av.open(io.BytesIO(avc)) as source:
            server.film_frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in source.decode(video=0)]
        server.lca, server.film, server.old = lca.run, film.run, old.run
        yield server


@pytest.fixture
def beside_film(quiet_page, server):
    """The study's X-ray run is on the screen, and a browser that can play its film."""
    quiet_page.goto(f"{server.view}?run={server.lca}")
    wait_until(quiet_page, looking.EXACT)
    if not quiet_page.evaluate(CAN_PLAY):
        pytest.skip("this Chromium lacks AVC")
    return quiet_page


def tile(page, label):
    return page.locator("#tiles button").filter(has=page.get_by_text(label, exact=True))


def test_the_browser_plays_it_and_it_goes_with_its_run(beside_film, server):
    page = beside_film
    loaded = "performance.getEntriesByType('resource').some(({name}) => name.endsWith('/ui/video.js'))"
    assert not page.evaluate(loaded), "the module is loaded only where there is a video"
    tile(page, "Film").click()
    wait_until(page, PLAYS)
    time = "document.querySelector('#stage video').currentTime"
    wait_until(page, f"Math.abs({time} - {page.evaluate(time)}) > 0.2")
    for wanted in ("controls", "loop", "muted", "playsInline"):
        assert page.evaluate(f"document.querySelector('#stage video').{wanted}"), wanted
    page.evaluate("document.querySelector('#stage video').pause()")
    assert page.evaluate("""new Promise((resolve) => {
      const video = document.querySelector("#stage video");
      video.addEventListener("seeked", () => resolve(true), {once: true});
      video.currentTime = 1.02;  // in the middle of frame 25
    })""")
    seen = looking.pixels_of(page.evaluate(READ_VIDEO)).astype(float)
    assert seen.shape == (ROWS, COLUMNS, 3)
    away = [np.abs(seen - frame).mean() for frame in server.film_frames]
    assert min(away) < 8 and abs(int(np.argmin(away)) - 25) <= 1, "the film's own frame"
    page.evaluate(LATE_BADGE)
    assert looking.text(page, "#badge") == "AS ACQUIRED"
    detail = looking.text(page, "#badge-detail")
    assert detail == "lossy video as received, played by the browser: no single frames, no window"
    assert looking.text(page, "#run-label") == "Film"
    assert page.locator("#notice").is_hidden()
    assert page.evaluate("getComputedStyle(document.getElementById('picture')).visibility") == "hidden"
    assert page.evaluate("fastcine.player.playing") is False
    tile(page, "LCA").click()
    wait_until(page, "window.fastcine?.player.badge === 'EXACT' && fastcine.player.playing")
    looking.says(page, "#badge", "EXACT")
    assert page.locator("#stage video").count() == 0


def test_a_video_opened_by_its_address_plays(quiet_page, server):
    quiet_page.goto(f"{server.view}?run={server.film}")
    wait_until(quiet_page, f"{CAN_PLAY} ? {PLAYS} : !document.getElementById('notice').hidden")


def test_in_several_cells_it_lies_on_its_own(beside_film):
    page = beside_film
    page.keyboard.press("2")
    wait_until(page, "fastcine.players.length === 2")
    page.locator("#cells .stage").nth(1).click(position={"x": 60, "y": 120})
    tile(page, "Film").click()
    wait_until(page, "document.querySelector('#cells .stage:nth-of-type(2) video')?.currentTime > 0.2")
    assert page.locator("video").count() == 1
    first = page.locator("#cells .stage").nth(0).locator("canvas").first
    assert first.evaluate("(canvas) => getComputedStyle(canvas).visibility") == "visible"


def test_where_the_browser_cannot_the_viewer_says_why(browser, server):
    with opened_page(browser) as page:
        page.goto(f"{server.view}?run={server.old}")
        wait_until(page, "document.getElementById('notice').textContent.startsWith('This run cannot be played')")
        notice = looking.text(page, "#notice")
        assert "video needs PyAV" in notice and "fastcine[video]" in notice
        assert notice.endswith("The file is kept as received.")
        assert page.locator("#stage video").count() == 0
        page.evaluate(LATE_BADGE)
        assert looking.text(page, "#badge") == ""
        assert page.errors == []
