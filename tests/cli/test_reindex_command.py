"""`fastcine reindex`: a lost and a damaged index, and a server in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cli import reindex_command
from fastcine.errors import UsageError
from tests.cli.test_ingest_command import command
from tests.cli.test_verify_command import data

__all__ = ["data"]


@pytest.mark.parametrize("damage", ["none", "lost", "damaged"])
def test_the_index_is_there_again(data: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    capsys.readouterr()
    if damage != "none":
        for path in data.glob("index.sqlite*"):
            path.unlink()
    if damage == "damaged":
        (data / "index.sqlite").write_bytes(b"?" * 10_000)
    assert command(reindex_command, "--data", data) == 0
    assert capsys.readouterr().out == "2 objects indexed, 0 files could not be\n"
    index = Index(data / "index.sqlite")
    assert index.study_row("1.2").objects == 2 and index.queue.length() == 1
    index.close()


def test_a_file_that_cannot_be_indexed_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "objects" / "note.txt").write_text("hello")
    assert command(reindex_command, "--data", data) == 1
    assert "not indexed: objects/note.txt: " in capsys.readouterr().out


def test_it_keeps_away_from_a_running_server(data: Path) -> None:
    with DataFolder(data).acquire("serve"), pytest.raises(UsageError, match="in use by fastcine serve"):
        command(reindex_command, "--data", data)
