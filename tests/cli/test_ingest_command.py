"""`fastcine ingest`: summary, exit codes, hostile folders, beside a server and alone."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from fastcine.archive.events import EventServer, Message
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cli import ingest_command
from fastcine.errors import StorageFull, UsageError
from tests.archive.factories import part10, report


def command(module: Any, *words: object) -> int:
    """Run one sub-command as the command line would."""
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    args = parser.parse_args([module.__name__.split(".")[-1].removesuffix("_command"), *map(str, words)])
    code: int = args.run(args)
    return code


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A hospital's CD: images, a report, a directory, a viewer, a note; the archive's own folder inside it."""
    root = tmp_path / "disc"
    (root / "IMAGES").mkdir(parents=True)
    for n in range(3):
        (root / "IMAGES" / f"IM{n}").write_bytes(part10(f"1.2.{n}", InstanceNumber=n))
    (root / "REPORT").write_bytes(report())
    (root / "DICOMDIR").write_bytes(part10(SOPClassUID="1.2.840.10008.1.3.10"))
    (root / "autorun.inf").write_text("[autorun]")
    (root / "again").symlink_to(root)
    return root


def test_a_disc_is_taken_in_and_a_second_time_not(disc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = disc / "archive"
    assert command(ingest_command, "--data", data, disc) == 0
    out = capsys.readouterr().out
    assert "stored 4, duplicates 0, skipped 2, refused 0" in out
    assert "DICOMDIR" in out
    index = Index(data / "index.sqlite")
    (study,) = index.studies_page().studies
    runs = [row.run for row in index.study(study.patient_and_study.study_instance_uid).instances if row.run]
    # No server runs on the folder, so the command itself has prepared them for playing.
    assert [run.state for run in runs] == ["ready"] * 3
    assert index.queue.length() == 0
    index.close()
    assert command(ingest_command, "--data", data, disc, disc / "REPORT") == 0
    assert "stored 0, duplicates 5, skipped 2, refused 0" in capsys.readouterr().out


def test_what_is_refused_is_named_with_the_reason_and_the_rest_goes_on(
    disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (disc / "IMAGES" / "IM1").write_bytes(part10("1.2.1")[:-5])
    (disc / "IMAGES" / "IM9").write_bytes(part10("1.2.0", InstanceNumber=9))
    assert command(ingest_command, "--data", tmp_path / "d", disc) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "stored 3, duplicates 0, skipped 2, refused 2" in lines[0]
    cut = next(line for line in lines if "IM1" in line)
    assert "7FE0,0010" in cut and "offset" in cut and "quarantine/" in cut
    # Files are read side by side: whichever of the two came first is kept, the other is named.
    conflict = next(line for line in lines if "another data set" in line)
    assert ("IM9" in conflict or "IM0" in conflict) and "1.2.0" in conflict


def test_a_path_that_is_not_there_stops_it_before_anything(disc: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        command(ingest_command, "--data", tmp_path / "d", disc, tmp_path / "nothing")
    assert not (tmp_path / "d").exists()


def test_a_folder_that_cannot_be_read_is_refused_by_name(
    disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("IMAGES"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert command(ingest_command, "--data", tmp_path / "d", disc) == 1
    out = capsys.readouterr().out
    assert "stored 1," in out and f"refused {disc / 'IMAGES'}: cannot be read: Permission denied" in out


def test_a_full_disk_is_one_clear_error_after_the_summary(
    disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([1 << 40])
    monkeypatch.setattr(DataFolder, "free_bytes", lambda self: next(free, 0))
    with pytest.raises(StorageFull, match="free some space"):
        command(ingest_command, "--data", tmp_path / "d", disc)
    assert "stored" in capsys.readouterr().out


def test_beside_a_server_it_enqueues_and_tells(disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DataFolder(tmp_path / "d")
    heard: list[Message] = []
    with folder.acquire("serve"):
        server = EventServer(folder, heard.append)
        try:
            assert command(ingest_command, "--data", folder.root, disc) == 0
        finally:
            server.close()
    assert "wait" not in capsys.readouterr().out
    assert {message["type"] for message in heard} == {"wake"}
    index = Index(folder.index_path)
    assert index.queue.length() == 3
    index.close()
