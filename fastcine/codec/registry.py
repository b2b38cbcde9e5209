"""Which transfer syntax is decoded by what, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from fastcine.codec import fallback, video
from fastcine.dicom.syntaxes import SYNTAXES, Family, TransferSyntax, find_syntax
from fastcine.errors import Unsupported

#: What decodes each family. The names are for people (``fastcine inspect --syntaxes``).
_DECODERS: dict[Family, str] = {
    Family.NATIVE: "numpy",
    Family.ENCAPSULATED_NATIVE: "numpy",
    Family.DEFLATED_FRAMES: "zlib",
    Family.RLE: "fastcine",
    Family.JPEG: "imagecodecs, libjpeg-turbo",
    Family.JPEG_LOSSLESS: "fastcine; imagecodecs, libjpeg-turbo for odd sampling",
    Family.JPEG_LS: "imagecodecs, CharLS",
    Family.JPEG_2000: "imagecodecs, OpenJPEG",
    Family.HTJ2K: "imagecodecs, OpenJPH",
    Family.JPEG_XL: "imagecodecs, libjxl",
    Family.VIDEO: "PyAV, FFmpeg",
}

_WHY_NOT: dict[Family, str] = {
    Family.REFERENCED: "the pixels are not in the object but on another server",
}
_CODECS: dict[Family, fallback.Codec] = {Family.JPEG_2000: "JPEG2K", Family.HTJ2K: "HTJ2K"}
_MULTI_COMPONENT = ("1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93")


@dataclass(frozen=True, slots=True)
class SyntaxRow:
    """One row of the table of transfer syntaxes: ``decoder`` is empty where ``reason`` says why nothing decodes it."""

    syntax: TransferSyntax
    decoder: str
    reason: str


def decoder_family(transfer_syntax_uid: str) -> Family:
    """The family that decodes this transfer syntax; raises Unsupported, naming it, where nothing does."""
    syntax = find_syntax(transfer_syntax_uid)
    if syntax is None:
        raise Unsupported("unknown transfer syntax", transfer_syntax=transfer_syntax_uid)
    row = _row(syntax)
    if row.reason:
        raise Unsupported(row.reason, transfer_syntax=transfer_syntax_uid)
    return syntax.family


def syntax_table() -> tuple[SyntaxRow, ...]:
    """Every known transfer syntax with what decodes it or why nothing does, in UID order of PS3.6."""
    return tuple(_row(syntax) for syntax in SYNTAXES.values())


def _row(syntax: TransferSyntax) -> SyntaxRow:
    if syntax.uid in _MULTI_COMPONENT:
        return SyntaxRow(syntax, "", "JPEG 2000 Part 2 couples components across frames; no decoder does that")
    decoder, reason = _DECODERS.get(syntax.family, ""), _WHY_NOT.get(syntax.family, "")
    codec = _CODECS.get(syntax.family)
    if codec is not None and fallback.needed(codec):
        decoder, reason = fallback.DECODER, "" if fallback.installed() else fallback.NEEDS_OPENJPEG
    if syntax.video and not video.installed():
        reason = video.NEEDS_PYAV
    return SyntaxRow(syntax, "" if reason else decoder, reason)
