"""Look-up tables: Modality, VOI and palette, segmented too (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from fastcine.dicom.values import integers, text

_DESCRIPTOR, _DATA, _EXPLANATION = 0x00283002, 0x00283006, 0x00283003
_RED, _GREEN, _BLUE = range(3)
_MAX_ENTRIES = 65536


@dataclass(frozen=True, slots=True, eq=False)
class LookUpTable:
    """Output for each input from ``first`` on: ``entries`` are uint16, of ``bits`` significant bits.

    Inputs below ``first`` take the first entry, beyond the end the last.
    """

    first: int
    bits: int
    entries: NDArray[np.uint16]
    explanation: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Colours for each index from ``first`` on: three arrays of one length, uint8 for 8 ``bits``, else uint16."""

    first: int
    bits: int
    red: NDArray[np.unsignedinteger]
    green: NDArray[np.unsignedinteger]
    blue: NDArray[np.unsignedinteger]


def read_lut(item: Dataset, *, big_endian: bool) -> LookUpTable | None:
    """The table of one item of a Modality or VOI LUT Sequence; None when it is damaged."""
    descriptor = integers(item, _DESCRIPTOR)
    if len(descriptor) != 3:
        return None
    length, first, bits = descriptor[0] & 0xFFFF or _MAX_ENTRIES, descriptor[1], descriptor[2] & 0xFFFF
    entries = _entries(item, _DATA, length, big_endian=big_endian)
    if entries is None or not 1 <= bits <= 16:
        return None
    return LookUpTable(first, bits, entries, text(item, _EXPLANATION))


def read_palette(dataset: Dataset, *, big_endian: bool) -> Palette | None:
    """The palette of a PALETTE COLOR image; None when it is missing or damaged."""
    channels = []
    first, bits = 0, 16
    for channel in (_RED, _GREEN, _BLUE):
        descriptor = integers(dataset, 0x00281101 + channel)
        if len(descriptor) != 3:
            return None
        length, first, bits = descriptor[0] & 0xFFFF or _MAX_ENTRIES, descriptor[1], descriptor[2] & 0xFFFF
        entries = _entries(dataset, 0x00281201 + channel, length, big_endian=big_endian)
        if entries is None:
            entries = _segmented(dataset, 0x00281221 + channel, length, bits, big_endian=big_endian)
        if entries is None or bits not in (8, 16):
            return None
        channels.append(entries)
    if len({len(entries) for entries in channels}) != 1:
        return None
    if bits == 16 and max(int(entries.max()) for entries in channels) <= 0xFF:
        bits = 8  # met in the wild: 8-bit colours announced as 16 bits, which would show black
    kind: type[np.unsignedinteger] = np.uint8 if bits == 8 else np.uint16
    red, green, blue = (entries.astype(kind) for entries in channels)
    return Palette(first, bits, red, green, blue)


def _entries(dataset: Dataset, tag: int, length: int, *, big_endian: bool) -> NDArray[np.uint16] | None:
    """LUT data, whichever VR and packing: words, or bytes where the value is half as long as words would be."""
    element = dataset.get(tag)
    if element is None or element.value is None:
        return None
    value = element.value
    if not isinstance(value, bytes):
        numbers = [number & 0xFFFF for number in integers(dataset, tag)]
        return np.array(numbers[:length], np.uint16) if len(numbers) >= length else None
    if len(value) >= 2 * length:
        return np.frombuffer(value, ">u2" if big_endian else "<u2", length).astype(np.uint16)
    if len(value) >= length:
        # Bytes; written as words they are swapped in pairs in a big-endian file.
        packed = np.frombuffer(value, np.uint8, len(value) - len(value) % 2 if big_endian else length)
        if big_endian and element.VR == "OW":
            packed = packed.reshape(-1, 2)[:, ::-1].reshape(-1)
        return packed[:length].astype(np.uint16) if len(packed) >= length else None
    return None


def _segmented(dataset: Dataset, tag: int, length: int, bits: int, *, big_endian: bool) -> NDArray[np.uint16] | None:
    element = dataset.get(tag)
    value = element.value if element is not None else None
    if not isinstance(value, bytes):
        return None
    kind = "u1" if bits == 8 else (">u2" if big_endian else "<u2")
    usable = len(value) // np.dtype(kind).itemsize * np.dtype(kind).itemsize
    out = expand_segments(np.frombuffer(value[:usable], kind).astype(np.int64), length)
    return None if out is None else out.astype(np.uint16)


def expand_segments(words: NDArray[np.int64], length: int) -> NDArray[np.int64] | None:
    """Expand segmented palette data to ``length`` entries (PS3.3 C.7.9.2); None when it is damaged.

    Segments: 0 n values…; 1 n end (a line of n entries to ``end``, from the entry before); 2 n low high (n segments
    again, from that byte offset counted in words).
    """
    out: list[int] = []
    if not _expand(words, 0, len(words), length, out=out, segments=-1) or len(out) < length:
        return None
    return np.array(out[:length], np.int64)


def _expand(
    words: NDArray[np.int64], start: int, end: int, length: int, *, out: list[int], segments: int, nested: bool = False
) -> bool:
    position = start
    while position + 1 < end and segments != 0 and len(out) < length:
        kind, count = int(words[position]), int(words[position + 1])
        position += 2
        if count == 0:
            return False  # each segment has to yield something, or the work would be unbounded
        if kind == 0:
            out.extend(int(word) for word in words[position : min(position + count, end)])
            position += count
        elif kind == 1 and out and position < end:
            last, target = out[-1], int(words[position])
            out.extend(round(last + (target - last) * step / count) for step in range(1, count + 1))
            position += 1
        elif kind == 2 and not nested and position + 1 < end:
            offset = int(words[position]) | int(words[position + 1]) << 16
            # Indirect segments may not nest, which also bounds the work.
            if not _expand(words, offset, end, length, out=out, segments=count, nested=True):
                return False
            position += 2
        else:
            return False
        segments -= 1
    return True
