"""X-ray runs of the phantom made for what their headers say: shutters, an overlay, windows, a mask that has to move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fastcine.phantom import identity, xa_runs, xray
from fastcine.phantom.dicom_objects import Made, Place, item, sequence
from fastcine.phantom.lettering import burn_text
from fastcine.phantom.xa_objects import mask_item, xa_file

SHUTTER_CENTER, SHUTTER_RADIUS = (128, 132), 104
OVERLAY_GROUP, OVERLAY_ORIGIN = 0x6000, (33, 41)
OVERLAY_ROWS, OVERLAY_COLUMNS = 150, 170
MOVED_FROM = 4
"""The frame, from 0, before which the patient moves."""
MOVED_PIXELS = (0.7, 0.4)
"""Down and to the right, from then on: the mask has to follow."""


def make_shuttered(place: Place) -> Made:
    """A run with a circular display shutter inside a rectangular one (PS3.3 C.7.6.11); what lies outside is black."""
    ds = xa_runs.shot_dataset(place, place.what)
    ds.ShutterShape = ["RECTANGULAR", "CIRCULAR"]
    ds.ShutterLeftVerticalEdge, ds.ShutterRightVerticalEdge = 21, 236
    ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge = 31, 226
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = list(SHUTTER_CENTER), SHUTTER_RADIUS
    ds.ShutterPresentationValue = 0
    return xa_runs.finished(ds, place.seed, place.what)


def _voi_table(entries: NDArray[np.float64], explanation: str) -> Dataset:
    """An item of the VOI LUT Sequence for samples of 8 bits; `entries` are shares of 16 bits."""
    made = item(LUTDescriptor=[len(entries), 0, 16], LUTExplanation=explanation)
    made.add_new(0x00283006, "OW", np.round(entries * 0xFFFF).astype("<u2").tobytes())
    return made


def make_windowed(place: Place) -> Made:
    """A run with two windows and two tables to be shown by (PS3.3 C.11.2), of which nothing is to be subtracted."""
    ds = xa_runs.shot_dataset(place, place.what)
    ds.WindowCenter, ds.WindowWidth = ["128", "90"], ["256", "120"]
    ds.WindowCenterWidthExplanation = ["Whole range", "Vessels"]
    levels = np.linspace(0, 1, 256)
    s_shaped = 1 / (1 + np.exp(-9 * (levels - 0.4)))
    ds.VOILUTSequence = sequence(_voi_table(s_shaped, "S-shaped"), _voi_table(levels**0.5, "Bright"))
    ds.RecommendedViewingMode = "NAT"
    ds.MaskSubtractionSequence = sequence(item(MaskOperation="NONE"))
    return xa_runs.finished(ds, place.seed, place.what)


def overlay_plane() -> NDArray[np.uint8]:
    """The overlay's bits, 0 and 1, uint8 (rows, columns): a frame, a cross and letters."""
    plane = np.zeros((OVERLAY_ROWS, OVERLAY_COLUMNS), dtype=np.uint8)
    plane[[0, 1, -2, -1], :] = plane[:, [0, 1, -2, -1]] = 1
    row, column = OVERLAY_ROWS // 2, OVERLAY_COLUMNS // 2
    plane[row, column - 14 : column + 15] = plane[row - 14 : row + 15, column] = 1
    burn_text(plane, "LAD", top=8, left=8, value=1, scale=2)
    return plane


def make_overlaid(place: Place) -> Made:
    """A run with one graphic overlay plane over every frame (PS3.3 C.9.2)."""
    ds = xa_runs.shot_dataset(place, place.what)
    packed = np.packbits(overlay_plane().reshape(-1), bitorder="little").tobytes()
    for element, vr, value in (
        (0x0010, "US", OVERLAY_ROWS), (0x0011, "US", OVERLAY_COLUMNS), (0x0022, "LO", "PHANTOM landmarks"),
        (0x0040, "CS", "G"), (0x0050, "SS", list(OVERLAY_ORIGIN)), (0x0100, "US", 1), (0x0102, "US", 0),
        (0x1500, "LO", "LAD"), (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    ):  # fmt: skip
        ds.add_new(OVERLAY_GROUP << 16 | element, vr, value)
    return xa_runs.finished(ds, place.seed, place.what)


def _moved(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """The frame moved by MOVED_PIXELS, linear between pixels, its edges held."""
    down, right = (np.float32(part) for part in MOVED_PIXELS)
    above = np.concatenate([frame[:1], frame[:-1]])
    lower = (1 - down) * frame + down * above
    left = np.concatenate([lower[:, :1], lower[:, :-1]], axis=1)
    return np.asarray((1 - right) * lower + right * left, dtype=np.float32)


def moved_frames(seed: int, shot_name: str) -> Iterator[NDArray[Any]]:
    """The frames of the run in which the patient moves, uint16 (rows, columns), logarithmic."""
    technique = xa_runs.SHOTS[shot_name].technique
    rng = identity.rng_for(seed, f"grain {shot_name}")
    for number, frame in enumerate(xa_runs.shot_frames(seed, shot_name)):
        level = frame.astype(np.float32)
        if number >= MOVED_FROM:
            level = _moved(level)
        level += rng.standard_normal(level.shape, dtype=np.float32) * np.float32(0.8)
        stored = np.clip(np.round(level), 0, (1 << technique.bits) - 1).astype(np.uint16)
        xray.burn_label(stored, technique.bits)
        yield stored


def make_moved(place: Place) -> Made:
    """A renal DSA run whose mask, the mean of frames 1 to 3, has to be shifted by parts of a pixel (C.7.6.10).

    Positive rows are down, positive columns to the left.
    """
    ds = xa_runs.renal_dataset(place, place.what)
    mask = mask_item(first=MOVED_FROM + 1, last=int(ds.NumberOfFrames), masks=(1, 2, 3))
    mask.MaskSubPixelShift = [MOVED_PIXELS[0], -MOVED_PIXELS[1]]
    ds.MaskSubtractionSequence = sequence(mask, _time_interval(int(ds.NumberOfFrames)))
    return Made(ds, xa_file(ds, moved_frames(place.seed, place.what)))


def _time_interval(frames: int) -> Dataset:
    """A TID item: each frame less the one two before it."""
    return item(
        MaskOperation="TID", ApplicableFrameRange=[3, frames], TIDOffset=2, MaskOperationExplanation="TID 2",
    )  # fmt: skip
