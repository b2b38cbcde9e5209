"""The runs that every measurement plays: fixed seed, noise of SD 3 at 8 bits over the whole frame, a burned counter.

Sizes as JPEG Lossless SV1 lie within 10 % of 8.8 MB (512x512x60), 68.2 MB (1024x1024x120) and 65.8 MB
(1024x1024x60 of 12 bits), so that figures compare with those of the peers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.errors import UsageError
from fastcine.phantom import counter, identity, us_objects, xray
from fastcine.phantom import dicom_objects as objects
from fastcine.phantom.dicom_objects import Place
from fastcine.phantom.projection import CArm
from fastcine.phantom.rhythm import make_rhythm
from fastcine.phantom.timing import constant_timing
from fastcine.phantom.xa_objects import xa_dataset, xa_file

_SEED = 20260301
_NOISE = 2.67 / 256
"""At mid grey, of the range. It follows the signal: where these frames have their mean level, 0.63, it is 3 / 256."""
FRAME_TIMES_MS = {15: "66.6666667", 30: "33.3333333"}
"""Frame Time by frames a second, as DS texts."""


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One X-ray bench run: rows and columns, frames, Bits Stored, and the peers' length as JPEG Lossless SV1."""

    size: int
    frames: int
    bits: int
    nominal_bytes: int


XRAY_RUNS = {
    "xa512x60": BenchRun(512, 60, 8, 8_800_000),
    "xa1024x120": BenchRun(1024, 120, 8, 68_200_000),
    "xa1024x60": BenchRun(1024, 60, 8, 34_100_000),
    "xa1024x60_12": BenchRun(1024, 60, 12, 65_800_000),
}
ECHO = "us800x600_rgb60"
"""The uncompressed RGB echo, 800x600, 60 frames."""


def xray_frames(run: BenchRun, *, fps: int, frames: int | None = None) -> Iterator[NDArray[Any]]:
    """The run's frames with their counters, (size, size), uint8 or uint16; ``frames`` shortens it."""
    count = run.frames if frames is None else frames
    starts_s = constant_timing(run.frames, FRAME_TIMES_MS[fps]).starts_s()
    rhythm = make_rhythm(identity.rng_for(_SEED, "bench rhythm"), duration_s=float(starts_s[-1]) + 1)
    injection = xray.Injection(start_s=0.3, length_s=max(float(starts_s[-1]) - 1.6, 0.8))
    scene = xray.coronary_scene("LCA", identity.rng_for(_SEED, "bench tree"), rhythm, injection)
    technique = xray.Technique(bits=run.bits, noise=_NOISE, collimator="open", spread=0.0)
    rendered = xray.render_run(
        scene, _arm(run), technique=technique, times_s=starts_s[:count], rng=identity.rng_for(_SEED, "bench noise")
    )
    for number, frame in enumerate(rendered):
        counter.burn(frame, number, bits=run.bits)
        yield frame


def echo_frames(*, fps: int, frames: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Frames of the RGB echo with their counters, uint8 (600, 800, 3); ``frames`` shortens it."""
    timing = constant_timing(us_objects.RGB_ECHO_FRAMES if frames is None else frames, FRAME_TIMES_MS[fps])
    rhythm = us_objects.echo_rhythm(_SEED, ECHO)
    for number, frame in enumerate(us_objects.rgb_echo_frames(_SEED, ECHO, timing, rhythm)):
        counter.burn(frame, number)
        yield frame


def _echo_file(*, fps: int, frames: int | None) -> bytes:
    count = us_objects.RGB_ECHO_FRAMES if frames is None else frames
    place = Place(_SEED, f"bench {ECHO} {fps} {count}", 1, 1, f"bench {ECHO}", "US", 0.0)
    timing = constant_timing(count, FRAME_TIMES_MS[fps])
    ds = us_objects.rgb_echo_dataset(place, timing, us_objects.echo_rhythm(_SEED, ECHO))
    pixels = [frame.tobytes() for frame in echo_frames(fps=fps, frames=frames)]
    return objects.part10(ds, transfer_syntax=objects.EXPLICIT_LITTLE, frames=pixels)


def _arm(run: BenchRun) -> CArm:
    return CArm(-32, -20, run.size, run.size, 184.32 / run.size, pan_mm=(2.0, 0.0))


def bench_run(name: str, *, fps: int = 15, frames: int | None = None) -> tuple[str, bytes]:
    """File name and Part 10 bytes of the bench run ``name`` at ``fps`` (15 or 30); ``frames`` shortens it.

    Raises UsageError for an unknown name or rate.
    """
    if fps not in FRAME_TIMES_MS:
        raise UsageError(f"bench runs exist at 15 and 30 frames a second, not at {fps}")
    if name == ECHO:
        return file_name(name, fps=fps), _echo_file(fps=fps, frames=frames)
    if name not in XRAY_RUNS:
        raise UsageError(f"no bench run is called {name!r}; there are {', '.join(bench_names())}")
    run = XRAY_RUNS[name]
    count = run.frames if frames is None else frames
    place = Place(_SEED, f"bench {name} {fps} {count}", 1, 1, f"bench {name}", "XA", 0.0)
    timing = constant_timing(count, FRAME_TIMES_MS[fps])
    ds = xa_dataset(place, _arm(run), bits=run.bits, timing=timing, collimator="open")
    return file_name(name, fps=fps), xa_file(ds, xray_frames(run, fps=fps, frames=count))


def bench_names() -> tuple[str, ...]:
    """The names ``bench_run`` knows."""
    return (*XRAY_RUNS, ECHO)


def file_name(name: str, *, fps: int) -> str:
    """The bench run's file name, such as ``xa512x60_15fps.dcm``."""
    return f"{name}_{fps}fps.dcm"
