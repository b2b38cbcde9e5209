/* Entropy-coded bits to differences.

   One look-up waits for the one before it, so a processor is mostly idle on a single run of bits. Four runs (lanes) are
   therefore read in turn. Restart intervals give such runs. Where there are none, three lanes start amid the data,
   blindly: Huffman codes fall into step by themselves after some symbols. Where the lane before reaches a place at
   which the next one stood, the two agree from there on, and the next one's differences are taken over; where they
   never meet, its work is thrown away and the lane before reads on. So the result is always that of reading straight
   through. */
#include "fc_jpegll_parts.h"

static FC_NOINLINE uint32_t fc_lane_miss(const fc_entropy *entropy, fc_lane *lane, uint64_t position)
{
    uint32_t found = fc_huffman_find(entropy->table, fc_window(entropy->bytes, position));
    if (found)
        return found;
    if (lane->invalid == FC_NOWHERE)
        lane->invalid = position;
    return 1; /* a bit further, so that the loop goes on; the lane is known to be worthless */
}

static inline void store_bytes(uint8_t *out, uint32_t entry)
{
    uint32_t lanes = entry >> 8;
#if FC_LITTLE_ENDIAN
    memcpy(out, &lanes, 4);
#else
    out[0] = (uint8_t)lanes;
    out[1] = (uint8_t)(lanes >> 8);
    out[2] = (uint8_t)(lanes >> 16);
#endif
}

static inline void store_words(uint16_t *out, uint64_t entry)
{
    uint64_t lanes = entry >> 16;
#if FC_LITTLE_ENDIAN
    memcpy(out, &lanes, 8);
#else
    out[0] = (uint16_t)lanes;
    out[1] = (uint16_t)(lanes >> 16);
    out[2] = (uint16_t)(lanes >> 32);
#endif
}

#define FC_SAMPLE uint8_t
#define FC_KERNEL(name) bytes_##name
#define FC_ENTRY uint32_t
#define FC_MANY many.bytes
#define FC_MANY_BITS FC_MANY_BYTES_BITS
#define FC_STORE store_bytes
#include "fc_jpegll_kernels.h"

#define FC_SAMPLE uint16_t
#define FC_KERNEL(name) words_##name
#define FC_ENTRY uint64_t
#define FC_MANY many.words
#define FC_MANY_BITS FC_MANY_WORDS_BITS
#define FC_STORE store_words
#include "fc_jpegll_kernels.h"

static void run_four(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    if (entropy->sample_bytes == 1) {
        if (entropy->many)
            bytes_many_in_four(entropy, lanes, rounds);
        else
            bytes_one_in_four(entropy, lanes, rounds);
    } else {
        if (entropy->many)
            words_many_in_four(entropy, lanes, rounds);
        else
            words_one_in_four(entropy, lanes, rounds);
    }
}

static void run_one(const fc_entropy *entropy, fc_lane *const *lanes, size_t rounds)
{
    if (entropy->sample_bytes == 1) {
        if (entropy->many)
            bytes_many_in_one(entropy, lanes, rounds);
        else
            bytes_one_in_one(entropy, lanes, rounds);
    } else {
        if (entropy->many)
            words_many_in_one(entropy, lanes, rounds);
        else
            words_one_in_one(entropy, lanes, rounds);
    }
}

/* Rounds that a lane can take before `stop` whatever it meets: none passes the data or the room. */
static size_t rounds_to(const fc_lane *lane, uint64_t stop)
{
    uint64_t by_bits, by_room;
    if (lane->position >= stop || lane->room < 16)
        return 0;
    by_bits = (stop - lane->position) / FC_ROUND_BITS;
    by_room = (lane->room - 4) / 12;
    return (size_t)(by_bits < by_room ? by_bits : by_room);
}

/* One difference, with every check. */
static int step(const fc_entropy *entropy, const fc_huffman *table, fc_lane *lane)
{
    uint32_t found = fc_huffman_find(table, fc_window(entropy->bytes, lane->position));
    if (!found) {
        /* The zeros behind the data may make what is no code. */
        if (lane->end - lane->position < FC_LONGEST_CODE)
            return FC_JPEGLL_CUT_OFF;
        lane->invalid = lane->position;
        return FC_JPEGLL_CODE;
    }
    if ((found & 63) > lane->end - lane->position)
        return FC_JPEGLL_CUT_OFF;
    lane->position += found & 63;
    if (entropy->sample_bytes == 1) {
        *lane->out++ = (uint8_t)(found >> 8);
    } else {
        uint16_t difference = (uint16_t)(found >> 8);
        memcpy(lane->out, &difference, 2);
        lane->out += 2;
    }
    lane->room--;
    return FC_JPEGLL_DONE;
}

/* Read on until `stop` or until nothing is wanted any more. */
static int read_to(const fc_entropy *entropy, fc_lane *lane, uint64_t stop)
{
    size_t rounds;
    int status;
    while ((rounds = rounds_to(lane, stop)) > 0)
        run_one(entropy, &lane, rounds);
    if (lane->invalid != FC_NOWHERE)
        return FC_JPEGLL_CODE;
    while (lane->room && lane->position < stop) {
        status = step(entropy, entropy->table, lane);
        if (status)
            return status;
    }
    return FC_JPEGLL_DONE;
}

