// What plays and where: frame, direction, range, loop mode, clock. No canvas, no data; told the time.

import { PlayClock, frameDurations, indexAt, makeSequence, wrapped } from "./clock.js";

/** Frames that are worked out ahead of the playhead; the ring never holds more. */
const AHEAD_MAX = 128;
/**
 * The clock starts this much before the tick that starts it, so that a frame's time falls between two ticks of the display
 * and not upon one, where jitter would show it for one tick too many and the next for one too few.
 */
const PHASE_MS = 4;
/** The picture may lag so far behind the clock before a frame is passed over. */
const LAG_MAX_MS = 120;

/** @typedef {import("./clock.js").LoopMode} LoopMode */

export class Playback {
  /** @type {Float64Array} */
  #durations = new Float64Array([1000 / 15]);
  /** Of every frame, as acquired, in ms. */
  acquired = this.#durations;
  #order = new Int32Array(AHEAD_MAX);

  constructor() {
    this.frames = 1;
    this.frame = 0;
    this.first = 0;
    this.last = 0;
    /** @type {LoopMode} */
    this.loop = "loop";
    this.speed = 1;
    /** The reader wants it to play; the clock may still wait for the picture. */
    this.playing = false;
    /** On one clock with others: then it says which moment is shown. @type {import("./lock.js").Lock | null} */
    this.lock = null;
    /** What is played instead of the range, while on one clock with others. @type {import("./clock.js").Sequence | null} */
    this.track = null;
    this.clock = this.#makeClock();
  }

