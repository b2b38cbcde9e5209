"""Data sets of the phantom: the modules every object has, and Part 10 bytes out of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence

from fastcine.phantom import identity

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"


@dataclass(frozen=True, slots=True)
class Study:
    """One study of the patient. ``what`` names it: its UID, and those of its series, derive from it."""

    what: str
    study_id: str
    description: str
    accession_number: str
    start: datetime
    age: str


ANGIOGRAPHY = Study("study", "1", "Coronary angiography", "A1", datetime(2026, 3, 1, 9, 15), "064Y")
STRESS_ECHO = Study("stress", "2", "Stress echocardiography", "A2", datetime(2026, 2, 25, 14, 0), "064Y")
PRIOR = Study("prior", "3", "Coronary angiography", "A3", datetime(2024, 11, 18, 8, 30), "063Y")
"""The patient's studies; the first is the newest."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands in the study.

    ``what`` names it (its UIDs derive from it), ``series`` and ``instance`` number it, ``minute`` is the time after
    the study's start at which it was acquired.
    """

    seed: int
    what: str
    series: int
    instance: int
    series_description: str
    modality: str
    minute: float
    study: Study = ANGIOGRAPHY


@dataclass(frozen=True, slots=True)
class Made:
    """One finished object: its data set and its Part 10 bytes."""

    dataset: Dataset
    data: bytes


Maker = Callable[[Place], Made]
"""Makes one object of the study."""


def item(**elements: object) -> Dataset:
    """A sequence item with these keywords."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def sequence(*items: Dataset) -> DicomSequence:
    """A sequence of items."""
    return DicomSequence(items)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded entry (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def acquired_at(place: Place) -> datetime:
    """When the object was acquired, in the study's own time zone."""
    return place.study.start + timedelta(minutes=place.minute)


def sop_instance_uid(place: Place) -> str:
    """The object's SOP Instance UID."""
    return identity.uid_for(place.seed, f"object {place.what}")


def study_instance_uid(place: Place) -> str:
    """The UID of the object's study."""
    return identity.uid_for(place.seed, place.study.what)


def series_instance_uid(place: Place) -> str:
    """The UID of the object's series."""
    named = "" if place.study == ANGIOGRAPHY else f"{place.study.what} "
    return identity.uid_for(place.seed, f"{named}series {place.series}")


def study_dataset(place: Place, *, sop_class_uid: str) -> Dataset:
    """Patient, study, series, equipment and SOP Common (PS3.3 C.7.1 to C.7.5, C.12.1): what is no picture has too."""
    moment, study = acquired_at(place), place.study
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.InstanceCreationDate, ds.InstanceCreationTime = date, time
    ds.InstanceCreatorUID = identity.IMPLEMENTATION_UID
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, sop_instance_uid(place)
    ds.StudyDate, ds.StudyTime = study.start.strftime("%Y%m%d"), study.start.strftime("%H%M%S")
    ds.SeriesDate, ds.SeriesTime = date, time
    ds.AccessionNumber = study.accession_number
    ds.Modality = place.modality
    ds.Manufacturer = "fastcine"
    ds.InstitutionName = "Phantom Hospital"
    ds.ReferringPhysicianName = "Referrer^Rita"
    ds.TimezoneOffsetFromUTC = identity.UTC_OFFSET
    ds.StudyDescription = study.description
    ds.SeriesDescription = place.series_description
    ds.PerformingPhysicianName = "Operator^Otto"
    ds.ManufacturerModelName = "Phantom"
    ds.PatientName, ds.PatientID = identity.PATIENT_NAME, identity.patient_id(place.seed)
    ds.PatientBirthDate, ds.PatientSex = identity.BIRTH_DATE, identity.SEX
    ds.PatientAge, ds.PatientSize, ds.PatientWeight = study.age, "1.68", "66"
    ds.PatientComments = identity.COMMENT
    ds.DeviceSerialNumber = "1"
    ds.SoftwareVersions = "1"
    ds.StudyInstanceUID = study_instance_uid(place)
    ds.SeriesInstanceUID = series_instance_uid(place)
    ds.StudyID, ds.SeriesNumber = study.study_id, place.series
    ds.InstanceNumber = place.instance
    return ds


def base_dataset(place: Place, *, sop_class_uid: str, image_type: Sequence[str]) -> Dataset:
    """`study_dataset` with general image and acquisition time (PS3.3 C.7.6.1)."""
    moment = acquired_at(place)
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    ds = study_dataset(place, sop_class_uid=sop_class_uid)
    ds.ImageType = list(image_type)
    ds.AcquisitionDate, ds.AcquisitionTime = date, time
    ds.AcquisitionDateTime = f"{date}{time}{identity.UTC_OFFSET}"
    ds.ContentDate, ds.ContentTime = date, time
    ds.ProtocolName = place.series_description
    ds.AcquisitionNumber = place.instance
    ds.PatientOrientation = ""
    ds.ImageComments = identity.COMMENT
    # YES would mean "sufficient to identify the patient and date" (PS3.3 C.7.6.1), which PHANTOM is not.
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    return ds


def set_gray_pixels(ds: Dataset, *, rows: int, columns: int, bits: int) -> None:
    """Image Pixel module of an unsigned MONOCHROME2 image (PS3.3 C.7.6.3)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = 8 if bits == 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, 0


def set_color_pixels(ds: Dataset, *, rows: int, columns: int, photometric: str) -> None:
    """Image Pixel module of an 8-bit colour image, colour by pixel."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, photometric
    ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0


def decimal(value: float) -> str:
    """A DS value: the shortest text that says ``value`` in at most 16 characters."""
    text = f"{value:.10g}"
    return text if len(text) <= 16 else f"{value:.8g}"


def part10(ds: Dataset, *, transfer_syntax: str, frames: Sequence[bytes]) -> bytes:
    """The Part 10 file of ``ds`` with these frames, joined (explicit little endian) or encapsulated, one fragment each.

    The Basic Offset Table is filled. ``ds`` receives Pixel Data.
    """
    if transfer_syntax == EXPLICIT_LITTLE:
        ds.PixelData = b"".join(frames)
        if len(ds.PixelData) % 2:
            ds.PixelData += b"\0"
    else:
        ds.PixelData = encapsulate(list(frames))
        ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 and transfer_syntax == EXPLICIT_LITTLE else "OB"
    return part10_of(ds, transfer_syntax=transfer_syntax)


def part10_of(ds: Dataset, *, transfer_syntax: str = EXPLICIT_LITTLE) -> bytes:
    """The Part 10 file of ``ds`` as it is."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = identity.IMPLEMENTATION_UID
    meta.ImplementationVersionName = identity.IMPLEMENTATION_VERSION
    ds.file_meta = meta
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()
