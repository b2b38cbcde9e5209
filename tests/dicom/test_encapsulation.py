import mmap
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.dicom import encapsulation
from fastcine.dicom.encapsulation import first_bit, frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import EXPLICIT_BIG, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import BadDicom, Unsupported
from tests.dicom.building import (
    PIXELS,
    UNDEFINED,
    corpus_file,
    element,
    encapsulated,
    image,
    image_elements,
    item,
    make_layout,
    part10,
)

JPEG, RLE, VIDEO = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.102"
SOI = b"\xff\xd8\xff"


def spans_of(data):
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    return frame_spans(data, structure, layout)


def pieces(data):
    """The frames as lists of fragments' bytes."""
    return [[data[offset : offset + length] for offset, length in frame] for frame in spans_of(data)]


def coded(fragments, frames, *, syntax=JPEG, before=b"", **options):
    head = image_elements(frames=str(frames))
    return part10(head + before + encapsulated(fragments, **options), syntax)


A, B, C = SOI + b"aaa", SOI + b"bbbbb", SOI + b"c"
MORE = b"more of it"


def test_native_frames():
    data = image(bytes(range(48)), frames="2")
    assert pieces(data) == [[bytes(range(24))], [bytes(range(24, 48))]]


def test_native_one_bit_frames_share_bytes():
    data = image(bytes(8), rows=3, columns=7, allocated=1, frames="3")
    first, second, third = spans_of(data)
    start = first[0].offset_bytes
    assert (first[0].length_bytes, second[0], third[0]) == (3, (start + 2, 4), (start + 5, 3))
    layout = make_layout(rows=3, columns=7, bits_allocated=1, frames=3)
    assert [first_bit(layout, frame) for frame in range(3)] == [0, 5, 2]


def test_one_fragment_a_frame_needs_no_table():
    assert pieces(coded([A, B, C], 3)) == [[A], [B], [C]]


def test_one_frame_of_many_fragments():
    assert pieces(coded([A, MORE, MORE], 1)) == [[A, MORE, MORE]]


@pytest.mark.parametrize("shift", [0, 8, 1234])
def test_basic_table_even_when_it_counts_from_elsewhere(shift):
    table = [shift, shift + 8 + len(A) + 8 + len(MORE), shift + 8 + len(A) + 8 + len(MORE) + 8 + len(B)]
    assert pieces(coded([A, MORE, B, C], 3, table=table)) == [[A, MORE], [B], [C]]


@pytest.mark.parametrize("table", [[0, 5, 9], [0], [7, 7, 7], [0, 0, 0], [40, 20, 0], [0xFFFFFFFF] * 3])
def test_a_wrong_table_is_not_believed(table):
    assert pieces(coded([A, MORE, B, C], 3, table=table)) == [[A, MORE], [B], [C]]


def test_a_table_that_wrapped_at_4_gb():
    far = (1 << 32) + 100
    table = struct.pack("<3I", 0, 100, (far - 8) & 0xFFFFFFFF)
    items = np.array([[0, 1008, 1108, 1000 + far], [12, 92, far - 208, 4], [0, 0, 0, 0]])
    assert encapsulation._by_basic_table(memoryview(table), items, frames=3) == (
        ((1008, 92),),
        ((1108, far - 208),),
        ((1000 + far, 4),),
    )


def test_extended_table_padded_or_not():
    offsets = [0, 8 + len(A) + 8 + len(MORE), 8 + len(A) + 8 + len(MORE) + 8 + len(B)]
    for lengths in ([len(A), len(B), len(C)], [len(A) + 1, len(B) + 1, len(C) + 1]):
        before = element(0x7FE00001, "OV", struct.pack("<3Q", *offsets))
        before += element(0x7FE00002, "OV", struct.pack("<3Q", *lengths))
        assert pieces(coded([A, MORE, B, C], 3, before=before)) == [[A, MORE], [B], [C]]


def test_a_wrong_extended_table_is_not_believed():
    before = element(0x7FE00001, "OV", struct.pack("<3Q", 0, 1 << 60, 2 << 60))
    assert pieces(coded([A, MORE, B, C], 3, before=before)) == [[A, MORE], [B], [C]]


def test_markers_decide_without_a_table():
    assert pieces(coded([A, MORE, B, MORE, MORE, C], 3)) == [[A, MORE], [B, MORE, MORE], [C]]


