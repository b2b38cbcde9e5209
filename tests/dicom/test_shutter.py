"""Shutters as values; what is malformed is left out."""

import pytest
from pydicom import Dataset, Sequence

from fastcine.dicom.shutter import read_shutters, shutter_json


def shutters(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return [shutter_json(each) for each in read_shutters(dataset)]


RECTANGLE = {
    "ShutterLeftVerticalEdge": 11,
    "ShutterRightVerticalEdge": "500",
    "ShutterUpperHorizontalEdge": 21,
    "ShutterLowerHorizontalEdge": 490,
}


def test_each_shape_says_where_it_is_and_what_fills_it():
    found = shutters(
        ShutterShape=["RECTANGULAR", "CIRCULAR", "POLYGONAL"],
        **RECTANGLE,
        CenterOfCircularShutter=[250, 260],
        RadiusOfCircularShutter=200,
        VerticesOfThePolygonalShutter=[1, 1, 1, 512, 512, 512],
        ShutterPresentationValue=0,
    )
    assert found == [
        {"shape": "rectangular", "left": 11, "right": 500, "upper": 21, "lower": 490, "presentation_value": 0},
        {"shape": "circular", "center": [250, 260], "radius": 200, "presentation_value": 0},
        {"shape": "polygonal", "vertices": [[1, 1], [1, 512], [512, 512]], "presentation_value": 0},
    ]


def test_a_bitmap_names_its_overlay_and_a_colour_is_kept():
    (found,) = shutters(
        ShutterShape="BITMAP", ShutterOverlayGroup=0x6002, ShutterPresentationColorCIELabValue=[65535, 32896, 32896]
    )
    assert found["overlay_group"] == "6002" and found["presentation_value"] is None
    assert found["color_cielab"] == [65535, 32896, 32896]


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "RECTANGULAR", **RECTANGLE, "ShutterLeftVerticalEdge": 501},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [1], "RadiusOfCircularShutter": 4},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [1, 2], "RadiusOfCircularShutter": 0},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 2, 2]},
        {"ShutterShape": "BITMAP"},
        {"ShutterShape": "HEXAGONAL"},
    ],
)
def test_what_is_malformed_is_left_out(elements):
    assert shutters(**elements) == []


def test_an_enhanced_objects_shutter_is_that_of_its_first_frame():
    inner = Dataset()
    inner.ShutterShape, inner.CenterOfCircularShutter, inner.RadiusOfCircularShutter = "CIRCULAR", [5, 6], 4
    group = Dataset()
    group.FrameDisplayShutterSequence = Sequence([inner])
    assert shutters(SharedFunctionalGroupsSequence=Sequence([group]))[0]["center"] == [5, 6]
