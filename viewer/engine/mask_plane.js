// Mask subtraction as arithmetic on planes (PS3.3 C.7.6.10): levels, means, shifted masks, differences. Pure.
//
// fastcine/render/subtraction.py is the reference. A plane holds levels from 0 to `TOP`: a share of the samples' range, or of the
// range of their logarithm. What is drawn is table[level of the frame - level of the mask + ZERO].

import { greysOf, signedBias, windowFunction } from "./display.js";

export const TOP = 32767;
export const ZERO = 32768;

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 *
 * @typedef {object} MaskItem one subtraction of the file or of the reader's; frames count from 0
 * @property {"NONE"|"AVG_SUB"|"TID"|"REV_TID"} operation NONE: nothing is subtracted from its frames
 * @property {[number, number][]} ranges frames that it is for, ends included; empty: all
 * @property {number[]} mask_frames
 * @property {number} averaging contrast frames that are averaged, from the one shown on
 * @property {[number, number]} shift row, column as the standard writes them: positive row down, positive column to the LEFT
 * @property {number} offset of TID and REV_TID
 */

/**
 * Samples whose difference says something: one component that is no colour, in levels that are the file's.
 * @param {RunDescription} description
 */
export const canSubtract = ({ samples_per_pixel, display, tiers }) =>
  samples_per_pixel === 1 && !display.palette && tiers.exact.codec !== "deflate";

/**
 * Level of each sample. Absorbers multiply, so of what is proportional to the X-rays the logarithms are subtracted.
 * @param {RunDescription} description
 * @param {boolean} logarithmic
 */
export function levelsOf(description, logarithmic) {
  const codes = 2 ** Math.min(16, description.tiers.exact.bits);
  const levels = new Uint16Array(codes);
  const bias = signedBias(description);
  const top = codes - 1;
  for (let code = 0; code < codes; code++) {
    const share = logarithmic ? Math.log1p(Math.max(0, code - bias)) / Math.log1p(top - bias) : code / top;
    levels[code] = Math.round(TOP * share);
  }
  return levels;
}

/**
 * What frame `frame` is subtracted by, and what is averaged for it; null: nothing of this item.
 * @param {MaskItem} item
 * @param {number} frame
 * @param {number} frames of the run
 * @returns {{masks: number[], contrast: number[]} | null}
 */
export function partsOf(item, frame, frames) {
  const range = item.ranges.find(([first, last]) => first <= frame && frame <= last);
  if (item.operation === "NONE" || (item.ranges.length && !range)) return null;
  if (item.operation === "AVG_SUB") {
    if (!range && frame > frames - item.averaging) return null;
    const last = Math.min(frames - 1, frame + item.averaging - 1);
    return { masks: item.mask_frames, contrast: Array.from({ length: last - frame + 1 }, (_, n) => frame + n) };
  }
  // The first contrast frame counts from the range's start, which is mandatory for REV_TID.
  const first = range?.[0] ?? 0;
  const mask = item.operation === "TID" ? frame - item.offset : first - item.offset - (frame - first);
  return mask >= 0 && mask < frames ? { masks: [mask], contrast: [frame] } : null;
}

/**
 * Mean levels of frames.
 * @param {ArrayLike<number>[]} frames samples, one component
 * @param {Uint16Array} levels
 * @param {Float32Array | Uint16Array} out
 */
export function meanLevels(frames, levels, out) {
  const [first] = frames;
  const count = frames.length;
  if (count === 1) for (let n = 0; n < out.length; n++) out[n] = levels[first[n]];
  else {
    // Stored, it would be cut off.
    const half = out instanceof Uint16Array ? 0.5 : 0;
    for (let n = 0; n < out.length; n++) {
      let sum = 0;
      for (let f = 0; f < count; f++) sum += levels[frames[f][n]];
      out[n] = sum / count + half;
    }
  }
}

/** @param {Float32Array} plane */
function meanOf(plane) {
  let sum = 0;
  for (let n = 0; n < plane.length; n++) sum += plane[n];
  return sum / Math.max(1, plane.length);
}

/**
 * The mask moved by its sub-pixel shift (bilinear; beyond the edge the edge), and faded to its mean.
 * @param {Float32Array} mask
 * @param {{rows: number, columns: number}} size
 * @param {readonly [number, number]} shift row down, column to the left
 * @param {number} opacity 0 to 1
 * @param {Uint16Array} out
 */
export function moveMask(mask, { rows, columns }, [down, left], opacity, out) {
  const base = (1 - opacity) * (opacity < 1 ? meanOf(mask) : 0) + 0.5;
  const row_of = (/** @type {number} */ row) => Math.min(rows - 1, Math.max(0, row)) * columns;
  const whole_y = Math.floor(-down);
  const whole_x = Math.floor(left);
  const fy = -down - whole_y;
  const fx = left - whole_x;
  const at = new Int32Array(columns + 1);
  for (let x = 0; x <= columns; x++) at[x] = Math.min(columns - 1, Math.max(0, x + whole_x));
  for (let y = 0, n = 0; y < rows; y++) {
    const upper = row_of(y + whole_y);
    const lower = row_of(y + whole_y + 1);
    if (fx === 0 && fy === 0) {
      for (let x = 0; x < columns; x++) out[n++] = opacity * mask[upper + at[x]] + base;
      continue;
    }
    let before = mask[upper + at[0]] * (1 - fy) + mask[lower + at[0]] * fy;
    for (let x = 0; x < columns; x++) {
      const next = mask[upper + at[x + 1]] * (1 - fy) + mask[lower + at[x + 1]] * fy;
      out[n++] = opacity * (before + (next - before) * fx) + base;
      before = next;
    }
  }
}

/**
 * The picture's pixel for every difference of levels, through a window in levels of the samples about 0.
 * @param {number} bits of the samples
 * @param {{center: number, width: number}} window
 * @param {boolean} invert
 */
export function differenceTable(bits, { center, width }, invert) {
  const curve = windowFunction("LINEAR_EXACT", center, Math.max(1e-3, width));
  const unit = (2 ** bits - 1) / TOP;
  return greysOf(16, (n) => curve((n - ZERO) * unit), invert);
}

/**
 * The window that a subtraction opens with: half of the range of plain differences; of logarithms what lets through e times as much.
 * @param {number} bits
 * @param {boolean} logarithmic
 */
export function openingWindow(bits, logarithmic) {
  const top = 2 ** bits - 1;
  return { center: 0, width: Math.round(logarithmic ? (2 * top) / Math.log1p(top) : (top + 1) / 2) };
}

/**
 * The file's items as the engine counts, from 0.
 * @param {RunDescription} description
 * @returns {MaskItem[]}
 */
export function itemsOfFile({ mask }) {
  return (mask?.items ?? []).map((item) => ({
    operation: item.operation,
    ranges: item.frame_ranges.map(([first, last]) => /** @type {[number, number]} */ ([first - 1, last - 1])),
    mask_frames: item.mask_frames.map((number) => number - 1),
    averaging: Math.max(1, item.contrast_averaging),
    shift: [item.shift_pixels[0], item.shift_pixels[1]],
    offset: item.tid_offset,
  }));
}
