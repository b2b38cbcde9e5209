import shutil
import subprocess

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.codec import _jpegll
from fastcine.codec.decode import decode_frame
from fastcine.codec.jpeg import scan_jpeg
from fastcine.codec.jpeg_lossless import decode_jpeg_lossless, handles
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import BadDicom
from tests import corpus
from tests.codec.sof3_encoder import FLAT, Options, Table, encode, segment, steep_table
from tests.dicom.building import make_layout

JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
COMMENT = segment(0xFE, b"made by a test \xff\xd9") + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + segment(0xC4, b"")


def ours(bitstream):
    info = scan_jpeg(bitstream)
    assert handles(info)
    return decode_jpeg_lossless(memoryview(bitstream), info)


def by_libjpeg(bitstream, components=1):
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if components == 3 else {}
    return imagecodecs.jpeg8_decode(bitstream, **space)


def dtype_of(precision):
    return np.uint8 if precision <= 8 else np.uint16


def picture(seed, shape, precision, roughness):
    """Noise on a slope; ``roughness`` in bits: 0 is flat, ``precision`` is noise all over the range."""
    rng = np.random.default_rng(seed)
    top = (1 << precision) - 1
    slope = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * (1 << max(precision - 6, 0)) // 3
    slope = slope if len(shape) == 2 else slope[:, :, None]
    noise = rng.integers(0, 1 << roughness, shape)
    return ((slope + noise) & top).astype(dtype_of(precision))


@st.composite
def frames(draw):
    """A picture, how to encode it, and the bitstream."""
    precision = draw(st.integers(2, 16))
    components = draw(st.sampled_from([1, 1, 2, 3, 3]))
    rows, columns = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    shape = (rows, columns) if components == 1 else (rows, columns, components)
    found = picture(draw(st.integers(0, 999)), shape, precision, draw(st.integers(0, precision)))
    restart_rows = draw(st.sampled_from([0, 0, 1, 2, 5, 70]))
    steep = steep_table(draw(st.permutations(range(17))))
    tables = draw(st.sampled_from([(), (), (FLAT,), (steep,), (FLAT, steep), (steep, FLAT, FLAT)]))
    options = Options(
        precision=precision,
        predictor=draw(st.integers(1, 7)),
        shift=draw(st.integers(0, min(precision - 1, 3))),
        restart_rows=restart_rows,
        interleaved=draw(st.booleans()),
        tables=tables[:components],
        extras=draw(st.sampled_from([b"", COMMENT])),
        fill=draw(st.integers(0, 2)),
        end=draw(st.sampled_from([b"\xff\xd9", b"", b"\xff\xd9\0"])),
    )
    return found, options, encode(found, options)


@settings(deadline=None, max_examples=150)
@given(frames())
def test_every_option_comes_back_exact(frame):
    expected, options, bitstream = frame
    found = ours(bitstream)
    shifted = expected >> options.shift << options.shift
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert np.array_equal(found, shifted)


@settings(deadline=None, max_examples=40)
@given(frames())
def test_libjpeg_reads_what_the_tests_encoder_writes(frame):
    """So that encoder and decoder do not share a mistake."""
    expected, options, bitstream = frame
    if expected.ndim == 3 and expected.shape[2] == 2:
        return  # imagecodecs has no colour space for two
    bitstream += b"\xff\xd9"  # some lack theirs
    assert np.array_equal(
        by_libjpeg(bitstream, 1 if expected.ndim == 2 else 3), expected >> options.shift << options.shift
    )


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 999), st.integers(1, 70), st.integers(1, 70), st.integers(2, 16), st.integers(1, 7),
    st.sampled_from([1, 3]), st.data(),
)  # fmt: skip
def test_what_libjpeg_writes_comes_back_exact(seed, rows, columns, precision, predictor, components, data):
    shape = (rows, columns) if components == 1 else (rows, columns, components)
    expected = picture(seed, shape, precision, data.draw(st.integers(0, precision)))
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if components == 3 else {}
    bitstream = imagecodecs.jpeg8_encode(expected, lossless=True, predictor=predictor, bitspersample=precision, **space)
    assert np.array_equal(ours(bitstream), expected)


