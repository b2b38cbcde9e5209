"""What `serve` takes in beside serving: a path (by `fastcine ingest`, in its own process), or the phantom patient."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

from fastcine.archive import events
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import receive_object
from fastcine.config import Settings
from fastcine.errors import FastcineError

log = logging.getLogger(__name__)

PHANTOM_KEY = "phantom"
PHANTOM_VERSION = "3"
"""Raised when the phantom's files change, so that archives get the new ones."""


def feed_path(settings: Settings, path: Path, stop: threading.Event) -> None:
    """`fastcine ingest` on the folder that is being served; its progress and summary go to our terminal."""
    words = [sys.executable, "-m", "fastcine.cli.main", "ingest", "--data", settings.data, str(path)]
    with subprocess.Popen(words) as process:
        while process.poll() is None:
            if stop.wait(0.2):
                process.terminate()


def feed_phantom(settings: Settings, stop: threading.Event) -> None:
    """The synthetic patient, object by object, each playable as soon as it is there; once for an archive."""
    try:
        folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
        index = Index(folder.index_path, durable=settings.durable)
        try:
            if index.meta(PHANTOM_KEY) != PHANTOM_VERSION and _make_phantom(folder, index, settings, stop):
                index.set_meta(PHANTOM_KEY, PHANTOM_VERSION)
        finally:
            index.close()
    except FastcineError as error:
        log.warning("the phantom patient is not complete: %s", error)


def _make_phantom(folder: DataFolder, index: Index, settings: Settings, stop: threading.Event) -> bool:
    from fastcine.phantom.patient import phantom_files

    for _, data in phantom_files():
        if stop.is_set():
            return False
        receipt = receive_object(folder, index, [data], source_name="phantom", site_timezone=settings.site_timezone)
        if receipt.study_instance_uid:
            study = {"type": "study", "study_instance_uid": receipt.study_instance_uid}
            events.notify(folder, {"type": "wake"}, study)
    return True
