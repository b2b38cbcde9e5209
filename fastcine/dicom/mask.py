"""Mask subtraction as the file asks for it (PS3.3 C.7.6.10), as values. Nothing is subtracted here.

Sign trap of the sub-pixel shift: rows count downwards, but a positive column shift is towards the left-hand column.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from fastcine.dicom.values import as_written, decimals, integer, integers, items, text

_SEQUENCE, _VIEWING_MODE, _INTENSITY = 0x00286100, 0x00281090, 0x00281040
_OPERATION, _RANGE, _MASK_FRAMES, _AVERAGING = 0x00286101, 0x00286102, 0x00286110, 0x00286112
_SHIFT, _TID_OFFSET, _EXPLANATION, _ITEM_ID = 0x00286114, 0x00286120, 0x00286190, 0x00289416
_NONE = "NONE"
_OPERATIONS = ("AVG_SUB", "TID", "REV_TID", _NONE)


@dataclass(frozen=True, slots=True)
class MaskItem:
    """One subtraction. Frame numbers count from 1; ranges include both ends, empty means every frame.

    ``operation`` NONE: of its frames nothing is subtracted (C.7.6.10.1), which the file says and a reader may overrule.
    ``shift_pixels`` is (row, column) as written: positive row down, positive column to the left. ``tid_offset`` is 1
    where the file leaves it empty.
    """

    operation: str
    frame_ranges: tuple[tuple[int, int], ...]
    mask_frames: tuple[int, ...]
    contrast_averaging: int
    shift_pixels: tuple[float, float]
    tid_offset: int
    explanation: str
    item_id: int | None


@dataclass(frozen=True, slots=True)
class MaskSettings:
    """What is to be subtracted. ``subtract_first`` is Recommended Viewing Mode SUB.

    ``intensity`` is Pixel Intensity Relationship (LIN, LOG, DISP or empty): subtraction belongs in log space.
    """

    items: tuple[MaskItem, ...]
    subtract_first: bool
    intensity: str

    @property
    def subtracts(self) -> bool:
        """Whether anything is subtracted at all: not where every operation is NONE."""
        return _subtracts(self.items)


def read_masks(dataset: Dataset, *, frames: int) -> MaskSettings:
    """The Mask Subtraction Sequence. Items that name frames beyond the run are left out."""
    found = [_item(item, frames) for item in items(dataset, _SEQUENCE)]
    masks = tuple(item for item in found if item is not None)
    subtract_first = _subtracts(masks) and text(dataset, _VIEWING_MODE) == "SUB"
    return MaskSettings(masks, subtract_first, text(dataset, _INTENSITY).upper())


def _subtracts(masks: tuple[MaskItem, ...]) -> bool:
    return any(each.operation != _NONE for each in masks)


def _item(item: Dataset, frames: int) -> MaskItem | None:
    operation = text(item, _OPERATION).upper()
    if operation not in _OPERATIONS:
        return None
    numbers, mask_frames = integers(item, _RANGE), tuple(integers(item, _MASK_FRAMES))
    ranges = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    if any(not 1 <= first <= last <= frames for first, last in ranges):
        return None
    if operation == "AVG_SUB" and (not mask_frames or any(not 1 <= frame <= frames for frame in mask_frames)):
        return None
    if operation == "REV_TID" and not ranges:
        return None  # its first frame counts from the range, which is mandatory
    shift = [as_written(float(value)) for value in decimals(item, _SHIFT) if value is not None]
    return MaskItem(
        operation=operation,
        frame_ranges=ranges,
        mask_frames=mask_frames,
        contrast_averaging=max(1, integer(item, _AVERAGING) or 1),
        shift_pixels=(shift[0], shift[1]) if len(shift) == 2 else (0.0, 0.0),
        tid_offset=_tid_offset(item),
        explanation=text(item, _EXPLANATION),
        item_id=integer(item, _ITEM_ID),
    )


def mask_json(masks: MaskSettings) -> dict[str, object]:
    """The ``mask`` object of docs/api.md."""
    return {
        "subtract_first": masks.subtract_first,
        "intensity": masks.intensity,
        "items": [
            {
                "operation": each.operation,
                "frame_ranges": [list(ends) for ends in each.frame_ranges],
                "mask_frames": list(each.mask_frames),
                "contrast_averaging": each.contrast_averaging,
                "shift_pixels": list(each.shift_pixels),
                "tid_offset": each.tid_offset,
                "explanation": each.explanation,
            }
            for each in masks.items
        ],
    }


def _tid_offset(item: Dataset) -> int:
    value = integer(item, _TID_OFFSET)
    return 1 if value is None else value
