"""Other decoders of the same file: what is coded without loss is the same samples, whoever decodes it.

Each file of the corpus that is coded without loss goes through every decoder that is installed, every frame of it.
Where one refuses what we decode it stands in ``REFUSED``; docs/decisions/0007 says who is right.
"""

import shutil
import struct
import subprocess
import warnings
from functools import lru_cache
from itertools import pairwise

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import get_decoder

from fastcine.codec.decode import decode_at
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.errors import FastcineError
from tests import corpus

DCMTK = {Family.RLE: "dcmdrle", Family.JPEG: "dcmdjpeg", Family.JPEG_LOSSLESS: "dcmdjpeg", Family.JPEG_LS: "dcmdjpls"}
PLUGINS = ("gdcm", "pylibjpeg", "pydicom")
ORACLES = {
    "RLE": ("imagecodecs", "pydicom", "dcmtk"),
    "JPEG Lossless": ("imagecodecs", "gdcm", "dcmtk"),
    "JPEG-LS Lossless": ("imagecodecs", "gdcm", "dcmtk"),
    "JPEG 2000 Image Compression (Lossless": ("imagecodecs", "gdcm", "pylibjpeg"),
    "High-Throughput": ("imagecodecs", "pylibjpeg"),
    "HTJ2K": ("imagecodecs", "pylibjpeg"),
}
"""By how the manifest's names of transfer syntaxes begin. (pylibjpeg-rle's part is in the codec bench.)"""
LOSSY_JPEG = {"JPEG Baseline": ("gdcm", "dcmtk"), "JPEG Extended": ("gdcm", "dcmtk")}

_NO_BITS = "decodes RLE of whole bytes only"
_NO_12 = "pydicom's plugin refuses 12 bits before GDCM sees them"
REFUSED = {
    ("codec_single/pydicom-data__JLSL_08_07_0_1F.dcm", "gdcm"): "pydicom's plugin refuses 6 and 7 bits",
    ("codec_single/pydicom-data__JLSL_08_07_0_1F.dcm", "dcmtk"): "refuses a precision that is not Bits Allocated",
    ("other_multiframe/pydicom-data__liver_nonbyte_aligned_rle.dcm", "pydicom"): _NO_BITS,
    ("other_multiframe/pydicom-data__liver_nonbyte_aligned_rle.dcm", "dcmtk"): _NO_BITS,
    ("other_multiframe/pydicom-data__liver_rle.dcm", "pydicom"): _NO_BITS,
    ("other_multiframe/pydicom-data__liver_rle.dcm", "dcmtk"): _NO_BITS,
    ("us/fo-dicom__GH364.dcm", "dcmtk"): "does not read the file: an item where an element should be",
    ("codec_single/dtf__MR1_JPLY", "gdcm"): _NO_12,
    ("codec_single/dtf__NM1_JPLY", "gdcm"): _NO_12,
    ("codec_single/pydicom__JPGExtended.dcm", "gdcm"): _NO_12,
    ("other_multiframe/dicomParser__CT0012.fragmented_no_bot_jpeg_baseline.51.dcm", "gdcm"): _NO_12,
}
"""(file, decoder) that raises where we decode, with the reason; each other has to agree with ours."""


BROKEN = {
    "codec_single/DicomHTJ2K__b8d52e80-c4e3-4a56-b528-286577f0e2d5_comp.dcm": "unknown transfer syntax",
    "other_multiframe/fo-dicom__multiframe.dcm": "bitstream of 240x55x3 in an image of 240x240x3",
    "weird/fuzz/fuzz__TC0321_encap_empty_bot.dcm": "JPEG marker segment cut off",
    "weird/fuzz/fuzz__TC0847_rle_seg_offset_oob.dcm": "RLE frame of 1 segments where 2 are needed",
    "weird/fuzz/fuzz__TC0849_rle_15seg_all_zero.dcm": "RLE frame of 15 segments where 2 are needed",
    "weird/fuzz/fuzz__TC0853_rle_15seg_short_data.dcm": "RLE frame of 15 segments where 2 are needed",
    "weird/fuzz/fuzz__TC0857_rle_maxuint_segments.dcm": "RLE frame of 4294967295 segments where 2 are needed",
    "weird/fuzz/fuzz__TC0957_jpegls_huge_near.dcm": "without a marker where one must be",
    "weird/fuzz/fuzz__TC0959_jpegls_prec16_ba8.dcm": "JPEG-LS frame does not decode",
    "weird/pydicom__UN_sequence.dcm": "no pixel data",
}
"""What we refuse, broken on purpose (the first says HTJ2K where its transfer syntax's UID should be), and our words."""


class Coded:
    """A file of the corpus: its bytes, and what we read of it."""

    def __init__(self, path):
        self.path, self.data = path, path.read_bytes()
        self.structure = parse_object(self.data)
        self.layout = image_layout(read_values(self.data, self.structure), self.structure)
        self.spans = frame_spans(self.data, self.structure, self.layout)
        self.syntax = find_syntax(self.layout.transfer_syntax_uid)
        self.frames = range(len(self.spans))
        self.buffer = self.structure.buffer(self.data)

    def bitstream(self, frame):
        return b"".join(self.buffer[start : start + length] for start, length in self.spans[frame])

    def ours(self):
        return [decode_at(self.buffer, self.spans, frame, layout=self.layout) for frame in self.frames]


@lru_cache(2)
def coded(path):
    """The file, and our frames of it."""
    found = Coded(path)
    return found, found.ours()


