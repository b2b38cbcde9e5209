/* Markers (T.81 annex B), Huffman tables (annex C) and the stuffed bytes of entropy-coded segments (B.1.1.5). */
#include "fc_jpegll.h"

#include <string.h>

enum { SOF3 = 0xC3, DHT = 0xC4, RST0 = 0xD0, RST7 = 0xD7, SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, DNL = 0xDC, DRI = 0xDD };

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static size_t sums_bytes(unsigned columns, unsigned components)
{
    size_t row = (size_t)columns * components;
    return rounded(2 * ((row > FC_BATCH ? row : FC_BATCH) + FC_SLACK));
}

size_t fc_jpegll_size(size_t size, unsigned columns, unsigned components)
{
    if (size > (size_t)1 << 30 || columns > 65535 || components > FC_MAX_COMPONENTS)
        return 0;
    return rounded(sizeof(fc_jpegll)) + sums_bytes(columns, components) +
           2 * components * rounded(2 * (size_t)columns) + rounded(size + FC_PADDING) + 64;
}

fc_jpegll *fc_jpegll_begin(void *block, const uint8_t *data, size_t size, unsigned rows, unsigned columns,
                           unsigned components, unsigned precision)
{
    uint8_t *free_bytes = (uint8_t *)rounded((uintptr_t)block);
    fc_jpegll *jpeg = (fc_jpegll *)free_bytes;
    free_bytes += rounded(sizeof(fc_jpegll));
    /* Not the tables: each is filled before it is used, and they are large. */
    memset(jpeg, 0, offsetof(fc_jpegll, tables));
    for (unsigned n = 0; n < 4; n++)
        jpeg->tables[n].there = 0;
    jpeg->data = data;
    jpeg->size = size;
    jpeg->rows = rows;
    jpeg->columns = columns;
    jpeg->components = components;
    jpeg->precision = precision;
    jpeg->sums = (uint16_t *)free_bytes;
    free_bytes += sums_bytes(columns, components);
    for (unsigned n = 0; n < 2 * components; n++, free_bytes += rounded(2 * (size_t)columns))
        jpeg->lines[n / 2][n % 2] = (uint16_t *)free_bytes;
    jpeg->unstuffed = free_bytes;
    return jpeg;
}

static void fill(fc_table *table, unsigned code, unsigned length, unsigned category)
{
    unsigned more = category == 16 ? 0 : category;
    if (length + more > FC_FAST_BITS) { /* the code is known, the bits behind it are not */
        unsigned spare = FC_FAST_BITS - length;
        for (unsigned n = 0; n < 1u << spare; n++)
            table->fast[(code << spare) + n] = (fc_entry){(int16_t)category, 0, 0, 0, (uint8_t)length, 0};
        return;
    }
    unsigned spare = FC_FAST_BITS - length - more;
    for (unsigned value = 0; value < 1u << more; value++) {
        /* T.81 F.2.2.1 EXTEND: values without the top bit are negative. Category 16 is 32768, with no bits (H.1.2.2). */
        int difference = category == 16 ? -32768 : (int)value;
        if (category && category < 16 && value < 1u << (category - 1))
            difference = (int)value - (1 << category) + 1;
        fc_entry entry = {(int16_t)difference, (int16_t)difference, 0, 1, (uint8_t)(length + more), 0};
        entry.length = entry.first_length;
        for (unsigned n = 0; n < 1u << spare; n++)
            table->fast[(((code << more) + value) << spare) + n] = entry;
    }
}

static void pair_up(fc_table *table)
{
    const unsigned mask = (1u << FC_FAST_BITS) - 1;
    for (unsigned n = 0; n <= mask; n++) {
        fc_entry *entry = &table->fast[n];
        if (!entry->count)
            continue;
        const fc_entry *behind = &table->fast[(n << entry->first_length) & mask];
        if (!behind->count || entry->first_length + behind->first_length > FC_FAST_BITS)
            continue;
        entry->both = (int16_t)(entry->first + behind->first);
        entry->length = (uint8_t)(entry->first_length + behind->first_length);
        entry->count = 2;
    }
}

