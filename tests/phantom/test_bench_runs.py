"""Bench runs. Sizes are asserted on eight frames, scaled to the whole run: a full run takes up to 10 s to make."""

from __future__ import annotations

import numpy as np
import pytest

from fastcine.errors import UsageError
from fastcine.phantom import bench_runs, counter
from tests.phantom import reading


@pytest.mark.parametrize("name", sorted(bench_runs.XRAY_RUNS))
def test_size_lies_within_a_tenth_of_the_peers(name: str) -> None:
    run = bench_runs.XRAY_RUNS[name]
    _, data = bench_runs.bench_run(name, frames=8)
    scaled = len(data) * run.frames / 8
    assert abs(scaled / run.nominal_bytes - 1) < 0.10


@pytest.mark.parametrize("name", sorted(bench_runs.XRAY_RUNS))
def test_counter_and_pixels_survive_an_outside_decoder(name: str) -> None:
    run = bench_runs.XRAY_RUNS[name]
    file_name, data = bench_runs.bench_run(name, fps=30, frames=2)
    assert file_name == f"{name}_30fps.dcm"
    decoded = reading.frames(data)
    assert [counter.read(frame, bits=run.bits) for frame in decoded] == [0, 1]
    assert np.array_equal(decoded, np.stack(list(bench_runs.xray_frames(run, fps=30, frames=2))))
    ds = reading.dataset(data)
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert float(ds.FrameTime) == pytest.approx(1000 / 30, abs=1e-6)
    assert (ds.Rows, ds.Columns, ds.BitsStored) == (run.size, run.size, run.bits)


def test_noise_is_three_grey_levels_and_follows_the_signal() -> None:
    run = bench_runs.XRAY_RUNS["xa512x60"]
    frames = np.stack(list(bench_runs.xray_frames(run, fps=15, frames=1)))[0].astype(np.float64)
    # A diagonal second difference removes the picture and keeps white noise, four times its variance.
    residual = (frames[:-1, :-1] - frames[1:, :-1] - frames[:-1, 1:] + frames[1:, 1:])[32:]
    level = frames[:-1, :-1][32:]
    middle = (level > 110) & (level < 146)
    dark, bright = (level > 40) & (level < 90), (level > 170) & (level < 230)
    assert np.std(residual[middle]) / 2 == pytest.approx(3.0, rel=0.12)
    assert np.std(residual[bright]) > 1.3 * np.std(residual[dark])


def test_the_same_bytes_every_time() -> None:
    assert bench_runs.bench_run("xa512x60", frames=2) == bench_runs.bench_run("xa512x60", frames=2)


def test_unknown_name_and_rate_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="xa512x60"):
        bench_runs.bench_run("xa1")
    with pytest.raises(UsageError, match="15 and 30"):
        bench_runs.bench_run("xa512x60", fps=25)


def test_the_rgb_echo_is_uncompressed_and_counted() -> None:
    name, data = bench_runs.bench_run(bench_runs.ECHO, fps=30, frames=2)
    assert name == "us800x600_rgb60_30fps.dcm" and bench_runs.ECHO in bench_runs.bench_names()
    ds = reading.dataset(data)
    assert (ds.PhotometricInterpretation, ds.Rows, ds.Columns) == ("RGB", 600, 800)
    decoded = reading.frames(data, plugin="")
    assert [counter.read(frame) for frame in decoded] == [0, 1]
