/* Mutated RLE frames into the decoder, mutated samples through the encoder and back; every buffer of its exact size, so
 * that the address sanitiser sees one byte too many.
 *
 * cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Iext tests/fuzz/fuzz_rle.c ext/fc_rle.c \
 *    ext/fc_planes.c -o fuzz_rle && ./fuzz_rle SECONDS [SEED]
 *
 * With clang, -fsanitize=fuzzer,address,undefined -DLIBFUZZER takes libFuzzer's main instead of this one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fc_rle.h"

enum { MOST_PIXELS = 9000 };

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_rle: %s\n", what);
        abort();
    }
}

static uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    require(copy != NULL, "no memory");
    memcpy(copy, data, size);
    return copy;
}

/* Decode in every shape; what decodes is as long as measured, and comes back from the encoder. */
static void check_decode(const uint8_t *data, size_t size, size_t pixels, int planes, int bytes)
{
    uint8_t *frame = exact_copy(data, size), *out = malloc(pixels * (size_t)planes);
    fc_rle_segments segments;
    fc_rle_fault fault;
    require(out != NULL, "no memory");
    fault = fc_rle_open(frame, size, planes, &segments);
    if (fault.code == FC_RLE_OK) {
        fault = fc_rle_decode(frame, &segments, bytes, out, pixels);
        for (int number = 0; number < planes; number++) {
            fc_rle_fault measured = fc_rle_measure(frame, &segments, number);
            require(fault.code != FC_RLE_OK || (measured.code == FC_RLE_OK && measured.found >= pixels),
                    "decoded what does not measure up");
        }
    }
    free(out);
    free(frame);
}

static void check_encode(const uint8_t *data, size_t size, size_t columns, int planes, int bytes)
{
    size_t rows = size / (columns * (size_t)planes), length, used = rows * columns * (size_t)planes;
    uint8_t *samples, *out, *line, *back;
    fc_rle_segments segments;
    if (!rows)
        return;
    samples = exact_copy(data, used);
    out = malloc((size_t)fc_rle_limit(rows, columns, planes));
    line = malloc(columns);
    require(out && line, "no memory");
    length = fc_rle_encode(samples, rows, columns, planes, bytes, line, out);
    require(length <= fc_rle_limit(rows, columns, planes) && length % 2 == 0, "encoded beyond the limit");
    out = realloc(out, length);
    back = malloc(used);
    require(out && back, "no memory");
    require(fc_rle_open(out, length, planes, &segments).code == FC_RLE_OK, "encoded a header that is refused");
    require(fc_rle_decode(out, &segments, bytes, back, rows * columns).code == FC_RLE_OK, "encoded what is refused");
    require(memcmp(back, samples, used) == 0, "came back otherwise");
    free(samples);
    free(out);
    free(line);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int shapes[][2] = {{1, 1}, {2, 2}, {3, 1}, {4, 4}, {4, 1}, {6, 2}, {8, 8}, {15, 1}, {12, 4}};
    int shape, planes, bytes;
    size_t pixels;
    if (size < 4)
        return 0;
    shape = data[0] % (int)(sizeof shapes / sizeof *shapes);
    planes = shapes[shape][0];
    bytes = shapes[shape][1];
    pixels = 1 + (data[1] | (size_t)data[2] << 8) % MOST_PIXELS;
    check_decode(data + 4, size - 4, pixels, planes, bytes);
    check_encode(data + 4, size - 4, 1 + (pixels - 1) % 700, planes, bytes);
    return 0;
}

#ifndef LIBFUZZER
static uint64_t state;

static uint32_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* An input with a header that holds: segments of random packets, most of them sound. */
static size_t make_input(uint8_t *input, size_t room)
{
    static const uint8_t counts[] = {1, 2, 3, 4, 4, 6, 8, 15, 12};
    size_t at = 4 + FC_RLE_HEADER, share;
    memset(input, 0, at);
    for (int i = 0; i < 3; i++)
        input[i] = (uint8_t)random_number();
    input[4] = counts[input[0] % sizeof counts];
    share = (random_number() % room) / input[4] + 8;
    for (int number = 0; number < input[4] && at + 200 < room; number++) {
        size_t start = at - 4, stop = at + share;
        for (int i = 0; i < 4; i++)
            input[8 + 4 * number + i] = (uint8_t)(start >> 8 * i);
        while (at < stop && at + 200 < room) {
            unsigned control = random_number() % 4 ? random_number() & 0xFF : 200 + random_number() % 56;
            size_t taken = control > 128 ? 1 : control == 128 ? 0 : control + 1;
            input[at++] = (uint8_t)control;
            for (size_t i = 0; i < taken; i++)
                input[at++] = (uint8_t)(random_number() % 3);
        }
    }
    return at;
}

static size_t mutate(uint8_t *input, size_t size)
{
    for (unsigned left = random_number() % 5; left; left--)
        input[random_number() % size] = (uint8_t)random_number();
    if (random_number() % 4 == 0)
        input[4 + random_number() % FC_RLE_HEADER] = (uint8_t)random_number();
    return random_number() % 3 ? size : random_number() % size + 1;
}

int main(int count, char **words)
{
    static uint8_t input[1 << 16];
    time_t end = time(NULL) + (count > 1 ? atol(words[1]) : 10);
    unsigned long runs = 0;
    state = count > 2 ? strtoull(words[2], NULL, 10) : 20261124;
    for (; time(NULL) < end; runs++)
        LLVMFuzzerTestOneInput(input, mutate(input, make_input(input, 64 + random_number() % (sizeof input - 64))));
    printf("fuzz_rle: %lu inputs\n", runs);
    return 0;
}
#endif
