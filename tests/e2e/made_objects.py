"""Small objects for the browser tests: short runs whose pixels are known, with the bench runs' burned frame counter."""

from dataclasses import dataclass, field

import imagecodecs
import numpy as np

from fastcine.phantom import counter, presentation
from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.bench_runs import XRAY_RUNS, xray_frames
from fastcine.phantom.dicom_objects import Place, item
from fastcine.phantom.encode import jpeg_lossless
from fastcine.phantom.projection import CArm
from fastcine.phantom.timing import Timing, constant_timing, set_timing
from fastcine.phantom.us_objects import US_MULTIFRAME
from fastcine.phantom.xa_objects import mask_item, xa_dataset

HEART, COLOUR, HOSTILE, CHINESE, JAPANESE, NAMELESS, SUBTRACTED = range(101, 108)
"""Seeds, one a study: every UID of it and its Patient ID (PH-101) derive from it."""
CHOSEN, DROPPED, LONG, ARRIVED = 110, 112, 120, 130
"""Those that come in while tests run; CHOSEN + 1 and DROPPED + 1 are taken too."""

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.4"
GB18030_NAME = "Wang^XiaoDong=王^小东="
JAPANESE_NAME = "Yamada^Tarou=山田^太郎=やまだ^たろう"
HOSTILE_NAME = "</script><script>hurt()</script>^<img src=x onerror=hurt()>"
"""The equals signs make three component groups of it (PS3.5 6.2.1.1)."""
HOSTILE_ID = "<img src=x onerror=hurt()>"
HOSTILE_TEXT = "--></script><script>hurt()</script>"


@dataclass
class MadeObject:
    """A file, and the stored samples of its frames: (frames, rows, columns[, samples])."""

    name: str
    dataset: object
    data: bytes
    stored: np.ndarray = field(repr=False)

    @property
    def sop_instance_uid(self):
        return str(self.dataset.SOPInstanceUID)

    @property
    def study_instance_uid(self):
        return str(self.dataset.StudyInstanceUID)


