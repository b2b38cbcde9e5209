"""Transcoding of objects made for it: what the corpus has none of, and what stands in the bytes."""

import io
import tracemalloc

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets

from fastcine.codec.j2k import scan_codestream
from fastcine.codec.jpeg import scan_jpeg
from fastcine.codec.rle import encode_rle
from fastcine.codec.transcode import NATIVE, TARGETS, Transcoding
from fastcine.dicom.parse import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from fastcine.errors import Unsupported
from tests.codec.test_transcode import HTJ2K, J2K, JLS, RLE, SV1, Image, assert_same, possible, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def built(frames, *, syntax=EXPLICIT_LITTLE, fragments=None, extra=None, **changes):
    """A Part 10 object of these frames: native, or of these fragments."""
    dataset = pydicom.Dataset()
    frame = frames[0]
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.2.4", "Rows": frame.shape[0], "Columns": frame.shape[1], "NumberOfFrames": len(frames),
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 8 * frame.itemsize,
        "BitsStored": 8 * frame.itemsize, "HighBit": 8 * frame.itemsize - 1, "PixelRepresentation": 0, **changes,
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if fragments is None:
        dataset.add_new(0x7FE00010, "OW", b"".join(each.tobytes() for each in frames))
    else:
        dataset.PixelData = encapsulate(fragments)
    for tag, vr, value in extra or ():
        dataset.add_new(tag, vr, value)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


GREY = [np.random.default_rng(seed).integers(0, 4096, (33, 47)).astype("<u2") for seed in range(3)]
TWELVE = {"BitsStored": 12, "HighBit": 11}


def test_the_offset_table_is_there_where_the_object_is_small(monkeypatch):
    data = built(GREY, **TWELVE)
    out = pydicom.dcmread(io.BytesIO(written(data, RLE)))
    starts = parse_basic_offsets(out.PixelData)
    assert len(starts) == 3 and starts[0] == 0
    for number, start in enumerate(starts):  # each points at an item's header, counted from the first frame's
        length = int.from_bytes(out.PixelData[8 + 12 + start + 4 : 8 + 12 + start + 8], "little")
        assert out.PixelData[8 + 12 + start :][:4] == b"\xfe\xff\x00\xe0" and length % 2 == 0, number
    monkeypatch.setattr("fastcine.codec.transcode.TABLE_BYTES", 4000)
    longer = written(data, RLE)
    assert parse_basic_offsets(pydicom.dcmread(io.BytesIO(longer)).PixelData) == []
    assert_same(Image(data), longer, RLE, "no table")


def test_samples_that_stand_higher_in_their_words_stand_low_afterwards():
    data = built([each << 4 for each in GREY], BitsStored=12, HighBit=15)
    for wanted in possible(data):
        out = written(data, wanted)
        dataset = pydicom.dcmread(io.BytesIO(out))
        high = 15 if wanted in NATIVE else 11  # what is copied is not touched
        assert (dataset.HighBit, dataset.BitsStored) == (high, 12)
        for ours, frame in zip(Image(out).frames(), GREY, strict=True):
            assert np.array_equal(ours, frame)


def test_bits_run_on_from_frame_to_frame():
    bits = [np.random.default_rng(seed).integers(0, 2, (5, 5)).astype(np.uint8) for seed in range(3)]
    one = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
    data = built(bits, syntax=RLE, fragments=[encode_rle(each) for each in bits], **one)
    assert list(possible(data)) == list(NATIVE)
    dataset = pydicom.dcmread(io.BytesIO(written(data, EXPLICIT_LITTLE)))
    assert len(dataset.PixelData) == 10
    assert np.array_equal(dataset.pixel_array, np.stack(bits))


