// What lies over a picture or hides its edges: overlays 60xx and shutters (PS3.3 C.9.2, C.7.6.11, C.7.6.15). Pure; loaded after the
// first picture.
//
// A veil is a plane of the picture's size: 0 the picture, 1 hidden by a shutter, from 2 on an overlay's bit, in the order of overlays.

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./description.js").Overlay} Overlay
 * @typedef {{plane: Uint8Array, version: number}} VeilPlane the version counts its changes
 * @typedef {[number, number, number]} Rgb 8-bit levels
 */

const HIDDEN = 1;
const GRAPHIC = 2;
/** Overlays are drawn in a colour that no grey picture has, but for what a presentation state says. @type {Rgb} */
export const GRAPHIC_COLOR = [255, 220, 80];

/** @param {RunDescription} description @param {number} index @returns {[number, number]} row and column of a pixel, from 1 */
const placeOf = ({ columns }, index) => [Math.floor(index / columns) + 1, (index % columns) + 1];

/**
 * @param {readonly (readonly [number, number])[]} vertices row, column; the last is joined to the first
 * @param {number} row
 * @param {number} column
 */
function isInside(vertices, row, column) {
  let inside = false;
  for (let n = 0, before = vertices.length - 1; n < vertices.length; before = n++) {
    const [y1, x1] = vertices[n];
    const [y2, x2] = vertices[before];
    const cross = (x2 - x1) * (row - y1) - (column - x1) * (y2 - y1);
    const between = row >= Math.min(y1, y2) && row <= Math.max(y1, y2) && column >= Math.min(x1, x2) && column <= Math.max(x1, x2);
    // Edges belong to what is seen.
    if (cross === 0 && between) return true;
    if (y1 > row !== y2 > row && column < ((x2 - x1) * (row - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

/**
 * @param {import("./description.js").Shutter} shutter
 * @returns {((row: number, column: number) => boolean) | null} whether a pixel is seen; null: not by its place
 */
function seenThrough(shutter) {
  const { shape, center, radius, vertices, left = 1, right = Infinity, upper = 1, lower = Infinity } = shutter;
  if (shape === "rectangular") return (row, column) => column >= left && column <= right && row >= upper && row <= lower;
  if (shape === "circular" && center && radius) return (row, column) => (row - center[0]) ** 2 + (column - center[1]) ** 2 <= radius ** 2;
  if (shape === "polygonal" && vertices) return (row, column) => isInside(vertices, row, column);
  return null;
}

/**
 * PCS-Values (PS3.3 C.10.7.1.1: L* 0 to 100, a* and b* -128 to 127, as 0 to 65535; white point D50) → sRGB.
 * @param {readonly number[]} pcs
 * @returns {Rgb}
 */
export function rgbOfLab([l, a, b]) {
  const y = ((l / 65535) * 100 + 16) / 116;
  const back = (/** @type {number} */ t) => (t > 6 / 29 ? t ** 3 : 3 * (6 / 29) ** 2 * (t - 4 / 29));
  const star = (/** @type {number} */ value) => (value / 65535) * 255 - 128;
  const [X, Y, Z] = [0.9642 * back(y + star(a) / 500), back(y), 0.8249 * back(y - star(b) / 200)];
  const level = (/** @type {number} */ light) => Math.round(255 * Math.min(1, Math.max(0, light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055)));
  // D50 to D65 by Bradford, then to the primaries of sRGB.
  return [
    level(3.1338561 * X - 1.6168667 * Y - 0.4906146 * Z),
    level(-0.9787684 * X + 1.9161415 * Y + 0.033454 * Z),
    level(0.0719453 * X - 0.2289914 * Y + 1.4052427 * Z),
  ];
}

/**
 * What a layer or a shutter recommends: its colour, else its grey.
 * @param {{color_cielab?: readonly number[] | null, presentation_value?: number | null} | undefined} from 0 black to 65535 white
 * @returns {Rgb | undefined} none: it says nothing
 */
export function recommended({ color_cielab, presentation_value } = {}) {
  if (color_cielab) return rgbOfLab(color_cielab);
  if (presentation_value != null) return /** @type {Rgb} */ (Array(3).fill(Math.round(presentation_value / 257)));
}

/** @param {Rgb} color @returns {number} RGBA little-endian */
const shade = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;

export class Veil {
  #still;
  #moving;
  #made = "";
  /** @type {VeilPlane} */
  #plane;

  /**
   * @param {RunDescription} description
   * @param {ReadonlyMap<string, Uint8Array>} bits of its overlays, by group
   * @param {{shutters: boolean, overlays: boolean}} on
   */
  constructor(description, bits, { shutters, overlays }) {
    this.description = description;
    this.bits = bits;
    const all = (this.all = description.overlays ?? []);
    const drawn = overlays ? all.filter(({ group }) => bits.has(group)) : [];
    this.#moving = drawn.filter(({ every_frame }) => !every_frame);
    this.#still = new Uint8Array(description.rows * description.columns);
    const closed = shutters ? (description.shutters ?? []) : [];
    for (const overlay of drawn) if (overlay.every_frame) this.#lay(overlay, 0, this.#still);
    for (const shutter of closed) this.#shut(shutter, all);
    this.#plane = { plane: this.#still, version: 0 };
    if (this.#moving.length) this.#plane.plane = this.#still.slice();
    /** @type {readonly number[]} RGBA little-endian, by the plane's value */
    this.colors = [0, shade(closed.map(recommended).find(Boolean) ?? [0, 0, 0]), ...all.map(({ color = GRAPHIC_COLOR }) => shade(color))];
    this.empty = !drawn.length && !closed.length;
  }

  /** @param {import("./description.js").Shutter} shutter @param {Overlay[]} overlays */
  #shut(shutter, overlays) {
    const hiding = overlays.find(({ group }) => group === shutter.overlay_group);
    if (shutter.shape === "bitmap" && hiding) this.#lay(hiding, 0, this.#still, HIDDEN);
    const seen = seenThrough(shutter);
    if (!seen) return;
    for (let n = 0; n < this.#still.length; n++) if (!seen(...placeOf(this.description, n))) this.#still[n] = HIDDEN;
  }

  /**
   * @param {Overlay} overlay
   * @param {number} plane of its planes, from 0
   * @param {Uint8Array} out
   * @param {number} value
   */
  #lay(overlay, plane, out, value = GRAPHIC + this.all.indexOf(overlay)) {
    const { group, rows, columns, origin } = overlay;
    const bits = this.bits.get(group);
    if (!bits) return;
    const { rows: height, columns: width } = this.description;
    for (let row = 0, bit = plane * rows * columns; row < rows; row++) {
      const y = row + origin[0] - 1;
      for (let column = 0; column < columns; column++, bit++) {
        if (!((bits[bit >> 3] >> (bit & 7)) & 1)) continue;
        const x = column + origin[1] - 1;
        const at = y * width + x;
        if (y >= 0 && y < height && x >= 0 && x < width && out[at] !== HIDDEN) out[at] = value;
      }
    }
  }

  /** @param {number} frame from 0 @returns {VeilPlane} */
  of(frame) {
    if (!this.#moving.length) return this.#plane;
    const now = this.#moving.map(({ first_frame, frames }) => (frame >= first_frame - 1 && frame < first_frame - 1 + frames ? frame - first_frame + 1 : -1));
    if (now.join() === this.#made) return this.#plane;
    this.#made = now.join();
    const { plane } = this.#plane;
    plane.set(this.#still);
    this.#moving.forEach((overlay, n) => now[n] >= 0 && this.#lay(overlay, now[n], plane));
    this.#plane.version++;
    return this.#plane;
  }
}
