"""The viewer's files, read once at start, gzipped, served under a path that names their content.

Each is sent as `viewer/pack.mjs` has packed it, if that was this very source; one that was changed since is sent as it
lies there. `/static/<version>/…` never changes, so browsers keep it for a year without asking; pages name the current
version.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from aiohttp import web

from fastcine.errors import NotFound, UsageError

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
}
FOLDERS = ("engine", "ui", "style", "vendor")
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class ViewerFile:
    """One file, both ways it may be sent."""

    media_type: str
    plain: bytes
    gzipped: bytes | None


def viewer_root() -> Path:
    """Where the viewer's files lie: in the wheel (fastcine/viewer_files), else beside the package in a checkout."""
    packaged = Path(str(resources.files("fastcine"))) / "viewer_files"
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parents[2] / "viewer"
    if (checkout / "view.html").is_file():
        return checkout
    raise UsageError("the viewer's files are missing from this installation; install fastcine again")


class ViewerFiles:
    """All files of the viewer in memory (about a megabyte)."""

    def __init__(self, root: Path | None = None) -> None:
        root = root or viewer_root()
        if not (root / "vendor" / "openjphjs.wasm").is_file():
            raise UsageError("the viewer's decoders are not built; run `make setup` (it needs npm or network for PyPI)")
        sources = _Sources(root)
        self._files: dict[str, ViewerFile] = {}
        digest = hashlib.sha256()
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                if path.is_file() and path.suffix in MEDIA_TYPES and path.suffix != ".md":
                    name = path.relative_to(root).as_posix()
                    self._files[name] = sources.load(name)
                    digest.update(name.encode() + b"\0" + self._files[name].plain)
        self.version = digest.hexdigest()[:16]
        self.prefix = f"/static/{self.version}/"
        self.scripts = {name: sources.text(f"bootstrap/{name}.js") for name in ("early_start", "preview")}
        self._pages = {
            name: sources.page(f"{name}.html").replace("/static/", self.prefix)
            for name in ("worklist", "view", "sign-in")
        }

    def page(self, name: str, title: str, values: Mapping[str, str], *, nonce: str) -> str:
        """A page's template filled in: `{{key}}` or, for a key that is markup itself, that markup. Values go in as
        they are; `title` is escaped here. `nonce` lets the page's style through its Content Security Policy."""
        text = self._pages[name].replace("{{title}}", escape(title)).replace("{{nonce}}", nonce)
        for key, value in values.items():
            text = text.replace(key if key.startswith("<") else "{{" + key + "}}", value)
        return text

    def response(self, request: web.Request) -> web.Response:
        """Answer a request below `/static/`. Raises NotFound for an unknown file or another version."""
        version, name = request.match_info["version"], request.match_info["name"]
        found = self._files.get(name)
        if found is None or version != self.version:
            raise NotFound("no such file in this version of the viewer; reload the page")
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        body = found.plain
        if found.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = found.gzipped, "gzip"
        headers["Content-Type"] = found.media_type
        return web.Response(body=body, headers=headers)

    def sizes(self) -> dict[str, int]:
        """Bytes over the wire of each file, gzipped where that is smaller."""
        return {name: len(file.gzipped or file.plain) for name, file in self._files.items()}


class _Sources:
    """The viewer's folder: each file packed where it was packed, else as it lies there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        record = root / "packed" / "record.json"
        self._packed: dict[str, str] = json.loads(record.read_bytes())["sources"] if record.is_file() else {}

    def _path(self, name: str) -> Path:
        """What is sent of a file."""
        source, packed = self._root / name, self._root / "packed" / name
        same = self._packed.get(name) == hashlib.sha256(source.read_bytes()).hexdigest()
        return packed if same and packed.is_file() else source

    def text(self, name: str) -> str:
        return self._path(name).read_text("utf-8")

    def page(self, name: str) -> str:
        """A page with its style sheets inside: fetched, even from the cache, they would hold up the first picture."""

        def sheet(link: re.Match[str]) -> str:
            return f'<style nonce="{{{{nonce}}}}">{self.text(link[1])}</style>'

        return re.sub(r'<link rel="stylesheet" href="/static/([a-z/]+\.css)">', sheet, self.text(name))

    def load(self, name: str) -> ViewerFile:
        path = self._path(name)
        plain = path.read_bytes()
        ready_made = path.with_name(path.name + ".gz")
        squeezed = ready_made.read_bytes() if ready_made.is_file() else gzip.compress(plain, 9, mtime=0)
        return ViewerFile(MEDIA_TYPES[path.suffix], plain, squeezed if len(squeezed) < len(plain) else None)
