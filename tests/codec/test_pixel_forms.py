"""Every form that native and coded samples come in, as whole objects made with pydicom; the oracle is pydicom."""

import io
import itertools
import warnings
import zlib

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.pixels.encoders.base import RLELosslessEncoder

from fastcine.codec.color_and_loss import decoded_photometric
from fastcine.codec.decode import decode_at, decode_unsigned
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import BadDicom
from tests.dicom.building import element, encapsulated, image, image_elements, part10

UID = "1.2.840.10008.1.2"
NATIVE = ("", ".1", ".1.99", ".2")
ROWS, COLUMNS, FRAMES = 6, 10, 3


def written(path, array, suffix, *, frames=None, **elements):
    """An object with these native samples, shape (frames, rows, columns[, samples]); or `frames` coded already."""
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID + suffix
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3"
    ds.NumberOfFrames, ds.Rows, ds.Columns = array.shape[:3]
    ds.SamplesPerPixel = 3 if array.ndim == 4 else 1
    ds.PhotometricInterpretation = "RGB" if array.ndim == 4 else "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * array.dtype.itemsize
    ds.PixelRepresentation = int(array.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.HighBit = elements.get("HighBit", ds.BitsStored - 1)
    if array.ndim == 4:
        ds.PlanarConfiguration = elements.get("PlanarConfiguration", 0)
    if frames is None:
        order = ">" if suffix == ".2" else "<"
        if array.ndim == 4 and ds.PlanarConfiguration:
            array = array.transpose(0, 3, 1, 2)
        ds.PixelData = array.astype(array.dtype.newbyteorder(order)).tobytes()
    else:
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB" if frames is not None or (array.dtype.itemsize == 1 and suffix) else "OW"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix in (".8.1", ".4.112"):  # pydicom does not know them
            ds.preamble = bytes(128)
            ds.save_as(path, implicit_vr=False, little_endian=True, force_encoding=True)
        else:
            ds.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def opened(data):
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    spans = frame_spans(data, structure, layout)
    return structure.buffer(data), spans, layout


def decoded(data):
    buffer, spans, layout = opened(data)
    return np.stack([decode_at(buffer, spans, frame, layout=layout) for frame in range(len(spans))])


def random(dtype, bits=None, samples=1, seed=3):
    size = np.dtype(dtype).itemsize * 8
    bits = size if bits is None else bits
    shape = (FRAMES, ROWS, COLUMNS) if samples == 1 else (FRAMES, ROWS, COLUMNS, samples)
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if np.dtype(dtype).kind == "i" else (0, 1 << bits)
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


@pytest.mark.parametrize("suffix", NATIVE)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_native_depths_in_every_syntax(suffix, dtype, tmp_path):
    for bits in {1, 5, 8 * np.dtype(dtype).itemsize - 3, 8 * np.dtype(dtype).itemsize}:
        stored = random(dtype, bits)
        data = written(tmp_path / "x.dcm", stored, suffix, BitsStored=bits)
        found = decoded(data)
        assert found.dtype == stored.dtype and np.array_equal(found, stored)
        ds = pydicom.dcmread(tmp_path / "x.dcm")
        assert np.array_equal(found, get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True)[0])