def by_imagecodecs(file, folder):
    """Its decoders on the bare bitstreams, without the checks and repairs of ours."""
    space = "RGB" if file.layout.samples_per_pixel == 3 else None
    decode = {
        Family.RLE: lambda stream: unpacked(stream, file.layout),
        Family.JPEG: lambda stream: imagecodecs.jpeg8_decode(stream, colorspace=space, outcolorspace=space),
        Family.JPEG_LOSSLESS: lambda stream: imagecodecs.jpeg8_decode(stream, colorspace=space, outcolorspace=space),
        Family.JPEG_LS: imagecodecs.jpegls_decode,
        Family.JPEG_2000: lambda stream: imagecodecs.jpeg2k_decode(stream, planar=False),
        Family.HTJ2K: lambda stream: imagecodecs.htj2k_decode(stream, planar=False),
    }[file.syntax.family]
    return [decode(file.bitstream(frame)) for frame in file.frames]


def unpacked(stream, layout):
    """RLE by imagecodecs' PackBits: byte planes, the most significant first."""
    count, *offsets = struct.unpack_from("<16I", stream)
    width, pixels = layout.bytes_per_sample, layout.rows * layout.columns
    out = np.empty((pixels, layout.samples_per_pixel, width), np.uint8)
    for number, (start, end) in enumerate(pairwise([*offsets[:count], len(stream)])):
        sample, byte = divmod(number, width)
        plane = np.frombuffer(imagecodecs.packbits_decode(stream[start:end]), np.uint8)
        if layout.bits_allocated == 1:
            plane = np.unpackbits(plane, bitorder="little")
        out[:, sample, width - 1 - byte] = plane[:pixels]
    return out.reshape(-1).view(f"<u{width}")


def raw_frames(dataset, frames, plugin=""):
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    return [decoder.as_array(dataset, raw=True, index=frame, decoding_plugin=plugin)[0] for frame in frames]


def by_plugin(file, plugin):
    dataset = pydicom.dcmread(file.path, force=True)
    if plugin not in get_decoder(dataset.file_meta.TransferSyntaxUID).available_plugins:
        pytest.skip(f"pydicom's {plugin} does not decode {file.syntax.name}, or is not installed")
    return raw_frames(dataset, file.frames, plugin)


def by_dcmtk(file, folder):
    program = DCMTK.get(file.syntax.family)
    if program is None or shutil.which(program) is None:
        pytest.skip(f"DCMTK's {program} is not installed" if program else f"DCMTK decodes no {file.syntax.family}")
    never = ["+cn"] if program == "dcmdjpeg" else []  # no colour conversion
    done = subprocess.run([program, *never, file.path, folder / "plain.dcm"], capture_output=True, timeout=30)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip())
    return raw_frames(pydicom.dcmread(folder / "plain.dcm"), file.frames)


def decoded_by(decoder, file, folder):
    """Its frames; raises where it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if decoder in PLUGINS:
            return by_plugin(file, decoder)
        return {"imagecodecs": by_imagecodecs, "dcmtk": by_dcmtk}[decoder](file, folder)


def alike(ours, theirs, bits, *, levels=0):
    """Within so many levels, comparing the low bits only: some hand out what stands above Bits Stored, too."""
    mask = (1 << bits) - 1
    ours, theirs = (np.asarray(each).astype(np.int64) & mask for each in (ours, theirs))
    return ours.size == theirs.size and int(np.abs(ours.reshape(-1) - theirs.reshape(-1)).max()) <= levels


def pairs(oracles):
    """Each file whose transfer syntax begins so, with each of its decoders, as pytest parameters."""
    return [
        pytest.param(row["file"], decoder, id=f"{row['path']} by {decoder}")
        for begin, decoders in oracles.items()
        for row in corpus.rows()
        if row["TransferSyntax"].startswith(begin) and row["path"] not in BROKEN
        for decoder in decoders
    ]


def compare(path, decoder, folder, *, levels=0):
    """Asserts that it agrees, or that it refuses as the table says."""
    file, ours = coded(path)
    reason = REFUSED.get((path.relative_to(corpus.ROOT).as_posix(), decoder))
    if reason is not None:
        with pytest.raises((RuntimeError, NotImplementedError, ValueError)):
            decoded_by(decoder, file, folder)
        return
    theirs = decoded_by(decoder, file, folder)
    for mine, other in zip(ours, theirs, strict=True):
        assert alike(mine, other, file.layout.bits_stored, levels=levels)


@corpus.needs_corpus
@pytest.mark.parametrize(("path", "decoder"), pairs(ORACLES))
def test_coded_without_loss_is_the_same_samples(path, decoder, tmp_path):
    compare(path, decoder, tmp_path)


@corpus.needs_corpus
@pytest.mark.parametrize(("path", "decoder"), pairs(LOSSY_JPEG))
def test_lossy_jpeg_is_within_one_level(path, decoder, tmp_path):
    compare(path, decoder, tmp_path, levels=1)


@corpus.needs_corpus
@pytest.mark.parametrize(("name", "words"), BROKEN.items())
def test_what_is_broken_is_refused_with_a_word_that_says_what(name, words):
    with pytest.raises(FastcineError, match=words):
        Coded(corpus.ROOT / name).ours()


@corpus.needs_corpus
def test_the_tables_name_files_that_are_there():
    here = {row["path"] for row in corpus.rows()}
    assert {name for name, _ in REFUSED} | set(BROKEN) <= here
