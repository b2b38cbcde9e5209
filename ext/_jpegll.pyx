# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Decode JPEG Lossless, Huffman coded (ITU-T T.81 annex H, process 14, SOF3), one frame at a time.

The GIL is released; output and scratch belong to the caller; every check of a size is made before ``with nogil``.
"""

from libc.stddef cimport size_t
from libc.stdint cimport SIZE_MAX, uint8_t, uint64_t, uintptr_t


cdef extern from "fc_jpegll.h" nogil:
    enum:
        FC_JPEGLL_DONE
        FC_JPEGLL_UNHANDLED

    ctypedef struct fc_jpegll_frame:
        const uint8_t *frame
        size_t frame_bytes
        uint8_t *out
        size_t rows
        size_t columns
        size_t components
        unsigned int sample_bytes
        uint8_t *scratch
        size_t offset

    size_t fc_jpegll_scratch_bytes(size_t frame_bytes, size_t rows, size_t columns, size_t components,
                                   unsigned int sample_bytes)
    int fc_jpegll_decode(fc_jpegll_frame *frame)
    const char *fc_jpegll_reason(int status)


cdef enum:
    MOST_FRAME_BYTES = 1 << 30  # far beyond any real frame; keeps every size within its type


class UnhandledStream(ValueError):
    """A sound bitstream of a kind that is not decoded here; ``args`` are (reason, offset in bytes)."""


cdef size_t checked_scratch_bytes(size_t frame_bytes, size_t rows, size_t columns, size_t components,
                                  size_t sample_bytes) except 0:
    cdef uint64_t samples
    if not (1 <= rows <= 65535 and 1 <= columns <= 65535 and 1 <= components <= 3):
        raise ValueError("rows and columns must be 1 to 65535, components 1 to 3")
    if sample_bytes != 1 and sample_bytes != 2:
        raise ValueError("sample_bytes must be 1 or 2")
    samples = <uint64_t>rows * columns * components
    if frame_bytes > MOST_FRAME_BYTES or samples > SIZE_MAX // 8:
        raise ValueError("frame of more than 1 GiB, or of more samples than memory can hold")
    if samples > 8 * <uint64_t>frame_bytes:
        raise ValueError("more samples than the frame has bits")  # the shortest code has one
    return fc_jpegll_scratch_bytes(frame_bytes, rows, columns, components, <unsigned int>sample_bytes)


def scratch_size(size_t frame_bytes, *, size_t rows, size_t columns, size_t components, size_t sample_bytes):
    """Bytes of scratch that `decode` needs for a frame of `frame_bytes`.

    `sample_bytes`: 1 for a precision of up to 8 bits, else 2. Raises ValueError for sizes out of range, and for more
    samples than the frame has bits, so that what is allocated by the answer is bounded by the frame's length.
    """
    return checked_scratch_bytes(frame_bytes, rows, columns, components, sample_bytes)


def decode(const uint8_t[::1] frame not None, uint8_t[::1] out not None, uint8_t[::1] scratch not None, *,
           size_t rows, size_t columns, size_t components, size_t sample_bytes):
    """Decode one frame into `out`.

    `frame`: uint8, shape (n,), from SOI on. `out`: uint8, shape (rows * columns * components * sample_bytes,), aligned
    to `sample_bytes`: samples in C order, components interleaved, native byte order, the point transform undone.
    `scratch`: uint8, at least `scratch_size` bytes; its content means nothing before or after.
    Predictors 1 to 7, precisions 2 to 16, restart intervals of whole rows, one scan for all components or one for each.
    A missing end of image is no error where all samples were there. Raises UnhandledStream for sound streams of other
    kinds and ValueError for damaged ones and wrong sizes; of those found in the bitstream `args` are (reason, offset
    in bytes). `out` is then undefined.
    """
    cdef fc_jpegll_frame job
    cdef int status
    cdef size_t needed = checked_scratch_bytes(frame.shape[0], rows, columns, components, sample_bytes)
    if <size_t>scratch.shape[0] < needed:
        raise ValueError("scratch is smaller than scratch_size says")
    if <size_t>out.shape[0] != rows * columns * components * sample_bytes:
        raise ValueError("out has not the size of the samples")
    if <uintptr_t>&out[0] % sample_bytes:
        raise ValueError("out is not aligned to its samples")
    job.frame = &frame[0]
    job.frame_bytes = frame.shape[0]
    job.out = &out[0]
    job.rows = rows
    job.columns = columns
    job.components = components
    job.sample_bytes = <unsigned int>sample_bytes
    job.scratch = &scratch[0]
    job.offset = 0
    with nogil:
        status = fc_jpegll_decode(&job)
    if status == FC_JPEGLL_DONE:
        return
    reason = fc_jpegll_reason(status).decode("ascii")
    raise (UnhandledStream if status >= FC_JPEGLL_UNHANDLED else ValueError)(reason, job.offset)
