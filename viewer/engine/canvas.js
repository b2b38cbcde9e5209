// The canvas of one player: its size, zoom and look, and which picture lies on it.

import { defaultLook, makePalette } from "./display.js";
import { Canvas2dRenderer } from "./draw_2d.js";
import { GlRenderer } from "./draw_gl.js";
import { hasFastGl } from "./fast_gl.js";
import { ZOOM_MAX, ZOOM_MIN, flipped, place, toCanvas, toImage, turned, zoomedAt } from "./zoom_pan.js";

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./zoom_pan.js").View} View
 */

/** @type {View} */
const FITTED = { zoom: 1, pan_x: 0, pan_y: 0, turns: 0, mirrored: false };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {"auto"|"gl"|"2d"} wanted
 * @param {() => void} onRestored
 * @param {() => void} onGone
 * @returns {GlRenderer | Canvas2dRenderer}
 */
function makeRenderer(canvas, wanted, onRestored, onGone) {
  if (wanted === "gl" || (wanted === "auto" && hasFastGl())) {
    try {
      return new GlRenderer(canvas, onRestored, onGone);
    } catch (error) {
      console.warn(`fastcine: drawing without WebGL2 (${error})`);
    }
  }
  return new Canvas2dRenderer(canvas);
}

export class PlayerCanvas {
  /** @type {Map<import("./description.js").Tier, import("./display.js").Palette>} for the look and run of now */
  #palettes = new Map();
  /** @type {RunDescription | null} of the picture on the canvas, which may be the run before the one being opened */
  #pictured = null;
  /** Of before a presentation state was applied. @type {{look: import("./display.js").Look, view: View} | null} */
  #before = null;
  /** @type {import("./player.js").Presentation | null} in place of the run's own */
  #instead = null;
  /** @type {ResizeObserver} */
  #observer;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {"auto"|"gl"|"2d"} wanted
   * @param {{redraw: () => void, reshow: () => void}} owner asks: draw again; take the picture anew and draw
   */
  constructor(canvas, wanted, owner) {
    this.canvas = canvas;
    this.renderer = makeRenderer(canvas, wanted, owner.reshow, () => this.#fallBack());
    this.owner = owner;
    this.ratio = 1;
    /** @type {View} */
    this.view = FITTED;
    /** @type {import("./display.js").Look} */
    this.look = { center: 127.5, width: 255, voi_lut: null, invert: false };
    /** @type {import("./pixel_filter.js").PixelFilter | null} */
    this.filter = null;
    /** @type {import("./veil.js").Veil | null} over the run's pictures */
    this.veil = null;
    this.#fitToBox();
    this.#observer = new ResizeObserver(() => {
      if (this.#fitToBox()) owner.redraw();
    });
    this.#observer.observe(canvas);
  }

