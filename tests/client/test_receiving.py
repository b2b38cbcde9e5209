"""Assembling pieces, keeping score, giving back stored samples."""

import json

import numpy as np
import pytest

from fastcine.cine.wire import PIECE_BYTES, Tier, WireCodec, pack_frame, parse_message
from fastcine.client.receiving import Assembler, Score, WholeFrame, decode_exact
from fastcine.client.run_stream import socket_url
from fastcine.codec import htj2k
from fastcine.errors import PeerError, UsageError

RUN = 5


def pieces(data, frame=0, tier=Tier.EXACT, crc32=1):
    return list(parse_message(pack_frame(data, tier=tier, codec=WireCodec.HTJ2K, frame=frame, run=RUN, crc32=crc32)))


def test_pieces_of_frames_may_be_interleaved():
    assembler = Assembler(RUN, 2)
    one, two = pieces(b"a" * (PIECE_BYTES + 3)), pieces(b"b" * (2 * PIECE_BYTES), frame=1)
    done = [assembler.add(piece) for piece in (one[0], two[0], one[1], two[1])]
    assert done[:2] == [None, None]
    assert done[2].bitstream == b"a" * (PIECE_BYTES + 3)
    assert done[3].bitstream == b"b" * (2 * PIECE_BYTES)


def test_a_piece_out_of_order_is_the_peers_error():
    assembler = Assembler(RUN, 1)
    with pytest.raises(PeerError):
        assembler.add(pieces(b"a" * (PIECE_BYTES + 3))[1])
    with pytest.raises(PeerError):
        Assembler(RUN + 1, 1).add(pieces(b"a")[0])
    with pytest.raises(PeerError):
        Assembler(RUN, 1).add(pieces(b"a", frame=1)[0])


def test_what_is_held_is_told_and_comes_no_more():
    assembler = Assembler(RUN, 9)
    for frame in (0, 1, 2, 5):
        assembler.add(pieces(b"a", frame=frame)[0])
    assembler.add(pieces(b"c", frame=7, tier=Tier.COARSE)[0])
    assembler.add(pieces(bytes(3 * PIECE_BYTES), frame=4)[0])
    assert assembler.held() == ([[2, 0, 2], [2, 5, 5], [0, 7, 7]], [[2, 4, PIECE_BYTES]])
    with pytest.raises(PeerError):
        assembler.add(pieces(b"a", frame=1)[0])
    assembler.forget(2, 1)
    assert assembler.add(pieces(b"a", frame=1)[0]) is not None


def test_what_is_held_fits_a_control_message():
    frames = 10_000
    assembler = Assembler(RUN, frames)
    for frame in range(0, frames, 2):
        assembler.add(pieces(b"a", frame=frame)[0])
        assembler.add(pieces(bytes(2 * PIECE_BYTES), frame=frame + 1)[0])
    have, partial = assembler.held()
    assert len(json.dumps([have, partial])) < 60_000
    # What was left out may come again.
    left_out = set(range(0, frames, 2)) - {first for _, first, _ in have}
    assert assembler.add(pieces(b"a", frame=left_out.pop())[0]) is not None


def held(frame, tier=Tier.EXACT):
    return WholeFrame(tier, WireCodec.HTJ2K, frame, 0, b"")


def test_score_counts_frames_that_were_late():
    score = Score([0.0, 100.0, 200.0, 300.0], 400.0)
    score.held(held(0), 50.0)
    score.held(held(1), 60.0)
    score.held(held(2), 300.0)
    score.held(held(3), 310.0)
    report = score.report()
    assert report["first_frame_ms"] == 50.0
    assert report["stalls"] == 1
    assert report["steady_ms"] == 50.0 + 300.0
    assert report["all_exact_ms"] == 310.0
    score.held(held(3), 400.0)
    assert (score.report()["frames_exact"], score.all_exact_ms) == (4, 310.0)


def described(**changes):
    body = {
        "rows": 5, "columns": 7, "samples_per_pixel": 1, "bits_stored": 12, "signed": False,
        "tiers": {"exact": {"bytes_per_sample": 2, "sample_kind": "uint"}},
    }  # fmt: skip
    return {**body, **changes}


def test_signed_samples_come_back_as_stored():
    stored = (np.arange(35, dtype=np.int16) * 100 - 1700).reshape(5, 7)
    wire = (stored.astype(np.int32) + 2048).astype(np.uint16)
    import zlib

    stream = htj2k.encode_exact(wire, 12)
    whole = WholeFrame(2, WireCodec.HTJ2K, 0, zlib.crc32(wire.tobytes()), stream)
    body = described(signed=True, tiers={"exact": {"bytes_per_sample": 2, "sample_kind": "int"}})
    assert np.array_equal(decode_exact(whole, body), stored)
    damaged = WholeFrame(2, WireCodec.HTJ2K, 0, 1, stream)
    assert decode_exact(damaged, body) is None


def test_deflated_samples_come_back_and_bombs_do_not():
    import zlib

    values = np.linspace(-1, 1, 35, dtype=np.float32).reshape(5, 7)
    body = described(bits_stored=32, tiers={"exact": {"bytes_per_sample": 4, "sample_kind": "float"}})
    whole = WholeFrame(2, WireCodec.DEFLATE, 0, zlib.crc32(values.tobytes()), zlib.compress(values.tobytes()))
    assert np.array_equal(decode_exact(whole, body), values)
    bomb = WholeFrame(2, WireCodec.DEFLATE, 0, 0, zlib.compress(bytes(10_000_000)))
    assert decode_exact(bomb, body) is None


def test_addresses():
    assert socket_url("http://127.0.0.1:8080") == "ws://127.0.0.1:8080/ws"
    assert socket_url("https://cath.example/") == "wss://cath.example/ws"
    assert socket_url("localhost:1") == "ws://localhost:1/ws"
    with pytest.raises(UsageError):
        socket_url("ftp://example")
