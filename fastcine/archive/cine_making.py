"""From a stored object to its cine cache: description, pieces frame by frame, small pictures.

The owner calls this; frames are coded by a pool of threads (codecs release the GIL), a few ahead of the one that is
written, so memory is bounded however long the run is.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydicom import Dataset

from fastcine import work
from fastcine.archive.cine_cache import CacheWriter, CineCache
from fastcine.archive.folder import DataFolder, storage_errors
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.archive.owner import FramesDiffer, WantedFrame
from fastcine.archive.record import RunRow
from fastcine.cine import tiers
from fastcine.cine.description import Identity, describe, needs_sample_range
from fastcine.cine.tiers import Coded, Recipe
from fastcine.cine.wire import Tier, pack_frame
from fastcine.codec import pixels
from fastcine.codec.video import Video
from fastcine.dicom.display import display_settings
from fastcine.dicom.encapsulation import FrameSpan, first_bit, frame_spans
from fastcine.dicom.layout import ImageLayout, image_layout
from fastcine.dicom.overlay import Overlay, read_overlays, shown_overlays
from fastcine.dicom.parse import ObjectStructure, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import find_syntax
from fastcine.render.picture import grey_picture, halved
from fastcine.render.preview import FOLLOWING_PIXELS, following_preview, pack, preview, preview_frames, thumbnail

PICTURES_AFTER = 2
"""Frames that are made before the small pictures: the first picture on a screen comes first."""
TRIM_AFTER = 8
"""Frames between two trims of the heap: 1 % of the coding's time, and the heap does not grow with the run."""
SAMPLED_FRAMES = 5
"""Frames that a derived window is taken from, spread over the run: contrast comes and goes."""

VIDEO_REACH = 100
"""Frames at a video's start that pictures come from: to get at a later one all before it are decoded."""

FramePieces = tuple[bytearray | None, bytearray | None, bytearray | None]


@dataclass(frozen=True, slots=True)
class Source:
    """A stored object, opened: where its frames lie and how they become tiers.

    A video's frames are in `video`; its only span is the stream.
    """

    data: mmap.mmap
    buffer: memoryview
    dataset: Dataset
    layout: ImageLayout
    spans: tuple[FrameSpan, ...]
    recipe: Recipe
    structure: ObjectStructure
    video: Video | None = None

    def fragments(self, frame: int) -> list[memoryview]:
        """A frame's bytes in the object, not copied; none of a video, where no bytes are one frame's."""
        if self.video is not None:
            return []
        return _slices(self.buffer, self.spans[frame])

    def overlays(self) -> tuple[Overlay, ...]:
        """The overlays that can be shown."""
        return shown_overlays(read_overlays(self.data, self.structure, self.dataset), self.layout)

    def spread(self, count: int) -> list[int]:
        """At most `count` frames that stand for the run, its first and its last among them."""
        frames = self.layout.frames if self.video is None else min(self.layout.frames, VIDEO_REACH)
        return sorted({round(i * (frames - 1) / max(1, count - 1)) for i in range(count)})

    def release(self, frame: int) -> None:
        """Give a coded frame's mapped pages back, so that a run of gigabytes stays out of our memory.

        The kernel keeps them in its page cache; touching them again only costs a fault.
        """
        if len(self.buffer) != len(self.data) or not hasattr(mmap, "MADV_DONTNEED"):
            return  # a deflated object lies inflated in memory
        span = self.spans[0 if self.video is not None else frame]
        first, last = span[0], span[-1]
        start = first.offset_bytes // mmap.PAGESIZE * mmap.PAGESIZE
        end = last.offset_bytes + last.length_bytes
        if end > start:
            self.data.madvise(mmap.MADV_DONTNEED, start, end - start)

    def samples(self, frame: int) -> Any:
        """A frame's samples as the wire counts them.

        Of a video all frames before it are decoded too, and where it ends earlier than announced it is the last one.
        """
        if self.video is not None:
            return self.video.frame_near(frame)
        return tiers.decode(self.fragments(frame), self.recipe, first_bit(self.layout, frame))