/* T.81 C.2 from the counts of each length and the values; false where there are more codes than a length holds. */
static int build(fc_table *table, const uint8_t *counts, const uint8_t *values)
{
    uint32_t code = 0;
    int32_t place = 0;
    memset(table->fast, 0, sizeof table->fast);
    for (unsigned length = 1; length <= 16; length++) {
        table->base[length] = code << (16 - length);
        table->place[length] = place;
        if (code + counts[length - 1] > 1u << length)
            return 0;
        for (unsigned n = 0; n < counts[length - 1]; n++, code++, place++) {
            table->values[place] = values[place];
            if (length <= FC_FAST_BITS && values[place] <= 16)
                fill(table, code, length, values[place]);
        }
        table->limit[length] = code << (16 - length);
        code <<= 1;
    }
    pair_up(table);
    table->there = 1;
    return 1;
}

static fc_status huffman_tables(fc_jpegll *jpeg, const uint8_t *segment, size_t length)
{
    while (length) {
        if (length < 17)
            return FC_BAD_SEGMENT;
        size_t total = 0;
        for (unsigned n = 1; n <= 16; n++)
            total += segment[n];
        if (total > 256 || length < 17 + total)
            return FC_BAD_TABLE;
        if ((segment[0] & 15) > 3)
            return FC_BAD_TABLE;
        /* Class 1 is for the AC coefficients of other processes. */
        if (!(segment[0] >> 4) && !build(&jpeg->tables[segment[0] & 15], segment + 1, segment + 17))
            return FC_BAD_TABLE;
        segment += 17 + total;
        length -= 17 + total;
    }
    return FC_OK;
}

static fc_status frame_header(fc_jpegll *jpeg, const uint8_t *segment, size_t length)
{
    if (length < 6 || length != 6 + 3 * (size_t)segment[5])
        return FC_BAD_SEGMENT;
    if (!segment[1] && !segment[2])
        return FC_UNSUPPORTED; /* the number of lines comes in a DNL segment */
    if (segment[0] != jpeg->precision || (segment[1] << 8 | segment[2]) != (int)jpeg->rows ||
        (segment[3] << 8 | segment[4]) != (int)jpeg->columns || segment[5] != jpeg->components)
        return FC_OTHER_SIZE;
    for (unsigned n = 0; n < jpeg->components; n++) {
        jpeg->identifiers[n] = segment[6 + 3 * n];
        if (segment[7 + 3 * n] != 0x11 && jpeg->components > 1)
            return FC_UNSUPPORTED; /* sub-sampled */
    }
    return FC_OK;
}

static fc_status scan_header(fc_jpegll *jpeg, const uint8_t *segment, size_t length)
{
    unsigned count = length ? segment[0] : 0;
    if (count < 1 || count > jpeg->components || length != 4 + 2 * (size_t)count)
        return FC_BAD_SEGMENT;
    unsigned next = 0;
    for (unsigned n = 0; n < count; n++, next++) {
        while (next < jpeg->components && jpeg->identifiers[next] != segment[1 + 2 * n])
            next++;
        unsigned table = segment[2 + 2 * n] >> 4;
        if (next == jpeg->components)
            return FC_BAD_SCAN;
        if (n == 0)
            jpeg->first_component = next;
        if (next != jpeg->first_component + n)
            return FC_UNSUPPORTED; /* components of one scan that do not lie side by side */
        if (table > 3 || !jpeg->tables[table].there)
            return FC_NO_TABLE;
        jpeg->table_of[n] = &jpeg->tables[table];
    }
    jpeg->scan_components = count;
    jpeg->predictor = segment[1 + 2 * count];
    jpeg->point_transform = segment[3 + 2 * count] & 15;
    if (jpeg->predictor < 1 || jpeg->predictor > 7 || jpeg->point_transform >= jpeg->precision)
        return FC_BAD_SCAN;
    return FC_OK;
}