def half_black(rows, columns, precision, where):
    """Noise, but for a part that takes one bit a sample: the lanes' shares of the samples differ much."""
    found = picture(1, (rows, columns), precision, precision)
    found[where] = 0
    return found


LARGE = {
    "noise": picture(1, (160, 200), 8, 8),
    "smooth": picture(2, (160, 200), 8, 3),
    "deep": picture(3, (160, 200), 12, 7),
    "deepest": picture(4, (160, 200), 16, 16),
    "flat": np.full((400, 500), 77, np.uint8),
    "black above": half_black(300, 200, 8, np.s_[:250]),
    "black below": half_black(300, 200, 8, np.s_[50:]),
    "black amid": half_black(300, 200, 12, np.s_[30:270]),
    "colour": picture(5, (90, 110, 3), 8, 4),
    "deep colour": picture(6, (90, 110, 3), 12, 6),
}


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("name", LARGE)
def test_frames_that_are_read_from_four_places_at_once(name, predictor):
    expected = LARGE[name]
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if expected.ndim == 3 else {}
    precision = int(expected.max()).bit_length() if expected.dtype == np.uint16 else 8
    bitstream = imagecodecs.jpeg8_encode(expected, lossless=True, predictor=predictor, bitspersample=precision, **space)
    assert np.array_equal(ours(bitstream), expected)


def every_width(base):
    """A table in which every difference has the same number of bits with its code: places never fall into step."""
    return Table({size: base - size for size in range(base - 1, -1, -1) if base - size <= 16})


@pytest.mark.parametrize(
    "table",
    [FLAT, steep_table(range(17)), steep_table(range(16, -1, -1)), every_width(9), every_width(13)],
    ids=["flat", "steep", "steep the other way", "nine bits each", "thirteen bits each"],
)
@pytest.mark.parametrize("restart_rows", [0, 1, 40])
def test_odd_tables(table, restart_rows):
    expected = picture(7, (128, 96), 8, 7)
    options = Options(tables=(table,), restart_rows=restart_rows, predictor=1)
    assert np.array_equal(ours(encode(expected, options)), expected)


def test_the_widest_row_and_the_tallest_column():
    for shape in ((1, 65535), (65535, 1)):
        expected = np.random.default_rng(1).integers(0, 16, shape).astype(np.uint8)
        assert np.array_equal(ours(encode(expected, Options())), expected)


def test_a_table_may_be_defined_anew_and_one_by_one():
    expected = picture(8, (20, 30, 3), 8, 5)
    bitstream = encode(expected, Options(tables=(FLAT, steep_table(range(17))), interleaved=False))
    twice = bitstream.replace(FLAT.segment(0), steep_table(range(17)).segment(0) + FLAT.segment(0), 1)
    assert twice != bitstream and np.array_equal(ours(twice), expected)


def test_a_stream_that_ends_in_the_middle_of_a_stuffed_byte():
    for seed in range(400):
        expected = picture(seed, (5, 7), 8, 8)
        bitstream = encode(expected, Options(tables=(FLAT,), end=b""))
        if bitstream.endswith(b"\xff\0"):
            assert np.array_equal(ours(bitstream[:-1]), expected)
            return
    raise AssertionError("no stream ends in a stuffed byte")


GREY = picture(9, (60, 50), 8, 5)
PLAIN = encode(GREY, Options())
RESTARTS = encode(GREY, Options(restart_rows=7))
WHOLE = PLAIN.index(b"\xff\xda")


def with_segment(bitstream, marker, body):
    """The first segment of this kind exchanged."""
    place = bitstream.index(bytes([0xFF, marker]))
    length = int.from_bytes(bitstream[place + 2 : place + 4], "big")
    return bitstream[:place] + segment(marker, body) + bitstream[place + 2 + length :]


