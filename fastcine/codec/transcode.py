"""A stored object's data set in another transfer syntax, every sample equal: for receivers that take no other.

Lossless pixels only: what can be lossy goes out as it is stored, or not at all. The data set comes out in chunks,
frame by frame, so that memory is a few frames' whatever the object's size.
"""

from __future__ import annotations

import io
import mmap
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from fastcine.codec.color_and_loss import decoded_photometric
from fastcine.codec.decode import decode_at
from fastcine.codec.encode import DEPTHS, RLE_LOSSLESS, check_encodes, encode_frame, encoded_photometric
from fastcine.dicom.elements import ITEM, PIXEL_DATA, SEQUENCE_END, ElementSpan
from fastcine.dicom.encapsulation import EXTENDED_LENGTHS, EXTENDED_OFFSET_TABLE, FrameSpan, frame_spans
from fastcine.dicom.layout import COLOUR, ImageLayout, image_layout
from fastcine.dicom.parse import EXPLICIT_LITTLE, IMPLICIT_LITTLE, ObjectStructure, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.part10 import part10_head
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.errors import FastcineError, Unsupported

NATIVE = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
TARGETS = (*NATIVE, *DEPTHS)
"""Transfer syntaxes that are written here."""
TABLE_BYTES = 16 << 20
"""Frames of at most so many bytes are waited for, and come with a Basic Offset Table; more come without (PS3.5 A.4)."""
COPY_BYTES = 1 << 20
_MOST_BYTES = 0xFFFFFFFE
"""Of a value with a length."""
_TOTAL_LENGTH = 0x7FE00003
_WORD_BYTES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}
_ULTRASOUND = ("1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.6.1")
"""Images of these are in planes where they are YBR_FULL, which they are in RLE or plain only (PS3.3 C.8.5.6.1)."""
_SHOWN = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL")


def is_kept(transfer_syntax_uid: str) -> bool:
    """Whether objects of this transfer syntax are lossless, so that they may go out in another."""
    syntax = find_syntax(transfer_syntax_uid)
    return syntax is not None and syntax.lossless and syntax.family is not Family.REFERENCED


def becomes(stored: str, wanted: str) -> bool:
    """Whether objects in transfer syntax `stored` can go out in `wanted`, as far as the two can say."""
    return wanted in TARGETS and is_kept(stored)


@dataclass(frozen=True, slots=True)
class _Pixels:
    """What of the pixels is decoded: their layout, where the frames lie, and the colour that they come out in.

    `by_plane`: the object's kind has them in planes, where its syntax has any order.
    """

    layout: ImageLayout
    spans: tuple[FrameSpan, ...]
    photometric: str
    by_plane: bool


Coded = Callable[[int, ImageLayout, str], "bytes | None"]
"""A frame (from 0) that is coded already, with the layout and the samples' photometric interpretation; or None."""


