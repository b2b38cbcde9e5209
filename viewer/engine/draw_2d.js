// Pixels → canvas by look-up table and putImageData: where there is no WebGL2 or only a software one.

import { YBR_FACTORS } from "./display.js";

/**
 * @param {Uint8Array | Uint16Array} samples
 * @param {import("./display.js").Palette} palette
 * @param {number} components
 * @param {Uint32Array} out one RGBA pixel each
 */
export function paintPixels(samples, palette, components, out) {
  const { table } = palette;
  const count = out.length;
  if (palette.mode === "index") {
    for (let n = 0, at = 0; n < count; n++, at += components) out[n] = table[samples[at]];
  } else if (palette.mode === "rgb") {
    for (let n = 0, at = 0; n < count; n++, at += components) {
      out[n] =
        0xff000000 |
        ((table[samples[at + 2]] & 255) << 16) |
        ((table[samples[at + 1]] & 255) << 8) |
        (table[samples[at]] & 255);
    }
  } else {
    paintYbr(samples, palette, components, out);
  }
}

/**
 * @param {Uint8Array | Uint16Array} samples
 * @param {import("./display.js").Palette} palette
 * @param {number} components
 * @param {Uint32Array} out
 */
function paintYbr(samples, palette, components, out) {
  const { table } = palette;
  const [gain, zero, r_cr, g_cb, g_cr, b_cb] = YBR_FACTORS[/** @type {"ybr_full"|"ybr_partial"} */ (palette.mode)];
  const unit = 2 ** (palette.bits - 8);
  const top = 2 ** palette.bits - 1;
  const middle = 128 * unit;
  const base = zero * unit;
  for (let n = 0, at = 0; n < out.length; n++, at += components) {
    const y = gain * (samples[at] - base) + 0.5;
    const cb = samples[at + 1] - middle;
    const cr = samples[at + 2] - middle;
    const red = y + r_cr * cr;
    const green = y + g_cb * cb + g_cr * cr;
    const blue = y + b_cb * cb;
    out[n] =
      0xff000000 |
      ((table[blue < 0 ? 0 : blue > top ? top : blue | 0] & 255) << 16) |
      ((table[green < 0 ? 0 : green > top ? top : green | 0] & 255) << 8) |
      (table[red < 0 ? 0 : red > top ? top : red | 0] & 255);
  }
}

/**
 * @param {Uint8Array | Uint16Array} samples
 * @param {import("./display.js").DifferencePalette} palette
 * @param {Uint32Array} out
 */
export function paintDifference(samples, { table, levels, mask: { plane } }, out) {
  for (let n = 0; n < out.length; n++) out[n] = table[levels[samples[n]] - plane[n] + 32768];
}

/**
 * @param {{plane: Uint8Array, colors: readonly number[]}} veil
 * @param {Uint32Array} out
 */
export function paintVeil({ plane, colors }, out) {
  for (let n = 0; n < out.length; n++) if (plane[n]) out[n] = colors[plane[n]];
}

export class Canvas2dRenderer {
  /** @type {ImageData | null} */
  #image = null;
  /** @type {Uint32Array} */
  #pixels = new Uint32Array(0);
  /** @type {Uint32Array} before a filter */
  #plain = new Uint32Array(0);
  /** @type {ImageBitmap | HTMLImageElement | null} */
  #preview = null;
  #stale = true;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.name = /** @type {const} */ ("2d");
    this.canvas = canvas;
    const options = { alpha: false, willReadFrequently: true };
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", options));
    this.buffer = document.createElement("canvas");
    this.buffer_context = /** @type {CanvasRenderingContext2D} */ (this.buffer.getContext("2d", options));
  }

  /**
   * Takes a frame as the picture to draw.
   * @param {import("./decoded_frames.js").Decoded} decoded
   * @param {import("./display.js").Palette | import("./display.js").DifferencePalette} palette
   * @param {{rows: number, columns: number}} size
   * @param {import("./display.js").Extras} extras
   */
  show(decoded, palette, { rows, columns }, { filter, veil }) {
    if (!this.#image || this.#image.width !== columns || this.#image.height !== rows) {
      this.#image = new ImageData(columns, rows);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
      this.buffer.width = columns;
      this.buffer.height = rows;
    }
    if (filter && this.#plain.length !== this.#pixels.length) this.#plain = new Uint32Array(this.#pixels.length);
    const pixels = filter ? this.#plain : this.#pixels;
    if (palette.mode === "difference") paintDifference(decoded.samples, palette, pixels);
    else paintPixels(decoded.samples, palette, decoded.components, pixels);
    if (filter) filter.paint(pixels, this.#pixels, { rows, columns }, filter.sharp);
    if (veil) paintVeil(veil, this.#pixels);
    this.#preview = null;
    this.#stale = true;
  }

  /** @param {ImageBitmap | HTMLImageElement} image */
  showPreview(image) {
    this.#preview = image;
  }

  /** @param {import("./zoom_pan.js").Placement | null} place null: black */
  draw(place) {
    const { context, canvas } = this;
    const covers =
      place && place.x <= 0 && place.y <= 0 && place.x + place.width >= canvas.width && place.y + place.height >= canvas.height;
    if (!covers) {
      context.fillStyle = "#000";
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    if (!place) return;
    const image = this.#image;
    if (this.#preview) this.#put(this.#preview, place);
    else if (image) {
      const upright = place.turn[0] === 1 && place.turn[3] === 1;
      if (upright && place.width === image.width && place.height === image.height) return context.putImageData(image, place.x, place.y);
      if (this.#stale) this.buffer_context.putImageData(image, 0, 0);
      this.#stale = false;
      this.#put(this.buffer, place);
    }
  }

  /**
   * @param {CanvasImageSource} picture
   * @param {import("./zoom_pan.js").Placement} place
   */
  #put(picture, { x, y, width, height, turn: [a, b, c, d] }) {
    const { context } = this;
    context.imageSmoothingEnabled = true;
    // Bilinear, as the shader does.
    context.imageSmoothingQuality = "low";
    const [across, down] = a === 0 ? [height, width] : [width, height];
    context.setTransform(a, c, b, d, x + width / 2, y + height / 2);
    context.drawImage(picture, -across / 2, -down / 2, across, down);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  release() {
    this.buffer.width = this.buffer.height = 0;
  }
}
