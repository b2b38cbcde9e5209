// @ts-check
/**
 * What stands on the picture: which run, how true it is, window, calibration, frame, and one quiet line when something is amiss.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./types.js").Tile} Tile
 */
import { setText } from "./dom.js";
import { badgeWords, noticeWords, runLabel, windowText } from "./words.js";

const LATE_MS = 400; // shorter waits are not worth a word
const HINT_MS = 4000;
const BETWEEN_MS = 120; // shorter ones are not seen

export class Picture {
  /** @param {Player} player @param {HTMLElement} stage @param {(id: string) => HTMLElement} part elements of this stage by the id that the first one has in the page */
  constructor(player, stage, part) {
    this.player = player;
    this.stage = stage;
    this.part = part;
    this.frame = part("frame-text");
    this.time = part("time-text");
    this.vacant = false;
    this.hinted = "";
    /** How it plays beside others, in words. */
    this.together = "";
    /** @type {Tile | null} */
    this.tile = null;
    this.place = "";
    this.error = "";
    this.retry_ms = 0;
    this.waitingSince = 0;
    this.timer = 0;
    this.drawn = -1;
    this.pending = true; // no picture of this run yet
    this.videoUrl = "";
    /** @type {"" | import("./video.js").VideoState} of a video that the browser has to play itself, else "" */
    this.video = "";
    this.videoEnd = new AbortController();
  }

  /** @returns {Description | null} */
  get description() {
    const tile = this.tile?.kind === "other" ? null : this.tile;
    const shown = /** @type {Description | null} */ (this.player.description);
    return shown && (!tile || shown.run === tile.run) ? shown : (tile?.description ?? null);
  }

  /** Another run is on its way. @param {Tile | null} tile @param {string} place "run 3 of 8" @param {boolean} [play] a video, as soon as it is there */
  begin(tile, place, play = true) {
    if (tile) this.vacant = false;
    this.tile = tile;
    this.error = this.hinted = "";
    this.waitingSince = performance.now();
    this.drawn = -1;
    this.pending = true;
    this.place = place;
    if (this.video === "failed") this.videoUrl = ""; // chosen again, it is tried again
    void this.#playVideo(play);
    this.refresh();
  }

  /** The same run, of which more is known now. @param {Tile} tile @param {string} place */
  update(tile, place) {
    this.tile = tile;
    this.place = place;
    void this.#playVideo(true);
    this.refresh();
  }

