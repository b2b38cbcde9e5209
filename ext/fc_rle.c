#include "fc_rle.h"

#include <string.h>

#include "fc_planes.h"

/* Planes are unpacked side by side in tiles that stay in the first-level cache, then put together. A packet may reach
 * beyond its tile; that rest opens the next one. Fast paths move 16 bytes at once and may touch a block too many. */
enum { TILE = 2048, BLOCK = 16, SLACK = FC_RLE_PACKET + BLOCK };

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    int damaged; /* `at` stays at the packet that does not fit */
} stream;

static const fc_rle_fault SOUND = {FC_RLE_OK, 0, 0, 0};

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void put_u32(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
}

fc_rle_fault fc_rle_open(const uint8_t *frame, size_t size, int needed, fc_rle_segments *segments)
{
    size_t before = FC_RLE_HEADER;
    uint32_t count;
    if (size < FC_RLE_HEADER)
        return (fc_rle_fault){FC_RLE_CUT_HEADER, 0, 0, size};
    count = get_u32(frame);
    if (count != (uint32_t)needed)
        return (fc_rle_fault){FC_RLE_COUNT, 0, 0, count};
    for (int number = 0; number < needed; number++) {
        size_t start = get_u32(frame + 4 + 4 * number);
        if (start < before || start > size)
            return (fc_rle_fault){FC_RLE_ORDER, number + 1, start, 0};
        segments->start[number] = before = start;
    }
    segments->start[needed] = size;
    segments->count = needed;
    return SOUND;
}

static stream open_stream(const uint8_t *frame, const fc_rle_segments *segments, int number)
{
    return (stream){frame + segments->start[number], frame + segments->start[number + 1], 0};
}

/* One 16-byte block of a packet: the literal bytes, or the byte of the run, without a branch that data would decide. */
static inline void put_block(uint8_t *out, const uint8_t *from, uint64_t run, uint64_t is_run)
{
    uint64_t words[2];
    memcpy(words, from, BLOCK);
    words[0] = (words[0] & ~is_run) | (run & is_run);
    words[1] = (words[1] & ~is_run) | (run & is_run);
    memcpy(out, words, BLOCK);
}

/* Packets while SLACK bytes of input and of room are left, so that none needs a check of its own. */
static size_t unpack_fast(stream *in, uint8_t *out, size_t wanted, size_t room)
{
    const uint8_t *at = in->at;
    size_t made = 0;
    while (made < wanted && room - made >= SLACK && (size_t)(in->end - at) > SLACK) {
        unsigned control = at[0];
        uint64_t is_run = (uint64_t)0 - (control > FC_RLE_PACKET);
        uint64_t run = at[1] * UINT64_C(0x0101010101010101);
        size_t count = is_run ? 257 - control : control + 1;
        if (control == FC_RLE_PACKET) {
            at++;
            continue;
        }
        put_block(out + made, at + 1, run, is_run);
        for (size_t done = BLOCK; done < count; done += BLOCK)
            put_block(out + made + done, at + 1 + done, run, is_run);
        made += count;
        at += is_run ? 2 : count + 1;
    }
    in->at = at;
    return made;
}

/* Unpack until at least `wanted` bytes are made or the segment ends; what does not fit into `room` is dropped.
 * Returns the bytes made, dropped ones included: fewer than `wanted` at the segment's end, or where it is damaged.
 * A control byte that stands alone at the very end is a pad byte. */
static size_t unpack(stream *in, uint8_t *out, size_t wanted, size_t room)
{
    size_t made = unpack_fast(in, out, wanted, room);
    while (made < wanted && in->at < in->end) {
        size_t left = (size_t)(in->end - in->at);
        unsigned control = in->at[0];
        size_t is_run = control > FC_RLE_PACKET;
        size_t count = is_run ? 257 - control : control + 1;
        size_t taken = is_run ? 2 : count + 1;
        size_t fits = made < room ? room - made : 0;
        if (control == FC_RLE_PACKET || left == 1) {
            in->at++;
            continue;
        }
        if (taken > left) {
            in->damaged = 1;
            break;
        }
        fits = count < fits ? count : fits;
        if (fits && is_run)
            memset(out + made, in->at[1], fits);
        else if (fits)
            memcpy(out + made, in->at + 1, fits);
        made += count;
        in->at += taken;
    }
    return made;
}

/* Walk over what is left of a segment, writing nothing. */
static fc_rle_fault finish(stream *in, const uint8_t *frame, const fc_rle_segments *segments, int number, size_t made,
                           size_t wanted)
{
    made += in->damaged ? 0 : unpack(in, NULL, SIZE_MAX, 0);
    if (in->damaged)
        return (fc_rle_fault){FC_RLE_DAMAGED, number + 1, (size_t)(in->at - frame), made};
    if (made < wanted)
        return (fc_rle_fault){FC_RLE_SHORT, number + 1, segments->start[number], made};
    return (fc_rle_fault){FC_RLE_OK, 0, 0, made};
}

fc_rle_fault fc_rle_measure(const uint8_t *frame, const fc_rle_segments *segments, int number)
{
    stream in = open_stream(frame, segments, number);
    return finish(&in, frame, segments, number, 0, 0);
}

/* The byte of a pixel that segment `number` holds: most significant byte of each sample first (G.2). */
static int place_of(int number, int bytes)
{
    return number / bytes * bytes + bytes - 1 - number % bytes;
}

