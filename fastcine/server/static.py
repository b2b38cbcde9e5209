"""The viewer's files, read once at start, gzipped, served under a path that names their content.

Scripts and style sheets go without their comments. `/static/<version>/…` never changes, so browsers keep it for a year
without asking; pages name the current version.
"""

from __future__ import annotations

import gzip
import hashlib
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
        self._files: dict[str, ViewerFile] = {}
        digest = hashlib.sha256()
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                if path.is_file() and path.suffix in MEDIA_TYPES and path.suffix != ".md":
                    name = path.relative_to(root).as_posix()
                    self._files[name] = _load(path)
                    digest.update(name.encode() + b"\0" + self._files[name].plain)
        self.version = digest.hexdigest()[:16]
        self.prefix = f"/static/{self.version}/"
        self.scripts = {name: _code(root / "bootstrap" / f"{name}.js") for name in ("early_start", "preview")}
        self._pages = {
            name: _inlined((root / f"{name}.html").read_text("utf-8"), root).replace("/static/", self.prefix)
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


def _inlined(page: str, root: Path) -> str:
    """The page with its style sheets inside: fetched, even from the cache, they would hold up the first picture."""

    def sheet(link: re.Match[str]) -> str:
        return f'<style nonce="{{{{nonce}}}}">{_style(root / link[1])}</style>'

    return re.sub(r'<link rel="stylesheet" href="/static/([a-z/]+\.css)">', sheet, page)


def _code(path: Path) -> str:
    """A script without its comments (all of them `//` lines or JSDoc): they are a third of what would go out."""
    text = re.sub(r"/\*\*.*?\*/ ?", "", path.read_text("utf-8"), flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _style(path: Path) -> str:
    """A style sheet without its comments, and without the blanks that only people need."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s*([{};,\n])\s*", r"\1", text).strip()


def _load(path: Path) -> ViewerFile:
    lean = {".js": _code, ".css": _style}.get(path.suffix) if path.parent.name != "vendor" else None
    plain = lean(path).encode() if lean else path.read_bytes()
    ready_made = path.with_name(path.name + ".gz")
    squeezed = ready_made.read_bytes() if ready_made.is_file() else gzip.compress(plain, 9, mtime=0)
    return ViewerFile(MEDIA_TYPES[path.suffix], plain, squeezed if len(squeezed) < len(plain) else None)
