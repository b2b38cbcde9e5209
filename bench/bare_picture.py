"""The limit of a first frame: a page that is nothing but our page's first preview, inside the HTML as there."""

from __future__ import annotations

import base64
from pathlib import Path

from bench.runs import BenchedRun
from fastcine.archive.cine_cache import CineCache
from fastcine.archive.folder import DataFolder
from fastcine.render.preview import unpack

PAGE = """<!doctype html><title>{title}</title>
<style>
body {{ margin: 0; background: #000 }}
img, canvas {{ position: absolute; width: {size}px; height: {size}px }}
</style>
<canvas width="{columns}" height="{rows}"></canvas><img src="data:image/webp;base64,{picture}">
<script>
const image = document.querySelector("img"), canvas = document.querySelector("canvas"), player = new EventTarget();
const zoom = {size} / {columns};
player.imageToCanvas = (x, y) => ({{ x: x * zoom, y: y * zoom }});
player.stats = () => ({{ first_frame_ms: performance.now(), all_loaded_ms: performance.now() }});
player.description = {{ columns: {columns} }};
window.fastcine = {{ player }};
// Only when it is on the screen: what the bench's probe wants to see must not be in the picture's way.
setTimeout(() => image.decode().then(() => {{
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  player.dispatchEvent(new CustomEvent("frame", {{ detail: {{ frame: 0, badge: "" }} }}));
}}), 300);
</script>
"""
SIZE = 756
"""CSS pixels: the shorter side of our page's canvas in the same window."""


def lay_out(root: Path, run: BenchedRun) -> None:
    """Put the page below `root`."""
    packed = CineCache(DataFolder(run.data)).get_blob(run.description["run"], "previews")
    picture = base64.b64encode(unpack(packed or b"")[0]).decode()
    rows, columns = run.description["rows"], run.description["columns"]
    root.mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_text(
        PAGE.format(title=run.title, picture=picture, rows=rows, columns=columns, size=SIZE)
    )
