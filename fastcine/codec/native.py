"""An object's data set in a native little endian transfer syntax: for receivers that take no other. Lossless only."""

from __future__ import annotations

import io
import warnings

import pydicom
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastcine.codec.decode import decode_at
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import EXPLICIT_BIG, parse_object
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.errors import Unsupported

_DECODED_AS = {"YBR_RCT": "RGB", "YBR_FULL_422": "YBR_FULL"}
"""What the samples are once a codec has undone its own transform (PS3.3 C.7.6.3.1.2, PS3.5 8.2)."""


def becomes_native(transfer_syntax_uid: str) -> bool:
    """Whether `native_data_set` can make a native data set of this transfer syntax without loss."""
    syntax = find_syntax(transfer_syntax_uid)
    return syntax is not None and syntax.lossless and syntax.family is not Family.REFERENCED


def native_data_set(data: memoryview, transfer_syntax_uid: str, *, explicit: bool) -> bytes:
    """The data set (no file meta) of an object in Explicit or Implicit VR Little Endian, every sample as it is stored.

    `data`: the object's bytes, Part 10 or bare. Memory is about three times the decoded pixels. Raises Unsupported
    for what can be lossy or is not decoded here, BadDicom for damaged pixels.
    """
    if not becomes_native(transfer_syntax_uid):
        raise Unsupported("only lossless pixels are sent uncompressed", transfer_syntax=transfer_syntax_uid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values are sent on as they are
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        syntax = find_syntax(transfer_syntax_uid)
        encapsulated = syntax is not None and syntax.encapsulated
        if "PixelData" in dataset and (encapsulated or transfer_syntax_uid == EXPLICIT_BIG):
            _put_native_pixels(dataset, data)
        return _encoded(dataset, explicit=explicit)


def _put_native_pixels(dataset: Dataset, data: memoryview) -> None:
    structure = parse_object(data)
    layout = image_layout(dataset, structure)
    spans = frame_spans(data, structure, layout)
    pixels = b"".join(decode_at(data, spans, frame, layout=layout).tobytes() for frame in range(len(spans)))
    element = dataset["PixelData"]
    element.VR = "OB" if layout.bytes_per_sample == 1 else "OW"
    element.value = pixels + b"\0" * (len(pixels) % 2)
    element.is_undefined_length = False
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]
    if layout.samples_per_pixel > 1:
        dataset.PlanarConfiguration = 0
        written = str(dataset.PhotometricInterpretation)
        dataset.PhotometricInterpretation = _DECODED_AS.get(written, written)


def _encoded(dataset: Dataset, *, explicit: bool) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = not explicit, True
    write_dataset(file, dataset)
    return bytes(file.getvalue())
