"""A presentation state of the phantom: how its reader wants one frame of the LCA run shown (PS3.3 A.33.1, C.11)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import xa_objects
from fastcine.phantom.dicom_objects import Made, Place, acquired_at, item, sequence

GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
LAYER = "FINDINGS"
OF = Place(0, "lca", 1, 1, "LCA", "XA", 5.0)
"""The run that it is of, but for the seed."""
FRAME, SIZE = 24, 512
WINDOW = (140, 120)
SHUTTER_CENTER, SHUTTER_RADIUS = (250, 262), 210
POINT = (262.5, 201.5)
"""Column and row of what the text is about."""
TEXT = "PHANTOM LAD 60 %"


def _annotation() -> Dataset:
    """Words in a box at the displayed area's foot, tied to a point of the picture, and a circle around it."""
    words = item(
        BoundingBoxAnnotationUnits="DISPLAY", AnchorPointAnnotationUnits="PIXEL", UnformattedTextValue=TEXT,
        BoundingBoxTopLeftHandCorner=[0.06, 0.84], BoundingBoxBottomRightHandCorner=[0.5, 0.92],
        BoundingBoxTextHorizontalJustification="LEFT", AnchorPoint=list(POINT), AnchorPointVisibility="Y",
    )  # fmt: skip
    circle = item(
        GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=2, GraphicType="CIRCLE",
        GraphicData=[*POINT, POINT[0] + 18, POINT[1]], GraphicFilled="N",
    )  # fmt: skip
    return item(GraphicLayer=LAYER, TextObjectSequence=sequence(words), GraphicObjectSequence=sequence(circle))


def _references(place: Place) -> Dataset:
    of = Place(place.seed, OF.what, OF.series, OF.instance, OF.series_description, OF.modality, OF.minute)
    image = item(
        ReferencedSOPClassUID=xa_objects.XA_IMAGE,
        ReferencedSOPInstanceUID=objects.sop_instance_uid(of),
        ReferencedFrameNumber=FRAME,
    )
    return item(SeriesInstanceUID=objects.series_instance_uid(of), ReferencedImageSequence=sequence(image))


def make_presentation_state(place: Place) -> Made:
    """Window, a quarter turn, a circular shutter, words and a circle on one frame."""
    ds = objects.study_dataset(place, sop_class_uid=GRAYSCALE)
    moment = acquired_at(place)
    ds.BodyPartExamined = "HEART"
    ds.ContentLabel, ds.ContentDescription = "LAD_STENOSIS", "PHANTOM: proximal LAD"
    ds.PresentationCreationDate, ds.PresentationCreationTime = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    ds.ContentCreatorName = "Reader^Rosa"
    ds.ReferencedSeriesSequence = sequence(_references(place))
    ds.SoftcopyVOILUTSequence = sequence(item(WindowCenter=str(WINDOW[0]), WindowWidth=str(WINDOW[1])))
    ds.PresentationLUTShape = "IDENTITY"
    ds.ImageRotation, ds.ImageHorizontalFlip = 90, "N"
    # Column and row of the pixels that come to lie there when the picture is turned (PS3.3 C.10.4).
    area = item(
        DisplayedAreaTopLeftHandCorner=[1, SIZE], DisplayedAreaBottomRightHandCorner=[SIZE, 1],
        PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=["1", "1"],
    )  # fmt: skip
    ds.DisplayedAreaSelectionSequence = sequence(area)
    ds.ShutterShape = "CIRCULAR"
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = list(SHUTTER_CENTER), SHUTTER_RADIUS
    ds.ShutterPresentationValue = 0
    ds.GraphicLayerSequence = sequence(
        item(GraphicLayer=LAYER, GraphicLayerOrder=1, GraphicLayerRecommendedDisplayGrayscaleValue=0xFFFF)
    )
    ds.GraphicAnnotationSequence = sequence(_annotation())
    return Made(ds, objects.part10_of(ds))
