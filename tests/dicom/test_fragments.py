"""The compiled walk over item headers against its twin in Python: same items, same refusals, same places."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.dicom import _fragments, encapsulation
from fastcine.dicom.elements import ITEM, PIXEL_DATA, SEQUENCE_END, UNDEFINED, ElementSpan, tag_text
from fastcine.dicom.parse import parse_object
from fastcine.errors import BadDicom, FastcineError
from tests import corpus
from tests.dicom.building import item


def walk_by_twin(buffer, pixel_data, *, big_endian, limit):
    """(value offset, length, first eight bytes) of each item; the loop that the compiled one replaced."""
    header = struct.Struct(">HHI" if big_endian else "<HHI")
    offset, end = pixel_data.value_offset, pixel_data.value_offset + pixel_data.length
    items = []
    while offset + 8 <= end:
        group, element, length = header.unpack_from(buffer, offset)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise BadDicom("no item where a fragment must start", tag=tag_text(PIXEL_DATA), offset=offset)
        if length == UNDEFINED or offset + 8 + length > end:
            raise BadDicom(
                f"fragment of {length} bytes where {end - offset - 8} are left", tag=tag_text(ITEM), offset=offset
            )
        items.append((offset + 8, length, bytes(buffer[offset + 8 : offset + 8 + min(8, length)]).ljust(8, b"\0")))
        if len(items) > limit:
            raise BadDicom(f"more than {limit} fragments", tag=tag_text(PIXEL_DATA), offset=offset)
        offset += 8 + length
    if not items:
        raise BadDicom("no offset table and no fragments", tag=tag_text(PIXEL_DATA), offset=pixel_data.header_offset)
    return items


def outcome(walk, *arguments, **options):
    try:
        return walk(*arguments, **options)
    except BadDicom as error:
        return error.reason, error.tag, error.offset


def walked(buffer, pixel_data, *, big_endian):
    offsets, lengths, heads = encapsulation._walk(buffer, pixel_data, big_endian=big_endian).tolist()
    return [
        (offset, length, struct.pack("<q", head)) for offset, length, head in zip(offsets, lengths, heads, strict=True)
    ]


@st.composite
def chains(draw):
    """Item chains, mostly sound: of either order, cut anywhere, with a wrong tag or length here and there."""
    big = draw(st.booleans())
    parts = []
    for value in draw(st.lists(st.binary(max_size=20), max_size=12)):
        tag = draw(st.sampled_from([ITEM] * 30 + [SEQUENCE_END, PIXEL_DATA]))
        length = draw(st.sampled_from([None] * 30 + [0, UNDEFINED, 0x7FFFFFFF, len(value) + 3]))
        parts.append(item(value, tag=tag, length=length, big=big))
    data = b"".join(parts) + draw(st.sampled_from([b"", item(b"", tag=SEQUENCE_END, big=big)]))
    return big, data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(chains(), st.integers(0, 20), st.sampled_from([1, 2, 3, 1 << 14]), st.sampled_from([0, 10, 32 << 20]))
def test_as_its_twin(chain, start, block, pause):
    big, data = chain
    buffer = memoryview(bytes(start) + data)
    pixel_data = ElementSpan(PIXEL_DATA, "OB", start, len(data), start, True, len(buffer))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encapsulation, "_BLOCK_ITEMS", block)
        patch.setattr(encapsulation, "_RELEASE_BYTES", pause)
        patch.setattr(encapsulation, "MAX_FRAGMENTS", 8)
        mine = outcome(walked, buffer, pixel_data, big_endian=big)
    assert mine == outcome(walk_by_twin, buffer, pixel_data, big_endian=big, limit=8)


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes(data, big):
    pixel_data = ElementSpan(PIXEL_DATA, "OB", 0, len(data), 0, True, len(data))
    arguments = (memoryview(data), pixel_data)
    assert outcome(walked, *arguments, big_endian=big) == outcome(
        walk_by_twin, *arguments, big_endian=big, limit=encapsulation.MAX_FRAGMENTS
    )


@corpus.needs_corpus
def test_real_files():
    walks = 0
    for path in corpus.paths():
        data = path.read_bytes()
        try:
            structure = parse_object(data)
        except FastcineError:
            continue
        pixel_data = structure.pixel_data
        if pixel_data is None or not pixel_data.undefined_length:
            continue
        with structure.buffer(data) as buffer:
            arguments, options = (buffer, pixel_data), {"big_endian": structure.big_endian}
            twin = outcome(walk_by_twin, *arguments, **options, limit=encapsulation.MAX_FRAGMENTS)
            assert outcome(walked, *arguments, **options) == twin, path.name
        walks += 1
    assert walks > 50


@pytest.mark.parametrize(("start", "end", "filled"), [(0, 9, 0), (5, 4, 0), (9, 9, 0), (0, 8, 3), (0, 8, 1 << 62)])
def test_what_lies_outside_is_refused(start, end, filled):
    table = np.zeros((3, 2), np.int64)
    with pytest.raises(ValueError, match=r"start|table"):
        _fragments.scan(
            bytes(8),
            table,
            filled=filled,
            start=start,
            end=end,
            big_endian=False,
            pause_bytes=encapsulation._RELEASE_BYTES,
        )
