// What the server is told to send of the run on screen: how it plays and where, as a wish of the protocol. Pure.

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
 */

/**
 * @param {{playing: boolean, rate_fps: number, first: number, last: number, loop: import("./clock.js").LoopMode}} playback
 * @param {number} frame on screen, or when an answer can be here
 * @param {Circumstances} around
 * @returns {Wish}
 */
export function wishOf(playback, frame, { hidden, starving, starting }) {
  if (hidden) return { state: "hidden", frame };
  /** @type {Wish} */
  const wish = { state: "pause", frame };
  if (playback.playing) {
    const { first, last, loop, rate_fps } = playback;
    Object.assign(wish, { state: "play", rate_fps, first, last, loop });
    if (starving) wish.max_tier = 1;
  }
  if (starting) wish.starting = true;
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
