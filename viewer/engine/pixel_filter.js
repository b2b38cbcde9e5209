// A display filter over painted pixels: sharper or smoother to look at, never measured on. Pure; loaded after the first picture.

/**
 * @typedef {object} PixelFilter
 * @property {string} words that stand on the picture
 * @property {boolean} sharp else smooth
 * @property {typeof filterPixels} paint
 */

/**
 * The mean of a pixel and its neighbours, weighted 1 2 1 both ways, or the pixel with its distance from it added. Edges go on.
 * @param {Uint32Array} source RGBA, little-endian
 * @param {Uint32Array} out
 * @param {{rows: number, columns: number}} size
 * @param {boolean} sharp
 */
export function filterPixels(source, out, { rows, columns }, sharp) {
  for (let y = 0, n = 0; y < rows; y++) {
    const middle = y * columns;
    const upper = y > 0 ? middle - columns : middle;
    const lower = y < rows - 1 ? middle + columns : middle;
    // Red and blue are summed in one number: 16 times 255 does not reach the other.
    let rb_before = 0;
    let g_before = 0;
    let rb_now = 0;
    let g_now = 0;
    for (let x = -1; x < columns; x++) {
      const next = x + 1 < columns ? x + 1 : columns - 1;
      const [a, b, c] = [source[upper + next], source[middle + next], source[lower + next]];
      const rb = (a & 0xff00ff) + 2 * (b & 0xff00ff) + (c & 0xff00ff);
      const g = ((a >> 8) & 255) + 2 * ((b >> 8) & 255) + ((c >> 8) & 255);
      if (x < 0) {
        rb_before = rb_now = rb;
        g_before = g_now = g;
        continue;
      }
      const sum_rb = rb_before + 2 * rb_now + rb;
      const sum_g = g_before + 2 * g_now + g;
      const [sum_r, sum_b] = [sum_rb & 0xffff, sum_rb >>> 16];
      if (sharp) {
        const pixel = source[n];
        out[n++] = (0xff000000 | (sharper(pixel >> 16, sum_b) << 16) | (sharper(pixel >> 8, sum_g) << 8) | sharper(pixel, sum_r)) >>> 0;
      } else {
        out[n++] = (0xff000000 | (((sum_b + 8) >> 4) << 16) | (((sum_g + 8) >> 4) << 8) | ((sum_r + 8) >> 4)) >>> 0;
      }
      rb_before = rb_now;
      g_before = g_now;
      rb_now = rb;
      g_now = g;
    }
  }
}

/** @param {number} pixel its low byte counts @param {number} sum 16 times the mean around it */
function sharper(pixel, sum) {
  const level = ((pixel & 255) * 32 - sum + 8) >> 4;
  return level < 0 ? 0 : level > 255 ? 255 : level;
}

/** @type {PixelFilter} */
export const SHARPEN = { words: "sharpened display", sharp: true, paint: filterPixels };
/** @type {PixelFilter} */
export const SMOOTH = { words: "smoothed display", sharp: false, paint: filterPixels };
