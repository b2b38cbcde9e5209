"""The corpus of real files, where it is to be had (FASTCINE_CORPUS); never part of the project."""

import csv
import os
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("FASTCINE_CORPUS", "")).resolve() if os.environ.get("FASTCINE_CORPUS") else None
HERE = ROOT is not None and (ROOT / "MANIFEST.tsv").is_file()
needs_corpus = pytest.mark.skipif(not HERE, reason="FASTCINE_CORPUS names no folder with a MANIFEST.tsv")


@lru_cache
def rows():
    """The manifest's rows, each with `file`; empty without the corpus."""
    if not HERE:
        return ()
    with open(ROOT / "MANIFEST.tsv", encoding="utf-8", newline="") as lines:
        found = [{**row, "file": ROOT / row["path"]} for row in csv.DictReader(lines, delimiter="\t")]
    return tuple(row for row in found if row["file"].is_file())


def paths(*folders):
    """Files of the corpus, of these folders or all."""
    return [row["file"] for row in rows() if not folders or row["path"].split("/")[0] in folders]
