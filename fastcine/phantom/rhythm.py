"""The phantom's heart beat and breath: one clock that moves every picture and draws every ECG.

All times are seconds from the start of a run, float64. A rhythm is drawn from a seed, so that R peaks, wall motion
and ECG of one object always agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# One beat of lead II as Gaussians: centre (s from the R peak at 0.8 s RR), width (s), height (mV).
_WAVES = (
    (-0.17, 0.024, 0.14),  # P
    (-0.026, 0.009, -0.10),  # Q
    (0.0, 0.011, 1.10),  # R
    (0.028, 0.010, -0.24),  # S
    (0.255, 0.045, 0.27),  # T
)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Times of the R peaks, ascending, in seconds; the first ones lie before 0, the last beyond the run's end."""

    r_times_s: NDArray[np.float64]

    def phase(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cardiac phase at ``times_s``: 0 at an R peak, just under 1 before the next."""
        beat = np.clip(np.searchsorted(self.r_times_s, times_s, side="right") - 1, 0, len(self.r_times_s) - 2)
        start = self.r_times_s[beat]
        return np.asarray((times_s - start) / (self.r_times_s[beat + 1] - start))

    def contraction(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the ventricle is contracted: 0 at end diastole, 1 at end systole (about phase 0.36)."""
        phase = self.phase(times_s)
        systole = 0.5 - 0.5 * np.cos(np.pi * np.clip((phase - 0.03) / 0.33, 0, 1))
        filling = 0.5 + 0.5 * np.cos(np.pi * np.clip((phase - 0.40) / 0.22, 0, 1))
        late = np.where(phase > 0.40, 0.16 + 0.84 * filling, 1.0)
        atrial_kick = 0.5 + 0.5 * np.cos(np.pi * np.clip((phase - 0.84) / 0.14, 0, 1))
        return np.asarray(systole * late * atrial_kick)

    def ecg_mv(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lead II in millivolts."""
        voltage = 0.03 * np.sin(2 * np.pi * times_s / 3.7)
        for r_time_s, rr_s in zip(self.r_times_s[:-1], np.diff(self.r_times_s), strict=True):
            for centre_s, width_s, height_mv in _WAVES:
                stretch = np.sqrt(rr_s / 0.8) if centre_s > 0.1 else 1.0
                distance = (times_s - r_time_s - centre_s * stretch) / width_s
                voltage = voltage + height_mv * np.exp(-0.5 * np.square(distance))
        return np.asarray(voltage)

    def r_times_within_s(self, duration_s: float) -> list[float]:
        """R peaks at or after 0 and before ``duration_s``."""
        return [float(t) for t in self.r_times_s if 0 <= t < duration_s]

    def rate_bpm(self) -> int:
        """Mean heart rate in beats a minute, rounded."""
        return round(60.0 / float(np.mean(np.diff(self.r_times_s))))


def make_rhythm(rng: np.random.Generator, *, duration_s: float, rate_bpm: float = 72.0) -> Rhythm:
    """A sinus rhythm with a little respiratory variation (SD 2 %) that covers 0 to ``duration_s``."""
    rr_s = 60.0 / rate_bpm
    beats = int(duration_s / rr_s) + 10
    intervals = rr_s * (1 + 0.02 * rng.standard_normal(beats))
    first = -rr_s * (6.0 + float(rng.random()))
    return Rhythm(r_times_s=first + np.concatenate([[0.0], np.cumsum(intervals)]))


def breath(times_s: NDArray[np.float64], *, period_s: float = 4.2) -> NDArray[np.float64]:
    """Breathing excursion, 0 at end expiration and 1 at full inspiration (the heart is then lowest)."""
    return np.asarray(np.square(np.sin(np.pi * (times_s + 0.6) / period_s)))
