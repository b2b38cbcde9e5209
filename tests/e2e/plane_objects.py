"""A study of biplane runs: two planes that name each other, two that only share their moment, and a plane by itself."""

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import Place, code, item
from fastcine.phantom.projection import CArm
from fastcine.phantom.timing import constant_timing
from tests.e2e.made_objects import lossless, waves, xa

PLANES = 108
FRAMES = 20


def plane(name, minute, image_type, *, primary_deg, acquisition, other=None):
    """20 frames at 20 a second; `other`: Referenced Image Sequence names that object as the other plane (121314)."""
    at = Place(PLANES, f"e2e {name}", 1, acquisition, name, "XA", minute)
    arm, timing = CArm(primary_deg, 0, 256, 256, 0.36), constant_timing(FRAMES, "50")
    stored = waves(FRAMES, 256, 256, phase=minute)
    dataset, streams = xa(at, stored, arm, timing=timing)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", image_type]
    dataset.AcquisitionNumber = acquisition
    if other:
        place = Place(PLANES, f"e2e {other}", 1, acquisition, other, "XA", minute)
        dataset.ReferencedImageSequence = objects.sequence(
            item(
                ReferencedSOPClassUID=str(dataset.SOPClassUID),
                ReferencedSOPInstanceUID=objects.sop_instance_uid(place),
                PurposeOfReferenceCodeSequence=objects.sequence(code("121314", "DCM", "Other image of biplane pair")),
            )
        )
    return lossless(name, dataset, streams, stored)


def planes():
    """In the order of acquisition. The first two lie half a minute apart: only what they name makes them a pair."""
    return [
        plane("named A", 0.0, "BIPLANE A", primary_deg=-30, acquisition=1, other="named B"),
        plane("named B", 0.5, "BIPLANE B", primary_deg=60, acquisition=2, other="named A"),
        plane("moment A", 2.0, "BIPLANE A", primary_deg=-20, acquisition=3),
        plane("moment B", 2.0, "BIPLANE B", primary_deg=70, acquisition=3),
        plane("lonely", 4.0, "BIPLANE A", primary_deg=-10, acquisition=4),
    ]