class Transcoding:
    """One object on its way into another transfer syntax.

    `data`: its bytes, Part 10 or bare, which must stay until the chunks are taken. Raises Unsupported for what can be
    lossy, is not decoded here, or does not fit into the transfer syntax; BadDicom for pixels that are not all there.
    """

    def __init__(self, data: memoryview | mmap.mmap, wanted: str) -> None:
        self.wanted = wanted
        self._structure = structure = parse_object(data)
        if not becomes(structure.transfer_syntax_uid, wanted):
            raise Unsupported("only lossless pixels are sent in another", transfer_syntax=wanted)
        self._map = data if isinstance(data, mmap.mmap) else None
        self._buffer = structure.buffer(data)
        self._pixels = self._decoded(data)
        try:
            head, tail = self._around()
            self._allocated = int(head.get("BitsAllocated", 16) or 16)
            self._head, self._tail = self._encoded(head), self._encoded(tail)
        except FastcineError:
            raise
        except Exception as error:  # pydicom raises what its converters raise: any of a dozen types
            raise Unsupported("values that cannot be written anew", transfer_syntax=wanted) from error

    def _decoded(self, data: memoryview | mmap.mmap) -> _Pixels | None:
        """What has to be decoded; None where the pixels can be copied, or there are none."""
        structure, span = self._structure, self._structure.pixel_data
        syntax = find_syntax(structure.transfer_syntax_uid)
        copied = syntax is not None and not syntax.encapsulated and not structure.big_endian
        if self.wanted in NATIVE and (span is None or copied):
            return None
        if span is None or span.tag != PIXEL_DATA:
            raise Unsupported("there is no Pixel Data to be coded", transfer_syntax=self.wanted)
        values = read_values(data, structure)
        layout = image_layout(values, structure)
        if _has_overlay_in_pixels(values):
            raise Unsupported("overlays in unused bits of the pixels", transfer_syntax=self.wanted)
        spans = frame_spans(data, structure, layout)
        photometric = decoded_photometric([self._buffer[at : at + length] for at, length in spans[0]], layout)
        if photometric not in _SHOWN:
            raise Unsupported(f"{photometric} decoded", transfer_syntax=self.wanted)
        by_plane = photometric == "YBR_FULL" and str(values.get("SOPClassUID", "")) in _ULTRASOUND
        if by_plane and self.wanted not in (*NATIVE, RLE_LOSSLESS):
            raise Unsupported("ultrasound in YBR_FULL, which is for plain and RLE", transfer_syntax=self.wanted)
        if self.wanted not in NATIVE:
            check_encodes(layout, photometric, self.wanted)
        elif _native_bytes(layout) > _MOST_BYTES:
            raise Unsupported("more than 4 GB uncompressed", transfer_syntax=self.wanted)
        return _Pixels(layout, spans, photometric, by_plane)

    @property
    def frames(self) -> int:
        """Frames that can be had one by one; 0 where the pixels are only copied."""
        return 0 if self._pixels is None else len(self._pixels.spans)

    def frame(self, number: int, coded: Coded | None = None) -> bytes:
        """Frame `number` (from 0) as a bitstream of the wanted transfer syntax. Raises BadDicom, Unsupported."""
        assert self._pixels is not None
        layout, photometric = self._pixels.layout, self._pixels.photometric
        found = None if coded is None else coded(number, layout, photometric)
        if found is not None:
            return found
        samples = decode_at(self._buffer, self._pixels.spans, number, layout=layout)
        return encode_frame(samples, layout, photometric, self.wanted)

    def chunks(self, coded: Coded | None = None) -> Iterator[bytes]:
        """The data set (no file meta information), in pieces. Raises BadDicom for frames that do not decode."""
        yield self._head
        if self._structure.pixel_data is not None:
            if self._pixels is None:
                yield from self._copied(self._structure.pixel_data)
            elif self.wanted in NATIVE:
                yield from self._native(self._pixels)
            else:
                yield from self._encapsulated(self._pixels, coded)
        yield self._tail

    def _encoded(self, dataset: Dataset) -> bytes:
        file = DicomBytesIO()
        file.is_implicit_VR, file.is_little_endian = self.wanted == IMPLICIT_LITTLE, True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are sent on as they are
            write_dataset(file, dataset)
        return bytes(file.getvalue())

    def _around(self) -> tuple[Dataset, Dataset]:
        """The elements before and behind the pixels, as they are to be written."""
        structure, span = self._structure, self._structure.pixel_data
        start = structure.dataset_offset
        stop = max(each.end_offset for each in structure.elements.values()) if span is None else span.header_offset
        head, tail = _read(self._buffer[start:stop], structure), Dataset()
        if span is not None:
            behind = self._behind(span)
            with suppress(Exception):  # what is no element is nothing that could be sent on: pydicom raises many types
                read = _read(behind, structure)
                tail = read if all(tag > span.tag for tag in read._dict) else tail
        if structure.big_endian:
            _swap_words(head)
            _swap_words(tail)
        if structure.big_endian or structure.explicit_vr != (self.wanted != IMPLICIT_LITTLE):
            _private_as_unknown(head)
            _private_as_unknown(tail)
        if self._pixels is not None:
            _unpack_icons(head, structure.transfer_syntax_uid)
            self._describe(head, self._pixels)
        return head, tail

    def _behind(self, span: ElementSpan) -> memoryview:
        """The bytes of the elements behind the pixels."""
        if not span.undefined_length or self._pixels is None:
            later = [each for each in self._structure.elements.values() if each.header_offset > span.header_offset]
            return self._buffer[span.end_offset : max((each.end_offset for each in later), default=span.end_offset)]
        last = self._pixels.spans[-1][-1]
        place, end = last.offset_bytes + last.length_bytes, len(self._buffer)
        while place + 8 <= end:
            group, element, length = struct.unpack_from("<HHI", self._buffer, place)
            tag = group << 16 | element
            if tag != ITEM:
                return self._buffer[place + 8 :] if tag == SEQUENCE_END else self._buffer[end:]
            place += 8 + length
        return self._buffer[end:]

    def _describe(self, head: Dataset, pixels: _Pixels) -> None:
        """Say of the pixels what is true of them now."""
        layout = pixels.layout
        for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_LENGTHS, _TOTAL_LENGTH):
            head.pop(tag, None)
        head.HighBit = layout.bits_stored - 1
        if head.get("PhotometricInterpretation") in COLOUR or layout.samples_per_pixel > 1:
            head.PhotometricInterpretation = encoded_photometric(pixels.photometric, self.wanted)
        if layout.samples_per_pixel > 1:
            head.PlanarConfiguration = int(pixels.by_plane)
        if len(pixels.spans) != 1 and str(head.get("NumberOfFrames", "")) != str(len(pixels.spans)):
            head.NumberOfFrames = len(pixels.spans)

    def _copied(self, span: ElementSpan) -> Iterator[bytes]:
        vr = span.vr
        if not vr:
            vr = {0x7FE00008: "OF", 0x7FE00009: "OD"}.get(span.tag, "OW")
            if span.tag == PIXEL_DATA and self._allocated <= 8:
                vr = "OB"
        yield self._header(span.tag, vr, span.length + span.length % 2)
        for start in range(span.value_offset, span.value_offset + span.length, COPY_BYTES):
            yield bytes(self._buffer[start : min(start + COPY_BYTES, span.value_offset + span.length)])
        yield bytes(span.length % 2)

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if self.wanted == IMPLICIT_LITTLE:
            return head + struct.pack("<I", length)
        return head + vr.encode() + struct.pack("<HI", 0, length)

    def _native(self, pixels: _Pixels) -> Iterator[bytes]:
        layout = pixels.layout
        length = _native_bytes(layout)
        yield self._header(PIXEL_DATA, "OB" if layout.bits_allocated <= 8 else "OW", length + length % 2)
        frames = (decode_at(self._buffer, pixels.spans, each, layout=layout) for each in self._numbers(pixels))
        if layout.bits_allocated == 1:
            yield from _packed(frames)
        else:
            for each in frames:
                samples = np.moveaxis(each, -1, 0) if pixels.by_plane else each
                yield samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()
        yield bytes(length % 2)

    def _encapsulated(self, pixels: _Pixels, coded: Coded | None) -> Iterator[bytes]:
        yield self._header(PIXEL_DATA, "OB", 0xFFFFFFFF)
        frames = (self.frame(number, coded) for number in self._numbers(pixels))
        items = (_item(frame + bytes(len(frame) % 2)) for frame in frames)
        held, total = [], 0
        for item in items:
            held.append(item)
            total += len(item)
            if total > TABLE_BYTES:
                break
        table = b""
        if total <= TABLE_BYTES:
            ends = np.cumsum([len(item) for item in held])
            table = np.concatenate([[0], ends[:-1]]).astype("<u4").tobytes()
        yield _item(table)
        yield from held
        held.clear()
        yield from items
        yield struct.pack("<HHI", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)

    def _numbers(self, pixels: _Pixels) -> Iterator[int]:
        """Frames in order; the mapped pages of those that are done are given back."""
        for number in range(len(pixels.spans)):
            yield number
            if self._map is not None and self._structure.inflated is None and hasattr(mmap, "MADV_DONTNEED"):
                self._map.madvise(mmap.MADV_DONTNEED)


