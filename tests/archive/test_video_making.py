"""Videos become runs as other objects do: tiers, badge, timing, frames made again, other numbers of frames."""

import pytest

pytest.importorskip("av")

import numpy as np

from fastcine.archive.cine_cache import CacheReader, CacheWriter, CineCache
from fastcine.archive.cine_making import open_source
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.queue import Priority
from fastcine.cine.wire import parse_message
from fastcine.codec import htj2k
from tests.archives import fill, settle
from tests.codec.videos import coded_video, luma_by_pyav, video_object

STREAM = coded_video("libx264", "mp4")


def exact_frames(folder, run, frames):
    reader = CacheReader(folder, run, frames)
    assert reader.complete
    joined = [
        b"".join(bytes(piece.payload) for piece in parse_message(reader.piece_slices(2, frame)))
        for frame in range(frames)
    ]
    reader.close()
    return [htj2k.decode_exact(bitstream) for bitstream in joined]


def made(tmp_path, **changes):
    """One video taken in: (folder, index, its run row)."""
    stream = changes.pop("stream", STREAM)
    syntax = changes.pop("syntax", ".102")
    path = tmp_path / "video.dcm"
    video_object(path, stream, syntax, **changes)
    (receipt,) = fill(tmp_path / "data", [path])
    folder = DataFolder(tmp_path / "data", durable=False)
    index = Index(folder.index_path, durable=False)
    return folder, index, index.run(receipt.run)


@pytest.mark.parametrize(("syntax", "pieces"), [(".102", 1), (".102.1", 7)])
def test_a_video_becomes_a_run(tmp_path, syntax, pieces):
    folder, index, row = made(tmp_path, syntax=syntax, pieces=pieces, CineRate="25")
    assert (row.state, row.message, row.made) == ("ready", "", (12, 12, 12))
    described = row.description
    assert described["photometric_interpretation"] == "YBR_PARTIAL_420"
    assert described["tiers"]["exact"]["badge"] == "AS ACQUIRED"
    assert described["lossy"]["method"] == "ISO_14496_10"
    assert described["timing"]["fps"] == pytest.approx(25)
    for found, luma in zip(exact_frames(folder, row.run, 12), luma_by_pyav(STREAM), strict=True):
        assert np.array_equal(found[..., 0], luma)
    assert CineCache(folder).get_blob(row.run, "thumbnail")[8:12] == b"WEBP"
    index.close()


def test_frames_beyond_number_of_frames_are_ignored(tmp_path):
    folder, index, row = made(tmp_path, frames=5)
    assert row.made == (5, 5, 5) and len(exact_frames(folder, row.run, 5)) == 5
    index.close()


def test_a_video_that_ends_early_has_the_frames_that_are_there(tmp_path):
    folder, index, row = made(tmp_path, frames=30)
    assert (row.state, row.frames, row.made) == ("ready", 12, (12, 12, 12))
    assert row.description["frames"] == 12
    assert [instance.frames for instance in index.instances()] == [12]
    for found, luma in zip(exact_frames(folder, row.run, 12), luma_by_pyav(STREAM), strict=True):
        assert np.array_equal(found[..., 0], luma)
    index.close()


def test_a_damaged_frame_is_made_again(tmp_path):
    folder, index, row = made(tmp_path)
    before = exact_frames(folder, row.run, 12)
    with CacheWriter(folder, row.run, 12) as writer:
        writer.mark_damaged(2, 7)
    index.queue.enqueue(row.run, priority=Priority.ASKED)
    settle(folder, index)
    assert index.run(row.run).state == "ready"
    with CacheWriter(folder, row.run, 12) as writer:
        assert writer.has(2, 7)
    assert all(np.array_equal(a, b) for a, b in zip(before, exact_frames(folder, row.run, 12), strict=True))
    index.close()


def test_no_frame_at_all_is_an_error(tmp_path):
    _, index, row = made(tmp_path, stream=b"\0" * 4000)
    assert row.state == "failed" and "7FE0,0010" in row.message
    index.close()


def test_samples_and_pictures_come_from_the_start_of_a_video(tmp_path):
    path = tmp_path / "video.dcm"
    video_object(path, STREAM, ".102", frames=1000)
    with open_source(path) as source:
        assert source.spread(3) == [0, 50, 99] and source.spread(1) == [0]
    with open_source(path, 12) as source:
        assert source.layout.frames == 12 and source.spread(2) == [0, 11]
