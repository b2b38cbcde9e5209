# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""RLE Lossless (PS3.5 annex G): one frame unpacked or packed, samples interleaved, little-endian.

The GIL is released; the output buffer belongs to the caller; every length in the frame is checked before it is used.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc

cdef extern from "fc_rle.h" nogil:
    ctypedef enum fc_rle_code:
        FC_RLE_OK
        FC_RLE_CUT_HEADER
        FC_RLE_COUNT
        FC_RLE_ORDER
        FC_RLE_DAMAGED
        FC_RLE_SHORT

    ctypedef struct fc_rle_fault:
        fc_rle_code code
        int segment
        size_t offset
        size_t found

    ctypedef struct fc_rle_segments:
        int count

    fc_rle_fault fc_rle_open(const uint8_t *frame, size_t size, int needed, fc_rle_segments *segments)
    fc_rle_fault fc_rle_measure(const uint8_t *frame, const fc_rle_segments *segments, int number)
    fc_rle_fault fc_rle_decode(const uint8_t *frame, const fc_rle_segments *segments, int bytes, uint8_t *out,
                               size_t pixels)
    uint64_t fc_rle_limit(size_t rows, size_t columns, int planes)
    size_t fc_rle_encode(const uint8_t *samples, size_t rows, size_t columns, int planes, int bytes, uint8_t *line,
                         uint8_t *out)


cdef int segments_of(int samples_per_pixel, int bytes_per_sample) except -1:
    """Segments of a frame, a byte plane each; the header has room for 15 (G.5)."""
    if not (1 <= samples_per_pixel <= 15 and 1 <= bytes_per_sample <= 8):
        raise ValueError("samples_per_pixel is 1 to 15, bytes_per_sample 1 to 8")
    if samples_per_pixel * bytes_per_sample > 15:
        raise ValueError(f"RLE holds 15 byte planes, not {samples_per_pixel * bytes_per_sample}")
    return samples_per_pixel * bytes_per_sample


cdef object refusal(fc_rle_fault fault, int needed, size_t pixels, size_t size):
    if fault.code == FC_RLE_CUT_HEADER:
        return ValueError(f"RLE frame of {fault.found} bytes, shorter than its header")
    if fault.code == FC_RLE_COUNT:
        return ValueError(f"RLE frame of {fault.found} segments where {needed} are needed")
    if fault.code == FC_RLE_ORDER:
        return ValueError(f"RLE segment {fault.segment} at offset {fault.offset} of a frame of {size} bytes: "
                          "out of order or beyond the frame")
    if fault.code == FC_RLE_DAMAGED:
        return ValueError(f"RLE segment {fault.segment} damaged: the packet at offset {fault.offset} of the frame "
                          f"reaches beyond it ({fault.found} bytes unpacked before)")
    return ValueError(f"RLE segment {fault.segment} at offset {fault.offset} unpacks to {fault.found} bytes "
                      f"where {pixels} are needed")


def unpacked_bytes(const uint8_t[::1] frame not None, *, int segments, int number):
    """Bytes that segment `number` (from 0) of a frame of `segments` segments (1 to 15) unpacks to, nothing written.

    Raises ValueError as `decode` does.
    """
    cdef size_t size = frame.shape[0]
    cdef fc_rle_segments found
    cdef fc_rle_fault fault
    if not 0 <= number < segments <= 15:
        raise ValueError("segments is 1 to 15, number below it")
    if not size:
        raise ValueError("RLE frame of 0 bytes, shorter than its header")
    with nogil:
        fault = fc_rle_open(&frame[0], size, segments, &found)
        if fault.code == FC_RLE_OK:
            fault = fc_rle_measure(&frame[0], &found, number)
    if fault.code != FC_RLE_OK:
        raise refusal(fault, segments, 0, size)
    return fault.found


def decode(const uint8_t[::1] frame not None, uint8_t[::1] out not None, *, int samples_per_pixel,
           int bytes_per_sample):
    """Unpack one frame into `out`.

    `frame`: uint8, shape (n,): header and segments (G.4, G.5). `out`: uint8, shape (pixels * samples_per_pixel *
    bytes_per_sample,), pixels > 0: the samples of each pixel side by side, each little-endian.
    Raises ValueError, naming segment and offset, for a header that lies and for a segment that is damaged or unpacks
    to fewer bytes than there are pixels; `out` may be half written then. What a segment holds beyond its plane is
    dropped (some writers pack their pad byte), and so is a control byte alone at its end.
    """
    cdef int planes = segments_of(samples_per_pixel, bytes_per_sample)
    cdef size_t size = frame.shape[0]
    cdef size_t pixels = <size_t>out.shape[0] // planes
    cdef fc_rle_segments segments
    cdef fc_rle_fault fault
    if pixels == 0 or pixels * planes != <size_t>out.shape[0]:
        raise ValueError("out has not the size of whole pixels")
    if not size:
        raise ValueError("RLE frame of 0 bytes, shorter than its header")
    with nogil:
        fault = fc_rle_open(&frame[0], size, planes, &segments)
        if fault.code == FC_RLE_OK:
            fault = fc_rle_decode(&frame[0], &segments, bytes_per_sample, &out[0], pixels)
    if fault.code != FC_RLE_OK:
        raise refusal(fault, planes, pixels, size)


def encoded_limit(size_t rows, size_t columns, *, int samples_per_pixel, int bytes_per_sample):
    """The most bytes that `encode` writes: no byte repeats, each 128 cost one more, each segment is padded.

    Raises ValueError for rows or columns beyond 1 to 65535 and for what does not fit 32-bit offsets.
    """
    cdef int planes = segments_of(samples_per_pixel, bytes_per_sample)
    if not (1 <= rows < 65536 and 1 <= columns < 65536):
        raise ValueError("rows and columns are 1 to 65535")
    limit = fc_rle_limit(rows, columns, planes)
    if limit > 0xFFFFFFFF:
        raise ValueError("an RLE frame is at most 4 GB long")
    return limit


def encode(const uint8_t[::1] samples not None, uint8_t[::1] out not None, *, size_t rows, size_t columns,
           int samples_per_pixel, int bytes_per_sample):
    """Pack one frame into `out`; returns the number of bytes written, an even number.

    `samples`: uint8, shape (rows * columns * samples_per_pixel * bytes_per_sample,), the samples of each pixel side by
    side, each little-endian. `out`: uint8, shape (encoded_limit(...) or more,). Each row is packed on its own and each
    segment padded to even length (G.3.1). Raises ValueError when a size is out of range, MemoryError when there is no
    room for one row; nothing is written then.
    """
    cdef int planes = segments_of(samples_per_pixel, bytes_per_sample)
    cdef size_t written
    cdef uint8_t *line
    if <size_t>out.shape[0] < encoded_limit(rows, columns, samples_per_pixel=samples_per_pixel,
                                            bytes_per_sample=bytes_per_sample):
        raise ValueError("out has not the size that encoded_limit says")
    if <size_t>samples.shape[0] != rows * columns * planes:
        raise ValueError("samples have not the size of the frame")
    line = <uint8_t *>malloc(columns)
    if line is NULL:
        raise MemoryError("no room for one row")
    with nogil:
        written = fc_rle_encode(&samples[0], rows, columns, planes, bytes_per_sample, line, &out[0])
    free(line)
    return written