  /** What only the browser can play goes over the canvas, and goes away with its run. @param {boolean} play */
  async #playVideo(play) {
    const tile = this.tile?.kind === "other" ? null : this.tile;
    const url = tile?.video_url ?? "";
    if (url === this.videoUrl) return;
    this.videoEnd.abort();
    const { signal } = (this.videoEnd = new AbortController());
    this.videoUrl = url;
    this.video = url ? "waits" : "";
    if (!url) return;
    const tell = (/** @type {import("./video.js").VideoState} */ state) => {
      this.video = state;
      this.refresh();
    };
    const module = await import("./video.js").catch(() => null);
    if (signal.aborted) return;
    if (module) module.putVideo(url, { label: tile?.label || "Video", play, signal, tell });
    else tell("failed");
  }

  /** No run is here (any more). */
  empty() {
    this.vacant = true;
    this.begin(null, "");
  }

  /** Says something for a few seconds. @param {string} text */
  hint(text) {
    this.hinted = text;
    window.setTimeout(() => {
      this.hinted = "";
      this.notice();
    }, HINT_MS);
    this.notice();
  }

  /** @param {string} error in words for people */
  fail(error) {
    this.error = error;
    this.notice();
  }

  /** @param {string} badge */
  badge(badge) {
    // While a run that failed or waits is on screen, the player has the one before.
    const now = this.video === "plays" ? "BY BROWSER" : this.holds ? badge : "";
    const words = badgeWords(now, this.description);
    const element = this.part("badge");
    element.className = `badge ${words.className}`;
    setText(element, words.text);
    setText(this.part("badge-detail"), words.detail);
  }

  /** After every drawn frame: only what changes with it. @param {number} frame */
  drawFrame(frame) {
    if (this.pending && !this.player.waiting) {
      this.pending = false;
      this.badge(this.player.badge);
      this.notice();
    }
    if (frame === this.drawn) return;
    this.drawn = frame;
    const { description } = this;
    const frames = this.holds ? (description?.frames ?? 0) : 0;
    setText(this.frame, frames > 1 ? frameText(frame, frames) : frames === 1 ? "still" : "");
    setText(this.time, frames > 1 ? startText(description, frame) : "");
  }

  /** After any change of the player's state. */
  refresh() {
    const { player, description } = this;
    const label = runLabel(description) || (this.tile?.label ?? "");
    setText(this.part("run-label"), [description?.phantom ? "PHANTOM" : "", label].filter(Boolean).join(" · "));
    setText(this.part("run-place"), [description?.geometry?.label, this.place, this.together].filter(Boolean).join(" · "));
    setText(this.part("window-text"), this.holds ? windowText(player.window, player.invert, player.view.scale) : "");
    setText(this.part("calibration"), description?.calibration?.text ?? "");
    this.part("picture").setAttribute("aria-label", description ? `${runLabel(description)}, ${description.frames} frames` : "Picture");
    this.drawn = -1;
    this.drawFrame(player.frame);
    this.badge(this.holds && !player.waiting ? player.badge : "");
    this.notice();
  }

  /** @returns {boolean} whether the player has the run that was asked for (one that waits or failed is not opened) */
  get holds() {
    return this.tile !== null && this.tile.kind !== "other" && this.player.run === this.tile.run;
  }

  /** Says what is happening, or nothing when all is well. */
  notice() {
    clearTimeout(this.timer);
    const { connection, server_full: full } = this.player;
    const byBrowser = this.video === "waits" || this.video === "plays";
    const waiting = byBrowser ? this.video === "waits" : this.player.waiting || !this.holds;
    if (!waiting) this.waitingSince = performance.now();
    const waited_ms = performance.now() - this.waitingSince;
    const late = waited_ms >= LATE_MS;
    if (waiting && !late) this.timer = window.setTimeout(() => this.notice(), (waited_ms < BETWEEN_MS ? BETWEEN_MS : LATE_MS) - waited_ms + 5);
    const words = this.vacant ? { text: "Drag a run here", bad: false } : this.hinted ? { text: this.hinted, bad: false } : noticeWords({ connection, full, waiting, late, byBrowser, tile: this.tile, error: this.error, retry_ms: this.retry_ms });
    const element = this.part("notice");
    // The picture of the run before must not pass for this one.
    this.stage.classList.toggle("between", this.holds && waiting && waited_ms >= BETWEEN_MS);
    this.stage.classList.toggle("nothing", !this.holds);
    element.hidden = words === null;
    element.className = `notice${words?.bad ? " bad" : ""}${waiting ? " middle" : ""}`;
    if (words) setText(element, words.text);
  }
}

/** Padded with figure spaces, so that the line does not twitch thirty times a second. @param {number} frame @param {number} frames */
function frameText(frame, frames) {
  return `frame ${String(frame + 1).padStart(String(frames).length, "\u2007")} / ${frames}`;
}

/** When this frame was taken, from the run's start. @param {Description | null} description @param {number} frame */
function startText(description, frame) {
  const { frame_starts_ms, frame_time_ms, duration_ms } = description?.timing ?? {};
  const ms = frame_starts_ms ? frame_starts_ms[frame] : frame_time_ms ? frame_time_ms * frame : undefined;
  return ms === undefined ? "" : `${(ms / 1000).toFixed(2).padStart(((duration_ms ?? ms) / 1000).toFixed(2).length, "\u2007")} s`;
}
