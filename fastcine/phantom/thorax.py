"""The chest behind the coronaries, as attenuation maps: spine, ribs, lungs, heart shadow, diaphragm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom import heart
from fastcine.phantom.projection import CArm, Tubes, draw_tubes

Map = NDArray[np.float32]

_COARSE = 2


@dataclass(frozen=True, slots=True)
class Thorax:
    """Attenuation (dimensionless, natural logarithm) of one view, float32 (rows, columns) each.

    ``still`` does not move, ``breathing`` shifts down by ``breath_rows`` at full inspiration, the heart's shadow
    goes from ``heart_full`` (end diastole) to ``heart_small`` (end systole).
    """

    still: Map
    breathing: Map
    heart_full: Map
    heart_small: Map
    breath_rows: float

    def at(self, *, contraction: float, breath: float) -> Map:
        """The whole chest's attenuation at a moment."""
        heart = self.heart_full + (self.heart_small - self.heart_full) * np.float32(contraction)
        heart += self.still
        heart += _shifted_down(self.breathing, breath * self.breath_rows)
        return heart


def _shifted_down(picture: Map, rows: float) -> Map:
    """``picture`` moved down by ``rows`` (0 or more), linear between rows, the first row repeated."""
    whole, part = int(rows), np.float32(rows - int(rows))
    padded = np.concatenate([np.repeat(picture[:1], whole + 1, axis=0), picture[: len(picture) - whole]])
    return np.asarray(padded[1:] * (1 - part) + padded[:-1] * part)


def smoothed(picture: Map, radius: int) -> Map:
    """Three box blurs of ``2 radius + 1`` pixels along both axes: close to a Gaussian; edges are extended."""
    result = picture.astype(np.float64)
    for _ in range(3):
        for axis in (0, 1):
            pad = [(radius + 1, radius) if k == axis else (0, 0) for k in (0, 1)]
            total = np.cumsum(np.pad(result, pad, mode="edge"), axis=axis)
            width = 2 * radius + 1
            ahead = np.take(total, np.arange(width, total.shape[axis]), axis=axis)
            result = (ahead - np.take(total, np.arange(0, total.shape[axis] - width), axis=axis)) / width
    return result.astype(np.float32)


def enlarged(picture: Map, rows: int, columns: int) -> Map:
    """``picture`` stretched to (rows, columns), linear between its pixels' centres."""
    result = picture
    for axis, size in ((0, rows), (1, columns)):
        place = np.clip((np.arange(size) + 0.5) * picture.shape[axis] / size - 0.5, 0, picture.shape[axis] - 1)
        low = np.minimum(place.astype(np.intp), picture.shape[axis] - 2)
        part = (place - low).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        result = np.take(result, low, axis=axis) * (1 - part) + np.take(result, low + 1, axis=axis) * part
    return np.asarray(result, dtype=np.float32)


def _clouds(rng: np.random.Generator, rows: int, columns: int) -> Map:
    """Smooth random texture of several scales, about -1 to 1: lung markings and uneven soft tissue."""
    total = np.zeros((rows, columns), dtype=np.float32)
    for cells, weight in ((5, 0.5), (11, 0.3), (23, 0.2), (47, 0.12), (97, 0.10)):
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        total += np.float32(weight) * enlarged(grid, rows, columns)
    return total


def _coarse_arm(arm: CArm) -> CArm:
    return CArm(
        primary_deg=arm.primary_deg, secondary_deg=arm.secondary_deg, rows=arm.rows // _COARSE,
        columns=arm.columns // _COARSE, imager_spacing_mm=arm.imager_spacing_mm * _COARSE,
        source_to_detector_mm=arm.source_to_detector_mm, source_to_patient_mm=arm.source_to_patient_mm,
        pan_mm=arm.pan_mm,
    )  # fmt: skip


def _tube_map(arm: CArm, curves: list[tuple[NDArray[np.float64], float, float]]) -> Map:
    """Soft tubes: ``curves`` are (points in mm, radius in mm, attenuation per mm)."""
    starts, ends, r0, r1, density = [], [], [], [], []
    for points, radius_mm, per_mm in curves:
        place, scale = arm.project(points)
        starts.append(place[:-1])
        ends.append(place[1:])
        r0.append(radius_mm * scale[:-1])
        r1.append(radius_mm * scale[1:])
        # Ends fade over a tenth of the length: bones do not stop like pills.
        along = np.linspace(0.0, 1.0, len(place) - 1)
        fade = np.clip(np.minimum(along, 1.0 - along) / 0.1, 0.0, 1.0) if len(place) > 8 else 1.0
        density.append(per_mm / scale[:-1] * fade)
    thick = np.concatenate(density)
    tubes = Tubes(
        start=np.concatenate(starts), end=np.concatenate(ends), start_radius=np.concatenate(r0),
        end_radius=np.concatenate(r1), start_density=thick, end_density=thick,
        layer=np.concatenate([np.full(len(d), k % 4) for k, d in enumerate(density)]).astype(np.intp),
    )  # fmt: skip
    return draw_tubes(tubes, rows=arm.rows, columns=arm.columns, layers=4)


