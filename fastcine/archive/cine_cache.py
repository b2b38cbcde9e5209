"""The cine cache: per run a folder with its tiers' pieces, exactly as they go over the wire. Derived, disposable.

::

    cine/<hh>/<run>/     <run> is the wire id, 16 hex digits; hh its last two
        coarse  fine  exact           pieces with headers in front, appended frame by frame
        frame_table                   which frame lies where (cine_frame_table.py)
        <name>                        blobs: preview, thumbnail

One writer (the ingest owner), any number of readers in other processes while it writes. An entry of another format
version, cut off, damaged or of other frames counts as absent and is made anew.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from fastcine.archive import cine_frame_table as table
from fastcine.archive.cine_frame_table import Header, Record
from fastcine.archive.cine_paths import RUN_NAME, TABLE_FILE, TIER_FILES, boot_mark, discard, entry_path
from fastcine.archive.folder import DataFolder, storage_errors
from fastcine.cine.wire import HEADER as PIECE_HEADER
from fastcine.cine.wire import HEADER_BYTES, PIECE_BYTES, TIERS
from fastcine.codec.checksum import crc32
from fastcine.errors import NotFound, PeerError, StorageFull

CREATE_TRIES = 5
SPACE_CHECK_BYTES = 16 << 20
"""Free space is asked for once in so many bytes written."""
_BLOB = re.compile("[a-z][a-z0-9_.-]{0,63}")


class CacheReader:
    """A run's entry, memory-mapped. Any thread may read; slices outlive `close`.

    Raises NotFound where there is no usable entry of `frames` frames.
    """

    def __init__(self, folder: DataFolder, run: str, frames: int) -> None:
        self._path = entry_path(folder, run)
        self._frames = frames
        self._maps: list[mmap.mmap | None] = [None] * len(TIERS)
        try:
            with open(self._path / TABLE_FILE, "rb") as file:
                self._inode = os.fstat(file.fileno()).st_ino
                self._table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise NotFound("the run is not in the cine cache") from None
        header = table.read_header(self._table)
        if header is None or not _usable(header, run, frames):
            self.close()
            raise NotFound("the run is not in the cine cache")

    def _header(self) -> Header:
        header = table.read_header(self._table)
        if header is None:
            raise NotFound("the cache entry was damaged")
        return header

    @property
    def frames(self) -> int:
        """Frames of the run."""
        return self._frames

    @property
    def complete(self) -> bool:
        """Whether every tier that the run has is made."""
        return self._header().complete

    @property
    def stale(self) -> bool:
        """Whether the entry was deleted or made anew since it was opened: open another reader."""
        try:
            return os.stat(self._path / TABLE_FILE).st_ino != self._inode
        except OSError:
            return True

    def ready(self) -> tuple[int, int, int]:
        """For each tier how many frames, counted from frame 0 without a gap, are there."""
        return self._header().ready

    def refresh(self) -> None:
        """Nothing is kept between calls that could grow old; here for callers that keep lengths of their own."""

    def record(self, tier: int, frame: int) -> Record | None:
        """Where a frame lies, or None where it is not made yet."""
        if not 0 <= frame < self._frames or not 0 <= tier < len(TIERS):
            raise NotFound("no such frame")
        return table.read_record(self._table, table.record_offset(tier, frame, frames=self._frames))

    def frame_bytes(self, tier: int, frame: int) -> int:
        """Length of a frame's bitstream. Raises NotFound where it is not made yet."""
        return self._need(tier, frame).frame_bytes

    def _need(self, tier: int, frame: int) -> Record:
        record = self.record(tier, frame)
        if record is None:
            raise NotFound("the frame is not made yet")
        return record

    def piece_slices(self, tier: int, frame: int, from_offset: int = 0) -> memoryview:
        """The frame's pieces from the one whose payload starts at `from_offset` (bytes of the bitstream), not copied.

        Empty where `from_offset` is the bitstream's end. Raises NotFound for a frame that is not there, PeerError for
        an offset at which no piece starts (offsets come from clients).
        """
        record = self._need(tier, frame)
        if from_offset == record.frame_bytes and from_offset:
            return memoryview(b"")
        piece, beside = divmod(from_offset, PIECE_BYTES)
        if beside or not 0 <= from_offset <= record.frame_bytes:
            raise PeerError("no piece starts at that offset")
        data = memoryview(self._map(tier, record.end_bytes))
        return data[record.offset_bytes + piece * (HEADER_BYTES + PIECE_BYTES) : record.end_bytes]

    def intact(self, tier: int, frame: int) -> bool:
        """Whether a frame's bytes are what was written: reads all of them."""
        record = self.record(tier, frame)
        if record is None:
            return False
        try:
            return crc32(self.piece_slices(tier, frame)) == record.crc32
        except NotFound:
            return False

    def _map(self, tier: int, needed_bytes: int) -> mmap.mmap:
        """The tier's file, mapped anew when it has grown. Old maps live as long as slices of them do."""
        known = self._maps[tier]
        if known is not None and len(known) >= needed_bytes:
            return known
        try:
            with open(self._path / TIER_FILES[tier], "rb") as file:
                fresh = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            raise NotFound("the cache entry was deleted") from None
        if len(fresh) < needed_bytes or self.stale:
            raise NotFound("the cache entry was cut off or made anew")
        self._maps[tier] = fresh
        return fresh

    def close(self) -> None:
        """Let go of the files; those of which slices are still out go with the last slice."""
        for each in (self._table, *self._maps):
            if each is not None:
                with contextlib.suppress(BufferError):
                    each.close()
        self._maps = [None] * len(TIERS)