@pytest.mark.parametrize(
    ("bitstream", "reason"),
    [
        (PLAIN[: len(PLAIN) // 2], "cut off at byte"),
        (RESTARTS[: len(RESTARTS) // 2], "cut off at byte"),
        (PLAIN[: WHOLE + 600], "cut off at byte"),
        (PLAIN[:WHOLE] + b"\xff\xd9" + bytes(600), "before all components"),
        (RESTARTS.replace(b"\xff\xd1", b"\xff\xd3", 1), "restart marker"),
        (with_segment(RESTARTS, 0xDD, (351).to_bytes(2, "big")), "not whole rows"),
        (with_segment(PLAIN, 0xC4, bytes([0, 3, *[0] * 15, 0, 1, 2])), "Huffman table is wrong"),
        (with_segment(PLAIN, 0xC4, bytes([0, 1, *[0] * 15, 17])), "Huffman table is wrong"),
        (with_segment(PLAIN, 0xC4, bytes([0, 1, *[0] * 15, 0])), "no Huffman code"),
        (with_segment(PLAIN, 0xC4, bytes([1, 1, *[0] * 15, 0])), "table that is not there"),
        (with_segment(PLAIN, 0xDA, bytes([1, 1, 0, 8, 0, 0])), "scan header"),
        (with_segment(PLAIN, 0xDA, bytes([1, 1, 0, 1, 0, 8])), "scan header"),
        (with_segment(PLAIN, 0xDA, bytes([1, 9, 0, 1, 0, 0])), "scan header"),
    ],
)
def test_what_is_damaged_is_named_with_its_place(bitstream, reason):
    layout = make_layout(rows=60, columns=50, transfer_syntax_uid=JPEG_LOSSLESS[1])
    with pytest.raises(BadDicom, match=reason) as error:
        decode_frame([bitstream], layout)
    assert error.value.tag == "7FE0,0010" and "of the frame" in error.value.reason


def test_a_frame_with_fewer_bits_than_samples_allocates_nothing():
    with pytest.raises(BadDicom, match="more samples than the frame has bits"):
        ours(PLAIN[: WHOLE + 10])


def test_lines_that_are_counted_later_are_refused():
    later = with_segment(PLAIN, 0xC3, bytes([8, 0, 0, 0, 50, 1, 1, 0x11, 0]))
    with pytest.raises(BadDicom, match="DNL"):
        decode_frame([later], make_layout(rows=60, columns=50, transfer_syntax_uid=JPEG_LOSSLESS[1]))


def test_odd_sampling_is_left_to_libjpeg():
    """Chroma of half width: not ours, but decoded all the same."""
    header = bytes([8, 0, 8, 0, 8, 3, 1, 0x21, 0, 2, 0x11, 0, 3, 0x11, 0])
    halved = with_segment(encode(picture(1, (8, 8, 3), 8, 2), Options()), 0xC3, header)
    assert handles(scan_jpeg(PLAIN)) and not handles(scan_jpeg(halved))
    layout = make_layout(rows=8, columns=8, samples_per_pixel=3, transfer_syntax_uid=JPEG_LOSSLESS[0])
    assert np.array_equal(decode_frame([halved], layout), by_libjpeg(halved, 3))


def test_components_in_groups_are_not_ours():
    colour = picture(1, (8, 8, 3), 8, 2)
    grouped = encode(colour, Options()).replace(
        segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 1, 0, 0])), segment(0xDA, bytes([2, 1, 0, 2, 0, 1, 0, 0]))
    )
    assert decode_jpeg_lossless(memoryview(grouped), scan_jpeg(grouped)) is None


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([PLAIN, RESTARTS, encode(picture(5, (30, 40, 3), 12, 8), Options(precision=12))]), st.data())
def test_mutated_streams_raise_ours_or_decode(bitstream, data):
    damaged = bytearray(bitstream)
    for _ in range(data.draw(st.integers(0, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        info = scan_jpeg(damaged)
        found = decode_jpeg_lossless(memoryview(damaged), info) if handles(info) else None
    except BadDicom as error:
        assert error.reason
    else:
        assert found is None or found.shape[:2] == (info.height, info.width)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["smooth", "deep", "colour", "black amid"]), st.data())
def test_what_decodes_in_spite_of_damage_is_what_libjpeg_makes_of_it(name, data):
    """Bits changed amid the data: frames read from four places at once come out as if read straight through."""
    expected = LARGE[name]
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if expected.ndim == 3 else {}
    precision = 8 if expected.dtype == np.uint8 else 12
    damaged = bytearray(
        imagecodecs.jpeg8_encode(expected, lossless=True, predictor=1, bitspersample=precision, **space)
    )
    start = damaged.index(b"\xff\xda") + 14
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(start, len(damaged) - 4))
        if 0xFF not in damaged[place - 1 : place + 1]:
            damaged[place] = data.draw(st.integers(0, 254))
    try:
        found = ours(bytes(damaged))
    except BadDicom:
        return
    assert np.array_equal(found, by_libjpeg(bytes(damaged), 1 if expected.ndim == 2 else 3))


