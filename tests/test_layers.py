"""The house rules of ARCHITECTURE.md: who may import whom, where I/O is allowed, how long things are."""

import ast
from pathlib import Path

import pytest

from tests.sources import parsed

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fastcine"

BASE = {"errors", "config", "work"}
AREAS = {"waveform", "hemo", "sr", "report", "timeline"}
LEVELS = [
    BASE,
    {"dicom"},
    {"codec"},
    {"render", "cine"},
    {"archive"} | AREAS,
    {"viewmodel", "dicomweb", "dimse", "auth"},
    {"server"},
    {"client", "load", "phantom"},
    {"cli"},
]
"""Imports go to lower levels only, or stay inside a package. Server and the tools beside it do not know each other."""
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
SAME_LEVEL_ALLOWED = {("config", "errors"), ("work", "errors")}

PURE = {"dicom", "codec", "render", "cine", "viewmodel", "phantom", *AREAS}
IO_MODULES = {"asyncio", "aiohttp", "socket", "sqlite3", "selectors", "subprocess", "multiprocessing", "tempfile",
              "shutil", "pathlib"}  # fmt: skip
MAY_LAYER = {
    # pathlib's pure paths name files inside an object's listing; nothing is opened.
    ("phantom", "pathlib"),
}

LONGEST_FILE, LONGEST_FUNCTION = 400, 50
TABLES = {("syntaxes.py", "_table")}
"""Functions that are one table; tables are excepted from the length."""
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            if node.module == "fastcine":
                yield from (f"fastcine.{alias.name}" for alias in node.names)


def area(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    mine = area(path)
    if mine == "__init__":
        return
    assert mine in LEVEL_OF, f"{mine} has no level in ARCHITECTURE.md"
    for name in imports(parsed(path.read_text("utf-8"))):
        if not name.startswith("fastcine."):
            continue
        theirs = name.split(".")[1]
        if theirs == mine or theirs == "__version__":
            continue
        lower = LEVEL_OF[theirs] < LEVEL_OF[mine] or (mine, theirs) in SAME_LEVEL_ALLOWED
        assert lower, f"{path.name} imports {name}, which is not below {mine}"
        if mine in {"client", "load", "phantom"}:
            assert theirs != "server", "what speaks to a server from outside must not import it"


@pytest.mark.parametrize("path", [p for p in modules() if area(p) in PURE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_pure_layers_do_no_io(path):
    tree = parsed(path.read_text("utf-8"))
    for name in imports(tree):
        top = name.split(".")[0]
        assert top not in IO_MODULES or (area(path), top) in MAY_LAYER, f"{path.name} imports {name}"
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
        assert called not in ("open", "print", "input"), f"{path.name} calls {called} in line {node.lineno}"


def test_only_dimse_imports_pynetdicom():
    for path in modules():
        if area(path) != "dimse":
            assert not any(name.startswith("pynetdicom") for name in imports(parsed(path.read_text("utf-8"))))


def test_cine_does_not_know_the_socket_nor_archive_http_nor_server_tags():
    for path in modules():
        names = set(imports(parsed(path.read_text("utf-8"))))
        if area(path) in ("cine", "archive"):
            assert not any(name.startswith("aiohttp") for name in names), path
        if area(path) == "server":
            assert not any(name.startswith("pydicom") for name in names), path


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sizes_and_names(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= LONGEST_FILE, f"{path} has more than {LONGEST_FILE} lines: split it along the layers"
    assert path.stem not in FORBIDDEN_NAMES
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if (path.name, node.name) in TABLES:
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{path.name}:{node.lineno} {node.name} has {length} lines"


VIEWER = ROOT / "viewer"


@pytest.mark.parametrize(
    "path",
    [p for folder in ("engine", "ui", "style") for p in sorted((VIEWER / folder).rglob("*")) if p.is_file()],
    ids=lambda p: str(p.relative_to(VIEWER)),
)
def test_viewer_file_sizes(path):
    assert path.read_text("utf-8").count("\n") <= LONGEST_FILE


def test_nothing_machine_specific_is_in_the_project():
    foreign = ["/" + "work/", "/" + "root/", "registry." + "npmjs", "pypi" + ".org"]
    suffixes = {".py", ".pyx", ".c", ".h", ".js", ".mjs", ".html", ".css", ".md", ".toml", ".json", ".yml", ".sql", ""}
    skipped = {".git", ".venv", "node_modules", "vendor", "build", "dist", "results", ".cache", ".mypy_cache",
               ".ruff_cache", ".hypothesis", ".pytest_cache", "__pycache__", "fastcine-data"}  # fmt: skip
    for path in ROOT.rglob("*"):
        if skipped & set(path.relative_to(ROOT).parts) or not path.is_file() or path.suffix not in suffixes:
            continue
        if path.suffix == ".egg-info" or ".egg-info" in str(path):
            continue
        text = path.read_text("utf-8", "ignore")
        for word in foreign:
            assert word not in text, f"{path.relative_to(ROOT)} holds {word!r}"
