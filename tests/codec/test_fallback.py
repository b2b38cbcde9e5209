"""JPEG 2000 and HTJ2K where imagecodecs was built without them: the same samples, and nothing else stands still."""

import os
import signal
import struct
import threading

import imagecodecs
import numpy as np
import openjpeg
import pytest

from fastcine import work
from fastcine.codec import fallback, htj2k
from fastcine.codec.decode import decode_at, decode_frame
from fastcine.codec.j2k import scan_codestream
from fastcine.codec.registry import decoder_family, syntax_table
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import Family
from fastcine.errors import BadDicom, FastcineError, Unsupported
from tests import corpus
from tests.codec.test_oracles import BROKEN
from tests.dicom.building import make_layout

UID = "1.2.840.10008.1.2.4."
NAMES = {
    "90": "JPEG 2000 Image Compression (Lossless Only)",
    "91": "JPEG 2000 Image Compression",
    "201": "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    "202": "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
    "203": "High-Throughput JPEG 2000 Image Compression",
}
"""As the manifest of the corpus names the transfer syntaxes."""
ROWS, COLUMNS = 44, 60


def take_away(monkeypatch, *codecs):
    """imagecodecs as it is where it was built without them."""
    for name in codecs:
        monkeypatch.setattr(getattr(imagecodecs, name), "available", False)
        for call in ("encode", "decode"):

            def missing(*args, **options):
                raise ImportError("could not import name from 'imagecodecs'")

            monkeypatch.setattr(imagecodecs, f"{name.lower()}_{call}", missing)


@pytest.fixture
def without(monkeypatch):
    return lambda *codecs: take_away(monkeypatch, *codecs)


@pytest.fixture
def bare(without):
    without("JPEG2K", "HTJ2K")


def picture(bits, *, signed=False, components=1):
    """A slope with noise over the whole range."""
    shape = (ROWS, COLUMNS) if components == 1 else (ROWS, COLUMNS, components)
    noise = np.random.default_rng(bits).integers(0, 1 << bits, shape)
    slope = np.arange(ROWS).reshape(ROWS, *[1] * (len(shape) - 1)) * (1 << bits) // ROWS
    values = (noise + 3 * slope) // 4 - (1 << (bits - 1) if signed else 0)
    return values.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def layout_of(samples, bits, suffix):
    return make_layout(
        rows=ROWS,
        columns=COLUMNS,
        samples_per_pixel=1 if samples.ndim == 2 else 3,
        bits_allocated=8 * samples.dtype.itemsize,
        bytes_per_sample=samples.dtype.itemsize,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=samples.dtype.kind == "i",
        photometric_interpretation="MONOCHROME2" if samples.ndim == 2 else "RGB",
        transfer_syntax_uid=UID + suffix,
    )


def encoded(samples, bits, suffix):
    if suffix in ("90", "91"):
        return bytes(imagecodecs.jpeg2k_encode(samples, codecformat="J2K", level=0, reversible=True))
    return bytes(imagecodecs.htj2k_encode(samples, reversible=True, planar=False, rgb=samples.ndim == 3))


FORMS = [(8, False, 1), (12, False, 1), (16, False, 1), (8, True, 1), (12, True, 1), (16, True, 1), (8, False, 3)]


@pytest.mark.parametrize("suffix", ["90", "201"])
@pytest.mark.parametrize(("bits", "signed", "components"), FORMS)
def test_made_frames_are_the_same_samples(without, suffix, bits, signed, components):
    samples = picture(bits, signed=signed, components=components)
    layout, bitstream = layout_of(samples, bits, suffix), encoded(samples, bits, suffix)
    by_imagecodecs = decode_frame([bitstream], layout)
    without("JPEG2K", "HTJ2K")
    found = decode_frame([bitstream[:100], bitstream[100:]], layout)
    assert np.array_equal(found, samples) and np.array_equal(found, by_imagecodecs)
    assert found.dtype == by_imagecodecs.dtype and found.flags.writeable and found.flags.c_contiguous


def test_boxes_around_a_codestream_are_stepped_over(bare, monkeypatch):
    monkeypatch.undo()
    samples = picture(8)
    boxed = bytes(imagecodecs.jpeg2k_encode(samples, codecformat="JP2", level=0, reversible=True))
    take_away(monkeypatch, "JPEG2K")
    assert scan_codestream(boxed).start > 0
    assert np.array_equal(decode_frame([boxed], layout_of(samples, 8, "90")), samples)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_what_runs_are_coded_in_is_read_back(without, bits):
    samples = picture(bits)
    exact, rough = htj2k.encode_exact(samples, bits), htj2k.encode_first_pass(samples, bits, 0.01)
    by_imagecodecs = htj2k.decode_first_pass(rough, bits)
    without("HTJ2K")
    assert np.array_equal(htj2k.decode_exact(exact), samples)
    assert np.abs(htj2k.decode_first_pass(rough, bits).astype(int) - by_imagecodecs).max() <= 1


