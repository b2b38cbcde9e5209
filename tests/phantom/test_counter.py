from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from fastcine.phantom import bench_runs, counter

NUMBERS = (0, 1, 2, 59, 119, 1365, 2730, 4095)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("shape", [(16, 240), (512, 512), (600, 800, 3)])
def test_what_is_burned_is_read(number: int, shape: tuple[int, ...]) -> None:
    frame = np.full(shape, 90, dtype=np.uint8)
    counter.burn(frame, number)
    assert counter.read(frame) == number


def test_the_documented_layout() -> None:
    frame = np.zeros((32, 256), dtype=np.uint8)
    counter.burn(frame, 0b100000000011)
    centres = frame[8, 8 : 15 * 16 : 16] > 128
    # Three ones: parity dark, so that sync's thirteen followers hold an odd number of ones.
    assert centres.astype(int).tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]
    assert not frame[16:].any() and not frame[:, 240:].any()


def test_one_wrong_block_is_noticed() -> None:
    frame = np.full((64, 256), 90, dtype=np.uint8)
    counter.burn(frame, 77)
    for block in range(counter.BLOCKS):
        broken = frame.copy()
        inner = broken[:16, block * 16 : block * 16 + 16]
        inner[...] = np.where(inner > 128, 32, 224)
        assert counter.read(broken) is None, f"block {block}"


def test_a_picture_without_a_counter_reads_none() -> None:
    rng = np.random.default_rng(1)
    assert counter.read(np.zeros((64, 256), dtype=np.uint8)) is None
    assert counter.read(rng.integers(0, 256, (64, 256), dtype=np.uint8)) is None
    assert counter.read(np.zeros((8, 256), dtype=np.uint8)) is None


def test_out_of_range_numbers_and_small_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="4096"):
        counter.burn(np.zeros((64, 256), dtype=np.uint8), 4096)
    with pytest.raises(ValueError, match="small"):
        counter.burn(np.zeros((64, 200), dtype=np.uint8), 1)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_legible_at_the_coarsest_first_pass(bits: int) -> None:
    """HTJ2K 9/7 at .16 of the range; 12 bits lie in a 16-bit stream, so the step shrinks with them."""
    run = bench_runs.BenchRun(512, 60, bits, 0)
    level = 0.16 if bits == 8 else 0.16 * 2**bits / 2**16
    for number, frame in enumerate(bench_runs.xray_frames(run, fps=15, frames=3)):
        lossy = imagecodecs.htj2k_decode(imagecodecs.htj2k_encode(frame, level=level, reversible=False))
        assert not np.array_equal(lossy, frame)
        assert counter.read(lossy, bits=bits) == number


@pytest.mark.parametrize("number", NUMBERS)
def test_legible_in_color_and_through_a_window(number: int) -> None:
    rng = np.random.default_rng(number)
    frame = rng.integers(0, 200, (128, 256, 3), dtype=np.uint8)
    counter.burn(frame, number)
    lossy = imagecodecs.htj2k_decode(imagecodecs.htj2k_encode(frame, level=0.16, rgb=True, reversible=False))
    windowed = np.clip((lossy.astype(np.float64) - 128) * 0.8 + 120, 0, 255).astype(np.uint8)
    assert counter.read(windowed) == number
