/* A scan of JPEG Lossless: its restart intervals, differences, predictions. */
#include "fc_jpegll_scan.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) ((void)(start))
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) ((void)(start))
#endif

enum {
    ALIGNMENT = 64, /* of each part of the scratch, and the gap behind each, which the address sanitizer watches */
    /* Shorter runs of bits are read straight through: the lanes would spend their time falling into step. (Nor does
       it pay to make the table of several differences for so few samples.) */
    SPREAD_SAMPLES = 8192,
    SPREAD_BYTES = 4096,
    /* Up to so many bits a sample (in sixteenths) the table of several differences is quicker. */
    MANY_SIXTEENTHS_BYTES = 104, /* 6.5 */
    MANY_SIXTEENTHS_WORDS = 96   /* 6 */
};

/* Bytes that a part of `bytes` takes up. */
static size_t part(size_t bytes)
{
    return (bytes + 2 * ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Samples that a lane may read ahead: half of the frame. Lanes have equal shares of the bits, not of the samples. */
static size_t spread_room(size_t samples)
{
    return samples < SPREAD_SAMPLES ? 0 : samples / 2;
}

/* The parts, in their order. */
typedef struct {
    size_t workspace, parked, bytes, spread, plane;
} part_sizes;

static part_sizes sizes_of(size_t frame_bytes, size_t pixels, size_t components, unsigned sample_bytes)
{
    part_sizes sizes = {
        .workspace = sizeof(fc_workspace),
        .parked = FC_PARKED_SAMPLES * sizeof(uint16_t),
        .bytes = FC_PARKED_BYTES + frame_bytes + FC_LANES * FC_PAD_BYTES,
        .spread = (FC_LANES - 1) * spread_room(pixels * components) * sample_bytes,
        .plane = components > 1 ? pixels * sample_bytes : 0,
    };
    return sizes;
}

size_t fc_jpegll_scratch_bytes(size_t frame_bytes, size_t rows, size_t columns, size_t components,
                               unsigned sample_bytes)
{
    part_sizes sizes = sizes_of(frame_bytes, rows * columns, components, sample_bytes);
    return ALIGNMENT + part(sizes.workspace) + part(sizes.parked) + part(sizes.bytes) + part(sizes.spread) +
           part(sizes.plane);
}

static uint8_t *take_part(uint8_t **at, size_t bytes)
{
    uint8_t *start = *at;
    *at += part(bytes);
    ASAN_UNPOISON_MEMORY_REGION(start, bytes);
    ASAN_POISON_MEMORY_REGION(start + bytes, (size_t)(*at - start) - bytes);
    return start;
}

fc_workspace *fc_workspace_of(fc_jpegll_frame *frame)
{
    size_t pixels = frame->rows * frame->columns;
    part_sizes sizes = sizes_of(frame->frame_bytes, pixels, frame->components, frame->sample_bytes);
    uint8_t *at = frame->scratch + (ALIGNMENT - (uintptr_t)frame->scratch % ALIGNMENT) % ALIGNMENT;
    fc_workspace *work = (fc_workspace *)(void *)take_part(&at, sizes.workspace);
    work->parked = take_part(&at, sizes.parked);
    work->bytes = take_part(&at, sizes.bytes);
    work->spread = take_part(&at, sizes.spread);
    work->spread_room = spread_room(pixels * frame->components);
    work->plane = take_part(&at, sizes.plane);
    memset(work->bytes, 0, FC_PARKED_BYTES);
    return work;
}

/* Copy entropy-coded bytes from `offset` to `to` without the zeros stuffed behind FF (T.81 B.1.1.5), up to a marker or
   the frame's end, where `offset` is left; answers how many. */
static size_t take_stuffing_out(fc_jpegll_frame *frame, uint8_t *to)
{
    const uint8_t *from = frame->frame + frame->offset, *end = frame->frame + frame->frame_bytes, *found, *next;
    uint8_t *start = to;
    while (from < end) {
        found = memchr(from, 0xFF, (size_t)(end - from));
        next = found ? found : end;
        memcpy(to, from, (size_t)(next - from));
        to += next - from;
        from = next;
        while (next < end && *next == 0xFF) /* FF before FF is fill */
            next++;
        if (next < end && *next)
            break;
        /* A stream that ends in FF has lost its stuffing with its end: those bits are data. */
        if (found)
            *to++ = 0xFF;
        from = next < end ? next + 1 : end;
    }
    frame->offset = (size_t)(from - frame->frame);
    memset(to, 0, FC_PAD_BYTES);
    return (size_t)(to - start);
}

/* Where in the frame the byte is that is the `count`-th without stuffing from `offset` on. */
static size_t offset_of(const fc_jpegll_frame *frame, size_t offset, size_t count)
{
    while (count-- && offset < frame->frame_bytes) {
        if (frame->frame[offset++] != 0xFF)
            continue;
        while (offset < frame->frame_bytes && frame->frame[offset] == 0xFF)
            offset++;
        offset++;
    }
    return offset < frame->frame_bytes ? offset : frame->frame_bytes;
}

/* A lane for the entropy-coded bytes at `frame->offset`, taken to `*to`, which is left behind them. */
static void open_lane(fc_jpegll_frame *frame, const fc_entropy *entropy, uint8_t **to, fc_lane *lane)
{
    size_t bytes = take_stuffing_out(frame, *to);
    lane->position = (uint64_t)(*to - entropy->bytes) * 8;
    lane->end = lane->stop = lane->position + (uint64_t)bytes * 8;
    lane->invalid = FC_NOWHERE;
    *to += bytes + FC_PAD_BYTES;
}

static int next_restart(fc_jpegll_frame *frame, size_t number)
{
    const uint8_t *bytes = frame->frame;
    size_t at = frame->offset;
    while (at < frame->frame_bytes && bytes[at] == 0xFF)
        at++;
    if (at >= frame->frame_bytes)
        return FC_JPEGLL_CUT_OFF;
    if (at == frame->offset || bytes[at] != 0xD0 + number % 8)
        return FC_JPEGLL_RESTART_MARKER;
    frame->offset = at + 1;
    return FC_JPEGLL_DONE;
}

/* Differences of the whole scan without restart intervals. */
static int read_whole(fc_jpegll_frame *frame, fc_workspace *work, const fc_scan *scan, const fc_entropy *entropy,
                      uint8_t *target)
{
    const fc_huffman *tables[3] = {&work->tables[0], &work->tables[1], &work->tables[2]};
    uint8_t *to = work->bytes + FC_PARKED_BYTES;
    size_t start = frame->offset, failed, bytes;
    uint64_t origin;
    fc_lane lane;
    int status;
    open_lane(frame, entropy, &to, &lane);
    lane.out = target;
    lane.room = frame->rows * frame->columns * scan->components;
    origin = lane.position;
    bytes = (size_t)((lane.end - origin) / 8);
    if (!entropy->table)
        status = fc_read_mixed(entropy, tables, scan->components, &lane);
    else if (work->spread_room && bytes >= SPREAD_BYTES && lane.room >= SPREAD_SAMPLES)
        status = fc_read_spread(entropy, &lane);
    else
        status = fc_read_together(entropy, &lane, 1, &failed);
    if (status == FC_JPEGLL_CODE)
        frame->offset = offset_of(frame, start, (size_t)((lane.invalid - origin) / 8));
    return status;
}

/* Differences of up to four restart intervals, from number `first` on. */
static int read_intervals(fc_jpegll_frame *frame, fc_workspace *work, const fc_scan *scan, const fc_entropy *entropy,
                          uint8_t *target, size_t first, size_t intervals)
{
    const fc_huffman *tables[3] = {&work->tables[0], &work->tables[1], &work->tables[2]};
    uint8_t *to = work->bytes + FC_PARKED_BYTES;
    size_t row_samples = frame->columns * scan->components, starts[FC_LANES], row, rows, i, failed = 0;
    uint64_t origins[FC_LANES];
    fc_lane lanes[FC_LANES];
    int status = FC_JPEGLL_DONE;
    for (i = 0; i < intervals; i++) {
        if (first + i > 0 && (status = next_restart(frame, first + i - 1)))
            return status;
        starts[i] = frame->offset;
        open_lane(frame, entropy, &to, &lanes[i]);
        origins[i] = lanes[i].position;
        row = (first + i) * scan->restart_rows;
        rows = frame->rows - row < scan->restart_rows ? frame->rows - row : scan->restart_rows;
        lanes[i].out = target + row * row_samples * entropy->sample_bytes;
        lanes[i].room = rows * row_samples;
    }
    if (entropy->table) {
        status = fc_read_together(entropy, lanes, intervals, &failed);
    } else {
        for (i = 0; i < intervals && !status; i++)
            status = fc_read_mixed(entropy, tables, scan->components, &lanes[failed = i]);
    }
    if (status == FC_JPEGLL_CODE)
        frame->offset = offset_of(frame, starts[failed], (size_t)((lanes[failed].invalid - origins[failed]) / 8));
    else if (status)
        frame->offset = offset_of(frame, starts[failed], (size_t)((lanes[failed].end - origins[failed]) / 8));
    return status;
}

/* Tables for the scan, and how its differences are read. */
static fc_entropy prepare(const fc_jpegll_frame *frame, fc_workspace *work, const fc_scan *scan)
{
    fc_entropy entropy = {work->bytes, &work->tables[0], frame->sample_bytes, 0, work->parked, work->spread,
                          work->spread_room};
    uint64_t samples = (uint64_t)frame->rows * frame->columns * scan->components;
    uint64_t sixteenths = (uint64_t)(frame->frame_bytes - frame->offset) * 128 / samples;
    size_t i;
    for (i = 1; i < scan->components; i++) {
        if (scan->codes[i] != scan->codes[0])
            entropy.table = NULL;
    }
    entropy.many = entropy.table && samples >= SPREAD_SAMPLES &&
                   sixteenths <= (frame->sample_bytes == 1 ? MANY_SIXTEENTHS_BYTES : MANY_SIXTEENTHS_WORDS);
    fc_huffman_make(&work->tables[0], scan->codes[0], entropy.many ? frame->sample_bytes : 0);
    for (i = 1; i < scan->components && !entropy.table; i++)
        fc_huffman_make(&work->tables[i], scan->codes[i], 0);
    return entropy;
}

/* One component's plane into the picture. */
static void place(const fc_jpegll_frame *frame, const uint8_t *plane, size_t component)
{
    size_t pixels = frame->rows * frame->columns, i;
    if (frame->sample_bytes == 1) {
        for (i = 0; i < pixels; i++)
            frame->out[i * frame->components + component] = plane[i];
    } else {
        for (i = 0; i < pixels; i++)
            ((uint16_t *)(void *)frame->out)[i * frame->components + component] =
                ((const uint16_t *)(const void *)plane)[i];
    }
}

int fc_decode_scan(fc_jpegll_frame *frame, fc_workspace *work, const fc_scan *scan)
{
    fc_entropy entropy = prepare(frame, work, scan);
    uint8_t *target = scan->components == frame->components ? frame->out : work->plane;
    size_t interval = scan->restart_rows ? scan->restart_rows : frame->rows, row, rows, number = 0, count;
    size_t intervals = (frame->rows + interval - 1) / interval;
    int status;
    for (; number < intervals; number += count) {
        count = intervals - number < FC_LANES ? intervals - number : FC_LANES;
        if (intervals == 1)
            status = read_whole(frame, work, scan, &entropy, target);
        else
            status = read_intervals(frame, work, scan, &entropy, target, number, count);
        if (status)
            return status;
    }
    for (row = 0; row < frame->rows; row += rows) {
        rows = frame->rows - row < interval ? frame->rows - row : interval;
        fc_predict(target + row * frame->columns * scan->components * frame->sample_bytes, rows, frame->columns,
                   scan->components, frame->sample_bytes, scan->predictor,
                   1u << (scan->precision - scan->shift - 1));
    }
    if (scan->shift)
        fc_shift_up(target, frame->rows * frame->columns * scan->components, frame->sample_bytes, scan->shift);
    if (target != frame->out)
        place(frame, target, scan->component);
    return FC_JPEGLL_DONE;
}