def test_words_of_big_endian_objects_are_turned_round():
    words = np.arange(256, dtype=np.uint16)
    floats = np.arange(6, dtype=np.float32)
    extra = [(0x00283006, "OW", words.astype(">u2").tobytes()), (0x00660016, "OF", floats.astype(">f4").tobytes())]
    item = pydicom.Dataset()
    item.add_new(0x00283006, "OW", words.astype(">u2").tobytes())
    data = built([each.astype(">u2") for each in GREY], syntax="1.2.840.10008.1.2.2", ModalityLUTSequence=[item],
                 extra=extra, **TWELVE)  # fmt: skip
    for wanted in (EXPLICIT_LITTLE, JLS):
        dataset = pydicom.dcmread(io.BytesIO(written(data, wanted)))
        assert dataset[0x00283006].value == dataset.ModalityLUTSequence[0][0x00283006].value == words.tobytes()
        assert dataset[0x00660016].value == floats.tobytes()
        assert_same(Image(data), written(data, wanted), wanted, "big endian")


def test_the_rest_of_the_data_set_is_what_it_was():
    behind = [(0xFFFCFFFC, "OB", b"\0\0")]
    bars = [(0x00111010, "UN", b"ab"), (0x00100010, "PN", "Müller^Jürgen"), (0x00080005, "CS", "ISO_IR 192")]
    data = built(GREY, extra=bars + behind, **TWELVE)
    before = pydicom.dcmread(io.BytesIO(data))
    for wanted in (JLS, SV1, *NATIVE):
        after = pydicom.dcmread(io.BytesIO(written(data, wanted)))
        assert list(after.keys()) == list(before.keys())
        assert all(after[tag] == before[tag] for tag in before.keys() if tag != 0x7FE00010)  # noqa: SIM118
    # and again: what comes behind fragments is found
    again = pydicom.dcmread(io.BytesIO(written(written(data, JLS), J2K)))
    assert again[0xFFFCFFFC].value == b"\0\0"


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 64, 65, 129])
def test_small_and_odd_sizes(side):
    frames = [np.random.default_rng(side).integers(0, 200, (side, side + 1)).astype(np.uint8)]
    data = built(frames)
    for wanted in possible(data):
        assert_same(Image(data), written(data, wanted), wanted, side)


@pytest.mark.parametrize("colour", ["RGB", "YBR_FULL"])
def test_colour_says_what_it_is(colour):
    frame = np.random.default_rng(1).integers(0, 256, (3, 3, 3)).astype(np.uint8)
    data = built([frame], SamplesPerPixel=3, PhotometricInterpretation=colour, PlanarConfiguration=0)
    for wanted in possible(data):
        out = written(data, wanted)
        said = pydicom.dcmread(io.BytesIO(out)).PhotometricInterpretation
        assert said == ("YBR_RCT" if colour == "RGB" and wanted in (J2K, *HTJ2K) else colour)
        back = Image(written(out, EXPLICIT_LITTLE)) if wanted != EXPLICIT_LITTLE else Image(out)
        assert back.layout.photometric_interpretation == colour
        assert np.array_equal(back.frames()[0], frame)


def test_private_values_of_unknown_kind_are_kept_as_they_are():
    """pydicom's dictionary says FD of this one, the object has two bytes of text."""
    item = pydicom.Dataset()
    item.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    item.add_new(0x0019100B, "UN", b"<\0")
    data = built(GREY, RequestAttributesSequence=[item], extra=[(each.tag, each.VR, each.value) for each in item],
                 **TWELVE)  # fmt: skip
    implicit = written(data, IMPLICIT_LITTLE)
    for wanted in (EXPLICIT_LITTLE, JLS):
        dataset = pydicom.dcmread(io.BytesIO(written(implicit, wanted)))
        for each in (dataset, dataset.RequestAttributesSequence[0]):
            raw = each.get_item(0x0019100B)  # before pydicom guesses
            assert (raw.VR, raw.value, each[0x00190010].VR) == ("UN", b"<\0", "LO")


def test_icons_are_made_plain():
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 9
    icon.SamplesPerPixel, icon.PhotometricInterpretation, icon.PixelRepresentation = 1, "MONOCHROME2", 0
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit = 7
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9)).astype(np.uint8)
    icon.PixelData = encapsulate([encode_rle(pixels)])
    icon["PixelData"].is_undefined_length = True
    nested = pydicom.Dataset()
    nested.IconImageSequence = [icon]
    data = built(GREY, syntax=RLE, fragments=[encode_rle(each) for each in GREY], IconImageSequence=[icon],
                 ReferencedSeriesSequence=[nested], **TWELVE)  # fmt: skip
    for wanted in (JLS, EXPLICIT_LITTLE):
        dataset = pydicom.dcmread(io.BytesIO(written(data, wanted)))
        for (item,) in (dataset.IconImageSequence, dataset.ReferencedSeriesSequence[0].IconImageSequence):
            assert not item["PixelData"].is_undefined_length and item.PixelData == pixels.tobytes() + b"\0"


