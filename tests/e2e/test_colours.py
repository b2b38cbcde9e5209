"""Every kind of pixel is drawn in its right levels, by the canvas path and by WebGL."""

import numpy as np
import pytest

from tests.e2e import looking
from tests.e2e.conftest import opened_page

pytestmark = pytest.mark.e2e


def test_a_mask_is_not_subtracted(quiet_page, archive):
    """The Mask Subtraction Sequence is the reader's choice: the run opens as it was stored."""
    description = looking.open_run(quiet_page, archive, "masked")
    made = archive.made["masked"]
    assert made.dataset.MaskSubtractionSequence[0].MaskOperation == "AVG_SUB"
    looking.show_frame(quiet_page, 5)
    picture = looking.canvas_picture(quiet_page)
    assert looking.difference(picture, looking.grey_reference(made, description, 5)) <= 2
    subtracted = made.stored[5].astype(int) - made.stored[0]
    assert np.abs(subtracted - picture[..., 0]).max() > 50, "the two would not be told apart"


def test_a_run_without_a_first_pass_is_the_first_that_a_page_shows(quiet_page, archive):
    """Decoders that start get coarse frames only, on a local network (and here); of this run there are none."""
    description = looking.open_run(quiet_page, archive, "thirty-two")
    assert description["tiers"]["coarse"] is None and description["tiers"]["exact"]["codec"] == "deflate"


@pytest.fixture
def gl_page(gl_browser):
    with opened_page(gl_browser) as page:
        yield page
        assert page.errors == []


GL_PLAYER = """async () => {
  const {createPlayer} = await import(document.querySelector('link[href$="/engine/player.js"]').href);
  const {run, description} = fastcine.player, before = document.getElementById("picture");
  fastcine.player.close();
  const canvas = before.cloneNode();
  before.replaceWith(canvas);
  window.fastcine = {player: createPlayer(canvas, {renderer: "gl"})};
  fastcine.player.open(run, description, {play: false});
}"""


@pytest.mark.parametrize(
    "name",
    [
        "rgb",
        *(pytest.param(name, marks=pytest.mark.soak) for name in ("ybr", "palette", *looking.GREY[1:])),
    ],
)
def test_pixels_are_those_of_the_file_by_canvas_and_by_webgl(gl_page, archive, name):
    looking.open_run(gl_page, archive, name)
    assert gl_page.evaluate("fastcine.player.renderer") == "2d", "a software WebGL is slower than the canvas"
    for frame in (0, 2):
        looking.show_frame(gl_page, frame)
        by_canvas = looking.canvas_picture(gl_page)
        assert looking.difference(by_canvas, looking.reference(archive, name, frame)) <= 2
    assert looking.text(gl_page, "#badge") == ("AS ACQUIRED" if name == "ybr" else "EXACT")
    gl_page.evaluate(GL_PLAYER)
    assert gl_page.evaluate("fastcine.player.renderer") == "gl"
    looking.show_frame(gl_page, 2)
    by_webgl = looking.canvas_picture(gl_page)
    assert looking.difference(by_webgl, by_canvas) <= 1
    assert looking.difference(by_webgl, looking.reference(archive, name, 2)) <= 2
