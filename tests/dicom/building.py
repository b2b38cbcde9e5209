"""Small DICOM objects, sound and broken, byte by byte; and the corpus of real ones."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.parse import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"}
UNDEFINED = 0xFFFFFFFF
PIXELS = 0x7FE00010


def element(
    tag: int, vr: str, value: bytes, *, explicit: bool = True, big: bool = False, length: int | None = None
) -> bytes:
    """One element; ``length`` lies about the value's."""
    order = ">" if big else "<"
    length = len(value) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    code = vr.encode()
    if not explicit:
        return head + struct.pack(order + "I", length) + value
    if code in LONG:
        return head + code + struct.pack(order + "HI", 0, length) + value
    return head + code + struct.pack(order + "H", length) + value


def short(number: int, *, big: bool = False) -> bytes:
    return struct.pack(">H" if big else "<H", number)


def item(value: bytes, *, length: int | None = None, tag: int = 0xFFFEE000, big: bool = False) -> bytes:
    return element(tag, "", value, explicit=False, big=big, length=length)


def encapsulated(fragments: Iterable[bytes], *, table: Sequence[int] = (), closed: bool = True) -> bytes:
    """Pixel Data of fragments, the offset table first."""
    value = item(struct.pack(f"<{len(table)}I", *table)) + b"".join(item(fragment) for fragment in fragments)
    if closed:
        value += item(b"", tag=0xFFFEE0DD)
    return element(PIXELS, "OB", value, length=UNDEFINED)


def part10(data_set: bytes, syntax: str = EXPLICIT_LITTLE) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = element(0x00020010, "UI", uid)
    return b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + data_set


def image_elements(
    *,
    rows: int = 4,
    columns: int = 6,
    samples: int = 1,
    allocated: int = 8,
    stored: int | None = None,
    high: int | None = None,
    signed: int = 0,
    photometric: str = "MONOCHROME2",
    frames: str | None = None,
    planar: int | None = None,
    explicit: bool = True,
    big: bool = False,
) -> bytes:
    """Everything of an image but its pixels."""
    stored = allocated if stored is None else stored
    high = stored - 1 if high is None else high

    def us(tag: int, value: int) -> bytes:
        return element(tag, "US", short(value, big=big), explicit=explicit, big=big)

    def words(tag: int, vr: str, value: str) -> bytes:
        return element(tag, vr, (value + " " * (len(value) % 2)).encode(), explicit=explicit, big=big)

    parts = [words(0x00080018, "UI", "1.2.3\0"), words(0x00080060, "CS", "XA"), us(0x00280002, samples)]
    parts.append(words(0x00280004, "CS", photometric))
    if planar is not None:
        parts.append(us(0x00280006, planar))
    if frames is not None:
        parts.append(words(0x00280008, "IS", frames))
    parts += [us(0x00280010, rows), us(0x00280011, columns), us(0x00280100, allocated), us(0x00280101, stored)]
    parts += [us(0x00280102, high), us(0x00280103, signed)]
    return b"".join(parts)


def image(pixels: bytes, *, syntax: str = EXPLICIT_LITTLE, vr: str = "OW", **layout: object) -> bytes:
    """A Part 10 image with native pixels."""
    explicit, big = syntax != IMPLICIT_LITTLE, syntax == EXPLICIT_BIG
    head = image_elements(explicit=explicit, big=big, **layout)  # type: ignore[arg-type]
    return part10(head + element(PIXELS, vr, pixels, explicit=explicit, big=big), syntax)


def make_layout(**changes: object) -> ImageLayout:
    """A layout of 8-bit grey frames, with changes."""
    values: dict[str, object] = {
        "rows": 4,
        "columns": 6,
        "frames": 1,
        "samples_per_pixel": 1,
        "bits_allocated": 8,
        "bits_stored": 8,
        "high_bit": 7,
        "signed": False,
        "photometric_interpretation": "MONOCHROME2",
        "planar_configuration": 0,
        "transfer_syntax_uid": EXPLICIT_LITTLE,
        "sample_kind": "uint",
        "bytes_per_sample": 1,
    }
    return ImageLayout(**(values | changes))  # type: ignore[arg-type]


def corpus_root() -> Path | None:
    """The folder of real files, where FASTCINE_CORPUS names one."""
    folder = os.environ.get("FASTCINE_CORPUS", "")
    return Path(folder) if folder and (Path(folder) / "MANIFEST.tsv").is_file() else None


def corpus_files(prefix: str = "") -> list[object]:
    """Paths of the manifest as pytest parameters; one skipped parameter where there is no corpus."""
    root = corpus_root()
    if root is None:
        reason = "FASTCINE_CORPUS does not name a folder with a MANIFEST.tsv"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no corpus")]
    lines = (root / "MANIFEST.tsv").read_text("utf-8").splitlines()[1:]
    names = [line.split("\t")[0] for line in lines]
    return [pytest.param(root / name, id=name) for name in names if name.startswith(prefix)]


def corpus_file(name: str) -> bytes:
    """The bytes of one corpus file; skips the test where there is no corpus."""
    root = corpus_root()
    if root is None:
        pytest.skip("FASTCINE_CORPUS does not name a folder with a MANIFEST.tsv")
    return (root / name).read_bytes()
