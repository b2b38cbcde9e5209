/* The markers of a JPEG Lossless frame (T.81 annex B), one after the other, until every component is decoded. */
#include "fc_jpegll_scan.h"

enum { SOF3 = 0xC3, DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, DNL = 0xDC, DRI = 0xDD };

typedef struct {
    fc_jpegll_frame *frame;
    fc_workspace *work;
    fc_codes codes[4];
    int precision; /* 0 until the frame header was there */
    uint8_t identifiers[3];
    int decoded[3];
    size_t missing; /* components */
    size_t restart_interval;
} fc_reader;

const char *fc_jpegll_reason(int status)
{
    static const char *const reasons[FC_JPEGLL_STATUSES] = {
        [FC_JPEGLL_DONE] = "decoded",
        [FC_JPEGLL_NO_START] = "no start of image",
        [FC_JPEGLL_NO_MARKER] = "no marker where one must be",
        [FC_JPEGLL_SEGMENT] = "marker segment cut off",
        [FC_JPEGLL_FRAME_HEADER] = "frame header is wrong",
        [FC_JPEGLL_OTHER_SIZE] = "frame header contradicts the image",
        [FC_JPEGLL_TABLE] = "Huffman table is wrong",
        [FC_JPEGLL_NO_TABLE] = "scan names a Huffman table that is not there",
        [FC_JPEGLL_SCAN_HEADER] = "scan header is wrong",
        [FC_JPEGLL_RESTART_INTERVAL] = "restart interval is not whole rows",
        [FC_JPEGLL_RESTART_MARKER] = "restart marker missing or out of order",
        [FC_JPEGLL_CODE] = "no Huffman code begins like this",
        [FC_JPEGLL_CUT_OFF] = "entropy-coded data cut off",
        [FC_JPEGLL_INCOMPLETE] = "image ends before all components were there",
        [FC_JPEGLL_OTHER_PROCESS] = "not the process 14 of JPEG Lossless",
        [FC_JPEGLL_SAMPLING] = "components of different sampling",
        [FC_JPEGLL_COMPONENTS] = "components scanned in another way than all together or one by one",
        [FC_JPEGLL_LINES_LATER] = "number of lines comes after the scan (DNL)",
    };
    return status >= 0 && status < FC_JPEGLL_STATUSES ? reasons[status] : "unknown";
}

/* DHT: one or more tables (B.2.4.2). Those of class 1 are for other processes. */
static int read_tables(fc_reader *reader, const uint8_t *body, size_t length)
{
    size_t total;
    int i;
    while (length) {
        if (length < 17)
            return FC_JPEGLL_TABLE;
        for (total = 0, i = 1; i <= FC_LONGEST_CODE; i++)
            total += body[i];
        if (total > FC_MOST_CODES || length < 17 + total || body[0] >> 4 > 1 || (body[0] & 15) > 3)
            return FC_JPEGLL_TABLE;
        if (body[0] >> 4 == 0) {
            fc_codes *codes = &reader->codes[body[0] & 3];
            memcpy(codes->counts, body, 17);
            memcpy(codes->symbols, body + 17, total);
            codes->defined = fc_codes_valid(codes);
            if (!codes->defined)
                return FC_JPEGLL_TABLE;
        }
        body += 17 + total;
        length -= 17 + total;
    }
    return FC_JPEGLL_DONE;
}

/* SOF3 (B.2.2): has to say what the caller knows already. */
static int read_frame_header(fc_reader *reader, const uint8_t *body, size_t length)
{
    const fc_jpegll_frame *frame = reader->frame;
    size_t rows, columns, components, i;
    if (reader->precision || length < 6 || length != 6 + 3 * (size_t)body[5] || body[0] < 2 || body[0] > 16)
        return FC_JPEGLL_FRAME_HEADER;
    rows = (size_t)body[1] << 8 | body[2];
    columns = (size_t)body[3] << 8 | body[4];
    components = body[5];
    if (rows == 0)
        return FC_JPEGLL_LINES_LATER;
    if (rows != frame->rows || columns != frame->columns || components != frame->components ||
        frame->sample_bytes != (body[0] <= 8 ? 1u : 2u))
        return FC_JPEGLL_OTHER_SIZE;
    for (i = 0; i < components; i++) {
        reader->identifiers[i] = body[6 + 3 * i];
        if (components > 1 && body[7 + 3 * i] != 0x11)
            return FC_JPEGLL_SAMPLING;
    }
    reader->precision = body[0];
    return FC_JPEGLL_DONE;
}

/* Which components a scan holds: all of them in order, or one; none that was decoded already. */
static int find_components(const fc_reader *reader, const uint8_t *body, fc_scan *scan)
{
    size_t all = reader->frame->components, in_order = 0, i, k;
    scan->components = body[0];
    scan->component = 0;
    for (i = 0; i < scan->components; i++) {
        for (k = 0; k < all && (body[1 + 2 * i] != reader->identifiers[k] || reader->decoded[k]); k++)
            ;
        if (k == all)
            return FC_JPEGLL_SCAN_HEADER;
        in_order += i < all && body[1 + 2 * i] == reader->identifiers[i];
        if (i == 0)
            scan->component = k;
    }
    if (scan->components == all && in_order == all) {
        scan->component = 0;
        return FC_JPEGLL_DONE;
    }
    return scan->components == 1 ? FC_JPEGLL_DONE : FC_JPEGLL_COMPONENTS;
}

