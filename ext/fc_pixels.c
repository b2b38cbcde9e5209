#include "fc_pixels.h"

#include <string.h>

/* The same source for two instruction sets, chosen when the module is loaded, where the compiler and libc can. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FC_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define FC_WIDE
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FC_BIG_ENDIAN 1
#else
#define FC_BIG_ENDIAN 0
#endif

#if defined(__GNUC__) && !defined(__clang__) && !FC_BIG_ENDIAN
/* Four bytes at once: each in eight places of a vector, where one of its bits is looked at. */
#define FC_BITS_AT_ONCE 32
typedef uint8_t fc_bytes __attribute__((vector_size(FC_BITS_AT_ONCE)));
typedef uint32_t fc_words __attribute__((vector_size(FC_BITS_AT_ONCE)));

static inline __attribute__((always_inline)) void unpack_word(const uint8_t *in, uint8_t *out)
{
    const fc_bytes place = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3};
    const fc_bytes bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
                          1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint32_t word;
    memcpy(&word, in, sizeof word);
    fc_bytes kept = __builtin_shuffle((fc_bytes)(fc_words){word, word, word, word, word, word, word, word}, place) & bit;
    kept = (fc_bytes)(kept == bit) & 1;
    memcpy(out, &kept, sizeof kept);
}
#else
#define FC_BITS_AT_ONCE 8
/* Bit n of `byte` as byte n of the result, 0 or 1, in memory order. */
static inline uint64_t spread(uint8_t byte)
{
    /* One copy of the byte in each byte of the word, of each one bit kept; adding 0x7f carries any bit to the top. */
    uint64_t kept = (byte * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
    uint64_t bits = ((kept + UINT64_C(0x007f7f7f7f7f7f7f)) >> 7) & UINT64_C(0x0101010101010101);
#if FC_BIG_ENDIAN
    bits = __builtin_bswap64(bits);
#endif
    return bits;
}

static inline void unpack_word(const uint8_t *in, uint8_t *out)
{
    uint64_t bits = spread(*in);
    memcpy(out, &bits, sizeof bits);
}
#endif

FC_WIDE void fc_unpack_bits(const uint8_t *restrict in, size_t count, uint8_t *restrict out)
{
    const size_t words = count / FC_BITS_AT_ONCE;
    for (size_t n = 0; n < words; n++)
        unpack_word(in + FC_BITS_AT_ONCE / 8 * n, out + FC_BITS_AT_ONCE * n);
    for (size_t bit = words * FC_BITS_AT_ONCE; bit < count; bit++)
        out[bit] = (uint8_t)(in[bit >> 3] >> (bit & 7)) & 1;
}

FC_WIDE void fc_unpack_12(const uint8_t *restrict in, size_t count, uint16_t *restrict out)
{
    for (size_t pair = 0; pair < count / 2; pair++) {
        const uint8_t *three = in + 3 * pair;
        out[2 * pair] = (uint16_t)(three[0] | (three[1] & 15) << 8);
        out[2 * pair + 1] = (uint16_t)(three[1] >> 4 | three[2] << 4);
    }
    if (count & 1) {
        const uint8_t *rest = in + 3 * (count / 2);
        out[count - 1] = (uint16_t)(rest[0] | (rest[1] & 15) << 8);
    }
}

/* A frame is larger than the caches: its lines, and those of the result, are asked for ahead of their turn. An address
 * behind the end may be asked for; it is a number here, not a pointer. */
#define FC_LINE ((size_t)64)
#define FC_AHEAD ((size_t)2048)
#ifdef __GNUC__
#define FC_ASK(address, writes) __builtin_prefetch((const void *)((uintptr_t)(address) + FC_AHEAD), writes)
#else
#define FC_ASK(address, writes) ((void)0)
#endif
#define FC_MASK(name, from, to)                                                                                        \
    FC_WIDE void name(const from *restrict in, to *restrict out, size_t count, from mask, from flip, from minus)       \
    {                                                                                                                  \
        const size_t step = FC_LINE / sizeof(from), whole = count / step * step;                                       \
        for (size_t first = 0; first < whole; first += step) {                                                         \
            FC_ASK(in + first, 0);                                                                                     \
            FC_ASK(out + first, 1);                                                                                    \
            for (size_t n = first; n < first + step; n++)                                                              \
                out[n] = (to)((from)((in[n] & mask) ^ flip) - minus);                                                  \
        }                                                                                                              \
        for (size_t n = whole; n < count; n++)                                                                         \
            out[n] = (to)((from)((in[n] & mask) ^ flip) - minus);                                                      \
    }

FC_MASK(fc_mask_8_8, uint8_t, uint8_t)
FC_MASK(fc_mask_16_16, uint16_t, uint16_t)
FC_MASK(fc_mask_32_32, uint32_t, uint32_t)
FC_MASK(fc_mask_16_8, uint16_t, uint8_t)
FC_MASK(fc_mask_32_16, uint32_t, uint16_t)
FC_MASK(fc_mask_32_8, uint32_t, uint8_t)

#define FC_ANY(name, word)                                                                                             \
    FC_WIDE int name(const word *restrict in, size_t count, word bits)                                                 \
    {                                                                                                                  \
        for (size_t block = 0; block < count; block += FC_LOOK) {                                                      \
            const size_t end = count - block < FC_LOOK ? count : block + FC_LOOK;                                      \
            word found = 0;                                                                                            \
            for (size_t n = block; n < end; n++)                                                                       \
                found |= in[n];                                                                                        \
            if (found & bits)                                                                                          \
                return 1;                                                                                              \
        }                                                                                                              \
        return 0;                                                                                                      \
    }

/* Samples between two questions whether any was found. */
#define FC_LOOK ((size_t)4096)
FC_ANY(fc_any_8, uint8_t)
FC_ANY(fc_any_16, uint16_t)
FC_ANY(fc_any_32, uint32_t)

#define FC_PLANES(together, apart, sample)                                                                             \
    FC_WIDE void together(const sample *restrict planes, sample *restrict out, size_t pixels)                          \
    {                                                                                                                  \
        const sample *first = planes, *second = planes + pixels, *third = planes + 2 * pixels;                         \
        for (size_t n = 0; n < pixels; n++) {                                                                          \
            out[3 * n] = first[n];                                                                                     \
            out[3 * n + 1] = second[n];                                                                                \
            out[3 * n + 2] = third[n];                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    FC_WIDE void apart(const sample *restrict in, sample *restrict planes, size_t pixels)                              \
    {                                                                                                                  \
        sample *first = planes, *second = planes + pixels, *third = planes + 2 * pixels;                               \
        for (size_t n = 0; n < pixels; n++) {                                                                          \
            first[n] = in[3 * n];                                                                                      \
            second[n] = in[3 * n + 1];                                                                                 \
            third[n] = in[3 * n + 2];                                                                                  \
        }                                                                                                              \
    }

FC_PLANES(fc_interleave_8, fc_deinterleave_8, uint8_t)
FC_PLANES(fc_interleave_16, fc_deinterleave_16, uint16_t)

static inline int32_t clamped(int32_t value, int32_t top)
{
    return value < 0 ? 0 : value > top ? top : value;
}

#define FC_YBR(name, sample)                                                                                           \
    void name(const sample *restrict in, sample *restrict out, size_t pixels, const int32_t *restrict tables,          \
              size_t size, int point)                                                                                  \
    {                                                                                                                  \
        const int32_t *luma = tables, *red = tables + size, *green_blue = tables + 2 * size;                           \
        const int32_t *green_red = tables + 3 * size, *blue = tables + 4 * size;                                       \
        const int32_t top = (int32_t)size - 1;                                                                         \
        for (size_t n = 0; n < pixels; n++, in += 3, out += 3) {                                                       \
            size_t y = in[0] < size ? in[0] : size - 1;                                                                \
            size_t cb = in[1] < size ? in[1] : size - 1;                                                               \
            size_t cr = in[2] < size ? in[2] : size - 1;                                                               \
            out[0] = (sample)clamped((luma[y] + red[cr]) >> point, top);                                               \
            out[1] = (sample)clamped((luma[y] + green_blue[cb] + green_red[cr]) >> point, top);                        \
            out[2] = (sample)clamped((luma[y] + blue[cb]) >> point, top);                                              \
        }                                                                                                              \
    }

FC_YBR(fc_ybr_to_rgb_8, uint8_t)
FC_YBR(fc_ybr_to_rgb_16, uint16_t)

#define FC_LOOKUP(name, name_rgb, index)                                                                               \
    void name(const index *restrict in, uint8_t *restrict out, size_t count, const uint8_t *restrict table)            \
    {                                                                                                                  \
        for (size_t n = 0; n < count; n++)                                                                             \
            out[n] = table[in[n]];                                                                                     \
    }                                                                                                                  \
    void name_rgb(const index *restrict in, uint8_t *restrict out, size_t count, const uint8_t *restrict table)        \
    {                                                                                                                  \
        for (size_t n = 0; n < count; n++) {                                                                           \
            const uint8_t *colour = table + 3 * (size_t)in[n];                                                         \
            out[3 * n] = colour[0];                                                                                    \
            out[3 * n + 1] = colour[1];                                                                                \
            out[3 * n + 2] = colour[2];                                                                                \
        }                                                                                                              \
    }

FC_LOOKUP(fc_lookup_8, fc_lookup_rgb_8, uint8_t)
FC_LOOKUP(fc_lookup_16, fc_lookup_rgb_16, uint16_t)

/* Four places at once: no wait of one comparison for the one before, and several lines asked for. */
#define FC_RANGE(name, sample)                                                                                         \
    FC_WIDE void name(const sample *restrict in, size_t count, sample *low, sample *high)                              \
    {                                                                                                                  \
        const size_t part = count / 4;                                                                                 \
        sample least = in[0], most = in[0];                                                                            \
        for (size_t n = 0; n < part; n++) {                                                                            \
            const sample a = in[n], b = in[n + part], c = in[n + 2 * part], d = in[n + 3 * part];                      \
            const sample ab = a < b ? a : b, cd = c < d ? c : d, ba = a > b ? a : b, dc = c > d ? c : d;               \
            const sample lower = ab < cd ? ab : cd, higher = ba > dc ? ba : dc;                                        \
            least = lower < least ? lower : least;                                                                     \
            most = higher > most ? higher : most;                                                                      \
        }                                                                                                              \
        for (size_t n = 4 * part; n < count; n++) {                                                                    \
            least = in[n] < least ? in[n] : least;                                                                     \
            most = in[n] > most ? in[n] : most;                                                                        \
        }                                                                                                              \
        *low = least;                                                                                                  \
        *high = most;                                                                                                  \
    }

FC_RANGE(fc_range_8, uint8_t)
FC_RANGE(fc_range_16, uint16_t)

void fc_histogram_8(const uint8_t *restrict in, size_t count, uint32_t *restrict counts)
{
    /* Four tables: neighbours are often alike, and a count that was just written is slow to read again. */
    uint32_t parts[4][256];
    size_t n = 0;
    memset(parts, 0, sizeof parts);
    for (; n + 4 <= count; n += 4) {
        parts[0][in[n]]++;
        parts[1][in[n + 1]]++;
        parts[2][in[n + 2]]++;
        parts[3][in[n + 3]]++;
    }
    for (; n < count; n++)
        parts[0][in[n]]++;
    for (size_t value = 0; value < 256; value++)
        counts[value] += parts[0][value] + parts[1][value] + parts[2][value] + parts[3][value];
}

void fc_histogram_16(const uint16_t *restrict in, size_t count, uint32_t *restrict counts)
{
    for (size_t n = 0; n < count; n++)
        counts[in[n]]++;
}

#define FC_GAIN_BITS 12
#define FC_GAIN (1 << FC_GAIN_BITS)

#define FC_SUBTRACT(name, sample)                                                                                      \
    void name(const sample *restrict frame, const sample *restrict mask, sample *restrict out, size_t count,           \
              const int16_t *restrict table, int32_t gain, int32_t middle, int32_t top)                                \
    {                                                                                                                  \
        for (size_t n = 0; n < count; n++) {                                                                           \
            int32_t step = (table[frame[n]] - table[mask[n]]) * gain;                                                  \
            out[n] = (sample)clamped(middle + ((step + (FC_GAIN >> 1)) >> FC_GAIN_BITS), top);                         \
        }                                                                                                              \
    }

FC_SUBTRACT(fc_subtract_8, uint8_t)
FC_SUBTRACT(fc_subtract_16, uint16_t)
