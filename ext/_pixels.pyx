# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Pixel kernels on whole frames: the skin of fc_pixels.c. `fastcine.codec.pixels` knows which one an image needs.

Buffers are flat, C-contiguous and of native byte order; sources are read-only, results go into `out`, which belongs to
the caller and must not overlap a source. The GIL is released. Raises ValueError when lengths or tables do not fit
together; nothing is written then.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t

cdef extern from "fc_pixels.h" nogil:
    void fc_unpack_bits(const uint8_t *, size_t, uint8_t *)
    void fc_unpack_12(const uint8_t *, size_t, uint16_t *)
    void fc_mask_8_8(const uint8_t *, uint8_t *, size_t, uint8_t, uint8_t, uint8_t)
    void fc_mask_16_16(const uint16_t *, uint16_t *, size_t, uint16_t, uint16_t, uint16_t)
    void fc_mask_32_32(const uint32_t *, uint32_t *, size_t, uint32_t, uint32_t, uint32_t)
    void fc_mask_16_8(const uint16_t *, uint8_t *, size_t, uint16_t, uint16_t, uint16_t)
    void fc_mask_32_16(const uint32_t *, uint16_t *, size_t, uint32_t, uint32_t, uint32_t)
    void fc_mask_32_8(const uint32_t *, uint8_t *, size_t, uint32_t, uint32_t, uint32_t)
    int fc_any_8(const uint8_t *, size_t, uint8_t)
    int fc_any_16(const uint16_t *, size_t, uint16_t)
    int fc_any_32(const uint32_t *, size_t, uint32_t)
    void fc_interleave_8(const uint8_t *, uint8_t *, size_t)
    void fc_interleave_16(const uint16_t *, uint16_t *, size_t)
    void fc_deinterleave_8(const uint8_t *, uint8_t *, size_t)
    void fc_deinterleave_16(const uint16_t *, uint16_t *, size_t)
    void fc_ybr_to_rgb_8(const uint8_t *, uint8_t *, size_t, const int32_t *, size_t, int)
    void fc_ybr_to_rgb_16(const uint16_t *, uint16_t *, size_t, const int32_t *, size_t, int)
    void fc_lookup_8(const uint8_t *, uint8_t *, size_t, const uint8_t *)
    void fc_lookup_16(const uint16_t *, uint8_t *, size_t, const uint8_t *)
    void fc_lookup_rgb_8(const uint8_t *, uint8_t *, size_t, const uint8_t *)
    void fc_lookup_rgb_16(const uint16_t *, uint8_t *, size_t, const uint8_t *)
    void fc_range_8(const uint8_t *, size_t, uint8_t *, uint8_t *)
    void fc_range_16(const uint16_t *, size_t, uint16_t *, uint16_t *)
    void fc_histogram_8(const uint8_t *, size_t, uint32_t *)
    void fc_histogram_16(const uint16_t *, size_t, uint32_t *)
    void fc_subtract_8(const uint8_t *, const uint8_t *, uint8_t *, size_t, const int16_t *, int32_t, int32_t, int32_t)
    void fc_subtract_16(const uint16_t *, const uint16_t *, uint16_t *, size_t, const int16_t *, int32_t, int32_t,
                        int32_t)

ctypedef fused Sample:
    uint8_t
    uint16_t


def unpack_bits(const uint8_t[::1] packed not None, uint8_t[::1] out not None):
    """`len(out)` bits from the first of `packed` on, least significant first, as uint8 0 and 1."""
    cdef size_t count = out.shape[0]
    if <size_t>packed.shape[0] < count // 8 + (count % 8 != 0):
        raise ValueError("fewer bits than samples")
    if count:
        with nogil:
            fc_unpack_bits(&packed[0], count, &out[0])


def unpack_12(const uint8_t[::1] packed not None, uint16_t[::1] out not None):
    """`len(out)` samples of 12 bits, two in three bytes, the first in the low bits, as uint16."""
    cdef size_t count = out.shape[0]
    if <size_t>packed.shape[0] < count // 2 * 3 + count % 2 * 2:
        raise ValueError("fewer bits than samples")
    if count:
        with nogil:
            fc_unpack_12(&packed[0], count, &out[0])


cdef bint are_words(const Py_buffer *view):
    """Whether its elements are unsigned integers of at most 32 bits, in native order."""
    return view.itemsize in (1, 2, 4) and view.format != NULL and view.format[0] in b"BHIL" and view.format[1] == 0


