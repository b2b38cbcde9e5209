/* JPEG Lossless, Huffman coded, non-hierarchical (ITU-T T.81 annex H, process 14, SOF3): one whole frame at a time.

   The caller owns every buffer. Nothing is kept between calls. Input may be hostile: see fc_jpegll_decode. */
#ifndef FC_JPEGLL_H
#define FC_JPEGLL_H

#include <stddef.h>
#include <stdint.h>

/* Why decoding stopped. Those from FC_JPEGLL_UNHANDLED on are sound streams of kinds that are not decoded here. */
enum {
    FC_JPEGLL_DONE = 0,
    FC_JPEGLL_NO_START,
    FC_JPEGLL_NO_MARKER,
    FC_JPEGLL_SEGMENT,
    FC_JPEGLL_FRAME_HEADER,
    FC_JPEGLL_OTHER_SIZE,
    FC_JPEGLL_TABLE,
    FC_JPEGLL_NO_TABLE,
    FC_JPEGLL_SCAN_HEADER,
    FC_JPEGLL_RESTART_INTERVAL,
    FC_JPEGLL_RESTART_MARKER,
    FC_JPEGLL_CODE,
    FC_JPEGLL_CUT_OFF,
    FC_JPEGLL_INCOMPLETE,
    FC_JPEGLL_UNHANDLED,
    FC_JPEGLL_OTHER_PROCESS = FC_JPEGLL_UNHANDLED,
    FC_JPEGLL_SAMPLING,
    FC_JPEGLL_COMPONENTS,
    FC_JPEGLL_LINES_LATER,
    FC_JPEGLL_STATUSES
};

typedef struct {
    const uint8_t *frame; /* the bitstream, from SOI on */
    size_t frame_bytes;
    uint8_t *out; /* rows x columns x components samples, C order; aligned to sample_bytes */
    size_t rows, columns, components;
    unsigned sample_bytes; /* 1 for a precision of up to 8 bits, else 2 (native order) */
    uint8_t *scratch;      /* fc_jpegll_scratch_bytes bytes, any alignment */
    size_t offset;         /* out: the place in `frame` that the status speaks of */
} fc_jpegll_frame;

/* Bytes of scratch for a frame. The sizes must have been checked: rows and columns up to 65535, 1 to 3 components, up to
   2**30 bytes of frame, up to SIZE_MAX / 8 samples. */
size_t fc_jpegll_scratch_bytes(size_t frame_bytes, size_t rows, size_t columns, size_t components,
                               unsigned sample_bytes);

/* Decode; answers FC_JPEGLL_DONE or why not (`out` is then undefined, but never written beyond its end).

   Whatever the bytes are, nothing is read or written beyond the three buffers, and the work is bounded by
   frame_bytes and the number of samples. */
int fc_jpegll_decode(fc_jpegll_frame *frame);

/* A status in words. */
const char *fc_jpegll_reason(int status);

#endif
