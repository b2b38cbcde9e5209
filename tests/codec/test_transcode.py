"""Transcoding: samples equal by decoders that are not ours, data sets that dciodvfy finds no new fault in."""

import io
import re
import shutil
import subprocess
import tracemalloc
import warnings
import zlib
from collections import Counter

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets
from pydicom.pixels import get_decoder

from fastcine.codec.decode import decode_at
from fastcine.codec.j2k import scan_codestream
from fastcine.codec.jpeg import scan_jpeg
from fastcine.codec.rle import encode_rle
from fastcine.codec.transcode import NATIVE, TARGETS, Transcoding, becomes
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import EXPLICIT_LITTLE, IMPLICIT_LITTLE, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.part10 import part10_head
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.errors import FastcineError, Unsupported
from tests.corpus import needs_corpus, paths

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RLE, SV1, JLS, J2K = (f"1.2.840.10008.1.2.{suffix}" for suffix in ("5", "4.70", "4.80", "4.90"))
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202")
PLUGIN = {RLE: "pydicom", SV1: "gdcm", JLS: "gdcm", **dict.fromkeys((J2K, *HTJ2K), "pylibjpeg")}
"""Whose decoder says what we wrote: none of them is what it was written with."""
PRIVATE = re.compile(r"\(0x[0-9a-f]{3}[13579bdf],|invalid data values for Value Representations")


class Image:
    """An object with pixels: our reading of its bytes."""

    def __init__(self, data):
        self.data, self.structure = data, parse_object(data)
        values = read_values(data, self.structure)
        self.layout = image_layout(values, self.structure)
        self.spans = frame_spans(data, self.structure, self.layout)
        self.sop_class = str(values.get("SOPClassUID", ""))
        self.syntax = find_syntax(self.structure.transfer_syntax_uid)

    def frames(self):
        buffer = self.structure.buffer(self.data)
        return [decode_at(buffer, self.spans, number, layout=self.layout) for number in range(len(self.spans))]


def written(data, wanted):
    """A Part 10 file of what comes out."""
    structure = parse_object(data)
    values = read_values(data, structure)
    uids = [str(values.get(keyword, "") or "1.2.3") for keyword in ("SOPClassUID", "SOPInstanceUID")]
    head = part10_head(*uids, wanted)
    return head + b"".join(Transcoding(memoryview(data), wanted).chunks())


def by_another(data, wanted):
    """All samples, by pydicom with a plug-in: frame by frame, colour by pixel, nothing converted."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if wanted in (SV1, JLS) and dataset.BitsStored < 8:
            # The plug-in ends the process (JPEG Lossless) or refuses (JPEG-LS): other libraries, by imagecodecs.
            decode = imagecodecs.jpegsof3_decode if wanted == SV1 else imagecodecs.jpegls_decode
            frames = int(dataset.get("NumberOfFrames", 1) or 1)
            return np.stack([decode(each) for each in generate_frames(dataset.PixelData, number_of_frames=frames)])
        array, _ = get_decoder(wanted).as_array(dataset, raw=True, decoding_plugin=PLUGIN.get(wanted, ""))
    return array


def assert_same(image, data, wanted, said):
    ours = image.frames()
    try:
        theirs = by_another(data, wanted)
    except (AttributeError, ValueError):
        assert damaged(said), said  # other readers give up on some of these
        theirs = np.stack(Image(data).frames())
    theirs = theirs.reshape(len(ours), *ours[0].shape)
    for number, frame in enumerate(ours):
        assert np.array_equal(theirs[number], frame), (said, wanted, number)


def possible(data, first=0, every=1):
    """Transfer syntaxes that this object goes out in; of those to be tried every n-th."""
    stored = parse_object(data).transfer_syntax_uid
    for wanted in TARGETS[first::every]:
        if wanted != stored and becomes(stored, wanted):
            try:
                Transcoding(memoryview(data), wanted)
            except Unsupported:
                continue
            yield wanted


def damaged(path):
    """Files with one thing wrong on purpose that are read all the same: dciodvfy says little of them as they are."""
    return path.parent.name == "fuzz"


def images(most_bytes=1 << 40):
    """(path, Image) of the corpus' valid ones that are lossless, the smallest first."""
    for path in sorted(paths(), key=lambda path: path.stat().st_size):
        if path.stat().st_size > most_bytes:
            return
        try:
            image = Image(path.read_bytes())
            if image.syntax is not None and image.syntax.lossless and image.syntax.family is not Family.VIDEO:
                yield path, image
        except FastcineError:
            continue


