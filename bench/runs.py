"""The bench runs, made and ingested once into bench/.cache, each in a data folder of its own (one study, one run)."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastcine.archive.cine_cache import CacheReader
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import Tier, parse_message
from tests.serving import command, serving

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "bench/.cache"
MADE_BY = ("fastcine/phantom/*.py", "fastcine/codec/*.py", "fastcine/cine/tiers.py", "fastcine/cine/wire.py")
"""What decides how the runs look and are coded: kept runs are used only as long as this does not change."""
CONFIGURATIONS = (("xa512x60", 15), ("xa512x60", 30), ("xa1024x120", 15), ("xa1024x120", 30))


@dataclass(frozen=True, slots=True)
class BenchedRun:
    """One run on disk: its data folder and what the server says of it."""

    name: str
    fps: int
    data: Path
    description: dict[str, Any]

    @property
    def title(self) -> str:
        return title(self.name, self.fps)

    @property
    def frames(self) -> int:
        return int(self.description["frames"])

    @property
    def path(self) -> str:
        """Of the viewer's page."""
        return f"/view/{self.description['study_instance_uid']}?run={self.description['run']}"


def title(name: str, fps: int) -> str:
    return f"{name.removeprefix('xa')} at {fps} fps"


def cache_folder(root: Path = CACHE) -> Path:
    """Where runs of the present code are kept; those of other code are deleted."""
    digest = hashlib.sha256()
    for pattern in MADE_BY:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    folder = root / f"runs-{digest.hexdigest()[:12]}"
    for old in root.glob("runs-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def prepare(name: str, fps: int, *, cache: Path) -> BenchedRun:
    """The run, made anew only where it is not there whole."""
    file = cache / "files" / f"{name}_{fps}fps.dcm"
    data = cache / "data" / f"{name}_{fps}fps"
    if not file.is_file():
        command("phantom", file.parent, "--force", "--bench", name, "--fps", fps)
    if not (data / "index.sqlite").is_file():
        shutil.rmtree(data, ignore_errors=True)
        command("ingest", "--data", data, file)
    with serving(data) as server:
        tiles = server.wait_until_made()
    if len(tiles) != 1 or tiles[0]["state"] != "ready":
        raise RuntimeError(f"{data} does not hold the one run it should; delete {cache} and run again")
    return BenchedRun(name, fps, data, tiles[0]["description"])


def codestreams(run: BenchedRun) -> list[bytes]:
    """The exact tier's bitstream of every frame, as the cine cache holds it, without the pieces' headers."""
    reader = CacheReader(DataFolder(run.data), run.description["run"], run.frames)
    frames = [
        b"".join(piece.payload for piece in parse_message(reader.piece_slices(Tier.EXACT, frame)))
        for frame in range(run.frames)
    ]
    reader.close()
    return frames
