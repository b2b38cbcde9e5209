// What is held of one run, compressed: pieces are put together here, and here is known what has been checked. Pure.
//
// Two slots a frame: the first pass (tier 0, replaced by tier 1) and the exact one (tier 2). The first pass is let go when
// the exact samples have been decoded and their CRC was right, not before: a damaged frame must not leave a hole.

import { TIER_EXACT, WireError } from "./wire.js";

export const HELD_NOTHING = 0;
export const HELD_FIRST_PASS = 1;
export const HELD_EXACT = 2;
export const HELD_CHECKED = 3;

/** `have` and `partial` of an `open` stay far below the 64 KiB a control message may have. */
const HAVE_RANGES_MAX = 1500;
const PARTIALS_MAX = 500;

/**
 * @typedef {object} Bitstream one whole frame of a tier
 * @property {number} tier
 * @property {number} codec
 * @property {number} frame
 * @property {number} crc32
 * @property {number} length_bytes
 * @property {Uint8Array | null} bytes null while a worker has them
 * @property {boolean} checked its CRC was right
 *
 * @typedef {Bitstream & {bytes: Uint8Array, filled_bytes: number}} Assembly one that comes in pieces
 */

export class CompressedFrames {
  /** @type {Map<number, Assembly>} */
  #assemblies = new Map();
  /** @type {(Bitstream | null)[]} */
  #first;
  /** @type {(Bitstream | null)[]} */
  #exact;
  /** Exact frames in the order in which they came; those with a worker and those checked are taken out when met. @type {Bitstream[]} */
  #unchecked = [];

  /** @param {number} frames */
  constructor(frames) {
    this.frames = frames;
    /** One of the HELD_ values for each frame. */
    this.held = new Uint8Array(frames);
    this.#first = new Array(frames).fill(null);
    this.#exact = new Array(frames).fill(null);
    this.checked_count = 0;
    /** Frames that have been exact and checked once, held still or let go since for want of memory. */
    this.proved = new Set();
    this.exact_count = 0;
    /** Frames of which nothing at all is held. */
    this.missing_count = frames;
    /** Compressed bytes in memory, those lent to workers included. */
    this.stored_bytes = 0;
    /** Exact bytes that nobody has checked yet. */
    this.unchecked_bytes = 0;
    /** Payload bytes received, first pass (tiers 0 and 1) and exact. */
    this.received_t0_bytes = 0;
    this.received_t1_bytes = 0;
  }

  /** @param {number} frame */
  firstPass(frame) {
    return this.#first[frame];
  }

  /** @param {number} frame */
  exact(frame) {
    return this.#exact[frame];
  }

  /**
   * Takes one piece in.
   * @param {import("./wire.js").Piece} piece
   * @returns {Bitstream | null} the frame, when this piece completed it
   * @throws {WireError} a frame that the run has not, or an offset that is not where the frame stands
   */
  accept(piece) {
    const { tier, frame, payload } = piece;
    if (frame >= this.frames) throw new WireError(`frame ${frame} of a run of ${this.frames}`);
    if (tier === TIER_EXACT) this.received_t1_bytes += payload.length;
    else this.received_t0_bytes += payload.length;
    if (this.#isUseless(tier, frame)) return null;
    const key = frame * 4 + tier;
    let assembly = this.#assemblies.get(key);
    if (!assembly) {
      if (piece.offset_bytes !== 0) throw new WireError(`frame ${frame} tier ${tier} does not start at 0`);
      const { codec, crc32, frame_bytes } = piece;
      assembly = { tier, codec, frame, crc32, length_bytes: frame_bytes, bytes: new Uint8Array(frame_bytes), checked: false, filled_bytes: 0 };
      this.#assemblies.set(key, assembly);
      this.stored_bytes += frame_bytes;
    }
    if (
      piece.offset_bytes !== assembly.filled_bytes ||
      piece.frame_bytes !== assembly.length_bytes ||
      piece.crc32 !== assembly.crc32 ||
      piece.codec !== assembly.codec
    ) {
      // The server may have made the frame anew: a next connection takes it from its start.
      this.#forgetAssembly(key);
      throw new WireError(`frame ${frame} tier ${tier} goes on at ${piece.offset_bytes}, not ${assembly.filled_bytes}`);
    }
    assembly.bytes.set(payload, piece.offset_bytes);
    assembly.filled_bytes += payload.length;
    if (!piece.last) return null;
    this.#assemblies.delete(key);
    return this.#store(assembly);
  }

  /**
   * A tier that is held already, or beaten by one that is.
   * @param {number} tier
   * @param {number} frame
   */
  #isUseless(tier, frame) {
    if (this.#exact[frame]) return true;
    const first = this.#first[frame];
    return tier !== TIER_EXACT && first !== null && first.tier >= tier;
  }

  /** @param {Bitstream} stream */
  #store(stream) {
    const { tier, frame } = stream;
    if (tier === TIER_EXACT) {
      this.#exact[frame] = stream;
      this.#unchecked.push(stream);
      this.exact_count++;
      this.unchecked_bytes += stream.length_bytes;
      // Pieces of the first pass that were still on the way are no longer waited for.
      this.#forgetAssembly(frame * 4);
      this.#forgetAssembly(frame * 4 + 1);
    } else {
      const older = this.#first[frame];
      if (older) this.stored_bytes -= older.length_bytes;
      this.#first[frame] = stream;
    }
    this.#note(frame);
    return stream;
  }

