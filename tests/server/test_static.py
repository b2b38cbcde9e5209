"""What goes out of the viewer: each file as it was packed, unless it was changed since."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from fastcine.server.static import ViewerFiles, viewer_root

ROOT = viewer_root()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the viewer's files, to be changed."""
    copy = tmp_path_factory.mktemp("viewer") / "viewer"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("node_modules", "test"))
    return copy


def sent(files, name):
    return files._files[name]


def names(root, *patterns):
    return [path.relative_to(root).as_posix() for pattern in patterns for path in sorted(root.glob(pattern))]


def test_every_script_and_style_sheet_goes_out_packed():
    files = ViewerFiles()
    found = names(ROOT, "engine/*.js", "ui/*.js", "style/*.*")
    assert len(found) > 75
    for name in found:
        packed = (ROOT / "packed" / name).read_bytes()
        assert sent(files, name).plain == packed, f"{name} was changed since it was packed: `make setup` packs it"
        squeezed = sent(files, name).gzipped
        if len(packed) > len("export{};"):  # a module of types only
            assert gzip.decompress(squeezed) == packed
            assert len(squeezed) <= len(gzip.compress(packed, 9))
    for name, script in files.scripts.items():
        assert script == (ROOT / "packed" / "bootstrap" / f"{name}.js").read_text("utf-8")
    page = files.page("view", "t", {}, nonce="n")
    assert (ROOT / "packed" / "style" / "view.css").read_text("utf-8") in page
    assert "\n  <canvas" not in page


def test_what_was_changed_since_goes_out_as_it_lies_there(folder):
    before = ViewerFiles(folder)
    (folder / "ui" / "dom.js").open("a").write("// one line more\n")
    (folder / "style" / "view.css").open("a").write("/* the same */\n")
    after = ViewerFiles(folder)
    assert sent(after, "ui/dom.js").plain == (folder / "ui" / "dom.js").read_bytes()
    assert gzip.decompress(sent(after, "ui/dom.js").gzipped) == sent(after, "ui/dom.js").plain
    assert "/* the same */" in after.page("view", "t", {}, nonce="n")
    assert sent(after, "ui/api.js") == sent(before, "ui/api.js")
    assert after.version != before.version


@pytest.mark.parametrize("lost", ["packed/record.json", "packed/engine/wire.js"])
def test_what_is_not_packed_goes_out_as_it_lies_there(folder, tmp_path, lost):
    copy = Path(shutil.copytree(folder, tmp_path / "viewer"))
    (copy / lost).unlink()
    assert sent(ViewerFiles(copy), "engine/wire.js").plain == (copy / "engine" / "wire.js").read_bytes()


def test_the_record_names_all_that_is_sent():
    record = json.loads((ROOT / "packed" / "record.json").read_bytes())
    assert set(record["sources"]) == set(names(ROOT, "*.html", "bootstrap/*.js", "engine/*.js", "ui/*.js", "style/*.*"))