@pytest.mark.parametrize(("suffix", "dtype", "planar"), list(itertools.product(NATIVE, ["u1", "u2"], [0, 1])))
def test_native_colour_in_every_syntax(suffix, dtype, planar, tmp_path):
    stored = random(dtype, samples=3)
    for photometric in ("RGB", "YBR_FULL", "YBR_PARTIAL_420"):
        data = written(
            tmp_path / "x.dcm", stored, suffix, PlanarConfiguration=planar, PhotometricInterpretation=photometric
        )
        assert np.array_equal(decoded(data), stored)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_native_halved_chroma(photometric):
    packed = bytes([10, 20, 100, 200, 30, 40, 110, 210] * (ROWS * COLUMNS // 4))
    shape = {"rows": ROWS, "columns": COLUMNS, "samples": 3, "planar": 0}
    data = image(packed, photometric=photometric, **shape)
    assert decoded(data)[0, 0, :4].tolist() == [[10, 100, 200], [20, 100, 200], [30, 110, 210], [40, 110, 210]]
    buffer, spans, layout = opened(data)
    found = decoded_photometric([buffer[spans[0][0].offset_bytes :]], layout)
    assert found == ("YBR_FULL" if photometric == "YBR_FULL_422" else "YBR_PARTIAL_422")


def test_native_420_with_quartered_chroma_is_refused():
    """No order is given for it, so none is guessed."""
    with pytest.raises(BadDicom, match="180 are needed"):
        opened(image(bytes(90), rows=ROWS, columns=COLUMNS, samples=3, planar=0, photometric="YBR_PARTIAL_420"))


@pytest.mark.parametrize("suffix", [".1", ".2", ".1.98", ".8.1", ".5"])
@pytest.mark.parametrize("kind", ["u", "i"])
@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (8, 14), (1, 15)])
def test_samples_that_stand_high_in_their_words(suffix, kind, stored, high, tmp_path):
    """High Bit over Bits Stored - 1 (legal before 2014). What lies below and above, overlays say, is no pixel."""
    samples = random(f"{kind}2", stored)
    low = high + 1 - stored
    rest = np.random.default_rng(1).integers(0, 1 << 16, samples.shape) & ~(((1 << stored) - 1) << low)
    words = ((samples.astype(np.int64) & ((1 << stored) - 1)) << low | rest).astype(f"{kind}2", casting="unsafe")
    little = words.astype("<u2", casting="unsafe")
    frames = {
        ".1.98": lambda: [frame.tobytes() for frame in little],
        ".8.1": lambda: [zlib.compress(frame.tobytes(), wbits=-15) for frame in little],
        ".5": lambda: [rle(frame) for frame in little],
    }.get(suffix, lambda: None)()
    data = written(tmp_path / "x.dcm", words, suffix, frames=frames, BitsStored=stored, HighBit=high)
    found = decoded(data)
    assert found.dtype == samples.dtype and np.array_equal(found, samples)
    buffer, spans, layout = opened(data)
    fragments = [buffer[offset : offset + length] for offset, length in spans[0]]
    bias = 1 << (stored - 1) if kind == "i" else 0
    assert np.array_equal(decode_unsigned(fragments, layout).astype(int), samples[0].astype(int) + bias)
    assert f"High Bit is {high}, Bits Stored {stored}" in layout.notes


def rle(words):
    """One frame of 16-bit words, by pydicom's encoder."""
    return RLELosslessEncoder.encode(
        words.tobytes(), rows=words.shape[0], columns=words.shape[1], samples_per_pixel=1, bits_allocated=16,
        bits_stored=16, pixel_representation=0, photometric_interpretation="MONOCHROME2", number_of_frames=1,
        encoding_plugin="pydicom",
    )  # fmt: skip


@pytest.mark.parametrize("high", [3, 16, 255])
def test_an_impossible_high_bit_is_not_believed(high, tmp_path):
    stored = random("u2", 12)
    assert np.array_equal(decoded(written(tmp_path / "x.dcm", stored, ".1", BitsStored=12, HighBit=high)), stored)


def test_a_codestream_holds_samples_wherever_high_bit_is(tmp_path):
    stored = random("u2", 12)
    frames = [imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, bitspersample=12) for frame in stored]
    data = written(tmp_path / "x.dcm", stored, ".4.70", frames=frames, BitsStored=12, HighBit=15)
    assert np.array_equal(decoded(data), stored)


def smooth(samples=1, top=255):
    ramp = np.add.outer(np.arange(48), np.arange(64)) / 110 * top
    picture = ramp if samples == 1 else np.stack([ramp, top - ramp, np.full_like(ramp, top / 3)], -1)
    return picture.round().astype(np.uint8 if top < 256 else np.uint16)


def test_jpeg_extended_of_12_bits(tmp_path):
    picture = smooth(top=4095)
    frame = imagecodecs.jpeg8_encode(picture, 98, bitspersample=12)
    found = decoded(written(tmp_path / "x.dcm", picture[None], ".4.51", frames=[frame], BitsStored=12))
    assert found.dtype == np.uint16 and np.abs(found[0].astype(int) - picture).max() < 40


