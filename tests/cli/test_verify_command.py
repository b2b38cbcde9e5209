"""`fastcine verify`: what it says, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.store import Store
from fastcine.cli import ingest_command, verify_command
from fastcine.errors import UsageError
from tests.archive.factories import part10, report
from tests.cli.test_ingest_command import command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "a.dcm").write_bytes(part10())
    (tmp_path / "b.dcm").write_bytes(report())
    assert command(ingest_command, "--data", tmp_path / "d", tmp_path / "a.dcm", tmp_path / "b.dcm") == 0
    return tmp_path / "d"


def test_all_is_well(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert command(verify_command, "--data", data) == 0
    assert capsys.readouterr().out == "2 objects checked: no problems\n"


def test_a_flipped_bit_is_named_and_fails(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DataFolder(data)
    location = next(each for each in Store(folder).locations() if each.endswith("1.2.3.4.dcm"))
    content = bytearray(folder.resolve(location).read_bytes())
    content[-1] ^= 128
    folder.resolve(location).write_bytes(content)
    assert command(verify_command, "--data", data, "--repair") == 1
    out = capsys.readouterr().out
    assert f"changed object: 1.2.3.4: {location}" in out and "1 problem" in out


def test_an_orphan_is_repaired(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "objects" / "stray.dcm").write_bytes(part10("7.7"))
    assert command(verify_command, "--data", data) == 1
    assert command(verify_command, "--data", data, "--repair") == 0
    assert "repaired" in capsys.readouterr().out
    assert command(verify_command, "--data", data) == 0


def test_repair_keeps_away_from_a_running_server_and_nothing_is_created(data: Path, tmp_path: Path) -> None:
    with DataFolder(data).acquire("serve"):
        assert command(verify_command, "--data", data) == 0
        with pytest.raises(UsageError, match="in use by fastcine serve"):
            command(verify_command, "--data", data, "--repair")
    with pytest.raises(UsageError, match="no fastcine data folder"):
        command(verify_command, "--data", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()
