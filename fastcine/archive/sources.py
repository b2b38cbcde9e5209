"""Files to take in: what a person names on a command line, or a hospital's CD."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def files_of(
    paths: Iterable[Path], *, besides: Path, on_error: Callable[[OSError], None] = lambda error: None
) -> Iterator[Path]:
    """Every file named or below a folder named, folders in the order of their names.

    Links to folders are not followed (they may lead round in circles); the folder `besides` (the archive itself) is
    left out. A folder that cannot be read goes to `on_error`, the rest goes on.
    """
    left_out = besides.resolve()
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, files in os.walk(path, onerror=on_error):
            here = Path(folder)
            if here.resolve().is_relative_to(left_out):
                folders.clear()
                continue
            folders.sort()
            yield from (here / name for name in sorted(files))
