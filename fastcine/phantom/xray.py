"""X-ray runs of the phantom: one frame after another, unsigned pixels (rows, columns).

A frame is what a detector behind the patient would store: attenuation of chest, catheter and iodine, an exponential
(or, for LOG data, the attenuation itself), quantum noise that follows the signal, the collimator's shadow, and the
word PHANTOM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom import coronaries, heart, renal
from fastcine.phantom.lettering import LETTER_COLUMNS, burn_text
from fastcine.phantom.projection import CArm, Tubes, draw_tubes
from fastcine.phantom.rhythm import Rhythm, breath
from fastcine.phantom.thorax import make_thorax
from fastcine.phantom.vessels import STEP_MM, Tree

Map = NDArray[np.float32]

_IODINE_PER_MM = 0.27
_CATHETER_PER_MM = 0.17
_CATHETER_RADIUS_MM = 0.9

LINEAR_GAIN = 1.28
LOG_WHITE, LOG_GAIN = 0.93, 0.36
"""Stored sample as a fraction of the range: LINEAR_GAIN exp(-a), or LOG_WHITE - LOG_GAIN a, for attenuation a."""


@dataclass(frozen=True, slots=True)
class Injection:
    """When contrast enters the ostium: from ``start_s`` for ``length_s``; it travels at ``speed_mm_s``."""

    start_s: float = 0.5
    length_s: float = 2.2
    speed_mm_s: float = 190.0

    def concentration(self, time_s: float, path_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Iodine, 0 to 1, at ``path_mm`` from the ostium: quick wash-in, slower wash-out further on."""
        arrived = time_s - self.start_s - path_mm / self.speed_mm_s
        fill = np.clip(arrived / 0.28, 0.0, 1.0)
        gone = np.maximum(arrived - self.length_s, 0.0)
        return np.asarray(fill * fill * (3 - 2 * fill) * np.exp(-gone / (0.35 + path_mm / 400.0)))


@dataclass(frozen=True, slots=True)
class Technique:
    """How the detector stores what it sees.

    ``bits`` is Bits Stored; ``noise`` the noise's SD at mid grey as a fraction of the range (3/256 is SD 3 at 8
    bits); ``logarithmic`` stores attenuation (Pixel Intensity Relationship LOG), else it is LIN; ``collimator`` is
    ``"rectangle"``, ``"circle"`` or ``"open"``; ``breathing`` false is a breath held; ``spread`` is the share of a
    neighbour's noise that blurs into a pixel; ``field`` is how much of the width and height a rectangular collimator
    leaves open.
    """

    bits: int = 8
    noise: float = 1.8 / 256
    logarithmic: bool = False
    collimator: str = "rectangle"
    breathing: bool = True
    beating: bool = True
    spread: float = 0.25
    field: tuple[float, float] = (0.955, 0.935)
    label: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in the beam: one coronary tree (or none), its catheter, the injection, the rhythm."""

    tree: Tree
    catheter_mm: NDArray[np.float64]
    injection: Injection
    rhythm: Rhythm


def shutter(arm: CArm, technique: Technique) -> Map:
    """The collimator's transmission, 0 to 1, float32 (rows, columns), with a penumbra of a few pixels."""
    y, x = np.mgrid[0 : arm.rows, 0 : arm.columns].astype(np.float32)
    u = np.abs(x - (arm.columns - 1) / 2) / (arm.columns / 2)
    v = np.abs(y - (arm.rows - 1) / 2) / (arm.rows / 2)
    if technique.collimator == "open":
        return np.ones((arm.rows, arm.columns), dtype=np.float32)
    inside = 0.985 - np.hypot(u, v)
    if technique.collimator == "rectangle":
        width, height = technique.field
        inside = np.minimum(np.minimum(width - u, height - v), (width + height - 0.17 - u - v) * 0.7)
    return np.asarray(np.clip(inside * 60.0 + 0.5, 0.0, 1.0), dtype=np.float32)


