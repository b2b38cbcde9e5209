from __future__ import annotations

import numpy as np
import pytest

from fastcine.phantom import xray
from fastcine.phantom.identity import rng_for
from fastcine.phantom.projection import CArm
from fastcine.phantom.rhythm import make_rhythm

ARM = CArm(-32, -20, 256, 256, 0.72)
QUIET = xray.Technique(noise=0.0, collimator="open", label=False)


def render(times_s: list[float], technique: xray.Technique = QUIET, arm: CArm = ARM, side: str = "LCA") -> np.ndarray:
    scene = xray.coronary_scene(side, rng_for(1, "tree"), make_rhythm(rng_for(1, "rhythm"), duration_s=6))
    frames = xray.render_run(scene, arm, technique=technique, times_s=np.array(times_s), rng=rng_for(1, "noise"))
    return np.stack(list(frames)).astype(np.float64)


def test_contrast_washes_in_and_out() -> None:
    still = xray.Technique(noise=0.0, collimator="open", label=False, beating=False, breathing=False)
    before, full, late = render([0.0, 2.0, 5.5], still)
    darkened = before - full > 15
    assert 0.01 < darkened.mean() < 0.2
    assert np.mean((before - full)[darkened]) > 4 * np.mean((before - late)[darkened])


def test_heart_and_breath_move_the_vessels() -> None:
    beating = xray.Technique(noise=0.0, collimator="open", label=False, breathing=False)
    still = xray.Technique(noise=0.0, collimator="open", label=False, beating=False, breathing=False)
    times = [1.5, 1.7, 1.9]
    moving, fixed = np.ptp(render(times, beating), axis=0), np.ptp(render(times, still), axis=0)
    assert (moving > 15).mean() > 5 * max((fixed > 15).mean(), 1e-4)
    breathing = xray.Technique(noise=0.0, collimator="open", label=False, beating=False)
    assert (np.ptp(render(times, breathing), axis=0) > 15).mean() > 2 * max((fixed > 15).mean(), 1e-4)


@pytest.mark.parametrize("side", ["LCA", "RCA", "RENAL"])
def test_projections_differ(side: str) -> None:
    one = render([1.6], side=side)
    other = render([1.6], arm=CArm(40, 10, 256, 256, 0.72), side=side)
    assert np.abs(one - other).mean() > 8


def test_noise_grows_with_the_signal_and_is_fresh_in_every_frame() -> None:
    noisy = xray.Technique(collimator="open", label=False, beating=False, breathing=False, spread=0.0, noise=3 / 256)
    frames = render([0.0, 0.0, 0.0, 0.0], noisy)
    spread, level = frames.std(axis=0, ddof=1), frames.mean(axis=0)
    dark, bright = spread[level < 110].mean(), spread[level > 190].mean()
    assert bright > 1.25 * dark > 1.0


@pytest.mark.parametrize("collimator", ["rectangle", "circle"])
def test_the_collimator_darkens_the_corners_only(collimator: str) -> None:
    frame = render([1.0], xray.Technique(collimator=collimator, label=False))[0]
    assert frame[:6, :6].max() < 10 and frame[-6:, -6:].max() < 10
    assert frame[100:156, 100:156].mean() > 60


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_every_frame_says_phantom_and_stays_within_its_bits(bits: int) -> None:
    frame = render([1.0], xray.Technique(bits=bits))[0]
    assert frame.max() < 1 << bits
    strip = frame[-14:-5, 60:200]
    assert (strip == (232 << bits) >> 8).sum() > 80 and (strip == (24 << bits) >> 8).sum() > 80


def test_logarithmic_pixels_make_contrast_independent_of_what_lies_behind() -> None:
    """In LOG data a vessel subtracts alike over bone and lung; that is why DSA uses it."""
    log = xray.Technique(
        bits=12, noise=0.0, logarithmic=True, collimator="open", label=False, beating=False, breathing=False
    )
    lin = xray.Technique(bits=12, noise=0.0, collimator="open", label=False, beating=False, breathing=False)
    a, b = CArm(0, 0, 256, 256, 0.72), CArm(0, 0, 256, 256, 0.72)
    log_before, log_full = render([-2.0, 1.8], log, a, "RENAL")
    lin_before, lin_full = render([-2.0, 1.8], lin, b, "RENAL")
    vessel = lin_before - lin_full > 300
    attenuation = -np.log(lin_full[vessel] / lin_before[vessel])
    assert np.corrcoef((log_before - log_full)[vessel], attenuation)[0, 1] > 0.995
