from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcine.cli import phantom_command
from fastcine.errors import StorageUnavailable, UsageError
from fastcine.phantom import bench_runs, patient


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    phantom_command.add_parser(parser.add_subparsers())
    return parser.parse_args(["phantom", *words])


@pytest.fixture
def small_phantom(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands for the whole patient, which test_patient.py makes: two files, remembering the seed."""
    seeds: list[int] = []

    def files(seed: int) -> Iterator[tuple[str, bytes]]:
        seeds.append(seed)
        yield "DICOM/IM1", b"one"
        yield "README.TXT", b"two"

    monkeypatch.setattr(patient, "phantom_files", files)
    monkeypatch.setattr(patient, "file_names", lambda: ("DICOM/IM1", "README.TXT"))
    return seeds


def test_it_writes_the_files_and_prints_their_names(
    tmp_path: Path, small_phantom: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    args = arguments(str(tmp_path / "new" / "disc"), "--seed", "7")
    assert args.run(args) == 0
    assert small_phantom == [7]
    assert (tmp_path / "new/disc/DICOM/IM1").read_bytes() == b"one"
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["DICOM/IM1", "README.TXT"]
    assert not list(tmp_path.rglob("*.part"))


def test_it_may_write_over_its_own_files(tmp_path: Path, small_phantom: list[int]) -> None:
    args = arguments(str(tmp_path))
    assert args.run(args) == 0 and args.run(args) == 0


def test_it_refuses_a_folder_with_other_files_unless_forced(tmp_path: Path, small_phantom: list[int]) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    args = arguments(str(tmp_path))
    with pytest.raises(UsageError, match=r"mine\.txt"):
        args.run(args)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.txt"]
    forced = arguments(str(tmp_path), "--force")
    assert forced.run(forced) == 0
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_file_in_the_folders_place_and_a_negative_seed_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for args in (arguments(str(tmp_path / "file")), arguments(str(tmp_path), "--seed", "-1")):
        with pytest.raises(UsageError):
            args.run(args)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, small_phantom: list[int]) -> None:
    (tmp_path / "file").write_text("x")
    args = arguments(str(tmp_path / "file" / "below"))
    with pytest.raises(StorageUnavailable, match="below"):
        args.run(args)


def test_a_bench_run_is_written_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench_runs.bench_run
    monkeypatch.setattr(bench_runs, "bench_run", lambda name, *, fps: made(name, fps=fps, frames=1))
    args = arguments(str(tmp_path), "--bench", "xa512x60", "--fps", "30")
    assert args.run(args) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["xa512x60_30fps.dcm"]
    assert (tmp_path / "xa512x60_30fps.dcm").read_bytes()[128:132] == b"DICM"


def test_an_unknown_bench_run_is_a_usage_error(tmp_path: Path) -> None:
    args = arguments(str(tmp_path), "--bench", "nothing")
    with pytest.raises(UsageError, match="xa1024x120"):
        args.run(args)