class NoisePool:
    """White noise of SD 1, drawn once and read from random places: a frame of fresh noise for two copies' price.

    A light blur (``spread``, a neighbour's share) stands for the detector's own; the SD stays 1.
    """

    def __init__(self, rng: np.random.Generator, rows: int, columns: int, *, spread: float = 0.0) -> None:
        self._rng = rng
        self._shape = (rows, columns)
        noise = rng.standard_normal((rows + rows // 2 + 2, columns + columns // 2 + 2), dtype=np.float32)
        if spread > 0:
            for _ in range(2):
                noise = noise[1:] + np.float32(spread) * noise[:-1]
                noise = np.ascontiguousarray(noise.T)
            noise /= np.float32(1 + spread * spread)
        self._pool = noise

    def take(self) -> Map:
        """The next frame's noise, float32 (rows, columns); a view, do not write."""
        rows, columns = self._shape
        top = int(self._rng.integers(0, self._pool.shape[0] - rows))
        left = int(self._rng.integers(0, self._pool.shape[1] - columns))
        window = self._pool[top : top + rows, left : left + columns]
        flip = int(self._rng.integers(0, 4))
        return window[:: -1 if flip & 1 else 1, :: -1 if flip & 2 else 1]


def _tubes_at(scene: Scene, arm: CArm, time_s: float, *, contraction: float, breathing: float) -> Tubes:
    """Coronaries and catheter at a moment, as tubes whose density is attenuation per pixel of thickness."""
    tree = scene.tree
    points, scale = arm.project(heart.moved(tree.points_mm, contraction=contraction, breath=breathing))
    filled = scene.injection.concentration(time_s, tree.path_mm) * tree.share * _IODINE_PER_MM / scale
    radius = tree.radii_mm * scale
    rest = scene.catheter_mm
    held = np.exp(-np.arange(len(rest)) * STEP_MM / 45.0)[:, None]
    tip = heart.moved(rest, contraction=contraction, breath=breathing)
    course, course_scale = arm.project(rest + (tip - rest) * held)
    wall = np.full(len(rest) - 1, _CATHETER_PER_MM) / course_scale[:-1]
    injecting = scene.injection.start_s - 0.2 < time_s < scene.injection.start_s + scene.injection.length_s
    wall *= 1.5 if injecting else 1.0
    course_radius = _CATHETER_RADIUS_MM * course_scale
    a, b = tree.start, tree.start + 1
    return Tubes(
        start=np.concatenate([points[a], course[:-1]]), end=np.concatenate([points[b], course[1:]]),
        start_radius=np.concatenate([radius[a], course_radius[:-1]]),
        end_radius=np.concatenate([radius[b], course_radius[1:]]),
        start_density=np.concatenate([filled[a], wall]), end_density=np.concatenate([filled[b], wall]),
        layer=np.concatenate([tree.layer[a], np.full(len(wall), 3)]).astype(np.intp),
    )  # fmt: skip


def _blurred(picture: Map) -> Map:
    """The focal spot's and detector's blur: (1 2 1)/4 along both axes, edges kept."""
    result = picture.copy()
    result[1:-1] = 0.5 * picture[1:-1] + 0.25 * (picture[:-2] + picture[2:])
    blurred = result.copy()
    blurred[:, 1:-1] = 0.5 * result[:, 1:-1] + 0.25 * (result[:, :-2] + result[:, 2:])
    return blurred


def render_run(
    scene: Scene, arm: CArm, *, technique: Technique, times_s: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[NDArray[Any]]:
    """The run's frames at ``times_s``, uint8 (8 bits) or uint16, (rows, columns), values under ``2**bits``."""
    thorax = make_thorax(arm, rng)
    open_field = shutter(arm, technique)
    noise = NoisePool(rng, arm.rows, arm.columns, spread=technique.spread)
    moving = np.float64(1.0 if technique.beating else 0.0)
    contractions = scene.rhythm.contraction(times_s) * moving
    breaths = breath(times_s) * (1.0 if technique.breathing else 0.0)
    for time_s, contraction, breathing in zip(times_s, contractions, breaths, strict=True):
        tubes = _tubes_at(scene, arm, float(time_s), contraction=float(contraction), breathing=float(breathing))
        shadow = _blurred(draw_tubes(tubes, rows=arm.rows, columns=arm.columns, layers=4))
        shadow += thorax.at(contraction=float(contraction), breath=float(breathing))
        frame = _stored(shadow, open_field, noise.take(), technique)
        if technique.label:
            burn_label(frame, technique.bits)
        yield frame


def _stored(attenuation: Map, open_field: Map, noise: Map, technique: Technique) -> NDArray[Any]:
    """Attenuation to stored samples; ``attenuation`` is overwritten."""
    span = np.float32(1 << technique.bits)
    signal = np.exp(-attenuation)
    if technique.logarithmic:
        level = np.float32(LOG_WHITE) - np.float32(LOG_GAIN) * attenuation
        level += noise * (np.float32(technique.noise * 0.7) / np.sqrt(signal))
    else:
        level = signal * np.float32(LINEAR_GAIN)
        level += noise * (np.float32(technique.noise / np.sqrt(0.5)) * np.sqrt(level))
    level = level * open_field + np.float32(0.012)
    level *= span
    np.clip(level, 0, span - 1, out=level)
    return np.asarray(level.astype(np.uint8 if technique.bits == 8 else np.uint16))


def burn_label(frame: NDArray[Any], bits: int) -> None:
    """The word PHANTOM at the foot of a frame, in place."""
    scale = max(frame.shape[0] // 256, 1)
    burn_text(
        frame, "PHANTOM", top=frame.shape[0] - 13 * scale, left=(frame.shape[1] - 7 * LETTER_COLUMNS * scale) // 2,
        value=(232 << bits) >> 8, shadow=(24 << bits) >> 8, scale=scale,
    )  # fmt: skip


def coronary_scene(side: str, rng: np.random.Generator, rhythm: Rhythm, injection: Injection | None = None) -> Scene:
    """The left (``"LCA"``) or right (``"RCA"``) coronary, or a ``"RENAL"`` artery, with a catheter in its ostium."""
    if side == "RENAL":
        tree = renal.renal_tree(rng)
        return Scene(tree, renal.renal_catheter_mm(), injection or Injection(), rhythm)
    right = side == "RCA"
    tree = coronaries.right_tree(rng) if right else coronaries.left_tree(rng)
    ostium = coronaries.right_ostium_mm() if right else coronaries.left_ostium_mm()
    return Scene(tree, coronaries.catheter_mm(ostium, right=right), injection or Injection(), rhythm)