def waves(frames, rows, columns, *, bits=8, phase=0.0):
    """Frames of smooth waves that walk by a few pixels a frame, each with its number burned in."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    top = (1 << bits) - 1
    found = []
    for number in range(frames):
        wave = np.sin((x + 5 * number) / 41 + phase) * np.cos((y - 3 * number) / (29 + 3 * phase))
        frame = np.rint((0.5 + 0.42 * wave) * top).astype(np.uint8 if bits <= 8 else np.uint16)
        counter.burn(frame, number, bits=bits)
        found.append(frame)
    return np.stack(found)


def colours(frames, rows, columns):
    """Frames of three waves each its own way, RGB, with the counter."""
    channels = [waves(frames, rows, columns, phase=phase) for phase in (0.0, 1.2, 2.4)]
    return np.stack(channels, axis=-1)


def place(study, what, *, minute=0.0, modality="XA", series=1):
    return Place(study, f"e2e {what}", series, 1, what, modality, minute)


def xa(at, frames, arm, *, bits=8, timing):
    """An XA run as JPEG Lossless SV1."""
    dataset = xa_dataset(at, arm, bits=bits, timing=timing)
    return dataset, [jpeg_lossless(np.ascontiguousarray(frame), bits=bits) for frame in frames]


def lossless(name, dataset, streams, stored):
    data = objects.part10(dataset, transfer_syntax=objects.JPEG_LOSSLESS_SV1, frames=streams)
    return MadeObject(name, dataset, data, np.stack(list(stored)))


def lca():
    """The bench run 512x512 of 8 bits, its first 24 frames, 15 a second: RAO 32 CAU 20."""
    stored = list(xray_frames(XRAY_RUNS["xa512x60"], fps=15, frames=24))
    timing = constant_timing(24, "66.6666667")
    dataset, streams = xa(place(HEART, "LCA"), stored, CArm(-32, -20, 512, 512, 0.36), timing=timing)
    return lossless("lca", dataset, streams, stored)


def rca():
    """12 bits, 30 frames at 20 a second, two windows, 10 a second recommended for display: LAO 40 CRA 5."""
    stored = waves(30, 512, 512, bits=12, phase=0.7)
    timing = Timing(("0", *["40", "60"] * 14, "40"))
    dataset, streams = xa(place(HEART, "RCA", minute=2), stored, CArm(40, 5, 512, 512, 0.36), bits=12, timing=timing)
    dataset.RecommendedDisplayFrameRate = 10
    dataset.WindowCenter, dataset.WindowWidth = ["2048", "1500"], ["4096", "1000"]
    dataset.WindowCenterWidthExplanation = ["whole", "narrow"]
    return lossless("rca", dataset, streams, stored)


def masked():
    """A run whose Mask Subtraction Sequence names frame 1 as the mask of all others."""
    stored = waves(8, 256, 256, phase=1.4)
    dataset, streams = xa(
        place(HEART, "DSA", minute=3), stored, CArm(0, 0, 256, 256, 0.36), timing=constant_timing(8, "100")
    )
    dataset.MaskSubtractionSequence = objects.sequence(mask_item(first=2, last=8, masks=[1]))
    return lossless("masked", dataset, streams, stored)


def broken():
    """A run whose first bitstream is no JPEG at all."""
    stored = waves(4, 256, 256, phase=2.1)
    dataset, streams = xa(
        place(HEART, "Broken", minute=5), stored, CArm(0, 0, 256, 256, 0.36), timing=constant_timing(4, "100")
    )
    return lossless("broken", dataset, [b"\xff\xd8not a picture", *streams[1:]], stored)


def ultrasound(at, stored, *, photometric, frame_time="100"):
    dataset = objects.base_dataset(at, sop_class_uid=US_MULTIFRAME, image_type=("ORIGINAL", "PRIMARY"))
    set_timing(dataset, constant_timing(len(stored), frame_time))
    objects.set_color_pixels(dataset, rows=stored.shape[1], columns=stored.shape[2], photometric=photometric)
    return dataset


def jpeg_run(name, at, *, frames=12):
    """JPEG baseline, YBR_FULL_422; `stored` is what libjpeg makes of each bitstream, in RGB."""
    pictures = colours(frames, 256, 384)
    dataset = ultrasound(at, pictures, photometric="YBR_FULL_422")
    streams = [
        imagecodecs.jpeg8_encode(one, level=92, colorspace="RGB", outcolorspace="YCBCR", subsampling="422")
        for one in pictures
    ]
    dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
    dataset.LossyImageCompressionRatio = "11.2"
    data = objects.part10(dataset, transfer_syntax=objects.JPEG_BASELINE, frames=streams)
    return MadeObject(name, dataset, data, np.stack([imagecodecs.jpeg8_decode(one) for one in streams]))


def echo():
    """A lossy colour loop of the heart study."""
    return jpeg_run("echo", place(HEART, "Echo", minute=1, modality="US", series=2))


def still():
    """One frame, uncompressed."""
    stored = waves(1, 256, 256, phase=2.8)
    dataset = xa_dataset(
        place(HEART, "Still", minute=4), CArm(0, 0, 256, 256, 0.36), bits=8, timing=constant_timing(1, "100")
    )
    for keyword in ("NumberOfFrames", "FrameIncrementPointer", "FrameTime", "CineRate", "RecommendedDisplayFrameRate"):
        delattr(dataset, keyword)
    return native("still", dataset, stored)


def native(name, dataset, stored):
    data = objects.part10(
        dataset, transfer_syntax=objects.EXPLICIT_LITTLE, frames=[np.ascontiguousarray(one).tobytes() for one in stored]
    )
    return MadeObject(name, dataset, data, stored)


def heart():
    """A study with runs of every kind, in the order of acquisition."""
    return [lca(), echo(), rca(), masked(), still(), broken()]


def rgb():
    stored = colours(3, 256, 320)
    dataset = ultrasound(place(COLOUR, "rgb", minute=0, modality="US"), stored, photometric="RGB")
    return native("rgb", dataset, stored)


def ybr():
    return jpeg_run("ybr", place(COLOUR, "ybr", minute=1, modality="US"), frames=3)


def palette():
    stored = waves(3, 256, 320)
    dataset = ultrasound(place(COLOUR, "palette", minute=2, modality="US"), stored, photometric="RGB")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "PALETTE COLOR"
    del dataset.PlanarConfiguration
    steps = np.arange(256)
    for colour, entries in (("Red", steps), ("Green", 255 - steps), ("Blue", (steps * 7) % 256)):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", (entries * 257).astype("<u2").tobytes())
    return native("palette", dataset, stored)


def grey(name, minute, stored, *, bits, photometric="MONOCHROME2", signed=False, **elements):
    arm = CArm(0, 0, stored.shape[1], stored.shape[2], 0.36)
    dataset = xa_dataset(place(COLOUR, name, minute=minute), arm, bits=bits, timing=constant_timing(len(stored), "100"))
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = photometric, int(signed)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return native(name, dataset, stored)


def monochrome1():
    return grey("monochrome1", 3, waves(3, 256, 320), bits=8, photometric="MONOCHROME1")


def twelve_bits():
    stored = waves(3, 256, 320, bits=12)
    return grey("twelve", 4, stored, bits=12, WindowCenter="1800", WindowWidth="2500")


def signed_16_bits():
    stored = (waves(3, 256, 320, bits=12).astype(np.int32) - 1024).astype(np.int16)
    return grey(
        "signed", 5, stored, bits=16, signed=True, WindowCenter="900", WindowWidth="3000",
        RescaleSlope="2", RescaleIntercept="-500", RescaleType="US",
    )  # fmt: skip


def thirty_two_bits():
    """A dose grid's pixels: there is no first pass of such."""
    stored = waves(3, 256, 320, bits=12).astype(np.uint32) << 16
    return grey("thirty-two", 6, stored, bits=32, BitsAllocated=32, WindowCenter="1e8", WindowWidth="2e8")


