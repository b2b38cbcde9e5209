"""The documents say what is there, and nothing else: every name a user or a peer meets stands in docs/."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from fastcine import errors
from fastcine.cine import messages
from fastcine.cli.main import COMMANDS
from fastcine.config import SETTINGS, Settings
from fastcine.server.app import make_app
from fastcine.server.metrics import Metrics
from tests.sources import parsed

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE_SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".js", ".mjs", ".html", ".css", ".svg", ".json", ".sql"}
DECISION_LINES = 60
"""About a page."""


def read(name):
    return (ROOT / name).read_text("utf-8")


def table_rows(text):
    """Cells of every row of every table; a pipe that is escaped does not part cells."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|-"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def first_cells(name):
    """The words in backticks that open a table's row."""
    return {word for row in table_rows(read(name)) for word in re.findall(r"`([^`]+)`", row[0])}


def tracked(*folders):
    """Files under git; in a tree without git, what lies there."""
    done = subprocess.run(["git", "ls-files", "--", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return [name for name in done.stdout.split("\n") if name and (ROOT / name).exists()]
    return [str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def test_every_setting_stands_there_with_its_default():
    rows = {row[0].strip("`"): row for row in table_rows(read("docs/settings.md"))}
    for setting in SETTINGS:
        default = getattr(Settings(), setting.name)
        shown = {"()": "none", "": "none", "True": "`true`", "False": "`false`"}.get(str(default), f"`{default}`")
        assert setting.name in rows, f"docs/settings.md lacks {setting.name}"
        assert rows[setting.name][1] == shown, f"{setting.name}: the default is {shown}"
    assert set(rows) - {"setting"} == {setting.name for setting in SETTINGS}


def test_every_route_stands_there(tmp_path):
    documented = set()
    for row in table_rows(read("docs/api.md")):
        for path in re.findall(r"`(/[^`]*)`", row[0]):
            documented |= {(method, re.sub(r"<\w+>", "*", path)) for method in re.findall(r"[A-Z]+", row[1])}
    served = set()
    for route in make_app(Settings(data=str(tmp_path))).router.routes():
        if route.method not in ("HEAD", "*") and route.resource is not None:
            path = re.sub(r"\{[^}]*\}", "*", route.resource.canonical)
            if not path.startswith("/static/"):
                served.add((route.method, path))
    assert documented == served


def test_every_command_stands_in_the_readme():
    named = {word.split()[1] for word in first_cells("README.md") if word.startswith("fastcine ")}
    assert named == set(COMMANDS)


def leaves():
    found = [errors.FastcineError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return {kind for kind in found if kind.__module__ == "fastcine.errors"}


def test_every_error_code_stands_there_with_its_status():
    rows = {row[0].strip("`"): row[1] for row in table_rows(read("docs/errors.md"))}
    for kind in leaves():
        assert rows.get(kind.code) == str(kind.http_status), f"docs/errors.md: {kind.code} is {kind.http_status}"
    assert set(rows) == {"code", "http"} | {kind.code for kind in leaves()}


def test_every_close_code_stands_there():
    pattern = re.compile(r"(?:close_code(?:: int)?\s*=\s*|\bClose\(|close\(code=|CLOSE_\w+\s*=\s*)(\d{4})\b")
    used = set()
    for path in (ROOT / "fastcine").rglob("*.py"):
        used |= set(pattern.findall(path.read_text("utf-8")))
    assert {"4400", "4406", "4408", "4413", "4429"} <= used, "the pattern no longer finds them"
    documented = {row[0] for row in table_rows(read("docs/protocol.md")) if re.fullmatch(r"\d{4}", row[0])}
    assert used <= documented


def test_every_message_stands_there():
    ours = parsed(read("fastcine/cine/messages.py"))
    sent = {
        value.value
        for node in ast.walk(ours)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant)
    }
    assert "welcome" in sent and "hello" in messages._PARSERS
    text = read("docs/protocol.md")
    to_server, to_client = text.split("## 2.")[1].split("## 3.")
    to_client = to_client.split("## 4.")[0]
    for section, names in ((to_server, set(messages._PARSERS)), (to_client, sent)):
        rows = {row[0].strip("`") for row in table_rows(section)} - {"type"}
        assert rows == names


def test_every_metric_stands_there_with_its_labels():
    rows = {row[0].strip("`"): row for row in table_rows(read("docs/metrics.md")) if row[0].startswith("`")}
    ours = {}
    for metric in vars(Metrics()).values():
        if hasattr(metric, "_labelnames"):
            ours[metric._name] = (metric._type, metric._labelnames)
    assert len(ours) >= 10
    assert set(rows) == set(ours)
    for name, (kind, labels) in ours.items():
        assert rows[name][1] == kind
        assert all(f"`{label}`" in rows[name][2] for label in labels)


def test_the_dashboard_draws_metrics_that_there_are():
    dashboard = json.loads(read("docs/grafana-dashboard.json"))
    drawn = set(re.findall(r"\b(?:fastcine|process)_[a-z_]+", " ".join(
        target["expr"] for panel in dashboard["panels"] for target in panel["targets"]
    )))  # fmt: skip
    told = set(re.findall(r"^((?:fastcine|process)_[a-z_]+)", Metrics().text().decode(), flags=re.M))
    labelled = {"fastcine_sent_bytes_total", "fastcine_peer_errors_total", "fastcine_run_opens_total",
                "fastcine_uploads_total", "fastcine_http_requests_total"}  # fmt: skip
    # A metric with labels tells nothing before the first of them was met.
    assert drawn <= told | labelled and len(drawn) >= 12


def documents():
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "ext/README.md", *(ROOT / "viewer").glob("*/*.md")])


@pytest.mark.parametrize("path", documents(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), f"{path.name} links to {target}"
        assert found.is_relative_to(ROOT)
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), flags=re.M)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_decisions_are_numbered_without_gap_and_short():
    records = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]}: "), path.name
        assert text.count("\n") <= DECISION_LINES, path.name
        for part in ("**Context.**", "**Decision.**", "**Consequences.**", "**Revisit when**"):
            assert part in text, f"{path.name} lacks {part}"


