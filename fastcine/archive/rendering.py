"""A stored object's frames as display pictures: what WADO-RS renders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastcine.archive.cine_making import open_source, picture, sample_range_of
from fastcine.archive.folder import DataFolder
from fastcine.archive.record import InstanceRow
from fastcine.dicom.display import display_json, display_settings
from fastcine.dicom.values import integer
from fastcine.errors import NotFound
from fastcine.render.picture import Picture

_REPRESENTATIVE_FRAME = 0x00286010


def frame_pictures(
    folder: DataFolder, row: InstanceRow, numbers: Sequence[int], display: Mapping[str, Any] | None = None
) -> Iterator[Picture]:
    """Pictures, uint8, (rows, columns[, 3]), of frames from 1; without `numbers` of the one that stands for all.

    By the file's first window, or with what `display` puts in place of its settings (docs/api.md). Raises NotFound for
    a frame that is not there and for objects without pixels, BadDicom and Unsupported for what does not decode.
    """
    if row.run is None:
        raise NotFound("the object has no pixels")
    with open_source(folder.resolve(row.stored_as.location), row.frames) as source:
        frames = source.layout.frames
        if not all(1 <= number <= frames for number in numbers):
            raise NotFound("no such frame")
        if not numbers:
            stated = integer(source.dataset, _REPRESENTATIVE_FRAME) or 1
            numbers = [stated if 1 <= stated <= frames else 1]
        found = None if display else sample_range_of(source)
        settings = display_json(display_settings(source.dataset, source.layout, sample_range=found))
        for number in numbers:
            yield picture(source, {"display": {**settings, **(display or {})}}, number - 1)
