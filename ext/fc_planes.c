#include "fc_planes.h"

/* Plain loops, which compilers turn into vector code. For three bytes a pixel x86 needs its byte shuffle for that
 * (SSSE3, in every x86-64 since 2011), which is not in the baseline: so these are compiled twice, and the machine asked. */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define SHUFFLES __attribute__((target("ssse3")))
#define HAS_SHUFFLES __builtin_cpu_supports("ssse3")
#else
#define SHUFFLES
#define HAS_SHUFFLES 0
#endif
#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#endif

INLINED void weave_three(const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                         uint8_t *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[3 * i] = a[i];
        out[3 * i + 1] = b[i];
        out[3 * i + 2] = c[i];
    }
}

SHUFFLES static void weave_three_wide(const uint8_t *a, const uint8_t *b, const uint8_t *c, uint8_t *out, size_t count)
{
    weave_three(a, b, c, out, count);
}

static void weave_three_plain(const uint8_t *a, const uint8_t *b, const uint8_t *c, uint8_t *out, size_t count)
{
    weave_three(a, b, c, out, count);
}

static void weave_two(const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = a[i];
        out[2 * i + 1] = b[i];
    }
}

static void place(const uint8_t *restrict plane, size_t stride, uint8_t *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i * stride] = plane[i];
}

void fc_planes_weave(const uint8_t *const *planes, size_t stride, uint8_t *out, size_t count)
{
    if (stride == 2)
        weave_two(planes[0], planes[1], out, count);
    else if (stride == 3 && HAS_SHUFFLES)
        weave_three_wide(planes[0], planes[1], planes[2], out, count);
    else if (stride == 3)
        weave_three_plain(planes[0], planes[1], planes[2], out, count);
    else
        for (size_t plane = 0; plane < stride; plane++)
            place(planes[plane], stride, out + plane, count);
}

INLINED void pick(const uint8_t *restrict from, size_t stride, uint8_t *restrict line, size_t count)
{
    for (size_t i = 0; i < count; i++)
        line[i] = from[i * stride];
}

SHUFFLES static void pick_third_wide(const uint8_t *from, uint8_t *line, size_t count)
{
    pick(from, 3, line, count);
}

void fc_planes_pick(const uint8_t *from, size_t stride, uint8_t *line, size_t count)
{
    if (stride == 2)
        pick(from, 2, line, count);
    else if (stride == 3 && HAS_SHUFFLES)
        pick_third_wide(from, line, count);
    else
        pick(from, stride, line, count);
}
