"""An ultrasound sector: its polar samples, and the way from them to the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom.thorax import smoothed

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector probe on a screen of ``rows`` x ``columns``; lengths in cm, places in pixels, angles in degrees."""

    rows: int = 600
    columns: int = 800
    apex_row: float = 34.0
    apex_column: float = 400.0
    cm_per_pixel: float = 0.0315
    near_cm: float = 0.4
    far_cm: float = 15.6
    half_angle_deg: float = 38.0
    samples: int = 400
    beams: int = 200

    def polar_grid(self) -> tuple[Map, Map]:
        """Lateral x and depth y in cm of every polar sample, float32 (samples, beams); x grows to the right."""
        depth = np.linspace(self.near_cm, self.far_cm, self.samples, dtype=np.float32)[:, None]
        angle = np.deg2rad(np.linspace(-self.half_angle_deg, self.half_angle_deg, self.beams, dtype=np.float32))
        return depth * np.sin(angle)[None, :], depth * np.cos(angle)[None, :]

    def screen_polar(self) -> tuple[Map, Map]:
        """Depth in cm and angle in degrees of every screen pixel, float32 (rows, columns)."""
        y, x = np.mgrid[0 : self.rows, 0 : self.columns].astype(np.float32)
        x = (x - np.float32(self.apex_column)) * np.float32(self.cm_per_pixel)
        y = (y - np.float32(self.apex_row)) * np.float32(self.cm_per_pixel)
        return np.hypot(x, y), np.rad2deg(np.arctan2(x, y))


class ScanConverter:
    """Polar samples to screen pixels, linear between the four nearest samples."""

    def __init__(self, sector: Sector) -> None:
        depth, angle = sector.screen_polar()
        inside = (depth >= sector.near_cm) & (depth <= sector.far_cm) & (np.abs(angle) <= sector.half_angle_deg)
        self.rows, self.columns = np.nonzero(inside)
        r = (depth[inside] - sector.near_cm) / (sector.far_cm - sector.near_cm) * (sector.samples - 1)
        b = (angle[inside] / sector.half_angle_deg + 1) / 2 * (sector.beams - 1)
        low_r = np.clip(r.astype(np.intp), 0, sector.samples - 2)
        low_b = np.clip(b.astype(np.intp), 0, sector.beams - 2)
        self._corner = low_r * sector.beams + low_b
        self._beams = sector.beams
        self._part_r, self._part_b = (r - low_r).astype(np.float32), (b - low_b).astype(np.float32)

    def convert(self, polar: Map) -> Map:
        """``polar`` (samples, beams) at the pixels ``(self.rows, self.columns)``, float32 (n,)."""
        flat = polar.ravel()
        across = np.diff(flat, append=np.float32(0))
        upper = flat[self._corner] + self._part_b * across[self._corner]
        below = self._corner + self._beams
        return np.asarray(upper + self._part_r * (flat[below] + self._part_b * across[below] - upper))


def speckle(rng: np.random.Generator, samples: int, beams: int) -> Map:
    """Fully developed speckle (Rayleigh, mean 1), finer along the beam than across it, float32 (samples, beams).

    The last beam joins the first, so that it may go all round.
    """
    parts = []
    for _ in range(2):
        noise = rng.standard_normal((samples, beams)).astype(np.float32)
        wide = smoothed(np.pad(noise, ((0, 0), (4, 4)), mode="wrap"), 1)[:, 4:-4]
        parts.append(0.5 * (wide + np.roll(wide, 1, axis=1)))
    magnitude = np.hypot(parts[0], parts[1])
    return np.asarray(magnitude / magnitude.mean(), dtype=np.float32)
