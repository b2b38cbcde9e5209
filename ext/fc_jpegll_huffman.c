/* Huffman tables of JPEG Lossless: from code lengths (T.81 annex C) to tables that yield finished differences. */
#include "fc_jpegll_parts.h"

int fc_codes_valid(const fc_codes *codes)
{
    uint32_t code = 0;
    size_t total = 0, i;
    int length;
    for (length = 1; length <= FC_LONGEST_CODE; length++) {
        code = (code << 1) + codes->counts[length];
        total += codes->counts[length];
        if (code > (uint32_t)1 << length)
            return 0;
    }
    if (total == 0 || total > FC_MOST_CODES)
        return 0;
    for (i = 0; i < total; i++) {
        if (codes->symbols[i] > 16)
            return 0;
    }
    return 1;
}

/* Bits behind the code: SSSS of them, but none for 16, which means 32768 (T.81 H.1.2.2). */
static unsigned extra_bits(unsigned category)
{
    return category == 16 ? 0 : category;
}

/* Fill the entries that begin with `prefix` (`length` bits). A difference is the bits taken plus `add`: the bits taken
   are the code and then the extra bits, so `add` takes the code away and, of a negative one, 2**SSSS - 1 too. */
static void fill_one(fc_huffman *table, uint32_t prefix, unsigned length, unsigned taken, uint32_t add)
{
    uint32_t entry = (add & 0xFFFF) << 16 | taken;
    uint32_t at = prefix << (FC_ONE_BITS - length), i;
    for (i = 0; i < (uint32_t)1 << (FC_ONE_BITS - length); i++)
        table->one[at + i] = entry;
}

static void enter_code(fc_huffman *table, uint32_t code, unsigned length, unsigned category)
{
    unsigned extra = extra_bits(category);
    if (length + extra > FC_ONE_LONGEST)
        return;
    if (extra == 0) {
        if (length <= FC_ONE_BITS)
            fill_one(table, code, length, length, (category == 16 ? 32768u : 0u) - code);
        return;
    }
    if (length + 1 > FC_ONE_BITS)
        return;
    fill_one(table, code << 1, length + 1, length + extra, 0u - (code << extra) - ((1u << extra) - 1));
    fill_one(table, code << 1 | 1, length + 1, length + extra, 0u - (code << extra));
}

/* As many differences as `index_bits` bits decide, up to three: each `lane_bits` wide from bit `lane_bits`. */
static uint64_t join_entries(const fc_huffman *table, uint64_t index, unsigned index_bits, unsigned lane_bits)
{
    uint64_t window = index << (64 - index_bits), lanes = 0;
    unsigned length = 0, count = 0;
    while (count < 3) {
        uint32_t entry = table->one[window >> (64 - FC_ONE_BITS)];
        unsigned taken = entry & 63;
        uint64_t difference;
        if (taken == 0 || length + taken > index_bits)
            break;
        difference = ((window >> (64 - taken)) + (entry >> 16)) & (((uint64_t)1 << lane_bits) - 1);
        count++;
        lanes |= difference << (lane_bits * count);
        length += taken;
        window <<= taken;
    }
    return lanes | count << 6 | length;
}

void fc_huffman_make(fc_huffman *table, const fc_codes *codes, unsigned many_bytes)
{
    uint32_t code = 0, i;
    int32_t index = 0;
    unsigned length;
    memset(table->one, 0, sizeof table->one);
    table->symbols = codes->symbols;
    for (length = 1; length <= FC_LONGEST_CODE; length++) {
        code <<= 1;
        table->first[length] = index - (int32_t)code;
        for (i = 0; i < codes->counts[length]; i++)
            enter_code(table, code++, length, codes->symbols[index++]);
        table->limit[length] = code << (FC_LONGEST_CODE - length);
    }
    if (many_bytes == 1) {
        for (i = 0; i < (uint32_t)1 << FC_MANY_BYTES_BITS; i++)
            table->many.bytes[i] = (uint32_t)join_entries(table, i, FC_MANY_BYTES_BITS, 8);
    } else if (many_bytes == 2) {
        for (i = 0; i < (uint32_t)1 << FC_MANY_WORDS_BITS; i++)
            table->many.words[i] = join_entries(table, i, FC_MANY_WORDS_BITS, 16);
    }
}

uint32_t fc_huffman_find(const fc_huffman *table, uint64_t window)
{
    uint32_t entry = table->one[window >> (64 - FC_ONE_BITS)], top = (uint32_t)(window >> 48), value;
    unsigned length, category, taken = entry & 63;
    if (taken)
        return (((uint32_t)(window >> (64 - taken)) + (entry >> 16)) & 0xFFFF) << 8 | taken;
    for (length = 1; length <= FC_LONGEST_CODE && top >= table->limit[length]; length++)
        ;
    if (length > FC_LONGEST_CODE)
        return 0;
    category = table->symbols[(int32_t)(top >> (FC_LONGEST_CODE - length)) + table->first[length]];
    if (category == 0 || category == 16)
        return (category ? 32768u : 0u) << 8 | length;
    value = (uint32_t)((window << length) >> (64 - category));
    if (!(value >> (category - 1)))
        value -= (1u << category) - 1;
    return (value & 0xFFFF) << 8 | (length + category);
}