cdef void mask_words(const Py_buffer *samples, Py_buffer *out, uint32_t mask, uint32_t flip, uint32_t minus) noexcept:
    cdef size_t count = samples.len // samples.itemsize
    cdef int wide = <int>samples.itemsize
    cdef int narrow = <int>out.itemsize
    cdef const void *source = samples.buf
    cdef void *target = out.buf
    with nogil:
        if wide == 1 and narrow == 1:
            fc_mask_8_8(<const uint8_t *>source, <uint8_t *>target, count, <uint8_t>mask, <uint8_t>flip,
                        <uint8_t>minus)
        elif wide == 2 and narrow == 2:
            fc_mask_16_16(<const uint16_t *>source, <uint16_t *>target, count, <uint16_t>mask, <uint16_t>flip,
                          <uint16_t>minus)
        elif wide == 4 and narrow == 4:
            fc_mask_32_32(<const uint32_t *>source, <uint32_t *>target, count, mask, flip, minus)
        elif wide == 2 and narrow == 1:
            fc_mask_16_8(<const uint16_t *>source, <uint8_t *>target, count, <uint16_t>mask, <uint16_t>flip,
                         <uint16_t>minus)
        elif wide == 4 and narrow == 2:
            fc_mask_32_16(<const uint32_t *>source, <uint16_t *>target, count, mask, flip, minus)
        elif wide == 4 and narrow == 1:
            fc_mask_32_8(<const uint32_t *>source, <uint8_t *>target, count, mask, flip, minus)


def any_bits(samples not None, uint32_t bits):
    """Whether any of the uint8, uint16 or uint32 samples, of any shape, has one of these bits set."""
    cdef Py_buffer source
    cdef bint found = False
    cdef size_t count
    PyObject_GetBuffer(samples, &source, PyBUF_ND | PyBUF_FORMAT)
    try:
        if not are_words(&source):
            raise ValueError("uint8, uint16 or uint32 are needed")
        count = source.len // source.itemsize
        with nogil:
            if source.itemsize == 1:
                found = fc_any_8(<const uint8_t *>source.buf, count, <uint8_t>bits)
            elif source.itemsize == 2:
                found = fc_any_16(<const uint16_t *>source.buf, count, <uint16_t>bits)
            else:
                found = fc_any_32(<const uint32_t *>source.buf, count, bits)
    finally:
        PyBuffer_Release(&source)
    return found


def mask_bits(samples not None, out not None, uint32_t mask, uint32_t flip, uint32_t minus):
    """``out = ((samples & mask) ^ flip) - minus``; uint8, uint16 or uint32 of any one shape, `out` as wide or narrower.

    Plain buffers, not memory views: for a frame in the caches these cost as much as a part of the work.
    """
    cdef Py_buffer source
    cdef Py_buffer target
    PyObject_GetBuffer(samples, &source, PyBUF_ND | PyBUF_FORMAT)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)
        try:
            if not are_words(&source) or not are_words(&target):
                raise ValueError("uint8, uint16 or uint32 are needed")
            if source.len // source.itemsize != target.len // target.itemsize:
                raise ValueError("out has not the length of the samples")
            if target.itemsize > source.itemsize:
                raise ValueError("out is wider than the samples")
            if source.len:
                mask_words(&source, &target, mask, flip, minus)
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)


def interleave(const Sample[::1] planes not None, Sample[::1] out not None):
    """Three planes one after the other to three samples a pixel; uint8 or uint16, length three times the pixels."""
    cdef size_t pixels = out.shape[0] // 3
    if planes.shape[0] != out.shape[0] or out.shape[0] % 3:
        raise ValueError("three planes of one length are needed")
    if not pixels:
        return
    with nogil:
        if Sample is uint8_t:
            fc_interleave_8(&planes[0], &out[0], pixels)
        else:
            fc_interleave_16(&planes[0], &out[0], pixels)


def deinterleave(const Sample[::1] samples not None, Sample[::1] out not None):
    """Three samples a pixel to three planes one after the other; uint8 or uint16."""
    cdef size_t pixels = out.shape[0] // 3
    if samples.shape[0] != out.shape[0] or out.shape[0] % 3:
        raise ValueError("three samples a pixel are needed")
    if not pixels:
        return
    with nogil:
        if Sample is uint8_t:
            fc_deinterleave_8(&samples[0], &out[0], pixels)
        else:
            fc_deinterleave_16(&samples[0], &out[0], pixels)


def ybr_to_rgb(const Sample[::1] samples not None, Sample[::1] out not None, const int32_t[:, ::1] tables not None,
               int point):
    """Y Cb Cr triples to R G B (PS3.3 C.7.6.3.1.2) by fixed-point tables.

    `tables`: int32, shape (5, levels): luma with the rounding half in it, red of Cr, green of Cb, green of Cr, blue of
    Cb, each times ``2**point``; no sum of a luma and its chroma entries may leave int32. Codes from `levels` on count
    as the last one; results are clamped to ``0 .. levels - 1``.
    """
    cdef size_t pixels = out.shape[0] // 3
    cdef size_t levels = tables.shape[1]
    if samples.shape[0] != out.shape[0] or out.shape[0] % 3:
        raise ValueError("three samples a pixel are needed")
    if tables.shape[0] != 5 or not 0 < levels <= (<size_t>1 << (8 * sizeof(Sample))) or not 0 < point < 31:
        raise ValueError("five tables of at most as many levels as the samples have are needed")
    if not pixels:
        return
    with nogil:
        if Sample is uint8_t:
            fc_ybr_to_rgb_8(&samples[0], &out[0], pixels, &tables[0, 0], levels, point)
        else:
            fc_ybr_to_rgb_16(&samples[0], &out[0], pixels, &tables[0, 0], levels, point)


