# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""JPEG Lossless (ITU-T T.81 process 14): the skin of fc_jpegll.c. `fastcine.codec.jpeg_lossless` is what to call.

The GIL is released; the output buffers belong to the caller; scratch memory, a little more than a frame's bytes, is
taken and given back by each call.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport uint8_t

cdef extern from "fc_jpegll.h" nogil:
    ctypedef enum fc_status:
        FC_OK
        FC_UNSUPPORTED
    ctypedef struct fc_jpegll:
        size_t at
    enum:
        FC_MAX_COMPONENTS
    size_t fc_jpegll_size(size_t, unsigned, unsigned)
    fc_jpegll *fc_jpegll_begin(void *, const uint8_t *, size_t, unsigned, unsigned, unsigned, unsigned)
    fc_status fc_jpegll_decode(fc_jpegll *, void *)
    void fc_jpegll_decode_two(fc_jpegll *, void *, fc_jpegll *, void *, fc_status *)

# In the order of fc_status.
_REASONS = (
    "",
    "no JPEG",
    "cut off",
    "a damaged marker segment",
    "a Huffman table that cannot be",
    "a Huffman table is missing",
    "a Huffman code that no table has",
    "a scan header that cannot be",
    "the frame header contradicts the image",
    "a restart marker is missing",
    "no scan for every component",
    "a form of JPEG that this decoder does not do",
)


cdef object raised(fc_status status, size_t at):
    text = f"{_REASONS[<int>status]}, near byte {at}"
    return NotImplementedError(text) if status == FC_UNSUPPORTED else ValueError(text)


cdef void *begun(const uint8_t[::1] frame, uint8_t[::1] out, unsigned rows, unsigned columns, unsigned components,
                 unsigned precision, fc_jpegll **jpeg) except NULL:
    """Scratch memory with a decoder in it, after all checks."""
    cdef size_t wide = 1 if precision <= 8 else 2
    if not (0 < rows < 65536 and 0 < columns < 65536 and 0 < components <= FC_MAX_COMPONENTS and 2 <= precision <= 16):
        raise ValueError("sizes out of range")
    if <size_t>out.shape[0] != wide * rows * columns * components or <size_t>&out[0] % wide:
        raise ValueError("out has not the size of the image, or lies at an odd address")
    cdef size_t needed = fc_jpegll_size(frame.shape[0], columns, components)
    if not needed or not frame.shape[0]:
        raise ValueError("an empty frame, or one of more than 2**30 bytes")
    cdef void *block = PyMem_RawMalloc(needed)
    if block == NULL:
        raise MemoryError
    jpeg[0] = fc_jpegll_begin(block, &frame[0], frame.shape[0], rows, columns, components, precision)
    return block


def decode(const uint8_t[::1] frame not None, uint8_t[::1] out not None, *, unsigned rows, unsigned columns,
           unsigned components, unsigned precision):
    """Decode `frame` into `out`.

    `out`: the bytes of rows x columns x components samples, C order, uint8 up to a precision of 8, else uint16 of
    native order. Raises ValueError (what, near which byte) for damaged frames and those of other sizes,
    NotImplementedError for sub-sampled components, DNL and other processes than 14; `out` is then undefined.
    """
    cdef fc_jpegll *jpeg = NULL
    cdef fc_status status
    cdef size_t at
    cdef void *block = begun(frame, out, rows, columns, components, precision, &jpeg)
    with nogil:
        status = fc_jpegll_decode(jpeg, &out[0])
        at = jpeg.at
        PyMem_RawFree(block)
    if status != FC_OK:
        raise raised(status, at)


def decode_two(const uint8_t[::1] one not None, uint8_t[::1] out_one not None, const uint8_t[::1] two not None,
               uint8_t[::1] out_two not None, *, unsigned rows, unsigned columns, unsigned components,
               unsigned precision):
    """Two frames of one image at once, in less time than one after the other. Answers what `decode` would raise.

    (None, None) when both are good; else the exception of each that is not.
    """
    cdef fc_jpegll *first = NULL
    cdef fc_jpegll *second = NULL
    cdef fc_status[2] status
    cdef size_t[2] at
    cdef void *block_two
    cdef void *block = begun(one, out_one, rows, columns, components, precision, &first)
    try:
        block_two = begun(two, out_two, rows, columns, components, precision, &second)
    except BaseException:
        PyMem_RawFree(block)
        raise
    with nogil:
        fc_jpegll_decode_two(first, &out_one[0], second, &out_two[0], status)
        at[0] = first.at
        at[1] = second.at
        PyMem_RawFree(block)
        PyMem_RawFree(block_two)
    return tuple(None if status[n] == FC_OK else raised(status[n], at[n]) for n in range(2))
