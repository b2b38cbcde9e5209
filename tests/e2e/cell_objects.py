"""Runs that are looked at together: two planes, loops with R waves, a trimmed run, and another study."""

from contextlib import contextmanager

import numpy as np

from fastcine.phantom.bench_runs import XRAY_RUNS, xray_frames
from fastcine.phantom.dicom_objects import Place
from fastcine.phantom.encode import jpeg_lossless
from fastcine.phantom.projection import CArm
from fastcine.phantom.timing import constant_timing
from fastcine.phantom.xa_objects import xa_dataset
from tests.archives import fill
from tests.e2e import looking
from tests.e2e.made_objects import lossless, native, ultrasound, waves, xa
from tests.serving import serving

CELLS, OTHER, HEAVY = 201, 202, 203


def place(what, *, minute, series=1, modality="XA", study=CELLS):
    return Place(study, f"cells {what}", series, 1, what, modality, minute)


def plane(name, minute, phase, arm):
    """40 frames at 15 a second."""
    stored = waves(40, 256, 256, phase=phase)
    dataset, streams = xa(place(name, minute=minute), stored, arm, timing=constant_timing(40, "66.6666667"))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "BIPLANE A" if name == "Plane A" else "BIPLANE B"]
    return lossless(name, dataset, streams, stored)


def loop(name, minute, frame_time, r_waves, *, series=2):
    """20 frames of colour, with R waves in its file."""
    grey = waves(20, 256, 320, phase=minute)
    at = place(name, minute=minute, modality="US", series=series)
    dataset = ultrasound(at, np.stack([grey] * 3, -1), photometric="RGB", frame_time=frame_time)
    dataset.RWaveTimeVector = [float(ms) for ms in r_waves]
    return native(name, dataset, np.stack([grey] * 3, -1))


def trimmed():
    """12 frames, of which 4 to 9 are to be played."""
    stored = waves(12, 256, 256, phase=0.4)
    dataset, streams = xa(
        place("Trim", minute=6, series=4), stored, CArm(0, 0, 256, 256, 0.36), timing=constant_timing(12, "50")
    )
    dataset.StartTrim, dataset.StopTrim = 4, 9
    return lossless("Trim", dataset, streams, stored)


def all_cells():
    """One study of five runs and a trimmed one, and another study of one run."""
    other = waves(10, 256, 256, phase=0.9)
    at = place("Other", minute=0, study=OTHER)
    dataset, streams = xa(at, other, CArm(-28, -18, 256, 256, 0.36), timing=constant_timing(10, "100"))
    dataset.PreferredPlaybackSequencing = 1
    return [
        plane("Plane A", 0, 0.3, CArm(-30, 0, 256, 256, 0.36)),
        plane("Plane B", 1, 1.1, CArm(60, 0, 256, 256, 0.36)),
        loop("Slow", 2, "100", [0, 1000]),
        loop("Fast", 3, "50", [0, 500]),
        trimmed(),
        lossless("Other", dataset, streams, other),
    ]


def heavy():
    """Four runs of 512x512, 60 frames at 15 a second, of one angiogram; each is its own object."""
    stored = list(xray_frames(XRAY_RUNS["xa512x60"], fps=15))
    streams = [jpeg_lossless(np.ascontiguousarray(frame), bits=8) for frame in stored]
    made = []
    for number in range(4):
        at = place(f"Heavy {number}", minute=number, study=HEAVY)
        dataset = xa_dataset(at, CArm(-30, 10, 512, 512, 0.36), bits=8, timing=constant_timing(60, "66.6666667"))
        made.append(lossless(f"heavy{number}", dataset, streams, stored))
    return made


@contextmanager
def served(folder, objects):
    """A server with these, by name in `server.made`; their runs in `server.run_of`."""
    made = {one.name: one for one in objects}
    for name, one in made.items():
        (folder / f"{name}.dcm").write_bytes(one.data)
    fill(folder / "data", [folder / f"{name}.dcm" for name in made])
    with serving(folder / "data") as server:
        server.made = made
        server.run_of = {name: looking.description_of(server, one)["run"] for name, one in made.items()}
        yield server