def sizes(rows, columns, components=1, sample_bytes=1):
    return {"rows": rows, "columns": columns, "components": components, "sample_bytes": sample_bytes}


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_nothing_is_written_beyond_the_buffers(data):
    """Bytes behind output and scratch stay as they were, for sound and for damaged frames."""
    damaged = bytearray(data.draw(st.sampled_from([PLAIN, RESTARTS])))
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(WHOLE, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    needed = _jpegll.scratch_size(len(damaged), **sizes(60, 50))
    out, scratch = np.full(3000 + 64, 0xA5, np.uint8), np.full(needed + 64, 0xA5, np.uint8)
    try:
        _jpegll.decode(bytes(damaged), out[:3000], scratch[:needed], **sizes(60, 50))
    except ValueError as error:
        assert len(error.args) == 2 and 0 <= error.args[1] <= len(damaged)
    assert (out[3000:] == 0xA5).all() and (scratch[needed:] == 0xA5).all()


@pytest.mark.parametrize(
    ("changes", "out", "scratch", "reason"),
    [
        ({"rows": 0}, 3000, None, "1 to 65535"),
        ({"components": 4}, 12000, None, "1 to 3"),
        ({"sample_bytes": 3}, 9000, None, "1 or 2"),
        ({"rows": 65535, "columns": 65535}, 3000, None, "than the frame has bits"),
        ({}, 2999, None, "size of the samples"),
        ({}, 3000, 100, "scratch is smaller"),
        ({"rows": 61}, 3050, None, "contradicts"),
        ({"sample_bytes": 2}, 6000, None, "contradicts"),
    ],
)
def test_wrong_calls(changes, out, scratch, reason):
    asked = {**sizes(60, 50), **changes}
    buffer = np.empty(scratch or 1 << 20, np.uint8)
    with pytest.raises(ValueError, match=reason):
        _jpegll.decode(PLAIN, np.empty(out, np.uint8), buffer, **asked)


def test_output_that_is_not_aligned():
    deep = encode(picture(1, (4, 4), 12, 4), Options(precision=12))
    with pytest.raises(ValueError, match="aligned"):
        _jpegll.decode(deep, np.empty(33, np.uint8)[1:], np.empty(1 << 20, np.uint8), **sizes(4, 4, sample_bytes=2))


def opened(path):
    """The layout of a corpus file, and the bitstream of each of its frames."""
    data = path.read_bytes()
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    spans = frame_spans(data, structure, layout)
    return layout, [b"".join(data[offset : offset + length] for offset, length in frame) for frame in spans]


def lossless_images():
    rows = [row for row in corpus.rows() if row["TransferSyntax"].startswith("JPEG Lossless") and row["rows"]]
    return [row["file"] for row in rows]


@corpus.needs_corpus
@pytest.mark.parametrize("path", lossless_images(), ids=lambda path: path.name)
def test_corpus_files_as_libjpeg_decodes_them(path):
    layout, bitstreams = opened(path)
    assert layout.transfer_syntax_uid in JPEG_LOSSLESS and bitstreams
    for bitstream in bitstreams:
        assert np.array_equal(ours(bitstream), by_libjpeg(bitstream, layout.samples_per_pixel))


@corpus.needs_corpus
@pytest.mark.skipif(shutil.which("dcmdjpeg") is None, reason="dcmtk is not installed")
@pytest.mark.parametrize("path", lossless_images(), ids=lambda path: path.name)
def test_corpus_files_as_dcmtk_decodes_them(path, tmp_path):
    target = tmp_path / "plain.dcm"
    subprocess.run(["dcmdjpeg", path, target], capture_output=True, timeout=60, check=True)
    layout, bitstreams = opened(path)
    plain = pydicom.dcmread(target).PixelData
    found = b"".join(ours(bitstream).astype(f"<u{layout.bytes_per_sample}").tobytes() for bitstream in bitstreams)
    assert plain[: len(found)] == found
