/* Mutated JPEG Lossless frames into the decoder, one and two at a time; every buffer of its exact size, so that the
 * address sanitiser sees one byte too many.
 *
 * cc -g -O2 -fsanitize=address,undefined -fno-sanitize-recover=all -Iext tests/fuzz/fuzz_jpegll.c ext/fc_jpegll*.c \
 *    -o fuzz_jpegll && ./fuzz_jpegll SECONDS FRAME...
 *
 * With clang, -fsanitize=fuzzer,address,undefined -DLIBFUZZER takes libFuzzer's main instead of this one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fc_jpegll.h"

enum { MOST_SAMPLES = 1 << 16, MOST_BYTES = 1 << 16, MOST_SEEDS = 64 };

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_jpegll: %s\n", what);
        abort();
    }
}

typedef struct {
    unsigned rows, columns, components, precision;
} sizes;

/* As the caller reads them before it asks for anything: from the first SOF3. */
static int sizes_of(const uint8_t *data, size_t size, sizes *found)
{
    for (size_t at = 2; at + 10 <= size; at++) {
        if (data[at] != 0xFF || data[at + 1] != 0xC3)
            continue;
        found->precision = data[at + 4];
        found->rows = (unsigned)data[at + 5] << 8 | data[at + 6];
        found->columns = (unsigned)data[at + 7] << 8 | data[at + 8];
        found->components = data[at + 9];
        return found->precision >= 2 && found->precision <= 16 && found->rows && found->columns &&
               found->components && found->components <= FC_MAX_COMPONENTS &&
               (size_t)found->rows * found->columns * found->components <= MOST_SAMPLES;
    }
    return 0;
}

typedef struct {
    uint8_t *frame, *out;
    void *block;
    fc_jpegll *jpeg;
} job;

static job begun(const uint8_t *data, size_t size, sizes shape)
{
    job made;
    size_t wide = shape.precision <= 8 ? 1 : 2;
    made.frame = malloc(size);
    made.out = malloc(wide * shape.rows * shape.columns * shape.components);
    made.block = malloc(fc_jpegll_size(size, shape.columns, shape.components));
    require(made.frame && made.out && made.block, "no memory");
    memcpy(made.frame, data, size);
    made.jpeg = fc_jpegll_begin(made.block, made.frame, size, shape.rows, shape.columns, shape.components,
                                shape.precision);
    return made;
}

static void done(job made)
{
    require(made.jpeg->at <= made.jpeg->size + 1, "stands beyond the frame");
    free(made.frame);
    free(made.out);
    free(made.block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sizes shape;
    fc_status status[2];
    if (size < 16 || !sizes_of(data, size, &shape))
        return 0;
    job alone = begun(data, size, shape), one = begun(data, size, shape), two = begun(data, size / 2 + 8, shape);
    fc_status by_itself = fc_jpegll_decode(alone.jpeg, alone.out);
    fc_jpegll_decode_two(one.jpeg, one.out, two.jpeg, two.out, status);
    require((by_itself == FC_OK) == (status[0] == FC_OK), "two at once decide otherwise than one");
    if (by_itself == FC_OK)
        require(!memcmp(alone.out, one.out,
                        (shape.precision <= 8 ? 1 : 2) * (size_t)shape.rows * shape.columns * shape.components),
                "two at once give other samples than one");
    done(alone);
    done(one);
    done(two);
    return 0;
}

#ifndef LIBFUZZER
static uint64_t state = 20261124;

static uint32_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static size_t mutate(uint8_t *input, size_t size)
{
    /* Half of the changes go into the headers, where they do more. */
    for (unsigned left = random_number() % 6; left; left--) {
        size_t room = random_number() % 2 && size > 256 ? 256 : size;
        input[random_number() % room] = random_number() % 4 ? (uint8_t)random_number() : 0xFF;
    }
    return random_number() % 3 ? size : random_number() % size + 1;
}

int main(int count, char **words)
{
    static uint8_t seeds[MOST_SEEDS][MOST_BYTES], input[MOST_BYTES];
    size_t lengths[MOST_SEEDS];
    unsigned there = 0;
    unsigned long runs = 0;
    time_t end = time(NULL) + (count > 1 ? atol(words[1]) : 10);
    for (int n = 2; n < count && there < MOST_SEEDS; n++, there++) {
        FILE *file = fopen(words[n], "rb");
        require(file != NULL, words[n]);
        lengths[there] = fread(seeds[there], 1, MOST_BYTES, file);
        fclose(file);
    }
    require(there > 0, "no frames to begin from");
    for (; time(NULL) < end; runs++) {
        unsigned seed = random_number() % there;
        memcpy(input, seeds[seed], lengths[seed]);
        LLVMFuzzerTestOneInput(input, mutate(input, lengths[seed]));
    }
    printf("fuzz_jpegll: %lu inputs\n", runs);
    return 0;
}
#endif
