"""Finding things in an object without reading its pixels: fragments, and the header's values."""

from __future__ import annotations

import io
import mmap
import struct
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.encaps import parse_fragments

from bench.codecs.case import OURS, Case
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.phantom import bench_runs

FRAGMENTS = 5000
OBJECT_BYTES = 1 << 30
SCAN_LIMIT_MS = 50.0
HEADER_LIMIT_MS = 2.0
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@lru_cache
def _headed() -> tuple[bytes, int]:
    """A bench run of one frame, and where its Pixel Data element begins."""
    _, data = bench_runs.bench_run("xa1024x60", frames=1)
    pixel_data = parse_object(data).pixel_data
    assert pixel_data is not None
    return data, pixel_data.header_offset


@lru_cache
def _sparse() -> mmap.mmap:
    """An object of 1 GB with 5000 fragments, a frame each; only headers and the codestreams' first bytes are there."""
    data, start = _headed()
    header = data[:start].replace(b"\x28\x00\x08\x00IS\x02\x001 ", b"\x28\x00\x08\x00IS\x04\x005000")
    length = (OBJECT_BYTES - len(header)) // FRAGMENTS // 2 * 2 - 8
    file = Path(tempfile.mkdtemp(prefix="fastcine-bench-")) / "sparse.dcm"
    with open(file, "w+b") as out:
        out.write(header + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + _ITEM + bytes(4))
        for _ in range(FRAGMENTS):
            out.write(_ITEM + struct.pack("<I", length) + b"\xff\xd8\xff\xc3")
            out.seek(length - 4, io.SEEK_CUR)
        out.write(_END + bytes(4))
        out.flush()
        mapped = mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ)
    file.unlink()
    file.parent.rmdir()
    return mapped


def fragments() -> Iterator[Case]:
    data = _sparse()
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)

    def ours(n: int) -> Any:
        return [span[0].offset_bytes for span in frame_spans(data, structure, layout)]

    def pydicoms(n: int) -> Any:
        assert structure.pixel_data is not None
        data.seek(structure.pixel_data.value_offset)
        # Its offsets are those of the items' headers, the first item being the offset table.
        return [offset + 8 for offset in parse_fragments(data)[1][1:]]

    expected = [pydicoms(0)]
    what = "1 GB, 5000 fragments"
    yield Case("find fragments", what, OURS, ours, expected, 0, 1, limit_ms=SCAN_LIMIT_MS)
    yield Case("find fragments", what, "pydicom", pydicoms, expected, 0, 1)


def header() -> Iterator[Case]:
    data, _ = _headed()

    def ours(n: int) -> Any:
        dataset = read_values(data, parse_object(data))
        return str(dataset.SOPInstanceUID), int(dataset.Rows), str(dataset.PatientID)

    def pydicoms(n: int) -> Any:
        dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        return str(dataset.SOPInstanceUID), int(dataset.Rows), str(dataset.PatientID)

    def pydicoms_whole(n: int) -> Any:
        dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        for _ in dataset.iterall():  # values are converted when they are asked for
            pass
        return str(dataset.SOPInstanceUID), int(dataset.Rows), str(dataset.PatientID)

    expected = [pydicoms(0)]
    yield Case("read the header", "xa1024x60", OURS, ours, expected, 0, 1, limit_ms=HEADER_LIMIT_MS)
    yield Case("read the header", "xa1024x60", "pydicom, three values", pydicoms, expected, 0, 1)
    yield Case("read the header", "xa1024x60", "pydicom, every value", pydicoms_whole, expected, 0, 1)


def cases() -> Iterator[Case]:
    yield from fragments()
    yield from header()
