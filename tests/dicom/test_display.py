import json

import numpy as np
import pytest
from pydicom import Dataset

from fastcine.dicom.display import display_json, display_settings, full_range
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file, make_layout

XA = "1.2.840.10008.5.1.4.1.1.12.1"


def shown(layout=None, sample_range=None, **values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return display_settings(dataset, layout or make_layout(), sample_range=sample_range)


def test_windows_of_the_file():
    found = shown(
        WindowCenter=["40", "300"], WindowWidth=["400", "1500"], WindowCenterWidthExplanation=["SOFT", "BONE"]
    )
    assert [(w.center, w.width, w.explanation, w.source) for w in found.windows] == [
        (40, 400, "SOFT", "file"),
        (300, 1500, "BONE", "file"),
    ]


@pytest.mark.parametrize(("center", "width"), [("0", "0"), ("0", "-1"), ("1e30", "1"), ("x", "5"), ("5", "")])
def test_impossible_windows_give_way_to_the_full_range(center, width):
    dataset = Dataset()
    dataset.add_new(0x00281050, "LO", center)
    dataset.add_new(0x00281051, "LO", width)
    (window,) = display_settings(dataset, make_layout()).windows
    assert (window.center, window.width, window.source) == (128.0, 256.0, "derived")


def test_the_derived_window_ends_at_minimum_and_maximum():
    (window,) = shown(sample_range=(100, 1100), layout=make_layout(bits_allocated=16, bits_stored=12)).windows
    # PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white above c - 0.5 + (w - 1) / 2.
    assert window.center - 0.5 - (window.width - 1) / 2 == 100 and window.center - 0.5 + (window.width - 1) / 2 == 1100


def test_windows_are_in_modality_values():
    found = shown(RescaleSlope="2", RescaleIntercept="-1000", RescaleType="HU", sample_range=(0, 1000))
    assert (found.rescale_slope, found.rescale_intercept, found.rescale_type) == (2, -1000, "HU")
    assert found.windows[0].center == 0.5 and found.windows[0].width == 2001


def modality_lut():
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [3, 0, 16], "OD"
    item.add_new(0x00283006, "OW", np.array([5, 50, 500], "<u2").tobytes())
    return [item]


def test_a_modality_lut_is_for_display_except_in_xa():
    assert shown(ModalityLUTSequence=modality_lut()).modality_lut.entries.tolist() == [5, 50, 500]
    assert shown(ModalityLUTSequence=modality_lut()).windows[0].width == 496
    xray = shown(ModalityLUTSequence=modality_lut(), SOPClassUID=XA)
    assert xray.modality_lut is None and xray.windows[0].width == 256
    assert shown(RescaleSlope="2", RescaleIntercept="5", SOPClassUID=XA).rescale_slope == 1.0


def test_voi_luts():
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [3, 0, 12], "NORMAL"
    item.add_new(0x00283006, "OW", np.array([0, 50, 4095], "<u2").tobytes())
    found = shown(VOILUTSequence=[item, Dataset()])
    assert [(table.explanation, table.bits) for table in found.voi_luts] == [("NORMAL", 12)]


@pytest.mark.parametrize(
    ("photometric", "shape", "samples", "inverted"),
    [("MONOCHROME1", "", 1, True), ("MONOCHROME2", "INVERSE", 1, True), ("MONOCHROME1", "INVERSE", 1, True),
     ("MONOCHROME2", "IDENTITY", 1, False), ("RGB", "INVERSE", 3, False), ("PALETTE COLOR", "INVERSE", 1, False)],
)  # fmt: skip
def test_inversion(photometric, shape, samples, inverted):
    layout = make_layout(photometric_interpretation=photometric, samples_per_pixel=samples)
    assert shown(layout, PresentationLUTShape=shape).invert is inverted


def test_enhanced_objects_keep_them_in_functional_groups():
    voi, values, group = Dataset(), Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = "60", "120", "SIGMOID"
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = "1", "-5", "US"
    group.FrameVOILUTSequence, group.PixelValueTransformationSequence = [voi], [values]
    found = shown(SharedFunctionalGroupsSequence=[group])
    assert (found.windows[0].center, found.voi_lut_function, found.rescale_intercept) == (60, "SIGMOID", -5)


def test_pixel_padding():
    assert shown(PixelPaddingValue=0).pixel_padding == (0, 0)
    assert shown(PixelPaddingValue=4000, PixelPaddingRangeLimit=3990).pixel_padding == (3990, 4000)
    assert shown().pixel_padding is None


def test_full_ranges():
    assert full_range(make_layout(bits_stored=12)) == (0, 4095)
    assert full_range(make_layout(bits_stored=12, signed=True)) == (-2048, 2047)


def test_json_as_the_api_has_it():
    found = display_json(shown(VOILUTSequence=modality_lut(), PixelPaddingValue=3))
    assert set(found) == {
        "invert", "rescale_slope", "rescale_intercept", "rescale_type", "windows", "voi_lut_function", "voi_luts",
        "modality_lut", "palette", "pixel_padding", "sample_min", "sample_max",
    }  # fmt: skip
    assert json.loads(json.dumps(found))["voi_luts"][0]["data"] == "BQAyAPQB"


def test_a_real_palette_image():
    data = corpus_file("us/dcm4che__US-PAL-8-10x-echo")
    structure = parse_object(data)
    dataset = read_values(data, structure)
    found = display_settings(dataset, image_layout(dataset, structure))
    assert found.palette is not None and len(found.palette.red) == 256 and not found.invert