def colour_study():
    """A study of three frames a run, one run a kind of pixel."""
    return [rgb(), ybr(), palette(), monochrome1(), twelve_bits(), signed_16_bits(), thirty_two_bits()]


def vessels(frames, *, bits, moved=(0.0, 0.0)):
    """Anatomy that has moved by (rows, columns) since the first two frames, and a vessel that fills from then on."""
    y, x = np.mgrid[0:256, 0:320].astype(np.float64)
    rng, top = np.random.default_rng(bits), (1 << bits) - 1
    found = []
    for number in range(frames):
        down, right = moved if number >= 2 else (0.0, 0.0)
        at_y, at_x = y - down, x - right
        share = (
            0.5
            + 0.25 * np.sin(at_x / 21 + at_y / 55) * np.cos(at_y / 13 - at_x / 80)
            + 0.06 * np.sin((at_x + 2 * at_y) / 5.3)
        )
        if number >= 2:
            share *= 1 - 0.35 * (np.abs(y - 128 - 40 * np.sin(x / 50 + number / 9)) < 6)
        found.append(np.clip(np.rint(share * top + rng.normal(0, top / 250, share.shape)), 0, top))
    return np.stack(found).astype(np.uint8 if bits <= 8 else np.uint16)


def masked_run(name, minute, stored, *, bits, intensity, mode="NAT", **elements):
    dataset = xa_dataset(
        place(SUBTRACTED, name, minute=minute),
        CArm(0, 0, 256, 320, 0.36),
        bits=bits,
        timing=constant_timing(len(stored), "66"),
    )
    dataset.PixelIntensityRelationship, dataset.RecommendedViewingMode = intensity, mode
    dataset.MaskSubtractionSequence = objects.sequence(item(**elements))
    return native(name, dataset, stored)