  /** WebGL is gone for good. A canvas that had it has nothing else: another takes its place. */
  #fallBack() {
    const fresh = /** @type {HTMLCanvasElement} */ (this.canvas.cloneNode());
    this.canvas.replaceWith(fresh);
    this.release();
    this.canvas = fresh;
    this.renderer = new Canvas2dRenderer(fresh);
    this.#observer.observe(fresh);
    this.owner.reshow();
  }

  /** Device pixels of the canvas's box become the size of its store. @returns {boolean} whether that changed it */
  #fitToBox() {
    const { canvas } = this;
    this.ratio = globalThis.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * this.ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * this.ratio));
    if (canvas.width === width && canvas.height === height) return false;
    canvas.width = width;
    canvas.height = height;
    return true;
  }

  #size() {
    return { width: this.canvas.width, height: this.canvas.height, ratio: this.ratio };
  }

  /**
   * @param {RunDescription} description
   * @param {boolean} keep the reader's look and view
   */
  use(description, keep) {
    this.present(null);
    this.#palettes.clear();
    this.veil = null;
    if (keep) return;
    this.filter = null;
    this.look = defaultLook(description);
    this.view = FITTED;
  }

  /** @param {import("./player.js").Presentation | null} state null: as before the first */
  present(state) {
    if (!state && !this.#before) return;
    const before = (this.#before ??= { look: this.look, view: this.view });
    this.#instead = state;
    this.setLook(state ? (state.look ?? {}) : before.look);
    if (state) return;
    this.view = before.view;
    this.#before = null;
  }

  /** The run as its presentation state has it. @param {RunDescription} description @returns {RunDescription} */
  #presented(description) {
    const { display = description.display, pixel_aspect = description.pixel_aspect } = this.#instead ?? {};
    return { ...description, display, pixel_aspect };
  }

  /** @param {Partial<import("./display.js").Look>} change */
  setLook(change) {
    this.look = { ...this.look, ...change };
    this.#palettes.clear();
  }

  /** @param {RunDescription | null} description */
  resetWindow(description) {
    if (description) this.setLook({ ...defaultLook(description), invert: this.look.invert });
  }

  /** @param {Partial<View>} change */
  setView(change) {
    const view = { ...this.view, ...change };
    this.view = { ...view, zoom: Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, view.zoom)) };
  }

  /**
   * @param {number} factor
   * @param {number} x
   * @param {number} y
   */
  zoomAt(factor, x, y) {
    this.view = zoomedAt(this.view, factor, x, y, this.#size());
  }

  fit() {
    this.setView({ zoom: 1, pan_x: 0, pan_y: 0 });
  }

  /** @param {number} quarters clockwise */
  turn(quarters) {
    this.setView(turned(this.view, quarters));
  }

  /** @param {boolean} horizontally */
  flip(horizontally) {
    this.setView(flipped(this.view, horizontally));
  }

  /**
   * Where a run's picture lies, device pixels.
   * @param {RunDescription} description
   */
  placeOf(description) {
    return place(this.#presented(description), this.#size(), this.view);
  }

  /** @param {RunDescription | null} description @returns {number} device pixels per image column */
  scaleOf(description) {
    if (!description) return 1;
    const { width, height } = this.placeOf(description);
    return (this.view.turns % 2 ? height : width) / description.columns;
  }

  /**
   * @param {RunDescription | null} description
   * @param {number} x
   * @param {number} y
   */
  imageToCanvas(description, x, y) {
    if (!description) return { x, y };
    const at = toCanvas(this.placeOf(description), description, x, y);
    return { x: at.x / this.ratio, y: at.y / this.ratio };
  }

  /**
   * @param {RunDescription | null} description
   * @param {number} x
   * @param {number} y
   */
  canvasToImage(description, x, y) {
    if (!description) return { x, y };
    return toImage(this.placeOf(description), description, x * this.ratio, y * this.ratio);
  }

  /**
   * @param {RunDescription} description
   * @param {import("./description.js").Tier} tier
   */
  #palette(description, tier) {
    let palette = this.#palettes.get(tier);
    if (!palette) this.#palettes.set(tier, (palette = makePalette(this.#presented(description), tier, this.look)));
    return palette;
  }

  /**
   * @param {RunDescription} description
   * @param {import("./description.js").Tier} tier of `decoded`
   * @param {import("./decoded_frames.js").Decoded} decoded
   */
  show(description, tier, decoded) {
    const veil = this.veil && { ...this.veil.of(decoded.frame), colors: this.veil.colors };
    this.renderer.show(decoded, decoded.difference ?? this.#palette(description, tier), description, { filter: this.filter, veil });
    this.#pictured = description;
    this.draw();
  }

  /**
   * @param {RunDescription} description
   * @param {ImageBitmap | HTMLImageElement} image
   */
  showPreview(description, image) {
    this.renderer.showPreview(image);
    this.#pictured = description;
    this.draw();
  }

  /** Draws what is there once more (zoom, size). */
  draw() {
    this.renderer.draw(this.#pictured && this.placeOf(this.#pictured));
  }

  release() {
    this.#observer.disconnect();
    this.renderer.release();
  }
}
