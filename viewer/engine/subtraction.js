// The subtraction on one canvas: its mask, made of exact frames as soon as they are there, its shift, fading and window.
// Loaded when somebody first subtracts.

import { differenceTable, itemsOfFile, levelsOf, meanLevels, moveMask, openingWindow, partsOf } from "./mask_plane.js";
import { registered } from "./register.js";
import { TIER_EXACT } from "./wire.js";

/**
 * @typedef {import("./decoded_frames.js").Decoded} Decoded
 * @typedef {import("./mask_plane.js").MaskItem} MaskItem
 * @typedef {"file" | "first" | "current" | number[]} MaskChoice frames count from 0
 *
 * @typedef {object} Owner
 * @property {() => unknown} changed the picture is to be made anew, and people told
 * @property {() => boolean} inverted by the reader
 *
 * @typedef {object} Mask
 * @property {string} key
 * @property {Float32Array} levels
 * @property {number} tier the lowest of its frames
 */

/** Frames that one mask is averaged of, when the reader chooses: more take memory and add nothing. */
const MASK_FRAMES_MAX = 16;
const PLAN_MAX = 512;
/** Beside the file's own: those the reader chose last. */
const MASKS_KEPT = 4;
const IDENTITY = Uint16Array.from({ length: 65536 }, (_, n) => n);

export { canSubtract } from "./mask_plane.js";

/**
 * @param {(Pick<Decoded, "samples" | "tier"> | undefined)[]} frames
 * @returns {{samples: Decoded["samples"][], tier: number} | null} with the lowest tier; null: one is not here
 */
function gathered(frames) {
  const here = frames.filter((frame) => frame !== undefined);
  return here.length < frames.length ? null : { samples: here.map(({ samples }) => samples), tier: Math.min(...here.map(({ tier }) => tier)) };
}

export class Subtraction {
  /** Mask frames as they came, until their mean is exact. @type {Map<number, {samples: Uint8Array | Uint16Array, tier: number}>} */
  #frames = new Map();
  /** @type {Map<string, Mask>} by their frames */
  #masks = new Map();
  #order = new Int32Array(PLAN_MAX);
  #place = new Int32Array(PLAN_MAX);
  #table = new Uint32Array(0);
  #table_of = "";
  #plane_of = "";
  #searching = 0;
  /** Row, column that the reader adds to the file's, as the standard writes them. @type {[number, number]} */
  #moved = [0, 0];
  /** What was drawn last: null where that frame has no mask. @type {{masks: number[], shift: [number, number], tier: number} | null} */
  shown = null;
  /** The mask of the frame on screen is not there yet. */
  waiting = true;
  opacity = 1;

  /**
   * @param {import("./run_source.js").RunSource} source described, and to be subtracted (`canSubtract`)
   * @param {MaskChoice} choice
   * @param {number} frame on screen
   * @param {Owner} owner
   */
  constructor(source, choice, frame, owner) {
    const description = /** @type {import("./description.js").RunDescription} */ (source.description);
    this.source = source;
    this.owner = owner;
    this.description = description;
    this.bits = Math.min(16, description.tiers.exact.bits);
    this.logarithmic = description.mask?.intensity === "LIN";
    this.levels = levelsOf(description, this.logarithmic);
    this.window = openingWindow(this.bits, this.logarithmic);
    const count = description.rows * description.columns;
    this.mask = { plane: new Uint16Array(count), version: 0 };
    this.scratch = new Float32Array(0);
    this.averaged = new Uint16Array(0);
    /** @type {MaskChoice} */
    this.choice = choice;
    /** @type {MaskItem[]} */
    this.items = [];
    this.choose(choice, frame);
  }