def covered():
    """A circular and a rectangular shutter; an overlay over every frame, and one with planes for frames 2 and 3."""
    stored = vessels(4, bits=8)
    arm, timing = CArm(0, 0, 256, 320, 0.36), constant_timing(4, "66")
    dataset = xa_dataset(place(SUBTRACTED, "covered", minute=3), arm, bits=8, timing=timing)
    dataset.ShutterShape = ["CIRCULAR", "RECTANGULAR"]
    dataset.CenterOfCircularShutter, dataset.RadiusOfCircularShutter = [128, 160], 150
    dataset.ShutterLeftVerticalEdge, dataset.ShutterRightVerticalEdge = 21, 300
    dataset.ShutterUpperHorizontalEdge, dataset.ShutterLowerHorizontalEdge = 11, 240
    dataset.ShutterPresentationValue = 0x4000
    rng = np.random.default_rng(60)
    for group, shape, origin in ((0x6000, (1, 50, 61), (100, 90)), (0x6002, (2, 33, 17), (-3, 200))):
        block = overlay_elements(dataset, group, rng.random(shape) < 0.3, origin)
        block.update({} if shape[0] == 1 else {0x0015: ("IS", 2), 0x0051: ("US", 2)})
        for element, (vr, value) in block.items():
            dataset.add_new((group << 16) | element, vr, value)
    return native("covered", dataset, stored)


def overlay_elements(dataset, group, bits, origin):
    """Elements of an overlay by number; its bits go to `dataset.planes` too."""
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    rows, columns = bits.shape[1:]
    dataset.planes = {**getattr(dataset, "planes", {}), group: (bits, origin)}
    return {
        0x0010: ("US", rows), 0x0011: ("US", columns), 0x0040: ("CS", "G"), 0x0050: ("SS", list(origin)),
        0x0100: ("US", 1), 0x0102: ("US", 0), 0x3000: ("OW", packed + b"\0" * (len(packed) % 2)),
    }  # fmt: skip


def commented(run):
    """A presentation state of frame 2 of `run` (256 x 320) that says something of everything that a viewer shows."""
    dataset = objects.study_dataset(
        place(SUBTRACTED, "state", minute=6, modality="PR"), sop_class_uid=presentation.GRAYSCALE
    )
    image = item(
        ReferencedSOPClassUID=str(run.dataset.SOPClassUID),
        ReferencedSOPInstanceUID=run.sop_instance_uid,
        ReferencedFrameNumber=2,
    )
    of = item(SeriesInstanceUID=str(run.dataset.SeriesInstanceUID), ReferencedImageSequence=objects.sequence(image))
    dataset.ContentLabel, dataset.ContentDescription = "COMMENTED", "Everything"
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = "20260301", "120000"
    dataset.ReferencedSeriesSequence = objects.sequence(of)
    dataset.SoftcopyVOILUTSequence = objects.sequence(item(WindowCenter="120", WindowWidth="101"))
    dataset.PresentationLUTShape = "INVERSE"
    dataset.ImageRotation, dataset.ImageHorizontalFlip = 90, "Y"
    # Turned and mirrored, the picture lies as its transpose: columns 41 to 240 downwards, rows 21 to 220 across.
    area = item(
        DisplayedAreaTopLeftHandCorner=[41, 21], DisplayedAreaBottomRightHandCorner=[240, 220],
        PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=["1", "1"],
    )  # fmt: skip
    dataset.DisplayedAreaSelectionSequence = objects.sequence(area)
    dataset.ShutterShape, dataset.CenterOfCircularShutter, dataset.RadiusOfCircularShutter = "CIRCULAR", [120, 150], 110
    dataset.ShutterPresentationValue, dataset.ShutterPresentationColorCIELabValue = 0x8000, [19379, 50449, 4104]
    dataset.add_new(0x60001001, "CS", "LINES")  # activates the image's overlays, each in its layer's colour
    dataset.add_new(0x60021001, "CS", "AREAS")
    dataset.GraphicLayerSequence = objects.sequence(
        item(
            GraphicLayer="LINES", GraphicLayerOrder=2, GraphicLayerRecommendedDisplayCIELabValue=[35578, 53664, 50862]
        ),
        item(GraphicLayer="AREAS", GraphicLayerOrder=1, GraphicLayerRecommendedDisplayGrayscaleValue=0xFFFF),
    )
    dataset.GraphicAnnotationSequence = objects.sequence(
        item(GraphicLayer="LINES", GraphicObjectSequence=objects.sequence(
            graphic("POLYLINE", [60, 40, 180, 40, 180, 120]),
            graphic("POINT", [200, 180]),
            graphic("CIRCLE", [0.5, 0.5, 0.75, 0.5], units="DISPLAY"),
            graphic("INTERPOLATED", [60, 200, 90, 200, 120, 200]),
        )),
        item(GraphicLayer="AREAS", GraphicObjectSequence=objects.sequence(
            graphic("ELLIPSE", [100, 80, 160, 80, 130, 60, 130, 100], filled="Y"),
            graphic("POLYLINE", [150, 30, 170, 30, 170, 50, 150, 50, 150, 30], filled="Y"),
        ), TextObjectSequence=objects.sequence(item(
            BoundingBoxAnnotationUnits="DISPLAY", AnchorPointAnnotationUnits="PIXEL", UnformattedTextValue="MMMM",
            BoundingBoxTopLeftHandCorner=[0.1, 0.8], BoundingBoxBottomRightHandCorner=[0.5, 0.9],
            BoundingBoxTextHorizontalJustification="LEFT", AnchorPoint=[100, 150], AnchorPointVisibility="Y",
        ))),
    )  # fmt: skip
    return MadeObject("state", dataset, objects.part10_of(dataset), run.stored)


