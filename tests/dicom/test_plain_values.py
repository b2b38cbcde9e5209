"""Plain values against pydicom's, which `read_values` gives: whatever is asked for, the answer is the same."""

import struct
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastcine.archive.describe import _name
from fastcine.dicom import values
from fastcine.dicom.layout import expects_pixels, image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.plain_values import PlainElement, PlainValues
from fastcine.dicom.when import acquisition_moment, study_moment
from fastcine.errors import BadDicom, FastcineError
from tests import corpus
from tests.archive.factories import part10

TAGS = {
    "AE": 0x00080054,
    "CS": 0x00080060,
    "DA": 0x00080020,
    "DT": 0x0008002A,
    "IS": 0x00200013,
    "LO": 0x00081030,
    "LT": 0x001021B0,
    "PN": 0x00100010,
    "SH": 0x00080050,
    "TM": 0x00080030,
    "UI": 0x0020000D,
    "US": 0x00280010,
    "UL": 0x00209162,
    "DS": 0x00101030,
    "UN": 0x00081080,
    "OB": 0x00081090,
}
CHARSETS = (b"", b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 13 ", b"\\ISO 2022 IR 87", b"GB18030 ", b"nonsense")
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(lambda text: text.encode("ascii"))
NUMBERS = st.from_regex(rb"[ +-]?[0-9]{0,12}[. ]?[0-9]{0,3} ?", fullmatch=True)
RAW = st.one_of(ASCII, ASCII.map(lambda raw: raw + b"\0"), NUMBERS, st.binary(max_size=12))


def written(elements, *, explicit, big):
    """A bare data set of (tag, VR, value)."""
    order, out = ">" if big else "<", b""
    for tag, vr, value in sorted(elements):
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if not explicit:
            out += head + struct.pack(order + "I", len(value)) + value
        elif vr in ("OB", "UN"):
            out += head + vr.encode() + b"\0\0" + struct.pack(order + "I", len(value)) + value
        else:
            out += head + vr.encode() + struct.pack(order + "H", len(value)) + value
    return out


def shape(element):
    """What image_layout and describe_object look at."""
    if element is None or element.value in (None, "", b""):
        return None
    return str(element.value).strip(" \0\r\n\t")


@settings(max_examples=400, deadline=None)
@given(
    vr=st.sampled_from(sorted(TAGS)),
    raw=RAW,
    charset=st.sampled_from(CHARSETS),
    written_as=st.sampled_from([(True, False), (False, False), (True, True)]),
)
@example(vr="PN", raw=b"Yama^Taro=\x1b$B;3\x1b(B^=x ", charset=b"\\ISO 2022 IR 87", written_as=(True, False))
@example(vr="PN", raw=b"A^B==c", charset=b"", written_as=(True, False))
@example(vr="IS", raw=b"007 ", charset=b"", written_as=(True, False))
@example(vr="IS", raw=b"2147483649", charset=b"", written_as=(True, False))
@example(vr="US", raw=b"\1\0\2\0", charset=b"", written_as=(False, False))
def test_every_value_reads_alike(vr, raw, charset, written_as):
    explicit, big = written_as
    elements = [(TAGS[vr], vr, raw), (0x00080016, "UI", b"1.2.840.1\0"), (0x00080018, "UI", b"1.2.3.4\0")]
    if charset:
        elements.append((0x00080005, "CS", charset))
    data = written(elements, explicit=explicit, big=big)
    structure = parse_object(data)
    quick, slow, tag = PlainValues(data, structure), read_values(data, structure), TAGS[vr]
    if vr == "PN":
        assert _name(quick, tag) == _name(slow, tag)
        return
    assert values.texts(quick, tag) == values.texts(slow, tag)
    assert values.integer(quick, tag) == values.integer(slow, tag)
    if vr in ("US", "IS", "CS"):
        assert shape(quick.get(tag)) == shape(slow.get(tag))
    if shape(quick.get(tag)) is not None and vr != "UN":
        assert quick.get(tag).VM == slow.get(tag).VM
    for moment in (study_moment, acquisition_moment):
        assert moment(quick) == moment(slow)


def test_plain_values_are_read_without_pydicom():
    """Else the whole file would be for nothing."""
    data = part10()
    quick = PlainValues(data, parse_object(data))
    for tag in (0x00100010, 0x00080020, 0x0020000D, 0x00280010, 0x00280008, 0x00080060):
        assert isinstance(quick.get(tag), PlainElement)


def layout_of(read, structure):
    try:
        return image_layout(read, structure)
    except FastcineError as error:
        return type(error), str(error)


@corpus.needs_corpus
def test_the_corpus_reads_alike():
    seen = 0
    for path in corpus.paths():
        data = path.read_bytes()
        try:
            structure = parse_object(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                slow = read_values(data, structure)
        except FastcineError:
            continue
        quick = PlainValues(data, structure)
        for tag in structure.elements:
            if (element := slow.get(tag)) is not None and element.VR == "PN":
                assert _name(quick, tag) == _name(slow, tag), (path.name, hex(tag))
            elif not tag >> 16 & 1:
                assert values.texts(quick, tag) == values.texts(slow, tag), (path.name, hex(tag))
        assert expects_pixels(quick) == expects_pixels(slow)
        if structure.pixel_data is not None:
            assert layout_of(quick, structure) == layout_of(slow, structure)
        seen += 1
    assert seen > 300


def nested(depth, *, undefined):
    """A sequence in a sequence in a … of known or unknown lengths, explicit VR little endian."""
    inner = b""
    for _ in range(depth):
        length = 0xFFFFFFFF if undefined else len(inner)
        item = struct.pack("<HHI", 0xFFFE, 0xE000, length) + inner
        if undefined:
            item += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        length = 0xFFFFFFFF if undefined else len(item)
        inner = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, length) + item
        if undefined:
            inner += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    plain = [(0x00080016, "UI", b"1.2.840.1\0"), (0x00080018, "UI", b"1.2.3.4\0"), (0x00080060, "CS", b"SR")]
    return written(plain, explicit=True, big=False) + inner


@pytest.mark.parametrize("undefined", [False, True])
def test_nesting_is_bounded_without_the_values(undefined):
    deep = nested(200, undefined=undefined)
    for read in (PlainValues, read_values):
        with pytest.raises(BadDicom):
            read(deep, parse_object(deep))
    sound = nested(20, undefined=undefined)
    assert values.text(PlainValues(sound, parse_object(sound)), 0x00080018) == "1.2.3.4"
