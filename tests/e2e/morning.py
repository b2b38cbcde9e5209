"""An echo reader's morning: studies of many short loops, each a picture of its own, made in seconds.

All loops are tiny grey pictures, but what a viewer reads of them is what an echo's say: views, R waves, frame times.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import Place, Study
from fastcine.phantom.lettering import burn_text
from fastcine.phantom.timing import constant_timing, set_timing
from fastcine.phantom.us_objects import US_MULTIFRAME
from tests.archives import fill

STUDIES, LOOPS = 20, 50
FRAMES, ROWS, COLUMNS = 6, 64, 96
VIEWS = ("PLAX", "PSAX", "A4C", "A2C", "A3C", "SC")
FIRST_PATIENT = 401
START = datetime(2026, 3, 2, 7, 30)


@dataclass(frozen=True)
class MorningStudy:
    """One patient's study: its UID, and its loops' SOP Instance UIDs in the order of acquisition."""

    study_instance_uid: str
    loops: tuple[str, ...]


def loop(number, study, patient):
    """Data set and frames of one loop; study and loop number are burned in."""
    at = Place(patient, f"morning {patient} {number}", 1, number + 1, "Echo", "US", number / 2, study)
    dataset = objects.base_dataset(at, sop_class_uid=US_MULTIFRAME, image_type=("ORIGINAL", "PRIMARY"))
    set_timing(dataset, constant_timing(FRAMES, "40"))
    objects.set_gray_pixels(dataset, rows=ROWS, columns=COLUMNS, bits=8)
    dataset.ViewName, dataset.ViewNumber = VIEWS[number % len(VIEWS)], number % len(VIEWS) + 1
    dataset.HeartRate, dataset.RWaveTimeVector = 72, [40.0]
    frames = np.zeros((FRAMES, ROWS, COLUMNS), np.uint8)
    frames[:] = np.arange(COLUMNS, dtype=np.uint8)
    for place, frame in enumerate(frames):
        frame[20 + 4 * place : 26 + 4 * place, 30:66] = 90 + 20 * place
        burn_text(frame, f"{patient - FIRST_PATIENT + 1}-{number + 1}", top=4, left=4, value=255)
    return dataset, [frame.tobytes() for frame in frames]


def write_morning(folder, *, studies=STUDIES, loops=LOOPS):
    """The files below `folder`, one study after another, the newest study first; yields each study with its paths."""
    for count in range(studies):
        start = START - timedelta(minutes=35 * count)
        about = Study("morning", "1", "Echocardiography", f"M{count + 1}", start, "064Y")
        patient = FIRST_PATIENT + count
        uids, paths = [], []
        for number in range(loops):
            dataset, frames = loop(number, about, patient)
            paths.append(folder / f"{count:02}-{number:02}.dcm")
            paths[-1].write_bytes(objects.part10(dataset, transfer_syntax=objects.EXPLICIT_LITTLE, frames=frames))
            uids.append(str(dataset.SOPInstanceUID))
        yield MorningStudy(str(dataset.StudyInstanceUID), tuple(uids)), paths


def make_morning(folder, *, studies=STUDIES, loops=LOOPS):
    """A data folder `folder`/data with all of it, wholly made; the studies, newest first."""
    made, everything = [], []
    for study, paths in write_morning(folder, studies=studies, loops=loops):
        made.append(study)
        everything += paths
    fill(folder / "data", everything)
    return folder / "data", made