static fc_status restart_interval(fc_jpegll *jpeg, const uint8_t *segment, size_t length)
{
    if (length != 2)
        return FC_BAD_SEGMENT;
    unsigned pixels = (unsigned)segment[0] << 8 | segment[1];
    if (pixels % jpeg->columns)
        return FC_UNSUPPORTED; /* H.1.1 wants whole rows */
    jpeg->restart_rows = pixels / jpeg->columns;
    return FC_OK;
}

fc_status fc_jpegll_next_scan(fc_jpegll *jpeg)
{
    const uint8_t *data = jpeg->data;
    int frame = jpeg->scan_components != 0;
    if (!frame) {
        if (jpeg->size < 4 || data[0] != 0xFF || data[1] != SOI)
            return FC_NO_JPEG;
        jpeg->at = 2;
    }
    for (;;) {
        size_t at = jpeg->at;
        if (at >= jpeg->size || jpeg->size - at < 4)
            return frame ? FC_CUT : FC_NO_SCAN;
        if (data[at] != 0xFF)
            return FC_BAD_SEGMENT;
        unsigned marker = data[at + 1];
        if (marker == 0xFF) { /* fill byte, B.1.1.2 */
            jpeg->at++;
            continue;
        }
        if (marker == EOI)
            return FC_NO_SCAN;
        if (marker == DNL || (marker >= 0xC0 && marker <= 0xCF && marker != SOF3 && marker != DHT && marker != 0xCC))
            return FC_UNSUPPORTED;
        if (marker < 0xC0 || (marker >= RST0 && marker <= SOI))
            return FC_BAD_SEGMENT;
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        if (length < 2 || length > jpeg->size - at - 2)
            return FC_CUT;
        const uint8_t *segment = data + at + 4;
        fc_status status = FC_OK;
        if (marker == SOF3)
            status = frame ? FC_BAD_SEGMENT : frame_header(jpeg, segment, length - 2);
        else if (marker == DHT)
            status = huffman_tables(jpeg, segment, length - 2);
        else if (marker == DRI)
            status = restart_interval(jpeg, segment, length - 2);
        else if (marker == SOS)
            status = frame ? scan_header(jpeg, segment, length - 2) : FC_BAD_SEGMENT;
        if (status)
            return status;
        frame |= marker == SOF3;
        jpeg->at = at + 2 + length;
        if (marker == SOS)
            return FC_OK;
    }
}

/* Entropy-coded bytes from `at` to the next marker, unstuffed; `at` then stands at that marker, or at the end. */
fc_status fc_jpegll_next_interval(fc_jpegll *jpeg, int first)
{
    const uint8_t *data = jpeg->data;
    uint8_t *out = jpeg->unstuffed;
    size_t at = jpeg->at;
    if (!first) {
        if (jpeg->size - at < 2 || data[at + 1] < RST0 || data[at + 1] > RST7)
            return FC_BAD_RESTART;
        at += 2;
    }
    while (at < jpeg->size) {
        const uint8_t *mark = memchr(data + at, 0xFF, jpeg->size - at);
        size_t length = mark ? (size_t)(mark - data) - at : jpeg->size - at;
        memcpy(out, data + at, length);
        out += length;
        at += length;
        while (jpeg->size - at > 1 && data[at + 1] == 0xFF)
            at++; /* fill bytes in front of a marker */
        if (jpeg->size - at < 2)
            at = jpeg->size; /* the end, or an FF that would begin something */
        else if (data[at + 1])
            break;
        else {
            *out++ = 0xFF;
            at += 2;
        }
    }
    jpeg->at = at;
    memset(out, 0, FC_PADDING);
    jpeg->stream = (fc_bits){0, 0, jpeg->unstuffed, jpeg->unstuffed, out, 0};
    return FC_OK;
}
