"""The bare Cornerstone3D page: built from bench/peers, with a run laid out as one static file a frame."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import orjson

from bench.runs import BenchedRun, codestreams

PEERS = Path(__file__).with_name("peers")
INSTALL = "cd bench/peers && npm ci --ignore-scripts && npm run build"


def missing() -> str:
    """The line that installs the peer, "" where it is there."""
    installed = (PEERS / "node_modules/@cornerstonejs/core").is_dir()
    if not installed:
        return INSTALL
    if not (PEERS / "dist/app/page.js").is_file() and shutil.which("node") is None:
        return INSTALL
    return ""


def build() -> Path:
    """Bundle the page where that is not done, or older than its sources; its folder."""
    bundle = PEERS / "dist/app/page.js"
    sources = [PEERS / name for name in ("page.js", "index.html", "build.mjs", "package-lock.json")]
    if not bundle.is_file() or bundle.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["node", "build.mjs"], cwd=PEERS, check=True)
    return PEERS / "dist"


def run_json(run: BenchedRun) -> dict[str, object]:
    """What the page has to know of a run."""
    described = run.description
    return {
        "sop_instance_uid": described["sop_instance_uid"],
        "rows": described["rows"],
        "columns": described["columns"],
        "frames": described["frames"],
        "bits": described["bits_stored"],
        "photometric_interpretation": described["photometric_interpretation"],
        "window": {key: described["display"]["windows"][0][key] for key in ("center", "width")},
    }


def lay_out(root: Path, page: Path, run: BenchedRun) -> None:
    """Put the page and one run's frames, our exact tier's codestreams, below `root`."""
    for name in ("index.html", "app"):
        if not (root / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if (page / name).is_dir():
                shutil.copytree(page / name, root / name)
            else:
                shutil.copy(page / name, root / name)
    folder = root / "runs" / f"{run.name}_{run.fps}"
    frames = folder / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_bytes(orjson.dumps(run_json(run)))
    for number, bitstream in enumerate(codestreams(run), start=1):
        (frames / str(number)).write_bytes(bitstream)


def page_path(run: BenchedRun, *, width: int, height: int) -> str:
    """The page's address for a run in a viewport of CSS pixels."""
    return f"/?run={run.name}_{run.fps}&fps={run.fps}&width={width}&height={height}"
