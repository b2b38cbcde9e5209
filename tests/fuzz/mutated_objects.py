"""`python -m tests.fuzz.mutated_objects SECONDS SEED FILE...`: broken objects, parsed, cut and decoded.

Of a video the stream is put together and not decoded: that is FFmpeg's part.
Whatever is wrong with an object, one of fastcine's own errors says so, and soon; anything else ends this with an error,
and the object lies in tried.dcm.
"""

import faulthandler
import io
import random
import struct
import sys
import time
from pathlib import Path

from fastcine.codec import video
from fastcine.codec.decode import decode_at
from fastcine.dicom.encapsulation import frame_spans
from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import find_syntax
from fastcine.errors import FastcineError

MOST_SECONDS = 20
"""For one object; far above what a sound one of this size takes, with sanitisers and on a busy machine."""
ITEM = b"\xfe\xff\x00\xe0"
EDGES = (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Bytes, numbers and whole stretches changed, near item tags and in the header more often than in pixels."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 12))):
        where = dice.randrange(len(changed))
        if dice.random() < 0.5:
            where = dice.randrange(min(len(changed), 2500))
        elif (item := changed.find(ITEM, where)) >= 0:
            where = min(item + dice.randrange(40), len(changed) - 1)
        kind = dice.randrange(5)
        if kind == 0:
            changed[where] = dice.randrange(256)
        elif kind == 1:
            changed[where] ^= 1 << dice.randrange(8)
        elif kind == 2:
            changed[where : where + 4] = struct.pack("<I", dice.choice(EDGES))
        elif kind == 3:
            changed[where : where + 2] = struct.pack("<H", dice.choice(EDGES) & 0xFFFF)
        else:
            length = dice.randrange(1, 64)
            source = dice.randrange(len(changed))
            changed[where : where + dice.choice((0, length))] = changed[source : source + length]
    if dice.random() < 0.15:
        del changed[dice.randrange(len(changed)) :]
    return bytes(changed) or b"\0"


def read(data: bytes) -> bool:
    """The way of an object to its samples; whether it was one."""
    try:
        structure = parse_object(data)
        dataset = read_values(data, structure)
        layout = image_layout(dataset, structure)
        spans = frame_spans(data, structure, layout)
        buffer = structure.buffer(data)
        syntax = find_syntax(layout.transfer_syntax_uid)
        if syntax is not None and syntax.video:
            read_stream([buffer[start : start + length] for start, length in spans[0]])
            return True
        for frame in {0, len(spans) - 1}:
            decode_at(buffer, spans, frame, layout=layout)
    except FastcineError:
        return False
    return True


def read_stream(fragments: list[memoryview]) -> None:
    """What FFmpeg would be given of a video: all of its fragments, from the front and from the middle on."""
    stream, whole = io.BufferedReader(video._Stream(fragments)), b"".join(fragments)
    assert stream.read() == whole
    stream.seek(len(whole) // 2)
    assert stream.read() == whole[len(whole) // 2 :]


def main(words: list[str]) -> int:
    seconds, seed, *paths = words
    dice = random.Random(int(seed))
    seeds = [Path(path).read_bytes() for path in paths]
    end = time.monotonic() + float(seconds)
    inputs = sound = 0
    tried = Path("tried.dcm")
    while time.monotonic() < end:
        broken = mutate(dice.choice(seeds), dice)
        tried.write_bytes(broken)  # before, for a crash leaves no time for it
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)  # says where it hangs, in a codec too
        sound += read(broken)
        faulthandler.cancel_dump_traceback_later()
        inputs += 1
    print(f"mutated_objects: {inputs} inputs, {sound} of them read")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