def named_in_architecture():
    """Paths of the tables below a heading that is a folder."""
    folder = None
    for line in read("ARCHITECTURE.md").splitlines():
        heading = re.match(r"### `([\w/]+)/`", line)
        row = re.match(r"\| `([\w.-]+)` \| (.+) \|$", line)
        if heading:
            folder = heading[1]
        elif folder and row:
            yield f"{folder}/{row[1]}"


def test_architecture_names_every_source_file():
    named = list(named_in_architecture())
    assert len(named) == len(set(named))
    there = set()
    for name in tracked("fastcine", "ext", "viewer"):
        path = Path(name)
        ours = path.suffix in SOURCE_SUFFIXES and "vendor" not in path.parts and not name.startswith("viewer/test/")
        if ours and (path.name != "__init__.py" or str(path.parent) == "fastcine"):
            there.add(name)
    missing = sorted(there - set(named))
    assert not missing, "ARCHITECTURE.md: a line is missing for " + ", ".join(missing)
    gone = sorted(name for name in named if not (ROOT / name).is_file())
    assert not gone, "ARCHITECTURE.md names what is not there: " + ", ".join(gone)


def test_the_way_of_the_data_names_real_files_in_order():
    way = read("ARCHITECTURE.md").split("## The way of the data")[1].split("\n## ")[0]
    rows = [row for row in table_rows(way) if row[0].isdigit()]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    steps = " ".join(row[1] for row in rows)
    words = ["parse", "archive", "index", "cine cache", "session", "socket", "workers", "store", "clock", "canvas"]
    positions = [steps.index(f"**{word}**") for word in words]
    assert positions == sorted(positions)
    for row in rows:
        for name in re.findall(r"`([\w/]+\.\w+)`", row[2]):
            assert (ROOT / name).is_file(), name


def test_settings_that_documents_name_exist():
    names = {setting.name.upper() for setting in SETTINGS} | {"CORPUS", "SKIP_VIEWER"}
    for path in documents():
        for word in re.findall(r"\bFASTCINE_([A-Z_]+)\b", path.read_text("utf-8")):
            assert word in names, f"{path.name} names FASTCINE_{word}"


def test_make_targets_that_documents_name_exist():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.M))
    for path in documents():
        for words in re.findall(r"[`&\n] ?make ([a-z]+)(?=[ `\n])", path.read_text("utf-8")):
            assert words in targets, f"{path.name} names make {words}"


def test_screenshots_are_small():
    assert sum(path.stat().st_size for path in (DOCS / "img").iterdir()) < 300_000


def test_readme_and_pages_say_that_it_is_no_medical_device():
    for name in ("README.md", "viewer/view.html", "viewer/worklist.html", "pyproject.toml"):
        assert "not a medical device" in read(name).lower(), name
