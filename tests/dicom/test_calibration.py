import pytest
from pydicom import Dataset

from fastcine.dicom.calibration import State, calibration_json, pixel_aspect, read_calibration
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file


def made(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


IMAGER, SPACING = ["0.2", "0.2"], ["0.15", "0.15"]


@pytest.mark.parametrize(
    ("values", "state", "row_spacing_mm"),
    [
        ({"ImagerPixelSpacing": IMAGER}, State.UNCALIBRATED, None),
        ({"PixelSpacing": SPACING}, State.UNCALIBRATED, None),
        ({"PixelSpacing": IMAGER, "ImagerPixelSpacing": IMAGER}, State.UNCALIBRATED, None),
        ({"PixelSpacing": IMAGER, "ImagerPixelSpacing": IMAGER, "PixelSpacingCalibrationType": "GEOMETRY"},
         State.UNCALIBRATED, None),
        ({"PixelSpacing": SPACING, "ImagerPixelSpacing": IMAGER}, State.CALIBRATED, 0.15),
        ({"PixelSpacing": SPACING, "PixelSpacingCalibrationType": "FIDUCIAL"}, State.CALIBRATED, 0.15),
        ({"PixelSpacing": ["0", "0"], "ImagerPixelSpacing": IMAGER}, State.UNCALIBRATED, None),
        ({"ImagerPixelSpacing": IMAGER, "DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "800"},
         State.ISOCENTER_ESTIMATE, 0.16),
        ({"ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": "1.25"},
         State.ISOCENTER_ESTIMATE, 0.16),
        ({"ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": "0"}, State.UNCALIBRATED, None),
        ({"ImagerPixelSpacing": IMAGER, "DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "0"},
         State.UNCALIBRATED, None),
    ],
)  # fmt: skip
def test_xray(values, state, row_spacing_mm):
    found = read_calibration(made(Modality="XA", **values))
    assert found.state is state
    assert found.row_spacing_mm == (None if row_spacing_mm is None else pytest.approx(row_spacing_mm))


def test_enhanced_xa_at_the_centre_of_the_beam():
    beam, group = made(ObjectPixelSpacingInCenterOfBeam=[0.18, 0.19]), Dataset()
    group.add_new(0x00189401, "SQ", [beam])
    found = read_calibration(made(Modality="XA", SharedFunctionalGroupsSequence=[group]))
    assert (found.state, found.row_spacing_mm, found.column_spacing_mm) == (State.CALIBRATED, 0.18, 0.19)


def test_cross_sections_carry_their_own_spacing():
    found = read_calibration(made(Modality="CT", PixelSpacing=["0.7", "0.8"]))
    assert (found.state, found.row_spacing_mm, found.column_spacing_mm) == (State.CALIBRATED, 0.7, 0.8)
    assert read_calibration(made(Modality="MR")).state is State.UNCALIBRATED


def region(**changes):
    values = {
        "RegionSpatialFormat": 1, "RegionDataType": 1, "RegionFlags": 0, "RegionLocationMinX0": 10,
        "RegionLocationMinY0": 20, "RegionLocationMaxX1": 600, "RegionLocationMaxY1": 400, "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3, "PhysicalDeltaX": 0.03, "PhysicalDeltaY": -0.03,
    }  # fmt: skip
    return made(**(values | changes))


def test_enhanced_ultrasound_by_its_pixel_measures_unless_it_has_regions():
    group = made(PixelMeasuresSequence=[made(PixelSpacing=["0.4", "0.5"])])
    enhanced = made(Modality="US", SharedFunctionalGroupsSequence=[group])
    found = read_calibration(enhanced)
    assert (found.state, found.row_spacing_mm, found.column_spacing_mm) == (State.CALIBRATED, 0.4, 0.5)
    enhanced.SequenceOfUltrasoundRegions = [region()]
    assert read_calibration(enhanced).state is State.REGIONS
    assert read_calibration(made(Modality="US", PixelSpacing=["0.4", "0.5"])).state is State.UNCALIBRATED


def test_ultrasound_regions():
    found = read_calibration(made(Modality="US", SequenceOfUltrasoundRegions=[region()]))
    assert found.state is State.REGIONS and found.row_spacing_mm == pytest.approx(0.3)
    assert (found.regions[0].x0, found.regions[0].y1, found.regions[0].delta_y) == (10, 400, -0.03)
    doppler = region(RegionSpatialFormat=3, PhysicalUnitsXDirection=4, PhysicalUnitsYDirection=7)
    found = read_calibration(made(Modality="US", SequenceOfUltrasoundRegions=[region(), doppler]))
    assert len(found.regions) == 2 and found.row_spacing_mm is None


def test_ultrasound_without_usable_regions():
    assert read_calibration(made(Modality="IVUS", PixelSpacing=SPACING)).state is State.UNCALIBRATED
    broken = region(PhysicalDeltaX=0.0)
    assert read_calibration(made(Modality="US", SequenceOfUltrasoundRegions=[broken])).state is State.UNCALIBRATED


@pytest.mark.parametrize(
    ("values", "aspect"),
    [({"PixelAspectRatio": ["4", "3"]}, 4 / 3), ({"PixelAspectRatio": ["4", "0"]}, 1.0),
     ({"PixelSpacing": ["0.2", "0.1"]}, 2.0), ({"ImagerPixelSpacing": ["0.1", "0.2"]}, 0.5), ({}, 1.0),
     ({"PixelSpacing": ["900", "0.001"]}, 1.0)],
)  # fmt: skip
def test_pixel_aspect(values, aspect):
    assert pixel_aspect(made(**values)) == pytest.approx(aspect)


def test_the_real_angiogram_carries_none():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    assert calibration_json(read_calibration(read_values(data, parse_object(data)))) == {
        "state": "uncalibrated",
        "text": "uncalibrated: distances in pixels",
        "row_spacing_mm": None,
        "column_spacing_mm": None,
    }
