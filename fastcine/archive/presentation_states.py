"""A study's presentation states, read from their files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fastcine.archive.folder import DataFolder
from fastcine.archive.record import InstanceRow
from fastcine.archive.store import Store
from fastcine.dicom.parse import parse_object
from fastcine.dicom.presentation_state import PRESENTATION_STATES, presentation_state_json
from fastcine.errors import BadDicom, NotDicom, NotFound

logger = logging.getLogger(__name__)

MOST_STATES = 500
"""Read for one answer; a study has a handful."""


@dataclass(frozen=True, slots=True)
class StudyStates:
    """(the object, what it says) of each state; and how many could not be read."""

    states: tuple[tuple[InstanceRow, dict[str, object]], ...]
    unreadable: int


def read_states(folder: DataFolder, objects: Sequence[InstanceRow]) -> StudyStates:
    """The presentation states among a study's objects, in their order. Raises StorageUnavailable."""
    found, unreadable = [], 0
    store = Store(folder)
    for row in [each for each in objects if each.sop_class_uid in PRESENTATION_STATES][:MOST_STATES]:
        try:
            with store.open_object(row.stored_as.location) as data:
                found.append((row, presentation_state_json(data, parse_object(data))))
        except (BadDicom, NotDicom, NotFound) as error:
            logger.warning("a presentation state could not be read: %s", error)
            unreadable += 1
    return StudyStates(tuple(found), unreadable)
