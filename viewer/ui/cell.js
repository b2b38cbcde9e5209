// @ts-check
/**
 * One place on the screen with its own player and canvas, and what stands on its picture: which run, how true it is, window,
 * calibration, frame, and one quiet line when something is amiss. The first is in the page; others are made from it (cells.js).
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {import("./types.js").Description} Description
 */
import { setText } from "./dom.js";
import { badgeWords, noticeWords, runLabel, troubleWords, windowText } from "./words.js";

const LATE_MS = 400; // shorter waits are not worth a word
const HINT_MS = 4000;
const BETWEEN_MS = 120; // shorter ones are not seen

export class Cell {
  /** @type {PictureTile | null} */
  tile = null;
  /** Whether it would play, while a run that cannot stands in between; playing goes on after it. @type {boolean | null} */
  halted = null;
  /** The run whose own rate and way to play have been set. @type {string | null} */
  settled = null;
  /** What is done to its picture, as soon as that is loaded. @type {import("./picture-commands.js").Looks | null} */
  looks = null;
  /** How it plays beside others, in words. */
  together = "";
  /** In words for people. */
  error = "";
  retry_ms = 0;
  #place = "";
  #vacant = false;
  #hinted = "";
  #waitingSince = 0;
  #timer = 0;
  #hintTimer = 0;
  /** The frame that the words are of; -1: none of this run yet. */
  #drawn = -1;
  #videoUrl = "";
  /** @type {"" | import("./video.js").VideoState} of a video that the browser has to play itself, else "" */
  #video = "";
  #videoEnd = new AbortController();

  /** @param {HTMLElement} stage @param {(id: string) => HTMLElement} part elements of this stage by the id that the first one has in the page @param {Player} player */
  constructor(stage, part, player) {
    this.stage = stage;
    this.part = part;
    this.player = player;
  }

  get run() {
    return this.tile?.run ?? null;
  }

  /** Whether the player has the run that was asked for: one that waits or failed is not opened. */
  get #holds() {
    return this.tile !== null && this.player.run === this.tile.run;
  }

  /** The run on screen as it is described; null when none can be, and then no control touches the one before. */
  seen = () => (this.#holds ? /** @type {Description | null} */ (this.player.description) : null);

  get #description() {
    return this.seen() ?? this.tile?.description ?? null;
  }

  /** Another run is on its way. @param {PictureTile | null} tile @param {string} place "run 3 of 8" @param {boolean} [play] a video, as soon as it is there */
  begin(tile, place, play = true) {
    this.settled = null;
    this.error = this.#hinted = "";
    this.#vacant = false;
    this.#waitingSince = performance.now();
    if (this.#video === "failed") this.#videoUrl = ""; // chosen again, it is tried again
    this.update(tile, place, play);
  }

  /** The same run, of which more is known now. @param {PictureTile | null} tile @param {string} place @param {boolean} [play] */
  update(tile, place, play = true) {
    this.tile = tile;
    this.#place = place;
    void this.#playVideo(play);
    this.refresh();
  }

  /** Nothing is shown here (any more). */
  empty() {
    this.player.leave();
    this.begin(null, "");
    this.#vacant = true;
    this.notice();
  }

  /** What only the browser can play goes over the canvas, and goes away with its run. @param {boolean} play */
  async #playVideo(play) {
    const url = this.tile?.video_url ?? "";
    if (url === this.#videoUrl) return;
    this.#videoEnd.abort();
    const { signal } = (this.#videoEnd = new AbortController());
    this.#videoUrl = url;
    this.#video = url ? "waits" : "";
    if (!url) return;
    const tell = (/** @type {import("./video.js").VideoState} */ state) => {
      this.#video = state;
      this.refresh();
    };
    const module = await import("./video.js").catch(() => null);
    if (signal.aborted) return;
    if (module) module.putVideo(url, { canvas: this.part("picture"), label: this.tile?.label || "Video", play, signal, tell });
    else tell("failed");
  }

  /** Says something for a few seconds. @param {string} text */
  hint(text) {
    this.#hinted = text;
    clearTimeout(this.#hintTimer);
    this.#hintTimer = window.setTimeout(() => {
      this.#hinted = "";
      this.notice();
    }, HINT_MS);
    this.notice();
  }

  /** @param {string} id @param {...(string | false | null | undefined)} parts */
  #say(id, ...parts) {
    setText(this.part(id), parts.filter(Boolean).join(" · "));
  }

  badge() {
    // While a run that failed or waits is on screen, the player has the one before.
    const now = this.#video === "plays" ? "BY BROWSER" : this.#holds && !this.player.waiting ? this.player.badge : "";
    const { text, detail } = badgeWords(now, this.#description);
    this.part("badge").className = `badge ${text.toLowerCase().replace(" ", "-")}`;
    this.#say("badge", text);
    this.#say("badge-detail", detail);
  }

  /** After every drawn frame: only what changes with it. @param {number} frame */
  drawFrame(frame) {
    if (frame === this.#drawn) return;
    if (this.#drawn < 0) {
      this.badge();
      this.notice();
    }
    this.#drawn = this.player.waiting ? -1 : frame;
    const description = this.seen();
    const frames = description?.frames ?? 0;
    this.#say("frame-text", frames > 1 ? frameText(frame, frames) : frames === 1 && "still");
    this.#say("time-text", frames > 1 && startText(description, frame));
  }

  /** After any change of the player's state. */
  refresh() {
    const { player, tile } = this;
    const description = this.#description;
    const label = runLabel(description, tile);
    this.#say("run-label", description?.phantom && "PHANTOM", label);
    this.#say("run-place", description?.geometry?.label, this.#place, this.together);
    this.#say("window-text", this.#holds && windowText(player.window, player.invert, player.view.scale));
    this.#say("calibration", description?.calibration?.text);
    this.part("picture").setAttribute("aria-label", description ? `${label}, ${description.frames} frames` : "Picture");
    this.#drawn = -1;
    this.drawFrame(player.frame);
  }

  /** Says what is happening, or nothing when all is well. */
  notice() {
    clearTimeout(this.#timer);
    const { connection, server_full: full } = this.player;
    const { tile, error, retry_ms } = this;
    const holds = this.#holds;
    const byBrowser = this.#video === "waits" || this.#video === "plays";
    const waiting = byBrowser ? this.#video === "waits" : this.player.waiting || !holds;
    if (!waiting) this.#waitingSince = performance.now();
    const waited_ms = performance.now() - this.#waitingSince;
    const late = waited_ms >= LATE_MS;
    if (waiting && !late) this.#timer = window.setTimeout(() => this.notice(), (waited_ms < BETWEEN_MS ? BETWEEN_MS : LATE_MS) - waited_ms + 5);
    const said = this.#vacant ? "Drag a run here" : this.#hinted || (tile ? "" : "This study has no pictures that can be shown here.");
    const trouble = tile && !said ? troubleWords(tile, error, byBrowser) : "";
    const element = this.part("notice");
    // The picture of the run before must not pass for this one.
    this.stage.classList.toggle("between", holds && waiting && waited_ms >= BETWEEN_MS);
    this.stage.classList.toggle("nothing", !holds);
    element.className = `notice${trouble && " bad"}${waiting ? " middle" : ""}`;
    this.#say("notice", said || trouble || (tile && noticeWords({ connection, full, waiting, late, byBrowser, tile, retry_ms })));
    element.hidden = !element.textContent;
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
