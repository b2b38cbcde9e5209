"""Presentation states: real ones, and one that says everything, against what was written into it."""

import base64
import io

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, Sequence
from pydicom.dataset import FileMetaDataset

from fastcine.dicom.parse import EXPLICIT_LITTLE, parse_object
from fastcine.dicom.presentation_state import GRAYSCALE, presentation_state_json
from tests.dicom.building import corpus_file


def state(data):
    return presentation_state_json(data, parse_object(data))


def item(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def saved(dataset):
    dataset.SOPClassUID, dataset.SOPInstanceUID = GRAYSCALE, "1.2.9"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


IMAGE = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", ReferencedSOPInstanceUID="1.2.3")
FRAME = item(
    ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", ReferencedSOPInstanceUID="1.2.3", ReferencedFrameNumber=[4, 5]
)


def full():
    text = item(
        UnformattedTextValue="70 %", AnchorPoint=[240.5, 200.0], AnchorPointAnnotationUnits="PIXEL",
        AnchorPointVisibility="Y", BoundingBoxAnnotationUnits="DISPLAY", BoundingBoxTopLeftHandCorner=[0.1, 0.2],
        BoundingBoxBottomRightHandCorner=[0.4, 0.3], BoundingBoxTextHorizontalJustification="CENTER",
    )  # fmt: skip
    ellipse = item(
        GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=4, GraphicType="ELLIPSE",
        GraphicData=[10, 20, 50, 20, 30, 10, 30, 30], GraphicFilled="N",
    )  # fmt: skip
    cut = item(GraphicAnnotationUnits="PIXEL", GraphicType="CIRCLE", GraphicData=[1.0, 2.0, 3.0])
    table = item(LUTDescriptor=[4, 10, 8], LUTExplanation="bones")
    table.add_new(0x00283006, "OW", np.array([0, 80, 160, 255], "<u2").tobytes())
    return item(
        ContentLabel="STENOSIS", ContentDescription="Proximal LAD", PresentationCreationDate="20260301",
        PresentationCreationTime="100200", TimezoneOffsetFromUTC="+0100", ContentCreatorName="Reader^Rosa",
        ReferencedSeriesSequence=Sequence([item(SeriesInstanceUID="1.2.2", ReferencedImageSequence=Sequence([FRAME]))]),
        SoftcopyVOILUTSequence=Sequence([
            item(ReferencedImageSequence=Sequence([FRAME]), WindowCenter="120", WindowWidth="80"),
            item(VOILUTSequence=Sequence([table])),
        ]),
        PresentationLUTShape="INVERSE", ImageRotation=270, ImageHorizontalFlip="Y",
        DisplayedAreaSelectionSequence=Sequence([
            item(DisplayedAreaTopLeftHandCorner=[11, 21], DisplayedAreaBottomRightHandCorner=[400, 300],
                 PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=["2", "1"]),
        ]),
        ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=5, ShutterRightVerticalEdge=60,
        ShutterUpperHorizontalEdge=6, ShutterLowerHorizontalEdge=61, ShutterPresentationValue=0,
        GraphicLayerSequence=Sequence([
            item(GraphicLayer="TOP", GraphicLayerOrder=2), item(GraphicLayer="LOW", GraphicLayerOrder=1,
                                                               GraphicLayerRecommendedDisplayGrayscaleValue=0xFFFF),
        ]),
        GraphicAnnotationSequence=Sequence([
            item(ReferencedImageSequence=Sequence([IMAGE]), GraphicLayer="LOW", TextObjectSequence=Sequence([text]),
                 GraphicObjectSequence=Sequence([ellipse, cut])),
        ]),
        MaskSubtractionSequence=Sequence(
            [item(MaskOperation="AVG_SUB", MaskFrameNumbers=[2, 3], MaskSubPixelShift=[0.5, -0.25])]
        ),
        RecommendedViewingMode="SUB",
    )  # fmt: skip


def test_it_says_what_was_written():
    found = state(saved(full()))
    assert (found["label"], found["description"], found["creator"]) == ("STENOSIS", "Proximal LAD", "Reader, Rosa")
    assert found["created"] == "2026-03-01T10:02:00+01:00"
    image = {"sop_instance_uid": "1.2.3", "frames": [4, 5]}
    assert found["for"] == [{"series_instance_uid": "1.2.2", **image}]
    window, table = found["voi"]
    assert window["for"] == [image] and window["voi_luts"] == []
    assert window["windows"] == [{"center": 120.0, "width": 80.0, "explanation": "", "source": "file"}]
    assert table["for"] == table["windows"] == [] and table["voi_luts"][0]["first"] == 10
    assert (found["presentation_lut_shape"], found["rotation_deg"], found["flip_horizontal"]) == ("INVERSE", 270, True)
    (area,) = found["displayed_areas"]
    assert (area["top_left"], area["bottom_right"], area["pixel_aspect"]) == ([21, 11], [300, 400], 2.0)
    assert found["shutters"] == [
        {"shape": "rectangular", "left": 5, "right": 60, "upper": 6, "lower": 61, "presentation_value": 0}
    ]
    assert [(layer["name"], layer["presentation_value"]) for layer in found["layers"]] == [
        ("LOW", 0xFFFF),
        ("TOP", None),
    ]
    assert found["mask"]["items"][0]["shift_pixels"] == [0.5, -0.25] and found["mask"]["subtract_first"]
    assert found["modality"] is None and found["overlays"] == found["active_overlays"] == []


def test_annotations_keep_their_units_and_the_damaged_are_left_out():
    (annotation,) = state(saved(full()))["annotations"]
    assert annotation["for"] == [{"sop_instance_uid": "1.2.3", "frames": []}] and annotation["layer"] == "LOW"
    (text,) = annotation["texts"]
    assert text["text"] == "70 %" and text["anchor"] == {"units": "PIXEL", "point": [240.5, 200.0], "visible": True}
    assert text["box"]["units"] == "DISPLAY" and text["box"]["justified"] == "center"
    assert text["box"]["top_left"] == [0.1, 0.2]
    (ellipse,) = annotation["graphics"]
    assert ellipse == {
        "type": "ELLIPSE", "units": "PIXEL", "filled": False,
        "points": [[10.0, 20.0], [50.0, 20.0], [30.0, 10.0], [30.0, 30.0]],
    }  # fmt: skip


def test_an_empty_state_changes_nothing():
    found = state(saved(Dataset()))
    assert found["for"] == found["voi"] == found["annotations"] == found["shutters"] == []
    assert (found["rotation_deg"], found["flip_horizontal"], found["mask"]) == (0, False, None)


def test_its_own_bit_planes_come_with_their_bits():
    dataset = Dataset()
    bits = np.random.default_rng(2).integers(0, 2, (4, 4)).astype("u1")
    for element, vr, value in (
        (0x0010, "US", 4), (0x0011, "US", 4), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]), (0x0100, "US", 1),
        (0x0102, "US", 0), (0x1001, "CS", "LAYER1"), (0x3000, "OW", np.packbits(bits, bitorder="little").tobytes()),
    ):  # fmt: skip
        dataset.add_new(0x60040000 | element, vr, value)
    found = state(saved(dataset))
    assert found["active_overlays"] == [{"group": "6004", "layer": "LAYER1"}]
    assert found["overlays"][0]["group"] == "6004"
    read = np.unpackbits(np.frombuffer(base64.b64decode(found["overlays"][0]["bits"]), "u1"), bitorder="little")
    assert np.array_equal(read.reshape(4, 4), bits)


@pytest.mark.parametrize("name", ["other_iod/dbdicom__PS_0002", "other_iod/weasis__prLUTs.dcm"])
def test_real_states_say_what_pydicom_reads(name):
    data = corpus_file(name)
    found, expected = state(data), pydicom.dcmread(io.BytesIO(data), force=True)
    assert found["label"] == expected.get("ContentLabel", "")
    uids = [
        image.ReferencedSOPInstanceUID
        for series in expected.get("ReferencedSeriesSequence", [])
        for image in series.ReferencedImageSequence
    ]
    assert [each["sop_instance_uid"] for each in found["for"]] == uids
    voi = expected.get("SoftcopyVOILUTSequence", [])
    assert len(found["voi"]) == len(voi)
    for mine, theirs in zip(found["voi"], voi, strict=True):
        if "WindowCenter" in theirs:
            assert mine["windows"][0]["center"] == float(theirs.WindowCenter)
    if "ModalityLUTSequence" in expected:
        assert found["modality"]["modality_lut"]["first"] == expected.ModalityLUTSequence[0].LUTDescriptor[1]
