"""The JPEG Lossless decoder under the sanitisers, on mutated frames: of every form, and of the corpus."""

import pytest

from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import FastcineError
from tests import corpus
from tests.codec import sof3
from tests.codec.test_jpeg_lossless import picture
from tests.fuzz.sanitised import built_driver, run_driver

LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
MOST_BYTES = 1 << 16


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    sources = ("fc_jpegll.c", "fc_jpegll_entropy.c", "fc_jpegll_markers.c")
    return built_driver(tmp_path_factory.mktemp("fuzz"), "fuzz_jpegll", *sources)


def made_frames():
    for seed, (precision, components, columns) in enumerate(
        [(8, 1, 200), (12, 1, 31), (16, 1, 3), (8, 3, 40), (2, 2, 9)]
    ):
        shape = (40, columns) if components == 1 else (40, columns, components)
        samples = picture(seed, shape, precision)
        for choices in (
            {},
            {"restart_rows": 7, "predictor": 4},
            {"interleaved": False, "tables": (1, 0), "predictor": 7},
        ):
            yield sof3.encode(samples, precision=precision, **choices)


def frames_of_the_corpus():
    for path in corpus.paths("codec_single", "xa", "us", "other_multiframe"):
        data = path.read_bytes()
        try:
            structure = parse_object(data)
            if structure.transfer_syntax_uid not in LOSSLESS:
                continue
            spans = frame_spans(data, structure, image_layout(read_values(data, structure), structure))
        except FastcineError:
            continue
        yield b"".join(data[offset : offset + length] for offset, length in spans[0])


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    frames = [each for each in (*made_frames(), *frames_of_the_corpus()) if len(each) < MOST_BYTES]
    for number, frame in enumerate(frames[:64]):
        (folder / f"{number}.jpg").write_bytes(frame)
    return sorted(folder.iterdir())


def test_two_seconds(driver, seeds):
    run_driver(driver, 2, *seeds)


@pytest.mark.soak
def test_ten_minutes(driver, seeds):
    run_driver(driver, 600, *seeds)