static fc_rle_fault decode_tiles(const uint8_t *frame, const fc_rle_segments *segments, int bytes, uint8_t *out,
                                 size_t pixels)
{
    uint8_t tile[FC_RLE_SEGMENTS][TILE + 2 * SLACK];
    stream in[FC_RLE_SEGMENTS];
    size_t ready[FC_RLE_SEGMENTS] = {0};
    const uint8_t *planes[FC_RLE_SEGMENTS];
    size_t stride = (size_t)segments->count;
    for (int number = 0; number < segments->count; number++) {
        in[number] = open_stream(frame, segments, number);
        planes[place_of(number, bytes)] = tile[number];
    }
    for (size_t done = 0; done < pixels;) {
        size_t wanted = pixels - done < TILE ? pixels - done : TILE;
        for (int number = 0; number < segments->count; number++) {
            uint8_t *plane = tile[number];
            size_t have = ready[number];
            if (have < wanted)
                have += unpack(&in[number], plane + have, wanted - have, sizeof tile[number] - have);
            if (have < wanted)
                return finish(&in[number], frame, segments, number, done + have, pixels);
            ready[number] = have - wanted;
        }
        fc_planes_weave(planes, stride, out + done * stride, wanted);
        for (int number = 0; number < segments->count; number++)
            memmove(tile[number], tile[number] + wanted, ready[number]);
        done += wanted;
    }
    for (int number = 0; number < segments->count; number++) {
        fc_rle_fault fault = finish(&in[number], frame, segments, number, pixels, pixels);
        if (fault.code != FC_RLE_OK)
            return fault;
    }
    return SOUND;
}

fc_rle_fault fc_rle_decode(const uint8_t *frame, const fc_rle_segments *segments, int bytes, uint8_t *out,
                           size_t pixels)
{
    stream in;
    size_t made;
    if (segments->count > 1)
        return decode_tiles(frame, segments, bytes, out, pixels);
    in = open_stream(frame, segments, 0);
    made = unpack(&in, out, pixels, pixels);
    return finish(&in, frame, segments, 0, made, pixels);
}

uint64_t fc_rle_limit(size_t rows, size_t columns, int planes)
{
    uint64_t row = columns + (columns + FC_RLE_PACKET - 1) / FC_RLE_PACKET;
    return FC_RLE_HEADER + (uint64_t)planes * (rows * row + 1);
}

/* Eight bytes as a number whose lowest byte is the first. */
static inline uint64_t load_eight(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Where three equal bytes start, at `from` or later; `size` where none do. */
static size_t find_run(const uint8_t *row, size_t from, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    for (; from + 10 <= size; from += 8) {
        uint64_t here = load_eight(row + from);
        uint64_t unlike = (here ^ load_eight(row + from + 1)) | (here ^ load_eight(row + from + 2));
        uint64_t equal = (unlike - ones) & ~unlike & highs; /* the lowest bit set is right, those above may not be */
        if (equal)
            return from + (size_t)__builtin_ctzll(equal) / 8;
    }
    for (; from + 3 <= size; from++)
        if (row[from] == row[from + 1] && row[from] == row[from + 2])
            return from;
    return size;
}

/* Where the run that starts at `from` ends. */
static size_t run_end(const uint8_t *row, size_t from, size_t size)
{
    const uint64_t all = row[from] * UINT64_C(0x0101010101010101);
    const uint8_t byte = row[from];
    for (from += 3; from + 8 <= size; from += 8) {
        uint64_t unlike = load_eight(row + from) ^ all;
        if (unlike)
            return from + (size_t)__builtin_ctzll(unlike) / 8;
    }
    while (from < size && row[from] == byte)
        from++;
    return from;
}

static uint8_t *put_run(uint8_t *out, size_t count, uint8_t byte)
{
    out[0] = (uint8_t)(257 - count);
    out[1] = byte;
    return out + 2;
}

static uint8_t *put_literal(uint8_t *out, const uint8_t *from, size_t count)
{
    if (count == 2 && from[0] == from[1])
        return put_run(out, 2, from[0]);
    while (count) {
        size_t taken = count < FC_RLE_PACKET ? count : FC_RLE_PACKET;
        *out++ = (uint8_t)(taken - 1);
        memcpy(out, from, taken);
        out += taken;
        from += taken;
        count -= taken;
    }
    return out;
}

/* PackBits of one row: runs of three and more, literals between them (G.3.1, G.3.2). A literal costs its bytes and one
 * for each 128; a run saves a byte at least, which pays for the literal behind it. So a row never takes more than
 * `columns` bytes and one for each 128. */
static uint8_t *pack_row(uint8_t *out, const uint8_t *row, size_t columns)
{
    size_t from = 0;
    while (from < columns) {
        size_t run = find_run(row, from, columns);
        out = put_literal(out, row + from, run - from);
        from = run;
        if (run < columns) {
            size_t end = run_end(row, run, columns);
            while (end - from > 1) {
                size_t taken = end - from < FC_RLE_PACKET ? end - from : FC_RLE_PACKET;
                out = put_run(out, taken, row[from]);
                from += taken;
            }
        }
    }
    return out;
}

size_t fc_rle_encode(const uint8_t *samples, size_t rows, size_t columns, int planes, int bytes, uint8_t *line,
                     uint8_t *out)
{
    size_t stride = (size_t)planes;
    uint8_t *to = out + FC_RLE_HEADER;
    memset(out, 0, FC_RLE_HEADER);
    put_u32(out, stride);
    for (int number = 0; number < planes; number++) {
        const uint8_t *from = samples + place_of(number, bytes);
        put_u32(out + 4 + 4 * number, (size_t)(to - out));
        for (size_t row = 0; row < rows; row++, from += columns * stride) {
            if (planes > 1)
                fc_planes_pick(from, stride, line, columns);
            to = pack_row(to, planes > 1 ? line : from, columns);
        }
        if ((to - out) % 2)
            *to++ = 0;
    }
    return (size_t)(to - out);
}
