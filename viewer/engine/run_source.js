// One run being played: what is held of it compressed and decoded, and what it needs decoded next.

import { CompressedFrames, HELD_EXACT } from "./compressed_frames.js";
import { jobOf, tierOf } from "./decode_job.js";
import { DecodedFrames } from "./decoded_frames.js";
import { Screens } from "./screens.js";
import { TIER_EXACT } from "./wire.js";

/** A first pass is decoded at most this many frames ahead: farther on, the exact frame may come in time to save the work. */
const FIRST_PASS_AHEAD = 8;
/** Frames at the playhead that must be there before any picture is refined. */
const SAFE_AHEAD = 6;
/** The same frame damaged this often is given up: the server's copy itself is wrong. */
const DAMAGED_MAX = 3;
/** Decode times are averaged over about eight frames; until some are known the exact tier counts as slow, as it is cold. */
const MEAN_SHARE = 1 / 8;
const COLD_EXACT_MS = 60;
/**
 * Where exact frames come more than so many times as fast as they are played, what play comes to within this time after the ring is
 * not checked in advance: it would be decoded twice, and the cores have the coming ones to take in.
 */
const FAST_ARRIVAL = 2;
const SOON_MS = 700;
const ARRIVALS = 8;
/** A frame due sooner than so many exact decodes (its own, and what its worker has before it) is shown as first pass. */
const LATE_DECODES = 4;

/**
 * @typedef {import("./compressed_frames.js").Bitstream} Bitstream
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./screens.js").Plan} Plan
 *
 * @typedef {object} Owner a player that shows the run, or has fetched it in advance
 * @property {(source: RunSource) => void} described
 * @property {(source: RunSource, frame: number) => void} decoded a frame came into the ring
 * @property {(source: RunSource) => void} held what is held has changed
 * @property {(source: RunSource, code: string, message: string) => void} failed
 * @property {() => number} [masks] bytes held beside the run, for subtraction
 */

/**
 * @typedef {object} Shown the picture on a screen
 * @property {RunSource} source
 * @property {number} frame
 * @property {number} tier -1: a preview
 * @property {number} since_ms when this frame came, in whatever tier
 */

export class RunSource {
  /** @type {Map<number, number>} times damaged, by frame * 4 + tier */
  #damaged = new Map();
  #exact_ms = COLD_EXACT_MS;
  #exact_timed = 0;
  /** When the last exact frames were there. @type {number[]} */
  #arrivals_ms = [];
  #released = false;
  /** Frames let go for want of memory, with the tier that was held: asked for again before play comes to them. @type {Map<number, number>} */
  #dropped = new Map();

  /**
   * @param {string} run
   * @param {RunDescription | null} description
   * @param {{connection: import("./connection.js").Connection, pool: import("./decode_pool.js").DecodePool, owner: Owner, settle: () => void, memory: {held_bytes: number, limit_bytes: number | null}}} library
   * @param {import("./wire.js").Wish} wish
   */
  constructor(run, description, library, wish) {
    const { connection, pool, owner } = library;
    this.library = library;
    this.run = run;
    this.connection = connection;
    this.pool = pool;
    /** @type {Screens<Owner>} */
    this.screens = new Screens();
    /** Frames that the server has made something of; the others are on nobody's way yet. */
    this.made = 0;
    /** @type {RunDescription | null} */
    this.description = null;
    this.compressed = new CompressedFrames(0);
    this.decoded = new DecodedFrames(1);
    if (description) this.#describe(description);
    pool.attach(this);
    connection.subscribe(run, this, this.screens.want(owner, wish));
  }

  /** What is shown now and next, in all places. */
  get plan() {
    return this.screens.plan;
  }

  /** @param {Owner} owner @param {import("./wire.js").Wish} wish */
  want(owner, wish) {
    this.connection.want(this.run, this.screens.want(owner, wish));
  }

