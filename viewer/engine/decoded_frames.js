// The bounded ring of decoded frames around the playhead. Pure.
//
// Compressed frames are kept, decoded ones are not: 300 frames of 1024x1024 at 12 bits would be 630 MB.

/** Decoded bytes kept for a run: 23 frames of 1024x1024 at 8 bits, a whole run of 60 at 512x512. */
const RING_BYTES = 24 * 2 ** 20;
/** Enough to decode ahead of the playhead even where frames are huge. */
const FRAMES_MIN = 8;
const FRAMES_MAX = 128;

/**
 * @typedef {object} Decoded
 * @property {number} frame
 * @property {number} tier
 * @property {Uint8Array | Uint16Array} samples rows x columns x components, C order
 * @property {number} components
 * @property {import("./display.js").DifferencePalette} [difference] how it is drawn where a mask is subtracted from it
 */

export class DecodedFrames {
  /** @type {Map<number, Decoded>} */
  #entries = new Map();

  /** @param {number} frame_bytes decoded size of one frame */
  constructor(frame_bytes) {
    this.frame_bytes = Math.max(1, frame_bytes);
    this.capacity = 0;
    this.limit();
  }

  /** @param {number} [bytes] that it may hold, no more than usual; what is too much leaves by `shed` */
  limit(bytes = RING_BYTES) {
    this.capacity = Math.max(FRAMES_MIN, Math.min(FRAMES_MAX, Math.floor(Math.min(bytes, RING_BYTES) / this.frame_bytes)));
  }

  get held_bytes() {
    return this.#entries.size * this.frame_bytes;
  }

  /** @param {number} frame */
  get(frame) {
    return this.#entries.get(frame);
  }

  /**
   * Puts a frame in; returns what had to leave for it (the older tier of the same frame, or the one needed last), or the
   * new one itself where it would be the first to leave.
   * @param {Decoded} decoded
   * @param {(frame: number) => number} distance steps until the frame is needed; larger leaves sooner
   * @returns {Decoded | null}
   */
  put(decoded, distance) {
    const older = this.#entries.get(decoded.frame);
    if (older && older.tier > decoded.tier) return decoded;
    this.#entries.set(decoded.frame, decoded);
    if (older) return older;
    return this.shed(distance);
  }

  /**
   * What has to leave, one at a time: the frame needed last.
   * @param {(frame: number) => number} distance
   * @returns {Decoded | null}
   */
  shed(distance) {
    if (this.#entries.size <= this.capacity) return null;
    /** @type {Decoded | null} */
    let farthest = null;
    let farthest_steps = -1;
    for (const entry of this.#entries.values()) {
      const steps = distance(entry.frame);
      if (steps > farthest_steps) {
        farthest_steps = steps;
        farthest = entry;
      }
    }
    if (farthest) this.#entries.delete(farthest.frame);
    return farthest;
  }

  /** Empties the ring; returns what was in it. */
  clear() {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    return all;
  }
}
