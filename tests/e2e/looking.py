"""What a test sees on the viewer's page: a run opened, its state awaited, the pixels on its canvas."""

import base64
from contextlib import contextmanager

import numpy as np
from pydicom.pixels import apply_color_lut

from fastcine.render.picture import grey_picture
from tests.e2e.conftest import opened_page, wait_until

EXACT = "window.fastcine?.player.stats().all_exact_ms != null"
GREY = ("lca", "monochrome1", "twelve", "signed")
STANDS = "!fastcine.player.playing && !fastcine.player.waiting"

# The picture as the canvas holds it right after a draw, one image column a device pixel: what WebGL drew is gone later.
READ_PICTURE = """() => new Promise((resolve) => {
  const {player} = fastcine, canvas = document.getElementById("picture"), {columns, rows} = player.description;
  const read = ({detail: {frame, tier}}) => {
    const {scale} = player.view;
    if (Math.abs(scale - 1) > 1e-9) return;
    player.removeEventListener("frame", read);
    const at = player.imageToCanvas(0, 0);
    const copy = new OffscreenCanvas(columns, rows).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, -at.x * devicePixelRatio, -at.y * devicePixelRatio);
    const bytes = copy.getImageData(0, 0, columns, rows).data;
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    resolve({columns, rows, frame, tier, data: btoa(text)});
  };
  player.addEventListener("frame", read);
  const {zoom, scale} = player.view;
  player.setView({zoom: zoom / scale, pan_x: 0, pan_y: 0});
})"""


@contextmanager
def drawing_by(browser, renderer):
    """A page whose own player draws by "gl" or "2d", whatever the machine has; it must not say an error."""
    with opened_page(browser, width=800, height=760) as page:  # WebGL by the processor is slow
        # What the last visit found out about the machine (fast_gl.js).
        page.add_init_script(f"localStorage.setItem('fastcine-fast-gl', '{'yes' if renderer == 'gl' else 'no'}')")
        yield page
        assert page.errors == []


def address(archive, made):
    return f"{archive.url}/view/{made.study_instance_uid}?run={description_of(archive, made)['run']}"


def description_of(archive, made):
    return archive.json(f"/api/runs/{made.sop_instance_uid}")["description"]


def open_run(page, archive, name, *, until=EXACT):
    """The viewer on this run; its description."""
    made = archive.made[name]
    page.goto(address(archive, made))
    wait_until(page, until)
    return description_of(archive, made)


def show_frame(page, frame):
    """Pause on a frame, and wait until its exact picture is drawn."""
    page.evaluate(
        """(frame) => new Promise((resolve) => {
          const {player} = fastcine;
          const drawn = ({detail}) => {
            if (detail.frame !== frame || detail.tier < 2) return;
            player.removeEventListener("frame", drawn);
            resolve();
          };
          player.addEventListener("frame", drawn);
          player.pause();
          player.seek(frame);
          player.setView({});
        })""",
        frame,
    )


# All of the canvas as it is.
READ_CANVAS = """() => new Promise((resolve) => {
  fastcine.player.addEventListener("frame", () => {
    const canvas = document.getElementById("picture"), {width: columns, height: rows} = canvas;
    const bytes = canvas.getContext("2d").getImageData(0, 0, columns, rows).data;
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    resolve({columns, rows, data: btoa(text)});
  }, {once: true});
  fastcine.player.setView({});
})"""


def pixels_of(answer):
    """uint8 (rows, columns, 3)."""
    pixels = np.frombuffer(base64.b64decode(answer["data"]), np.uint8)
    return pixels.reshape(answer["rows"], answer["columns"], 4)[..., :3]


def whole_canvas(page):
    """The canvas as it is: uint8 (rows, columns, 3)."""
    return pixels_of(page.evaluate(READ_CANVAS))


def canvas_picture(page):
    """What lies on the canvas at 1:1: uint8 (rows, columns, 3)."""
    return pixels_of(page.evaluate(READ_PICTURE))


def wire_samples(made, frame):
    """The samples as the wire counts them: signed ones shifted up."""
    stored = made.stored[frame]
    if stored.dtype.kind == "i":
        bits = made.dataset.BitsStored
        return (stored.astype(np.int64) + (1 << (bits - 1))).astype(np.uint16)
    return stored


def grey_reference(made, description, frame, *, window=None, invert=False):
    """The server's reference picture (fastcine.render.picture): uint8 (rows, columns)."""
    display = dict(description["display"])
    if window is not None:
        display["windows"], display["voi_luts"] = [{"center": window[0], "width": window[1]}], []
    display["invert"] = display["invert"] != invert
    return grey_picture(
        wire_samples(made, frame), display, bits_stored=description["bits_stored"], signed=description["signed"]
    )


def difference(picture, reference):
    """The largest difference of levels between a canvas picture and a grey or RGB reference."""
    wanted = reference if reference.ndim == 3 else np.repeat(reference[..., None], 3, axis=2)
    assert picture.shape == wanted.shape
    return int(np.abs(picture.astype(np.int16) - wanted.astype(np.int16)).max())


def says(page, selector, words, timeout_ms=5000):
    """Until the element's text holds these words: the page follows a change of state an animation frame later."""
    for _ in range(timeout_ms // 50):
        if words in text(page, selector):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{selector} says {text(page, selector)!r}, not {words!r}")


def text(page, selector):
    return page.locator(selector).inner_text()


def palette_reference(made, frame):
    """pydicom's colours of a palette image, in 8 bits."""
    rgb = apply_color_lut(made.stored[frame], made.dataset)
    return (rgb >> 8).astype(np.uint8)


def reference(archive, name, frame):
    """What a frame of a made object looks like as the file says, (rows, columns[, 3])."""
    made = archive.made[name]
    if name in GREY:
        return grey_reference(made, description_of(archive, made), frame)
    return palette_reference(made, frame) if name == "palette" else made.stored[frame]
