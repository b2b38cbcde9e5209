"""Which files of a disc are taken in, and in which order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fastcine.archive.sources import files_of


def test_all_below_in_order_once_and_not_the_archive_itself(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/z/1", "top", "archive/objects/x", ".hidden/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(tmp_path / "top")
    found = [
        path.relative_to(tmp_path).as_posix()
        for path in files_of([tmp_path / "b" / "2", tmp_path], besides=tmp_path / "archive")
    ]
    assert found == ["b/2", "alias", "top", ".hidden/1", "a/z/1", "b/1", "b/2"]
    assert list(files_of([tmp_path / "archive"], besides=tmp_path / "archive")) == []


def test_a_folder_that_cannot_be_read_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "b/1", "c/1"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    real = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    errors: list[OSError] = []
    found = list(files_of([tmp_path], besides=tmp_path / "x", on_error=errors.append))
    assert found == [tmp_path / "a" / "1", tmp_path / "c" / "1"]
    assert [error.filename for error in errors] == [str(tmp_path / "b")]
