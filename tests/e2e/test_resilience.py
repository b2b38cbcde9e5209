"""What breaks while a run is watched, and goes on: decode workers, graphics context, the page's sleep, the server."""

import numpy as np
import pytest

from tests.archives import fill
from tests.e2e import cell_objects, looking
from tests.e2e.conftest import opened_page, wait_until
from tests.e2e.relay import slow_link
from tests.e2e.test_cells import ALL_EXACT, cells_archive, open_cells  # noqa: F401  (a fixture)
from tests.e2e.test_subtraction import SETTLED, reference
from tests.serving import serving

pytestmark = pytest.mark.e2e

WORKERS = """
window.workers = [];
window.Worker = class extends Worker {
  constructor(...how) {
    super(...how);
    workers.push(this);
  }
};
"""


def is_that_of_the_file(page, archive, name, frame):
    made = archive.made[name]
    looking.show_frame(page, frame)
    wanted = looking.grey_reference(made, looking.description_of(archive, made), frame)
    assert looking.difference(looking.canvas_picture(page), wanted) <= 2


@pytest.mark.parametrize("death", ["told", pytest.param("silent", marks=pytest.mark.soak)])
def test_decode_workers_that_die_are_replaced_and_no_frame_is_lost(page, archive, death):
    """Told: it throws. Silent: it is gone, and nobody says so."""
    page.add_init_script(WORKERS)
    made = archive.made["rca"]
    with slow_link(archive.url, 1_000_000) as link:
        page.goto(looking.address(archive, made).replace(archive.url, link.url))
        wait_until(page, "window.fastcine?.player.stats().frames_exact > 4")
        kill = "worker.postMessage(null)" if death == "told" else "worker.terminate()"
        dead = page.evaluate(f"workers.splice(0).map((worker) => {kill}).length")
        exact = page.evaluate("fastcine.player.stats().frames_exact")
        assert dead >= 1 and exact < 30, "in the middle of the run"
        wait_until(page, looking.EXACT, 30_000)
        assert page.evaluate("workers.length") >= 1, "others came in their place"
        stats = page.evaluate("fastcine.player.stats()")
        assert stats["frames_exact"] == stats["frames_total"] == 30
        assert page.evaluate("fastcine.player.playing && document.getElementById('notice').hidden")
        is_that_of_the_file(page, archive, "rca", 29)


@pytest.mark.soak
def test_workers_that_die_again_and_again_end_in_words_and_what_is_decoded_plays(page, archive):
    page.add_init_script(WORKERS)
    looking.open_run(page, archive, "lca")
    page.evaluate("setInterval(() => workers.splice(0).forEach((worker) => worker.postMessage(null)), 100)")
    for _ in range(120):
        if "decoder" in looking.text(page, "#notice"):
            break
        page.wait_for_timeout(500)
    assert "The decoder does not start. Reload the page" in looking.text(page, "#notice")
    shown = page.evaluate("fastcine.player.stats().frames_shown")
    page.wait_for_timeout(1500)
    assert page.evaluate("fastcine.player.stats().frames_shown") > shown + 10
    is_that_of_the_file(page, archive, "lca", 20)


LOSE = "for (const one of lost) one.loseContext()"
RESTORE = "for (const one of lost) one.restoreContext()"
CONTEXTS = """() => {
  const canvases = [...document.querySelectorAll("#cells .stage:not([hidden]) canvas:not(.loupe, .graphics)")];
  window.lost = canvases.map((canvas) => canvas.getContext("webgl2").getExtension("WEBGL_lose_context"));
  return lost.length;
}"""


def lose(page, *, back):
    """The graphics contexts of the page are lost; they come back where `back` says so."""
    page.evaluate(LOSE)
    page.wait_for_timeout(300)
    if back:
        page.evaluate(RESTORE)


@pytest.mark.soak
@pytest.mark.parametrize("back", [True, False])
def test_a_lost_graphics_context_comes_back_or_the_canvas_draws_without(gl_browser, archive, back):
    """A subtracted, sharpened picture is afterwards what it was, to the pixel; without WebGL within a level of it."""
    with looking.drawing_by(gl_browser, "gl") as page:
        looking.open_run(page, archive, "averaged")
        looking.show_frame(page, 5)
        page.keyboard.press("s")
        wait_until(page, SETTLED)
        plain = looking.canvas_picture(page)
        assert looking.difference(plain, reference(archive.made["averaged"], 6)) <= 1
        page.keyboard.press("g")
        wait_until(page, "fastcine.player.filter")
        before = looking.canvas_picture(page)
        assert looking.difference(before, plain[..., 0]) > 1, "sharpened"
        assert page.evaluate(CONTEXTS) == 1
        lose(page, back=back)
        wait_until(page, f"fastcine.player.renderer === '{'gl' if back else '2d'}'")
        page.wait_for_timeout(300)
        after = looking.canvas_picture(page)
        assert looking.difference(after, before) <= (0 if back else 1)
        page.keyboard.press("g")
        page.keyboard.press("g")
        wait_until(page, "!fastcine.player.filter")
        looking.show_frame(page, 4)
        wait_until(page, SETTLED)
        assert looking.difference(looking.canvas_picture(page), reference(archive.made["averaged"], 5)) <= 1