def _ribs(arm: CArm) -> Map:
    """Rib shadows: the dense cortex of a dozen arcs that fall forwards around the chest."""
    curves: list[tuple[NDArray[np.float64], float, float]] = []
    angle = np.linspace(np.deg2rad(4), np.deg2rad(150), 60)
    for k in range(-7, 8):
        for side in (-1.0, 1.0):
            x = side * 128 * np.sin(angle)
            y = 92 * np.cos(angle)
            z = k * 29.0 + 26.0 - 52.0 * np.sin(angle * 0.62) ** 1.3
            points = np.stack([x, y, z], axis=1)
            curves.append((points, 6.2, 0.0135))
            curves.append((points, 4.2, 0.004))
    return smoothed(_tube_map(arm, curves), 1)


def _spine(arm: CArm) -> Map:
    """Vertebral bodies with lighter discs, pedicles and processes."""
    curves: list[tuple[NDArray[np.float64], float, float]] = []
    for k in range(-8, 9):
        z = k * 27.0 + 6.0
        column = np.array([[0.0, 72.0, z - 9.0], [0.0, 72.0, z], [0.0, 72.0, z + 9.0]])
        curves.append((column, 16.0, 0.0105))
        for side in (-1.0, 1.0):
            pedicle = np.array([[side * 11.0, 92.0, z + 3.0], [side * 12.0, 95.0, z + 5.0]])
            curves.append((pedicle, 4.0, 0.018))
        process = np.array([[0.0, 100.0, z], [0.0, 118.0, z - 14.0]])
        curves.append((process, 3.5, 0.014))
    return smoothed(_tube_map(arm, curves), 1)


def _heart(arm: CArm, contraction: float) -> Map:
    """The heart's shadow: a soft ellipsoid about the ventricles with the great vessels above."""
    along = np.linspace(-0.28, 0.94, 24)
    points, radii = [], []
    for height in along:
        radius = float(heart.surface_radius_mm(np.array(max(height, 0.0)), np.array(np.pi)))
        radius *= 1.25 - 0.9 * max(-height, 0.0)
        points.append(heart.BASE + heart.LONG * (height * 88.0) - heart.LATERAL * (14.0 * (1.0 - height)))
        radii.append(radius * (1.0 - 0.10 * contraction))
    centre = heart.moved(np.array(points), contraction=contraction, breath=0.0)
    place, scale = arm.project(centre)
    y, x = np.mgrid[0 : arm.rows, 0 : arm.columns].astype(np.float32)
    depth = np.zeros((arm.rows, arm.columns), dtype=np.float32)
    for (px, py), s, radius in zip(place, scale, radii, strict=True):
        inside = np.maximum(1.0 - (np.square(x - px) + np.square(y - py)) / (radius * s) ** 2, 0.0)
        depth = np.maximum(depth, (radius * np.sqrt(inside)).astype(np.float32))
    return smoothed(depth * np.float32(0.0105), 2)


def _diaphragm(arm: CArm, clouds: Map) -> Map:
    """Dense abdomen below two domes, with a soft upper edge."""
    right, up, _ = arm.axes()
    y, x = np.mgrid[0 : arm.rows, 0 : arm.columns].astype(np.float32)
    scale = arm.source_to_detector_mm / arm.source_to_patient_mm / arm.imager_spacing_mm
    u = (x - (arm.columns - 1) / 2) / scale + arm.pan_mm[0]
    v = -(y - (arm.rows - 1) / 2) / scale + arm.pan_mm[1]
    shift = 30.0 * float(up[1])
    edge = -52.0 + shift + 12.0 * np.exp(-np.square((u + 62.0 * right[0]) / 60.0))
    edge = edge + 9.0 * np.exp(-np.square((u - 66.0 * right[0]) / 52.0)) + 1.5 * clouds
    depth = np.clip((edge - v) / 20.0, 0.0, 1.0)
    return np.asarray(0.62 * depth**0.75 * (1 + 0.06 * clouds), dtype=np.float32)


def make_thorax(arm: CArm, rng: np.random.Generator) -> Thorax:
    """The chest as ``arm`` sees it; the texture is drawn from ``rng``."""
    coarse = _coarse_arm(arm)
    clouds = _clouds(rng, coarse.rows, coarse.columns)
    _, _, towards = arm.axes()
    oblique = 0.05 * (1.0 - abs(float(towards[1])))
    lung = np.float32(0.42 + oblique) + np.float32(0.05) * clouds
    full, small = _heart(coarse, 0.0), _heart(coarse, 1.0)

    def large(picture: Map) -> Map:
        return enlarged(picture, arm.rows, arm.columns)

    scale = arm.source_to_detector_mm / arm.source_to_patient_mm / arm.imager_spacing_mm
    breathing = _ribs(coarse) * np.float32(0.9) + _diaphragm(coarse, clouds)
    return Thorax(
        still=large(lung + _spine(coarse)), breathing=large(breathing), heart_full=large(full),
        heart_small=large(small), breath_rows=9.0 * scale,
    )  # fmt: skip