def _read(data: memoryview, structure: ObjectStructure) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        implicit, little = not structure.explicit_vr, not structure.big_endian
        found = read_dataset(io.BytesIO(data), implicit, little)
    for tag in [each for each in found._dict if each >> 16 == 0xFFFE]:  # stray delimiters are no elements
        del found._dict[tag]
    return found


def _private_as_unknown(dataset: Dataset) -> None:
    """Private values without a VR as UN (PS3.5 6.2.2), and UN as it is: a dictionary's guess may not fit the bytes."""
    for tag, element in list(dataset._dict.items()):
        if isinstance(element, RawDataElement) and element.VR in (None, "UN") and tag.is_private:
            vr = "LO" if tag.is_private_creator else "UN"
            dataset._dict[tag] = element._replace(VR=vr) if vr == "LO" else DataElement(tag, vr, element.value or b"")
        elif (element.VR or (dictionary_VR(tag) if dictionary_has_tag(tag) else "")) == "SQ":
            for item in dataset[tag].value:
                _private_as_unknown(item)


def _unpack_icons(dataset: Dataset, transfer_syntax_uid: str) -> None:
    """Encapsulated pixels inside sequences, as icons are, made plain: they are in the object's old coding."""
    for tag in list(dataset._dict):
        if dataset.get_item(tag).VR != "SQ":  # (values that are not looked at are written as they were)
            continue
        for item in dataset[tag].value:
            _unpack_icons(item, transfer_syntax_uid)
            if PIXEL_DATA in item and item[PIXEL_DATA].is_undefined_length:
                file = DicomBytesIO()
                file.is_implicit_VR, file.is_little_endian = False, True
                write_dataset(file, item)
                alone = part10_head("1.2", "1.2", transfer_syntax_uid) + file.getvalue()
                item.update(read_dataset(io.BytesIO(transcoded(memoryview(alone), EXPLICIT_LITTLE)), False, True))