  #makeClock() {
    if (this.track) return new PlayClock(this.track, this.loop, this.speed);
    return new PlayClock(makeSequence(this.#durations, this.first, this.last, this.loop), this.loop, this.speed);
  }

  /** @param {import("./clock.js").Sequence | null} track null: on its own again */
  setTrack(track) {
    this.track = track;
    this.clock = this.#makeClock();
  }

  /** The clock stands at a moment of the period. @param {number} phase_ms */
  standAt(phase_ms) {
    this.clock = this.#makeClock();
    this.clock.anchor_index = indexAt(this.clock.sequence, phase_ms);
    this.frame = this.clock.sequence.frames[this.clock.anchor_index];
  }

  /** @param {number} phase_ms @param {number} now_ms */
  startAt(phase_ms, now_ms) {
    this.clock = this.#makeClock();
    this.clock.startAt(phase_ms, now_ms);
  }

  /** The moment to show: now or, where the screen was held up, when the frame after the one shown last came on. @param {number} now_ms */
  caughtUp(now_ms) {
    const position = this.clock.toShow(now_ms, LAG_MAX_MS);
    return position.step === this.clock.at(now_ms).step ? now_ms : this.clock.due_ms(position, 0);
  }

  /**
   * Another run.
   * @param {import("./description.js").RunDescription} description
   * @param {number} frame
   * @param {boolean} keep speed and loop mode
   */
  load(description, frame, keep) {
    this.track = null;
    this.frames = description.frames;
    // Frames that the file wants trimmed away are out of the range (PS3.3 C.7.6.5, Start Trim and Stop Trim).
    const { start_trim, stop_trim } = description.timing;
    [this.first, this.last] = [(start_trim ?? 1) - 1, (stop_trim ?? this.frames) - 1];
    const sound = this.first >= 0 && this.first <= this.last && this.last < this.frames;
    if (!sound) [this.first, this.last] = [0, this.frames - 1];
    this.frame = Math.min(Math.max(this.first, frame), this.last);
    this.#durations = this.acquired = frameDurations(description.timing, this.frames);
    if (!keep) {
      this.speed = 1;
      this.loop = description.timing.sequencing === "sweep" ? "sweep" : "loop";
    }
    this.clock = this.#makeClock();
  }

  get running() {
    return this.clock.anchor_ms !== null;
  }

  /** Mean frames a second of the range at the speed of now; negative backwards. */
  get rate_fps() {
    const { frames, period_ms } = this.clock.sequence;
    return (frames.length * 1000 * this.speed) / period_ms;
  }

  /**
   * The clock counts from when its first frame came on the screen, so that the first loop lasts its nominal time; but from no
   * longer ago than the frame lasts and the picture may lag.
   * @param {number} now_ms
   * @param {number} shown_ms
   */
  start(now_ms, shown_ms = now_ms) {
    this.clock = this.#makeClock();
    const earliest_ms = now_ms - 1000 / Math.abs(this.rate_fps) - LAG_MAX_MS;
    this.clock.start(this.frame, Math.min(now_ms, Math.max(shown_ms, earliest_ms)) - PHASE_MS);
  }

  /**
   * Goes on with what the page has played since `first_ms` without us, from the start of the range.
   * @param {number} first_ms when its first frame came on the screen
   * @param {number} shown_step the step that it showed last
   */
  adopt(first_ms, shown_step) {
    this.clock = this.#makeClock();
    this.clock.start(this.frame, first_ms - PHASE_MS);
    this.clock.shown_step = shown_step;
  }

  /**
   * The frame that is on the screen `ahead_ms` after now.
   * @param {number} now_ms
   * @param {number} ahead_ms
   */
  frameAhead(now_ms, ahead_ms) {
    return this.running ? this.clock.at(now_ms + ahead_ms).frame : this.frame;
  }

  /** The clock stands, `frame` is where it stood. The wish to play stays. */
  halt() {
    if (this.running) this.clock = this.#makeClock();
  }

  /**
   * Where play is now; moves `frame`.
   * @param {number} now_ms
   */
  advance(now_ms) {
    if (!this.running) return { step: 0, frame: this.frame, ended: false };
    const position = this.track && this.lock ? this.clock.at(this.lock.time(now_ms)) : this.clock.toShow(now_ms, LAG_MAX_MS);
    this.frame = position.frame;
    return position;
  }

  /** @param {number} step of a position whose frame is on the screen now */
  shown(step) {
    this.clock.shown_step = step;
  }

  /** @param {number} frame */
  seek(frame) {
    this.frame = Math.min(this.last, Math.max(this.first, Math.round(frame)));
    this.halt();
  }

  /** @param {number} count negative: back; wraps in the range */
  step(count) {
    const length = this.last - this.first + 1;
    this.seek(this.first + wrapped(this.frame - this.first + count, length));
  }

  /**
   * @param {number} speed
   * @param {number} now_ms
   */
  setSpeed(speed, now_ms) {
    this.speed = speed;
    this.clock.setSpeed(speed, now_ms);
  }

  /** @param {number | null} fps null: as acquired */
  setRate(fps) {
    this.#durations = fps === null ? this.acquired : new Float64Array(this.frames).fill(1000 / fps);
    this.clock = this.#makeClock();
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  setRange(first, last) {
    this.first = Math.min(Math.max(0, Math.min(first, last)), this.frames - 1);
    this.last = Math.min(Math.max(this.first, Math.max(first, last)), this.frames - 1);
    this.frame = Math.min(this.last, Math.max(this.first, this.frame));
    this.clock = this.#makeClock();
  }

  /** @param {LoopMode} loop */
  setLoop(loop) {
    this.loop = loop;
    this.clock = this.#makeClock();
  }

  /** `once` has come to its end (or, backwards, to its start). */
  atEnd() {
    return this.loop === "once" && this.frame === (this.speed < 0 ? this.first : this.last);
  }

  /** Whole periods shown since the clock started. */
  get loops() {
    return this.running ? Math.floor(this.clock.shown_step / this.clock.sequence.frames.length) : 0;
  }

  /** Back to where play begins. */
  rewind() {
    this.seek(this.speed < 0 ? this.last : this.first);
  }

  /**
   * What is needed, nearest first: in play order when playing, else the neighbours on both sides.
   * @param {import("./clock.js").Position} position where play is now (`advance`)
   * @returns {import("./run_source.js").Plan}
   */
  plan(position) {
    const order = this.#order;
    if (this.playing) {
      const clock = this.clock;
      // A frame may come more than once in a track, which stands where it was put.
      if (!this.running && !this.track) clock.anchor_index = Math.max(0, clock.sequence.frames.indexOf(this.frame));
      return { order, count: clock.upcoming(position, order), due_ms: (ahead) => (this.running ? clock.due_ms(position, ahead) : ahead) };
    }
    let count = 0;
    const length = this.last - this.first + 1;
    for (let n = 0; count < Math.min(length, AHEAD_MAX); n++) {
      const away = n & 1 ? (n + 1) >> 1 : -(n >> 1);
      order[count++] = this.first + wrapped(this.frame - this.first + away, length);
    }
    return { order, count, due_ms: (ahead) => ahead };
  }
}
