"""The cine cache: whole frames only, while another process writes; resumed, replaced, damaged, old."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from fastcine.archive import cine_cache
from fastcine.archive import cine_frame_table as table
from fastcine.archive.cine_cache import CacheReader, CacheWriter, CineCache
from fastcine.archive.cine_paths import entry_path
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import Tier, WireCodec, pack_frame, parse_message, run_id, run_name
from fastcine.errors import NotFound, PeerError, StorageFull

RUN = run_name(run_id("1.2.3"))


def bitstream(tier: int, frame: int, size: int | None = None) -> bytes:
    source = random.Random(tier * 1000 + frame)
    return source.randbytes(source.randrange(1, 70_000) if size is None else size)


def pieces(tier: int, frame: int, data: bytes | None = None, run: str = RUN) -> bytearray:
    data = bitstream(tier, frame) if data is None else data
    return pack_frame(
        data, tier=Tier(tier), codec=WireCodec.HTJ2K, frame=frame, run=int(run, 16), crc32=zlib.crc32(data)
    )


def payload(message: bytes | memoryview) -> bytes:
    return b"".join(piece.payload for piece in parse_message(message))


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", durable=False)


def test_what_is_written_is_read_without_a_copy(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 3) as writer:
        reader = CacheReader(folder, RUN, 3)
        assert reader.ready() == (0, 0, 0) and not reader.complete
        with pytest.raises(NotFound):
            reader.piece_slices(2, 0)
        for tier in (0, 1, 2):
            for frame in range(3):
                writer.add(tier, frame, pieces(tier, frame))
                assert bytes(reader.piece_slices(tier, frame)) == pieces(tier, frame)
                assert reader.frame_bytes(tier, frame) == len(bitstream(tier, frame))
        assert reader.ready() == writer.ready() == (3, 3, 3) and not reader.complete
        writer.finish()
    assert reader.complete and not reader.stale
    view = reader.piece_slices(2, 2)
    assert isinstance(view.obj, __import__("mmap").mmap) and view.readonly
    reader.close()
    assert payload(view) == bitstream(2, 2)  # outlives the reader


def test_a_frame_goes_on_at_any_piece_and_nowhere_else(folder: DataFolder) -> None:
    data = bitstream(2, 0, 40_000)
    with CacheWriter(folder, RUN, 1) as writer:
        writer.add(2, 0, pieces(2, 0, data))
    reader = CacheReader(folder, RUN, 1)
    for offset in (0, 16_384, 32_768):
        assert payload(reader.piece_slices(2, 0, offset)) == data[offset:]
    assert len(reader.piece_slices(2, 0, 40_000)) == 0
    for offset in (-16_384, 1, 16_383, 39_999, 49_152):
        with pytest.raises(PeerError):
            reader.piece_slices(2, 0, offset)
    for tier, frame in ((2, 1), (3, 0), (0, -1)):
        with pytest.raises(NotFound):
            reader.piece_slices(tier, frame)


def test_ready_counts_from_frame_0_without_a_gap(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 4) as writer:
        for frame, ready in ((2, 0), (0, 1), (1, 3), (3, 4)):
            writer.add(0, frame, pieces(0, frame))
            assert writer.ready() == (ready, 0, 0)
        assert writer.has(0, 2) and not writer.has(1, 2)


def test_pieces_of_another_frame_are_refused(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 4) as writer:
        for wrong in (pieces(0, 1), pieces(1, 0), pieces(0, 0, run="0" * 16), pieces(0, 0)[:-1], b""):
            with pytest.raises(ValueError):
                writer.add(0, 0, wrong)
        assert writer.ready() == (0, 0, 0)


def test_a_damaged_frame_is_replaced_under_its_readers(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 2) as writer:
        writer.add(2, 0, pieces(2, 0))
        writer.add(2, 1, pieces(2, 1))
        reader = CacheReader(folder, RUN, 2)
        old = reader.piece_slices(2, 0)
        writer.mark_damaged(2, 0)
        assert not writer.has(2, 0) and reader.ready() == (0, 0, 2)
        assert reader.piece_slices(2, 0) == old
        writer.add(2, 0, pieces(2, 0, b"anew" * 9000))
        assert payload(reader.piece_slices(2, 0)) == b"anew" * 9000
        assert payload(old) == bitstream(2, 0)
        assert writer.has(2, 0) and reader.intact(2, 0) and reader.intact(2, 1)


@pytest.mark.parametrize("damage", ["version", "magic", "cut table", "frames", "run", "no tier file"])
def test_an_entry_that_is_not_sound_counts_as_absent_and_is_made_anew(folder: DataFolder, damage: str) -> None:
    with CacheWriter(folder, RUN, 2) as writer:
        writer.add(0, 0, pieces(0, 0))
        writer.finish()
    path = entry_path(folder, RUN) / "frame_table"
    content = bytearray(path.read_bytes())
    if damage == "cut table":
        path.write_bytes(content[:-1])
    elif damage == "no tier file":
        (path.parent / "exact").unlink()
    else:
        content[{"magic": 0, "version": 8, "frames": 12, "run": 16}[damage]] ^= 1
        path.write_bytes(content)
    if damage != "no tier file":
        with pytest.raises(NotFound):
            CacheReader(folder, RUN, 2)
    with CacheWriter(folder, RUN, 2) as writer:
        assert not writer.has(0, 0)
        writer.add(0, 0, pieces(0, 0))
    assert payload(CacheReader(folder, RUN, 2).piece_slices(0, 0)) == bitstream(0, 0)


def test_cut_off_data_and_torn_records_are_not_there(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 3) as writer:
        for frame in range(3):
            writer.add(0, frame, pieces(0, frame))
    path = entry_path(folder, RUN)
    os.truncate(path / "coarse", (path / "coarse").stat().st_size - 1)
    with open(path / "frame_table", "r+b") as file:
        file.seek(table.record_offset(0, 1, frames=3) + 9)
        file.write(b"\xff")
    reader = CacheReader(folder, RUN, 3)
    assert reader.record(0, 1) is None
    with pytest.raises(NotFound):
        reader.piece_slices(0, 2)
    with CacheWriter(folder, RUN, 3) as writer:
        assert [writer.has(0, frame) for frame in range(3)] == [True, False, False]
        assert writer.ready() == (1, 0, 0)


def test_an_unfinished_entry_is_checked_after_a_power_cut(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with CacheWriter(folder, RUN, 2) as writer:
        writer.add(1, 0, pieces(1, 0))
        writer.add(1, 1, pieces(1, 1))
    with open(entry_path(folder, RUN) / "fine", "r+b") as file:  # the record was synced, the data was not
        file.write(bytes(100))
    monkeypatch.setattr("fastcine.archive.cine_cache.boot_mark", lambda: 4711)
    with pytest.raises(NotFound):
        CacheReader(folder, RUN, 2)
    with CacheWriter(folder, RUN, 2) as writer:
        assert (writer.has(1, 0), writer.has(1, 1)) == (False, True)
        assert writer.ready() == (0, 0, 0)
    assert CacheReader(folder, RUN, 2).record(1, 0) is None


def test_an_entry_made_anew_is_seen_to_be_another(folder: DataFolder) -> None:
    with CacheWriter(folder, RUN, 1) as writer:
        writer.add(0, 0, pieces(0, 0))
    reader = CacheReader(folder, RUN, 1)
    kept = reader.piece_slices(0, 0)
    with CacheWriter(folder, RUN, 1, anew=True) as writer:
        assert not writer.has(0, 0)
    assert reader.stale and payload(kept) == bitstream(0, 0)
    CineCache(folder).remove(RUN)
    assert reader.stale
    with pytest.raises(NotFound):
        CacheReader(folder, RUN, 1)


def test_an_entry_is_made_anew_while_a_picture_of_the_one_before_is_being_put_in(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    CacheWriter(folder, RUN, 2).close()
    plain, late = cine_cache.discard, [b"picture"]

    def discard(path: Path) -> None:
        plain(path)
        if late:  # a thread that knows nothing of it
            CineCache(folder).put_blob(RUN, "thumbnail", data=late.pop())

    monkeypatch.setattr(cine_cache, "discard", discard)
    writer = CacheWriter(folder, RUN, 3, anew=True)
    assert writer.ready() == (0, 0, 0)
    writer.close()


def test_the_cache_leaves_room_for_the_index(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    free = folder.reserve_bytes
    monkeypatch.setattr(DataFolder, "free_bytes", lambda self: free)
    with CacheWriter(folder, RUN, 400) as writer:
        for frame in range(300):
            writer.add(0, frame, pieces(0, frame, bytes(60_000)))
        free //= 3
        with pytest.raises(StorageFull):
            for frame in range(300, 400):
                writer.add(1, frame, pieces(1, frame, bytes(200_000)))
        assert writer.ready()[0] == 300


def test_blobs_sizes_and_sweeping(folder: DataFolder) -> None:
    cache = CineCache(folder)
    assert cache.get_blob(RUN, "preview") is None and cache.usage_bytes() == 0
    with CacheWriter(folder, RUN, 1) as writer:
        writer.add(0, 0, pieces(0, 0))
    cache.put_blob(RUN, "preview", data=b"webp")
    assert cache.get_blob(RUN, "preview") == b"webp"
    assert list(cache.runs()) == [RUN]
    assert cache.usage_bytes() == cache.entry_bytes(RUN) > len(pieces(0, 0)) + 4
    for name in ("frame_table", "exact", "../x", "A", ""):
        with pytest.raises(ValueError):
            cache.put_blob(RUN, name, data=b"")
    with pytest.raises(NotFound):
        cache.put_blob("../../../../x", "preview", data=b"")
    (entry_path(folder, RUN).parent / f"{RUN}.1234.new").mkdir()
    cache.sweep()
    assert [each.name for each in entry_path(folder, RUN).parent.iterdir()] == [RUN]


WRITER = """
import sys
from fastcine.archive.cine_cache import CacheWriter
from fastcine.archive.folder import DataFolder
from tests.archive.test_cine_cache import RUN, pieces
with CacheWriter(DataFolder(sys.argv[1], durable=False), RUN, 200) as writer:
    print("open", flush=True)
    for frame in range(200):
        for tier in (0, 1, 2):
            if not writer.has(tier, frame):
                writer.add(tier, frame, pieces(tier, frame))
    writer.finish()