def errors(data, folder):
    """What dciodvfy calls an error; None where it breaks off, as at native samples of 32 bits and stray items."""
    path = folder / "checked.dcm"
    path.write_bytes(data)
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    broken = done.returncode < 0 or "read failed" in done.stderr or "Tags out of order" in done.stderr
    lines = [line for line in done.stderr.splitlines() if line[:5] == "Error" and "MediaStorageSOP" not in line]
    return None if broken else Counter(lines)  # (file meta information is the test's, where the data set lacks a UID)


def errors_before(image, folder):
    """Of the object as it is, or written plainly by pydicom where dciodvfy does not read its transfer syntax."""
    data = image.data
    if image.syntax.family in (Family.HTJ2K, Family.JPEG_XL, Family.DEFLATED_FRAMES) or image.structure.inflated:
        try:
            dataset = pydicom.dcmread(io.BytesIO(data))
            if image.syntax.encapsulated:
                dataset.decompress(as_rgb=False, generate_instance_uid=False)
            dataset.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
            plain = io.BytesIO()
            dataset.save_as(plain)
        except (NotImplementedError, AttributeError, RuntimeError, ValueError):
            return None  # JPEG XL, or a syntax that it does not know
        data = plain.getvalue()
    return errors(data, folder)


def assert_no_new_error(before, after, said, layout):
    new = after - before
    if layout.low_bit:  # samples that stood higher in their words stand where PS3.5 8.1.1 wants them
        new = [line for line in new if "<High Bit>" not in line]
    assert not new, (said, new)


def check(path, image, folder, every=1):
    """Every way that an object can go (or every n-th); how many there were."""
    count = 0
    try:
        image.frames()
    except FastcineError:
        return 0  # not valid
    deep = image.layout.bits_allocated > 16  # dciodvfy breaks off at such samples
    known = errors_before(image, folder) if not deep and shutil.which("dciodvfy") and not damaged(path) else None
    first = zlib.crc32(path.name.encode()) % every
    for wanted in possible(image.data, first, every):
        out = written(image.data, wanted)
        assert_same(image, out, wanted, path)
        count += 1
        # dciodvfy does not read HTJ2K, and not all that dcmconv writes with implicit VR: it is shown that written back.
        shown = written(out, EXPLICIT_LITTLE) if wanted in (*HTJ2K, IMPLICIT_LITTLE) else out
        now = None if known is None else errors(shown, folder)
        if known is not None:
            assert now is not None, (path, wanted)
            if wanted == IMPLICIT_LITTLE:  # a private element's VR is a dictionary's guess afterwards
                now = Counter({line: number for line, number in now.items() if not PRIVATE.search(line)})
            assert_no_new_error(known, now, (path, wanted), image.layout)
    return count


@needs_corpus
def test_one_of_each_kind(tmp_path):
    """Each class in each transfer syntax, and each kind of samples; those that are alike in both once."""
    classes, samples = {}, {}
    for path, image in images(300_000):
        layout = image.layout
        kind = (layout.photometric_interpretation, layout.signed, layout.bits_stored, len(image.spans) > 1)
        if not damaged(path):
            classes.setdefault((image.sop_class, layout.transfer_syntax_uid), (path, image))
            samples.setdefault(kind, (path, image))
    assert len(classes) > 40 and len(samples) > 15
    count = sum(check(path, image, tmp_path, every=4) for path, image in dict(samples.values()).items())
    count += sum(check(path, image, tmp_path, every=8) for path, image in dict(classes.values()).items())
    assert count > 45


@needs_corpus
@pytest.mark.soak
def test_every_valid_object(tmp_path):
    assert sum(check(path, image, tmp_path) for path, image in images()) > 2000


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
