"""A small Enhanced XA object of the phantom: functional groups instead of the Cine module (PS3.3 A.47, C.8.19)."""

from __future__ import annotations

from datetime import timedelta

from pydicom.dataset import Dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import identity, xa_runs
from fastcine.phantom.dicom_objects import Made, Place, acquired_at, code, item, sequence
from fastcine.phantom.encode import jpeg_lossless
from fastcine.phantom.xa_runs import Shot

ENHANCED_XA = "1.2.840.10008.5.1.4.1.1.12.1.1"


def _shared_groups(shot: Shot, event_uid: str) -> Dataset:
    """What is the same for all frames: anatomy, field of view, pixel facts, calibration, C-arm geometry."""
    arm = shot.arm
    width_mm = arm.columns * arm.imager_spacing_mm
    middle = 1 << (shot.technique.bits - 1)
    # Object Pixel Spacing in Center of Beam: the detector's pitch scaled to the isocentre.
    at_isocentre = arm.imager_spacing_mm * arm.source_to_patient_mm / arm.source_to_detector_mm
    calibration = item(
        ObjectPixelSpacingInCenterOfBeam=[round(at_isocentre, 6)] * 2, TableHeight=850.0,
        DistanceObjectToTableTop=150.0, DistanceSourceToIsocenter=arm.source_to_patient_mm, BeamAngle=0.0,
    )  # fmt: skip
    geometry = item(
        DistanceSourceToDetector=objects.decimal(arm.source_to_detector_mm),
        DistanceSourceToIsocenter=arm.source_to_patient_mm,
    )
    field = item(
        FieldOfViewShape="RECTANGLE", FieldOfViewDimensionsInFloat=[width_mm, width_mm],
        FieldOfViewOrigin=["0", "0"], FieldOfViewRotation="0", FieldOfViewHorizontalFlip="NO",
        FieldOfViewDescription="",
    )  # fmt: skip
    anatomy = item(
        FrameLaterality="U", AnatomicRegionSequence=sequence(code("41801008", "SCT", "Coronary artery"))
    )  # fmt: skip
    collimator = item(
        CollimatorShape="RECTANGULAR", CollimatorLeftVerticalEdge="6", CollimatorRightVerticalEdge="250",
        CollimatorUpperHorizontalEdge="8", CollimatorLowerHorizontalEdge="248",
    )  # fmt: skip
    table = item(
        TableTopVerticalPosition="0", TableTopLongitudinalPosition="0", TableTopLateralPosition="0",
        TableHorizontalRotationAngle=0.0, TableHeadTiltAngle=0.0, TableCradleTiltAngle=0.0,
    )  # fmt: skip
    lookup = item(WindowCenter=str(middle), WindowWidth=str(2 * middle))
    return item(
        FrameAnatomySequence=sequence(anatomy),
        FieldOfViewSequence=sequence(field),
        PixelIntensityRelationshipLUTSequence=sequence(_identity_lut(shot.technique.bits)),
        FramePixelDataPropertiesSequence=sequence(_pixel_properties(shot)),
        CollimatorShapeSequence=sequence(collimator),
        TablePositionSequence=sequence(table),
        FrameDetectorParametersSequence=sequence(item(ExposuresOnDetectorSinceLastCalibration="1")),
        PatientOrientationInFrameSequence=sequence(item(PatientOrientation=["L", "F"])),
        IrradiationEventIdentificationSequence=sequence(item(IrradiationEventUID=event_uid)),
        XRayGeometrySequence=sequence(geometry),
        ProjectionPixelCalibrationSequence=sequence(calibration),
        FrameVOILUTSequence=sequence(lookup),
        XAXRFFrameCharacteristicsSequence=sequence(
            item(DerivationDescription="", AcquisitionDeviceProcessingDescription="")
        ),
    )


def _identity_lut(bits: int) -> Dataset:
    """Pixels are proportional to X-ray intensity already: a TO_LINEAR function that changes nothing."""
    table = item(LUTDescriptor=[1 << bits, 0, 16], LUTFunction="TO_LINEAR")
    scale = 65535 // ((1 << bits) - 1)
    table.add_new(0x00283006, "OW", b"".join((v * scale).to_bytes(2, "little") for v in range(1 << bits)))
    return table


def _pixel_properties(shot: Shot) -> Dataset:
    return item(
        FrameType=["ORIGINAL", "PRIMARY", "SINGLE PLANE", "NONE"], ImagerPixelSpacing=[shot.arm.imager_spacing_mm] * 2,
        PixelDataAreaOriginRelativeToFOV=[0.0, 0.0], PixelDataAreaRotationAngleRelativeToFOV=0.0,
        PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=1,
        GeometricalProperties="UNIFORM", ImageProcessingApplied="NONE",
    )  # fmt: skip


def _frame_groups(place: Place, shot: Shot, number: int, start_s: float) -> Dataset:
    """Frame Content and positioner of frame ``number`` (from 1), ``start_s`` after the first."""
    moment = acquired_at(place) + timedelta(seconds=start_s)
    stamp = moment.strftime("%Y%m%d%H%M%S.%f") + identity.UTC_OFFSET
    content = item(
        FrameAcquisitionNumber=1, FrameReferenceDateTime=stamp, FrameAcquisitionDateTime=stamp,
        FrameAcquisitionDuration=6.0, DimensionIndexValues=[1, number], StackID="1", InStackPositionNumber=number,
    )  # fmt: skip
    position = item(
        PositionerPrimaryAngle=objects.decimal(shot.arm.primary_deg),
        PositionerSecondaryAngle=objects.decimal(shot.arm.secondary_deg),
    )
    acquisition = item(KVP="78", XRayTubeCurrentInmA=620.0)
    return item(
        FrameContentSequence=sequence(content),
        PositionerPositionSequence=sequence(position),
        FrameAcquisitionSequence=sequence(acquisition),
    )


