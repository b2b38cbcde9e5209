"""What a client accepts (PS3.18 8.7; RFC 9110 12.5.1), and what is served for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fastcine.codec.transcode import becomes
from fastcine.dicom.parse import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from fastcine.dicom.syntaxes import find_syntax

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
OCTETS = "application/octet-stream"
MULTIPART = "multipart/related"

_PARAMETER = re.compile(r';\s*([!#$%&\'*+.^_`|~\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)')
_PREFIX = "1.2.840.10008.1.2"
_MEDIA_TYPES: dict[str, tuple[str, ...]] = {
    "image/jpeg": (".4.70", ".4.50", ".4.51", ".4.57"),
    "image/dicom-rle": (".5",),
    "image/jls": (".4.80", ".4.81"),
    "image/jp2": (".4.90", ".4.91"),
    "image/jpx": (".4.92", ".4.93"),
    "image/jphc": (".4.201", ".4.202", ".4.203"),
    "image/jxl": (".4.110", ".4.111", ".4.112"),
    "video/mpeg": (".4.100", ".4.100.1", ".4.101", ".4.101.1"),
    "video/mp4": (".4.102", ".4.102.1", ".4.103", ".4.103.1", ".4.104", ".4.104.1", ".4.105", ".4.105.1",
                  ".4.106", ".4.106.1"),
    "video/H265": (".4.107", ".4.108"),
}  # fmt: skip
"""PS3.18 table 8.7.3-5, the default transfer syntax of each first."""
MEDIA_TYPE_OF = {_PREFIX + suffix: media for media, suffixes in _MEDIA_TYPES.items() for suffix in suffixes}
_CODED_AS = {media: _PREFIX + suffixes[0] for media, suffixes in _MEDIA_TYPES.items()}
"""What is meant by a media type alone."""


def default_syntax(media_type: str) -> str:
    """The transfer syntax that is meant by a media type of pixels alone; empty for others."""
    return _CODED_AS.get(media_type, "")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of an Accept header. `parameters` are lower case by name, without `q`."""

    media_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def part_type(self) -> str:
        """The type of the parts: of a multipart range its `type`, else the range's own."""
        return self.parameters.get("type", "").lower() if self.media_type == MULTIPART else self.media_type

    @property
    def multipart(self) -> bool:
        """Whether the answer comes in parts."""
        return self.media_type in (MULTIPART, "multipart/*", "*/*")

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax asked for, `*` for any, empty where it is not said."""
        return self.parameters.get("transfer-syntax", "")


def parse_accept(*texts: str) -> list[MediaRange]:
    """The ranges of Accept headers or `accept` parameters, the most wanted first; without what is refused (q=0)."""
    found = []
    for text in texts:
        for entry in _entries(text):
            media_type, _, _ = entry.partition(";")
            parameters = {name.lower(): _unquoted(value) for name, value in _PARAMETER.findall(entry)}
            quality = _quality(parameters.pop("q", "1"))
            if media_type.strip() and quality > 0:
                found.append(MediaRange(media_type.strip().lower(), parameters, quality))
    return sorted(found, key=lambda each: -each.quality)


def _entries(text: str) -> list[str]:
    """Split at commas that are not quoted."""
    return [entry.strip() for entry in re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text)]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') and value.endswith('"') else value


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def wants_json(ranges: Sequence[MediaRange]) -> bool:
    """Whether DICOM JSON answers it."""
    return not ranges or any(each.media_type in (DICOM_JSON, JSON, "application/*", "*/*") for each in ranges)


@dataclass(frozen=True, slots=True)
class Form:
    """How frames or objects are answered: as stored, or decoded; in parts or alone."""

    media_type: str
    transfer_syntax: str
    multipart: bool
    as_stored: bool


def object_forms(ranges: Sequence[MediaRange], stored: str) -> list[Form]:
    """How an object in transfer syntax `stored` may be answered, the best first; none: not acceptable (406).

    Implicit VR and big endian are no syntaxes of the web (PS3.18 8.7.3.5): such objects go out as stored or explicit.
    """
    return _best_first((each, _object_form(each, stored)) for each in ranges or (_OBJECTS,))


def frame_forms(ranges: Sequence[MediaRange], stored: str) -> list[Form]:
    """How frames stored in transfer syntax `stored` may be answered, the best first; none: not acceptable (406)."""
    return _best_first((each, _frame_form(each, stored)) for each in ranges or (_STORED_FRAMES,))


def _best_first(pairs: Iterable[tuple[MediaRange, Form | None]]) -> list[Form]:
    """By the client's wish; of what it likes as well, what is stored."""
    found = [(each.quality, form) for each, form in pairs if form is not None]
    return [form for _, form in sorted(found, key=lambda pair: (-pair[0], not pair[1].as_stored))]


def _object_form(each: MediaRange, stored: str) -> Form | None:
    if each.part_type not in (DICOM, "", "*/*", "application/*"):
        return None
    wanted = each.transfer_syntax
    if wanted in ("", "*", stored):
        # Without a word about it, it is the stored one here: the standard's default (Explicit VR Little Endian)
        # would unpack every loop for clients that do not care.
        return Form(DICOM, stored, each.multipart, as_stored=True)
    if wanted != IMPLICIT_LITTLE and becomes(stored, wanted):
        return Form(DICOM, wanted, each.multipart, as_stored=False)
    return None


_OBJECTS = MediaRange(MULTIPART, {"type": DICOM})
_STORED_FRAMES = MediaRange(MULTIPART, {"type": OCTETS, "transfer-syntax": "*"})


def _frame_form(each: MediaRange, stored: str) -> Form | None:
    syntax = find_syntax(stored)
    own = MEDIA_TYPE_OF.get(stored, OCTETS)
    native = syntax is not None and not syntax.encapsulated
    wanted, part = each.transfer_syntax, each.part_type
    if wanted in ("*", stored) and part in (own, OCTETS, "", "*/*", "image/*"):
        return Form(own, stored, each.multipart, as_stored=not native)
    if part == own and own != OCTETS and (not wanted or wanted == stored):
        return Form(own, stored, each.multipart, as_stored=True)
    if part in ("", "*/*") and not wanted:
        return Form(own, stored, each.multipart, as_stored=not native)
    if part == OCTETS and wanted in ("", EXPLICIT_LITTLE) and syntax is not None and not syntax.video:
        return Form(OCTETS, EXPLICIT_LITTLE, each.multipart, as_stored=False)
    coded = wanted or default_syntax(part)
    if MEDIA_TYPE_OF.get(coded) == part and becomes(stored, coded):
        return Form(part, coded, each.multipart, as_stored=False)
    return None
