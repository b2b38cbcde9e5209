# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Cut a frame's bitstream into wire pieces, each with its header in front (docs/protocol.md, section 1).

The GIL is released; the output buffer belongs to the caller; every check is made before ``with nogil``.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    HEADER_BYTES = 32


cdef inline void put_u32(uint8_t *out, uint32_t value) noexcept nogil:
    out[0] = value & 0xFF
    out[1] = (value >> 8) & 0xFF
    out[2] = (value >> 16) & 0xFF
    out[3] = (value >> 24) & 0xFF


cdef inline void put_u64(uint8_t *out, uint64_t value) noexcept nogil:
    put_u32(out, <uint32_t>(value & 0xFFFFFFFFu))
    put_u32(out + 4, <uint32_t>(value >> 32))


def packed_size(size_t frame_bytes, size_t piece_bytes):
    """Bytes that `pack` writes for a bitstream of `frame_bytes` cut at `piece_bytes` (> 0)."""
    if piece_bytes == 0:
        raise ValueError("piece_bytes must be positive")
    return frame_bytes + HEADER_BYTES * max(1, (frame_bytes + piece_bytes - 1) // piece_bytes)


def pack(const uint8_t[::1] bitstream not None, uint8_t[::1] out not None, *, int version, int tier, int codec,
         uint32_t frame, uint64_t run, uint32_t crc32, uint32_t piece_bytes):
    """Write headers and payloads of one frame into `out`.

    `bitstream`: uint8, shape (n,), n < 2**28. `out`: uint8, shape (packed_size(n, piece_bytes),).
    Raises ValueError when a size or a field is out of its range; nothing is written then.
    """
    cdef size_t total = bitstream.shape[0]
    cdef size_t position = 0
    cdef size_t taken
    cdef uint8_t *target
    cdef uint8_t flags
    if total >= (1 << 28):
        raise ValueError("a frame's bitstream must be under 2**28 bytes")
    if <size_t>out.shape[0] != packed_size(total, piece_bytes):
        raise ValueError("out has not the size that packed_size says")
    if not (0 <= version < 256 and 0 <= tier < 256 and 0 <= codec < 256):
        raise ValueError("version, tier and codec are bytes")
    target = &out[0]
    with nogil:
        while True:
            taken = total - position
            if taken > piece_bytes:
                taken = piece_bytes
            flags = 1 if position + taken == total else 0
            target[0] = <uint8_t>version
            target[1] = <uint8_t>tier
            target[2] = <uint8_t>codec
            target[3] = flags
            put_u32(target + 4, frame)
            put_u64(target + 8, run)
            put_u32(target + 16, <uint32_t>position)
            put_u32(target + 20, <uint32_t>total)
            put_u32(target + 24, crc32)
            put_u32(target + 28, <uint32_t>taken)
            if taken:
                memcpy(target + HEADER_BYTES, &bitstream[position], taken)
            target += HEADER_BYTES + taken
            position += taken
            if flags:
                break