/* SOS (B.2.3, H.1): Se and Ah mean nothing here, so they may be anything. */
static int read_scan_header(const fc_reader *reader, const uint8_t *body, size_t length, fc_scan *scan)
{
    size_t i;
    int status;
    if (!reader->precision)
        return FC_JPEGLL_FRAME_HEADER;
    if (length < 4 || body[0] < 1 || body[0] > 4 || length != 4 + 2 * (size_t)body[0])
        return FC_JPEGLL_SCAN_HEADER;
    status = find_components(reader, body, scan);
    if (status)
        return status;
    for (i = 0; i < scan->components; i++) {
        unsigned table = body[2 + 2 * i] >> 4;
        if (table > 3 || !reader->codes[table].defined)
            return FC_JPEGLL_NO_TABLE;
        scan->codes[i] = &reader->codes[table];
    }
    scan->predictor = body[length - 3];
    scan->shift = body[length - 1] & 15;
    scan->precision = reader->precision;
    if (scan->predictor < 1 || scan->predictor > 7 || scan->shift >= scan->precision)
        return FC_JPEGLL_SCAN_HEADER;
    if (reader->restart_interval % reader->frame->columns)
        return FC_JPEGLL_RESTART_INTERVAL;
    scan->restart_rows = reader->restart_interval / reader->frame->columns;
    return FC_JPEGLL_DONE;
}

/* SOS and its entropy-coded data, which begin at `end`; leaves `frame->offset` at the next marker. */
static int read_scan(fc_reader *reader, const uint8_t *body, size_t length, size_t end)
{
    fc_jpegll_frame *frame = reader->frame;
    size_t i;
    fc_scan scan;
    int status = read_scan_header(reader, body, length, &scan);
    if (status)
        return status;
    frame->offset = end;
    status = fc_decode_scan(frame, reader->work, &scan);
    if (status)
        return status;
    for (i = 0; i < scan.components; i++)
        reader->decoded[scan.component + i] = 1;
    reader->missing -= scan.components;
    return FC_JPEGLL_DONE;
}

/* A segment by its marker; anything unknown is passed over, as every application and comment segment is. */
static int read_segment(fc_reader *reader, unsigned marker, const uint8_t *body, size_t length, size_t end)
{
    switch (marker) {
    case DHT:
        return read_tables(reader, body, length);
    case SOF3:
        return read_frame_header(reader, body, length);
    case SOS:
        return read_scan(reader, body, length, end);
    case DNL:
        return FC_JPEGLL_LINES_LATER;
    case DRI:
        if (length != 2)
            return FC_JPEGLL_RESTART_INTERVAL;
        reader->restart_interval = (size_t)body[0] << 8 | body[1];
        return FC_JPEGLL_DONE;
    default:
        if (marker >= 0xC0 && marker <= 0xCF && marker != JPG && marker != DAC)
            return FC_JPEGLL_OTHER_PROCESS;
        return FC_JPEGLL_DONE;
    }
}

/* Find a marker, fill bytes passed over; 0 at the frame's end, `offset` behind it otherwise. */
static unsigned next_marker(fc_jpegll_frame *frame)
{
    const uint8_t *bytes = frame->frame;
    size_t at = frame->offset;
    while (at < frame->frame_bytes && bytes[at] == 0xFF)
        at++;
    if (at == frame->offset || at >= frame->frame_bytes)
        return 0;
    frame->offset = at + 1;
    return bytes[at];
}

int fc_jpegll_decode(fc_jpegll_frame *frame)
{
    fc_reader reader = {.frame = frame, .missing = frame->components};
    const uint8_t *bytes = frame->frame;
    size_t place, length;
    unsigned marker;
    int status;
    frame->offset = 0;
    if (frame->frame_bytes < 4 || bytes[0] != 0xFF || bytes[1] != SOI)
        return FC_JPEGLL_NO_START;
    reader.work = fc_workspace_of(frame);
    frame->offset = 2;
    while (reader.missing) {
        marker = next_marker(frame);
        place = frame->offset;
        if (!marker)
            return place + 1 >= frame->frame_bytes ? FC_JPEGLL_INCOMPLETE : FC_JPEGLL_NO_MARKER;
        if (marker == EOI)
            return FC_JPEGLL_INCOMPLETE;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= SOI)) /* TEM, RSTn, SOI: no segment */
            continue;
        if (frame->frame_bytes - place < 2)
            return FC_JPEGLL_SEGMENT;
        length = (size_t)bytes[place] << 8 | bytes[place + 1];
        if (length < 2 || length > frame->frame_bytes - place)
            return FC_JPEGLL_SEGMENT;
        frame->offset = place - 2;
        status = read_segment(&reader, marker, bytes + place + 2, length - 2, place + length);
        if (status)
            return status;
        if (marker != SOS)
            frame->offset = place + length;
    }
    return FC_JPEGLL_DONE;
}
