"""Transcoding: samples equal by decoders that are not ours, data sets that dciodvfy finds no new fault in."""

import io
import re
import shutil
import subprocess
import warnings
import zlib
from collections import Counter

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder

from fastcine.codec.decode import decode_at
from fastcine.codec.transcode import TARGETS, Transcoding, becomes
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
        if now is None and wanted == IMPLICIT_LITTLE:
            continue  # private values whose VR is gone: it breaks off at dcmconv's copies too
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
