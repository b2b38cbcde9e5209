/* Pixel kernels on whole frames. Buffers are the caller's and never overlap; nothing here can fail: the caller has
 * checked sizes and that every table covers every value its index type can hold. */
#ifndef FC_PIXELS_H
#define FC_PIXELS_H

#include <stddef.h>
#include <stdint.h>

/* `count` bits, the least significant first, to bytes 0 and 1 (PS3.5 8.1.1). */
void fc_unpack_bits(const uint8_t *in, size_t count, uint8_t *out);
/* Two samples of 12 bits in three bytes, the first in the low bits (PS3.5 annex D: Bits Allocated 12). */
void fc_unpack_12(const uint8_t *in, size_t count, uint16_t *out);

/* out = ((in & mask) ^ flip) - minus. With flip = minus = the sign bit: sign extension; with minus = 0: the bias of
 * the wire; with both 0: the bits above Bits Stored removed (PS3.5 8.1.1). Named by the widths of in and out. */
void fc_mask_8_8(const uint8_t *in, uint8_t *out, size_t count, uint8_t mask, uint8_t flip, uint8_t minus);
void fc_mask_16_16(const uint16_t *in, uint16_t *out, size_t count, uint16_t mask, uint16_t flip, uint16_t minus);
void fc_mask_32_32(const uint32_t *in, uint32_t *out, size_t count, uint32_t mask, uint32_t flip, uint32_t minus);
void fc_mask_16_8(const uint16_t *in, uint8_t *out, size_t count, uint16_t mask, uint16_t flip, uint16_t minus);
void fc_mask_32_16(const uint32_t *in, uint16_t *out, size_t count, uint32_t mask, uint32_t flip, uint32_t minus);
void fc_mask_32_8(const uint32_t *in, uint8_t *out, size_t count, uint32_t mask, uint32_t flip, uint32_t minus);

/* Whether any word has one of these bits set: where none has, there is nothing to remove, and nothing to copy. */
int fc_any_8(const uint8_t *in, size_t count, uint8_t bits);
int fc_any_16(const uint16_t *in, size_t count, uint16_t bits);
int fc_any_32(const uint32_t *in, size_t count, uint32_t bits);

/* Three planes of `pixels` samples <-> three samples a pixel (Planar Configuration, PS3.3 C.7.6.3.1.3). */
void fc_interleave_8(const uint8_t *planes, uint8_t *out, size_t pixels);
void fc_interleave_16(const uint16_t *planes, uint16_t *out, size_t pixels);
void fc_deinterleave_8(const uint8_t *in, uint8_t *planes, size_t pixels);
void fc_deinterleave_16(const uint16_t *in, uint16_t *planes, size_t pixels);

/* Y Cb Cr to R G B by tables in fixed point: luma, red of Cr, green of Cb, green of Cr, blue of Cb, each `size` long;
 * a sum is shifted right by `point` and clamped to 0..size-1. Codes of size and above count as size-1. */
void fc_ybr_to_rgb_8(const uint8_t *in, uint8_t *out, size_t pixels, const int32_t *tables, size_t size, int point);
void fc_ybr_to_rgb_16(const uint16_t *in, uint16_t *out, size_t pixels, const int32_t *tables, size_t size, int point);

/* Look-up into 8 bits, and into three bytes a pixel; the table has 2^8 or 2^16 entries (times 3). */
void fc_lookup_8(const uint8_t *in, uint8_t *out, size_t count, const uint8_t *table);
void fc_lookup_16(const uint16_t *in, uint8_t *out, size_t count, const uint8_t *table);
void fc_lookup_rgb_8(const uint8_t *in, uint8_t *out, size_t count, const uint8_t *table);
void fc_lookup_rgb_16(const uint16_t *in, uint8_t *out, size_t count, const uint8_t *table);

/* Smallest and largest of count > 0 samples. */
void fc_range_8(const uint8_t *in, size_t count, uint8_t *low, uint8_t *high);
void fc_range_16(const uint16_t *in, size_t count, uint16_t *low, uint16_t *high);

/* How often each value is there, added to counts (2^8 or 2^16 long); count < 2^32. */
void fc_histogram_8(const uint8_t *in, size_t count, uint32_t *counts);
void fc_histogram_16(const uint16_t *in, size_t count, uint32_t *counts);

/* Mask subtraction (PS3.3 C.7.6.10): clamp(middle + (table[frame] - table[mask]) * gain / 2^12, 0, top), rounded half
 * up. `table` holds the logarithm, or the value itself, of each of 2^8 or 2^16 codes, 0 to 2^13; |gain| <= 2^17;
 * |middle| <= 2^16. */
void fc_subtract_8(const uint8_t *frame, const uint8_t *mask, uint8_t *out, size_t count, const int16_t *table,
                   int32_t gain, int32_t middle, int32_t top);
void fc_subtract_16(const uint16_t *frame, const uint16_t *mask, uint16_t *out, size_t count, const int16_t *table,
                    int32_t gain, int32_t middle, int32_t top);

#endif
