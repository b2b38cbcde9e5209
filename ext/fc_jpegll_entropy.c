/* Differences out of Huffman codes (T.81 H.1.2.2, H.2.1).
 *
 * One look-up takes up to two differences; what it costs is its latency, since the next one waits for its length. So
 * sums, not differences, are written (they cost nothing while it waits), and two frames at once fill the gaps. */
#include "fc_jpegll.h"

#include <string.h>

/* What four look-ups give at most. */
#define FC_GROUP 8

#if defined(__GNUC__) || defined(__clang__)
#define RARELY(condition) __builtin_expect(!!(condition), 0)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define RARELY(condition) (condition)
#define ALWAYS_INLINE inline
#endif

/* Shifts by a variable are what the loops wait for: one cycle with BMI2. Chosen when the module is loaded. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FC_BMI __attribute__((target_clones("arch=haswell", "default")))
#else
#define FC_BMI
#endif

static ALWAYS_INLINE uint64_t eight_bytes(const uint8_t *at)
{
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, at, 8);
    return __builtin_bswap64(word);
#else
    uint64_t word = 0;
    for (int n = 0; n < 8; n++)
        word = word << 8 | at[n];
    return word;
#endif
}

/* At least 56 bits, without a branch: whole bytes that fit are taken, the rest is read again next time. */
static ALWAYS_INLINE void refill(fc_bits *stream)
{
    stream->bits |= eight_bytes(stream->next) >> stream->count;
    stream->next += (63 - stream->count) >> 3;
    stream->count |= 56;
}

static ALWAYS_INLINE void take(fc_bits *stream, unsigned length)
{
    stream->bits <<= length;
    stream->count -= length;
}

static ALWAYS_INLINE int is_behind(const fc_bits *stream)
{
    return stream->next > stream->end + 8;
}

int fc_jpegll_was_whole(const fc_bits *stream)
{
    return (stream->next - stream->start) * 8 - (ptrdiff_t)stream->count <= (stream->end - stream->start) * 8;
}

/* One difference by the length of its code: 1, or 0 where no code begins like this. */
static int one_by_one(fc_bits *stream, const fc_table *table, uint16_t *difference)
{
    refill(stream);
    const fc_entry entry = table->fast[stream->bits >> (64 - FC_FAST_BITS)];
    unsigned length = entry.first_length, category = (unsigned)entry.first;
    if (entry.count) {
        take(stream, length);
        *difference = (uint16_t)entry.first;
        return 1;
    }
    if (!length) {
        uint32_t code = (uint32_t)(stream->bits >> 48);
        for (length = 1; length <= 16 && code >= table->limit[length]; length++)
            ;
        if (length > 16)
            return 0;
        category = table->values[table->place[length] + (int32_t)((code - table->base[length]) >> (16 - length))];
    }
    if (category > 16)
        return 0;
    take(stream, length);
    if (category == 0 || category == 16) {
        *difference = category ? 32768 : 0;
        return 1;
    }
    unsigned value = (unsigned)(stream->bits >> (64 - category));
    take(stream, category);
    *difference = (uint16_t)(value < 1u << (category - 1) ? value - (1u << category) + 1 : value);
    return 1;
}

/* One look-up: one or two sums to *out. 0 where no code begins like this. Takes at most 12 bits, or refills itself. */
static ALWAYS_INLINE int look_up(fc_bits *stream, const fc_table *table, uint16_t **out)
{
    const fc_entry entry = table->fast[stream->bits >> (64 - FC_FAST_BITS)];
    if (RARELY(!entry.count)) {
        uint16_t difference;
        if (!one_by_one(stream, table, &difference))
            return 0;
        *(*out)++ = stream->sum = (uint16_t)(stream->sum + difference);
        refill(stream);
        return 1;
    }
    take(stream, entry.length);
    (*out)[0] = (uint16_t)(stream->sum + entry.first);
    stream->sum = (uint16_t)(stream->sum + entry.both);
    (*out)[1] = stream->sum;
    *out += entry.count;
    return 1;
}

/* The last samples: no code is looked at that is not needed. */
static fc_status rest(fc_bits *stream, const fc_table *table, uint16_t *out, const uint16_t *end)
{
    for (; out < end; out++) {
        uint16_t difference;
        if (is_behind(stream))
            return FC_CUT;
        if (!one_by_one(stream, table, &difference))
            return FC_BAD_CODE;
        *out = stream->sum = (uint16_t)(stream->sum + difference);
    }
    return FC_OK;
}

FC_BMI fc_status fc_jpegll_sums(fc_bits *stream, const fc_table *table, uint16_t *sums, size_t count)
{
    fc_bits local = *stream; /* so that it stays in registers */
    uint16_t *out = sums;
    const uint16_t *stop = sums + (count > FC_GROUP ? count - FC_GROUP : 0);
    int good = 1;
    while (out < stop && good && !is_behind(&local)) {
        refill(&local); /* four look-ups take 48 of its 56 bits */
        for (int n = 0; n < 4; n++)
            good &= look_up(&local, table, &out);
    }
    fc_status status = good ? rest(&local, table, out, sums + count) : FC_BAD_CODE;
    *stream = local;
    return status;
}

FC_BMI void fc_jpegll_sums_two(fc_bits *streams[2], const fc_table *const tables[2], uint16_t *const sums[2], size_t count,
                        fc_status status[2])
{
    fc_bits one = *streams[0], two = *streams[1];
    uint16_t *out_one = sums[0], *out_two = sums[1];
    const fc_table *table_one = tables[0], *table_two = tables[1];
    const size_t safe = count > FC_GROUP ? count - FC_GROUP : 0;
    const uint16_t *stop_one = sums[0] + safe, *stop_two = sums[1] + safe;
    int good_one = 1, good_two = 1;
    while ((out_one < stop_one) & (out_two < stop_two) & good_one & good_two & !is_behind(&one) & !is_behind(&two)) {
        refill(&one);
        refill(&two);
        for (int n = 0; n < 4; n++) {
            good_one &= look_up(&one, table_one, &out_one);
            good_two &= look_up(&two, table_two, &out_two);
        }
    }
    *streams[0] = one;
    *streams[1] = two;
    /* What is left, or whatever went wrong, alone. */
    const size_t done_one = (size_t)(out_one - sums[0]), done_two = (size_t)(out_two - sums[1]);
    status[0] = good_one ? fc_jpegll_sums(streams[0], table_one, out_one, count - done_one) : FC_BAD_CODE;
    status[1] = good_two ? fc_jpegll_sums(streams[1], table_two, out_two, count - done_two) : FC_BAD_CODE;
}

fc_status fc_jpegll_differences(fc_bits *stream, const fc_table *const *tables, unsigned components, uint16_t *out,
                                size_t pixels)
{
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        if (is_behind(stream))
            return FC_CUT;
        for (unsigned n = 0; n < components; n++)
            if (!one_by_one(stream, tables[n], out++))
                return FC_BAD_CODE;
    }
    return FC_OK;
}
