"""Runs that say how to show their greys: windows with names, and tables (VOI LUT Sequence, PS3.3 C.11.2.1.1)."""

import numpy as np

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import item
from tests.e2e.made_objects import grey, native, waves


def table(entries, *, first, bits, explanation):
    """An item of the VOI LUT Sequence."""
    made = item(LUTDescriptor=[len(entries), first, bits], LUTExplanation=explanation)
    made.add_new(0x00283006, "OW", np.asarray(entries, "<u2").tobytes())
    return made


def windows_and_tables():
    """12 bits: two windows; a table of 10 bits for a part of the samples, and one of 12 bits that falls and rises."""
    part, whole = np.linspace(0, 1, 1000), np.linspace(0, 1, 4096)
    return grey(
        "windows and tables", 7, waves(3, 256, 320, bits=12), bits=12,
        WindowCenter=["2048", "1500"], WindowWidth=["4096", "901"], WindowCenterWidthExplanation=["whole", "narrow"],
        VOILUTSequence=objects.sequence(
            table(np.rint(1023 * part**0.5), first=1500, bits=10, explanation="vessels"),
            table(np.rint(4095 * (0.5 + 0.5 * np.cos(7 * whole))), first=0, bits=12, explanation="waves"),
        ),
    )  # fmt: skip


def table_alone():
    """8 bits, no window: the table is what it opens with."""
    entries = np.rint(65535 * np.linspace(0, 1, 200) ** 2)
    run = grey(
        "table alone", 8, waves(3, 256, 320), bits=8,
        VOILUTSequence=objects.sequence(table(entries, first=30, bits=16, explanation="soft")),
    )  # fmt: skip
    del run.dataset.WindowCenter, run.dataset.WindowWidth
    return native(run.name, run.dataset, run.stored)


def tables():
    return [windows_and_tables(), table_alone()]
