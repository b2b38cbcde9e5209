"""A plain encoder of JPEG Lossless (ITU-T T.81 process 14), for what no library writes: every option, slowly.

Written from the standard and not from the decoder: annex B for the markers, C for the codes, H for the predictions.
"""

from dataclasses import dataclass, field

import numpy as np


def category(difference):
    """SSSS of a difference in -32767..32768 (H.1.2.2)."""
    return 16 if difference == 32768 else int(abs(difference)).bit_length()


def predict(plane, row, column, *, predictor, initial, first_row):
    """The prediction of one sample of a plane that is shifted already (H.1.2.1)."""
    if row == first_row:
        return initial if column == 0 else plane[row][column - 1]
    if column == 0:
        return plane[row - 1][0]
    a, b, c = plane[row][column - 1], plane[row - 1][column], plane[row - 1][column - 1]
    formulas = (a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1)
    return formulas[predictor - 1]


def differences(plane, *, predictor, initial, restart_rows):
    """Rows of differences modulo 2**16, as numbers from -32767 to 32768."""
    found = []
    for row in range(len(plane)):
        first_row = row - row % restart_rows if restart_rows else 0
        options = {"predictor": predictor, "initial": initial, "first_row": first_row}
        wrapped = [(value - predict(plane, row, at, **options)) % 65536 for at, value in enumerate(plane[row])]
        found.append([value - 65536 if value > 32768 else value for value in wrapped])
    return found


def optimal_lengths(counts):
    """Code lengths by symbol for {symbol: count}; 17 symbols at most, so none is longer than 16."""
    heap = [(count, [symbol]) for symbol, count in sorted(counts.items())]
    lengths = dict.fromkeys(counts, 0 if len(heap) > 1 else 1)
    while len(heap) > 1:
        heap.sort(key=lambda entry: entry[0])
        (first, left), (second, right) = heap[:2]
        for symbol in left + right:
            lengths[symbol] += 1
        heap = [(first + second, left + right), *heap[2:]]
    return lengths


@dataclass(frozen=True)
class Table:
    """A Huffman table: code lengths by symbol; codes are given in the order of length, then of symbol (annex C)."""

    lengths: dict

    @property
    def ordered(self):
        return sorted(self.lengths, key=lambda symbol: (self.lengths[symbol], symbol))

    def codes(self):
        found, code, before = {}, 0, 0
        for symbol in self.ordered:
            code <<= self.lengths[symbol] - before
            before = self.lengths[symbol]
            found[symbol] = format(code, f"0{before}b")
            code += 1
        return found

    def segment(self, number):
        counts = [sum(length == n for length in self.lengths.values()) for n in range(1, 17)]
        return segment(0xC4, bytes([number, *counts, *self.ordered]))


FLAT = Table(dict.fromkeys(range(17), 5))
"""Codes of five bits, 15 of them unused."""


def steep_table(order):
    """Codes of 1 to 16 bits for the 17 symbols in this order."""
    return Table({symbol: min(place + 1, 16) for place, symbol in enumerate(order)})


def optimal_table(rows):
    counts = {}
    for difference in (value for row in rows for value in row):
        counts[category(difference)] = counts.get(category(difference), 0) + 1
    return Table(optimal_lengths(counts))


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def coded(difference, codes):
    """The bits of one difference: its code, then SSSS bits, of a negative one less 1 (H.1.2.2, F.1.2.1)."""
    size = category(difference)
    if size in (0, 16):
        return codes[size]
    value = difference if difference > 0 else difference + (1 << size) - 1
    return codes[size] + format(value, f"0{size}b")


def stuffed(bits):
    """Bits padded with ones to bytes, a zero byte behind each FF."""
    bits += "1" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\0")


@dataclass(frozen=True)
class Options:
    """How to encode. ``tables``: one for all components or one for each; None makes optimal ones, one for all."""

    precision: int = 8
    predictor: int = 1
    shift: int = 0
    restart_rows: int = 0
    interleaved: bool = True
    tables: tuple = field(default=())
    extras: bytes = b""
    fill: int = 0
    end: bytes = b"\xff\xd9"


def scan(planes, numbers, options):
    """DHT, SOS and the entropy-coded data of one scan."""
    initial = 1 << (options.precision - options.shift - 1)
    rules = {"predictor": options.predictor, "initial": initial, "restart_rows": options.restart_rows}
    rows = [differences(planes[number], **rules) for number in numbers]
    tables = options.tables or (optimal_table([row for component in rows for row in component]),)
    chosen = [number % len(tables) for number in numbers]
    out = b"".join(tables[number].segment(number) for number in dict.fromkeys(chosen))
    selectors = bytes(
        value for number, table in zip(numbers, chosen, strict=True) for value in (number + 1, table << 4)
    )
    out += b"\xff" * options.fill
    out += segment(0xDA, bytes([len(numbers)]) + selectors + bytes([options.predictor, 0, options.shift]))
    codes = [tables[table].codes() for table in chosen]
    height, step = len(rows[0]), options.restart_rows or len(rows[0])
    for number, top in enumerate(range(0, height, step)):
        if number:
            out += b"\xff" * options.fill + bytes([0xFF, 0xD0 + (number - 1) % 8])
        bits = [
            coded(each[row][column], code)
            for row in range(top, min(top + step, height))
            for column in range(len(rows[0][0]))
            for each, code in zip(rows, codes, strict=True)
        ]
        out += stuffed("".join(bits))
    return out


def encode(picture, options):
    """A frame of shape (rows, columns[, components]) as a JPEG Lossless bitstream."""
    planes = np.atleast_3d(np.asarray(picture)).astype(int) >> options.shift
    height, width, components = planes.shape
    planes = [planes[:, :, number].tolist() for number in range(components)]
    out = b"\xff\xd8" + options.extras + b"\xff" * options.fill
    if options.restart_rows:
        out += segment(0xDD, (options.restart_rows * width).to_bytes(2, "big"))
    sizes = bytes([options.precision]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([components])
    out += segment(0xC3, sizes + b"".join(bytes([number + 1, 0x11, 0]) for number in range(components)))
    groups = [list(range(components))] if options.interleaved else [[number] for number in range(components)]
    for numbers in groups:
        out += scan(planes, numbers, options)
    return out + options.end
