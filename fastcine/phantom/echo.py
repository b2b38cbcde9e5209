"""Echo loops of the phantom: an apical four-chamber view with colour Doppler and an ECG, RGB (600, 800, 3).

The heart is a handful of ellipses that contract on the rhythm's clock; its speckle moves with the wall. Blood is
coloured by a flow field: filling towards the probe in diastole (red), a regurgitant jet into the atrium in systole
(blue).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastcine.phantom.lettering import burn_text
from fastcine.phantom.rhythm import Rhythm
from fastcine.phantom.scan_sector import Map, ScanConverter, Sector, speckle

SECTOR = Sector()
COLOR_DEPTH_CM = (6.6, 14.6)
COLOR_ANGLE_DEG = (-6.0, 21.0)
ECG_BOUNDS = (536, 588, 110, 690)
"""Top, bottom, left, right of the ECG's area, in pixels, bottom and right excluded."""
ECG_SWEEP_S = 2.9
"""The ECG's width in seconds: 580 pixels, 5 ms each."""
_ECG_MV_PER_ROW = 0.04


@dataclass(frozen=True, slots=True)
class Moment:
    """The heart's state: contraction 0 to 1, cardiac phase 0 to 1."""

    contraction: float
    phase: float


def _ellipse(x: Map, y: Map, *, centre: tuple[float, float], axes: tuple[float, float]) -> Map:
    """0 at the ellipse's centre, 1 on it, float32."""
    return np.asarray(np.hypot((x - centre[0]) / axes[0], (y - centre[1]) / axes[1]), dtype=np.float32)


def _soft(inside: Map, width: float) -> Map:
    """1 where ``inside`` (an _ellipse value) is well under 1, 0 well over it."""
    return np.asarray(np.clip((1.0 - inside) / width + 0.5, 0.0, 1.0), dtype=np.float32)


