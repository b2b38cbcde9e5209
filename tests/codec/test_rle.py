import shutil
import struct
import subprocess
from itertools import pairwise

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from fastcine.codec import _rle
from fastcine.codec.decode import decode_at, decode_frame
from fastcine.codec.rle import decode_rle, decode_rle_bits, encode_rle
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import BadDicom
from tests import corpus
from tests.codec.pydicoms_rle import encoded
from tests.dicom.building import make_layout

RLE = "1.2.840.10008.1.2.5"


def layout_of(pixels, **more):
    bits = 8 * pixels.dtype.itemsize
    return make_layout(
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1 if pixels.ndim == 2 else pixels.shape[2],
        bits_allocated=bits,
        bits_stored=bits,
        bytes_per_sample=bits // 8,
        photometric_interpretation="MONOCHROME2" if pixels.ndim == 2 else "RGB",
        transfer_syntax_uid=RLE,
        **more,
    )


def header(*offsets):
    return np.array([len(offsets), *offsets, *[0] * (15 - len(offsets))], "<u4").tobytes()


def framed(*segments):
    """A frame of these segments."""
    offsets = [64]
    for segment in segments:
        offsets.append(offsets[-1] + len(segment))
    return header(*offsets[:-1]) + b"".join(segments)


def segments_of(frame):
    count, *offsets = struct.unpack_from("<16I", frame)
    return [frame[start:end] for start, end in pairwise([*offsets[:count], len(frame)])]


def packets(segment):
    """(control byte, bytes that it stands for), the pad byte left out."""
    found, at = [], 0
    while at < len(segment) - 1:
        control = segment[at]
        found.append((control, 257 - control if control > 128 else control + 1))
        at += 2 if control > 128 else control + 2
    return found


def planes_by_twin(frame, *, planes, pixels):
    """Header by struct, PackBits by imagecodecs, a pad byte that looks like a packet cut off; None where damaged."""
    if len(frame) < 64:
        return None
    count, *offsets = struct.unpack_from("<16I", frame)
    bounds = [*offsets[:count], len(frame)]
    if count != planes or bounds[0] < 64 or any(after < before for before, after in pairwise(bounds)):
        return None
    found = []
    for start, end in pairwise(bounds):
        for segment in (frame[start:end], frame[start : end - 1]):
            try:
                plane = bytes(imagecodecs.packbits_decode(segment))
                break
            except Exception:
                plane = b""
        if len(plane) < pixels:
            return None
        found.append(np.frombuffer(plane, np.uint8, pixels))
    return np.array(found)


def arranged(planes, samples, width):
    """Big-endian planes to (pixels, samples)."""
    shaped = planes.reshape(samples, width, -1).transpose(2, 0, 1)
    return np.ascontiguousarray(shaped).view(f">u{width}").reshape(-1, samples)


@st.composite
def frames(draw):
    """Frames with runs, near-runs and noise, of 1 to 4 samples a pixel and 1, 2 or 4 bytes a sample."""
    rows, columns = draw(st.integers(1, 9)), draw(st.one_of(st.integers(1, 70), st.integers(120, 1300)))
    width = draw(st.sampled_from([1, 2, 4]))
    samples = draw(st.integers(1, 4 if width < 4 else 3))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    levels = draw(st.sampled_from([1, 2, 4, 256, 1 << 8 * width]))
    pixels = rng.integers(0, levels, (rows, columns, samples), np.uint64)
    if draw(st.booleans()):
        pixels = np.repeat(pixels, draw(st.sampled_from([2, 3, 127, 128, 129, 130, 260])), axis=1)[:, :columns]
    return (pixels[:, :, 0] if samples == 1 else pixels).astype(f"u{width}")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("samples", [1, 3])
def test_what_pydicom_encodes(bits, samples):
    shape = (13, 17) if samples == 1 else (13, 17, 3)
    pixels = np.random.default_rng(bits).integers(0, 1 << bits, shape, np.uint64).astype(f"u{bits // 8}")
    pixels[:6] = 7  # runs too
    layout = layout_of(pixels)
    assert np.array_equal(decode_frame([encoded(pixels, layout)], layout), pixels)


@given(frames())
def test_what_we_encode_comes_back(pixels):
    frame = encode_rle(pixels)
    assert np.array_equal(decode_frame([frame], layout_of(pixels)), pixels)
    count = pixels.shape[2] if pixels.ndim == 3 else 1
    twin = planes_by_twin(frame, planes=count * pixels.itemsize, pixels=pixels.shape[0] * pixels.shape[1])
    assert np.array_equal(arranged(twin, count, pixels.itemsize).reshape(pixels.shape), pixels)


