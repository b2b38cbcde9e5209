"""The phantom patient: every file of its studies, made one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastcine.phantom import disc, enhanced, presentation, stress, us_objects, xa_runs, xa_special
from fastcine.phantom.dicom_objects import ANGIOGRAPHY, PRIOR, STRESS_ECHO, Maker, Place, Study

DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a study: how it is made and where it stands; ``minute`` after the study's start."""

    make: Maker
    what: str
    series: int
    instance: int
    description: str
    modality: str
    minute: float
    study: Study = ANGIOGRAPHY

    def place(self, seed: int) -> Place:
        """Where this patient's object stands."""
        about = (self.what, self.series, self.instance, self.description, self.modality, self.minute)
        return Place(seed, *about, self.study)


def _stress_echo() -> Iterator[Entry]:
    """A series for each stage, a loop for each view."""
    for number, stage in enumerate(stress.STAGES, start=1):
        for view, each in enumerate(stress.VIEWS, start=1):
            minute = 2.0 + 1.2 * stage.infusion_min + 0.25 * view
            name = f"stress-{number}-{view}"
            yield Entry(
                stress.make_stress_loop, name, number, view, f"{stage.name} {each.name}", "US", minute, STRESS_ECHO
            )


ENTRIES = (
    Entry(xa_runs.make_run, "lca", 1, 1, "LCA", "XA", 5.0),
    Entry(xa_runs.make_run, "rca", 2, 1, "RCA", "XA", 9.5),
    Entry(xa_runs.make_run, "lca-12bit", 3, 1, "LCA LAO CRA 12 bit", "XA", 7.0),
    Entry(xa_runs.make_biplane, "biplane-a", 4, 1, "LCA biplane", "XA", 12.25),
    Entry(xa_runs.make_biplane, "biplane-b", 4, 2, "LCA biplane", "XA", 12.25),
    Entry(xa_runs.make_dsa, "dsa", 5, 1, "Right renal artery DSA", "XA", 16.0),
    Entry(us_objects.make_jpeg_echo, "echo-jpeg", 7, 1, "Echo A4C colour", "US", 28.0),
    Entry(enhanced.make_enhanced, "enhanced", 10, 1, "LCA enhanced", "XA", 13.5),
    Entry(xa_runs.make_still, "still", 6, 1, "RCA still", "XA", 10.75),
    Entry(us_objects.make_ivus, "ivus", 8, 1, "IVUS LAD pullback", "IVUS", 21.0),
    Entry(us_objects.make_rgb_echo, "echo-rgb", 9, 1, "Echo A4C", "US", 29.5),
    Entry(xa_special.make_shuttered, "shutter", 11, 1, "LCA shutter", "XA", 14.5),
    Entry(xa_special.make_overlaid, "overlay", 12, 1, "LCA overlay", "XA", 15.0),
    Entry(xa_special.make_moved, "dsa-moved", 13, 1, "Right renal artery DSA, moved", "XA", 17.0),
    Entry(xa_special.make_windowed, "windows", 15, 1, "LCA windows", "XA", 15.5),
    Entry(presentation.make_presentation_state, "presentation", 14, 1, "Findings", "PR", 47.0),
    Entry(xa_runs.make_run, "prior-lca", 1, 1, "LCA", "XA", 4.0, PRIOR),
    Entry(xa_runs.make_run, "prior-rca", 2, 1, "RCA", "XA", 8.0, PRIOR),
    Entry(xa_runs.make_run, "prior-cra", 3, 1, "LCA", "XA", 6.0, PRIOR),
    *_stress_echo(),
)
"""In the order they are made; the first is also the first acquired, which a viewer opens with."""


def file_name(entry: Entry) -> str:
    """The object's path in the file set, its components DICOMDIR file IDs (PS3.10 8.2)."""
    return f"DICOM/ST{int(entry.study.study_id):06d}/SE{entry.series:06d}/IM{entry.instance:06d}"


def file_names() -> tuple[str, ...]:
    """Every name ``phantom_files`` yields, in its order."""
    return (*(file_name(entry) for entry in ENTRIES), "DICOMDIR", *disc.OTHER_NAMES)


def phantom_files(seed: int = DEFAULT_SEED) -> Iterator[tuple[str, bytes]]:
    """Yield ``(name, bytes)`` of every file, each as soon as it is made; the same bytes for the same ``seed``.

    Objects come first, then the DICOMDIR that lists them and the files that are not DICOM. Names are relative, with
    ``/`` between folders.
    """
    listed = []
    for entry in ENTRIES:
        made = entry.make(entry.place(seed))
        data = made.data
        if "PixelData" in made.dataset:
            # The directory needs the attributes, not the pixels, which would otherwise stay in memory.
            del made.dataset.PixelData
        listed.append(disc.Listed(file_name(entry), made.dataset))
        yield file_name(entry), data
    yield "DICOMDIR", disc.dicomdir(seed, listed)
    yield from disc.other_files()