static int read_all(const fc_entropy *entropy, fc_lane *lane)
{
    int status = read_to(entropy, lane, lane->end);
    return status ? status : lane->room ? FC_JPEGLL_CUT_OFF : FC_JPEGLL_DONE;
}

/* Advance lanes by `most` rounds or fewer, those that have nothing to do replaced; answers the rounds taken. */
static size_t advance(const fc_entropy *entropy, fc_lane *lanes, size_t count, size_t most)
{
    fc_lane parked[FC_LANES], *running[FC_LANES];
    size_t active = 0, i, rounds;
    for (i = 0; i < count; i++) {
        rounds = lanes[i].invalid == FC_NOWHERE ? rounds_to(&lanes[i], lanes[i].stop) : 0;
        if (rounds) {
            running[active++] = &lanes[i];
            most = rounds < most ? rounds : most;
        }
    }
    if (active < 2)
        return 0; /* a lane alone is quicker by itself */
    for (i = active; i < FC_LANES; i++) {
        parked[i].position = 0;
        parked[i].out = entropy->parked;
        parked[i].room = FC_PARKED_SAMPLES;
        parked[i].invalid = FC_NOWHERE;
        running[i] = &parked[i];
        most = most < FC_PARKED_ROUNDS ? most : FC_PARKED_ROUNDS;
    }
    run_four(entropy, running, most);
    return most;
}

int fc_read_together(const fc_entropy *entropy, fc_lane *lanes, size_t count, size_t *failed)
{
    size_t i;
    int status = FC_JPEGLL_DONE;
    while (advance(entropy, lanes, count, SIZE_MAX))
        ;
    for (i = 0; i < count && !status; i++) {
        *failed = i;
        status = read_all(entropy, &lanes[i]);
    }
    return status;
}

/* The first rounds, one by one: the lanes that started blindly mark where they stood. */
static void advance_marking(const fc_entropy *entropy, fc_lane *lanes)
{
    size_t round, i;
    for (round = 0; round < FC_MARKS; round++) {
        for (i = 1; i < FC_LANES; i++) {
            fc_lane *lane = &lanes[i];
            if (lane->invalid != FC_NOWHERE) { /* not in step: begin again from here */
                lane->invalid = FC_NOWHERE;
                lane->marked = 0;
            }
            lane->marks[lane->marked].position = lane->position;
            lane->marks[lane->marked++].room = lane->room;
        }
        if (!advance(entropy, lanes, FC_LANES, 1))
            return;
    }
}

/* Let `lane` read until it stands where `next` stood, and take over what `next` read; or read past all its marks. */
static int take_over(const fc_entropy *entropy, fc_lane *lane, const fc_lane *next)
{
    size_t i = 0, samples;
    int status = read_to(entropy, lane, next->marks[0].position);
    while (!status && lane->room && i < next->marked) {
        if (next->marks[i].position < lane->position) {
            i++;
        } else if (next->marks[i].position > lane->position) {
            status = step(entropy, entropy->table, lane);
        } else {
            samples = next->marks[i].room - next->room;
            samples = samples < lane->room ? samples : lane->room;
            memcpy(lane->out, next->out - (next->marks[i].room - next->room) * entropy->sample_bytes,
                   samples * entropy->sample_bytes);
            lane->out += samples * entropy->sample_bytes;
            lane->room -= samples;
            lane->position = next->position;
            return FC_JPEGLL_DONE;
        }
    }
    return status;
}

/* A quarter of the bits each, in multiples of 64: where all codes have 16 bits with theirs (noise), no lane falls into
   step by itself, but these stand in it. */
static void spread(const fc_entropy *entropy, const fc_lane *lane, fc_lane *lanes)
{
    uint64_t quarter = (lane->end - lane->position) / FC_LANES & ~(uint64_t)63;
    size_t i;
    for (i = 0; i < FC_LANES; i++) {
        lanes[i].position = lane->position + quarter * i;
        lanes[i].end = lane->end;
        lanes[i].stop = i + 1 < FC_LANES ? lanes[i].position + quarter : lane->end;
        lanes[i].invalid = FC_NOWHERE;
        lanes[i].marked = 0;
        lanes[i].out = i ? entropy->spread + (i - 1) * entropy->spread_room * entropy->sample_bytes : lane->out;
        lanes[i].room = i ? entropy->spread_room : lane->room;
    }
}

int fc_read_spread(const fc_entropy *entropy, fc_lane *lane)
{
    fc_lane lanes[FC_LANES];
    size_t i;
    int status;
    spread(entropy, lane, lanes);
    advance_marking(entropy, lanes);
    while (advance(entropy, lanes, FC_LANES, SIZE_MAX))
        ;
    lane->position = lanes[0].position;
    lane->out = lanes[0].out;
    lane->room = lanes[0].room;
    lane->invalid = lanes[0].invalid;
    for (i = 1; i < FC_LANES; i++) {
        if (lanes[i].invalid != FC_NOWHERE)
            continue;
        status = take_over(entropy, lane, &lanes[i]);
        if (status)
            return status;
    }
    return read_all(entropy, lane);
}

int fc_read_mixed(const fc_entropy *entropy, const fc_huffman *const *tables, size_t components, fc_lane *lane)
{
    size_t i;
    int status;
    while (lane->room) {
        for (i = 0; i < components; i++) {
            status = step(entropy, tables[i], lane);
            if (status)
                return status;
        }
    }
    return FC_JPEGLL_DONE;
}