def test_a_codestream_marker_inside_a_fragment_is_no_start():
    assert pieces(coded([A, b"x" + SOI, B], 2)) == [[A, b"x" + SOI], [B]]


def test_odd_lengths_and_a_missing_delimiter():
    assert pieces(coded([A[:5], B[:7]], 2, closed=False)) == [[A[:5]], [B[:7]]]


def test_more_frames_than_announced_are_cut_and_fewer_refused():
    assert pieces(coded([A, B, C], 2)) == [[A], [B]]
    data = coded([A, B], 3)
    with pytest.raises(BadDicom) as error:
        spans_of(data)
    assert (error.value.tag, error.value.offset) == ("0028,0008", parse_object(data).elements[0x00280008].header_offset)


def test_rle_has_one_fragment_a_frame():
    assert pieces(coded([A, B, C], 2, syntax=RLE)) == [[A], [B]]
    with pytest.raises(BadDicom):
        spans_of(coded([A, B], 3, syntax=RLE))


def test_a_video_is_one_stream():
    assert pieces(coded([A, B, C], 90, syntax=VIDEO)) == [[A, B, C]]


@pytest.mark.parametrize(
    "broken",
    [
        item(b"") + item(A, length=0x7FFFFFF0),
        item(b"") + item(A, length=0xFFFFFFFF),
        item(b"") + b"garbage which is no item",
        item(b"") + item(b"", tag=0xFFFEE0DD),
        b"",
    ],
)
def test_damaged_chains_name_the_place(broken):
    data = part10(image_elements() + element(PIXELS, "OB", broken, length=0xFFFFFFFF), JPEG)
    with pytest.raises(BadDicom) as error:
        spans_of(data)
    assert error.value.tag and error.value.offset > 0


def test_encapsulated_pixels_with_a_length():
    value = item(b"") + item(A) + item(B) + item(b"", tag=0xFFFEE0DD)
    data = part10(image_elements(frames="2") + element(PIXELS, "OB", value), JPEG)
    assert pieces(data) == [[A], [B]]


def test_an_unknown_syntax_is_named():
    with pytest.raises(Unsupported, match=r"9\.8\.7"):
        spans_of(image(bytes(24), syntax="9.8.7"))


def test_big_endian_words_across_frames_are_refused():
    data = image(bytes(28), syntax=EXPLICIT_BIG, vr="OW", rows=3, columns=3, frames="3")
    with pytest.raises(Unsupported):
        spans_of(data)


@given(st.lists(st.lists(st.binary(max_size=9), max_size=3), min_size=1, max_size=6))
def test_any_split_into_fragments_gives_the_same_frames(rests):
    frames = [[SOI + bytes([number]), *rest] for number, rest in enumerate(rests)]
    fragments = [fragment for frame in frames for fragment in frame]
    table, offset = [], 0
    for frame in frames:
        table.append(offset)
        offset += sum(8 + len(fragment) for fragment in frame)
    assert pieces(coded(fragments, len(frames), table=table)) == frames
    if not any(fragment.startswith(SOI) for frame in frames for fragment in frame[1:]):
        assert pieces(coded(fragments, len(frames))) == frames


def test_a_gigabyte_of_fragments_is_walked_by_its_headers(tmp_path, monkeypatch):
    frames, size = 5000, (1 << 30) // 5000 & ~1
    head = part10(image_elements(frames=str(frames)) + element(PIXELS, "OB", item(b""), length=UNDEFINED), JPEG)
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(head)
        for number in range(frames):
            file.seek(len(head) + number * (size + 8))
            file.write(item(SOI, length=size))
        file.truncate(len(head) + frames * (size + 8))
    releases = []
    monkeypatch.setattr(encapsulation, "_release", releases.append)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        structure = parse_object(data)
        layout = image_layout(read_values(data, structure), structure)
        started = time.thread_time()
        spans = frame_spans(data, structure, layout)
        assert time.thread_time() - started < 0.5
    assert spans == tuple(((len(head) + number * (size + 8) + 8, size),) for number in range(frames))
    expected = (1 << 30) / encapsulation._RELEASE_BYTES
    assert expected - 8 <= len(releases) <= expected + 8, "what is mapped stays small"


def test_the_real_angiogram_has_96_frames_of_jpeg():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    frames = pieces(data)
    assert len(frames) == 96 and all(frame[0].startswith(SOI) for frame in frames)
