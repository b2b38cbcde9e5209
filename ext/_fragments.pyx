# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Walk the item headers of encapsulated Pixel Data (PS3.5 A.4) without touching what lies between them.

The GIL is released; the table belongs to the caller; every length is checked before it is used.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

ENDED, PAUSED, FULL, NO_ITEM, TOO_LONG = range(5)

cdef enum:
    ended, paused, full, no_item, too_long

cdef enum:
    HEADER_BYTES = 8
    HEAD_BYTES = 8
    UNDEFINED = 0xFFFFFFFF
    ITEM = 0xFFFEE000
    SEQUENCE_END = 0xFFFEE0DD


cdef inline uint32_t get_tag(const uint8_t *at, bint big_endian) noexcept nogil:
    if big_endian:
        return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]
    return <uint32_t>at[1] << 24 | <uint32_t>at[0] << 16 | <uint32_t>at[3] << 8 | at[2]


cdef inline uint32_t get_length(const uint8_t *at, bint big_endian) noexcept nogil:
    if big_endian:
        return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]
    return <uint32_t>at[3] << 24 | <uint32_t>at[2] << 16 | <uint32_t>at[1] << 8 | at[0]


cdef inline uint64_t get_head(const uint8_t *at, uint32_t length) noexcept nogil:
    cdef uint64_t head = 0
    cdef uint32_t number
    for number in range(HEAD_BYTES if length > HEAD_BYTES else length):
        head |= <uint64_t>at[number] << 8 * number
    return head


def scan(const uint8_t[::1] buffer not None, int64_t[:, ::1] table not None, *, size_t filled, size_t start,
         size_t end, bint big_endian, size_t pause_bytes):
    """Walk items from `start` to the sequence delimiter, or to `end` where it is missing.

    `table`: int64, shape (3, n), filled from column `filled` on: offset of each item's value in `buffer`, its length
    in bytes, and its first eight bytes as a little-endian number (bits of an unsigned one; zeros beyond its end).
    Returns (columns filled, offset, state); state says why it stopped there: ENDED; PAUSED, more than `pause_bytes`
    after `start`, or FULL: to be called again from that offset; NO_ITEM, another tag stands there; TOO_LONG, the item
    there has no length or reaches beyond `end`. Raises ValueError when an offset lies outside its buffer.
    """
    cdef size_t at = start
    cdef size_t columns = table.shape[1]
    cdef uint32_t tag, length
    cdef int state = ended
    if table.shape[0] != 3 or filled > columns:
        raise ValueError("the table has three rows and no column `filled`")
    if start > end or end > <size_t>buffer.shape[0]:
        raise ValueError("start and end lie outside the buffer")
    with nogil:
        while end - at >= HEADER_BYTES:
            tag = get_tag(&buffer[at], big_endian)
            if tag == SEQUENCE_END:
                break
            length = get_length(&buffer[at + 4], big_endian)
            if tag != ITEM:
                state = no_item
            elif length == UNDEFINED or length > end - at - HEADER_BYTES:
                state = too_long
            elif filled == columns:
                state = full
            elif at - start > pause_bytes:
                state = paused
            if state != ended:
                break
            table[0, filled] = <int64_t>(at + HEADER_BYTES)
            table[1, filled] = <int64_t>length
            table[2, filled] = <int64_t>get_head(&buffer[0] + at + HEADER_BYTES, length)
            filled += 1
            at += HEADER_BYTES + <size_t>length
    return filled, at, state
