"""From the patient to the picture: a C-arm with its two angles, and tubes drawn as their shadow's thickness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CArm:
    """One C-arm position and its detector.

    ``primary_deg`` is Positioner Primary Angle (LAO positive), ``secondary_deg`` Positioner Secondary Angle (CRA
    positive), PS3.3 C.8.7.5; distances in mm; ``imager_spacing_mm`` is a pixel's pitch at the detector.
    """

    primary_deg: float
    secondary_deg: float
    rows: int
    columns: int
    imager_spacing_mm: float
    source_to_detector_mm: float = 1050.0
    source_to_patient_mm: float = 765.0
    pan_mm: tuple[float, float] = (0.0, 0.0)

    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Unit vectors in the patient: picture's right, picture's up, towards the detector."""
        a, b = np.deg2rad(self.primary_deg), np.deg2rad(self.secondary_deg)
        right = np.array([np.cos(a), np.sin(a), 0.0])
        up = np.array([-np.sin(a) * np.sin(b), np.cos(a) * np.sin(b), np.cos(b)])
        towards = np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])
        return right, up, towards

    def project(self, points_mm: Floats) -> tuple[Floats, Floats]:
        """Positions (n, 2) of ``points_mm`` (n, 3), x and y in pixels from the corner, and pixels per mm there (n,)."""
        right, up, towards = self.axes()
        depth = self.source_to_patient_mm + points_mm @ towards
        scale = self.source_to_detector_mm / depth / self.imager_spacing_mm
        x = (points_mm @ right - self.pan_mm[0]) * scale + (self.columns - 1) / 2
        y = -(points_mm @ up - self.pan_mm[1]) * scale + (self.rows - 1) / 2
        return np.stack([x, y], axis=1), np.asarray(scale)


@dataclass(frozen=True, slots=True)
class Tubes:
    """Tapered tubes in the picture, one row a segment: ends (n, 2) x, y; radii and densities at both ends (n,).

    ``layer`` (n,): within a layer the thicker shadow wins, layers add up, as crossing vessels do.
    """

    start: Floats
    end: Floats
    start_radius: Floats
    end_radius: Floats
    start_density: Floats
    end_density: Floats
    layer: NDArray[np.intp]


def draw_tubes(tubes: Tubes, *, rows: int, columns: int, layers: int = 3) -> NDArray[np.float32]:
    """The tubes' thickness times density along each ray, in pixels, float32 (rows, columns).

    A round tube of radius r is ``2 sqrt(r^2 - d^2)`` thick at distance d from its axis; tubes thinner than a pixel
    keep their width and lose density instead, as a detector would see them.
    """
    thickness = np.zeros(layers * rows * columns, dtype=np.float32)
    reach = np.maximum(tubes.start_radius, tubes.end_radius) + 1.0
    low, high = np.minimum(tubes.start, tubes.end), np.maximum(tubes.start, tubes.end)
    visible = (np.maximum(tubes.start_density, tubes.end_density) > 0.0008) & np.all(
        (high + reach[:, None] > 0) & (low - reach[:, None] < np.array([columns, rows])), axis=1
    )
    size = np.ceil(np.max(high - low, axis=1) + 2 * reach).astype(np.intp) + 1
    for patch in (8, 12, 16, 24, 32, 48, 64, 96, 160, 256):
        chosen = np.flatnonzero(visible & (size <= patch))
        visible[chosen] = False
        if len(chosen):
            _draw_patches(thickness, tubes, chosen, patch=patch, shape=(rows, columns))
    return np.asarray(thickness.reshape(layers, rows, columns).sum(axis=0, dtype=np.float32))


def _draw_patches(
    thickness: NDArray[np.float32], tubes: Tubes, chosen: NDArray[np.intp], *, patch: int, shape: tuple[int, int]
) -> None:
    """Draw segments ``chosen``, each within ``patch`` pixels squared, into ``thickness`` (layers * rows * columns)."""
    rows, columns = shape
    start, end = tubes.start[chosen], tubes.end[chosen]
    corner = np.floor((start + end) / 2 - patch / 2).astype(np.intp) + 1
    grid = corner[:, None, :] + np.arange(patch)[None, :, None]
    x = (grid[:, :, 0] - start[:, None, 0]).astype(np.float32)[:, None, :]
    y = (grid[:, :, 1] - start[:, None, 1]).astype(np.float32)[:, :, None]
    edge = (end - start).astype(np.float32)
    length_squared = np.maximum(np.square(edge).sum(axis=1), np.float32(1e-6))
    ex, ey = edge[:, 0, None, None], edge[:, 1, None, None]
    scale = (1.0 / length_squared)[:, None, None]
    along = np.clip(x * (ex * scale) + y * (ey * scale), 0.0, 1.0)
    distance_squared = np.square(x - along * ex) + np.square(y - along * ey)
    r0, r1 = tubes.start_radius[chosen].astype(np.float32), tubes.end_radius[chosen].astype(np.float32)
    d0 = tubes.start_density[chosen].astype(np.float32) * np.minimum(r0 / 0.8, 1.0)
    d1 = tubes.end_density[chosen].astype(np.float32) * np.minimum(r1 / 0.8, 1.0)
    r0, r1 = np.maximum(r0, np.float32(0.8)), np.maximum(r1, np.float32(0.8))
    radius = r0[:, None, None] + along * (r1 - r0)[:, None, None]
    inside = np.square(radius) - distance_squared
    good = inside > 0
    good &= (grid[:, None, :, 0] >= 0) & (grid[:, None, :, 0] < columns)
    good &= (grid[:, :, None, 1] >= 0) & (grid[:, :, None, 1] < rows)
    density = d0[:, None, None] + along * (d1 - d0)[:, None, None]
    value = 2.0 * np.sqrt(inside[good]) * density[good]
    place = (
        (tubes.layer[chosen] * (rows * columns))[:, None, None] + grid[:, :, None, 1] * columns + grid[:, None, :, 0]
    )
    np.maximum.at(thickness, place[good], value)
