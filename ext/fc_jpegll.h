/* JPEG Lossless (ITU-T T.81 process 14, SOF3): markers, Huffman tables, differences, prediction.
 *
 * Memory belongs to the caller: one block of fc_jpegll_size() bytes a frame. Input is hostile: every length is checked
 * against the frame before it is used, the stream is copied in front of FC_PADDING zero bytes, and every refill of the
 * bit buffer looks where it stands. */
#ifndef FC_JPEGLL_H
#define FC_JPEGLL_H

#include <stddef.h>
#include <stdint.h>

#define FC_FAST_BITS 12
#define FC_MAX_COMPONENTS 4
/* A group of look-ups begins at most 8 bytes behind the end and refills at most five times, by 7 bytes. */
#define FC_PADDING 64
/* Samples whose sums are made before they become pixels: what both frames of a pair need stays in the caches. */
#define FC_BATCH 8192
#define FC_SLACK 16

typedef enum {
    FC_OK = 0,
    FC_NO_JPEG,
    FC_CUT,
    FC_BAD_SEGMENT,
    FC_BAD_TABLE,
    FC_NO_TABLE,
    FC_BAD_CODE,
    FC_BAD_SCAN,
    FC_OTHER_SIZE,
    FC_BAD_RESTART,
    FC_NO_SCAN,
    FC_UNSUPPORTED /* not damaged, but nothing this decoder does: sub-sampling, DNL, another process */
} fc_status;

/* What a look-up of FC_FAST_BITS bits gives: `count` differences (0: the slow way), the first and the sum of both. With
 * count 0, first_length > 0: a code of that length whose category is `first`. */
typedef struct {
    int16_t first, both;
    uint8_t length, count, first_length, unused;
} fc_entry;

typedef struct {
    fc_entry fast[1 << FC_FAST_BITS];
    uint32_t limit[17]; /* behind the last code of each length, left-justified in 16 bits */
    uint32_t base[17];  /* the first code of each length, left-justified */
    int32_t place[17];  /* of its value */
    uint8_t values[256];
    int there;
} fc_table;

typedef struct {
    uint64_t bits; /* left-justified */
    unsigned count;
    const uint8_t *next, *start, *end;
    uint16_t sum; /* of all differences so far, modulo 2^16 */
} fc_bits;

typedef struct {
    const uint8_t *data;
    size_t size, at; /* `at`: where the error is, or the reader */
    unsigned precision, rows, columns, components, identifiers[FC_MAX_COMPONENTS];
    unsigned restart_rows;
    /* Of the present scan: */
    unsigned predictor, point_transform, scan_components, first_component;
    const fc_table *table_of[FC_MAX_COMPONENTS];
    fc_table tables[4];
    fc_bits stream;
    uint16_t *sums;                      /* FC_BATCH or a row, and slack */
    uint16_t *lines[FC_MAX_COMPONENTS][2]; /* a row and the one above */
    uint8_t *unstuffed;
} fc_jpegll;

/* Bytes of the block for a frame of `size` bytes; 0 where they cannot be counted. */
size_t fc_jpegll_size(size_t size, unsigned columns, unsigned components);

/* Begin: `block` is cut up. The image must be of these sizes; the output has 1 byte a sample up to 8 bits, else 2. */
fc_jpegll *fc_jpegll_begin(void *block, const uint8_t *data, size_t size, unsigned rows, unsigned columns,
                           unsigned components, unsigned precision);

/* fc_jpegll_markers.c: up to the next scan's entropy-coded bytes; then one restart interval of it. */
fc_status fc_jpegll_next_scan(fc_jpegll *jpeg);
fc_status fc_jpegll_next_interval(fc_jpegll *jpeg, int first);

/* fc_jpegll.c: whole frames into rows x columns x components samples. Two frames at once hide the look-ups' latency. */
fc_status fc_jpegll_decode(fc_jpegll *jpeg, void *out);
void fc_jpegll_decode_two(fc_jpegll *one, void *out_one, fc_jpegll *two, void *out_two, fc_status *status);

/* fc_jpegll_entropy.c: `count` running sums of differences, which may scribble over FC_SLACK more; and the differences
 * of several components in turn. */
fc_status fc_jpegll_sums(fc_bits *stream, const fc_table *table, uint16_t *sums, size_t count);
void fc_jpegll_sums_two(fc_bits *streams[2], const fc_table *const tables[2], uint16_t *const sums[2], size_t count,
                        fc_status status[2]);
fc_status fc_jpegll_differences(fc_bits *stream, const fc_table *const *tables, unsigned components, uint16_t *out,
                                size_t pixels);
/* Whether no more bits were taken than were there. */
int fc_jpegll_was_whole(const fc_bits *stream);

#endif