def _leaflet(x: Map, y: Map, *, hinge: tuple[float, float], tip: tuple[float, float], thickness: float) -> Map:
    """A valve leaflet as a bright ridge between two points (cm)."""
    ex, ey = tip[0] - hinge[0], tip[1] - hinge[1]
    along = np.clip(((x - hinge[0]) * ex + (y - hinge[1]) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
    away = np.square(x - hinge[0] - along * ex) + np.square(y - hinge[1] - along * ey)
    return np.asarray(np.exp(-away / thickness**2), dtype=np.float32)


class FourChambers:
    """The tissue and flow model on a sector's polar grid."""

    def __init__(self, sector: Sector, rng: np.random.Generator) -> None:
        self._x, self._y = sector.polar_grid()
        self._depth = np.hypot(self._x, self._y)
        self._pattern = speckle(rng, sector.samples + 80, sector.beams)
        self._beam = np.arange(sector.beams)[None, :]
        self._sample = np.arange(sector.samples, dtype=np.float32)[:, None]
        self._near = np.exp(-np.square((self._depth - 0.4) / 0.9)).astype(np.float32)

    def _blood(self, c: float) -> tuple[Map, Map, Map]:
        """Blood (0 to 1) of the left ventricle and atrium and of the right heart, and the heart's outer outline."""
        x, y = self._x, self._y
        ventricle = _ellipse(
            x, y, centre=(1.35 + 0.1 * c, 6.9 - 0.35 * c), axes=(2.15 * (1 - 0.30 * c), 4.2 * (1 - 0.13 * c))
        )
        left = np.maximum(
            _soft(ventricle, 0.10) * (y < 10.9 - 1.25 * c),
            _soft(_ellipse(x, y, centre=(1.45, 12.9 - 0.35 * c), axes=(2.1, 1.75 + 0.35 * c)), 0.10),
        )
        annulus = 10.9 - 1.3 * c
        left = np.maximum(left, _soft(_ellipse(x, y, centre=(1.35, annulus + 0.4), axes=(1.25, 1.1)), 0.2))
        right = np.maximum(
            _soft(_ellipse(x, y, centre=(-2.1, 7.5 - 0.3 * c), axes=(1.25 * (1 - 0.22 * c), 3.3)), 0.14)
            * (y < 10.7 - 1.5 * c),
            _soft(_ellipse(x, y, centre=(-2.25, 12.7 - 0.3 * c), axes=(1.75, 1.7 + 0.25 * c)), 0.10),
        )
        outline = np.minimum(
            _ellipse(x, y, centre=(0.95, 7.4), axes=(3.75 - 0.12 * c, 5.9)),
            np.minimum(
                _ellipse(x, y, centre=(-2.0, 8.2), axes=(2.15, 5.0)),
                _ellipse(x, y, centre=(-0.3, 12.6), axes=(4.7, 2.75)),
            ),
        )
        right = np.maximum(right, _soft(_ellipse(x, y, centre=(-2.15, annulus + 0.2), axes=(0.95, 1.1)), 0.2))
        return left.astype(np.float32), right.astype(np.float32), outline

    def tissue(self, moment: Moment) -> tuple[Map, Map]:
        """Brightness (linear, before compression) and left-sided blood (0 to 1), float32 (samples, beams)."""
        c = moment.contraction
        left, right, outline = self._blood(c)
        muscle = _soft(outline, 0.05)
        level = 0.045 + 0.30 * muscle
        level += 1.3 * np.exp(-np.square((outline - 1.0) / 0.035))
        level *= 1.0 - 0.93 * np.maximum(left, right)
        x, y = self._x, self._y
        opened = _mitral_opening(moment.phase)
        for hinge_x, side, base in ((3.15, -1.0, 10.9), (-0.45, 1.0, 10.9), (-0.75, -1.0, 10.6), (-3.6, 1.0, 10.6)):
            annulus = base - 1.3 * c
            reach = 1.65 if hinge_x > -0.6 else 1.3
            tip = (hinge_x + side * reach * (1.0 - 0.62 * opened), annulus - 0.25 - 1.25 * opened)
            level += 0.9 * _leaflet(x, y, hinge=(hinge_x, annulus), tip=tip, thickness=0.11)
        moved = self._sample + (22.0 * c * np.clip((self._depth - 1.5) / 9.0, 0, 1)).astype(np.float32)
        grain = self._pattern[moved.astype(np.intp), self._beam]
        gain = 1.15 - 0.035 * self._depth
        return np.asarray((level + 0.5 * self._near) * grain * gain, dtype=np.float32), left

    def flow(self, moment: Moment) -> Map:
        """Velocity towards the probe, -1 to 1 of the colour scale, float32 (samples, beams)."""
        x, y = self._x, self._y
        filling = _mitral_opening(moment.phase)
        core = np.exp(-np.square((x - 1.3) / 1.05)) * np.clip((y - 5.2) / 2.0, 0, 1) * np.clip((14.2 - y) / 2.0, 0, 1)
        spread = 0.35 + 0.16 * np.clip(y - 10.2, 0, 4)
        jet = np.exp(-np.square((x - 1.75 - 0.10 * (y - 10.2)) / spread)) * (y > 9.6) * np.clip((14.1 - y) / 1.0, 0, 1)
        outflow = np.exp(-np.square((x - 0.35) / 0.8)) * np.clip((y - 7.2) / 1.5, 0, 1) * (y < 10.3)
        systole = float(np.clip(np.sin(np.pi * np.clip((moment.phase - 0.05) / 0.36, 0, 1)), 0, 1))
        return np.asarray(0.75 * filling * core - systole * (1.0 * jet + 0.5 * outflow), dtype=np.float32)


def _mitral_opening(phase: float) -> float:
    """0 closed to 1 open: the early wave, a rest half open, the atrial wave."""
    early = np.exp(-(((phase - 0.54) / 0.085) ** 2))
    late = 0.75 * np.exp(-(((phase - 0.88) / 0.055) ** 2))
    rest = 0.15 if 0.46 < phase < 0.95 else 0.0
    return float(min(max(early, late, rest), 1.0))


def _color_of(velocity: Map) -> NDArray[np.float32]:
    """The Doppler map: dark red to yellow towards the probe, dark blue to cyan away; float32 (n, 3), 0 to 255."""
    speed = np.minimum(np.abs(velocity), 1.0)
    strong, high = 90 + 165 * np.minimum(speed * 1.6, 1.0), 230 * np.clip(speed * 1.6 - 0.6, 0, 1)
    towards = velocity > 0
    zero = np.zeros_like(speed)
    return np.stack(
        [np.where(towards, strong, zero), high, np.where(towards, zero, strong)], axis=1
    ).astype(np.float32)  # fmt: skip


def _furniture(sector: Sector, title: str) -> NDArray[np.uint8]:
    """What does not move on the screen: letters, depth ruler, colour bar, grey bar."""
    screen = np.zeros((sector.rows, sector.columns, 3), dtype=np.uint8)
    white, yellow = np.uint8(210), np.array([230, 210, 60], dtype=np.uint8)
    burn_text(screen, "PHANTOM", top=22, left=14, value=yellow, scale=3)
    burn_text(screen, title, top=54, left=14, value=white, scale=2)
    burn_text(screen, "30 FPS", top=76, left=14, value=white, scale=2)
    burn_text(screen, "MI 1.1 TI 0.8", top=10, left=630, value=white, scale=2)
    for tick in range(1, 16):
        row = round(sector.apex_row + tick / sector.cm_per_pixel)
        length = 10 if tick % 5 == 0 else 5
        screen[row, 730 : 730 + length] = 200
        if tick % 5 == 0:
            burn_text(screen, str(tick), top=row - 6, left=748, value=white, scale=2)
    bar = np.linspace(1.0, -1.0, 120, dtype=np.float32)
    screen[120:240, 20:34] = _color_of(bar)[:, None, :].astype(np.uint8)
    screen[270:390, 20:34] = np.linspace(255, 0, 120).astype(np.uint8)[:, None, None]
    return screen


def _draw_ecg(screen: NDArray[np.uint8], rhythm: Rhythm, time_s: float) -> None:
    """The trace as a monitor sweeps it: new from the left up to a gap, the previous sweep to its right."""
    top, bottom, left, right = ECG_BOUNDS
    width = right - left
    sweep_start = np.floor(time_s / ECG_SWEEP_S) * ECG_SWEEP_S
    times = sweep_start + np.arange(width + 1) / width * ECG_SWEEP_S
    times = np.where(times > time_s, times - ECG_SWEEP_S, times)
    row = np.clip(bottom - 14 - rhythm.ecg_mv(times) / _ECG_MV_PER_ROW, top + 1, bottom - 2)
    low, high = np.floor(np.minimum(row[:-1], row[1:])), np.ceil(np.maximum(row[:-1], row[1:]))
    rows = np.arange(top, bottom)[:, None]
    drawn = (rows >= low[None, :]) & (rows <= high[None, :])
    now = round((time_s - sweep_start) / ECG_SWEEP_S * width)
    drawn[:, now : now + 14] = False
    screen[top:bottom, left:right][drawn] = (70, 220, 90)


def echo_frames(
    rhythm: Rhythm, *, times_s: NDArray[np.float64], rng: np.random.Generator, title: str = "A4C"
) -> Iterator[NDArray[np.uint8]]:
    """The loop's frames at ``times_s``, uint8 (600, 800, 3), RGB."""
    sector = SECTOR
    model, converter = FourChambers(sector, rng), ScanConverter(sector)
    furniture = _furniture(sector, title)
    depth, angle = sector.screen_polar()
    depth, angle = depth[converter.rows, converter.columns], angle[converter.rows, converter.columns]
    box = (depth > COLOR_DEPTH_CM[0]) & (depth < COLOR_DEPTH_CM[1])
    box &= (angle > COLOR_ANGLE_DEG[0]) & (angle < COLOR_ANGLE_DEG[1])
    edge = np.zeros((sector.rows, sector.columns), dtype=np.bool_)
    edge[converter.rows[box], converter.columns[box]] = True
    core = edge[1:-1, 1:-1] & edge[:-2, 1:-1] & edge[2:, 1:-1] & edge[1:-1, :-2] & edge[1:-1, 2:]
    edge[1:-1, 1:-1] &= ~core
    for time_s, c, phase in zip(times_s, rhythm.contraction(times_s), rhythm.phase(times_s), strict=True):
        moment = Moment(float(c), float(phase))
        level, blood = model.tissue(moment)
        gray = converter.convert(np.minimum(255.0 * np.sqrt(level), 255.0))
        velocity = converter.convert(model.flow(moment) * blood)
        pixels = np.repeat(gray[:, None], 3, axis=1)
        colored = box & (np.abs(velocity) > 0.14) & (gray < 130)
        pixels[colored] = _color_of(velocity[colored])
        screen = furniture.copy()
        screen[converter.rows, converter.columns] = pixels.astype(np.uint8)
        screen[edge] = (120, 160, 120)
        _draw_ecg(screen, rhythm, float(time_s))
        yield screen
