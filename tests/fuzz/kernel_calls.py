"""`python -m tests.fuzz.kernel_calls SECONDS SEED`: the compiled kernels on buffers of every size and any content.

Wrong sizes are refused with ValueError before a byte is touched; under the address sanitiser one byte too many ends it.
"""

import random
import sys
import time

import numpy as np

from fastcine.codec import _pieces, _pixels
from fastcine.dicom import _fragments

WORDS = (np.uint8, np.uint16, np.uint32)


class Calls:
    """One call each, its sizes right or nearly right."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.bits = np.random.default_rng(dice.randrange(1 << 32))

    def size(self) -> int:
        return self.dice.choice((0, 1, 2, 3, 7, 8, 15, 16, 31, 33, 64, 255, 1000)) + self.dice.randrange(40)

    def off(self, size: int) -> int:
        """A size that is right nine times in ten."""
        return size if self.dice.random() < 0.9 else max(0, size + self.dice.choice((-8, -3, -2, -1, 1, 2, 3)))

    def samples(self, size: int, dtype=np.uint8):
        return self.bits.integers(0, np.iinfo(dtype).max, size, dtype, endpoint=True)

    def out(self, size: int, dtype=np.uint8):
        return np.empty(size, dtype)

    def unpack(self) -> None:
        n = self.size()
        if self.dice.random() < 0.5:
            _pixels.unpack_bits(self.samples(self.off(-(-n // 8))), self.out(n))
        else:
            _pixels.unpack_12(self.samples(self.off(n // 2 * 3 + n % 2 * 2)), self.out(n, np.uint16))

    def mask_bits(self) -> None:
        n, most = self.size(), self.dice.randrange(1 << 32)
        wide, narrow = self.dice.choice(WORDS), self.dice.choice(WORDS)
        _pixels.any_bits(self.samples(n, wide), most)
        _pixels.mask_bits(self.samples(n, wide), self.out(self.off(n), narrow), mask=most, flip=most >> 3, minus=7)

    def planes(self) -> None:
        n, dtype = 3 * self.size(), self.dice.choice(WORDS[:2])
        call = self.dice.choice((_pixels.interleave, _pixels.deinterleave))
        call(self.samples(self.off(n), dtype), self.out(n, dtype))

    def ybr_to_rgb(self) -> None:
        n, dtype = 3 * self.size(), self.dice.choice(WORDS[:2])
        levels = self.off(1 << self.dice.choice((8, 10)))
        tables = self.bits.integers(-(1 << 28), 1 << 28, (5, levels), np.int32)
        _pixels.ybr_to_rgb(self.samples(self.off(n), dtype), self.out(n, dtype), tables, self.dice.randrange(33))

    def lookups(self) -> None:
        n, dtype = self.size(), self.dice.choice(WORDS[:2])
        entries = self.off(1 << 8 * np.dtype(dtype).itemsize)
        if self.dice.random() < 0.5:
            _pixels.lookup(self.samples(n, dtype), self.out(self.off(n)), self.samples(entries))
        else:
            table = self.samples(3 * entries).reshape(-1, 3)
            _pixels.lookup_rgb(self.samples(n, dtype), self.out(self.off(3 * n)), table)

    def counts(self) -> None:
        n, dtype = self.size(), self.dice.choice(WORDS[:2])
        low, high = _pixels.sample_range(self.samples(n, dtype))
        assert low <= high
        counts = np.zeros(self.off(1 << 8 * np.dtype(dtype).itemsize), np.uint32)
        _pixels.histogram(self.samples(n, dtype), counts)
        assert counts.sum() == n

    def subtract(self) -> None:
        n, dtype = self.size(), self.dice.choice(WORDS[:2])
        most = self.dice.choice((1 << 13, 1 << 13, 1 << 14))
        table = self.bits.integers(0, most, self.off(1 << 8 * np.dtype(dtype).itemsize), np.int16, endpoint=True)
        gain, middle = self.dice.randrange(-(1 << 17), (1 << 17) + 2), self.dice.randrange(-(1 << 16), (1 << 16) + 2)
        frame, mask = self.samples(n, dtype), self.samples(self.off(n), dtype)
        top = self.dice.choice((0, 255, 255, 4095))
        _pixels.subtract(frame, mask, self.out(self.off(n), dtype), table, gain=gain, middle=middle, top=top)

    def scan(self) -> None:
        n = self.size()
        buffer = self.samples(n)
        at = 0
        while at + 8 <= n:  # items of short lengths, seldom a long one
            length = self.dice.randrange(24) if self.dice.random() < 0.97 else self.dice.randrange(1 << 32)
            buffer[at : at + 8] = np.frombuffer(b"\xfe\xff\x00\xe0" + length.to_bytes(4, "little"), np.uint8)
            at += 8 + length
        table = self.out(3 * self.size(), np.int64).reshape(3, -1)
        columns, offset, _ = _fragments.scan(
            buffer,
            table,
            filled=self.dice.choice((0, 0, 1, 50)),
            start=self.dice.choice((0, 0, 8, n)),
            end=self.off(n),
            big_endian=self.dice.random() < 0.2,
            pause_bytes=self.dice.choice((0, 100, 1 << 20)),
        )
        assert columns <= table.shape[1] and offset <= n

    def pack(self) -> None:
        n, piece = self.size(), self.dice.choice((0, 1, 7, 64, 1 << 20))
        out = self.out(self.off(_pieces.packed_size(n, piece)))
        tier = self.dice.choice((0, 1, 255, 256))
        _pieces.pack(self.samples(n), out, version=1, tier=tier, codec=1, frame=n, run=n, crc32=n, piece_bytes=piece)


NAMES = [name for name in vars(Calls) if name not in ("size", "off", "samples", "out") and not name.startswith("_")]


def main(words: list[str]) -> int:
    seconds, seed = words
    calls = Calls(random.Random(int(seed)))
    end = time.monotonic() + float(seconds)
    inputs = refused = 0
    while time.monotonic() < end:
        try:
            getattr(calls, calls.dice.choice(NAMES))()
        except ValueError:
            refused += 1
        inputs += 1
    print(f"kernel_calls: {inputs} inputs, {refused} of them refused")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
