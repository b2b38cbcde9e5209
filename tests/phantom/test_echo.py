from __future__ import annotations

import imagecodecs
import numpy as np

from fastcine.phantom import bench_runs, echo, ivus
from fastcine.phantom.identity import rng_for
from fastcine.phantom.rhythm import Rhythm, make_rhythm


def loop(rhythm: Rhythm, times_s: np.ndarray) -> np.ndarray:
    return np.stack(list(echo.echo_frames(rhythm, times_s=times_s, rng=rng_for(1, "speckle")))).astype(np.int32)


def test_the_left_ventricle_contracts_on_the_beat() -> None:
    rhythm = make_rhythm(rng_for(1, "rhythm"), duration_s=3)
    start, end = rhythm.r_times_s[8:10]
    diastole, systole = loop(rhythm, start + (end - start) * np.array([0.0, 0.37]))
    box = (slice(150, 330), slice(380, 530), slice(None))
    blood = [(frame[box].max(axis=2) < 75).mean() for frame in (diastole, systole)]
    assert blood[0] > 1.2 * blood[1]


def test_flow_is_red_in_diastole_and_blue_in_systole() -> None:
    rhythm = make_rhythm(rng_for(1, "rhythm"), duration_s=3)
    start, end = rhythm.r_times_s[8:10]
    filling, ejecting = loop(rhythm, start + (end - start) * np.array([0.54, 0.2]))[:, 200:500, 300:600]
    red, blue = filling[..., 0] - filling[..., 2] > 80, filling[..., 2] - filling[..., 0] > 80
    assert red.sum() > 2000 and blue.sum() < 200
    assert ((ejecting[..., 2] - ejecting[..., 0]) > 80).sum() > 2000


def test_the_ecg_trace_peaks_at_r() -> None:
    rhythm = make_rhythm(rng_for(1, "rhythm"), duration_s=6)
    time_s = 1.5
    frame = loop(rhythm, np.array([time_s]))[0]
    top, bottom, left, right = echo.ECG_BOUNDS
    trace = frame[top:bottom, left:right, 1] == 220
    highest = np.where(trace.any(axis=0), trace.argmax(axis=0), bottom)
    for r in rhythm.r_times_within_s(time_s):
        column = round(r / echo.ECG_SWEEP_S * (right - left))
        near = highest[max(column - 40, 0) : column + 40]
        assert abs(int(near.argmin()) + max(column - 40, 0) - column) <= 3


def test_every_frame_says_phantom() -> None:
    rhythm = make_rhythm(rng_for(1, "rhythm"), duration_s=3)
    frame = loop(rhythm, np.array([0.0]))[0]
    assert (frame[20:46, 10:150] == (230, 210, 60)).all(axis=2).sum() > 500
    pullback = next(ivus.ivus_frames(rhythm, times_s=np.array([0.0]), rate_mm_s=1.0, rng=rng_for(1, "x")))
    assert (pullback[-20:-2, :100] == 210).sum() > 250


def test_coarse_first_pass_of_the_rgb_echo_is_under_30_kb() -> None:
    for frame in bench_runs.echo_frames(fps=30, frames=8):
        assert len(imagecodecs.htj2k_encode(frame, level=0.16, rgb=True, reversible=False)) < 30_000


def test_the_pullback_meets_a_narrowing() -> None:
    rhythm = make_rhythm(rng_for(1, "rhythm"), duration_s=8)
    times = np.array([0.2, 3.5])
    wide, narrow = ivus.ivus_frames(rhythm, times_s=times, rate_mm_s=2.5, rng=rng_for(1, "x"))
    middle = (slice(100, 284), slice(100, 284))
    assert (wide[middle] > 90).mean() < 0.8 * (narrow[middle] > 90).mean()
