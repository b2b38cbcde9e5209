/* RLE Lossless (PS3.5 annex G): the frame's byte planes, each packed by PackBits. No allocation, no state. */
#ifndef FC_RLE_H
#define FC_RLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    FC_RLE_HEADER = 64,   /* number of segments, 15 offsets, 32 bits each (G.5) */
    FC_RLE_SEGMENTS = 15,
    FC_RLE_PACKET = 128   /* bytes that one run or literal stands for, at most (G.3.1) */
};

typedef enum {
    FC_RLE_OK,
    FC_RLE_CUT_HEADER,  /* the frame is shorter than its header */
    FC_RLE_COUNT,       /* `found` segments, not what the image needs */
    FC_RLE_ORDER,       /* segment `segment` starts before the one in front of it, or beyond the frame */
    FC_RLE_DAMAGED,     /* a packet at `offset` of the frame reaches beyond segment `segment` */
    FC_RLE_SHORT        /* segment `segment`, which starts at `offset`, unpacks to `found` bytes only */
} fc_rle_code;

typedef struct {
    fc_rle_code code;
    int segment; /* from 1, as in the standard */
    size_t offset;
    size_t found;
} fc_rle_fault;

typedef struct {
    size_t start[FC_RLE_SEGMENTS + 1]; /* segment n lies in [start[n], start[n + 1]) of the frame */
    int count;
} fc_rle_segments;

/* Read and check the header; `needed` is 1 to 15. */
fc_rle_fault fc_rle_open(const uint8_t *frame, size_t size, int needed, fc_rle_segments *segments);

/* Bytes that one segment (from 0) unpacks to. */
fc_rle_fault fc_rle_measure(const uint8_t *frame, const fc_rle_segments *segments, int number);

/* Unpack all segments to `pixels` pixels, samples interleaved, little-endian: out holds pixels * count bytes.
 * bytes: bytes a sample; it divides segments->count. What a segment holds beyond its plane is checked and dropped. */
fc_rle_fault fc_rle_decode(const uint8_t *frame, const fc_rle_segments *segments, int bytes, uint8_t *out,
                           size_t pixels);

/* Most bytes that fc_rle_encode writes. rows, columns < 65536, planes 1 to 15. */
uint64_t fc_rle_limit(size_t rows, size_t columns, int planes);

/* Pack a frame, samples interleaved, little-endian, row by row. `line` has room for `columns` bytes.
 * Returns the bytes written. fc_rle_limit below 4 GB is the caller's to see to. */
size_t fc_rle_encode(const uint8_t *samples, size_t rows, size_t columns, int planes, int bytes, uint8_t *line,
                     uint8_t *out);

#endif
