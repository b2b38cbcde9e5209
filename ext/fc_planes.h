/* Byte planes put together into pixels, and taken out of them. */
#ifndef FC_PLANES_H
#define FC_PLANES_H

#include <stddef.h>
#include <stdint.h>

/* out[i * stride + p] = planes[p][i] for i < count, p < stride. Nothing overlaps. */
void fc_planes_weave(const uint8_t *const *planes, size_t stride, uint8_t *out, size_t count);

/* line[i] = from[i * stride] for i < count. Nothing overlaps. */
void fc_planes_pick(const uint8_t *from, size_t stride, uint8_t *line, size_t count);

#endif
