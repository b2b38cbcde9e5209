"""Scripts and style sheets go out as viewer/shrink.py made them, unless they were changed since."""

import json
import os
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from fastcine.server.static import ViewerFiles

VIEWER = Path(__file__).parents[2] / "viewer"
pytest.importorskip("minify", reason="tdewolff-minify has no wheel for this machine")


@pytest.fixture
def root(tmp_path):
    """A viewer of its own, made small."""
    copied = tmp_path / "viewer"
    shutil.copytree(VIEWER, copied, ignore=shutil.ignore_patterns("node_modules", "minified", "test"))
    spec = spec_from_file_location("shrink", copied / "shrink.py")
    shrink = module_from_spec(spec)
    spec.loader.exec_module(shrink)
    shrink.write_minified(copied)
    return copied


def test_what_is_sent_is_small_and_what_was_changed_is_sent_as_it_is_now(root):
    small = ViewerFiles(root).sizes()
    changed = root / "ui" / "words.js"
    changed.write_text(changed.read_text() + "\n/** A reason. */\nexport const added = 1;\n")
    files = ViewerFiles(root)
    assert {name for name, size in files.sizes().items() if size != small[name]} == {"ui/words.js"}
    shutil.rmtree(root / "minified")
    plain = ViewerFiles(root).sizes()
    ours = [name for name in plain if not name.startswith("vendor/") and name.endswith(".js")]
    assert sum(small[name] for name in ours) < 0.85 * sum(plain[name] for name in ours)
    assert small["ui/support.js"] == plain["ui/support.js"]


def test_the_index_names_every_script(root):
    names = {path.relative_to(root).as_posix() for folder in ("engine", "ui") for path in (root / folder).glob("*.js")}
    assert names - set(json.loads((root / "minified" / "index.json").read_text())) == {"ui/support.js"}


@pytest.mark.soak
def test_the_viewers_own_tests_pass_on_what_is_sent(root):
    for folder in ("engine", "ui", "style", "bootstrap"):
        shutil.copytree(root / "minified" / folder, root / folder, dirs_exist_ok=True)
    shutil.rmtree(root / "minified")
    (root.parent / "tests").symlink_to(VIEWER.parent / "tests")
    shutil.copytree(VIEWER / "test", root / "test")
    (root / "node_modules").symlink_to(VIEWER / "node_modules")
    # pages.test.js reads the scripts as text, which these are not any more.
    tests = [path for path in (root / "test").rglob("*.test.js") if path.name != "pages.test.js"]
    done = subprocess.run(["node", "--test", *tests], cwd=root, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
