"""Mutated frames through the JPEG Lossless decoder, built with the address and undefined-behaviour sanitizers."""

import imagecodecs
import numpy as np
import pytest

from tests.codec.sof3_encoder import FLAT, Options, encode, steep_table
from tests.codec.test_jpeg_lossless import picture
from tests.fuzz.sanitised import ROOT, built_driver, run_driver


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    sources = sorted(path.name for path in (ROOT / "ext").glob("fc_jpegll*.c"))
    return built_driver(tmp_path_factory.mktemp("fuzz"), "fuzz_jpegll", *sources)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Every kind of frame: small ones for the headers, larger ones that are read from four places at once."""
    steep = steep_table(range(17))
    frames = [
        encode(picture(1, (9, 7), 8, 6), Options()),
        encode(picture(2, (30, 20), 12, 8), Options(precision=12, predictor=4, restart_rows=3)),
        encode(picture(3, (12, 10, 3), 8, 5), Options(predictor=7, tables=(FLAT, steep))),
        encode(picture(4, (12, 10, 3), 16, 15), Options(precision=16, interleaved=False, shift=1)),
        encode(picture(5, (90, 100), 8, 5), Options()),
        encode(picture(6, (90, 100), 12, 8), Options(precision=12, tables=(steep,), predictor=2)),
        encode(picture(7, (90, 100), 8, 8), Options(tables=(FLAT,), restart_rows=5)),
        imagecodecs.jpeg8_encode(picture(8, (120, 100), 8, 4), lossless=True, predictor=1),
        imagecodecs.jpeg8_encode(picture(9, (120, 100), 16, 9), lossless=True, predictor=6, bitspersample=16),
        imagecodecs.jpeg8_encode(np.zeros((300, 400), np.uint8), lossless=True, predictor=1),
    ]
    folder = tmp_path_factory.mktemp("seeds")
    for number, frame in enumerate(frames):
        (folder / f"{number}.jpg").write_bytes(frame)
    return sorted(folder.iterdir())


def test_mutated_frames_for_a_moment(program, seeds):
    run_driver(program, 3, 1, *seeds)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_mutated_frames_for_a_minute_each(program, seeds, seed):
    run_driver(program, 60, seed, *seeds)
