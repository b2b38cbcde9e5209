"""A plain encoder of JPEG Lossless (T.81 process 14), for tests: every predictor, depth, restart and scan there is."""

import struct

import numpy as np

START, END = b"\xff\xd8", b"\xff\xd9"


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def predicted(plane, predictor, first_rows, start):
    """Table H.1 on a whole plane; `first_rows` are those that begin the scan or follow a restart marker."""
    a = np.zeros_like(plane)
    a[:, 1:] = plane[:, :-1]
    b, c = np.zeros_like(plane), np.zeros_like(plane)
    b[1:], c[1:, 1:] = plane[:-1], plane[:-1, :-1]
    by = [None, a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
    result = by[predictor].copy()
    result[:, 0] = b[:, 0]
    for row in first_rows:
        result[row] = a[row]
        result[row, 0] = start
    return result


def category(difference):
    """SSSS and the bits behind it, of a difference modulo 2**16."""
    signed = (int(difference) + 32768) % 65536 - 32768
    if signed == -32768:
        return 16, 0, 0
    length = abs(signed).bit_length()
    return length, signed if signed >= 0 else signed + (1 << length) - 1, length


def canonical(lengths):
    """SSSS -> (code, length) for lengths by SSSS; and the DHT body behind its first byte."""
    order = sorted(lengths, key=lambda each: (lengths[each], each))
    counts = [sum(1 for each in order if lengths[each] == length) for length in range(1, 17)]
    codes, code, last = {}, 0, 0
    for each in order:
        code <<= lengths[each] - last
        last = lengths[each]
        codes[each] = (code, last)
        code += 1
    return codes, bytes(counts) + bytes(order)


#: One with a short code for small differences, one that is odd: the code of SSSS 3 has 16 bits, and unused ones before.
TABLES = (
    dict(enumerate((2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))),
    {each: (16 if each == 3 else 5) for each in range(17)},
)


def stuffed(bits):
    bits += "1" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\x00") if bits else b""


def encode(samples, *, precision, predictor=1, point_transform=0, restart_rows=0, interleaved=True, tables=(0,)):
    """One frame, shape (rows, columns) or (rows, columns, components); `tables`: TABLES by component."""
    planes = np.atleast_3d(samples).astype(np.int64) >> point_transform
    rows, columns, components = planes.shape
    out = [START]
    for number, table in enumerate(sorted(set(tables))):
        out.append(segment(0xC4, bytes((number,)) + canonical(TABLES[table])[1]))
    selectors = [sorted(set(tables)).index(tables[n % len(tables)]) for n in range(components)]
    header = struct.pack(">BHHB", precision, rows, columns, components)
    out.append(segment(0xC3, header + b"".join(bytes((n + 1, 0x11, 0)) for n in range(components))))
    if restart_rows:
        out.append(segment(0xDD, struct.pack(">H", restart_rows * columns)))
    step = restart_rows or rows
    codes = [canonical(TABLES[tables[n % len(tables)]])[0] for n in range(components)]
    start = 1 << (precision - point_transform - 1)
    differences = [
        planes[..., n] - predicted(planes[..., n], predictor, range(0, rows, step), start) for n in range(components)
    ]
    for scan in [list(range(components))] if interleaved else [[n] for n in range(components)]:
        which = b"".join(bytes((n + 1, selectors[n] << 4)) for n in scan)
        out.append(segment(0xDA, bytes((len(scan),)) + which + bytes((predictor, 0, point_transform))))
        for number, first in enumerate(range(0, rows, step)):
            if number:
                out.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
            bits = []
            for row in range(first, min(first + step, rows)):
                for column in range(columns):
                    for n in scan:
                        ssss, value, length = category(differences[n][row, column])
                        code, code_length = codes[n][ssss]
                        bits.append(f"{code:0{code_length}b}" + (f"{value:0{length}b}" if length else ""))
            out.append(stuffed("".join(bits)))
    return b"".join([*out, END])