@pytest.mark.parametrize("suffix", [".4.53", ".4.55"])
def test_progressive_jpeg(suffix, tmp_path):
    picture, target = smooth(), io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=97, progressive=True)
    found = decoded(written(tmp_path / "x.dcm", picture[None], suffix, frames=[target.getvalue()]))
    assert np.array_equal(found[0], np.asarray(Image.open(target)))


@pytest.mark.parametrize(("stated", "coded"), [("YBR_FULL_422", "RGB"), ("RGB", "YCBCR"), ("YBR_FULL_422", "YCBCR")])
def test_jpeg_whose_adobe_marker_contradicts_the_object(stated, coded, tmp_path):
    """APP14 says RGB in a YBR object, or YCbCr in an RGB one: the marker is believed. An oracle in RGB: Pillow."""
    picture, target = smooth(3), io.BytesIO()
    if coded == "RGB":
        Image.fromarray(picture).save(target, "JPEG", quality=97, keep_rgb=True)
    else:
        target.write(imagecodecs.jpeg8_encode(picture, 97, colorspace="RGB", outcolorspace="YCBCR", subsampling="444"))
    data = written(tmp_path / "x.dcm", picture[None], ".4.50", frames=[target.getvalue()],
                   PhotometricInterpretation=stated)  # fmt: skip
    buffer, spans, layout = opened(data)
    fragments = [buffer[offset : offset + length] for offset, length in spans[0]]
    assert decoded_photometric(fragments, layout) == ("RGB" if coded == "RGB" else "YBR_FULL")


@pytest.mark.parametrize("samples", [1, 3])
def test_jpeg_xl_with_loss(samples, tmp_path):
    picture = smooth(samples)
    frame = imagecodecs.jpegxl_encode(picture, distance=0.5, lossless=False)
    found = decoded(written(tmp_path / "x.dcm", picture[None], ".4.112", frames=[frame]))
    assert found.dtype == np.uint8 and np.abs(found[0].astype(int) - picture).max() < 12


def test_more_jpeg_frames_than_announced(tmp_path):
    pictures = np.stack([np.full((8, 8), 40 * number, np.uint8) for number in range(5)])
    frames = [imagecodecs.jpeg8_encode(picture, 99) for picture in pictures]
    data = part10(image_elements(rows=8, columns=8, frames="3") + encapsulated(frames), UID + ".4.50")
    found = decoded(data)
    assert len(found) == 3 and np.abs(found.astype(int) - pictures[:3]).max() < 3


@pytest.mark.parametrize(("frames", "table"), [(1, False), (2_000, False), (2_000, True), (10_000, False)])
def test_ten_thousand_fragments(frames, table):
    """As many in one frame, five a frame with and without a table, one a frame; odd lengths among them."""
    pictures = np.random.default_rng(9).integers(0, 256, (20, 64, 64)).astype(np.uint8)
    coded = [bytes(imagecodecs.jpeg8_encode(picture, lossless=True, predictor=1)) for picture in pictures]
    parts = [_cut(bitstream, 10_000 // frames) for bitstream in coded]
    fragments, offsets, place = [], [], 0
    for number in range(frames):
        pieces = parts[number % 20]
        offsets.append(place)
        place += sum(8 + len(piece) for piece in pieces)
        fragments += pieces
    assert len(fragments) == 10_000
    body = encapsulated(fragments, table=offsets if table else ())
    data = part10(image_elements(rows=64, columns=64, frames=str(frames)) + body, UID + ".4.70")
    buffer, spans, layout = opened(data)
    for frame in {0, frames // 3, frames - 1}:
        assert np.array_equal(decode_at(buffer, spans, frame, layout=layout), pictures[frame % 20])


def _cut(data, parts):
    ends = [len(data) * part // parts for part in range(parts + 1)]
    return [data[first:after] for first, after in itertools.pairwise(ends)]


def test_floats_with_nan_and_several_frames():
    values = np.array([0.5, np.nan, -np.inf, 1e30] * 12, "<f4")
    data = part10(image_elements(allocated=32, frames="2") + element(0x7FE00008, "OF", values.tobytes()))
    assert np.array_equal(decoded(data).reshape(-1), values, equal_nan=True)
