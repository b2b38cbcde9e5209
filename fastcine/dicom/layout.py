"""What the pixels of an object look like: sizes, depths, colour (PS3.3 C.7.6.3), checked against what is there.

Contradictions that leave one sound reading are tolerated and noted (``ImageLayout.notes``); the others raise BadDicom
with the tag and where it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from fastcine.dicom.elements import PIXEL_DATA, tag_text
from fastcine.dicom.parse import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, ObjectStructure
from fastcine.dicom.syntaxes import find_syntax
from fastcine.dicom.values import Values
from fastcine.errors import BadDicom, Unsupported

#: One decoded frame may not be larger: four times the largest mammogram, and what a length field can lie up to.
MAX_FRAME_BYTES = 1 << 28
#: At 60 frames a second this is four hours.
MAX_FRAMES = 1_000_000
#: What int() takes as well: it knows fewer spaces than a pattern does that is not ASCII's.
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,20}\s*", re.ASCII)

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422", "XYB")
#: Two chroma samples for two pixels, where pixels are native (PS3.3 C.7.6.3.1.2; the second is retired).
_HALVED = ("YBR_FULL_422", "YBR_PARTIAL_422")
_RETIRED = ("HSV", "ARGB", "CMYK")

_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_ROWS, _COLUMNS = 0x00280010, 0x00280011
_ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """The pixels of one object.

    ``bytes_per_sample`` is that of the decoded array (1, 2, 4 or 8, from Bits Allocated). ``chroma_halved``: native
    YBR_FULL_422 or YBR_PARTIAL_422, two chroma samples for two pixels. ``words_swapped``: 8-bit samples in big-endian
    16-bit words.
    """

    rows: int
    columns: int
    frames: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric_interpretation: str
    planar_configuration: int
    transfer_syntax_uid: str
    sample_kind: Literal["uint", "int", "float"]
    bytes_per_sample: int
    big_endian: bool = False
    chroma_halved: bool = False
    words_swapped: bool = False
    notes: tuple[str, ...] = ()

    @property
    def frame_samples(self) -> int:
        """Samples in one decoded frame."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def low_bit(self) -> int:
        """Bit of a stored word that is a sample's lowest: 0, but where High Bit says that samples stand higher."""
        return max(0, self.high_bit + 1 - self.bits_stored)

    @property
    def native_frame_bits(self) -> int:
        """Bits that one frame takes in native Pixel Data; with 1 bit allocated, not always whole bytes."""
        samples = self.rows * self.columns * 2 if self.chroma_halved else self.frame_samples
        return samples * self.bits_allocated

    @property
    def encapsulated(self) -> bool:
        """Pixel Data holds fragments. An unknown transfer syntax counts as encapsulated: private ones are."""
        syntax = find_syntax(self.transfer_syntax_uid)
        return syntax is None or syntax.encapsulated


def expects_pixels(dataset: Values) -> bool:
    """Whether the object describes pixels (Rows, Columns, Bits Allocated), so that it must carry them."""
    return all(dataset.get(tag) is not None for tag in (_ROWS, _COLUMNS, _ALLOCATED))


def image_layout(dataset: Values, structure: ObjectStructure) -> ImageLayout:
    """The layout of the pixels, checked.

    Raises BadDicom (tag and offset) for missing, impossible or contradicting values and for native Pixel Data that is
    too short; Unsupported for sound layouts that nothing here decodes (retired colour models, 64-bit integers).
    """
    return _Reading(dataset, structure).layout()


