// Counts what was shown, missed and held back. Pure; times are ms from navigation.

/** Play counts as steady when it went this long without a stall. */
const STEADY_AFTER_MS = 500;
/** More pictures than a second has. */
const RECENT = 256;

export class PlayStats {
  /** @type {number | null} */
  #step = null;
  /** @type {number | null} */
  #smooth_since_ms = null;
  #stalled = false;
  /** When the latest pictures came on the screen. @type {number[]} */
  #recent_ms = [];

  constructor() {
    /** Set by the player: its bootstrap may have been earlier. @type {number | null} */
    this.first_frame_ms = null;
    /** @type {number | null} */
    this.steady_ms = null;
    /** @type {number | null} */
    this.all_exact_ms = null;
    this.frames_shown = 0;
    this.frames_missed = 0;
    this.frames_out_of_order = 0;
    this.stalls = 0;
  }

  /**
   * The play clock (re)started with its first frame on the screen: steps are counted anew from 0.
   * @param {number} now_ms
   */
  started(now_ms) {
    this.#step = 0;
    this.#stalled = false;
    this.#smooth_since_ms = now_ms;
  }

  /**
   * The page has played by itself since `first_ms`, up to this step.
   * @param {number} first_ms
   * @param {number} step
   */
  adopted(first_ms, step) {
    this.started(first_ms);
    this.#step = step;
    this.frames_shown += step;
  }

  stopped() {
    this.#step = null;
    this.#stalled = false;
    this.#smooth_since_ms = null;
  }

  /**
   * A frame came on the screen.
   * @param {number | null} step its place in play order (clock.js); null when standing
   * @param {number} now_ms
   */
  shown(step, now_ms) {
    this.frames_shown++;
    if (this.#recent_ms.push(now_ms) > RECENT) this.#recent_ms.shift();
    if (step !== null && this.#step !== null) {
      if (step < this.#step) this.frames_out_of_order++;
      else this.frames_missed += Math.max(0, step - this.#step - 1);
    }
    this.still(step, now_ms);
  }

  /**
   * @param {number} step
   * @returns {boolean} the step is not the one shown last
   */
  isNew(step) {
    return step !== this.#step;
  }

  /**
   * The frame of now is on the screen.
   * @param {number | null} step
   * @param {number} now_ms
   */
  still(step, now_ms) {
    if (step === null) return;
    this.#step = step;
    this.#smooth_since_ms ??= now_ms;
    this.#stalled = false;
    if (now_ms - this.#smooth_since_ms >= STEADY_AFTER_MS) this.steady_ms ??= this.#smooth_since_ms;
  }

  /** A frame's time is here and the frame is not: the last good one is held. */
  late() {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#smooth_since_ms = null;
    this.stalls++;
  }

  /**
   * Pictures shown in the last second.
   * @param {number} now_ms
   */
  measuredFps(now_ms) {
    const recent = this.#recent_ms.filter((at_ms) => now_ms - at_ms <= 1000);
    const took_ms = recent[recent.length - 1] - recent[0];
    // Intervals, not pictures: a window of a second that happens to hold both its ends would read one too many.
    return took_ms > 0 ? ((recent.length - 1) * 1000) / took_ms : 0;
  }

  /** As docs/api.md names them. @param {import("./compressed_frames.js").CompressedFrames} [compressed] what is held of the run */
  told(compressed) {
    return {
      ...this,
      frames_exact: compressed?.checked_count ?? 0,
      frames_total: compressed?.frames ?? 0,
      bytes_t0: compressed?.received_t0_bytes ?? 0,
      bytes_t1: compressed?.received_t1_bytes ?? 0,
    };
  }
}
