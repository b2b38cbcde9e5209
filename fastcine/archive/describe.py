"""An object's bytes to its index record: the only place where archive/ looks into DICOM.

Sound but undecodable objects are described like all others (their run fails later, in words); broken ones raise
BadDicom. What has pixels must have them whole: lengths and fragments are checked here, before anybody is told "stored".
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from pydicom.uid import UID_dictionary
from pydicom.valuerep import PersonName

from fastcine.archive.digest import HEAD_BYTES, Digest
from fastcine.archive.record import IndexRecord, Kind, PatientAndStudy
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import expects_pixels, image_layout
from fastcine.dicom.parse import ObjectStructure, parse_object
from fastcine.dicom.plain_values import PlainValues
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.dicom.values import Values, integer, text
from fastcine.dicom.when import acquisition_moment, moment, parse_date, study_moment
from fastcine.errors import BadDicom, NotDicom, Unsupported

Buffer = bytes | bytearray | memoryview | mmap.mmap

MAX_UID_TEXT = 256
"""A UID has 64 characters (PS3.5 9.1); longer ones are met, but what is longer than this is damage."""
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_META_SOP_CLASS, _META_SOP_INSTANCE = 0x00020002, 0x00020003
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E


def refuse_what_is_no_dicom(head: bytes) -> None:
    """Raise NotDicom where an object's first bytes show that it is none."""
    if bytes(head[128:132]) == b"DICM":
        return
    try:
        parse_object(head[:HEAD_BYTES])
    except BadDicom:
        return  # cut off, of course: this is only the head


def describe_object(data: Buffer, *, site_timezone: str, digest: Digest) -> IndexRecord:
    """The record of one object.

    `site_timezone` is the IANA name of the zone for times that have none. `digest` makes up UIDs for objects that lack
    them. Raises NotDicom (a DICOMDIR too), and BadDicom with tag and offset.
    """
    structure = parse_object(data)
    sop_class = _meta_uid(structure, _META_SOP_CLASS)
    if sop_class == MEDIA_STORAGE_DIRECTORY:
        raise NotDicom("a directory of files (DICOMDIR), no object")
    with PlainValues(data, structure) as dataset:
        reading = _Reading(dataset, structure, ZoneInfo(site_timezone), digest)
        kind, frames = _pixels(data, dataset, structure, reading.notes, reading.uid(_SOP_CLASS, _META_SOP_CLASS))
        return reading.record(kind, frames)


@dataclass(slots=True)
class _Reading:
    """One object being described."""

    dataset: Values
    structure: ObjectStructure
    zone: tzinfo
    digest: Digest
    notes: list[str] = field(default_factory=list)

    def uid(self, tag: int, meta_tag: int = 0) -> str:
        """A UID of the data set, else of the file meta, else empty."""
        found = text(self.dataset, tag)
        if len(found) > MAX_UID_TEXT:
            raise self._bad(tag, f"a UID of {len(found)} characters")
        return found or (_meta_uid(self.structure, meta_tag) if meta_tag else "")

    def _bad(self, tag: int, reason: str) -> BadDicom:
        span = self.structure.elements.get(tag)
        return BadDicom(reason, tag=f"{tag >> 16:04X},{tag & 0xFFFF:04X}", offset=span.header_offset if span else -1)

    def _uid_or_made(self, tag: int, name: str, meta_tag: int = 0) -> str:
        """A UID that must be there; where it is not, one made from the data set's hash (PS3.5 B.2), and a note."""
        found = self.uid(tag, meta_tag)
        if found:
            return found
        if self.structure.pixel_data is None:
            raise self._bad(tag, f"no {name}")
        self.notes.append(f"no {name}: made from the data set's hash")
        seed = int.from_bytes(self.digest.data_set_sha256[:16], "big") ^ tag
        return f"2.25.{seed}"

    def record(self, kind: Kind, frames: int) -> IndexRecord:
        """All of it."""
        values = self.dataset
        sop_class = self.uid(_SOP_CLASS, _META_SOP_CLASS)
        series_description = text(values, 0x0008103E) or text(values, 0x00181030)
        if not self.structure.is_part10:
            self.notes.append("a bare data set, without file meta information")
        return IndexRecord(
            patient_and_study=self._patient_and_study(),
            series_instance_uid=self._uid_or_made(_SERIES, "Series Instance UID"),
            sop_instance_uid=self._uid_or_made(_SOP_INSTANCE, "SOP Instance UID", _META_SOP_INSTANCE),
            sop_class_uid=sop_class,
            transfer_syntax_uid=self.structure.transfer_syntax_uid,
            modality=text(values, 0x00080060),
            series_number=integer(values, 0x00200011),
            series_description=series_description,
            series_datetime=moment(values, pair=(0x00080021, 0x00080031), site_timezone=self.zone),
            instance_number=integer(values, 0x00200013),
            acquired=acquisition_moment(values, site_timezone=self.zone),
            kind=kind,
            frames=frames,
            rows=integer(values, 0x00280010) or 0 if kind != "other" else 0,
            columns=integer(values, 0x00280011) or 0 if kind != "other" else 0,
            label=series_description if kind != "other" else _label(sop_class, text(values, 0x00080060)),
            notes=tuple(self.notes),
        )

    def _patient_and_study(self) -> PatientAndStudy:
        values = self.dataset
        alphabetic, ideographic, phonetic = _name(values, 0x00100010)
        born = parse_date(text(values, 0x00100030))
        when = study_moment(values, site_timezone=self.zone)
        date_text = ""
        if when is not None:
            date_text = when.strftime("%Y-%m-%d %H:%M" if text(values, 0x00080030) else "%Y-%m-%d")
        return PatientAndStudy(
            study_instance_uid=self._uid_or_made(_STUDY, "Study Instance UID"),
            patient_id=text(values, 0x00100020),
            issuer_of_patient_id=text(values, 0x00100021),
            patient_name=alphabetic,
            patient_name_ideographic=ideographic,
            patient_name_phonetic=phonetic,
            birth_date=born.isoformat() if born else "",
            sex=text(values, 0x00100040),
            study_datetime=when,
            study_date_text=date_text,
            description=text(values, 0x00081030),
            accession_number=text(values, 0x00080050),
            study_id=text(values, 0x00200010),
            referring_physician_name=_name(values, 0x00080090)[0],
            institution_name=text(values, 0x00080080),
        )


