"""Runs of two small black frames, for tests that ask what is said about pictures and not what is in them."""

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import Place
from fastcine.phantom.projection import CArm
from fastcine.phantom.timing import constant_timing
from fastcine.phantom.xa_objects import xa_dataset

FRAMES, SIZE = 2, 64


def small_xa(what, *, study=301, series=1, minute=0.0, angles=(0, 0), **elements):
    """The data set of an XA run with these elements; UIDs derive from `study` and `what`."""
    at = Place(study, what, series, 1, what, "XA", minute)
    dataset = xa_dataset(at, CArm(*angles, SIZE, SIZE, 0.36), bits=8, timing=constant_timing(FRAMES, "100"))
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def finished(dataset):
    """Its Part 10 bytes, uncompressed."""
    return objects.part10(dataset, transfer_syntax=objects.EXPLICIT_LITTLE, frames=[bytes(SIZE * SIZE)] * FRAMES)


def written(folder, datasets):
    """Write data sets of pictures as files; their paths by the same names."""
    paths = {}
    for name, dataset in datasets.items():
        paths[name] = folder / f"{name}.dcm"
        paths[name].write_bytes(finished(dataset))
    return paths
