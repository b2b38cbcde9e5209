// A run's description and the reader's wishes → one look-up table and one colour mode. Pure.
//
// Both renderers draw with the same table, so they give the same picture. Order of the steps (PS3.4 N.2): modality LUT or
// rescale → VOI LUT or window → inversion. The table holds RGBA pixels as little-endian u32, alpha 255; in the colour modes
// its red byte is the curve of each channel.

/**
 * @typedef {object} Look what the reader chose
 * @property {number} center
 * @property {number} width
 * @property {number | null} voi_lut index into `display.voi_luts`; null: the window
 * @property {boolean} invert on top of the file's own
 *
 * @typedef {object} Palette how samples become pixels
 * @property {"index"|"rgb"|"ybr_full"|"ybr_partial"} mode `index`: one sample, the table's pixel
 * @property {number} bits precision of the samples
 * @property {Uint32Array} table 2^bits entries
 *
 * @typedef {object} Extras what is done to the painted picture: filtered, then covered
 * @property {import("./pixel_filter.js").PixelFilter | null} filter
 * @property {{plane: Uint8Array, version: number, colors: readonly number[]} | null} veil (veil.js)
 *
 * @typedef {object} DifferencePalette the pixel is table[levels[sample] - mask + 32768] (mask_plane.js)
 * @property {"difference"} mode
 * @property {number} bits
 * @property {Uint32Array} table 65536 entries
 * @property {Uint16Array} levels by sample
 * @property {{plane: Uint16Array, version: number}} mask rows x columns; the version counts its changes
 */

const OPAQUE = 0xff000000;

/**
 * Entries of a table, 16-bit little-endian (as every machine with a browser stores them) or 8-bit.
 * @param {string} text base64
 * @param {boolean} wide
 */
function entries(text, wide) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return wide ? new Uint16Array(bytes.buffer, 0, bytes.length >> 1) : bytes;
}

/** @param {import("./description.js").Lut} lut */
function lutFunction(lut) {
  const table = entries(lut.data, true);
  const last = table.length - 1;
  return (/** @type {number} */ x) => table[Math.min(last, Math.max(0, Math.round(x) - lut.first))];
}

/** A level in [0, 1] through a Presentation LUT (PS3.3 C.11.4), whose input is as wide as it has entries. @param {import("./description.js").Lut} lut */
function shapedBy({ data, bits }) {
  const table = entries(data, true);
  return (/** @type {number} */ level) => Math.min(1, table[Math.round(level * (table.length - 1))] / (2 ** bits - 1));
}

/**
 * Level in [0, 1] of a modality value through a window (PS3.3 C.11.2.1.2, C.11.2.1.3).
 * @param {string} kind LINEAR, LINEAR_EXACT or SIGMOID
 * @param {number} center
 * @param {number} width
 * @returns {(x: number) => number}
 */
export function windowFunction(kind, center, width) {
  if (kind === "SIGMOID") return (x) => 1 / (1 + Math.exp((-4 * (x - center)) / width));
  const exact = kind === "LINEAR_EXACT";
  const middle = exact ? center : center - 0.5;
  const span = exact ? width : width - 1;
  return (x) => {
    if (x <= middle - span / 2) return 0;
    if (x > middle + span / 2) return 1;
    return (x - middle) / span + 0.5;
  };
}

/**
 * What sample `i` of the decoder stands for in the file's own values. Signed samples travel with an offset; samples that
 * are too large for 16 bits were mapped onto the run's range by the worker.
 * @param {import("./description.js").RunDescription} description
 * @param {number} bits
 * @returns {(i: number) => number}
 */
function storedValue(description, bits) {
  if (description.tiers.exact.codec === "deflate") {
    const { low, high } = mappedRange(description);
    const step = (high - low) / (2 ** bits - 1);
    return (i) => low + i * step;
  }
  const bias = signedBias(description);
  return (i) => i - bias;
}

/** @param {import("./description.js").RunDescription} description */
export const signedBias = ({ signed, bits_stored }) => (signed ? 2 ** (bits_stored - 1) : 0);

/**
 * The stored values that a run of more than 16 bits is mapped from onto 16 bits: the run's own range where its window was
 * derived from it, else twice the file's windows on either side, since 2^32 levels of which a few are used would leave none.
 * @param {import("./description.js").RunDescription} description
 * @returns {{low: number, high: number}}
 */
export function mappedRange({ display }) {
  const { windows, sample_min, sample_max, rescale_slope, rescale_intercept } = display;
  let low = Infinity;
  let high = -Infinity;
  if (windows[0].source === "derived" && sample_min !== null && sample_max !== null) {
    [low, high] = [sample_min, sample_max];
  } else {
    for (const { center, width } of windows) {
      for (const modality of [center - 2 * width, center + 2 * width]) {
        const stored = (modality - rescale_intercept) / rescale_slope;
        low = Math.min(low, stored);
        high = Math.max(high, stored);
      }
    }
  }
  return high > low ? { low, high } : { low, high: low + 1 };
}

/**
 * Whether pictures of this tier are colour, as they come out of the decoder.
 * @param {import("./description.js").RunDescription} description
 * @param {import("./description.js").Tier} tier
 * @returns {Palette["mode"]}
 */
