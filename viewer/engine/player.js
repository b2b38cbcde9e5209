// The player of one canvas (README.md): what the user interface calls, asks and hears.

import { sharedConnection } from "./connection.js";
import { sharedPool } from "./decode_pool.js";
import { loadSubtraction } from "./masking.js";
import { PlayStats } from "./stats.js";
import { PlayerCanvas } from "./canvas.js";
import { defaultLook } from "./display.js";
import { PlayTicks } from "./play_ticks.js";

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./lock.js").Lock} Lock
 *
 * @typedef {object} PlayerOptions
 * @property {string} [socketUrl]
 * @property {import("./connection.js").Early} [early]
 * @property {"auto"|"gl"|"2d"} [renderer]
 * @property {boolean} [autoplay]
 * @property {number} [credit_bytes]
 *
 * @typedef {object} Presentation how a presentation state has the picture; what is not there is as it was
 * @property {import("./description.js").Display} [display]
 * @property {number} [pixel_aspect]
 * @property {import("./display.js").Look} [look]
 */

/** @param {HTMLCanvasElement} canvas @param {PlayerOptions} [options] */
export function createPlayer(canvas, options = {}) {
  return new Player(canvas, options);
}

/** http to ws, https to wss */
const defaultSocketUrl = () => `${location.origin.replace("http", "ws")}/ws`;

export class Player extends EventTarget {
  #connection;
  #canvas;
  #ticks;
  #playback;

