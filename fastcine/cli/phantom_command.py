"""``fastcine phantom DIR``: write the synthetic patient, or a bench run, as plain DICOM files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from fastcine.errors import StorageFull, StorageUnavailable, UsageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the ``phantom`` command to the parser's sub-commands; its ``run`` default is :func:`run`."""
    parser = subparsers.add_parser(
        "phantom",
        help="write the synthetic patient as plain DICOM files",
        description="Writes a synthetic cardiology patient (X-ray runs, echo, IVUS), every image marked PHANTOM, into "
        "DIR: plain DICOM files as on a hospital's CD. The same seed gives the same files. With --bench, one of the "
        "runs used for measuring instead.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to write; made if missing")
    parser.add_argument("--seed", type=int, default=1, help="another patient for another number (default: 1)")
    parser.add_argument("--bench", metavar="NAME", help="write this bench run only, or 'all' of them")
    parser.add_argument("--fps", type=int, default=15, help="frames a second of bench runs: 15 or 30 (default: 15)")
    parser.add_argument("--force", action="store_true", help="write into DIR even if it holds other files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files, print their names, answer the exit status 0.

    Raises UsageError for a folder with foreign files, an unknown bench run or rate or a negative seed, StorageFull or
    StorageUnavailable where the folder cannot be written.
    """
    from fastcine.phantom import bench_runs, patient

    directory: Path = args.directory
    if args.seed < 0:
        raise UsageError("the seed must be 0 or more")
    files: Iterator[tuple[str, bytes]]
    if args.bench is None:
        names = patient.file_names()
        files = patient.phantom_files(args.seed)
    else:
        wanted = bench_runs.bench_names() if args.bench == "all" else (args.bench,)
        names = tuple(bench_runs.file_name(name, fps=args.fps) for name in wanted)
        files = (bench_runs.bench_run(name, fps=args.fps) for name in wanted)
    try:
        if not args.force:
            _refuse_foreign(directory, names)
        for name, size_bytes in _written(directory, files, total=len(names)):
            print(f"{name}  {size_bytes / 1e6:.1f} MB", flush=True)
    except OSError as error:
        if error.errno == 28:  # ENOSPC
            raise StorageFull(f"no space left in {directory}") from error
        raise StorageUnavailable(f"cannot write to {directory}: {error.strerror}") from error
    return 0


def _refuse_foreign(directory: Path, names: tuple[str, ...]) -> None:
    """Raise UsageError where ``directory`` holds a file that this command would not write itself."""
    if not directory.is_dir():
        if directory.exists():
            raise UsageError(f"{directory} is not a folder")
        return
    from fastcine.phantom import bench_runs

    own = {*names, *(bench_runs.file_name(n, fps=fps) for n in bench_runs.bench_names() for fps in (15, 30))}
    for root, _, files in os.walk(directory):
        for file in files:
            path = (Path(root) / file).relative_to(directory).as_posix()
            if path.removesuffix(".part") not in own:
                raise UsageError(f"{directory} holds other files already ({path}); choose an empty folder or --force")


def _written(directory: Path, files: Iterator[tuple[str, bytes]], *, total: int) -> Iterator[tuple[str, int]]:
    """Write each file whole or not at all, behind a progress bar where a terminal is attached; yield name and size."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    directory.mkdir(parents=True, exist_ok=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("phantom", total=total)
        for name, data in files:
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            part.write_bytes(data)
            part.replace(target)
            progress.advance(task)
            yield name, len(data)
