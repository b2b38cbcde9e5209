import contextlib
import mmap
import resource
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.dicom import parse as under_test
from fastcine.dicom.elements import Breach
from fastcine.dicom.parse import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, parse_object
from fastcine.errors import BadDicom, FastcineError, NotDicom
from tests.dicom.building import (
    PIXELS,
    corpus_file,
    corpus_files,
    element,
    encapsulated,
    image,
    image_elements,
    item,
    part10,
)


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG])
def test_part10_in_every_encoding(syntax):
    data = image(bytes(24), syntax=syntax)
    found = parse_object(data)
    assert found.is_part10 and found.has_preamble and found.transfer_syntax_uid == syntax
    assert found.explicit_vr == (syntax != IMPLICIT_LITTLE) and found.big_endian == (syntax == EXPLICIT_BIG)
    assert found.pixel_data is not None and found.pixel_data.length == 24
    assert found.pixel_data.value_offset == len(data) - 24
    assert not found.tolerated


@pytest.mark.parametrize(
    ("explicit", "big", "syntax"),
    [(True, False, EXPLICIT_LITTLE), (False, False, IMPLICIT_LITTLE), (True, True, EXPLICIT_BIG)],
)
def test_a_bare_data_set_is_guessed(explicit, big, syntax):
    data = image_elements(explicit=explicit, big=big) + element(PIXELS, "OW", bytes(24), explicit=explicit, big=big)
    found = parse_object(data)
    assert not found.is_part10 and not found.has_preamble
    assert (found.transfer_syntax_uid, found.dataset_offset) == (syntax, 0)
    assert found.pixel_data is not None


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a" + bytes(500), bytes(4000), b"%PDF-1.7\n" * 100, b"\x08\0" * 300, b"\xff\xd8\xff\xe0" + bytes(900)],
)
def test_what_is_no_dicom(data):
    with pytest.raises(NotDicom):
        parse_object(data)


def test_a_marker_in_the_wrong_place_is_broken_not_foreign():
    with pytest.raises(BadDicom, match="at 127"):
        parse_object(image(bytes(24))[1:])


def test_data_set_in_another_encoding_than_declared():
    body = image_elements(explicit=False) + element(PIXELS, "OW", bytes(24), explicit=False)
    found = parse_object(part10(body, EXPLICIT_LITTLE))
    assert not found.explicit_vr
    assert (Breach.WRONG_ENCODING, 0x00020010, found.dataset_offset) in found.tolerated


def test_truncation_anywhere_is_noticed_or_leaves_no_pixels():
    data = image(bytes(24))
    for length in range(len(data)):
        try:
            found = parse_object(data[:length])
        except (BadDicom, NotDicom):
            continue
        assert found.pixel_data is None, length


def test_a_truncated_value_names_tag_and_offset():
    data = image(bytes(24))
    with pytest.raises(BadDicom) as error:
        parse_object(data[:-1])
    assert (error.value.tag, error.value.offset) == ("7FE0,0010", len(data) - 24 - 12)


def test_zero_padding_and_garbage_after_the_pixels_are_tolerated():
    data = image(bytes(24))
    assert parse_object(data + bytes(1000)).tolerated[0][0] is Breach.ZERO_PADDING
    assert parse_object(data + b"\x10\0\x10\0PN\0\0\x0f\0\0\0what is this").pixel_data is not None


def test_nothing_after_the_pixels_changes_whose_picture_it_is():
    first = part10(element(0x00100020, "LO", b"one ") + image_elements()[14:] + element(PIXELS, "OW", bytes(24)))
    found = parse_object(first + element(0x00100020, "LO", b"two "))
    span = found.elements[0x00100020]
    assert first[span.value_offset : span.value_offset + 4] == b"one "
    assert Breach.DUPLICATE_TAG in [breach for breach, _, _ in found.tolerated]


def test_a_stray_item_is_stepped_over():
    data = part10(image_elements()[:14] + item(b"\1\2") + image_elements()[14:] + element(PIXELS, "OW", bytes(24)))
    found = parse_object(data)
    assert found.pixel_data is not None and found.tolerated[0][0] is Breach.STRAY_ITEM


def test_encapsulated_pixels_end_the_walk():
    data = part10(image_elements() + encapsulated([b"\xff\xd8\xff\xd9"]), "1.2.840.10008.1.2.4.50")
    pixels = parse_object(data).pixel_data
    assert pixels is not None and pixels.undefined_length and pixels.length == len(data) - pixels.value_offset


@pytest.mark.parametrize("header", [False, True])
def test_deflated(header):
    body = image_elements() + element(PIXELS, "OW", bytes(range(24)))
    machine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS if header else -zlib.MAX_WBITS)
    data = part10(machine.compress(body) + machine.flush(), DEFLATED)
    found = parse_object(data)
    span = found.pixel_data
    assert span is not None
    assert bytes(found.buffer(data)[span.value_offset : span.value_offset + 24]) == bytes(range(24))


def test_a_deflate_bomb_and_a_cut_off_stream(monkeypatch):
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(bytes(1 << 22)) + machine.flush()
    monkeypatch.setattr(under_test, "MAX_INFLATED_BYTES", 1 << 20)
    with pytest.raises(BadDicom, match="beyond"):
        parse_object(part10(packed, DEFLATED))
    with pytest.raises(BadDicom, match=r"cut off|damaged"):
        parse_object(part10(packed[:50], DEFLATED))


def test_very_many_elements_are_refused_quickly():
    data = part10(b"".join(element(0x00090010 + n % 0xFF00, "LO", b"") for n in range(60_000)))
    started = time.perf_counter()
    with pytest.raises(BadDicom, match="more than"):
        parse_object(data)
    assert time.perf_counter() - started < 2


def test_an_object_of_4_gb_costs_no_memory(tmp_path):
    frame_bytes = 1024 * 1024 * 2
    frames = 2047
    head = image(b"", rows=1024, columns=1024, allocated=16, frames=str(frames))
    head = head[:-4] + struct.pack("<I", frames * frame_bytes)
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + frames * frame_bytes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        started = time.perf_counter()
        found = parse_object(data)
        assert time.perf_counter() - started < 0.5
    assert found.pixel_data is not None and found.pixel_data.length == frames * frame_bytes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # kB (on macOS bytes: then stricter)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_mutations_only_ever_raise_ours(data):
    sample = bytearray(image(bytes(24), frames="1"))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(120, len(sample) - 1))
        sample[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FastcineError):
        parse_object(bytes(sample[: data.draw(st.integers(0, len(sample)))]))


@pytest.mark.parametrize("path", corpus_files())
def test_every_corpus_file_is_scanned_or_refused_by_name_within_a_second(path):
    data = path.read_bytes()
    started = time.perf_counter()
    try:
        found = parse_object(data)
    except BadDicom as error:
        assert "weird" in path.parts and (error.tag or error.offset >= 0)
    except NotDicom:
        assert "weird" in path.parts
    else:
        assert found.elements
    assert time.perf_counter() - started < 1


def test_the_real_angiogram():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    found = parse_object(data)
    assert found.transfer_syntax_uid == "1.2.840.10008.1.2.4.50"
    assert found.pixel_data is not None and found.pixel_data.undefined_length
    assert 0x50003000 in found.elements and not found.tolerated
