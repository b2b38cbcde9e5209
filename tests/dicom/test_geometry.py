import pytest
from pydicom import Dataset

from fastcine.dicom.geometry import angle_label, geometry_json, read_geometry
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file


@pytest.mark.parametrize(
    ("primary", "secondary", "label"),
    [(32, 20, "LAO 32 CRA 20"), (-32, 2, "RAO 32 CRA 2"), (-30.4, -19.6, "RAO 30 CAU 20"), (0, 25, "AP CRA 25"),
     (0.4, -0.4, "AP"), (90, 0, "LAO 90"), (-0.5, None, "RAO 1"), (None, -20, "CAU 20"), (None, None, "")],
)  # fmt: skip
def test_labels(primary, secondary, label):
    assert angle_label(primary, secondary) == label


def test_impossible_angles_are_unknown():
    dataset = Dataset()
    dataset.PositionerPrimaryAngle, dataset.PositionerSecondaryAngle = "200", "20"
    assert geometry_json(read_geometry(dataset)) == {
        "primary_angle_deg": None,
        "secondary_angle_deg": 20.0,
        "label": "CRA 20",
    }


def test_enhanced():
    position, group, dataset = Dataset(), Dataset(), Dataset()
    position.PositionerPrimaryAngle, position.PositionerSecondaryAngle = "-30", "-20"
    group.PositionerPositionSequence = [position]
    dataset.PerFrameFunctionalGroupsSequence = [group]
    assert read_geometry(dataset).label == "RAO 30 CAU 20"


def test_a_gantry_that_moves():
    dataset = Dataset()
    dataset.PositionerPrimaryAngle, dataset.PositionerMotion = "10", "DYNAMIC"
    dataset.PositionerPrimaryAngleIncrement = "2"
    dataset.PositionerSecondaryAngleIncrement = ["0", "1", "5"]
    found = read_geometry(dataset, frames=3)
    assert found.primary_offsets_deg == (0, 2, 4) and found.secondary_offsets_deg == (0, 1, 5)
    dataset.PositionerMotion = "STATIC"
    assert read_geometry(dataset, frames=3).primary_offsets_deg == ()


def test_the_real_angiogram():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    assert read_geometry(read_values(data, parse_object(data))).label == "RAO 32 CRA 2"
