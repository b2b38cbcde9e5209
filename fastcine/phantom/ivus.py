"""An IVUS pullback of the phantom: a diseased coronary artery seen from inside, uint8 (384, 384) a frame.

One polar picture (depth, angle) a frame: catheter, blood, plaque, media and adventitia, with a calcified arc that
casts a shadow; the artery's radius and plaque change along the pullback.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom.lettering import burn_text
from fastcine.phantom.rhythm import Rhythm
from fastcine.phantom.scan_sector import Map, speckle

SIZE = 384
CENTRE = (SIZE - 1) / 2
MM_PER_PIXEL = 8.4 / (SIZE - 24)
"""An 8.4 mm field in the round picture of SIZE - 24 pixels."""
_SAMPLES, _BEAMS = 180, 256
_FAR_MM = 4.2


class _PolarToScreen:
    """The round picture out of (depth, angle) samples, linear between the four nearest."""

    def __init__(self) -> None:
        y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
        x, y = x - np.float32(CENTRE), y - np.float32(CENTRE)
        depth = np.hypot(x, y) * MM_PER_PIXEL / _FAR_MM * (_SAMPLES - 1)
        self.inside = depth < _SAMPLES - 1
        beam = (np.arctan2(y, x)[self.inside] / (2 * np.pi) % 1.0) * _BEAMS
        depth = depth[self.inside]
        low, low_beam = depth.astype(np.intp), beam.astype(np.intp) % _BEAMS
        self._corner = low * (_BEAMS + 1) + low_beam
        self._part = (depth - low).astype(np.float32)
        self._part_beam = (beam - np.floor(beam)).astype(np.float32)

    def convert(self, polar: Map) -> NDArray[np.uint8]:
        """``polar`` (samples, beams), 0 to 255, as the screen, uint8 (SIZE, SIZE)."""
        flat = np.concatenate([polar, polar[:, :1]], axis=1).ravel()
        a, row = self._corner, _BEAMS + 1
        near = flat[a] + self._part_beam * (flat[a + 1] - flat[a])
        far = flat[a + row] + self._part_beam * (flat[a + row + 1] - flat[a + row])
        screen = np.zeros((SIZE, SIZE), dtype=np.uint8)
        screen[self.inside] = np.clip(near + self._part * (far - near), 0, 255).astype(np.uint8)
        return screen


def _artery(z_mm: float, angle: Map, contraction: float) -> tuple[Map, Map, Map]:
    """Lumen radius, media radius (mm) and calcium (0 to 1) by angle (beams,), at ``z_mm`` along the pullback."""
    lesion = np.exp(-(((z_mm - 9.0) / 3.2) ** 2))
    media = (2.15 - 0.02 * z_mm) * (1 + 0.035 * np.cos(2 * angle + 0.2 * z_mm)) * (1 + 0.02 * (1 - contraction))
    plaque = 0.18 + lesion * (0.75 + 0.45 * np.cos(angle - 1.0 - 0.08 * z_mm))
    plaque += 0.05 * np.cos(3 * angle + 0.5 * z_mm)
    lumen = np.maximum(media - plaque, 0.72)
    calcium = np.exp(-np.square((z_mm - 8.0) / 1.6)) * np.exp(
        -np.square(np.angle(np.exp(1j * (angle - 1.3))) / 0.42)
    )  # fmt: skip
    return lumen.astype(np.float32), media.astype(np.float32), calcium.astype(np.float32)


def _level(z_mm: float, contraction: float, drift: tuple[float, float]) -> tuple[Map, Map]:
    """Echo level (linear) of tissue and of blood, float32 (samples, beams); ``drift`` moves the catheter."""
    depth = np.linspace(0, _FAR_MM, _SAMPLES, dtype=np.float32)[:, None]
    beam = np.linspace(0, 2 * np.pi, _BEAMS, endpoint=False, dtype=np.float32)[None, :]
    x = depth * np.cos(beam) + np.float32(drift[0])
    y = depth * np.sin(beam) + np.float32(drift[1])
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    lumen, media, calcium = _artery(z_mm, angle, contraction)

    def step(edge: Map, width: float) -> Map:
        return np.asarray(np.clip((radius - edge) / width + 0.5, 0, 1), dtype=np.float32)

    wall, muscle, outside = step(lumen, 0.06), step(media - 0.13, 0.05), step(media, 0.05)
    tissue = wall * 0.16 + 0.45 * np.exp(-np.square((radius - lumen - 0.04) / 0.06))
    tissue = tissue * (1 - 0.8 * muscle * (1 - outside))
    tissue += outside * (0.52 * np.exp(-np.maximum(radius - media, 0) / 0.75) - 0.13)
    rim = np.exp(-np.square((radius - lumen - 0.16) / 0.09))
    tissue += 2.6 * calcium * rim
    shadow = np.cumsum(calcium * rim, axis=0) / _SAMPLES * 20.0
    tissue = tissue * np.exp(-np.maximum(shadow - 0.25, 0) * 3.5)
    blood = 0.035 * (1 - wall) * np.exp(-np.square((depth - 0.9) / 1.6))
    return np.maximum(tissue, 0).astype(np.float32), blood.astype(np.float32)


def ivus_frames(
    rhythm: Rhythm, *, times_s: NDArray[np.float64], rate_mm_s: float, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """The pullback's frames at ``times_s``, uint8 (384, 384), MONOCHROME2."""
    screen_of = _PolarToScreen()
    pattern = speckle(rng, _SAMPLES + 64, _BEAMS)
    blood_pattern = speckle(rng, _SAMPLES + 64, _BEAMS)
    depth = np.linspace(0, _FAR_MM, _SAMPLES, dtype=np.float32)[:, None]
    probe = (
        1.2 * np.exp(-np.square((depth - 0.52) / 0.035)) + 0.25 * np.exp(-np.square((depth - 0.66) / 0.03))
    ).astype(np.float32)
    hidden = (depth > 0.5).astype(np.float32)
    for time_s, c in zip(times_s, rhythm.contraction(times_s), strict=True):
        z_mm = float(time_s) * rate_mm_s
        drift = (0.22 + 0.06 * float(c), -0.15 + 0.08 * float(np.sin(time_s * 1.9)))
        tissue, blood = _level(z_mm, float(c), drift)
        shift = int(z_mm * 4.0) % 64
        grain = pattern[shift : shift + _SAMPLES]
        top, turn = int(rng.integers(0, 64)), int(rng.integers(0, _BEAMS))
        flicker = np.roll(blood_pattern[top : top + _SAMPLES], turn, axis=1)
        level = (tissue * grain + blood * flicker) * hidden + probe
        screen = screen_of.convert(np.minimum(265.0 * np.sqrt(level), 255.0))
        _furnish(screen, z_mm)
        yield screen


def _furnish(screen: NDArray[np.uint8], z_mm: float) -> None:
    """Millimetre ticks on a cross, the word PHANTOM, the pullback's length."""
    middle = round(CENTRE)
    for mm in range(-4, 5):
        at = round(CENTRE + mm / MM_PER_PIXEL)
        screen[at - 1 : at + 1, middle - 1 : middle + 1] = 220
        screen[middle - 1 : middle + 1, at - 1 : at + 1] = 220
    burn_text(screen, "PHANTOM", top=SIZE - 18, left=6, value=np.uint8(210), scale=2)
    burn_text(screen, f"{z_mm:.1f} MM", top=6, left=6, value=np.uint8(210), scale=1)
