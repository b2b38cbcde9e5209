"""Writes wire.json: what both implementations of docs/protocol.md must agree on. The bytes are laid out by `struct`
here, field by field from the document, and not by the code under test."""

import json
import struct
import zlib
from pathlib import Path

RUN = "0123456789abcdef"


def piece(tier, codec, flags, frame, offset, total, crc, payload, version=1, run=RUN):
    head = struct.pack("<BBBBI", version, tier, codec, flags, frame) + struct.pack("<Q", int(run, 16))
    return head + struct.pack("<IIII", offset, total, crc, len(payload)) + payload


def fields(tier, codec, last, frame, offset, total, crc, payload):
    return {
        "tier": tier, "codec": codec, "last": last, "frame": frame, "run": RUN, "offset_bytes": offset,
        "frame_bytes": total, "crc32": crc, "payload_hex": payload.hex(),
    }  # fmt: skip


def main() -> None:
    small = bytes(range(10))
    crc = zlib.crc32(small)
    one = piece(0, 1, 1, 0, 0, 10, crc, small)
    first = piece(2, 3, 0, 7, 0, 10, crc, small[:6])
    rest = piece(2, 3, 1, 7, 6, 10, crc, small[6:])
    empty = piece(1, 2, 1, 4_000_000_000, 0, 0, 0, b"")
    good = [
        {"name": "one whole coarse frame", "hex": one.hex(), "pieces": [fields(0, 1, True, 0, 0, 10, crc, small)]},
        {
            "name": "two pieces of an exact frame in one message",
            "hex": (first + rest).hex(),
            "pieces": [
                fields(2, 3, False, 7, 0, 10, crc, small[:6]),
                fields(2, 3, True, 7, 6, 10, crc, small[6:]),
            ],
        },
        {"name": "an empty bitstream", "hex": empty.hex(), "pieces": [fields(1, 2, True, 4_000_000_000, 0, 0, 0, b"")]},
        {"name": "no pieces", "hex": "", "pieces": []},
    ]
    bad = [
        {"name": "another version", "hex": piece(0, 1, 1, 0, 0, 10, crc, small, version=2).hex()},
        {"name": "unknown tier", "hex": piece(3, 1, 1, 0, 0, 10, crc, small).hex()},
        {"name": "unknown codec", "hex": piece(0, 4, 1, 0, 0, 10, crc, small).hex()},
        {"name": "codec 0", "hex": piece(0, 0, 1, 0, 0, 10, crc, small).hex()},
        {"name": "unknown flag", "hex": piece(0, 1, 3, 0, 0, 10, crc, small).hex()},
        {"name": "cut header", "hex": one[:31].hex()},
        {"name": "cut payload", "hex": one[:-1].hex()},
        {"name": "payload past its frame", "hex": piece(0, 1, 1, 0, 0, 9, crc, small).hex()},
        {"name": "last-piece flag missing", "hex": piece(0, 1, 0, 0, 0, 10, crc, small).hex()},
        {"name": "last-piece flag too early", "hex": piece(0, 1, 1, 0, 0, 11, crc, small).hex()},
        {"name": "frame_bytes over 2^28", "hex": piece(0, 1, 0, 0, 0, (1 << 28) + 1, crc, small).hex()},
        {"name": "a good piece, then a cut one", "hex": (one + one[:40]).hex()},
    ]
    run_ids = [
        {"sop_instance_uid": "1.2.3", "run": "4d9f2cd8ba6ac5b3"},
        {"sop_instance_uid": "1.2.840.10008.1.1", "run": ""},
    ]
    import hashlib

    for row in run_ids:
        row["run"] = hashlib.sha256(row["sop_instance_uid"].encode()).hexdigest()[:16]
    client_good = [
        '{"type":"hello","version":1,"granted_bytes":4194304}',
        '{"type":"open","run":"0123456789abcdef"}',
        '{"type":"open","run":"0123456789abcdef","have":[[0,0,59],[2,3,3]],"partial":[[2,4,16384]]}',
        '{"type":"want","run":"0123456789abcdef","state":"play","frame":0,"rate_fps":15,"first":0,"last":59,"loop":"loop"}',
        '{"type":"want","run":"0123456789abcdef","state":"pause","frame":7,"unknown_field":1}',
        '{"type":"credit","granted_bytes":1,"received_bytes":0}',
        '{"type":"damaged","run":"0123456789abcdef","tier":2,"frame":5}',
        '{"type":"damaged","run":"0123456789abcdef","tier":1,"frame":5,"lost":true}',
        '{"type":"close","run":"0123456789abcdef"}',
        '{"type":"ping","t":1.5}',
    ]
    client_bad = [
        {"text": "", "close_code": 4400},
        {"text": "[]", "close_code": 4400},
        {"text": "nonsense", "close_code": 4400},
        {"text": '{"type":"shout"}', "close_code": 4400},
        {"text": '{"type":["hello"]}', "close_code": 4400},
        {"text": '{"type":"hello","version":2,"granted_bytes":1}', "close_code": 4406},
        {"text": '{"type":"hello","version":1}', "close_code": 4400},
        {"text": '{"type":"hello","version":1,"granted_bytes":-1}', "close_code": 4400},
        {"text": '{"type":"hello","version":true,"granted_bytes":1}', "close_code": 4400},
        {"text": '{"type":"open","run":"0123456789ABCDEF"}', "close_code": 4400},
        {"text": '{"type":"open","run":"0123456789abcdef","have":[[3,0,1]]}', "close_code": 4400},
        {"text": '{"type":"open","run":"0123456789abcdef","have":[[0,0]]}', "close_code": 4400},
        {"text": '{"type":"want","run":"0123456789abcdef","state":"dance","frame":0}', "close_code": 4400},
        {"text": '{"type":"want","run":"0123456789abcdef","state":"play","frame":-1}', "close_code": 4400},
        {
            "text": '{"type":"want","run":"0123456789abcdef","state":"play","frame":0,"rate_fps":1e9}',
            "close_code": 4400,
        },
        {"text": '{"type":"damaged","run":"0123456789abcdef","tier":3,"frame":5}', "close_code": 4400},
    ]
    vectors = {
        "run_ids": run_ids,
        "binary_good": good,
        "binary_bad": bad,
        "client_good": client_good,
        "client_bad": client_bad,
    }
    Path(__file__).with_name("wire.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