  /** @param {number} key */
  #forgetAssembly(key) {
    const assembly = this.#assemblies.get(key);
    if (!assembly) return;
    this.stored_bytes -= assembly.length_bytes;
    this.#assemblies.delete(key);
  }

  /** @param {number} frame */
  #note(frame) {
    const exact = this.#exact[frame];
    const now = exact ? (exact.checked ? HELD_CHECKED : HELD_EXACT) : this.#first[frame] ? HELD_FIRST_PASS : HELD_NOTHING;
    if (this.held[frame] === HELD_NOTHING && now !== HELD_NOTHING) this.missing_count--;
    if (this.held[frame] !== HELD_NOTHING && now === HELD_NOTHING) this.missing_count++;
    this.held[frame] = now;
  }

  /**
   * The frame was decoded and its CRC was right.
   * @param {Bitstream} stream
   */
  confirm(stream) {
    if (stream.checked || !this.#holds(stream)) return;
    stream.checked = true;
    if (stream.tier !== TIER_EXACT) return;
    this.checked_count++;
    this.proved.add(stream.frame);
    this.unchecked_bytes -= stream.length_bytes;
    const first = this.#first[stream.frame];
    if (first) {
      this.#first[stream.frame] = null;
      this.stored_bytes -= first.length_bytes;
    }
    this.#note(stream.frame);
  }

  /**
   * The frame is damaged, or there is no room for it: forgotten, so that it can be sent again.
   * @param {Bitstream} stream
   */
  reject(stream) {
    if (!this.#holds(stream)) return;
    this.stored_bytes -= stream.length_bytes;
    if (stream.tier === TIER_EXACT) {
      this.#exact[stream.frame] = null;
      this.exact_count--;
      if (stream.checked) this.checked_count--;
      else this.unchecked_bytes -= stream.length_bytes;
    } else {
      this.#first[stream.frame] = null;
    }
    this.#note(stream.frame);
  }

  /** @param {Bitstream} stream */
  #holds(stream) {
    return this.#exact[stream.frame] === stream || this.#first[stream.frame] === stream;
  }

  /**
   * An exact frame that waits for its check and is not with a worker, the last that came; null when there is none. Frames come in
   * the order of play: the last is the one that is shown last, while the next ones will be decoded, and checked, to be shown.
   */
  nextUnchecked() {
    for (let stream = this.#unchecked.at(-1); stream; stream = this.#unchecked.at(-1)) {
      if (!stream.checked && stream.bytes && this.#exact[stream.frame] === stream) return stream;
      this.#unchecked.pop();
    }
    return null;
  }

  /** What an `open` tells the server after a break: frames held whole as ranges, and where others stopped. */
  resume() {
    /** @type {number[][]} */
    const have = [];
    for (const tier of [2, 1, 0]) {
      const slots = tier === TIER_EXACT ? this.#exact : this.#first;
      for (let frame = 0; frame < this.frames; frame++) {
        if (slots[frame]?.tier !== tier) continue;
        const before = have.at(-1);
        if (before?.[0] === tier && before[2] === frame - 1) before[2] = frame;
        else if (have.length < HAVE_RANGES_MAX) have.push([tier, frame, frame]);
      }
    }
    /** @type {number[][]} */
    const partial = [];
    for (const [key, { tier, frame, filled_bytes }] of this.#assemblies) {
      if (partial.length < PARTIALS_MAX) partial.push([tier, frame, filled_bytes]);
      else this.#forgetAssembly(key);
    }
    return { have, partial };
  }
}
