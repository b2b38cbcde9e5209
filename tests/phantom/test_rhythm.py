from __future__ import annotations

import numpy as np

from fastcine.phantom.identity import rng_for
from fastcine.phantom.rhythm import breath, make_rhythm


def test_r_peaks_of_the_ecg_are_the_rhythms() -> None:
    rhythm = make_rhythm(rng_for(3, "x"), duration_s=6.0)
    times = np.arange(0, 6, 0.001)
    voltage = rhythm.ecg_mv(times)
    peaks = times[1:-1][(voltage[1:-1] > voltage[:-2]) & (voltage[1:-1] > voltage[2:]) & (voltage[1:-1] > 0.8)]
    assert np.allclose(peaks, rhythm.r_times_within_s(6.0), atol=0.003)
    assert len(peaks) == 7 and abs(rhythm.rate_bpm() - 72) <= 2


def test_it_covers_the_run_and_a_sweep_before_it() -> None:
    rhythm = make_rhythm(rng_for(4, "x"), duration_s=10.0)
    assert rhythm.r_times_s[0] < -3.0 and rhythm.r_times_s[-1] > 10.0
    phase = rhythm.phase(np.linspace(-3, 10, 500))
    assert phase.min() >= 0 and phase.max() < 1


def test_the_ventricle_is_smallest_at_a_third_of_the_beat() -> None:
    rhythm = make_rhythm(rng_for(5, "x"), duration_s=3.0)
    start, end = rhythm.r_times_s[8:10]
    times = np.linspace(start, end, 200, endpoint=False)
    contraction = rhythm.contraction(times)
    assert contraction.min() >= 0 and contraction.max() > 0.99
    assert 0.3 < np.argmax(contraction) / 200 < 0.42
    assert contraction[0] < 0.02 and contraction[-1] < 0.05


def test_breath_stays_within_its_range() -> None:
    excursion = breath(np.linspace(0, 20, 400))
    assert excursion.min() >= 0 and 0.99 < excursion.max() <= 1