def lookup(const Sample[::1] samples not None, uint8_t[::1] out not None, const uint8_t[::1] table not None):
    """``out = table[samples]``; the table has 2**8 entries for uint8 and 2**16 for uint16."""
    cdef size_t count = samples.shape[0]
    if <size_t>out.shape[0] != count or <size_t>table.shape[0] != <size_t>1 << (8 * sizeof(Sample)):
        raise ValueError("out has not the length of the samples, or the table does not cover every value")
    if not count:
        return
    with nogil:
        if Sample is uint8_t:
            fc_lookup_8(&samples[0], &out[0], count, &table[0])
        else:
            fc_lookup_16(&samples[0], &out[0], count, &table[0])


def lookup_rgb(const Sample[::1] samples not None, uint8_t[::1] out not None, const uint8_t[:, ::1] table not None):
    """Three bytes a sample; the table has shape (2**8, 3) for uint8 and (2**16, 3) for uint16."""
    cdef size_t count = samples.shape[0]
    if <size_t>out.shape[0] != 3 * count or table.shape[1] != 3:
        raise ValueError("out has not three bytes a sample")
    if <size_t>table.shape[0] != <size_t>1 << (8 * sizeof(Sample)):
        raise ValueError("the table does not cover every value")
    if not count:
        return
    with nogil:
        if Sample is uint8_t:
            fc_lookup_rgb_8(&samples[0], &out[0], count, &table[0, 0])
        else:
            fc_lookup_rgb_16(&samples[0], &out[0], count, &table[0, 0])


def sample_range(const Sample[::1] samples not None):
    """(smallest, largest) of at least one sample, uint8 or uint16."""
    cdef size_t count = samples.shape[0]
    cdef Sample low = 0
    cdef Sample high = 0
    if not count:
        raise ValueError("no samples")
    with nogil:
        if Sample is uint8_t:
            fc_range_8(&samples[0], count, &low, &high)
        else:
            fc_range_16(&samples[0], count, &low, &high)
    return low, high


def histogram(const Sample[::1] samples not None, uint32_t[::1] out not None):
    """How often each value is there, added to `out`: uint32, length 2**8 for uint8 and 2**16 for uint16."""
    cdef size_t count = samples.shape[0]
    if <size_t>out.shape[0] != <size_t>1 << (8 * sizeof(Sample)) or count >= <size_t>1 << 32:
        raise ValueError("out does not cover every value, or there are 2**32 samples")
    if not count:
        return
    with nogil:
        if Sample is uint8_t:
            fc_histogram_8(&samples[0], count, &out[0])
        else:
            fc_histogram_16(&samples[0], count, &out[0])


def subtract(const Sample[::1] frame not None, const Sample[::1] mask not None, Sample[::1] out not None,
             const int16_t[::1] table not None, *, int32_t gain, int32_t middle, int32_t top):
    """Mask subtraction: ``clamp(middle + (table[frame] - table[mask]) * gain / 2**12, 0, top)``, rounded half up.

    `table`: int16, the logarithm (or the value) of each of 2**8 or 2**16 codes, 0 to 2**13. `gain` within +-2**17,
    `middle` within +-2**16.
    """
    cdef size_t count = frame.shape[0]
    cdef Py_ssize_t code
    if <size_t>mask.shape[0] != count or <size_t>out.shape[0] != count:
        raise ValueError("frame, mask and out have not one length")
    if <size_t>table.shape[0] != <size_t>1 << (8 * sizeof(Sample)):
        raise ValueError("the table does not cover every value")
    if not -(1 << 17) <= gain <= 1 << 17 or not -(1 << 16) <= middle <= 1 << 16:
        raise ValueError("gain or middle is out of its range")
    if not 0 <= top < 1 << (8 * sizeof(Sample)):
        raise ValueError("top is no sample")
    for code in range(table.shape[0]):
        if not 0 <= table[code] <= 1 << 13:
            raise ValueError("a table entry is out of its range")
    if not count:
        return
    with nogil:
        if Sample is uint8_t:
            fc_subtract_8(&frame[0], &mask[0], &out[0], count, &table[0], gain, middle, top)
        else:
            fc_subtract_16(&frame[0], &mask[0], &out[0], count, &table[0], gain, middle, top)