def test_ultrasound_in_ybr_full_is_in_planes(tmp_path):
    frame = np.random.default_rng(1).integers(0, 256, (9, 11, 3)).astype(np.uint8)
    data = built([frame], SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=1,
                 SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1", syntax=RLE, fragments=[encode_rle(frame)])  # fmt: skip
    assert list(possible(data)) == list(NATIVE)
    out = written(data, EXPLICIT_LITTLE)
    assert pydicom.dcmread(io.BytesIO(out)).PixelData == np.moveaxis(frame, -1, 0).tobytes() + b"\0"
    assert np.array_equal(Image(out).frames()[0], frame)
    again = pydicom.dcmread(io.BytesIO(written(out.replace(b"YBR_FULL", b"RGB     "), RLE)))
    assert again.PlanarConfiguration == 0


@pytest.mark.parametrize("bits", [2, 7, 8, 9, 12, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_depths_and_signs_stand_in_the_bitstream(bits, signed):
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    dtype = f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}"
    frame = np.random.default_rng(bits).integers(low, high, (70, 65)).astype(dtype)
    data = built([frame], BitsStored=bits, HighBit=bits - 1, PixelRepresentation=int(signed))
    for wanted in possible(data):
        out = written(data, wanted)
        assert np.array_equal(Image(out).frames()[0], frame), wanted
        if wanted in (SV1, JLS):
            image = Image(out)
            (place, length) = image.spans[0][0]
            assert scan_jpeg(out[place : place + length]).precision == bits
        elif wanted in (J2K, *HTJ2K):
            (place, length) = Image(out).spans[0][0]
            info = scan_codestream(out[place : place + length])
            assert info.precisions == (bits,) and info.signed == (signed,) and info.reversible


def test_an_rpcl_streams_smallest_picture_is_small():
    frame = np.zeros((4200, 4100), np.uint8)
    out = written(built([frame]), HTJ2K[1])
    codestream = next(generate_frames(pydicom.dcmread(io.BytesIO(out)).PixelData, number_of_frames=1))
    style = codestream.index(b"\xff\x52")
    assert codestream[style + 5] == 2 and 4100 >> codestream[style + 9] <= 64
    assert b"\xff\x55" in codestream[:400]


def test_what_can_be_lossy_and_what_does_not_fit_is_refused():
    lossy = built(GREY, syntax="1.2.840.10008.1.2.4.51", fragments=[b"\xff\xd8\xff\xd9"] * 3, **TWELVE)
    for wanted in TARGETS:
        with pytest.raises(Unsupported):
            Transcoding(memoryview(lossy), wanted)
    deep = built([np.zeros((4, 4), np.uint32)])
    assert list(possible(deep)) == ["1.2.840.10008.1.2", RLE]
    overlay = built(GREY, extra=[(0x60000102, "US", 12)], **TWELVE)
    assert list(possible(overlay)) == ["1.2.840.10008.1.2"]
    with pytest.raises(Unsupported):
        Transcoding(memoryview(built(GREY, **TWELVE)), "1.2.840.10008.1.2.4.50")


def test_memory_is_a_few_frames_whatever_the_length(monkeypatch):
    monkeypatch.setattr("fastcine.codec.transcode.TABLE_BYTES", 1 << 20)
    frame = np.random.default_rng(1).integers(0, 256, (512, 512)).astype(np.uint8)
    data = built([frame] * 40)
    for wanted in (RLE, HTJ2K[0], "1.2.840.10008.1.2"):
        tracemalloc.start()
        total = sum(len(chunk) for chunk in Transcoding(memoryview(data), wanted).chunks())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total > 8_000_000 and peak < 4_500_000, (wanted, peak)
