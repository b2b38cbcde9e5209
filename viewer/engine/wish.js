// What the server is told to send of the run on screen: how it plays and where, as a wish of the protocol.

/** Where a run does not say how fast it plays. */
const USUAL_FPS = 15;

/**
 * @typedef {import("./wire.js").Wish} Wish
 * @typedef {import("./description.js").RunDescription} RunDescription
 *
 * @typedef {object} Circumstances
 * @property {boolean} hidden nobody sees the page
 * @property {boolean} starving exact frames alone do not come fast enough: the first pass is asked for before them
 * @property {boolean} starting decoders are not all up yet
 * @property {number} [weight] its share of the link beside other runs; 1 where it is not said
 */

/**
 * @param {{playing: boolean, rate_fps: number, first: number, last: number, loop: import("./clock.js").LoopMode}} playback
 * @param {number} frame on screen, or when an answer can be here
 * @param {Circumstances} around
 * @returns {Wish}
 */
export function wishOf(playback, frame, { hidden, starving, starting, weight = 1 }) {
  if (hidden) return { state: "hidden", frame };
  /** @type {Wish} */
  const wish = { state: "pause", frame };
  if (playback.playing) {
    const { first, last, loop, rate_fps } = playback;
    Object.assign(wish, { state: "play", rate_fps, first, last, loop });
    if (starving) wish.max_tier = 1;
  }
  if (starting) wish.starting = true;
  if (weight !== 1) wish.weight = weight;
  return wish;
}

/**
 * Of a run that is being opened: the playback is not set up for it yet.
 * @param {RunDescription | null} description null: not known yet
 * @param {number} frame
 * @param {boolean} playing
 * @param {Circumstances} around
 * @returns {Wish}
 */
export function openingWish(description, frame, playing, around) {
  const { frame_time_ms, duration_ms } = description?.timing ?? {};
  const frames = description?.frames ?? 1;
  const rate_fps = frame_time_ms ? 1000 / frame_time_ms : duration_ms ? (frames * 1000) / duration_ms : USUAL_FPS;
  const last = description ? frames - 1 : -1;
  const whole = /** @type {const} */ ({ playing, rate_fps, first: 0, last, loop: "loop" });
  return wishOf(whole, frame, around);
}

/** While frames are still to come the server is told the playhead this often. */
const WISH_MS = 500;

/** Keeps the server told, for one player. */
export class WishTeller {
  /** What was told is not true any more. */
  stale = true;
  /** Exact frames alone do not come fast enough: the rest of the first pass is asked for before them. */
  starved = false;
  /** Whether anybody can see the canvas. */
  seen = true;
  /** Its share of the link beside other players'. */
  weight = 1;
  #told_ms = 0;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./decode_pool.js").DecodePool} pool
   * @param {import("./run_source.js").Owner} owner in whose name it speaks
   */
  constructor(connection, pool, owner) {
    this.connection = connection;
    this.pool = pool;
    this.owner = owner;
  }

  get hidden() {
    return document.hidden || !this.seen;
  }

  /** @returns {Circumstances} */
  get around() {
    return { hidden: this.hidden, starving: this.starved, starting: this.pool.starting, weight: this.weight };
  }

  /** @param {boolean} starved */
  starve(starved) {
    this.stale ||= starved !== this.starved;
    this.starved = starved;
  }

  /**
   * @param {import("./run_source.js").RunSource | null} source
   * @param {import("./playback.js").Playback} playback
   * @param {number} tick_ms
   */
  tell(source, playback, tick_ms) {
    this.stale = false;
    this.#told_ms = performance.now();
    if (!source?.description) return;
    // What is asked for can be here in a round trip; what play has passed by then can wait for the next loop.
    const frame = playback.frameAhead(tick_ms, this.connection.round_trip_ms);
    source.want(this.owner, wishOf(playback, frame, this.around));
  }

  /**
   * At every tick: tells what has changed and, while frames are still to come, where play is.
   * @param {import("./run_source.js").RunSource} source
   * @param {import("./playback.js").Playback} playback
   * @param {number} now_ms
   */
  tick(source, playback, now_ms) {
    const { missing_count, checked_count, frames } = source.compressed;
    // What nobody has made yet is not kept away by the exact frames: with those held back for its sake, they would never come.
    if (missing_count <= frames - source.made || source.short) this.starve(false);
    // Masks may have been made.
    source.library.settle();
    if (this.stale || (playback.playing && checked_count < frames && now_ms - this.#told_ms > WISH_MS)) this.tell(source, playback, now_ms);
  }
}
