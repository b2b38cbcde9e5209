"""A client that breaks the protocol in every way we can think of: seeded cases, each with the codes it deserves."""

import asyncio
import base64
import struct

import orjson

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
NAME = "DOE-JOHN"
"""In every request, sound or spoiled; never in the log."""
ALIVE, SILENT = "alive", "silent"
"""The connection stays and answers; it stays and waits for the rest of something."""


def frame(opcode, payload=b"", *, fin=True, reserved=0, mask=b"\1\2\3\4", announced=None):
    """One WebSocket frame of a client; `mask` of None leaves it out."""
    size = len(payload) if announced is None else announced
    head = bytes([fin << 7 | reserved << 4 | opcode])
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def text(kind, **fields):
    return frame(TEXT, orjson.dumps({"type": kind, **fields}))


HELLO = text("hello", version=1, granted_bytes=1 << 30)


def anything(rng, depth=0):
    """A JSON value."""
    kinds = [None, True, -1, 1.5, 1e300, 1 << 60, "", "play", "\0\ufffd", "a" * 300, [], {}]
    if depth < 4 and rng.random() < 0.5:
        if rng.random() < 0.5:
            return [anything(rng, depth + 1) for _ in range(rng.randint(0, 4))]
        return {rng.choice(("type", "run", "t", "have")): anything(rng, depth + 1) for _ in range(rng.randint(0, 3))}
    return rng.choice(kinds)


def no_json(rng, run):
    words = rng.choice(("", "{", "nonsense", "[" * 5000, '{"type":', "NaN", "\0" * 9, "{'type':'ping'}"))
    return HELLO + frame(TEXT, words.encode()), {4400}


def other_json(rng, run):
    value = anything(rng)
    return HELLO + frame(TEXT, orjson.dumps(value)), {4400}


NO_NUMBERS = (None, [], {}, "1", -1, 1.5, True, 1 << 60)
REQUIRED = {
    "hello": {"version": NO_NUMBERS, "granted_bytes": NO_NUMBERS},
    "open": {"run": (None, 5, "", "z" * 16, "A" * 16, "0" * 17, []), "have": ({}, [1], [[0, 0]], [[9, 0, 0]], "x"),
             "partial": ({"a": 1}, [[2, -1, 0]], [[2, 0, 1 << 40]], [[2, 0, True]], [None])},
    "want": {"run": (None, 5, "g" * 16), "state": (None, "stop", 1, []), "frame": NO_NUMBERS,
             "rate_fps": ("1", 1e9, []), "loop": ("twice", 1, None), "max_tier": (3, "2", None), "weight": (0, -1, "1"),
             "last": (-2, 1.5)},
    "credit": {"granted_bytes": NO_NUMBERS, "received_bytes": NO_NUMBERS},
    "damaged": {"run": (None, "0"), "tier": (3, -1, "2"), "frame": NO_NUMBERS},
    "close": {"run": (None, 16, "x" * 16)},
    "ping": {"t": (None, "1", [], True)},
}  # fmt: skip
SOUND = {
    "hello": {"version": 1, "granted_bytes": 9},
    "open": {},
    "want": {"state": "play", "frame": 0, "rate_fps": 15},
    "credit": {"granted_bytes": 9, "received_bytes": 0},
    "damaged": {"tier": 2, "frame": 0},
    "close": {},
    "ping": {"t": 1},
}


def wrong_types(rng, run):
    kind = rng.choice(list(REQUIRED))
    name = rng.choice(list(REQUIRED[kind]))
    body = {"run": run, **SOUND[kind], name: rng.choice(REQUIRED[kind][name])}
    return (b"" if kind == "hello" else HELLO) + text(kind, **body), {4400, 4406} if name == "version" else {4400}


def out_of_turn(rng, run):
    kind = rng.choice([kind for kind in SOUND if kind != "hello"])
    first = rng.choice((text(kind, run=run, **SOUND[kind]), HELLO + HELLO))
    return first, {4400}


def twice_opened(rng, run):
    return HELLO + text("open", run=run) * 2, {4400}


def more_received_than_sent(rng, run):
    return HELLO + text("credit", granted_bytes=1 << 40, received_bytes=rng.randint(1, 1 << 50)), {4400}


def too_many_runs(rng, run):
    return HELLO + b"".join(text("open", run=f"{number:016x}") for number in range(65)), {4400}


def binary(rng, run):
    return rng.choice((b"", HELLO)) + frame(BINARY, rng.randbytes(rng.randint(0, 500))), {4400}


