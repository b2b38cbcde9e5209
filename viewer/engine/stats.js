// Counts what was shown, missed and held back. Pure; times are ms from navigation.

/** Play counts as steady when it went this long without a stall. */
const STEADY_AFTER_MS = 500;

export class PlayStats {
  /** @type {number | null} */
  #step = null;
  /** @type {number | null} */
  #smooth_since_ms = null;
  #stalled = false;
  #recent_ms = new Float64Array(256);
  #recent_count = 0;

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
    this.#recent_ms[this.#recent_count++ & 255] = now_ms;
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
    this.#settle(now_ms);
  }

  /** A frame's time is here and the frame is not: the last good one is held. */
  late() {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#smooth_since_ms = null;
    this.stalls++;
  }

  /** @param {number} now_ms */
  #settle(now_ms) {
    if (this.steady_ms === null && this.#smooth_since_ms !== null && now_ms - this.#smooth_since_ms >= STEADY_AFTER_MS) {
      this.steady_ms = this.#smooth_since_ms;
    }
  }

  /**
   * Pictures shown in the last second.
   * @param {number} now_ms
   */
  measuredFps(now_ms) {
    const held = Math.min(this.#recent_count, 256);
    let shown = 0;
    let oldest = now_ms;
    let newest = 0;
    for (let n = 0; n < held; n++) {
      const at = this.#recent_ms[n];
      if (now_ms - at > 1000) continue;
      shown++;
      oldest = Math.min(oldest, at);
      newest = Math.max(newest, at);
    }
    // Intervals, not pictures: a window of a second that happens to hold both its ends would read one too many.
    return shown > 1 && newest > oldest ? ((shown - 1) * 1000) / (newest - oldest) : 0;
  }

  /** As docs/api.md names them. @param {import("./compressed_frames.js").CompressedFrames} [compressed] what is held of the run */
  told(compressed) {
    return {
      first_frame_ms: this.first_frame_ms,
      steady_ms: this.steady_ms,
      frames_shown: this.frames_shown,
      frames_missed: this.frames_missed,
      frames_out_of_order: this.frames_out_of_order,
      stalls: this.stalls,
      frames_exact: compressed?.checked_count ?? 0,
      frames_total: compressed?.frames ?? 0,
      all_exact_ms: this.all_exact_ms,
      bytes_t0: compressed?.received_t0_bytes ?? 0,
      bytes_t1: compressed?.received_t1_bytes ?? 0,
    };
  }
}
