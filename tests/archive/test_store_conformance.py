"""What every place for objects must do (fastcine/archive/interfaces.py). A later one joins STORES and must pass."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fastcine.archive.digest import Digest, Digester
from fastcine.archive.folder import DataFolder
from fastcine.archive.interfaces import ObjectStore
from fastcine.archive.store import HELD_BYTES, Store
from fastcine.errors import NotFound

STORES: dict[str, Callable[[Path], ObjectStore]] = {
    "files": lambda root: Store(DataFolder(root, reserve_bytes=0)),
    "files, not synced": lambda root: Store(DataFolder(root, reserve_bytes=0, durable=False)),
}
SIZES = (1, 1000, HELD_BYTES, HELD_BYTES + 1, 3_000_000)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path / "store")


def digest(data: bytes) -> Digest:
    digester = Digester()
    digester.update(data)
    return digester.finish()


def put(store: ObjectStore, data: bytes, sop: str = "3") -> str:
    with store.receive([data]) as incoming:
        location = store.commit(incoming, "1", "2", sop=sop)
        incoming.acknowledged()
    return location


def get(store: ObjectStore, location: str) -> bytes:
    with store.open_object(location) as data:
        return bytes(data)


@pytest.mark.parametrize("size", SIZES)
def test_what_comes_in_pieces_comes_out_whole(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    writing = store.begin(expected_bytes=size)
    for start in range(0, size, 70_001):
        writing.write(data[start : start + 70_001])
    with writing.finish() as incoming:
        assert incoming.digest == digest(data)
        with incoming.map() as seen:
            assert bytes(seen) == data
        assert list(store.locations()) == []  # not before it is committed
        location = store.commit(incoming, "1", "2", sop="3")
        incoming.acknowledged()
    assert get(store, location) == data and store.holds(location) and list(store.locations()) == [location]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_left_withdrawn_or_breaks_off_is_not_there(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    with store.receive([data]):
        pass
    with store.receive([data]) as incoming:
        location = store.commit(incoming, "1", "2", sop="3")
        incoming.withdraw()
    writing = store.begin()
    writing.write(data)
    writing.close()

    def breaks() -> object:
        yield data
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.receive(breaks())  # type: ignore[arg-type]
    assert list(store.locations()) == [] and not store.holds(location)
    with pytest.raises(NotFound):
        store.open_object(location)
    assert get(store, put(store, data)) == data


@pytest.mark.parametrize("uid", ["../../etc/passwd", "", ".", "1" * 65, "a/b", "1.2\x00.3", "\udc80", "CON", "1..2"])
def test_uids_of_any_content_have_a_place_of_their_own(store: ObjectStore, uid: str) -> None:
    places = set()
    for study, series, sop in ((uid, "2", "3"), ("1", uid, "3"), ("1", "2", uid)):
        with store.receive([b"x"]) as incoming:
            places.add(store.commit(incoming, study, series, sop=sop))
            incoming.acknowledged()
    assert len(places) == 3 and places == set(store.locations())
    assert all(get(store, each) == b"x" for each in places)


def test_the_same_uids_have_the_same_place(store: ObjectStore) -> None:
    first = put(store, b"once")
    assert put(store, b"once") == first
    assert put(store, b"another, and the first was in no index") == first
    assert get(store, first) == b"another, and the first was in no index"


def test_objects_move_and_go(store: ObjectStore) -> None:
    location = put(store, b"x")
    other = location.replace("objects/", "rejected/", 1)
    store.move(location, other)
    assert not store.holds(location) and store.holds(other) and get(store, other) == b"x"
    with pytest.raises(NotFound):
        store.move(location, other)
    assert store.holds(other)
    store.move(other, location)
    assert list(store.locations()) == [location]
    store.delete(location)
    store.delete(location)
    assert list(store.locations()) == [] and not store.holds(location)
    assert get(store, put(store, b"again")) == b"again"


def test_a_reader_keeps_what_it_has_opened(store: ObjectStore) -> None:
    location = put(store, b"x" * 100_000)
    with store.open_object(location) as data:
        store.delete(location)
        assert bytes(data) == b"x" * 100_000


def test_many_at_once_do_not_meet(store: ObjectStore) -> None:
    """The same series for all, and removals of what makes its folders empty in between."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(25):
                data = f"{number}.{turn}".encode() * 999
                location = put(store, data, sop=f"{number}.{turn}")
                assert get(store, location) == data
                if turn < 24:
                    store.delete(location)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == [] and len(list(store.locations())) == 4