export function colorMode(description, tier) {
  if (tier.components < 3) return "index";
  const photometric = description.photometric_interpretation;
  if (tier.color === "rgb") return "rgb";
  // YBR_RCT and YBR_ICT name the codec's own transform, which the decoder has undone (PS3.5 8.2.4).
  if (photometric.startsWith("YBR_FULL")) return "ybr_full";
  if (photometric.startsWith("YBR_PARTIAL")) return "ybr_partial";
  return "rgb";
}

/**
 * @param {import("./description.js").RunDescription} description
 * @param {import("./description.js").Tier} tier
 * @param {Look} look
 * @returns {Palette}
 */
export function makePalette(description, tier, look) {
  const bits = Math.min(16, tier.bits);
  const mode = colorMode(description, tier);
  const table = mode !== "index" ? channelTable(bits, look) : (description.display.palette ? paletteTable : greyTable)(description, bits, look);
  return { mode, bits, table };
}

/**
 * Curve of each colour channel: as stored unless the reader moved the window (8-bit levels).
 * @param {number} bits
 * @param {Look} look
 */
function channelTable(bits, look) {
  const top = 2 ** bits - 1;
  const curve = windowFunction("LINEAR_EXACT", look.center, Math.max(1e-3, look.width));
  return greysOf(bits, (i) => curve((i * 255) / top), look.invert);
}

/**
 * @param {import("./description.js").RunDescription} description
 * @param {number} bits
 * @param {Look} look
 */
function greyTable(description, bits, look) {
  const { display } = description;
  const stored = storedValue(description, bits);
  const lut = display.modality_lut && lutFunction(display.modality_lut);
  const slope = display.rescale_slope;
  const intercept = display.rescale_intercept;
  /** @type {(x: number) => number} */
  let level;
  const voi = look.voi_lut === null ? undefined : display.voi_luts[look.voi_lut];
  if (voi) {
    const curve = lutFunction(voi);
    const top = 2 ** voi.bits - 1;
    level = (x) => Math.min(1, curve(x) / top);
  } else {
    const width = Math.max(display.voi_lut_function === "LINEAR" ? 1 : 1e-6, look.width);
    level = windowFunction(display.voi_lut_function, look.center, width);
  }
  const invert = display.invert !== look.invert;
  if (display.presentation_lut) {
    const [voi_level, shaped] = [level, shapedBy(display.presentation_lut)];
    level = (x) => shaped(voi_level(x));
  }
  const table = greysOf(bits, (i) => level(lut ? lut(stored(i)) : stored(i) * slope + intercept), invert);
  if (display.pixel_padding && description.tiers.exact.codec !== "deflate") {
    const [first, last] = display.pixel_padding.map((value) => value + signedBias(description));
    // What is no picture is black, inverted or not.
    if (last >= 0) table.fill(OPAQUE, Math.max(0, first), last + 1);
  }
  return table;
}

/**
 * Grey pixels.
 * @param {number} bits
 * @param {(i: number) => number} level in [0, 1]
 * @param {boolean} invert
 */
export function greysOf(bits, level, invert) {
  const table = new Uint32Array(2 ** bits);
  for (let i = 0; i < table.length; i++) {
    const at = Math.round(255 * level(i));
    const grey = invert ? 255 - at : at;
    table[i] = (OPAQUE | (grey * 0x010101)) >>> 0;
  }
  return table;
}

/**
 * Palette colour (PS3.3 C.7.6.3.1.5, .6): values below the first entry take the first, above the last the last.
 * @param {import("./description.js").RunDescription} description
 * @param {number} bits
 * @param {Look} look
 */
function paletteTable(description, bits, look) {
  const palette = /** @type {import("./description.js").Palette} */ (description.display.palette);
  const wide = palette.bits > 8;
  const [red, green, blue] = [palette.red, palette.green, palette.blue].map((text) => entries(text, wide));
  // The upper 8 bits, as in the first pass, which the server coloured.
  const shift = Math.max(0, palette.bits - 8);
  const stored = storedValue(description, bits);
  const flip = look.invert ? 0xffffff : 0;
  const table = new Uint32Array(2 ** bits);
  for (let i = 0; i < table.length; i++) {
    const n = Math.min(red.length - 1, Math.max(0, stored(i) - palette.first));
    const pixel = (red[n] >> shift) | ((green[n] >> shift) << 8) | ((blue[n] >> shift) << 16);
    table[i] = (OPAQUE | (pixel ^ flip)) >>> 0;
  }
  return table;
}

/**
 * The look a run opens with: the file's first window, else its first VOI LUT, else a window derived from it; colour as it is.
 * @param {import("./description.js").RunDescription} description
 * @returns {Look}
 */
export function defaultLook({ samples_per_pixel, display: { palette, windows, voi_luts } }) {
  const colored = samples_per_pixel > 1 || palette;
  const { center, width, source } = (!colored && windows[0]) || { center: 127.5, width: 255 };
  const voi_lut = !colored && voi_luts.length && source !== "file" ? 0 : null;
  return { center, width, voi_lut, invert: false };
}

/**
 * YCbCr → RGB of one pixel, 8-bit levels before clamping: [from Y, Y's zero, Cr→R, Cb→G, Cr→G, Cb→B] of PS3.3 C.7.6.3.1.2.
 * @type {Record<"ybr_full"|"ybr_partial", readonly number[]>}
 */
export const YBR_FACTORS = {
  ybr_full: [1, 0, 1.402, -0.344136, -0.714136, 1.772],
  ybr_partial: [255 / 219, 16, 1.596027, -0.391762, -0.812968, 2.017232],
};
