"""Scripts and style sheets as the browser gets them: short local names, no comments, no blanks.

setup.py runs it; the server sends `viewer/minified/<name>` wherever it was made from the file that lies there now, and
else takes the comments out itself (fastcine/server/static.py). docs/decisions/0012.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

KINDS = {
    "bootstrap/*.js": "application/javascript",
    "engine/*.js": "application/javascript",
    "ui/*.js": "application/javascript",
    "style/*.css": "text/css",
}
AS_IT_IS = "ui/support.js"
"""It tells old browsers that they are too old, so it must be read by them."""


def minified(folder: Path) -> dict[str, str]:
    """Every script and style sheet below `folder` by name, made small. Raises ImportError without the minifier."""
    import minify

    minify.config({"js-version": 2022})
    return {
        path.relative_to(folder).as_posix(): minify.string(kind, _readied(path))
        for pattern, kind in KINDS.items()
        for path in sorted(folder.glob(pattern))
        if path.relative_to(folder).as_posix() != AS_IT_IS
    }


def _readied(path: Path) -> str:
    """Without what the minifier leaves alone: comments and blanks inside templates (shaders)."""
    text = path.read_text("utf-8")
    if path.suffix != ".js":
        return text
    text = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"([;,{])\s+// .*$", r"\1", text, flags=re.MULTILINE)


def write_minified(folder: Path) -> None:
    """Make `folder`/minified anew, with index.json: each name, and the SHA-256 of what it was made from."""
    target, fresh = folder / "minified", folder / ".minified-new"
    shutil.rmtree(fresh, ignore_errors=True)
    texts = minified(folder)
    for name, text in texts.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_text(text, "utf-8")
    index = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in texts}
    (fresh / "index.json").write_text(json.dumps(index, indent=1) + "\n", "utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


if __name__ == "__main__":
    write_minified(Path(__file__).parent)
