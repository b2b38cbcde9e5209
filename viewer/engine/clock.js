// Elapsed time → frame. Pure: it is told the time, it never asks for it.
//
// The position is always worked out from the anchor (where play started, and when), never added up from steps, so that
// nothing drifts, and frame times keep their fractions (33.333 ms is not 33 ms).

/** A boundary that rounding put a hair later than it is counts as reached: a nanosecond, in ms. */
const EPSILON_MS = 1e-6;

/** A place on the circle of `length`, 0 up to it. @param {number} at @param {number} length */
export const wrapped = (at, length) => at - Math.floor(at / length) * length;

/**
 * @typedef {"loop"|"sweep"|"once"} LoopMode
 *
 * @typedef {object} Sequence one period of what is played: frames in order, each with its own duration
 * @property {Int32Array} frames
 * @property {Float64Array} starts_ms start of each in the period; one more element: the period
 * @property {number} period_ms
 *
 * @typedef {object} Position
 * @property {number} step frames since play started, unwrapped and signed with the direction of play
 * @property {number} frame
 * @property {boolean} ended the end of `once` has been reached
 */

/**
 * Duration of every frame in ms. Constant Frame Time, or differences of the starts (PS3.3 C.7.6.5); the last frame of a
 * vector lasts the mean step, as `duration_ms` says.
 * @param {import("./description.js").Timing} timing
 * @param {number} frames
 * @returns {Float64Array}
 */
export function frameDurations(timing, frames) {
  const durations = new Float64Array(frames);
  const starts = timing.frame_starts_ms;
  if (starts && starts.length === frames && frames > 1) {
    const mean = starts[frames - 1] / (frames - 1);
    const whole = timing.duration_ms && timing.duration_ms > starts[frames - 1] ? timing.duration_ms : starts[frames - 1] + mean;
    for (let n = 0; n < frames; n++) durations[n] = (n + 1 < frames ? starts[n + 1] : whole) - starts[n];
    return durations;
  }
  return durations.fill(timing.frame_time_ms && timing.frame_time_ms > 0 ? timing.frame_time_ms : 1000 / 15);
}

/**
 * @param {Float64Array} durations_ms of every frame of the run
 * @param {number} first
 * @param {number} last
 * @param {LoopMode} loop
 * @returns {Sequence}
 */
export function makeSequence(durations_ms, first, last, loop) {
  const forward = last - first + 1;
  // Sweep does not repeat the ends: 1..n, n-1..2 (PS3.3 C.7.6.5, Preferred Playback Sequencing).
  const length = loop === "sweep" ? Math.max(1, 2 * forward - 2) : forward;
  const frames = new Int32Array(length);
  const starts_ms = new Float64Array(length + 1);
  const first_duration = durations_ms[first];
  let constant = true;
  for (let i = 0; i < length; i++) {
    frames[i] = i < forward ? first + i : last - (i - forward + 1);
    constant = constant && durations_ms[frames[i]] === first_duration;
  }
  for (let i = 1; i <= length; i++) {
    // A product is rounded once, a sum at every step.
    starts_ms[i] = constant ? i * first_duration : starts_ms[i - 1] + durations_ms[frames[i - 1]];
  }
  return { frames, starts_ms, period_ms: starts_ms[length] };
}

/**
 * Index of the element of the period that is on at `phase_ms`.
 * @param {Sequence} sequence
 * @param {number} phase_ms in [0, period)
 */
export function indexAt(sequence, phase_ms) {
  const starts = sequence.starts_ms;
  let low = 0;
  let high = sequence.frames.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= phase_ms + EPSILON_MS) low = middle;
    else high = middle - 1;
  }
  return low;
}

export class PlayClock {
  /**
   * @param {Sequence} sequence
   * @param {LoopMode} loop
   * @param {number} speed signed; 1 = as acquired
   */
  constructor(sequence, loop, speed) {
    this.sequence = sequence;
    this.loop = loop;
    this.speed = speed;
    /** When play started, ms; null while it stands. @type {number | null} */
    this.anchor_ms = null;
    /** Where play started, ms of the period's time line. */
    this.anchor_phase_ms = 0;
    this.anchor_index = 0;
    /** The step that came on the screen last. */
    this.shown_step = 0;
  }

  /**
   * Starts at `frame`, at the beginning of its time (at its end when playing backwards).
   * @param {number} frame
   * @param {number} now_ms
   */
  start(frame, now_ms) {
    const index = Math.max(0, this.sequence.frames.indexOf(frame));
    this.startAt(this.sequence.starts_ms[this.speed < 0 ? index + 1 : index], now_ms, index);
  }