def _set_acquisition(ds: Dataset, shot: Shot) -> None:
    """XA/XRF Acquisition, X-Ray Detector and Enhanced Contrast (PS3.3 C.8.19.3, C.8.19.5)."""
    ds.KVP, ds.RadiationSetting = "78", "GR"
    ds.ExposureInmAs = 59.5
    ds.AveragePulseWidth, ds.AcquisitionDuration, ds.RadiationMode = "6", 1066.7, "PULSED"
    ds.FocalSpots = ["0.6"]
    ds.AnodeTargetMaterial = "TUNGSTEN"
    ds.AcquisitionProtocolName = "Coronary 15 fps"
    ds.RectificationType, ds.AcquiredImageAreaDoseProduct = "CONST POTENTIAL", 1.2
    ds.PositionerType, ds.CArmPositionerTabletopRelationship = "CARM", "YES"
    ds.PlanesInAcquisition, ds.PlaneIdentification = "SINGLE PLANE", "MONOPLANE"
    ds.XRayReceptorType = "DIGITAL_DETECTOR"
    ds.DistanceReceptorPlaneToDetectorHousing = 20.0
    ds.DetectorType, ds.DetectorConfiguration, ds.DetectorDescription = "SCINTILLATOR", "AREA", ""
    ds.DetectorMode, ds.DetectorID = "", "1"
    ds.DetectorManufacturerName, ds.DetectorManufacturerModelName = "fastcine", "Phantom"
    ds.DetectorActiveShape = "RECTANGLE"
    width = objects.decimal(shot.arm.columns * shot.arm.imager_spacing_mm)
    ds.DetectorActiveDimensions = [width, width]
    ds.DetectorElementPhysicalSize = ds.DetectorElementSpacing = [objects.decimal(shot.arm.imager_spacing_mm)] * 2
    ds.DetectorBinning = ["1", "1"]
    ds.PhysicalDetectorSize = [float(width), float(width)]


def _set_dimensions(ds: Dataset, seed: int) -> None:
    """Dimension module: stack and position, the frames in time (PS3.3 C.7.6.17)."""
    organization = identity.uid_for(seed, "dimension organization")
    ds.DimensionOrganizationSequence = sequence(item(DimensionOrganizationUID=organization))
    pointers = []
    for pointer in (0x00209056, 0x00209057):  # Stack ID, In-Stack Position Number
        entry = item(DimensionOrganizationUID=organization)
        entry.DimensionIndexPointer, entry.FunctionalGroupPointer = pointer, 0x00209111
        pointers.append(entry)
    ds.DimensionIndexSequence = sequence(*pointers)


def make_enhanced(place: Place) -> Made:
    """A short left coronary run as Enhanced XA, 8 bits, JPEG Lossless SV1; times per frame, no Frame Time."""
    shot = xa_runs.SHOTS["enhanced"]
    ds = objects.base_dataset(
        place, sop_class_uid=ENHANCED_XA, image_type=("ORIGINAL", "PRIMARY", "SINGLE PLANE", "NONE")
    )
    objects.set_gray_pixels(ds, rows=shot.arm.rows, columns=shot.arm.columns, bits=8)
    _set_acquisition(ds, shot)
    _set_dimensions(ds, place.seed)
    starts_s = shot.timing.starts_s()
    ds.NumberOfFrames = len(starts_s)
    ds.ContentQualification, ds.PresentationLUTShape = "RESEARCH", "IDENTITY"
    ds.PreferredPlaybackSequencing = 0
    ds.FrameDisplaySequence = sequence(
        item(
            StartTrim="1", StopTrim=str(len(starts_s)), SkipFrameRangeFlag="DISPLAY", RecommendedViewingMode="NAT",
            RecommendedDisplayFrameRateInFloat=15.0, DisplayFilterPercentage=0.0,
        )
    )  # fmt: skip
    ds.AcquisitionContextSequence = sequence()
    ds.PatientOrientationCodeSequence = sequence(code("102538003", "SCT", "recumbent"))
    ds.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = sequence(
        code("40199007", "SCT", "supine")
    )
    ds.PatientGantryRelationshipCodeSequence = sequence(code("102540008", "SCT", "headfirst"))
    del ds.PatientOrientation
    ds.FrameOfReferenceUID = identity.uid_for(place.seed, "frame of reference enhanced")
    ds.PositionReferenceIndicator = ""
    ds.SynchronizationFrameOfReferenceUID = identity.uid_for(place.seed, "synchronization enhanced")
    ds.SynchronizationTrigger, ds.AcquisitionTimeSynchronized = "NO TRIGGER", "N"
    ds.SharedFunctionalGroupsSequence = sequence(
        _shared_groups(shot, identity.uid_for(place.seed, "irradiation event enhanced"))
    )
    ds.PerFrameFunctionalGroupsSequence = sequence(
        *(_frame_groups(place, shot, k, float(t)) for k, t in enumerate(starts_s, start=1))
    )
    frames = [jpeg_lossless(frame, bits=8) for frame in xa_runs.shot_frames(place.seed, "enhanced")]
    return Made(ds, objects.part10(ds, transfer_syntax=objects.JPEG_LOSSLESS_SV1, frames=frames))
