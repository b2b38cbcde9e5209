"""Digests: the data set alone decides, however the bytes were cut and whatever stands in the file meta."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fastcine.archive.digest import HEAD_BYTES, Digest, Digester, data_set_offset
from tests.archive.factories import part10


def digest(data: bytes, *, step: int = 1 << 20) -> Digest:
    digester = Digester()
    for start in range(0, len(data), step):
        digester.update(data[start : start + step])
    return digester.finish()


def test_file_meta_makes_no_difference_and_the_data_set_all() -> None:
    one, other = digest(part10(sender="A")), digest(part10(sender="ANOTHER"))
    assert one.data_set_sha256 == other.data_set_sha256 and one.head_sha256 != other.head_sha256
    assert digest(part10(InstanceNumber=2)).data_set_sha256 != one.data_set_sha256
    bare = part10(sender="A")[one.data_set_offset :]
    assert digest(bare).data_set_sha256 == one.data_set_sha256 and digest(bare).data_set_offset == 0


def test_the_offset_is_where_the_first_element_after_group_2_stands() -> None:
    data = part10()
    offset = data_set_offset(data)
    assert data[offset : offset + 4] == b"\x08\x00\x16\x00"


@given(st.integers(1, 70_000), st.integers(0, 100_000))
def test_cuts_make_no_difference(step: int, extra: int) -> None:
    data = part10() + bytes(extra)
    assert digest(data, step=step) == digest(data)


@given(st.binary(max_size=400))
def test_no_head_breaks_it(tail: bytes) -> None:
    for head in (tail, bytes(128) + b"DICM" + tail, bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + tail):
        assert 0 <= data_set_offset(head) <= len(head)
        assert digest(head).file_bytes == len(head)


def test_meta_longer_than_the_head_counts_as_part_of_the_whole() -> None:
    data = part10(sender="A")
    offset = data_set_offset(data)
    long = data[:offset] + b"\x02\x00\x02\x01OB\x00\x00" + (HEAD_BYTES).to_bytes(4, "little") + bytes(HEAD_BYTES)
    assert digest(long + data[offset:]).data_set_offset == 132