def graphic(kind, data, *, units="PIXEL", filled="N"):
    return item(
        GraphicAnnotationUnits=units, GraphicDimensions=2, NumberOfGraphicPoints=len(data) // 2, GraphicData=data,
        GraphicType=kind, GraphicFilled=filled,
    )  # fmt: skip


def subtraction_study():
    """One run a kind of Mask Operation; `averaged` is linear, its mask moved and its contrast averaged."""
    run = covered()
    return [
        masked_run("averaged", 0, vessels(8, bits=12, moved=(0.75, -1.5)), bits=12, intensity="LIN",
                   MaskOperation="AVG_SUB",
                   MaskFrameNumbers=[1, 2], ApplicableFrameRange=[3, 7],
                   ContrastFrameAveraging=2, MaskSubPixelShift=[0.75, 1.5]),
        masked_run("interval", 1, vessels(8, bits=8), bits=8, intensity="LOG", MaskOperation="TID", TIDOffset=2),
        masked_run("backwards", 2, vessels(8, bits=8), bits=8, intensity="DISP",
                   MaskOperation="REV_TID", ApplicableFrameRange=[4, 6], TIDOffset=1),
        run,
        commented(run),
        masked_run("recommended", 4, vessels(8, bits=8), bits=8, intensity="LOG", mode="SUB",
                   MaskOperation="AVG_SUB", MaskFrameNumbers=[1], ApplicableFrameRange=[3, 8]),
        masked_run("none", 7, vessels(8, bits=8), bits=8, intensity="LOG", mode="SUB", MaskOperation="NONE"),
    ]  # fmt: skip


def named(study, *, character_set, name, date, **elements):
    """A study of one small still by this patient."""
    stored = waves(1, 64, 256)
    at = place(study, "Still")
    dataset = objects.base_dataset(at, sop_class_uid=SECONDARY_CAPTURE, image_type=("DERIVED", "SECONDARY"))
    objects.set_gray_pixels(dataset, rows=64, columns=256, bits=8)
    dataset.NumberOfFrames = 1
    dataset.SpecificCharacterSet, dataset.PatientName = character_set, name
    dataset.StudyDate = date
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return native(f"named{study}", dataset, stored)


def named_studies():
    return [
        named(HOSTILE, character_set="ISO_IR 192", name=HOSTILE_NAME, date="20260228",
              PatientID=HOSTILE_ID, StudyDescription=HOSTILE_TEXT, SeriesDescription=HOSTILE_TEXT),
        named(CHINESE, character_set="GB18030", name=GB18030_NAME, date="20260227"),
        named(JAPANESE, character_set=["", "ISO 2022 IR 87"], name=JAPANESE_NAME, date="20260226"),
        named(NAMELESS, character_set="ISO_IR 192", name="", date="20260225", PatientBirthDate="", PatientID=""),
    ]  # fmt: skip
