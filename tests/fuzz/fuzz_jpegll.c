/* Fuzzing of ext/fc_jpegll*.c.

   With libFuzzer: clang -fsanitize=fuzzer,address,undefined -DFC_LIBFUZZER -Iext tests/fuzz/fuzz_jpegll.c ext/fc_jpegll*.c
   Without clang: the same with gcc, -fsanitize=address,undefined; then `fuzz SECONDS SEED FILE...` mutates the files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fc_jpegll.h"

#if defined(__SANITIZE_ADDRESS__) || defined(FC_LIBFUZZER)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

enum { MOST_SAMPLES = 1 << 20 };

static unsigned long long statuses[FC_JPEGLL_STATUSES];

/* The sizes that the caller in Python reads from the first frame header; 0 where it would not call. */
static int read_sizes(const uint8_t *data, size_t size, fc_jpegll_frame *frame)
{
    size_t i;
    for (i = 2; i + 10 <= size; i++) {
        if (data[i] != 0xFF || data[i + 1] != 0xC3)
            continue;
        frame->sample_bytes = data[i + 4] <= 8 ? 1 : 2;
        frame->rows = (size_t)data[i + 5] << 8 | data[i + 6];
        frame->columns = (size_t)data[i + 7] << 8 | data[i + 8];
        frame->components = data[i + 9];
        return frame->rows && frame->columns && frame->components >= 1 && frame->components <= 3 &&
               frame->rows * frame->columns * frame->components <= 8 * size &&
               frame->rows * frame->columns * frame->components <= MOST_SAMPLES;
    }
    return 0;
}

/* One frame in buffers of exactly the sizes that the contract says, so that a byte too far is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fc_jpegll_frame frame = {0};
    size_t scratch_bytes;
    uint8_t *copy;
    int status;
    if (!read_sizes(data, size, &frame))
        return 0;
    copy = malloc(size);
    scratch_bytes = fc_jpegll_scratch_bytes(size, frame.rows, frame.columns, frame.components, frame.sample_bytes);
    frame.scratch = malloc(scratch_bytes);
    frame.out = malloc(frame.rows * frame.columns * frame.components * frame.sample_bytes);
    if (!copy || !frame.scratch || !frame.out)
        abort();
    memcpy(copy, data, size);
    frame.frame = copy;
    frame.frame_bytes = size;
    status = fc_jpegll_decode(&frame);
    if (status < 0 || status >= FC_JPEGLL_STATUSES || frame.offset > size)
        abort();
    statuses[status]++;
    ASAN_UNPOISON_MEMORY_REGION(frame.scratch, scratch_bytes);
    free(frame.out);
    free(frame.scratch);
    free(copy);
    return 0;
}

#ifndef FC_LIBFUZZER
static uint64_t state;

static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % limit);
}

/* A few changes, more often in the first bytes, where the headers are; sometimes cut off. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0x00, 0xFF, 0x7F, 0x80, 0xC3, 0xC4, 0xDA, 0xDD, 0xD0, 0xD9, 0x01, 0x11, 0x10};
    size_t changes = below(6), from, to, count;
    while (changes--) {
        size_t at = below(below(2) && size > 120 ? 120 : size);
        switch (below(5)) {
        case 0: data[at] = (uint8_t)below(256); break;
        case 1: data[at] ^= (uint8_t)(1u << below(8)); break;
        case 2: data[at] = telling[below(sizeof telling)]; break;
        case 3: data[at] = (uint8_t)(data[at] + below(3) - 1); break;
        default:
            from = below(size), to = below(size);
            count = below(64) % (size - (from > to ? from : to));
            memmove(data + to, data + from, count);
        }
    }
    return below(4) ? size : 4 + below(size - 4);
}

static uint8_t *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data = malloc(1 << 20);
    if (!file || !data)
        exit(2);
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    if (*size < 16)
        exit(2);
    return data;
}

int main(int count, char **words)
{
    static uint8_t work[1 << 20];
    unsigned long long runs = 0;
    time_t end;
    int i;
    if (count < 4)
        return 2;
    end = time(NULL) + atoi(words[1]);
    state = 0x9E3779B97F4A7C15u ^ (uint64_t)atoll(words[2]);
    uint8_t **seeds = calloc((size_t)count, sizeof *seeds);
    size_t *sizes = calloc((size_t)count, sizeof *sizes);
    for (i = 3; i < count; i++) {
        seeds[i] = read_file(words[i], &sizes[i]);
        LLVMFuzzerTestOneInput(seeds[i], sizes[i]);
    }
    if (statuses[FC_JPEGLL_DONE] != (unsigned long long)count - 3)
        return 3; /* a seed that does not decode tests nothing */
    while (runs++ % 64 || time(NULL) < end) {
        i = 3 + (int)below((size_t)count - 3);
        memcpy(work, seeds[i], sizes[i]);
        LLVMFuzzerTestOneInput(work, mutate(work, sizes[i]));
    }
    printf("fuzz_jpegll: %llu runs\n", runs);
    for (i = 0; i < FC_JPEGLL_STATUSES; i++)
        printf("%llu %s\n", statuses[i], fc_jpegll_reason(i));
    for (i = 3; i < count; i++)
        free(seeds[i]);
    free(seeds);
    free(sizes);
    return 0;
}
#endif
