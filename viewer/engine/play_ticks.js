// What happens on one canvas, tick by tick: the run on it, the frame of now, its picture, its counts.

import { forgetTick, nextTick } from "./ticker.js";
import { Masking } from "./masking.js";
import { PagePreviews } from "./page_previews.js";
import { Playback } from "./playback.js";
import { PlayStats } from "./stats.js";
import { RunLibrary } from "./run_library.js";
import { WishTeller, openingWish } from "./wish.js";

/** The clock starts when this many frames after the first are decoded, */
const READY_AHEAD = 2;
/** or when previews last long enough (page_previews.js), or one frame's time after the first was shown, at most this long: the first loop has to last its nominal time. */
const READY_WAIT_MS = 300;
const HELD_EVENT_MS = 100;
const TIER_PREVIEW = -1;

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./run_source.js").RunSource} RunSource
 * @typedef {import("./run_source.js").Shown} Shown
 */

export class PlayTicks {
  playback = new Playback();
  /** @type {RunSource | null} */
  source = null;
  masking = new Masking();
  badge = "";
  /** Time of the latest tick: what the clock is told must never run back. */
  tick_ms = 0;
  #wish;
  #canvas;
  #tell;
  #library;
  #autoplay;
  #previews;
  /** @type {Shown | null} */
  #shown = null;
  /** @type {WeakMap<RunSource, PlayStats>} */
  #stats = new WeakMap();
  #keep = false;
  #first_frame_wanted = 0;
  #dirty = { look: false, view: false };
  #closed = false;
  /** @type {number | undefined} */
  #held_timer;