@given(frames())
def test_what_we_encode_is_as_the_standard_wants_it(pixels):
    frame = encode_rle(pixels)
    rows, columns = pixels.shape[:2]
    count = pixels.size // (rows * columns) * pixels.itemsize
    segments = segments_of(frame)
    assert len(segments) == count and struct.unpack_from("<15I", frame, 4)[count:] == (0,) * (15 - count)
    assert len(frame) <= 64 + count * (rows * (columns + -(-columns // 128)) + 1)
    for segment in segments:
        assert len(segment) % 2 == 0
        found = packets(segment)
        assert 128 not in [control for control, _ in found]
        ends = set(np.cumsum([length for _, length in found]).tolist())
        assert {row * columns for row in range(1, rows + 1)} <= ends, "a packet crosses the end of a row"


@pytest.mark.parametrize(
    ("row", "packed"),
    [
        (b"aaa", b"\xfea"),
        (b"aabc", b"\x03aabc"),
        (b"abbc", b"\x03abbc"),
        (b"abbbc", b"\x00a\xfeb\x00c"),
        (b"aa", b"\xffa"),
        (b"aaabb", b"\xfea\xffb"),
        (b"a" * 128, b"\x81a"),
        (b"a" * 129, b"\x81a\x00a"),
        (b"a" * 130, b"\x81a\xffa"),
        (bytes(range(200)), b"\x7f" + bytes(range(128)) + b"\x47" + bytes(range(128, 200))),
    ],
)
def test_packets(row, packed):
    (segment,) = segments_of(encode_rle(np.frombuffer(row, np.uint8).reshape(1, -1)))
    assert segment == packed + b"\0" * (len(packed) % 2)


@pytest.mark.parametrize("dtype", ["u1", "i2", ">u2", "u4"])
@pytest.mark.parametrize("samples", [1, 3])
def test_pydicom_decodes_what_we_encode(dtype, samples):
    pixels = np.random.default_rng(samples).integers(0, 100, (11, 140, samples)).astype(dtype)
    pixels = pixels[:, :, 0] if samples == 1 else pixels
    ds = dataset_of(pixels, encode_rle(pixels))
    assert np.array_equal(ds.pixel_array, pixels)


@pytest.mark.skipif(shutil.which("dcmdrle") is None, reason="no dcmtk on this machine")
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("samples", [1, 3])
def test_dcmtk_decodes_what_we_encode(dtype, samples, tmp_path):
    pixels = np.random.default_rng(samples).integers(0, 5, (31, 300, samples)).astype(dtype)
    pixels = pixels[:, :, 0] if samples == 1 else pixels
    dataset_of(pixels, encode_rle(pixels)).save_as(tmp_path / "in.dcm", enforce_file_format=True)
    subprocess.run(["dcmdrle", tmp_path / "in.dcm", tmp_path / "out.dcm"], check=True, capture_output=True, timeout=60)
    assert np.array_equal(pydicom.dcmread(tmp_path / "out.dcm").pixel_array, pixels)


def dataset_of(pixels, frame):
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = RLE
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.1"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
    ds.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].is_undefined_length = True
    return ds


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2), np.uint64),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((1, 65536), np.uint8),
        np.zeros((2, 2, 4), np.uint32),
        np.broadcast_to(np.uint32(1), (65535, 65535)),
    ],
)
def test_what_cannot_be_encoded(pixels):
    with pytest.raises(ValueError, match=r"RLE|rows"):
        encode_rle(pixels)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "0 bytes, shorter than its header"),
        (header(64)[:63], "63 bytes, shorter than its header"),
        (header(64), "segment 1 at offset 64 unpacks to 0 bytes where 200 are needed"),
        (header(64) + b"\x05ab", r"segment 1 damaged: the packet at offset 64 .*\(0 bytes unpacked"),
        (header(64) + b"\x81a", "segment 1 at offset 64 unpacks to 128 bytes where 200"),
        (header(64) + b"\x81a\x05ab", r"segment 1 damaged: the packet at offset 66 .*\(128 bytes unpacked"),
        (header(64) + b"\x81a\x81a\x05ab", r"segment 1 damaged: the packet at offset 68 .*\(256 bytes unpacked"),
        (header(4) + bytes(200), "segment 1 at offset 4 .* out of order or beyond"),
        (header(5000) + bytes(200), "segment 1 at offset 5000 of a frame of 264 bytes"),
        (header(64, 64) + bytes(200), "2 segments where 1 are needed"),
        (np.full(16, 0xFFFFFFFF, "<u4").tobytes() + bytes(200), "4294967295 segments"),
    ],
)
def test_damaged_frames(frame, reason):
    with pytest.raises(BadDicom, match=reason) as error:
        decode_rle(memoryview(frame), samples=1, bytes_per_sample=1, pixels=200)
    assert error.value.tag == "7FE0,0010"