  /**
   * @param {MaskChoice} choice
   * @param {number} frame on screen
   */
  choose(choice, frame) {
    const chosen = choice === "current" ? [frame] : Array.isArray(choice) && choice.length ? choice.slice(0, MASK_FRAMES_MAX) : [0];
    const items = choice === "file" ? itemsOfFile(this.description) : [];
    this.choice = choice;
    this.items = items.length ? items : [{ operation: "AVG_SUB", ranges: [], mask_frames: chosen, averaging: 1, shift: [0, 0], offset: 1 }];
    this.#moved = [0, 0];
    this.#searching++;
    this.#frames.clear();
    for (const frame of this.#missing()) this.#collect(frame);
    this.owner.changed();
  }

  /** Bytes of masks and of the frames that they are made of. */
  get held_bytes() {
    return this.mask.plane.byteLength * (1 + this.#frames.size + 2 * this.#masks.size) + this.scratch.byteLength + this.averaged.byteLength;
  }

  // ---- by hand

  /**
   * Moves the mask on the picture, in its pixels.
   * @param {number} down
   * @param {number} right
   */
  shiftBy(down, right) {
    this.#searching++;
    const tidy = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;
    this.#moved = [tidy(this.#moved[0] + down), tidy(this.#moved[1] - right)];
    this.owner.changed();
  }

  /** @param {number} opacity of the mask, 0 to 1: below 1 the anatomy stays as a landmark */
  setOpacity(opacity) {
    this.opacity = Math.min(1, Math.max(0, opacity));
    this.owner.changed();
  }

  /** @param {{center: number, width: number} | null} window in levels of the samples; null: as at first */
  setWindow(window) {
    this.window = window ?? openingWindow(this.bits, this.logarithmic);
    this.owner.changed();
  }

  /**
   * Finds the shift that leaves the least of the frame on screen. It works in slices, so that playing goes on.
   * @param {number} frame
   * @returns {Promise<boolean>} false: there was nothing to compare, or something else was asked for meanwhile
   */
  async register(frame) {
    const decoded = this.source.decoded.get(frame);
    const found = this.#partsOf(frame);
    if (!decoded || !found) return false;
    const mask = this.#maskOf(found.parts.masks, found.item);
    if (!mask) return false;
    const search = ++this.#searching;
    const { rows, columns } = this.description;
    const contrast = new Float32Array(rows * columns);
    meanLevels([decoded.samples], this.levels, contrast);
    const shift = await registered(contrast, mask.levels.slice(), { rows, columns }, () => search === this.#searching);
    if (!shift || search !== this.#searching) return false;
    this.#searching++;
    this.#moved = [shift[0] - found.item.shift[0], shift[1] - found.item.shift[1]];
    this.owner.changed();
    return true;
  }

  // ---- pictures

  /** @param {number} frame */
  #partsOf(frame) {
    for (const item of this.items) {
      const parts = partsOf(item, frame, this.description.frames);
      if (parts) return { item, parts };
    }
    return null;
  }

  /**
   * The frame as it is to be drawn; undefined while what it needs beside itself is not there.
   * @param {Decoded} decoded
   * @returns {Decoded | undefined}
   */
  picture(decoded) {
    const found = this.#partsOf(decoded.frame);
    this.waiting = false;
    this.shown = null;
    if (!found) return decoded;
    const { item, parts } = found;
    const mask = this.#maskOf(parts.masks, item);
    if (!mask) {
      this.waiting = true;
      return item.operation === "AVG_SUB" ? decoded : undefined;
    }
    const contrast = this.#contrast(decoded, parts.contrast);
    if (!contrast) return undefined;
    const shift = /** @type {[number, number]} */ ([item.shift[0] + this.#moved[0], item.shift[1] + this.#moved[1]]);
    this.#move(mask, shift);
    const tier = Math.min(mask.tier, contrast.tier);
    this.shown = { masks: parts.masks, shift, tier: mask.tier };
    return { ...contrast, tier, difference: { mode: "difference", bits: 16, table: this.#tableNow(), levels: contrast.levels, mask: this.mask } };
  }

  /**
   * @param {Decoded} decoded
   * @param {number[]} frames
   */
  #contrast(decoded, frames) {
    if (frames.length === 1) return { ...decoded, levels: this.levels };
    const all = gathered(frames.map((frame) => this.source.decoded.get(frame)));
    if (!all) return null;
    if (!this.averaged.length) this.averaged = new Uint16Array(this.mask.plane.length);
    meanLevels(all.samples, this.levels, this.averaged);
    return { ...decoded, samples: this.averaged, tier: all.tier, levels: IDENTITY };
  }

  /**
   * @param {number[]} frames
   * @param {MaskItem} item
   * @returns {Mask | null}
   */
  #maskOf(frames, item) {
    if (item.operation !== "AVG_SUB") return this.#passingMask(frames[0]);
    const key = frames.join();
    const mask = this.#masks.get(key);
    if (mask?.tier === TIER_EXACT) return mask;
    const parts = frames.map((frame) => this.#frames.get(frame));
    const all = gathered(parts);
    const revision = `${key}:${parts.map((part) => part?.tier)}`;
    if (!all || mask?.key === revision) return mask ?? null;
    const made = { key: revision, tier: all.tier, levels: mask?.levels ?? new Float32Array(this.mask.plane.length) };
    meanLevels(all.samples, this.levels, made.levels);
    this.#masks.set(key, made);
    if (this.#masks.size > MASKS_KEPT + this.items.length) this.#masks.delete(/** @type {string} */ (this.#masks.keys().next().value));
    return made;
  }

  /** Of TID: another frame each time. @param {number} frame @returns {Mask | null} */
  #passingMask(frame) {
    const decoded = this.source.decoded.get(frame);
    if (!decoded) return null;
    if (!this.scratch.length) this.scratch = new Float32Array(this.mask.plane.length);
    meanLevels([decoded.samples], this.levels, this.scratch);
    return { key: `${frame}:${decoded.tier}`, tier: decoded.tier, levels: this.scratch };
  }

  /** @param {Mask} mask @param {[number, number]} shift */
  #move(mask, shift) {
    const wanted = `${mask.key} ${shift} ${this.opacity}`;
    if (wanted === this.#plane_of) return;
    moveMask(mask.levels, this.description, shift, this.opacity, this.mask.plane);
    this.mask.version++;
    this.#plane_of = wanted;
  }

  #tableNow() {
    const invert = this.description.display.invert !== this.owner.inverted();
    const wanted = `${this.window.center} ${this.window.width} ${invert}`;
    if (wanted !== this.#table_of) {
      this.#table = differenceTable(this.bits, this.window, invert);
      this.#table_of = wanted;
    }
    return this.#table;
  }

  // ---- frames that are needed

  /** Mask frames that are not exact here. */
  #missing() {
    const missing = new Set();
    for (const { operation, mask_frames } of this.items) {
      if (operation !== "AVG_SUB" || this.#masks.get(mask_frames.join())?.tier === TIER_EXACT) continue;
      for (const frame of mask_frames) if (this.#frames.get(frame)?.tier !== TIER_EXACT) missing.add(frame);
    }
    return missing;
  }

  /** @param {number} frame @returns {boolean} whether it is better than what was here */
  #collect(frame) {
    const decoded = this.source.decoded.get(frame);
    if (!decoded || decoded.tier <= (this.#frames.get(frame)?.tier ?? -1)) return false;
    this.#frames.set(frame, { samples: decoded.samples.slice(), tier: decoded.tier }); // the ring's own are used again
    return true;
  }

  /** @param {number} frame that came into the ring */
  decoded(frame) {
    const missing = this.#missing();
    if (!missing.has(frame) || !this.#collect(frame)) return;
    if (this.#missing().size === 0) this.#settle();
    this.owner.changed();
  }

  /** Every mask is exact: the frames they were made of are not needed any more. */
  #settle() {
    for (const item of this.items) if (item.operation === "AVG_SUB") this.#maskOf(item.mask_frames, item);
    if (this.#missing().size === 0) this.#frames.clear();
  }

  /**
   * The plan with the frames in it that its frames are subtracted by.
   * @param {import("./run_source.js").Plan} plan
   * @param {boolean} on else only a mask is made ready
   * @returns {import("./run_source.js").Plan}
   */
  plan(plan, on) {
    const missing = this.#missing();
    const alone = !on || this.items.every(({ operation, averaging }) => operation === "AVG_SUB" && averaging === 1);
    if (!missing.size && alone) return plan;
    const order = this.#order;
    const place = this.#place;
    let count = 0;
    const add = (/** @type {number} */ frame, /** @type {number} */ ahead) => {
      if (count === PLAN_MAX) return;
      order[count] = frame;
      place[count++] = ahead;
    };
    for (let ahead = 0; ahead < plan.count; ahead++) {
      const frame = plan.order[ahead];
      add(frame, ahead);
      const found = alone ? null : this.#partsOf(frame);
      for (const other of found?.parts.contrast ?? []) if (other !== frame) add(other, ahead);
      if (found && found.item.operation !== "AVG_SUB") add(found.parts.masks[0], ahead);
      if (ahead === 0) for (const mask of missing) add(mask, 0);
    }
    return { order, count, due_ms: (ahead) => plan.due_ms(place[ahead]) };
  }
}
