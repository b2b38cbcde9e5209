"""docs/protocol.md section 1 against the vectors, and any cut of any frame."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.cine import wire
from fastcine.cine.messages import parse_client_message
from fastcine.errors import PeerError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "wire.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["binary_good"], ids=lambda v: v["name"])
def test_good_binary(vector):
    pieces = [
        {
            "tier": piece.tier,
            "codec": piece.codec,
            "last": piece.last,
            "frame": piece.frame,
            "run": wire.run_name(piece.run),
            "offset_bytes": piece.offset_bytes,
            "frame_bytes": piece.frame_bytes,
            "crc32": piece.crc32,
            "payload_hex": bytes(piece.payload).hex(),
        }
        for piece in wire.parse_message(bytes.fromhex(vector["hex"]))
    ]
    assert pieces == vector["pieces"]


@pytest.mark.parametrize("vector", VECTORS["binary_bad"], ids=lambda v: v["name"])
def test_bad_binary(vector):
    with pytest.raises(PeerError) as caught:
        list(wire.parse_message(bytes.fromhex(vector["hex"])))
    assert caught.value.close_code == 4400


@pytest.mark.parametrize("row", VECTORS["run_ids"], ids=lambda r: r["sop_instance_uid"])
def test_run_ids(row):
    assert wire.run_name(wire.run_id(row["sop_instance_uid"])) == row["run"]


@pytest.mark.parametrize("text", VECTORS["client_good"])
def test_good_client_message(text):
    assert parse_client_message(text) is not None


@pytest.mark.parametrize("vector", VECTORS["client_bad"], ids=lambda v: v["text"][:60] or "empty")
def test_bad_client_message(vector):
    with pytest.raises(PeerError) as caught:
        parse_client_message(vector["text"])
    assert caught.value.close_code == vector["close_code"]


def test_message_too_large():
    with pytest.raises(PeerError) as caught:
        parse_client_message(" " * 70_000)
    assert caught.value.close_code == 4413


def test_packing_equals_the_document():
    first = VECTORS["binary_good"][0]
    piece = first["pieces"][0]
    packed = wire.pack_frame(
        bytes.fromhex(piece["payload_hex"]),
        tier=wire.Tier(piece["tier"]),
        codec=wire.WireCodec(piece["codec"]),
        frame=piece["frame"],
        run=int(piece["run"], 16),
        crc32=piece["crc32"],
    )
    assert packed.hex() == first["hex"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3 * wire.PIECE_BYTES + 5))
def test_pieces_join_to_the_frame(length):
    bitstream = bytes(i * 7 & 0xFF for i in range(256)) * (length // 256 + 1)
    bitstream = bitstream[:length]
    packed = wire.pack_frame(bitstream, tier=wire.Tier.EXACT, codec=wire.WireCodec.HTJ2K, frame=1, run=2, crc32=3)
    assert len(packed) == wire.wire_bytes(length)
    pieces = list(wire.parse_message(packed))
    assert b"".join(bytes(piece.payload) for piece in pieces) == bitstream
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(piece.offset_bytes % wire.PIECE_BYTES == 0 for piece in pieces)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(message):
    try:
        for piece in wire.parse_message(message):
            assert len(piece.payload) <= piece.frame_bytes
    except PeerError:
        pass