def test_the_damaged_segment_is_named():
    good = b"\x81a\xb9a"  # 200 bytes
    for frame, reason in [
        (framed(good, b"\x00a", good), "segment 2 at offset 68 unpacks to 1 bytes where 200"),
        (framed(good, good, b"\x81a\x03a"), "segment 3 damaged: the packet at offset 74"),
        (header(64, 80, 70) + good * 9, "segment 3 at offset 70"),
    ]:
        with pytest.raises(BadDicom, match=reason):
            decode_rle(memoryview(frame), samples=3, bytes_per_sample=1, pixels=200)


def test_a_pad_byte_after_the_last_run():
    frame = header(64) + b"\xffa\x01bc" + b"\0"
    assert decode_rle(memoryview(frame), samples=1, bytes_per_sample=1, pixels=4).tobytes() == b"aabc"


@given(st.binary(max_size=400), st.sampled_from([(1, 1), (1, 2), (3, 1), (1, 4), (3, 2)]), st.integers(1, 300))
@example(header(64) + b"\x00a\x01b", (1, 1), 1)
@example(header(64) + b"\x00a\x80\x80", (1, 1), 1)
def test_any_bytes(data, shape, pixels):
    samples, width = shape
    twin = planes_by_twin(data, planes=samples * width, pixels=pixels)
    try:
        found = decode_rle(memoryview(data), samples=samples, bytes_per_sample=width, pixels=pixels)
    except BadDicom as error:
        assert error.reason and twin is None
    else:
        assert np.array_equal(found, arranged(twin, samples, width))


@given(
    st.lists(st.binary(max_size=700), min_size=1, max_size=6),
    st.integers(1, 5000),
    st.integers(0, 1),
)
def test_any_segments(segments, pixels, sound):
    """As above, but behind a header that holds."""
    packed = [bytes(imagecodecs.packbits_encode(s * 9)) + s[:2] * (1 - sound) for s in segments]
    twin = planes_by_twin(framed(*packed), planes=len(packed), pixels=pixels)
    try:
        found = decode_rle(memoryview(framed(*packed)), samples=len(packed), bytes_per_sample=1, pixels=pixels)
    except BadDicom:
        assert twin is None
    else:
        assert np.array_equal(found.T, twin)


@pytest.mark.parametrize(
    "calls",
    [
        {"samples_per_pixel": 0, "bytes_per_sample": 1},
        {"samples_per_pixel": 1, "bytes_per_sample": 0},
        {"samples_per_pixel": 4, "bytes_per_sample": 4},
        {"samples_per_pixel": 7, "bytes_per_sample": 1},
    ],
)
def test_sizes_that_do_not_fit_are_refused(calls):
    with pytest.raises(ValueError, match=r"samples_per_pixel|planes|whole pixels"):
        _rle.decode(framed(b"\x81a"), bytearray(100), **calls)


def test_one_bit_a_byte_each_and_packed():
    bits = np.random.default_rng(3).integers(0, 2, (7, 9), np.uint8)
    layout = make_layout(rows=7, columns=9, bits_allocated=1, bits_stored=1, high_bit=0, transfer_syntax_uid=RLE)
    assert np.array_equal(decode_frame([encode_rle(bits)], layout), bits)
    assert np.array_equal(decode_frame([encode_rle(bits.astype(bool))], layout), bits)
    packed = np.packbits(bits.reshape(-1), bitorder="little").reshape(1, -1)
    assert np.array_equal(decode_frame([encode_rle(packed)], layout), bits)
    cut = encode_rle(bits[:5])
    with pytest.raises(BadDicom, match="unpacks to 45 bytes where 63 are needed"):
        decode_frame([cut], layout)


def test_one_bit_packed_with_a_pad_byte():
    packed = framed(b"\x01\xa5\x01\x00\x00")
    found = decode_rle_bits(memoryview(packed), pixels=16, samples=1)
    assert found.reshape(-1).tolist() == [1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(BadDicom, match="shorter than its header"):
        decode_rle_bits(memoryview(b""), pixels=16, samples=1)


def rle_files():
    found = [row for row in corpus.rows() if row["TransferSyntax"] == "RLE Lossless" and "fuzz" not in row["path"]]
    return [row["file"] for row in found if row["bits_stored"] != "1"]


@pytest.mark.parametrize("path", rle_files(), ids=lambda path: path.name)
def test_real_files_by_the_twin(path):
    data = path.read_bytes()
    layout, spans = opened(data)
    for number, span in enumerate(spans):
        frame = b"".join(data[offset : offset + length] for offset, length in span)
        samples, width = layout.samples_per_pixel, layout.bytes_per_sample
        planes = planes_by_twin(frame, planes=samples * width, pixels=layout.rows * layout.columns)
        found = decode_rle(memoryview(frame), pixels=planes.shape[1], samples=samples, bytes_per_sample=width)
        assert np.array_equal(found, arranged(planes, samples, width))
        frame_samples = decode_at(memoryview(data), spans, number, layout=layout)
        assert np.array_equal(decode_frame([encode_rle(frame_samples)], layout), frame_samples)


def opened(data):
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    return layout, frame_spans(data, structure, layout)