class _Reading:
    def __init__(self, dataset: Values, structure: ObjectStructure) -> None:
        self._dataset = dataset
        self._structure = structure
        self._notes: list[str] = []

    def layout(self) -> ImageLayout:
        pixel_data = self._structure.pixel_data
        if pixel_data is None:
            raise BadDicom("no pixel data", tag=tag_text(PIXEL_DATA))
        rows, columns = (self._integer(tag, 1, 0xFFFF) for tag in (_ROWS, _COLUMNS))
        allocated = self._integer(_ALLOCATED, 1, 64)
        is_float = pixel_data.tag in (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)
        if allocated not in (1, 8, 16, 32, 64) or (is_float and allocated not in (32, 64)):
            raise self._bad(_ALLOCATED, f"Bits Allocated is {allocated}")
        if allocated == 64 and not is_float:
            raise Unsupported("integers of 64 bits", transfer_syntax=self._structure.transfer_syntax_uid)
        stored, high_bit, signed = (allocated, allocated - 1, False) if is_float else self._depth(allocated)
        photometric, samples = self._colour()
        syntax = self._structure.transfer_syntax_uid
        big_endian = self._structure.big_endian
        known = find_syntax(syntax)
        native = not pixel_data.undefined_length and known is not None and not known.encapsulated
        layout = ImageLayout(
            rows=rows,
            columns=columns,
            frames=self._frames(),
            samples_per_pixel=samples,
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=high_bit,
            signed=signed,
            photometric_interpretation=photometric,
            planar_configuration=self._planar() if samples > 1 else 0,
            transfer_syntax_uid=syntax,
            sample_kind="float" if is_float else "int" if signed else "uint",
            bytes_per_sample=max(1, allocated // 8),
            big_endian=big_endian,
            chroma_halved=native and photometric in _HALVED,
            words_swapped=native and big_endian and allocated <= 8 and pixel_data.vr == "OW",
        )
        return self._checked(layout, native, pixel_data.length)

    def _checked(self, layout: ImageLayout, native: bool, length: int) -> ImageLayout:
        if layout.frame_samples * layout.bytes_per_sample > MAX_FRAME_BYTES:
            raise self._bad(_ROWS, f"a frame of more than {MAX_FRAME_BYTES} bytes")
        if native:
            layout = self._fitted(layout, length)
        return replace(layout, notes=tuple(self._notes))

    def _fitted(self, layout: ImageLayout, length: int) -> ImageLayout:
        """Native pixels must be there in full; YBR_FULL_422 is met with its chroma whole, which the length shows.

        YBR_PARTIAL_420 is for video only; PS3.3 C.7.6.3.1.2 gives no order for native samples of it, so that they are
        taken as whole triples and refused where they are fewer.
        """
        full = replace(layout, chroma_halved=False)
        if layout.chroma_halved and length * 8 >= full.native_frame_bits * layout.frames:
            self._notes.append(f"{layout.photometric_interpretation} with chroma for every pixel")
            layout = full
        needed = (layout.native_frame_bits * layout.frames + 7) // 8
        if length < needed:
            raise self._bad(PIXEL_DATA, f"Pixel Data of {length} bytes where {needed} are needed")
        whole = length * 8 // layout.native_frame_bits
        if whole > layout.frames:
            # More whole frames than Number of Frames says: all are shown, none is hidden.
            self._notes.append(f"{whole} frames where Number of Frames says {layout.frames}")
            if whole > MAX_FRAMES:
                raise self._bad(PIXEL_DATA, f"more than {MAX_FRAMES} frames")
            return replace(layout, frames=whole)
        if length > needed + needed % 2:
            self._notes.append(f"Pixel Data of {length} bytes where {needed} are needed")
        return layout

    def _depth(self, allocated: int) -> tuple[int, int, bool]:
        stored = self._integer(_STORED, 1, 64)
        if stored > allocated:
            raise self._bad(_STORED, f"Bits Stored is {stored}, Bits Allocated {allocated}")
        high_bit = self._integer(_HIGH_BIT, 0, 0xFFFF, default=stored - 1)
        if high_bit != stored - 1:
            # PS3.5 8.1.1: High Bit is Bits Stored minus one. Before 2014 it could be higher; lower, or beyond the
            # word, it cannot be: then it is not believed.
            self._notes.append(f"High Bit is {high_bit}, Bits Stored {stored}")
        signed = self._integer(_REPRESENTATION, 0, 1, default=0) == 1
        return stored, high_bit if stored <= high_bit < allocated else stored - 1, signed

    def _colour(self) -> tuple[str, int]:
        value = self._dataset.get(_PHOTOMETRIC)
        text = str(value.value).strip().upper() if value is not None and value.VR != "UN" else ""
        if text in _RETIRED:
            raise Unsupported(f"photometric interpretation {text}", transfer_syntax=self._structure.transfer_syntax_uid)
        if text not in (*MONOCHROME, *COLOUR, "PALETTE COLOR"):
            raise self._bad(_PHOTOMETRIC, "Photometric Interpretation is missing or unknown")
        samples = self._integer(_SAMPLES, 1, 4, default=3 if text in COLOUR else 1)
        if samples == 1 and text in COLOUR:
            self._notes.append(f"{text} with one sample a pixel, taken as MONOCHROME2")
            return "MONOCHROME2", 1
        if samples != (3 if text in COLOUR else 1):
            raise self._bad(_PHOTOMETRIC, f"{text} with {samples} samples a pixel")
        return text, samples

    def _planar(self) -> int:
        return self._integer(_PLANAR, 0, 1, default=0)

    def _frames(self) -> int:
        frames = self._integer(_FRAMES, 0, MAX_FRAMES, default=1)
        if frames == 0:
            self._notes.append("Number of Frames is 0, taken as 1")
        return max(frames, 1)

    def _integer(self, tag: int, lowest: int, highest: int, *, default: int | None = None) -> int:
        element = self._dataset.get(tag)
        value = None if element is None else element.value
        if value is None or value == "":
            if default is None:
                raise self._bad(tag, "value missing")
            if tag != _FRAMES:
                self._notes.append(f"({tag_text(tag)}) is missing, taken as {default}")
            return default
        if element.VM != 1 or isinstance(value, bytes) or not _INTEGER.fullmatch(str(value)):
            raise self._bad(tag, "not an integer")
        number = int(value)
        if not lowest <= number <= highest:
            raise self._bad(tag, f"{number} is not between {lowest} and {highest}")
        return number

    def _bad(self, tag: int, reason: str) -> BadDicom:
        span = self._structure.elements.get(tag)
        if span is None and self._structure.pixel_data is not None:
            span = self._structure.pixel_data if tag == PIXEL_DATA else None
        return BadDicom(reason, tag=tag_text(tag), offset=span.header_offset if span else -1)
