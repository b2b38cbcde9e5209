/* Differences to samples (T.81 H.1.2.1, H.2). */
#include "fc_jpegll_parts.h"

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define FC_VECTORS 1
#endif
#endif

#ifdef FC_VECTORS
/* Sixteen bytes at a time, in any instruction set that the compiler knows: the sum inside the vector in logarithmic
   steps, then what came before. Four times as fast as the plain loop. */
typedef uint8_t byte_vector __attribute__((vector_size(16)));
typedef uint16_t word_vector __attribute__((vector_size(16)));

static size_t sum_byte_vectors(uint8_t *row, size_t count, uint8_t *last)
{
    const byte_vector none = {0};
    byte_vector before = {0}, sum;
    size_t i;
    for (i = 0; i + 16 <= count; i += 16) {
        memcpy(&sum, row + i, 16);
        sum += __builtin_shufflevector(none, sum, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
        sum += __builtin_shufflevector(none, sum, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
        sum += __builtin_shufflevector(none, sum, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
        sum += __builtin_shufflevector(none, sum, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
        before += sum;
        memcpy(row + i, &before, 16);
        before = __builtin_shufflevector(before, before, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
                                         15);
    }
    *last = before[0];
    return i;
}

static size_t sum_word_vectors(uint16_t *row, size_t count, uint16_t *last)
{
    const word_vector none = {0};
    word_vector before = {0}, sum;
    size_t i;
    for (i = 0; i + 8 <= count; i += 8) {
        memcpy(&sum, row + i, 16);
        sum += __builtin_shufflevector(none, sum, 0, 8, 9, 10, 11, 12, 13, 14);
        sum += __builtin_shufflevector(none, sum, 0, 0, 8, 9, 10, 11, 12, 13);
        sum += __builtin_shufflevector(none, sum, 0, 0, 0, 0, 8, 9, 10, 11);
        before += sum;
        memcpy(row + i, &before, 16);
        before = __builtin_shufflevector(before, before, 7, 7, 7, 7, 7, 7, 7, 7);
    }
    *last = before[0];
    return i;
}
#endif

#define FC_SAMPLE uint8_t
#define FC_ROW(name) bytes_##name
#define FC_SUM_VECTORS sum_byte_vectors
#include "fc_jpegll_predict_rows.h"

#define FC_SAMPLE uint16_t
#define FC_ROW(name) words_##name
#define FC_SUM_VECTORS sum_word_vectors
#include "fc_jpegll_predict_rows.h"

void fc_predict(uint8_t *samples, size_t rows, size_t columns, size_t components, unsigned sample_bytes,
                int predictor, unsigned initial)
{
    if (sample_bytes == 1)
        bytes_predict(samples, rows, columns * components, components, predictor, initial);
    else
        words_predict((uint16_t *)(void *)samples, rows, columns * components, components, predictor, initial);
}

void fc_shift_up(uint8_t *samples, size_t count, unsigned sample_bytes, int by)
{
    uint16_t *words = (uint16_t *)(void *)samples;
    size_t i;
    if (sample_bytes == 1) {
        for (i = 0; i < count; i++)
            samples[i] = (uint8_t)(samples[i] << by);
    } else {
        for (i = 0; i < count; i++)
            words[i] = (uint16_t)(words[i] << by);
    }
}