"""


def start_writer(folder: DataFolder) -> subprocess.Popen[str]:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder.root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None and writer.stdout.readline() == "open\n"
    return writer


def check_ready_frames(reader: CacheReader, since: tuple[int, ...]) -> tuple[int, int, int]:
    """Every frame that became ready is whole; answers how many are."""
    ready = reader.ready()
    for tier in (0, 1, 2):
        for frame in range(since[tier], ready[tier]):
            assert payload(reader.piece_slices(tier, frame)) == bitstream(tier, frame)
    return ready


def test_a_reader_sees_whole_frames_only_while_a_writer_is_killed_and_goes_on(folder: DataFolder) -> None:
    source, seen, steps, midway = random.Random(7), (0, 0, 0), 0, 0
    for kill in (True, True, True, False):
        writer = start_writer(folder)
        reader = CacheReader(folder, RUN, 200)
        deadline = time.monotonic() + (source.uniform(0.005, 0.08) if kill else 60)
        while time.monotonic() < deadline and writer.poll() is None:
            now = check_ready_frames(reader, seen)
            steps += now != seen
            assert min(now) >= min(seen)
            seen = now
        if kill:
            writer.send_signal(signal.SIGKILL)
        writer.wait()
        midway += kill and not reader.complete
        if writer.stdout is not None:
            writer.stdout.close()
    reader = CacheReader(folder, RUN, 200)
    assert check_ready_frames(reader, (0, 0, 0)) == (200, 200, 200) and reader.complete
    assert steps > 5 and midway  # it did grow under the reader's eyes, and was killed at it