@contextmanager
def open_source(path: Path, frames: int | None = None) -> Iterator[Source]:
    """Open an object for coding. `frames` is how many a video is known to have, where they are fewer than announced.

    Raises BadDicom, Unsupported, StorageUnavailable.
    """
    with storage_errors("reading an object"), open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        structure = parse_object(data)
        dataset = read_values(data, structure)
        layout = image_layout(dataset, structure)
        spans = frame_spans(data, structure, layout)
        buffer = structure.buffer(data)
        first, video = _slices(buffer, spans[0]), None
        syntax = find_syntax(layout.transfer_syntax_uid)
        if syntax is not None and syntax.video:
            layout = replace(layout, frames=min(layout.frames, frames or layout.frames))
            video = Video(first, layout)
            layout = replace(layout, photometric_interpretation=video.photometric_interpretation)
        palette = display_settings(dataset, layout).palette
        recipe = tiers.make_recipe(layout, first, palette)
        yield Source(data, buffer, dataset, layout, spans, recipe, structure, video)
    finally:
        # Slices of the map may still be referenced by a traceback: the map goes when they go.
        del data


def _slices(buffer: memoryview, span: FrameSpan) -> list[memoryview]:
    return [buffer[offset : offset + length] for offset, length in span]


def sample_range_of(source: Source) -> tuple[float, float] | None:
    """(min, max) of stored samples over a few frames where the window has to be derived from them; else None."""
    if not needs_sample_range(source.dataset, source.recipe):
        return None
    ranges = [pixels.sample_range(source.samples(frame)) for frame in source.spread(SAMPLED_FRAMES)]
    bias = 0 if not source.layout.signed else 1 << (source.layout.bits_stored - 1)
    return min(low for low, _ in ranges) - bias, max(high for _, high in ranges) - bias


def description(source: Source, identity: Identity, site_timezone: tzinfo | None) -> dict[str, Any]:
    """The run's description; a few frames are decoded where the window has to be derived."""
    stored_bytes = sum(length for span in source.spans for _, length in span)
    return describe(
        source.dataset,
        source.recipe,
        identity,
        compressed_bytes=stored_bytes,
        sample_range=sample_range_of(source),
        site_timezone=site_timezone,
        overlays=source.overlays(),
    )


def frame_pieces(source: Source, run: int, frame: int, samples: Any = None) -> FramePieces:
    """All tiers of one frame, packed as they lie in the cache; `samples` where it is decoded already."""
    if samples is None:
        samples = source.samples(frame)
    coarse, fine, exact = tiers.code_samples(samples, source.fragments(frame), source.recipe)

    def pack(tier: Tier, one: Coded) -> bytearray:
        return pack_frame(one.bitstream, tier=tier, codec=one.codec, frame=frame, run=run, crc32=one.crc32)

    return (
        None if coarse is None else pack(Tier.COARSE, coarse),
        None if fine is None else pack(Tier.FINE, fine),
        pack(Tier.EXACT, exact),
    )


def coded_frames(
    source: Source, run: int, frames: Iterable[int], executor: ThreadPoolExecutor, *, threads: int
) -> Iterator[tuple[int, FramePieces]]:
    """(frame, pieces) in the order of `frames`; at most `threads` + 1 frames are under way.

    A video is decoded in the caller's thread, from its first frame to the last wanted; frames not wanted come too, as
    nothing, so that the caller is never away for long. It may end early.
    """

    def one(frame: int) -> tuple[int, FramePieces]:
        return frame, frame_pieces(source, run, frame)

    if source.video is None:
        return work.in_order(executor, one, frames, ahead=threads + 1)

    def decoded(item: tuple[int, Any]) -> tuple[int, FramePieces]:
        frame, samples = item
        return frame, frame_pieces(source, run, frame, samples) if frame in wanted else (None, None, None)

    wanted = set(frames)
    stream = islice(source.video.frames(), max(wanted, default=-1) + 1)
    return work.in_order(executor, decoded, enumerate(stream), ahead=threads + 1)