def _usable(header: Header, run: str, frames: int) -> bool:
    written_now = header.complete or header.boot == boot_mark()
    return written_now and header.run == int(run, 16) and header.frames == frames


class CacheWriter:
    """Fills a run's entry, frame by frame, in any order; readers see each frame as soon as it is whole.

    An entry that a killed writer left is gone on with: `has` says what is there (its bytes are checked when the
    machine was started anew since). With `anew` it is made from nothing. Raises StorageFull or StorageUnavailable.
    """

    def __init__(self, folder: DataFolder, run: str, frames: int, *, anew: bool = False) -> None:
        self._folder = folder
        self._path = entry_path(folder, run)
        self._run = run
        self._frames = frames
        self._unchecked_bytes = SPACE_CHECK_BYTES
        with storage_errors("writing the cine cache"):
            if anew or not self._resumable():
                self._create()
            self._table = os.open(self._path / TABLE_FILE, os.O_RDWR | os.O_CLOEXEC)
            self._files = [os.open(self._path / name, os.O_RDWR | os.O_CLOEXEC) for name in TIER_FILES]
        self._load()

    def _resumable(self) -> bool:
        try:
            data = (self._path / TABLE_FILE).read_bytes()
            header = table.read_header(data)
            return (
                header is not None
                and (header.run, header.frames) == (int(self._run, 16), self._frames)
                and all((self._path / name).is_file() for name in TIER_FILES)
            )
        except OSError:
            return False

    def _create(self) -> None:
        """A whole empty entry, renamed into place, so that no reader ever meets half of one."""
        scratch = self._path.with_name(f"{self._run}.{secrets.token_hex(4)}.new")
        scratch.mkdir(parents=True)
        header = Header(table.FORMAT_VERSION, self._frames, int(self._run, 16), boot_mark(), False, (0, 0, 0))
        with open(scratch / TABLE_FILE, "wb") as file:
            file.write(header.pack())
            file.truncate(table.table_bytes(self._frames))
        for name in TIER_FILES:
            (scratch / name).touch()
        for tries_left in reversed(range(CREATE_TRIES)):
            discard(self._path)
            try:
                scratch.rename(self._path)
                return
            except OSError as error:  # a picture of the entry before has just been put into its place
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not tries_left:
                    raise

    def _load(self) -> None:
        data = os.pread(self._table, table.table_bytes(self._frames), 0)
        header = table.read_header(data)
        trusted = header is not None and (header.complete or header.boot == boot_mark())
        self._records: list[list[Record | None]] = []
        self._ends: list[int] = []
        for tier in TIERS:
            offsets = (table.record_offset(tier, frame, frames=self._frames) for frame in range(self._frames))
            size = os.fstat(self._files[tier]).st_size
            records = [table.read_record(data, offset) for offset in offsets]
            for frame, each in enumerate(records):
                sound = each is not None and each.end_bytes <= size and (trusted or self._intact(tier, each))
                if each is not None and not sound:
                    records[frame] = None
                    place = table.record_offset(tier, frame, frames=self._frames)
                    os.pwrite(self._table, bytes(table.RECORD_BYTES), place)
            self._records.append(records)
            self._ends.append(max((each.end_bytes for each in records if each is not None), default=0))
        self._ready = [0] * len(TIERS)
        self._count_ready()
        self._write_header(complete=header is not None and header.complete and trusted)

    def _intact(self, tier: int, record: Record) -> bool:
        return crc32(os.pread(self._files[tier], record.length_bytes, record.offset_bytes)) == record.crc32

    def _count_ready(self) -> None:
        for tier in TIERS:
            records, count = self._records[tier], self._ready[tier]
            while count < self._frames and records[count] is not None:
                count += 1
            self._ready[tier] = count

    def _write_header(self, *, complete: bool) -> None:
        version, run = table.FORMAT_VERSION, int(self._run, 16)
        header = Header(version, self._frames, run, boot_mark(), complete, self.ready())
        os.pwrite(self._table, header.pack(), 0)

    def has(self, tier: int, frame: int) -> bool:
        """Whether a frame is there and not marked as damaged."""
        record = self._records[tier][frame]
        return record is not None and not record.flags & table.DAMAGED

    def ready(self) -> tuple[int, int, int]:
        """For each tier how many frames, counted from frame 0 without a gap, are there."""
        return (self._ready[0], self._ready[1], self._ready[2])

    def add(self, tier: int, frame: int, pieces: bytes | bytearray | memoryview) -> None:
        """Append a frame (all its pieces, headers in front), or replace one: the old bytes stay for who reads them.

        Raises ValueError where `pieces` are not this frame's, StorageFull or StorageUnavailable.
        """
        frame_bytes = table.frame_bytes_of(pieces)
        _, head_tier, _, _, head_frame, head_run, *_ = PIECE_HEADER.unpack_from(pieces, 0)
        if (head_tier, head_frame, head_run) != (tier, frame, int(self._run, 16)):
            raise ValueError("the pieces belong to another frame")
        self._check_space(len(pieces))
        record = Record(self._ends[tier], len(pieces), frame_bytes, crc32(pieces))
        with storage_errors("writing the cine cache"):
            _write_at(self._files[tier], pieces, record.offset_bytes)
            os.pwrite(self._table, record.pack(), table.record_offset(tier, frame, frames=self._frames))
            self._records[tier][frame] = record
            self._ends[tier] = record.end_bytes
            self._count_ready()
            os.pwrite(self._table, table.READY.pack(*self.ready()), table.READY_OFFSET)

    def _check_space(self, more_bytes: int) -> None:
        """The cache stops at half the reserve, so that the index and what is being received can still grow."""
        self._unchecked_bytes += more_bytes
        if self._unchecked_bytes < SPACE_CHECK_BYTES:
            return
        self._unchecked_bytes = 0
        if self._folder.free_bytes() < self._folder.reserve_bytes // 2:
            raise StorageFull("the disk is too full to prepare more images for playing: free some space")

    def mark_damaged(self, tier: int, frame: int) -> None:
        """A reader found this frame damaged: `has` denies it until `add` replaces it; readers keep it meanwhile."""
        record = self._records[tier][frame]
        if record is None:
            return
        flags = record.flags | table.DAMAGED
        marked = Record(record.offset_bytes, record.length_bytes, record.frame_bytes, record.crc32, flags)
        with storage_errors("writing the cine cache"):
            os.pwrite(self._table, marked.pack(), table.record_offset(tier, frame, frames=self._frames))
        self._records[tier][frame] = marked

    def finish(self) -> None:
        """Everything that this run gets is made: sync it, then say so, so that it is trusted after a power cut too."""
        with storage_errors("writing the cine cache"):
            if self._folder.durable:
                for descriptor in (*self._files, self._table):
                    os.fsync(descriptor)
            self._write_header(complete=True)

    def close(self) -> None:
        """Let go of the files; what was added stays."""
        for descriptor in (*self._files, self._table):
            os.close(descriptor)
        self._files, self._table = [], -1

    def __enter__(self) -> CacheWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if self._table >= 0:
            self.close()


