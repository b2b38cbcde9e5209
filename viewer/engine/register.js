// The shift that makes a mask fit a frame, to a tenth of a pixel: least squares, from coarse pictures to fine ones.
//
// A vessel that fills is no misfit of the mask: differences far from the rest count little (Tukey's weights).

/** Levels of the pyramid: the coarsest is an eighth as large. */
const HALVINGS = 3;
const SMALLEST = 24;
const STEPS_MAX = 12;
const DONE_PIXELS = 0.004;
/** Of differences, in levels of 32767: below it there is no noise to speak of. */
const SPREAD_MIN = 3;
/** A slice of the work, of the 16 ms between two pictures. */
const SLICE_MS = 4;
/** The farthest that a patient is taken to have moved, as a share of the picture. */
const FARTHEST = 0.1;

/** @typedef {{rows: number, columns: number}} Size */

/**
 * @param {Float32Array} plane
 * @param {Size} size
 */
function halved(plane, { rows, columns }) {
  const [half_rows, half_columns] = [rows >> 1, columns >> 1];
  const out = new Float32Array(half_rows * half_columns);
  for (let y = 0, n = 0; y < half_rows; y++) {
    for (let x = 0, at = 2 * y * columns; x < half_columns; x++, at += 2) {
      out[n++] = (plane[at] + plane[at + 1] + plane[at + columns] + plane[at + columns + 1]) / 4;
    }
  }
  return { plane: out, size: { rows: half_rows, columns: half_columns } };
}

/**
 * One step of Gauss and Newton; the generator yields after every few rows, so that the caller can pause.
 * @param {Float32Array} contrast
 * @param {Float32Array} mask
 * @param {Size} size
 * @param {{down: number, right: number, spread: number, mean: number}} state of the mask; written
 * @returns {Generator<void, number>} how far it moved, pixels
 */
function* step(contrast, mask, { rows, columns }, state) {
  const { down, right, mean } = state;
  const margin = Math.ceil(Math.max(Math.abs(down), Math.abs(right))) + 2 + Math.round(Math.min(rows, columns) * 0.04);
  const [whole_y, whole_x] = [Math.floor(-down), Math.floor(-right)];
  const [fy, fx] = [-down - whole_y, -right - whole_x];
  const stride = Math.max(1, Math.floor(Math.sqrt((rows * columns) / 160_000)));
  const cut = 4.685 * state.spread;
  let [yy, xx, yx, y1, x1, ry, rx, r1, weights, away, taken] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let y = margin; y < rows - margin; y += stride) {
    for (let x = margin; x < columns - margin; x += stride) {
      const at = (y + whole_y) * columns + x + whole_x;
      const a = mask[at];
      const b = mask[at + 1];
      const c = mask[at + columns];
      const d = mask[at + columns + 1];
      const gx = (b - a) * (1 - fy) + (d - c) * fy;
      const gy = (c - a) * (1 - fx) + (d - b) * fx;
      const rest = contrast[y * columns + x] - (a + (b - a) * fx + (c - a + (a - b - c + d) * fx) * fy) - mean;
      const share = rest / cut;
      if (share <= -1 || share >= 1) continue;
      away += Math.abs(rest);
      taken++;
      const w = (1 - share * share) ** 2;
      weights += w;
      yy += w * gy * gy;
      xx += w * gx * gx;
      yx += w * gy * gx;
      y1 += w * gy;
      x1 += w * gx;
      ry += w * gy * rest;
      rx += w * gx * rest;
      r1 += w * rest;
    }
    if (y % 16 < stride) yield;
  }
  if (!weights || !taken) return 0;
  // Of what was no vessel: on the mean, differences are 0.8 of their standard deviation.
  state.spread = Math.max(SPREAD_MIN, (away / taken) * 1.25);
  state.mean += r1 / weights;
  // The mean is eliminated; moving the mask down by one takes its gradient away.
  const [a11, a22, a12] = [yy - (y1 * y1) / weights, xx - (x1 * x1) / weights, yx - (y1 * x1) / weights];
  const [b1, b2] = [ry - (y1 * r1) / weights, rx - (x1 * r1) / weights];
  const determinant = a11 * a22 - a12 * a12;
  if (!(determinant > 1e-9 * a11 * a22) || !(a11 > 0 && a22 > 0)) return 0;
  const limit = (/** @type {number} */ value) => Math.min(1.5, Math.max(-1.5, value));
  const moved_down = limit(-(b1 * a22 - b2 * a12) / determinant);
  const moved_right = limit(-(b2 * a11 - b1 * a12) / determinant);
  state.down += moved_down;
  state.right += moved_right;
  return Math.hypot(moved_down, moved_right);
}

/**
 * @param {Float32Array} contrast
 * @param {Float32Array} mask
 * @param {Size} size
 * @returns {Generator<void, [number, number] | null>} row, column as the standard writes them: down, to the left; null: nothing to go by
 */
export function* registering(contrast, mask, size) {
  const levels = [{ contrast, mask, size }];
  while (levels.length <= HALVINGS && Math.min(levels[0].size.rows, levels[0].size.columns) >= 2 * SMALLEST) {
    const finer = levels[0];
    const half = halved(finer.mask, finer.size);
    yield;
    levels.unshift({ contrast: halved(finer.contrast, finer.size).plane, mask: half.plane, size: half.size });
    yield;
  }
  const state = { down: 0, right: 0, spread: 1e9, mean: 0 };
  for (const level of levels) {
    if (level !== levels[0]) {
      state.down *= 2;
      state.right *= 2;
      // Noise that was averaged away is back.
      state.spread *= 2;
    }
    for (let n = 0; n < STEPS_MAX; n++) {
      const moved = yield* step(level.contrast, level.mask, level.size, state);
      const farthest = FARTHEST * Math.min(level.size.rows, level.size.columns);
      if (Math.hypot(state.down, state.right) > farthest) return null;
      if (moved < DONE_PIXELS && n > 1) break;
    }
  }
  const tidy = (/** @type {number} */ value) => Math.round(value * 100) / 100 || 0;
  return [tidy(state.down), tidy(-state.right)];
}

/**
 * The same in slices of a few milliseconds between which the page goes on.
 * @param {Float32Array} contrast
 * @param {Float32Array} mask
 * @param {Size} size
 * @param {() => boolean} wanted whether it still is
 */
export async function registered(contrast, mask, size, wanted) {
  const work = registering(contrast, mask, size);
  for (;;) {
    const until_ms = performance.now() + SLICE_MS;
    while (performance.now() < until_ms) {
      const { done, value } = work.next();
      if (done) return value;
    }
    await new Promise((resolve) => setTimeout(resolve));
    if (!wanted()) return null;
  }
}