def test_bright_lossy_values_are_clamped_and_not_wrapped(without):
    samples = np.where(picture(8) > 100, 255, 0).astype(np.uint8)
    rough = htj2k.encode_first_pass(samples, 8, 0.05)
    by_imagecodecs = htj2k.decode_first_pass(rough, 8)
    without("HTJ2K")
    assert np.abs(htj2k.decode_first_pass(rough, 8).astype(int) - by_imagecodecs).max() <= 1


def frames_of(path):
    """(its samples, whether without loss) of each frame, as far as the first two and the last."""
    data = path.read_bytes()
    structure = parse_object(data)
    layout = image_layout(read_values(data, structure), structure)
    spans, buffer = frame_spans(data, structure, layout), structure.buffer(data)
    for frame in sorted({0, min(1, len(spans) - 1), len(spans) - 1}):
        first = b"".join(buffer[start : start + length] for start, length in spans[frame])
        yield decode_at(buffer, spans, frame, layout=layout), scan_codestream(first).reversible


CODED = [
    pytest.param(row["file"], id=row["path"])
    for row in corpus.rows()
    if row["TransferSyntax"] in NAMES.values() and row["path"] not in BROKEN
] or [pytest.param(None, marks=pytest.mark.skip(reason="FASTCINE_CORPUS names no folder with a MANIFEST.tsv"))]


@pytest.mark.parametrize("path", CODED)
def test_real_files_are_the_same_samples(path, without):
    if path.name == "pydicom__JPEG2000-embedded-sequence-delimiter.dcm":
        without("JPEG2K")
        with pytest.raises(BadDicom, match="header"):  # nobody decodes it
            list(frames_of(path))
        return
    by_imagecodecs = list(frames_of(path))
    without("JPEG2K", "HTJ2K")
    for (expected, reversible), (found, _) in zip(by_imagecodecs, frames_of(path), strict=True):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        assert np.abs(found.astype(np.int64) - expected).max() <= (0 if reversible else 1)


@corpus.needs_corpus
@pytest.mark.parametrize("suffix", ["90", "91", "201", "202"])
def test_there_are_real_files_of_each(suffix):
    assert any(row["TransferSyntax"] == NAMES[suffix] for row in corpus.rows())


@pytest.mark.parametrize("suffix", ["90", "201"])
@pytest.mark.parametrize("cut", [0.02, 0.3, 0.6, 0.9, 0.99, -2])
def test_a_frame_that_is_cut_off_is_refused(without, suffix, cut):
    samples = picture(8)
    bitstream = encoded(samples, 8, suffix)
    without("JPEG2K", "HTJ2K")
    with pytest.raises(BadDicom) as error:
        decode_frame([bitstream[: cut if cut < 0 else int(len(bitstream) * cut)]], layout_of(samples, 8, suffix))
    assert error.value.tag == "7FE0,0010"


@pytest.mark.parametrize("suffix", ["90", "201"])
def test_damaged_frames_are_our_errors_or_the_samples_of_the_layout(without, suffix):
    samples = picture(8)
    layout, sound, dice = layout_of(samples, 8, suffix), encoded(samples, 8, suffix), np.random.default_rng(4)
    without("JPEG2K", "HTJ2K")
    refused = 0
    for _ in range(150):
        broken = bytearray(sound)
        for place in dice.integers(0, len(sound) if dice.random() < 0.5 else 120, dice.integers(1, 5)):
            broken[place] = dice.integers(0, 256)
        try:
            assert decode_frame([bytes(broken)], layout).shape == samples.shape
        except FastcineError:
            refused += 1
    assert refused > 15


def test_sizes_that_contradict_the_layout_never_reach_the_process(bare, monkeypatch):
    monkeypatch.undo()
    samples = picture(8)
    bitstream = encoded(samples, 8, "90")
    take_away(monkeypatch, "JPEG2K")
    monkeypatch.setattr(work, "in_process", lambda *args: pytest.fail("it was asked"))
    with pytest.raises(BadDicom, match="in an image of"):
        decode_frame([bitstream], make_layout(rows=5, columns=5, transfer_syntax_uid=UID + "90"))


def test_an_image_far_off_its_origin_is_not_allocated(without):
    samples = picture(8)
    moved = bytearray(encoded(samples, 8, "90"))
    at = scan_codestream(bytes(moved)).siz_offset + 6
    far = 1 << 30
    struct.pack_into(">8I", moved, at, COLUMNS + far, ROWS + far, far, far, COLUMNS, ROWS, far, far)
    without("JPEG2K")
    with pytest.raises(Unsupported, match="origin"):
        decode_frame([bytes(moved)], layout_of(samples, 8, "90"))


