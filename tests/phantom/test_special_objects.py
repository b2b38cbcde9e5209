"""Stress echo, prior study, shutter, overlay, windows, moving mask, presentation state: as outside readers see them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_voi

from fastcine.dicom.mask import read_masks
from fastcine.dicom.shutter import read_shutters
from fastcine.phantom import patient, presentation, stress, xa_special
from fastcine.phantom.dicom_objects import PRIOR, STRESS_ECHO, sop_instance_uid
from tests.phantom import reading

ENTRIES = {entry.what: entry for entry in patient.ENTRIES}


def made(what: str) -> bytes:
    entry = ENTRIES[what]
    return entry.make(entry.place(1)).data


def test_windows_and_tables_to_choose_from_and_nothing_to_subtract() -> None:
    data = made("windows")
    ds = reading.dataset(data)
    assert list(ds.WindowCenterWidthExplanation) == ["Whole range", "Vessels"] and list(ds.WindowWidth) == [256, 120]
    frame = reading.frames(data, count=1)[0]
    tables = [apply_voi(frame, ds, index=index).astype(float) / 0xFFFF for index in range(2)]
    assert tables[1] == pytest.approx((frame / 255) ** 0.5, abs=1e-4), "the second lifts what is dark"
    assert np.abs(tables[0] - tables[1]).max() > 0.2
    masks = read_masks(ds, frames=ds.NumberOfFrames)
    assert [each.operation for each in masks.items] == ["NONE"] and not masks.subtracts


def test_the_stress_echo_is_a_grid_of_its_own_study() -> None:
    entries = [entry for entry in patient.ENTRIES if entry.study is STRESS_ECHO]
    assert {(entry.series, entry.instance) for entry in entries} == {(s, v) for s in range(1, 5) for v in range(1, 5)}
    grid = {}
    for entry in entries:
        ds = reading.dataset(entry.make(entry.place(1)).data)
        grid[ds.StageNumber, ds.ViewNumber] = ds
        assert (ds.NumberOfStages, ds.NumberOfViewsInStage, ds.NumberOfFrames) == (4, 4, stress.FRAMES)
    assert [grid[1, view].ViewName for view in range(1, 5)] == ["PLAX", "PSAX", "A4C", "A2C"]
    assert [grid[stage, 1].StageName for stage in range(1, 5)] == ["Rest", "Low dose", "Peak dose", "Recovery"]
    first = {place: ds.RWaveTimeVector[0] for place, ds in grid.items()}
    assert len(set(first.values())) == len(first), "each loop begins at another moment of its beat"
    for ds in grid.values():
        beat_ms = ds.RWaveTimeVector[1] - ds.RWaveTimeVector[0]
        assert beat_ms == pytest.approx(60_000 / ds.HeartRate, abs=5)
        assert ds.RWaveTimeVector[1] <= stress.FRAMES * float(ds.FrameTime), "a whole beat lies in the loop"
    assert float(grid[3, 1].EventElapsedTimes) == 720_000


def cavity(what: str, rows: slice) -> np.ndarray:
    """Dark pixels inside the ventricle between these rows, frame by frame."""
    frames = reading.frames(made(what)).astype(np.float64)[:, rows, 82:134]
    return (frames < 40).sum(axis=(1, 2))


def test_the_ventricle_empties_after_its_r_wave_but_its_apex_not_at_peak_stress() -> None:
    apex, base = slice(36, 50), slice(68, 96)
    rest, peak = cavity("stress-1-3", base), cavity("stress-3-3", base)
    assert rest.min() < 0.65 * rest.max() and peak.min() < 0.65 * peak.max()
    apical_rest, apical_peak = cavity("stress-1-3", apex), cavity("stress-3-3", apex)
    assert apical_peak.min() / apical_peak.max() > apical_rest.min() / apical_rest.max() + 0.12
    ds = reading.dataset(made("stress-1-3"))
    r_frame = ds.RWaveTimeVector[0] / float(ds.FrameTime)
    beat = (ds.RWaveTimeVector[1] - ds.RWaveTimeVector[0]) / float(ds.FrameTime)
    assert 0.2 < (int(rest.argmin()) - r_frame) / beat < 0.55


def test_the_prior_has_the_same_patient_and_nearly_the_same_projections() -> None:
    today = reading.dataset(made("still"))
    angles = {}
    for entry in patient.ENTRIES:
        if entry.study is PRIOR:
            ds = reading.dataset(entry.make(entry.place(1)).data)
            assert (ds.PatientID, ds.PatientAge) == (today.PatientID, "063Y") and ds.StudyDate < today.StudyDate
            angles[entry.what] = (float(ds.PositionerPrimaryAngle), float(ds.PositionerSecondaryAngle))
    distances = {what: np.hypot(a + 32, b + 20) for what, (a, b) in angles.items()}
    assert min(distances, key=distances.__getitem__) == "prior-lca" and distances["prior-lca"] < 5
    assert sorted(distances.values())[1] > 20, "one that is near and others that are not"


def test_shutters_are_read_back() -> None:
    rectangle, circle = read_shutters(reading.dataset(made("shutter")))
    assert rectangle.edges == (21, 236, 31, 226) and rectangle.presentation_value == 0
    assert (circle.center, circle.radius) == (xa_special.SHUTTER_CENTER, xa_special.SHUTTER_RADIUS)


def test_the_overlay_is_what_pydicom_reads() -> None:
    ds = pydicom.dcmread(BytesIO(made("overlay")))
    assert np.array_equal(ds.overlay_array(0x6000), xa_special.overlay_plane())
    assert tuple(ds[0x60000050].value) == xa_special.OVERLAY_ORIGIN


def shifted(mask: np.ndarray, rows: float, columns: float) -> np.ndarray:
    """Moved down by `rows` and to the left by `columns`, linear between pixels, by numpy alone."""
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float64)
    y, x = np.clip(y - rows, 0, mask.shape[0] - 1), np.clip(x + columns, 0, mask.shape[1] - 1)
    top, left = np.minimum(y.astype(int), mask.shape[0] - 2), np.minimum(x.astype(int), mask.shape[1] - 2)
    down, right = y - top, x - left
    upper = mask[top, left] * (1 - right) + mask[top, left + 1] * right
    lower = mask[top + 1, left] * (1 - right) + mask[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


def test_the_moved_run_needs_its_masks_shift_with_the_standards_signs() -> None:
    data = made("dsa-moved")
    frames = reading.frames(data).astype(np.float64)
    item = read_masks(reading.dataset(data), frames=len(frames)).items[0]
    assert item.operation == "AVG_SUB" and item.shift_pixels == (0.7, -0.4)
    mask = frames[np.array(item.mask_frames) - 1].mean(axis=0)
    live = frames[xa_special.MOVED_FROM]  # before the contrast comes: what is left is motion
    inside = np.s_[10:-30, 10:-10]

    def left_over(rows: float, columns: float) -> float:
        return float((live - shifted(mask, rows, columns))[inside].std())

    right = left_over(*item.shift_pixels)
    for wrong in ((0.0, 0.0), (0.7, 0.4), (-0.7, -0.4), (-0.7, 0.4)):
        assert right < 0.75 * left_over(*wrong), wrong
    assert (mask - frames[-3] > 60).mean() > 0.01, "contrast comes later"


def test_the_presentation_state_is_of_a_frame_of_the_first_run() -> None:
    ds = reading.dataset(made("presentation"))
    image = ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    assert image.ReferencedSOPInstanceUID == sop_instance_uid(ENTRIES["lca"].place(1))
    assert image.ReferencedFrameNumber == presentation.FRAME and ds.Modality == "PR"
    text = ds.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue
    assert "PHANTOM" in text and "PHANTOM" in ds.ContentDescription
