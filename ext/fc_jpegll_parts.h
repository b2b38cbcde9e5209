/* What the parts of the JPEG Lossless decoder know of each other. */
#ifndef FC_JPEGLL_PARTS_H
#define FC_JPEGLL_PARTS_H

#include <string.h>

#include "fc_jpegll.h"

#if defined(__GNUC__)
#define FC_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define FC_NOINLINE __attribute__((noinline))
#define FC_RESTRICT __restrict__
#else
#define FC_UNLIKELY(condition) (condition)
#define FC_NOINLINE
#define FC_RESTRICT
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FC_LITTLE_ENDIAN 1
#else
#define FC_LITTLE_ENDIAN 0
#endif

enum {
    FC_LONGEST_CODE = 16,
    FC_MOST_CODES = 256,
    FC_ONE_BITS = 11,        /* index of the table of single differences */
    FC_ONE_LONGEST = 19,     /* three of them fit the 57 bits of a window */
    FC_MANY_BYTES_BITS = 12, /* index of the table of up to three 8-bit differences */
    FC_MANY_WORDS_BITS = 11, /* the same for 16-bit differences: 16 kB both, half of a small L1 cache */
    FC_LANES = 4,
    FC_ROUND_BITS = 128,  /* no round of a kernel takes more: 4 differences of at most 31 bits */
    FC_PAD_BYTES = 16,    /* behind every run of entropy-coded bytes, for 8-byte loads at its end */
    FC_PARKED_ROUNDS = 64,
    FC_PARKED_BYTES = FC_PARKED_ROUNDS * FC_ROUND_BITS / 8 + FC_PAD_BYTES,
    FC_PARKED_SAMPLES = FC_PARKED_ROUNDS * 12 + 4,
    FC_MARKS = 48
};

/* A Huffman table as DHT gives it (T.81 B.2.4.2). */
typedef struct {
    int defined;
    uint8_t counts[FC_LONGEST_CODE + 1]; /* codes of each length; [0] unused */
    uint8_t symbols[FC_MOST_CODES];      /* SSSS, in the order of the codes */
} fc_codes;

/* The same, made for decoding. Entries hold bits to take in their low 6 bits, 0 where the index does not decide. */
typedef struct {
    uint32_t one[1 << FC_ONE_BITS]; /* high 16 bits: to be added to the bits taken, as a number, modulo 2**16 */
    union {
        uint32_t bytes[1 << FC_MANY_BYTES_BITS]; /* bits 6-7: how many differences; then one in each 8 bits */
        uint64_t words[1 << FC_MANY_WORDS_BITS]; /* bits 6-7 the same; from bit 16 one in each 16 bits */
    } many;
    uint32_t limit[FC_LONGEST_CODE + 1]; /* first 16-bit number behind the codes of this length */
    int32_t first[FC_LONGEST_CODE + 1];  /* index of a symbol less its code */
    const uint8_t *symbols;
} fc_huffman;

/* A place where a lane stood: it and the one before it agree from here on if that one stands here too. */
typedef struct {
    uint64_t position;
    size_t room;
} fc_mark;

/* A reader of one run of entropy-coded bits. Several are advanced together, which hides the latency of the look-ups. */
typedef struct {
    uint64_t position; /* bits from fc_entropy.bytes */
    uint64_t end;      /* where the data ends */
    uint64_t stop;     /* where this lane may leave off; at most `end` */
    uint64_t invalid;  /* first position without a code, or FC_NOWHERE */
    uint8_t *out;      /* the next difference */
    size_t room;       /* differences still to come */
    size_t marked;
    fc_mark marks[FC_MARKS];
} fc_lane;

#define FC_NOWHERE UINT64_MAX

/* How one scan's differences are read. */
typedef struct {
    const uint8_t *bytes; /* FC_PARKED_BYTES of zeros, then entropy-coded bytes without stuffing */
    const fc_huffman *table;
    unsigned sample_bytes;
    int many;             /* whether to use the table of several differences: few bits a sample */
    uint8_t *parked;      /* where lanes that have nothing to do write: FC_PARKED_SAMPLES */
    uint8_t *spread;      /* room for FC_LANES - 1 lanes that start amid the data */
    size_t spread_room;   /* samples, each of them */
} fc_entropy;

/* 57 bits or more from `position` on, first bit on top. Reads the 8 bytes there. */
static inline uint64_t fc_window(const uint8_t *bytes, uint64_t position)
{
    const uint8_t *at = bytes + (position >> 3);
    uint64_t word;
#if FC_LITTLE_ENDIAN && defined(__GNUC__)
    memcpy(&word, at, 8);
    word = __builtin_bswap64(word);
#else
    int i;
    for (word = 0, i = 0; i < 8; i++)
        word = word << 8 | at[i];
#endif
    return word << (position & 7);
}

/* fc_jpegll_huffman.c: make `table` (which keeps pointing to `codes`); `many_bytes`: 1, 2 or 0 for none. */
void fc_huffman_make(fc_huffman *table, const fc_codes *codes, unsigned many_bytes);
/* Whether the counts make a prefix code and every symbol is a category of annex H. */
int fc_codes_valid(const fc_codes *codes);
/* One difference, whatever its length: difference << 8 | bits, or 0 where no code is. */
uint32_t fc_huffman_find(const fc_huffman *table, uint64_t window);

/* fc_jpegll_lanes.c: each answers FC_JPEGLL_DONE, FC_JPEGLL_CODE or FC_JPEGLL_CUT_OFF. */
int fc_read_spread(const fc_entropy *entropy, fc_lane *lane);
int fc_read_mixed(const fc_entropy *entropy, const fc_huffman *const *tables, size_t components, fc_lane *lane);
int fc_read_together(const fc_entropy *entropy, fc_lane *lanes, size_t count, size_t *failed);

/* fc_jpegll_predict.c: differences to samples, in place, of the rows of one restart interval (T.81 H.1.2.1). */
void fc_predict(uint8_t *samples, size_t rows, size_t columns, size_t components, unsigned sample_bytes,
                int predictor, unsigned initial);
void fc_shift_up(uint8_t *samples, size_t count, unsigned sample_bytes, int by);

#endif