def too_large(rng, run):
    size = rng.randint(65_537, 300_000)
    if rng.random() < 0.5:
        return HELLO + frame(TEXT, b" " * size), {4413}
    part = b" " * (size // 4)
    return HELLO + frame(TEXT, part, fin=False) + frame(CONTINUATION, part, fin=False) * 3, {4413}


def largest_allowed(rng, run):
    body = orjson.dumps({"type": "ping", "t": 1})
    return HELLO + frame(TEXT, body + b" " * (65_536 - len(body))), {ALIVE}


def announced_too_large(rng, run):
    return HELLO + frame(TEXT, b"{", announced=rng.choice((70_000, 1 << 31, 1 << 40, (1 << 64) - 1))), {4413}


def broken_frames(rng, run):
    return HELLO + rng.choice((
        frame(TEXT, b"{}", reserved=rng.randint(1, 7)),
        frame(rng.choice((3, 4, 7, 11, 15)), b"x"),
        frame(PING, b"x", fin=False),
        frame(PING, b"x" * 126),
        frame(CONTINUATION, b"x"),
        frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
        frame(CLOSE, b"\3"),
        frame(CLOSE, struct.pack("!H", 1005)),
    )), {1002}  # fmt: skip


def no_utf8(rng, run):
    return HELLO + frame(TEXT, b'{"type":"' + rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80")) + b'"}'), {1007}


def fragmented(rng, run):
    body = orjson.dumps({"type": "ping", "t": 5})
    cut = rng.randint(1, len(body) - 1)
    return (
        HELLO + frame(TEXT, body[:cut], fin=False) + frame(PING, b"hi") + frame(CONTINUATION, body[cut:]),
        {ALIVE},
    )


def unmasked(rng, run):
    return HELLO + frame(TEXT, b'{"type":"ping","t":1}', mask=None), {ALIVE, 1002}


def edges(rng):
    return rng.choice((0, 0, 1, 5, 6, 7, 16_383, 16_384, 16_385, 1 << 20, (1 << 24), (1 << 31) - 1))


def some_wish(rng):
    return {
        "state": rng.choice(("play", "pause", "prefetch", "hidden")),
        "frame": min(edges(rng), 1 << 24),
        "rate_fps": rng.choice((0, -1000, 1e-300, 15)),
        "first": min(edges(rng), 1 << 24),
        "last": rng.choice((-1, 0, 3)),
        "loop": rng.choice(("loop", "sweep", "once")),
        "max_tier": rng.randint(0, 2),
        "weight": rng.choice((0.001, 1000)),
    }


def sound_but_mean(rng, run):
    """Every field of its type, the numbers at every edge."""
    rows = [[[rng.randint(0, 2), edges(rng), edges(rng)] for _ in range(rng.choice((0, 1, 3, 900)))] for _ in range(2)]
    data = HELLO + text("open", run=run, have=rows[0], partial=rows[1])
    for _ in range(rng.randint(1, 6)):
        data += rng.choice((
            text("want", run=run, **some_wish(rng)),
            text("damaged", run=run, tier=rng.randint(0, 2), frame=min(edges(rng), 1 << 24)),
            text("credit", granted_bytes=edges(rng), received_bytes=0),
            text("close", run=run),
            text("open", run=f"{rng.getrandbits(64):016x}"),
        ))  # fmt: skip
    return data, {ALIVE, 4400}


def random_bytes(rng, run):
    return rng.choice((b"", HELLO)) + rng.randbytes(rng.randint(1, 400)), {1002, 1007, 4400, 4413, SILENT, None, 1000}


CASES = (
    *(no_json, other_json, wrong_types, wrong_types, out_of_turn, twice_opened, more_received_than_sent, too_many_runs),
    *(binary, too_large, largest_allowed, announced_too_large, broken_frames, broken_frames, no_utf8, fragmented),
    *(unmasked, sound_but_mean, sound_but_mean, sound_but_mean, random_bytes, random_bytes),
)


def upgrade(host):
    key = base64.b64encode(bytes(16)).decode()
    return (
        f"GET /ws?name={NAME} HTTP/1.1\r\nHost: {host}\r\nX-Name: {NAME}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: fastcine.v1\r\n\r\n"
    ).encode()


async def half_a_handshake(rng, host, port):
    """The upgrade cut or spoiled; nothing is promised but that the server stands it."""
    request = bytearray(upgrade(host))
    if rng.random() < 0.5:
        del request[rng.randint(1, len(request) - 1) :]
    else:
        for _ in range(rng.randint(1, 8)):
            request[rng.randrange(len(request))] = rng.randrange(256)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    try:
        async with asyncio.timeout(0.03):
            await reader.read(1000)
    except (TimeoutError, OSError):
        pass
    writer.transport.abort()


async def _until_closed(reader, asked):
    """The close code that comes, None for an end without one, ALIVE when `asked` was answered."""
    try:
        while True:
            opcode, size = await reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            payload = await reader.readexactly(size)
            if opcode & 15 == CLOSE:
                return int.from_bytes(payload[:2], "big")
            if opcode & 15 == TEXT and asked in payload:
                return ALIVE
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def attack(rng, host, port, run):
    """One case; (its name, the data sent, how it ended, the ends that are right)."""
    case = rng.choice(CASES)
    data, right = case(rng, run)
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        writer.write(upgrade(host))
        await reader.readuntil(b"\r\n\r\n")
        asked = b"%d.25" % rng.randrange(1 << 30, 1 << 31)
        pieces = [data] if rng.random() < 0.7 else [data[:7], data[7:]]
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        if ALIVE in right:
            writer.write(frame(TEXT, b'{"type":"ping","t":' + asked + b"}"))
        try:
            async with asyncio.timeout(0.1 if SILENT in right else 10):
                ended = await _until_closed(reader, asked)
        except TimeoutError:
            ended = SILENT
        return case.__name__, data, ended, right
    finally:
        writer.transport.abort()