  /**
   * Starts at a moment of the period, which may lie within a frame's time.
   * @param {number} phase_ms
   * @param {number} now_ms
   * @param {number} [index] of the frame that is on then
   */
  startAt(phase_ms, now_ms, index = indexAt(this.sequence, phase_ms)) {
    this.anchor_ms = now_ms;
    this.anchor_index = index;
    this.anchor_phase_ms = phase_ms;
    this.shown_step = 0;
  }

  /**
   * Goes on at another speed from where it is, without a jump.
   * @param {number} speed
   * @param {number} now_ms
   */
  setSpeed(speed, now_ms) {
    if (this.anchor_ms !== null) this.startAt(this.phaseAt(now_ms), now_ms);
    this.speed = speed;
  }

  /**
   * Position on the time line, wrapped into the period.
   * @param {number} now_ms
   */
  phaseAt(now_ms) {
    const { period_ms } = this.sequence;
    const media = this.anchor_phase_ms + (now_ms - /** @type {number} */ (this.anchor_ms)) * this.speed;
    if (this.loop === "once") return Math.min(Math.max(media, 0), period_ms - 2 * EPSILON_MS);
    return wrapped(media, period_ms);
  }

  /**
   * @param {number} now_ms
   * @returns {Position}
   */
  at(now_ms) {
    const { frames, starts_ms, period_ms } = this.sequence;
    if (this.anchor_ms === null) return { step: 0, frame: frames[this.anchor_index], ended: false };
    const backwards = this.speed < 0;
    let media = this.anchor_phase_ms + (now_ms - this.anchor_ms) * this.speed;
    let ended = false;
    if (this.loop === "once") {
      ended = backwards ? media <= EPSILON_MS : media >= period_ms - EPSILON_MS;
      media = Math.min(Math.max(media, backwards ? EPSILON_MS : 0), period_ms - 2 * EPSILON_MS);
    }
    // Backwards an instant that falls on a boundary belongs to the frame before it, hence the nudge.
    if (backwards) media -= 2 * EPSILON_MS;
    const pass = Math.floor((media + EPSILON_MS) / period_ms);
    const index = indexAt(this.sequence, Math.max(0, media - pass * period_ms));
    const step = pass * frames.length + index - this.anchor_index;
    return { step: backwards ? 0 - step : step, frame: frames[index], ended };
  }

  /**
   * What to show: the frame of now or, where the screen was held up, the one after that shown last. So a short hold-up costs no
   * frame, the picture catches up at one frame a tick; only what is `lag_max_ms` worth of frames behind is passed over.
   * @param {number} now_ms
   * @param {number} lag_max_ms
   * @returns {Position}
   */
  toShow(now_ms, lag_max_ms) {
    const position = this.at(now_ms);
    const { frames, period_ms } = this.sequence;
    const lag_max = Math.floor((lag_max_ms * frames.length * Math.abs(this.speed)) / period_ms);
    const step = Math.max(this.shown_step + 1, position.step - lag_max);
    if (step >= position.step) return position;
    return { step, frame: frames[wrapped(this.anchor_index + (this.speed < 0 ? -step : step), frames.length)], ended: false };
  }

  /**
   * When the frame `ahead` steps after `position` comes on, ms of the same clock.
   * @param {Position} position
   * @param {number} ahead at least 0
   */
  due_ms(position, ahead) {
    if (this.anchor_ms === null) return Infinity;
    const { frames, starts_ms, period_ms } = this.sequence;
    const direction = this.speed < 0 ? -1 : 1;
    const index = this.anchor_index + direction * (position.step + ahead);
    const pass = Math.floor(index / frames.length);
    const within = index - pass * frames.length;
    const media = pass * period_ms + (direction < 0 ? starts_ms[within + 1] : starts_ms[within]);
    return this.anchor_ms + (media - this.anchor_phase_ms) / this.speed;
  }

  /**
   * The frames that come on after `position`, nearest first, one period at most: fills `out`,
   * returns the count.
   * @param {Position} position
   * @param {Int32Array} out
   */
  upcoming(position, out) {
    const { frames } = this.sequence;
    const direction = this.speed < 0 ? -1 : 1;
    const length = frames.length;
    const count = Math.min(out.length, length);
    let index = this.anchor_index + direction * position.step;
    let n = 0;
    for (; n < count; n++, index += direction) {
      const pass = Math.floor(index / length);
      if (this.loop === "once" && pass !== 0) break;
      out[n] = frames[index - pass * length];
    }
    return n;
  }
}