  /** @param {(owner: Owner) => void} what */
  #tell(what) {
    for (const owner of this.screens.owners) what(owner);
  }

  #tellHeld() {
    this.#tell((owner) => owner.held(this));
  }

  /** @param {RunDescription} description */
  #describe(description) {
    this.description = description;
    this.compressed = new CompressedFrames(description.frames);
    const { components, bits } = description.tiers.exact;
    this.decoded = new DecodedFrames(description.rows * description.columns * components * (bits > 8 ? 2 : 1));
  }

  /** @param {import("./wire.js").ServerMessage} message */
  onMessage(message) {
    if (message.type === "error") {
      return this.#fail(message.code ?? "error", message.message ?? "");
    }
    if (message.type !== "run" && message.type !== "progress") return;
    this.made = Math.max(...(message.ready ?? [0]));
    if (message.description && !this.description) {
      this.#describe(message.description);
      this.#tell((owner) => owner.described(this));
    }
  }

  /** @param {import("./wire.js").Piece} piece */
  onPiece(piece) {
    // Pieces never come before the `run` message; without it there is no place to put them.
    if (!this.description) return;
    const whole = this.compressed.accept(piece);
    this.library.settle();
    if (!whole) return;
    if (whole.tier === TIER_EXACT && this.#arrivals_ms.push(performance.now()) > ARRIVALS) this.#arrivals_ms.shift();
    this.#tellHeld();
    this.pool.poke();
  }

  resume() {
    // Not said to be held: they come by themselves.
    this.#dropped.clear();
    return this.compressed.resume();
  }

  backlog() {
    return this.compressed.unchecked_bytes;
  }

  get all_exact() {
    return this.description !== null && this.compressed.proved.size === this.compressed.frames;
  }

  /**
   * What this run needs most (decode_pool.js asks).
   * @param {number} now_ms
   * @returns {import("./decode_pool.js").Need | null}
   */
  need(now_ms) {
    const { plan } = this;
    if (this.#dropped.size) this.#recall();
    /** @type {import("./decode_pool.js").Need | null} */
    let refine = null;
    for (let ahead = 0; ahead < plan.count && ahead < this.decoded.capacity; ahead++) {
      const frame = plan.order[ahead];
      // A plan made before the description came.
      if (frame >= this.compressed.frames) break;
      const decoded = this.decoded.get(frame);
      if (decoded) {
        const exact = this.compressed.exact(frame);
        if (exact?.bytes && decoded.tier < TIER_EXACT) refine ??= this.#needOf(exact, plan.due_ms(ahead));
      } else {
        const stream = this.#choose(frame, ahead, plan.due_ms(ahead) - now_ms);
        if (stream && (ahead < SAFE_AHEAD || !refine)) return this.#needOf(stream, plan.due_ms(ahead));
      }
      if (refine && ahead >= SAFE_AHEAD) break;
    }
    if (refine) return refine;
    const unchecked = this.compressed.nextUnchecked();
    return unchecked && !this.#isSoonShown(unchecked.frame, now_ms) ? this.#needOf(unchecked, Infinity) : null;
  }

  /**
   * Play comes to this frame before all that is still on its way could be decoded.
   * @param {number} frame
   * @param {number} now_ms
   */
  #isSoonShown(frame, now_ms) {
    const { plan, compressed } = this;
    if (compressed.exact_count === compressed.frames || this.#arrivals_ms.length < ARRIVALS) return false;
    const period_ms = (plan.due_ms(plan.count - 1) - plan.due_ms(0)) / Math.max(1, plan.count - 1);
    if ((now_ms - this.#arrivals_ms[0]) * FAST_ARRIVAL > ARRIVALS * period_ms) return false;
    return (this.#distance(frame) - this.decoded.capacity) * period_ms < SOON_MS;
  }

  /**
   * The tier to decode for a frame that is not there at all.
   * @param {number} frame
   * @param {number} ahead
   * @param {number} left_ms until it is due
   */
  #choose(frame, ahead, left_ms) {
    const exact = this.compressed.exact(frame);
    const first = this.compressed.firstPass(frame);
    // Already with a worker: no second tier of it meanwhile.
    if (exact?.bytes === null || first?.bytes === null) return null;
    const slow = exact !== null && left_ms < this.#exact_ms * LATE_DECODES && ahead > 0;
    if (exact && !(slow && first)) return exact;
    return ahead < FIRST_PASS_AHEAD ? first : null;
  }

  /**
   * @param {Bitstream} stream
   * @param {number} due_ms
   * @returns {import("./decode_pool.js").Need}
   */
  #needOf(stream, due_ms) {
    return {
      due_ms,
      take: () => this.#take(stream, due_ms !== Infinity),
      done: (answer) => this.#done(stream, answer),
    };
  }

  /**
   * @param {Bitstream} stream
   * @param {boolean} want_samples
   */
  #take(stream, want_samples) {
    const job = jobOf(stream, /** @type {RunDescription} */ (this.description), want_samples);
    stream.bytes = null;
    return job;
  }

  /** @param {number} tier as on the wire */
  tierOf(tier) {
    return tierOf(/** @type {RunDescription} */ (this.description), tier);
  }

  /**
   * @param {Bitstream} stream
   * @param {import("./decode_pool.js").Answer | null} answer
   */
  #done(stream, answer) {
    if (this.#released) {
      if (answer?.samples) this.pool.recycle(answer.samples);
      return;
    }
    if (!answer || answer.failure) {
      this.#lost(stream, answer);
      return;
    }
    stream.bytes = new Uint8Array(answer.bytes);
    // The first few say more than what was taken for granted before them.
    if (stream.tier === TIER_EXACT) this.#exact_ms += (answer.ms - this.#exact_ms) * Math.max(MEAN_SHARE, 1 / (2 + this.#exact_timed++));
    if (!stream.checked) {
      this.compressed.confirm(stream);
      this.connection.worked();
      this.#tellHeld();
    }
    if (answer.samples) this.#keep(stream, answer.samples);
  }

  /** @param {string} code @param {string} message */
  #fail(code, message) {
    this.#tell((owner) => owner.failed(this, code, message));
  }

  /** No worker can be started any more. */
  stranded() {
    this.#fail("decoder", "The decoder does not start. Reload the page to try again.");
  }

  /**
   * The frame cannot be shown: it is asked for again. One that its worker died with is not to blame.
   * @param {Bitstream} stream
   * @param {import("./decode_pool.js").Answer | null} answer
   */
  #lost(stream, answer) {
    this.compressed.reject(stream);
    this.#tellHeld();
    const key = stream.frame * 4 + stream.tier;
    const times = (this.#damaged.get(key) ?? 0) + (answer ? 1 : 0);
    this.#damaged.set(key, times);
    if (times <= DAMAGED_MAX) {
      this.connection.damaged(this.run, stream.tier, stream.frame, answer === null);
      return;
    }
    this.#fail("damaged", `Frame ${stream.frame + 1} cannot be shown: ${answer?.failure}.`);
  }

  /**
   * @param {Bitstream} stream
   * @param {Uint8Array | Uint16Array} samples
   */
  #keep(stream, samples) {
    const { frame, tier } = stream;
    const left = this.decoded.put({ frame, tier, samples, components: this.tierOf(tier).components }, this.#distance);
    if (left) this.pool.recycle(left.samples);
    if (this.decoded.get(frame)?.samples === samples) this.#tell((owner) => owner.decoded(this, frame));
    this.library.settle();
  }

  #distance = (/** @type {number} */ frame) => {
    const { order, count } = this.plan;
    for (let ahead = 0; ahead < count; ahead++) if (order[ahead] === frame) return ahead;
    return count;
  };

  // ---- where memory is short (memory.js)

  /** Frames were let go for want of memory: what is missing was here, and comes again when play comes to it. */
  get short() {
    return this.#dropped.size > 0;
  }

  get held_bytes() {
    return this.compressed.stored_bytes + this.decoded.held_bytes;
  }

  /** @param {number} bytes of decoded frames to keep at most @returns {number} bytes that were freed */
  shrinkRing(bytes) {
    const before = this.decoded.held_bytes;
    this.decoded.limit(bytes);
    while (this.decoded.shed(this.#distance));
    return before - this.decoded.held_bytes;
  }

  /** Lets go of a frame, compressed. @param {number} frame @returns {number} bytes that were freed */
  drop(frame) {
    const { compressed } = this;
    const before = compressed.stored_bytes;
    const streams = [compressed.exact(frame), compressed.firstPass(frame)].filter((stream) => stream !== null);
    this.#dropped.set(frame, streams[0].tier);
    for (const stream of streams) compressed.reject(stream);
    this.#tellHeld();
    return before - compressed.stored_bytes;
  }

  /** What was let go and comes on in the time in which half of what is here is played is asked for again. */
  #recall() {
    const { order, count } = this.plan;
    const soon = Math.min(count, Math.max(this.decoded.capacity, this.compressed.exact_count >> 1));
    for (let ahead = 0; ahead < soon; ahead++) {
      const frame = order[ahead];
      const tier = this.#dropped.get(frame);
      if (tier === undefined || this.decoded.get(frame)?.tier === TIER_EXACT) continue;
      this.#dropped.delete(frame);
      if (this.compressed.held[frame] < HELD_EXACT) this.connection.damaged(this.run, tier, frame, true);
    }
  }

  /** Nobody sees it there; where nobody sees it at all, what is compressed stays and what is decoded goes. @param {Owner} owner */
  rest(owner) {
    this.screens.setPlan(owner);
    if (this.plan.count) return;
    this.#emptyRing();
    this.decoded.limit();
  }

  /** Off every screen. */
  shelve() {
    this.connection.want(this.run, { state: "hidden", frame: 0 });
    for (const owner of this.screens.owners) this.rest(owner);
    this.screens.clear();
  }

  #emptyRing() {
    for (const decoded of this.decoded.clear()) this.pool.recycle(decoded.samples);
  }

  release() {
    this.#released = true;
    this.pool.detach(this);
    this.connection.unsubscribe(this.run);
    this.#emptyRing();
  }
}
