import time
import warnings
import zlib

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels import get_decoder

from fastcine.codec.decode import decode_at, decode_frame, frame_shape, sample_dtype
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import EXPLICIT_BIG, EXPLICIT_LITTLE, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import find_syntax
from fastcine.errors import BadDicom, FastcineError, Unsupported
from tests.dicom.building import PIXELS, corpus_file, corpus_files, element, image, image_elements, make_layout, part10

UID = "1.2.840.10008.1.2"


def decoded(data):
    """Every frame of an object, shape (frames, rows, columns[, samples])."""
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    spans = frame_spans(data, structure, layout)
    buffer = structure.buffer(data)
    return np.stack([decode_at(buffer, spans, frame, layout=layout) for frame in range(len(spans))])


def by_pydicom(path):
    """The raw frames by pydicom; None where it does not decode them or the transfer syntax may be lossy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            syntax = find_syntax(str(dataset.file_meta.TransferSyntaxUID))
            if syntax is None or not syntax.lossless:
                return None
            if dataset.BitsStored <= dataset.HighBit < dataset.BitsAllocated:
                return None  # pydicom takes the low bits: test_pixel_forms.py
            return get_decoder(dataset.file_meta.TransferSyntaxUID).as_array(dataset, raw=True)[0]
        except Exception:
            return None


@pytest.mark.parametrize("path", corpus_files())
def test_equals_pydicoms_raw_decode(path):
    """On every losslessly coded image that pydicom decodes: the same samples. No file of weird/ takes a second."""
    expected = by_pydicom(path)
    started = time.perf_counter()
    try:
        found = decoded(path.read_bytes())
    except FastcineError as error:
        assert expected is None, f"pydicom decodes it: {error}"
        return
    finally:
        assert time.perf_counter() - started < 1 or "weird" not in path.parts
    if expected is not None:
        assert np.array_equal(found.reshape(expected.shape), expected)
        assert found.dtype == expected.dtype.newbyteorder("=")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("syntax", [".4.50", ".4.70", ".4.80", ".4.90", ".4.201", ".4.110", ".8.1", ".1.98"])
def test_a_frame_that_is_cut_off_is_refused(syntax, share):
    frame = FRAMES[syntax]
    with pytest.raises(BadDicom):
        decode_frame([frame[: int(len(frame) * share)]], coded(syntax))


@pytest.mark.parametrize("syntax", [".4.50", ".4.70", ".4.80"])
def test_a_frame_that_lacks_only_its_end_marker_is_read(syntax):
    frame = FRAMES[syntax]
    whole = decode_frame([frame], coded(syntax))
    assert frame.endswith(b"\xff\xd9") and np.array_equal(decode_frame([frame[:-2]], coded(syntax)), whole)


@pytest.mark.parametrize("cut", [80, 300, 3000])
def test_a_jpeg_ls_stream_that_is_cut_off_costs_no_time(cut):
    started = time.process_time()
    with pytest.raises(BadDicom):
        decode_frame([FRAMES[".4.80"][:cut]], coded(".4.80"))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("xa/dtf__XA1_JPLL", "xa/dtf__XA1_UNC"),
        ("xa/dtf__XA1_J2KR", "xa/dtf__XA1_UNC"),
        ("codec_single/dtf__CT1_JLSL", "codec_single/dtf__CT1_UNC"),
        ("codec_single/dtf__CT1_RLE", "codec_single/dtf__CT1_UNC"),
        ("codec_single/DICOMHTJ2K__CT1_JPH", "codec_single/dtf__CT1_UNC"),
        ("other_multiframe/pydicom-data__liver_deflate.dcm", "other_multiframe/pydicom-data__liver_j2k.dcm"),
        ("other_multiframe/pydicom-data__liver_rle.dcm", "other_multiframe/pydicom-data__liver_j2k.dcm"),
        (
            "other_multiframe/pydicom-data__liver_nonbyte_aligned_rle.dcm",
            "other_multiframe/pydicom-data__liver_nonbyte_aligned_j2k.dcm",
        ),
    ],
)
def test_twins_hold_the_same_samples(name, twin):
    assert np.array_equal(decoded(corpus_file(name)), decoded(corpus_file(twin)))


def test_jpeg_xl_recompression_is_the_jpeg_inside():
    found = decoded(corpus_file("us/dcm4che__will-jxl.dcm"))
    assert found.shape == (27, 708, 1016, 3)
    # YCbCr as the object says, not RGB: the grey surround has its chroma in the middle.
    assert abs(float(np.median(found[0, ..., 1])) - 128) < 3


def grey(dtype, top, rows=4, columns=6):
    return np.random.default_rng(top).integers(0, top + 1, (rows, columns)).astype(dtype)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("bits", "kind"), [(8, "u"), (16, "u"), (16, "i"), (32, "u"), (32, "i")])
def test_native_integers(bits, kind, big):
    stored = grey(f"u{bits // 8}", (1 << bits) - 1).view(f"{kind}{bits // 8}")
    packed = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
    syntax, vr = (EXPLICIT_BIG, "OB") if big else (EXPLICIT_LITTLE, "OW")
    found = decoded(image(packed, allocated=bits, signed=int(kind == "i"), syntax=syntax, vr=vr))
    assert found.dtype == stored.dtype and np.array_equal(found[0], stored)
    assert found.flags.c_contiguous and found.dtype.isnative


def test_bits_above_bits_stored_go_and_the_sign_is_extended():
    words = np.array([[0xF001, 0x0FFF, 0x0800, 0x17FF, 0, 0xFFFF]] * 4, "<u2")
    unsigned = decoded(image(words.tobytes(), allocated=16, stored=12))[0, 0]
    assert unsigned.tolist() == [1, 0xFFF, 0x800, 0x7FF, 0, 0xFFF]
    signed = decoded(image(words.tobytes(), allocated=16, stored=12, signed=1))[0, 0]
    assert signed.tolist() == [1, -1, -2048, 2047, 0, -1] and signed.dtype == np.int16


def test_bytes_in_big_endian_words_are_swapped():
    found = decoded(image(bytes([2, 1, 4, 3] * 6), syntax=EXPLICIT_BIG, vr="OW"))
    assert found.reshape(-1)[:4].tolist() == [1, 2, 3, 4]


def test_planes_are_interleaved():
    colour = np.random.default_rng(1).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    planes = image(colour.transpose(2, 0, 1).tobytes(), samples=3, photometric="RGB", planar=1)
    pixels = image(colour.tobytes(), samples=3, photometric="RGB", planar=0)
    assert np.array_equal(decoded(planes)[0], colour) and np.array_equal(decoded(pixels)[0], colour)


def test_halved_chroma_is_doubled():
    packed = bytes([10, 20, 100, 200] * 12)
    found = decoded(image(packed, samples=3, photometric="YBR_FULL_422", planar=0))
    assert found[0, 0, :2].tolist() == [[10, 100, 200], [20, 100, 200]]


def test_one_bit_frames_run_on():
    bits = np.random.default_rng(2).integers(0, 2, (3, 3, 7)).astype(np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes() + b"\0"
    found = decoded(image(packed, rows=3, columns=7, allocated=1, frames="3"))
    assert found.dtype == np.uint8 and np.array_equal(found, bits)


@pytest.mark.parametrize(("tag", "vr", "dtype"), [(0x7FE00008, "OF", "<f4"), (0x7FE00009, "OD", "<f8")])
def test_floats(tag, vr, dtype):
    values = np.linspace(-1, 1, 24).astype(dtype)
    bits = values.itemsize * 8
    found = decoded(part10(image_elements(allocated=bits) + element(tag, vr, values.tobytes())))
    assert found.dtype == values.dtype and np.array_equal(found.reshape(-1), values)


def coded(syntax, **changes):
    return make_layout(transfer_syntax_uid=UID + syntax, rows=64, columns=48, **changes)


DEEP = {"bits_allocated": 16, "bits_stored": 12, "bytes_per_sample": 2}
PICTURE8, PICTURE12 = grey(np.uint8, 255, 64, 48), grey(np.uint16, 4095, 64, 48)


@pytest.mark.parametrize(
    ("syntax", "frame8", "frame12"),
    [
        (".4.70", imagecodecs.jpeg8_encode(PICTURE8, lossless=True, predictor=1),
         imagecodecs.jpeg8_encode(PICTURE12, lossless=True, predictor=1, bitspersample=12)),
        (".4.57", imagecodecs.jpeg8_encode(PICTURE8, lossless=True, predictor=6),
         imagecodecs.jpeg8_encode(PICTURE12, lossless=True, predictor=6, bitspersample=12)),
        (".4.80", imagecodecs.jpegls_encode(PICTURE8), imagecodecs.jpegls_encode(PICTURE12)),
        (".4.90", imagecodecs.jpeg2k_encode(PICTURE8, level=0, codecformat="j2k"),
         imagecodecs.jpeg2k_encode(PICTURE12, level=0, bitspersample=12, codecformat="j2k")),
        (".4.201", imagecodecs.htj2k_encode(PICTURE8, reversible=True),
         imagecodecs.htj2k_encode(PICTURE12, reversible=True)),
        (".4.110", imagecodecs.jpegxl_encode(PICTURE8, lossless=True),
         imagecodecs.jpegxl_encode(PICTURE12, lossless=True, bitspersample=12)),
        (".8.1", zlib.compress(PICTURE8.tobytes(), wbits=-15), zlib.compress(PICTURE12.tobytes(), wbits=-15)),
        (".1.98", PICTURE8.tobytes(), PICTURE12.tobytes()),
    ],
)  # fmt: skip
def test_every_lossless_family(syntax, frame8, frame12):
    assert np.array_equal(decode_frame([frame8], coded(syntax)), PICTURE8)
    found = decode_frame([frame12[:50], frame12[50:]], coded(syntax, **DEEP))
    assert found.dtype == np.uint16 and np.array_equal(found, PICTURE12)


def test_jpeg_components_come_out_as_stored():
    colour = np.stack([PICTURE8, np.full_like(PICTURE8, 128), np.full_like(PICTURE8, 128)], -1)
    stored = imagecodecs.jpeg8_encode(colour, 100, colorspace="RGB", outcolorspace="RGB", subsampling="444")
    for photometric in ("YBR_FULL_422", "RGB"):
        layout = coded(".4.50", samples_per_pixel=3, photometric_interpretation=photometric)
        assert np.abs(decode_frame([stored], layout).astype(int) - colour).max() < 12


def test_a_lossy_htj2k_object_is_clamped():
    edges = np.where(np.indices((64, 48)).sum(0) // 7 % 2, 255, 0).astype(np.uint8)
    found = decode_frame([imagecodecs.htj2k_encode(edges, 0.05, reversible=False)], coded(".4.203"))
    assert np.abs(found.astype(int) - edges).max() < 120


@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (imagecodecs.jpeg8_encode(grey(np.uint8, 255, 60, 48), 90), ".4.50"),
        (imagecodecs.jpegls_encode(grey(np.uint8, 255, 64, 47)), ".4.80"),
        (imagecodecs.htj2k_encode(grey(np.uint8, 255, 65, 48), reversible=True), ".4.201"),
        (imagecodecs.jpegxl_encode(grey(np.uint8, 255, 65, 48), lossless=True), ".4.110"),
        (b"\0" * 10, ".1.98"),
        (b"", ".4.50"),
        (zlib.compress(bytes(100), wbits=-15), ".8.1"),
    ],
)
def test_sizes_that_contradict_the_layout(frame, syntax):
    with pytest.raises(BadDicom) as error:
        decode_frame([frame], coded(syntax))
    assert error.value.tag == "7FE0,0010"


def test_a_header_that_announces_a_huge_picture_allocates_nothing():
    stream = bytearray(imagecodecs.htj2k_encode(PICTURE8, reversible=True))
    for place in (8, 24):  # the image, and its one tile
        stream[place : place + 8] = (0x7FFFFFFF).to_bytes(4, "big") * 2
    jpeg = bytearray(imagecodecs.jpeg8_encode(PICTURE8, 90))
    place = jpeg.find(b"\xff\xc0") + 5
    jpeg[place : place + 4] = b"\xff\xff\xff\xff"
    for frame, syntax in ((bytes(stream), ".4.201"), (bytes(jpeg), ".4.50")):
        with pytest.raises(BadDicom, match="in an image of"):
            decode_frame([frame], coded(syntax))


def test_video_and_unknown_syntaxes_are_unsupported():
    for uid in (UID + ".4.102", UID + ".4.94", "1.2.3"):
        with pytest.raises(Unsupported):
            decode_frame([b"x"], make_layout(transfer_syntax_uid=uid))


def test_shapes_and_dtypes():
    assert frame_shape(make_layout()) == (4, 6) and frame_shape(make_layout(samples_per_pixel=3)) == (4, 6, 3)
    assert sample_dtype(make_layout(signed=True, sample_kind="int", bytes_per_sample=2)) == np.int16
    assert sample_dtype(make_layout(sample_kind="float", bytes_per_sample=8)) == np.float64


FRAMES = {
    ".4.50": imagecodecs.jpeg8_encode(PICTURE8, 80),
    ".4.70": imagecodecs.jpeg8_encode(PICTURE8, lossless=True, predictor=1),
    ".4.80": imagecodecs.jpegls_encode(PICTURE8),
    ".4.90": imagecodecs.jpeg2k_encode(PICTURE8, level=0, codecformat="j2k"),
    ".4.201": imagecodecs.htj2k_encode(PICTURE8, reversible=True),
    ".4.110": imagecodecs.jpegxl_encode(PICTURE8, lossless=True),
    ".8.1": zlib.compress(PICTURE8.tobytes(), wbits=-15),
    ".1.98": PICTURE8.tobytes(),
}


@pytest.mark.parametrize("syntax", FRAMES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_hostile_frames_raise_ours_or_decode_to_the_layout(syntax, data):
    frame = bytearray(FRAMES[syntax])
    for _ in range(data.draw(st.integers(0, 6))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    frame = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    try:
        found = decode_frame([frame], coded(syntax))
    except BadDicom as error:
        assert error.tag == "7FE0,0010"
    else:
        assert found.shape == (64, 48) and found.dtype == np.uint8


def test_pixels_of_a_deflated_object():
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = image_elements() + element(PIXELS, "OW", bytes(range(24)))
    data = part10(machine.compress(body) + machine.flush(), UID + ".1.99")
    assert decoded(data).reshape(-1).tolist() == list(range(24))
