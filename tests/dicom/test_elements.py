import pytest

from fastcine.dicom.elements import MAX_DEPTH, Breach, ElementReader, Encoding, tag_text
from fastcine.errors import BadDicom
from tests.dicom.building import UNDEFINED, element, item

EXPLICIT, IMPLICIT, BIG = Encoding(True, False), Encoding(False, False), Encoding(True, True)


def walk(data, encoding=EXPLICIT):
    reader = ElementReader(data)
    return list(reader.elements(0, len(data), encoding)), reader


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, BIG])
def test_headers_in_every_encoding(encoding):
    options = {"explicit": encoding.explicit_vr, "big": encoding.big_endian}
    data = element(0x00100010, "PN", b"A^B ", **options) + element(0x7FE00010, "OW", b"\1\2\3\4", **options)
    (name, pixels), _ = walk(data, encoding)
    assert (name.tag, name.length) == (0x00100010, 4)
    assert data[name.value_offset : name.value_offset + 4] == b"A^B "
    assert (pixels.vr, pixels.length, pixels.end_offset) == ("OW" if encoding.explicit_vr else "", 4, len(data))


@pytest.mark.parametrize("length", [5, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_length_that_lies_is_not_believed(length):
    data = element(0x00080005, "CS", b"AB") + element(0x7FE00010, "OW", b"\1\2\3\4", length=length)
    with pytest.raises(BadDicom) as error:
        walk(data)
    assert (error.value.tag, error.value.offset) == ("7FE0,0010", 10)


def test_a_header_cut_off():
    data = element(0x00080005, "CS", b"AB") + b"\x08\0\x10"
    with pytest.raises(BadDicom) as error:
        walk(data)
    assert error.value.offset == 10


def test_nested_sequences_of_undefined_length_are_stepped_over():
    inner = element(0x00081140, "SQ", item(element(0x00081150, "UI", b"1.2\0")), length=UNDEFINED)
    inner += item(b"", tag=0xFFFEE0DD)
    outer = item(inner, length=UNDEFINED) + item(b"", tag=0xFFFEE00D) + item(b"", tag=0xFFFEE0DD)
    data = element(0x52009230, "SQ", outer, length=UNDEFINED) + element(0x7FE00010, "OW", b"\0\0")
    spans, _ = walk(data)
    assert [span.tag for span in spans] == [0x52009230, 0x7FE00010]
    assert spans[0].undefined_length and spans[0].end_offset == spans[1].header_offset


def test_fragments_inside_a_sequence_are_stepped_over():
    icon = element(
        0x7FE00010, "OB", item(b"") + item(b"\xff\xd8\xff\xd9") + item(b"", tag=0xFFFEE0DD), length=UNDEFINED
    )
    value = item(icon, length=UNDEFINED) + item(b"", tag=0xFFFEE00D) + item(b"", tag=0xFFFEE0DD)
    spans, _ = walk(element(0x00880200, "SQ", value, length=UNDEFINED))
    assert len(spans) == 1


def test_unknown_of_undefined_length_is_an_implicit_sequence():
    value = item(element(0x00100010, "PN", b"A ", explicit=False), length=UNDEFINED)
    value += item(b"", tag=0xFFFEE00D) + item(b"", tag=0xFFFEE0DD)
    spans, _ = walk(element(0x00091001, "UN", value, length=UNDEFINED) + element(0x00100020, "LO", b"1 "))
    assert [span.tag for span in spans] == [0x00091001, 0x00100020]


def test_an_item_closed_by_its_sequence_only():
    value = item(element(0x00100010, "PN", b"A "), length=UNDEFINED) + item(b"", tag=0xFFFEE0DD)
    spans, _ = walk(element(0x00081140, "SQ", value, length=UNDEFINED) + element(0x00100020, "LO", b"1 "))
    assert len(spans) == 2


def test_a_sequence_without_its_end():
    with pytest.raises(BadDicom, match="delimiter missing"):
        walk(element(0x00081140, "SQ", item(b"\0" * 8), length=UNDEFINED)[:-8] + item(b""))


def test_nesting_is_bounded():
    data = b"".join(
        element(0x00081140, "SQ", b"", length=UNDEFINED) + item(b"", length=UNDEFINED) for _ in range(MAX_DEPTH + 2)
    )
    with pytest.raises(BadDicom, match="nested"):
        walk(data)


@pytest.mark.parametrize("vr", [b"ZZ", b"  ", b"\0\0", b"ui"])
def test_an_unknown_vr_is_read_where_it_leads_on(vr):
    broken = element(0x00080016, "UI", b"1.2\0").replace(b"UI", vr)
    spans, reader = walk(broken + element(0x00080018, "UI", b"1.3\0"))
    assert [(span.tag, span.vr) for span in spans] == [(0x00080016, ""), (0x00080018, "UI")]
    assert reader.tolerated == [(Breach.UNKNOWN_VR, 0x00080016, 0)]


def test_an_unknown_vr_that_leads_nowhere():
    broken = element(0x00080016, "UI", b"1.2\0").replace(b"UI", b"??")
    with pytest.raises(BadDicom, match="value representation"):
        walk(broken + b"garbage that is no element")


def test_tag_text():
    assert tag_text(0x7FE00010) == "7FE0,0010"