def picture(source: Source, described: dict[str, Any], frame: int, *, longest: int = 0) -> Any:
    """A frame as an 8-bit display picture, grey or RGB, by the file's first window.

    `longest`: it is to be halved to so many pixels afterwards; grey samples are then, before they are windowed.
    """
    samples = source.samples(frame)
    layout = source.layout
    if longest and not source.recipe.first_pass_rgb and samples.ndim == 2 and samples.dtype in ("u1", "u2"):
        samples = halved(samples, longest)
    if source.recipe.first_pass_rgb:
        rgb = tiers.first_pass_samples(samples, source.recipe)
        shift = source.recipe.first_pass_bits - 8
        return (rgb >> shift if shift > 0 else rgb << -shift).astype("u1")
    return grey_picture(
        samples,
        described["display"],
        bits_stored=layout.bits_stored,
        signed=layout.signed and layout.sample_kind != "float",
    )


def make_thumbnail(source: Source, described: dict[str, Any]) -> bytes:
    """Of the middle frame: the first is often black."""
    middle = source.layout.frames // 2 if source.video is None else source.spread(2)[-1] // 2
    return thumbnail(picture(source, described, middle))


def make_previews(source: Source, described: dict[str, Any]) -> bytes:
    """Of the first frames, packed. Of a video one: to get at a later frame all before it are decoded."""
    count = preview_frames(described["frames"], described["timing"]["fps"]) if source.video is None else 1
    following = [
        following_preview(picture(source, described, frame, longest=FOLLOWING_PIXELS)) for frame in range(1, count)
    ]
    return pack([preview(picture(source, described, 0)), *following])


PICTURES = {"thumbnail": make_thumbnail, "previews": make_previews}
"""Blobs for the cache."""


class Maker:
    """How the owner makes a run (archive.owner.Make)."""

    def __init__(
        self, folder: DataFolder, index: ArchiveIndex, executor: ThreadPoolExecutor, *, threads: int, site_timezone: str
    ) -> None:
        self._cache, self._index = CineCache(folder), index
        self._executor, self._threads = executor, threads
        self._zone = ZoneInfo(site_timezone)

    def __call__(
        self, run: RunRow, object_path: Path, writer: CacheWriter, wanted_frame: WantedFrame
    ) -> Iterator[None]:
        """Make what is missing of a run, frame by frame from the first; a step is one frame.

        Raises BadDicom and Unsupported with words for the viewer, StorageFull, StorageUnavailable.
        """
        with open_source(object_path, run.frames) as source:
            identity = Identity(run.sop_instance_uid, run.series_instance_uid, run.study_instance_uid)
            described = description(source, identity, self._zone)
            self._index.set_description(run.run, described)
            yield
            missing = [frame for frame in range(run.frames) if not self._whole(source, writer, frame)]
            seen = 0
            previews: Future[None] | None = None
            made = coded_frames(source, int(run.run, 16), missing, self._executor, threads=self._threads)
            for count, (frame, pieces) in enumerate(made, start=1):
                for tier, packed in enumerate(pieces):
                    if packed is not None and not writer.has(tier, frame):
                        writer.add(tier, frame, packed)
                source.release(frame)
                seen = frame + 1
                if count == PICTURES_AFTER:
                    # Whoever hears of these frames asks for the thumbnail. Both are made among the frames, not beside
                    # their coding: the memory of one job more is never needed.
                    self._executor.submit(self._picture, source, described, "thumbnail").result()
                    previews = self._executor.submit(self._picture, source, described, "previews")
                if count % TRIM_AFTER == 0:
                    work.trim_heap()
                yield
            if missing and seen <= missing[-1]:
                self._index.set_frames(run.run, seen)
                raise FramesDiffer(f"{seen} frames where {run.frames} were announced")
            if previews is not None:
                previews.result()
            for name in PICTURES:
                self._picture(source, described, name)

    @staticmethod
    def _whole(source: Source, writer: CacheWriter, frame: int) -> bool:
        needed = (0, 1, 2) if source.recipe.first_pass else (2,)
        return all(writer.has(tier, frame) for tier in needed)

    def _picture(self, source: Source, described: dict[str, Any], name: str) -> None:
        run = described["run"]
        if self._cache.get_blob(run, name) is None:
            self._cache.put_blob(run, name, data=PICTURES[name](source, described))