  /** @param {HTMLCanvasElement} canvas @param {PlayerOptions} options */
  constructor(canvas, { socketUrl, early, renderer = "auto", autoplay = true, credit_bytes }) {
    super();
    const pool = sharedPool(early);
    const connection = sharedConnection(socketUrl ?? defaultSocketUrl(), { credit_bytes, early });
    const shown = new PlayerCanvas(canvas, renderer, {
      redraw: () => (this.#ticks.redrawNow(), this.#tell("state", {})), // the scale is another one
      reshow: () => this.#ticks.touch("look"),
    });
    this.#connection = connection;
    this.#canvas = shown;
    this.#ticks = new PlayTicks({ connection, pool, canvas: shown, tell: this.#tell, autoplay, bootstrap: early ?? null });
    this.#playback = this.#ticks.playback;
    connection.watchers.add(this.#onConnection);
    connection.failures.add(this.#onFailure);
  }

  #tell = (/** @type {string} */ type, /** @type {object} */ detail) => {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  };
  #onConnection = (/** @type {string} */ state, /** @type {number} */ retry_ms) => this.#tell("connection", { state, retry_ms });
  #onFailure = (/** @type {string} */ code, /** @type {string} */ message) => this.#tell("error", { run: this.run, code, message });

  // ---- which run

  /**
   * @param {string} run
   * @param {RunDescription | null} [description]
   * @param {{frame?: number, play?: boolean, keep?: boolean}} [options]
   */
  open(run, description = null, options = {}) {
    this.#ticks.open(run, description, options);
  }

  /** Shows nothing any more, until a run is opened. */
  leave() {
    this.#ticks.leave();
  }

  /** @param {{run: string, description?: RunDescription | null}[]} runs */
  prefetch(runs) {
    this.#ticks.prefetch(runs);
  }

  /** @param {ImageBitmap | HTMLImageElement} image @param {number} frame */
  showPreview(image, frame) {
    this.#ticks.showPreview(image, frame);
  }

  // ---- playing

  play() {
    const playback = this.#playback;
    if (playback.playing) return;
    if (this.#lock) return this.#lock.play(true);
    if (playback.atEnd()) playback.rewind();
    playback.playing = true;
    this.#ticks.changed();
  }

  pause() {
    if (!this.#playback.playing) return;
    if (this.#lock) return this.#lock.play(false);
    this.#playback.playing = false;
    this.#ticks.halt();
  }

  toggle() {
    if (this.#playback.playing) this.pause();
    else this.play();
  }

  /** @param {number} frame */
  seek(frame) {
    if (this.#lock) return this.#lock.seek(this.#ticks, Math.round(frame));
    this.#playback.seek(frame);
    this.#ticks.halt();
  }

  /** @param {number} count */
  step(count) {
    if (this.#lock) return this.#lock.step(this.#ticks, count);
    this.#playback.playing = false;
    this.#playback.step(count);
    this.#ticks.halt();
  }

  /** @param {number} factor */
  speed(factor) {
    if (!Number.isFinite(factor) || factor === 0) throw new RangeError("speed must not be 0");
    if (this.#lock) return this.#lock.speed(factor);
    this.#playback.setSpeed(factor, this.#ticks.tick_ms);
    this.#ticks.now_stats?.stopped();
    this.#ticks.changed();
  }

  /** @param {number | null} fps */
  setRate(fps) {
    if (fps !== null && !(fps > 0 && Number.isFinite(fps))) throw new RangeError("fps must be above 0");
    this.#playback.setRate(fps);
    this.#ticks.halt();
  }

  /** @param {import("./clock.js").LoopMode} loop */
  setLoop(loop) {
    if (this.#lock) return this.#lock.setLoop(loop);
    this.#playback.setLoop(loop);
    this.#ticks.halt();
  }

  /** @param {number | null} first null, and no `last`: the whole run @param {number} [last] */
  setRange(first, last = this.#playback.frames - 1) {
    this.#playback.setRange(Math.round(first ?? 0), Math.round(last));
    this.#ticks.halt();
    this.#lock?.rebuild();
  }

  // ---- beside other players

  /** The lock whose clock it plays by now. */
  get #lock() {
    return this.#ticks.together;
  }

  /**
   * Plays these players on one clock from now on, the first leading; those that the mode cannot synchronise play on their own.
   * @param {Lock} lock
   * @param {Player[]} players
   */
  static lock(lock, players) {
    lock.setMembers(players.map((player) => player.#ticks));
  }

  /** `""` on its own clock, `"locked"`, or `"apart"`: in a lock whose mode it cannot follow, since no R waves are known. */
  get locked() {
    return this.#ticks.together ? "locked" : this.#playback.lock && this.description ? "apart" : "";
  }

  /** Whether anybody can see the canvas. @param {boolean} seen */
  setSeen(seen) {
    this.#ticks.setSeen(seen);
  }

  /** Its share of the link beside the page's other players; 1 by itself. @param {number} weight */
  setWeight(weight) {
    this.#ticks.setWeight(weight);
  }

  // ---- looking

  /** @param {number | null} center null: as the file says @param {number} [width] */
  setWindow(center, width = 1) {
    const { description, subtraction } = this;
    const window = center === null ? null : { center, width: Math.max(1e-6, width) };
    if (subtraction) subtraction.setWindow(window);
    else if (window) this.#canvas.setLook({ ...window, voi_lut: null });
    else this.#canvas.resetWindow(description);
    this.#looked();
  }

  /** @param {number} index */
  setVoiLut(index) {
    this.#canvas.setLook({ voi_lut: index });
    this.#looked();
  }

  /** @param {boolean} invert */
  setInvert(invert) {
    this.#canvas.setLook({ invert });
    this.#looked();
  }

  /** @param {import("./pixel_filter.js").PixelFilter | null} filter `SHARPEN` or `SMOOTH` of pixel_filter.js: of the display only */
  setFilter(filter) {
    this.#canvas.filter = filter;
    this.#looked();
  }

  get filter() {
    return this.#canvas.filter;
  }

  /** @param {import("./veil.js").Veil | null} veil shutters and overlays of the run on screen; goes with it */
  setVeil(veil) {
    this.#canvas.veil = veil;
    this.#looked();
  }

  /** @param {Presentation | null} state null: look and view as before the first */
  present(state) {
    this.#canvas.present(state);
    this.#looked();
  }

  #looked() {
    this.#ticks.dropPreviews();
    this.#ticks.touch("look");
    this.#tell("state", {});
  }

  /**
   * Subtracts a mask: the file's, or made of frames (they count from 0); `true`: the one there was last, else the file's, else
   * the first frame; `false`: no more.
   * @param {import("./subtraction.js").MaskChoice | boolean} choice
   * @returns {Promise<boolean>} whether it is on; colour is not subtracted
   */
  async subtract(choice) {
    const { source, masking } = this.#ticks;
    const asked = masking.choose(source, this.frame, choice, this.#owner);
    const on = typeof asked === "boolean" ? asked : await asked; // what is loaded answers at once
    this.#looked();
    return on;
  }

  /** Makes a mask ready, so that `subtract(true)` shows at once; nothing is subtracted yet. */
  async prepareSubtraction() {
    await loadSubtraction();
    this.#ticks.masking.prepare(this.#ticks.source, this.#owner);
    this.#ticks.touch("time");
  }

  #owner = { changed: () => this.subtraction && this.#looked(), inverted: () => this.invert };

  /** The subtraction that is on: its shift, fading and what it is made of; null: none. */
  get subtraction() {
    return this.#ticks.masking.now;
  }

  /** @param {Partial<import("./zoom_pan.js").View>} view */
  setView(view) {
    this.#canvas.setView(view);
    this.#viewed();
  }

  /** @param {number} factor @param {number} x @param {number} y */
  zoomAt(factor, x, y) {
    this.#canvas.zoomAt(factor, x, y);
    this.#viewed();
  }

  fit() {
    this.#canvas.fit();
    this.#viewed();
  }

  /** @param {number} [quarters] clockwise */
  turn(quarters = 1) {
    this.#canvas.turn(quarters);
    this.#viewed();
  }

  /** @param {"horizontally" | "vertically"} way on the screen */
  flip(way) {
    this.#canvas.flip(way === "horizontally");
    this.#viewed();
  }

  #viewed() {
    this.#ticks.touch("view");
    this.#tell("state", {});
  }

  /** @param {number} x @param {number} y */
  imageToCanvas(x, y) {
    return this.#canvas.imageToCanvas(this.description, x, y);
  }

  /** @param {number} x @param {number} y */
  canvasToImage(x, y) {
    return this.#canvas.canvasToImage(this.description, x, y);
  }

  // ---- being asked

  get run() {
    return this.#ticks.source?.run ?? null;
  }
  get description() {
    return this.#ticks.source?.description ?? null;
  }
  get frame() {
    return this.#playback.frame;
  }
  get playing() {
    return this.#playback.playing;
  }
  get waiting() {
    return this.#ticks.waiting;
  }
  get speed_now() {
    return this.#playback.speed;
  }
  get rate_fps() {
    return this.#playback.rate_fps;
  }
  get loop() {
    return this.#playback.loop;
  }
  get loops() {
    return this.#playback.loops;
  }
  get range() {
    return { first: this.#playback.first, last: this.#playback.last };
  }
  get window() {
    if (this.subtraction) return this.subtraction.window;
    const { center, width, voi_lut } = this.#canvas.look;
    return voi_lut === null ? { center, width } : null;
  }
  /** The window is not the file's. */
  get windowed() {
    const { description, window } = this;
    if (!description || !window || this.subtraction) return false; // a difference has levels of its own
    const { center, width } = defaultLook(description);
    return center !== window.center || width !== window.width;
  }
  get invert() {
    return this.#canvas.look.invert;
  }
  get view() {
    return { ...this.#canvas.view, scale: this.#canvas.scaleOf(this.description) };
  }
  get badge() {
    return this.#ticks.badge;
  }
  get measured_fps() {
    return this.#ticks.now_stats?.measuredFps(performance.now()) ?? 0;
  }
  get renderer() {
    return this.#canvas.renderer.name;
  }
  get connection() {
    return this.#connection.state;
  }
  get server_full() {
    return this.#connection.full;
  }

  held() {
    return this.#ticks.source?.compressed.held ?? new Uint8Array(0);
  }

  /** docs/api.md, `window.fastcine.player`; ms from navigation. */
  stats() {
    return { ...(this.#ticks.now_stats ?? new PlayStats()).told(this.#ticks.source?.compressed), ...this.#ticks.source?.library.memory };
  }

  close() {
    this.#connection.watchers.delete(this.#onConnection);
    this.#connection.failures.delete(this.#onFailure);
    this.#ticks.close();
    this.#canvas.release();
  }
}