def _write_at(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    view = memoryview(data).cast("B")
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


class CineCache:
    """The cache as a whole: blobs beside the tiers, sizes, removal. Eviction (by last use) builds on these."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def put_blob(self, run: str, name: str, *, data: bytes) -> None:
        """Keep a small derived file (preview, thumbnail) beside a run's tiers; visible whole or not at all."""
        path = self._blob(run, name)
        with storage_errors("writing the cine cache"):
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f".{name}.{secrets.token_hex(4)}")
            scratch.write_bytes(data)
            scratch.replace(path)

    def get_blob(self, run: str, name: str) -> bytes | None:
        """A blob, or None."""
        try:
            return self._blob(run, name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _blob(self, run: str, name: str) -> Path:
        if not _BLOB.fullmatch(name) or name in (*TIER_FILES, TABLE_FILE):
            raise ValueError(f"{name!r} is no name for a blob")
        return entry_path(self._folder, run) / name

    def remove(self, run: str) -> None:
        """Delete a run's entry; open readers keep what they have mapped."""
        with storage_errors("deleting from the cine cache"):
            discard(entry_path(self._folder, run))

    def runs(self) -> Iterator[str]:
        """Runs with an entry, usable or not."""
        for fan in sorted(self._folder.cine.iterdir()):
            if fan.is_dir():
                yield from sorted(entry.name for entry in fan.iterdir() if RUN_NAME.fullmatch(entry.name))

    def sweep(self) -> None:
        """Delete what killed writers left half-renamed. Call it holding the folder's lock."""
        for path in self._folder.cine.glob("*/*.*"):
            if path.suffix in (".new", ".old"):
                shutil.rmtree(path, ignore_errors=True)

    def entry_bytes(self, run: str) -> int:
        """Bytes on disk of a run's entry."""
        with contextlib.suppress(FileNotFoundError):
            return sum(path.stat().st_size for path in entry_path(self._folder, run).iterdir())
        return 0

    def usage_bytes(self) -> int:
        """Bytes on disk of the whole cache: walks it."""
        return sum(self.entry_bytes(run) for run in self.runs())
