import pytest

from fastcine.dicom import layout as under_test
from fastcine.dicom.layout import expects_pixels, image_layout
from fastcine.dicom.parse import EXPLICIT_BIG, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import BadDicom, Unsupported
from tests.dicom.building import PIXELS, element, encapsulated, image, image_elements, part10


def layout_of(data):
    structure = parse_object(data)
    return image_layout(read_values(data, structure), structure)


def test_a_plain_image():
    found = layout_of(image(bytes(96), allocated=16, stored=12, signed=1, frames="2"))
    assert (found.rows, found.columns, found.frames, found.samples_per_pixel) == (4, 6, 2, 1)
    assert (found.bits_allocated, found.bits_stored, found.high_bit, found.signed) == (16, 12, 11, True)
    assert (found.sample_kind, found.bytes_per_sample, found.notes) == ("int", 2, ())
    assert found.native_frame_bits == 24 * 16 and found.frame_samples == 24


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        ({"rows": 0}, "0028,0010"),
        ({"columns": 0}, "0028,0011"),
        ({"allocated": 12, "stored": 12}, "0028,0100"),
        ({"allocated": 0, "stored": 1}, "0028,0100"),
        ({"allocated": 16, "stored": 17}, "0028,0101"),
        ({"stored": 0, "high": 0}, "0028,0101"),
        ({"photometric": "FUZZ"}, "0028,0004"),
        ({"photometric": "MONOCHROME2", "samples": 3}, "0028,0004"),
        ({"photometric": "PALETTE COLOR", "samples": 3}, "0028,0004"),
        ({"frames": "1A"}, "0028,0008"),
        ({"frames": "-1"}, "0028,0008"),
        ({"frames": "2"}, "7FE0,0010"),
        ({"frames": "999999999"}, "0028,0008"),
        ({"samples": 2}, "0028,0004"),
        ({"samples": 9}, "0028,0002"),
        ({"signed": 2}, "0028,0103"),
    ],
)
def test_contradictions_name_tag_and_offset(change, tag):
    data = image(bytes(24), **change)
    with pytest.raises(BadDicom) as error:
        layout_of(data)
    assert error.value.tag == tag
    group, number = (int(part, 16) for part in tag.split(","))
    assert error.value.offset == parse_object(data).elements[group << 16 | number].header_offset


def test_missing_pixels_and_values():
    data = part10(image_elements())
    with pytest.raises(BadDicom, match="no pixel data"):
        layout_of(data)
    assert expects_pixels(read_values(data, parse_object(data)))
    report = part10(element(0x00080060, "CS", b"SR"))
    assert not expects_pixels(read_values(report, parse_object(report)))
    with pytest.raises(BadDicom) as error:
        layout_of(part10(element(0x00080060, "CS", b"XA") + element(PIXELS, "OW", bytes(24))))
    assert error.value.tag == "0028,0010"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"high": 10, "stored": 8, "allocated": 16, "rows": 2}, "High Bit"),
        ({"frames": "0"}, "Number of Frames is 0"),
        ({"photometric": "RGB"}, "taken as MONOCHROME2"),
        ({"rows": 2}, "2 frames where Number of Frames says 1"),
    ],
)
def test_what_is_tolerated_is_noted(change, word):
    assert word in "; ".join(layout_of(image(bytes(24), **change)).notes)


def test_all_whole_frames_are_shown():
    assert layout_of(image(bytes(24 * 5 + 2), frames="2")).frames == 5


@pytest.mark.parametrize("written", ["5\x1d", "5\x1f", "9" * 5000, "+", "5 5"])
def test_frames_that_are_no_number_to_python_name_their_tag(written):
    with pytest.raises(BadDicom) as error:
        layout_of(image(bytes(24), frames=written))
    assert error.value.tag == "0028,0008"


def test_chroma_halved_or_whole():
    halved = layout_of(image(bytes(48), photometric="YBR_FULL_422", samples=3, planar=0))
    assert halved.chroma_halved and halved.native_frame_bits == 48 * 8
    whole = layout_of(image(bytes(72), photometric="YBR_FULL_422", samples=3, planar=0))
    assert not whole.chroma_halved and whole.notes


def test_big_endian_words_of_bytes():
    assert layout_of(image(bytes(24), syntax=EXPLICIT_BIG, vr="OW")).words_swapped
    assert not layout_of(image(bytes(24), syntax=EXPLICIT_BIG, vr="OB")).words_swapped
    assert layout_of(image(bytes(48), syntax=EXPLICIT_BIG, allocated=16)).big_endian


def test_one_bit_frames_need_not_be_whole_bytes():
    found = layout_of(image(bytes(8), rows=3, columns=7, allocated=1, frames="3"))
    assert found.native_frame_bits == 21 and found.frames == 3


def test_floats():
    body = image_elements(allocated=32, stored=32) + element(0x7FE00008, "OF", bytes(96))
    found = layout_of(part10(body))
    assert (found.sample_kind, found.bytes_per_sample, found.bits_stored) == ("float", 4, 32)


def test_sound_but_unsupported():
    with pytest.raises(Unsupported):
        layout_of(image(bytes(192), allocated=64))
    with pytest.raises(Unsupported):
        layout_of(image(bytes(96), photometric="CMYK", samples=4))


def test_frames_beyond_the_limit(monkeypatch):
    monkeypatch.setattr(under_test, "MAX_FRAME_BYTES", 20)
    with pytest.raises(BadDicom, match="more than 20 bytes"):
        layout_of(image(bytes(24)))


def test_encapsulated_lengths_are_not_compared():
    data = part10(image_elements(frames="3") + encapsulated([b"\xff\xd8\xff\xd9"]), "1.2.840.10008.1.2.4.50")
    found = layout_of(data)
    assert found.encapsulated and found.frames == 3