# Of each cell, right after it was drawn at 1:1, the upper left of its picture.
CELL_PICTURES = """() => Promise.all(fastcine.players.map((player, at) => new Promise((resolve) => {
  const part = new OffscreenCanvas(128, 128).getContext("2d", {willReadFrequently: true});
  player.addEventListener("frame", () => {
    const stage = document.querySelectorAll("#cells .stage:not([hidden])")[at];
    const canvas = stage.querySelector("canvas:not(.loupe, .graphics)");
    const {x, y} = player.imageToCanvas(0, 0);
    part.drawImage(canvas, -x * devicePixelRatio, -y * devicePixelRatio);
    resolve([...part.getImageData(0, 0, 128, 128).data]);
  }, {once: true});
  const {zoom, scale} = player.view;
  player.setView({zoom: zoom / scale, pan_x: 0, pan_y: 0});
})))"""


@pytest.mark.soak
@pytest.mark.parametrize("back", [True, False])
def test_four_lost_graphics_contexts(gl_browser, cells_archive, back):  # noqa: F811
    with opened_page(gl_browser, width=900, height=800) as page:
        open_cells(page, cells_archive, query="&renderer=gl")
        page.keyboard.press("4")
        wait_until(page, f"fastcine.players.length === 4 && {ALL_EXACT}", 60_000)
        page.evaluate("fastcine.players.forEach((player) => (player.pause(), player.seek(7)))")
        page.wait_for_timeout(500)
        before = np.array(page.evaluate(CELL_PICTURES), int)
        assert all(picture.std() > 20 for picture in before)
        assert page.evaluate(CONTEXTS) == 4
        lose(page, back=back)
        wait_until(page, f"fastcine.players.every(({{renderer}}) => renderer === '{'gl' if back else '2d'}')")
        page.wait_for_timeout(500)
        after = np.array(page.evaluate(CELL_PICTURES), int)
        assert np.abs(after - before).max() <= (0 if back else 2)


ASLEEP = """
window.asleep = false;
Object.defineProperty(Document.prototype, "hidden", {get: () => asleep});
window.sleep = (value) => ((asleep = value), document.dispatchEvent(new Event("visibilitychange")));
"""


@pytest.mark.soak
def test_a_page_that_slept_goes_on_where_it_stood(page, archive):
    """Hidden, then frozen, then its connection is cut: awake it plays on from the same frame, and ends exact."""
    page.add_init_script(ASLEEP)
    made = archive.made["rca"]
    session = page.context.new_cdp_session(page)
    with slow_link(archive.url, 300_000) as link:
        page.goto(looking.address(archive, made).replace(archive.url, link.url))
        wait_until(page, "window.fastcine?.player.stats().frames_exact > 4 && fastcine.player.playing")
        page.evaluate("sleep(true)")
        page.wait_for_timeout(2500)  # what was on its way has come
        fell = page.evaluate("({frame: fastcine.player.frame, ...fastcine.player.stats()})")
        page.wait_for_timeout(1500)
        still = page.evaluate("({frame: fastcine.player.frame, ...fastcine.player.stats()})")
        assert still == fell, "nothing is fetched, decoded, shown or counted"
        assert fell["frames_exact"] < 30
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        link.cut()
        page.wait_for_timeout(3000)
        session.send("Page.setWebLifecycleState", {"state": "active"})
        woke = page.evaluate("(sleep(false), fastcine.player.frame)")
        assert woke == fell["frame"], "the clock stood"
        link.bytes_per_s = None
        wait_until(page, looking.EXACT, 30_000)
        stats = page.evaluate("fastcine.player.stats()")
        assert stats["frames_out_of_order"] == 0
        assert stats["frames_missed"] - fell["frames_missed"] <= 2, "it did not jump"
        assert page.evaluate("fastcine.player.playing && fastcine.player.connection === 'open'")
        is_that_of_the_file(page, archive, "rca", 29)


@pytest.mark.soak
@pytest.mark.parametrize("layout", ["1", "4"])
def test_a_server_that_is_gone_is_said_what_is_here_plays_on_and_it_goes_on_by_itself(page, tmp_path, layout):
    made = {one.name: one for one in cell_objects.all_cells()}
    for name, one in made.items():
        (tmp_path / f"{name}.dcm").write_bytes(one.data)
    data = tmp_path / "data"
    fill(data, [tmp_path / f"{name}.dcm" for name in made])
    with serving(data) as server:
        server.made = made
        server.run_of = {name: looking.description_of(server, one)["run"] for name, one in made.items()}
        with slow_link(server.url, None) as link:
            direct, server.url = server.url, link.url
            open_cells(page, server)
            page.keyboard.press(layout)
            wait_until(page, f"fastcine.players.length === {layout} && {ALL_EXACT}", 60_000)
            server.url = direct
            server.stop()
            words = "Connection lost. What is here plays on."
            for at in range(int(layout)):
                looking.says(page, f"#cells .stage:nth-child({at + 1}) .notice", words, 10_000)
            before = page.evaluate("fastcine.players.map((player) => player.stats().frames_shown)")
            page.wait_for_timeout(3000)
            after = page.evaluate("fastcine.players.map((player) => player.stats().frames_shown)")
            assert all(now - then >= 20 for then, now in zip(before, after, strict=True)), "all play on"
            with serving(data) as again:
                link.lead_to(again.url)
                wait_until(page, "fastcine.player.connection === 'open'", 30_000)
                wait_until(
                    page,
                    "[...document.querySelectorAll('#cells .stage:not([hidden]) .notice')].every((one) => one.hidden)",
                )
                if layout == "1":
                    page.keyboard.press("ArrowDown")
                    wait_until(page, f"fastcine.player.run === '{server.run_of['Plane B']}' && {ALL_EXACT}")
                    looking.show_frame(page, 11)
                    plane = made["Plane B"]
                    wanted = looking.grey_reference(plane, looking.description_of(again, plane), 11)
                    assert looking.difference(looking.canvas_picture(page), wanted) <= 2