def _swap_words(dataset: Dataset) -> None:
    """Words of big endian values put the other way round, which pydicom leaves as they are."""
    for element in dataset.iterall():
        size = _WORD_BYTES.get(element.VR)
        if size and isinstance(element.value, bytes) and len(element.value) % size == 0:
            element.value = np.frombuffer(element.value, f">u{size}").astype(f"<u{size}").tobytes()


def _has_overlay_in_pixels(values: Dataset) -> bool:
    """Overlay planes without data of their own lie in unused bits of the pixels (retired, PS3.3-2004 C.9.2)."""
    groups = range(0x6000, 0x6020, 2)
    return any(group << 16 | 0x0102 in values and group << 16 | 0x3000 not in values for group in groups)


def _native_bytes(layout: ImageLayout) -> int:
    bits = layout.frame_samples * layout.frames
    return (bits + 7) // 8 if layout.bits_allocated == 1 else bits * layout.bytes_per_sample


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, len(value)) + value


def _packed(frames: Iterable[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Iterator[bytes]:
    """Frames of 0 and 1 as bits, the first lowest, running on from frame to frame (PS3.5 8.1.1)."""
    left = np.empty(0, np.uint8)
    for frame in frames:
        bits = np.concatenate([left, frame.reshape(-1).view(np.uint8)])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    yield np.packbits(left, bitorder="little").tobytes()


def transcoded(data: memoryview | mmap.mmap, wanted: str) -> bytes:
    """The whole data set at once. Raises as Transcoding does."""
    return b"".join(Transcoding(data, wanted).chunks())