  /**
   * @param {{connection: import("./connection.js").Connection, pool: import("./decode_pool.js").DecodePool, canvas: import("./canvas.js").PlayerCanvas, tell: (type: string, detail: object) => void, autoplay: boolean, bootstrap: import("./connection.js").Early | null}} parts `tell` sends an event; `bootstrap`: what the page's script started, which may show the first picture
   */
  constructor({ connection, pool, canvas, tell, autoplay, bootstrap }) {
    this.#canvas = canvas;
    this.#tell = tell;
    this.#autoplay = autoplay;
    this.#previews = new PagePreviews(bootstrap);
    /** @type {import("./run_source.js").Owner} */
    const owner = {
      described: (source) => source === this.source && this.#begin(source),
      decoded: (source, frame) => source === this.source && this.#decoded(frame),
      held: (source) => source === this.source && this.#heldChanged(source),
      failed: (source, code, message) => this.#tell("error", { run: source.run, code, message }),
      masks: () => this.masking.held_bytes,
    };
    this.#wish = new WishTeller(connection, pool, owner);
    this.#library = new RunLibrary(connection, pool, owner);
    this.#library.hide(document.hidden);
    document.addEventListener("visibilitychange", this.#onVisibility);
    pool.watchers.add(this.#onWorker);
  }

  #onWorker = () => {
    this.#wish.stale = true;
    this.touch("time");
  };

  #onVisibility = () => {
    // A hidden page gets no animation frames: the clock stands meanwhile, nothing counts as missed, nothing is sent.
    this.together?.halt();
    this.playback.halt();
    this.now_stats?.stopped();
    this.#library.hide(document.hidden);
    this.#wish.tell(this.source, this.playback, this.tick_ms);
    if (!this.#wish.hidden) this.touch("view");
  };

  /** Whether anybody can see the canvas: one that nobody sees costs neither link nor processor. @param {boolean} seen */
  setSeen(seen) {
    if (seen === this.#wish.seen) return;
    this.#wish.seen = seen;
    if (!seen) this.source?.rest(this.#library.owner);
    this.#onVisibility();
  }

  /** @param {number} weight */
  setWeight(weight) {
    if (weight === this.#wish.weight) return;
    this.#wish.weight = weight;
    this.#wish.stale = true;
    this.touch("time");
  }

  // ---- on one clock with others (lock.js)

  /** The lock, while this run can be played by it. */
  get together() {
    return this.playback.lock?.isTogether(this) ? this.playback.lock : null;
  }

  /** @param {number} frame */
  has(frame) {
    return this.source?.decoded.get(frame) !== undefined || this.#shownOf(frame) !== null;
  }

  /** What is on the screen, where it is this frame of the run. @param {number} frame */
  #shownOf(frame) {
    const shown = this.#shown;
    return shown?.source === this.source && shown?.frame === frame ? shown : null;
  }

  /** @param {number} now_ms */
  started(now_ms) {
    this.now_stats?.started(now_ms);
  }

  stopped() {
    this.#wish.starved = false;
    this.now_stats?.stopped();
    this.changed();
  }

  /**
   * Something has to be done at the next tick: the picture made anew (`look`), drawn again (`view`), or only looked for.
   * @param {"look"|"view"|"time"} what
   */
  touch(what) {
    if (what !== "time") this.#dirty[what] = true;
    if (!this.#closed) nextTick(this.#tick);
  }

  /** What plays or how has changed. */
  changed() {
    if (this.source && !this.playback.playing) this.#previews.takeOver();
    this.#wish.stale = true;
    this.touch("time");
    this.#tell("state", {});
  }

  /** The clock stands: after a change it starts anew, when the picture of its place is there. */
  halt() {
    if (this.together) return this.together.halt();
    this.playback.halt();
    this.stopped();
  }

  /** The previews were windowed on the server; with another window they are wrong. */
  dropPreviews() {
    this.#previews.clear();
  }

  get now_stats() {
    return this.source && this.#stats.get(this.source);
  }

  get waiting() {
    return this.source !== null && this.#shown?.source !== this.source;
  }

  // ---- which run

  /** @param {string} run @param {RunDescription | null} [description] @param {{frame?: number, play?: boolean, keep?: boolean}} [options] */
  open(run, description = null, { frame = 0, play, keep = false } = {}) {
    this.playback.playing = play ?? (this.source ? this.playback.playing : this.#autoplay);
    this.#previews.clear();
    this.#wish.starved = false;
    this.#keep = keep;
    this.#first_frame_wanted = frame;
    const before = this.source;
    this.source = this.#library.show(run, description, openingWish(description, frame, this.playback.playing, this.#wish.around));
    if (!this.#stats.has(this.source)) this.#stats.set(this.source, new PlayStats());
    if (before && before !== this.source) this.#shown = null;
    if (before !== this.source) this.masking.leave();
    if (this.source.description) this.#begin(this.source);
    else this.changed();
  }

  /** @param {RunSource} source whose description is there */
  #begin(source) {
    const description = /** @type {RunDescription} */ (source.description);
    this.playback.load(description, this.#first_frame_wanted, this.#keep);
    this.#canvas.use(description, this.#keep);
    this.now_stats?.stopped();
    this.playback.lock?.rebuild();
    this.#plan(source, this.playback.advance(performance.now())); // its first frame does not wait for a tick
    this.#heldChanged(source);
    this.changed();
  }

  /** @param {{run: string, description?: RunDescription | null}[]} runs */
  prefetch(runs) {
    this.#library.prefetch(runs);
  }

  /** @param {ImageBitmap | HTMLImageElement} image @param {number} frame */
  showPreview(image, frame) {
    this.#previews.add(frame, image);
    this.touch("time");
  }

  /** Nothing is shown any more. */
  leave() {
    this.playback.halt();
    this.#library.leave();
    this.masking.leave();
    this.source = this.#shown = null;
    this.#tell("state", {});
  }

  // ---- time

  #tick = (/** @type {number} */ now_ms) => {
    this.tick_ms = now_ms;
    const source = this.source;
    if (!source?.description || this.#closed || this.#wish.hidden) {
      if (this.#dirty.view) this.redrawNow();
      return;
    }
    const playback = this.playback;
    if (playback.playing && !playback.running) {
      if (this.together) this.together.tryStart(now_ms);
      else this.#maybeStart(source, now_ms);
    }
    const position = playback.advance(now_ms);
    this.#plan(source, position);
    const step = playback.running ? position.step : null;
    const on_screen = this.#show(source, step, now_ms);
    if (on_screen && step !== null) playback.shown(step);
    else if (step !== null) this.now_stats?.late();
    // A lock holds the pictures of all where one is missing.
    const due = this.together && playback.running ? playback.clock.at(now_ms).frame : position.frame;
    if (step !== null && !(on_screen && due === position.frame) && source.compressed.held[due] === 0 && due < source.made && source.description.tiers.fine && !source.short) this.#wish.starve(true);
    this.#library.pool.poke();
    if (position.ended) this.#end();
    this.#wish.tick(source, playback, now_ms);
    if (playback.playing) nextTick(this.#tick);
  };

  #end() {
    if (this.together) return this.together.end();
    this.playback.playing = false;
    this.playback.halt();
    this.now_stats?.stopped();
    this.changed();
  }

  /** @param {RunSource} source @param {import("./clock.js").Position} position */
  #plan(source, position) {
    const plan = this.masking.plan(this.playback.plan(position));
    source.screens.setPlan(this.#library.owner, plan);
    return plan;
  }

  /** @param {RunSource} source @param {number} now_ms */
  #maybeStart(source, now_ms) {
    const page = this.#shown ? null : this.#previews.adopt(source.run, this.playback);
    if (page) return this.now_stats?.adopted(page.first_ms, page.step);
    if (!this.isReady(now_ms)) return;
    this.playback.start(now_ms, this.#shown?.since_ms);
    this.started(now_ms);
  }

  /** The picture of its place is on the screen, and the next ones wait, or nobody wants to wait for them. @param {number} now_ms */
  isReady(now_ms) {
    const { source, playback } = this;
    const shown = this.#shownOf(playback.frame);
    if (!source || !shown) return false;
    const plan = this.#plan(source, playback.advance(now_ms));
    let ready = true;
    for (let n = 1; n <= READY_AHEAD && n < plan.count; n++) ready &&= source.decoded.get(plan.order[n]) !== undefined;
    ready ||= this.#previews.last(plan, playback.rate_fps);
    const frame_ms = 1000 / Math.abs(playback.rate_fps);
    return ready || now_ms - shown.since_ms >= Math.min(READY_WAIT_MS, frame_ms);
  }

  /**
   * Puts the frame of now on the screen, if it is there and not there already.
   * @param {RunSource} source
   * @param {number | null} step
   * @param {number} now_ms
   * @returns {boolean} the frame of now is on the screen
   */
  #show(source, step, now_ms) {
    const description = /** @type {RunDescription} */ (source.description);
    const frame = this.playback.frame;
    const decoded = this.masking.picture(source.decoded.get(frame));
    const preview = decoded ? undefined : this.#previews.picture(source, this.playback);
    const shown = this.#shownOf(frame);
    if (!decoded && !preview) {
      if (this.#dirty.view) this.redrawNow();
      const there = shown !== null || this.#previews.onPage(frame);
      if (there) this.now_stats?.still(step, now_ms);
      return there;
    }
    const tier = decoded ? decoded.tier : TIER_PREVIEW;
    const redraw = this.#dirty.view || this.#dirty.look;
    if (shown && shown.tier >= tier && !redraw) {
      this.now_stats?.still(step, now_ms);
      return true;
    }
    this.#dirty.view = this.#dirty.look = false;
    if (decoded) this.#canvas.show(description, source.tierOf(tier), decoded);
    else if (preview) this.#canvas.showPreview(description, preview);
    this.#drawn(source, frame, tier, step, now_ms);
    return true;
  }

  /** @param {RunSource} source @param {number} frame @param {number} tier @param {number | null} step @param {number} now_ms */
  #drawn(source, frame, tier, step, now_ms) {
    const stats = /** @type {PlayStats} */ (this.now_stats);
    const before = this.#shownOf(frame);
    // Not the tick's time: the first drawing may take a while.
    const time_ms = performance.now();
    const shown = (this.#shown = { source, frame, tier, since_ms: before?.since_ms ?? time_ms });
    if (!before || (step !== null && stats.isNew(step))) stats.shown(step, now_ms);
    else stats.still(step, now_ms);
    if (stats.first_frame_ms === null) this.#firstFrame(source, stats, time_ms);
    this.#setBadge(tier < 2 ? "FIRST PASS" : (source.description?.tiers.exact.badge ?? ""));
    this.#tellFrame(shown, time_ms, before?.tier !== tier);
  }

  /** @param {Shown} shown @param {number} time_ms @param {boolean} changed not the same picture as before */
  #tellFrame({ source, frame, tier }, time_ms, changed) {
    this.#tell("frame", { run: source.run, frame, tier, badge: this.badge, time_ms, changed });
  }

  /** @param {RunSource} source @param {PlayStats} stats @param {number} now_ms */
  #firstFrame(source, stats, now_ms) {
    const earlier_ms = this.#previews.firstOfPage(source.run);
    this.#previews.takeOver();
    stats.first_frame_ms = earlier_ms ?? now_ms;
    this.#tell("firstframe", { run: source.run, ms: stats.first_frame_ms });
  }

  /** The canvas was resized, which wiped it: what was on it is drawn again at once, not at the next tick. */
  redrawNow() {
    this.#dirty.view = false;
    this.#canvas.draw();
    if (this.#shown) this.#tellFrame(this.#shown, performance.now(), false);
  }

  /** @param {string} badge */
  #setBadge(badge) {
    if (badge === this.badge) return;
    this.badge = badge;
    this.#tell("badge", { badge });
  }

  // ---- what the source tells

  /** @param {number} frame */
  #decoded(frame) {
    this.masking.decoded(frame);
    if (frame !== this.playback.frame || !this.source) return;
    // The first picture does not wait for the next tick; the clock does, since it counts in the ticks' time.
    if (this.waiting && !this.#wish.hidden) this.#show(this.source, null, performance.now());
    this.touch("time");
  }

  /** @param {RunSource} source */
  #heldChanged(source) {
    const stats = this.now_stats;
    if (source.all_exact && stats && stats.all_exact_ms === null) {
      stats.all_exact_ms = performance.now();
      this.#tell("allexact", { run: source.run, ms: stats.all_exact_ms });
    }
    this.#held_timer ??= window.setTimeout(() => {
      this.#held_timer = undefined;
      this.#tell("held", { run: this.source?.run ?? null });
    }, HELD_EVENT_MS);
    if (!this.playback.playing) this.touch("time");
  }

  close() {
    const { lock } = this.playback;
    lock?.setMembers(lock.members.filter((member) => member !== this));
    this.#closed = true;
    forgetTick(this.#tick);
    window.clearTimeout(this.#held_timer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#library.pool.watchers.delete(this.#onWorker);
    this.#library.release();
    this.source = this.#shown = null;
  }
}