@pytest.mark.parametrize(
    ("error", "words"), [(ChildProcessError, "ends its decoder's process"), (TimeoutError, "busy for too long")]
)
def test_a_frame_that_kills_or_keeps_its_process_is_damaged(without, monkeypatch, error, words):
    samples = picture(8)
    bitstream = encoded(samples, 8, "90")
    without("JPEG2K")

    def fails(*args):
        raise error("no answer")

    monkeypatch.setattr(work, "in_process", fails)
    with pytest.raises(BadDicom, match=words):
        decode_frame([bitstream], layout_of(samples, 8, "90"))


def test_a_killed_process_is_not_noticed(without):
    samples = picture(12)
    bitstream = encoded(samples, 12, "90")
    without("JPEG2K")
    for _ in range(3):
        os.kill(work.in_process(os.getpid), signal.SIGKILL)
        assert np.array_equal(decode_frame([bitstream], layout_of(samples, 12, "90")), samples)


def turns_of_another_thread(call):
    """How often another thread had its turn while `call` ran."""
    turns, end, begun = [0], threading.Event(), threading.Event()

    def count():
        while not end.wait(0.001):
            turns[0] += 1
            begun.set()

    thread = threading.Thread(target=count)
    thread.start()
    try:
        assert begun.wait(20)
        before = turns[0]
        call()
        return turns[0] - before
    finally:
        end.set()
        thread.join()


def test_other_threads_go_on_meanwhile(without):
    samples = np.random.default_rng(1).integers(0, 4096, (1200, 1200), dtype=np.uint16)
    bitstream = encoded(samples, 12, "90")
    without("JPEG2K")
    info = scan_codestream(bitstream)
    work.in_process(os.getpid)  # it has begun
    in_this_process = turns_of_another_thread(lambda: openjpeg.decode_pixel_data(bitstream))
    in_another = turns_of_another_thread(lambda: fallback.decode_codestream(bitstream, info))
    assert in_another >= 20 and in_another > 4 * in_this_process, (in_this_process, in_another)


def named(family):
    (found,) = {(row.decoder, row.reason) for row in syntax_table() if row.syntax.family is family and row.decoder}
    return found


def test_the_table_names_what_decodes(without):
    assert named(Family.JPEG_2000) == ("imagecodecs, OpenJPEG", "")
    assert named(Family.HTJ2K) == ("imagecodecs, OpenJPH", "")
    without("HTJ2K")
    assert named(Family.JPEG_2000) == ("imagecodecs, OpenJPEG", "")
    assert named(Family.HTJ2K) == ("pylibjpeg, OpenJPEG", "")
    without("JPEG2K")
    assert named(Family.JPEG_2000) == ("pylibjpeg, OpenJPEG", "")


def test_where_nothing_decodes_it_says_what_to_install(without, monkeypatch):
    samples = picture(8)
    streams = {suffix: encoded(samples, 8, suffix) for suffix in ("90", "201")}
    monkeypatch.setattr(fallback, "installed", lambda: False)
    assert decoder_family(UID + "90") is Family.JPEG_2000  # imagecodecs does
    without("JPEG2K", "HTJ2K")
    for suffix, other in (("90", "201"), ("201", "90")):
        (row,) = [row for row in syntax_table() if row.syntax.uid == UID + suffix]
        assert row.decoder == "" and "pip install pylibjpeg-openjpeg" in row.reason
        for stream in (streams[suffix], streams[other]):
            with pytest.raises(Unsupported, match="pip install pylibjpeg-openjpeg"):
                decode_frame([stream], layout_of(samples, 8, suffix))
    # HTJ2K bytes in a JPEG 2000 object, where only one of the two is missing.
    monkeypatch.setattr(imagecodecs.JPEG2K, "available", True)
    with pytest.raises(Unsupported, match="pip install pylibjpeg-openjpeg"):
        decode_frame([streams["201"]], layout_of(samples, 8, "90"))


def test_runs_cannot_be_coded_without_htj2k_and_that_is_said(bare):
    with pytest.raises(Unsupported, match="PyPI"):
        htj2k.encode_exact(picture(8), 8)
    with pytest.raises(Unsupported, match="PyPI"):
        htj2k.encode_first_pass(picture(8), 8, 0.04)


def test_an_imagecodecs_that_never_heard_of_it(monkeypatch):
    monkeypatch.setattr(fallback, "imagecodecs", object())
    assert fallback.needed("HTJ2K") and fallback.needed("JPEG2K")