def _meta_uid(structure: ObjectStructure, tag: int) -> str:
    found = structure.file_meta.get(tag, b"").strip(b"\0 ").decode("ascii", "replace")
    return found if len(found) <= MAX_UID_TEXT else ""


def _pixels(
    data: Buffer, dataset: Values, structure: ObjectStructure, notes: list[str], sop_class: str
) -> tuple[Kind, int]:
    """Kind and number of frames, after checking that the pixels which must be there are there."""
    syntax = find_syntax(structure.transfer_syntax_uid)
    if syntax is None:
        place = bytes(data[:HEAD_BYTES]).find(b"\x02\x00\x10\x00")
        raise BadDicom(f"unknown transfer syntax {structure.transfer_syntax_uid[:64]}", tag="0002,0010", offset=place)
    if structure.pixel_data is None:
        if syntax.family is Family.REFERENCED:
            notes.append(f"pixels elsewhere: {syntax.name}")
        elif _is_image_class(sop_class) or expects_pixels(dataset):
            raise BadDicom("no pixel data in an image", tag="7FE0,0010", offset=len(data))
        return "other", 0
    try:
        layout = image_layout(dataset, structure)
        frame_spans(data, structure, layout)
        notes.extend(layout.notes)
        frames = layout.frames
    except Unsupported as error:
        notes.append(str(error))
        frames = max(1, integer(dataset, 0x00280008) or 1)
    return ("run" if frames > 1 else "still"), frames


@lru_cache(maxsize=512)
def _class_name(sop_class: str) -> str:
    """PS3.6's name of a SOP class, empty for unknown and private ones."""
    entry = UID_dictionary.get(sop_class)
    return str(entry[0]) if entry else ""


def _is_image_class(sop_class: str) -> bool:
    """Classes whose IOD holds the Image Pixel module: PS3.4 B.5 names them "… Image Storage …"."""
    return "Image Storage" in _class_name(sop_class)


def _label(sop_class: str, modality: str) -> str:
    """What the tile of an object without pixels says."""
    name = _class_name(sop_class).split(" Storage")[0]
    if name.endswith(" SR") or modality == "SR":
        return f"Report ({name or 'SR'})" if not name.endswith("Text SR") else "Report (SR)"
    return name or modality or "Object"


def _name(values: Values, tag: int) -> tuple[str, str, str]:
    """A person name's component groups: alphabetic, ideographic, phonetic (PS3.5 6.2.1), of the first value."""
    element = values.get(tag)
    value = element.value if element is not None else None
    if value is not None and not isinstance(value, str | bytes | PersonName) and len(value):
        value = value[0]
    if isinstance(value, PersonName):
        groups = (str(value.alphabetic), str(value.ideographic), str(value.phonetic))
    else:
        parts = (text(values, tag) + "==").split("=")
        groups = (parts[0], parts[1], parts[2])
    return groups[0].strip(" ^\0"), groups[1].strip(" ^\0"), groups[2].strip(" ^\0")
