// @ts-check
/**
 * The scrubber: where the playhead is, which frames are held as first pass (light) and exact (strong), and the loop's range.
 * The track is drawn at most ten times a second; the playhead is one transform a frame.
 *
 * @typedef {import("../engine/player.js").Player} Player
 */
import { byId } from "./dom.js";
import { frameAt } from "./drag.js";

export class Scrubber {
  /** @param {() => Player} active the player that the bar is about @param {() => import("./types.js").Description | null} seen its run, null when none can be */
  constructor(active, seen) {
    this.active = active;
    this.seen = seen;
    this.element = byId("scrubber");
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("held"));
    this.knob = byId("knob");
    this.range = byId("range");
    this.width = 0;
    new ResizeObserver(([entry]) => {
      this.width = entry?.contentRect.width ?? 0;
      this.canvas.width = Math.round(this.width * devicePixelRatio);
      this.canvas.height = Math.round(8 * devicePixelRatio);
      this.drawHeld();
      this.drawFrame();
      this.drawRange();
    }).observe(this.element);
    this.#hands();
  }

  get player() {
    return this.active();
  }

  get frames() {
    return this.seen()?.frames ?? 1;
  }

  #hands() {
    let resume = false;
    /** @param {PointerEvent} event */
    const seek = (event) => this.player.seek(frameAt(event.clientX - this.element.getBoundingClientRect().left, { frames: this.frames, width: this.width }));
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.frames < 2) return;
      this.element.setPointerCapture(event.pointerId);
      resume = this.player.playing;
      this.player.pause();
      seek(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) seek(event);
    });
    this.element.addEventListener("lostpointercapture", () => {
      if (resume) this.player.play();
    });
  }

  drawFrame() {
    const { frame } = this.player;
    this.knob.style.transform = `translateX(${((frame + 0.5) / this.frames) * this.width}px)`;
    // A screen reader must not be talked at thirty times a second.
    if (!this.player.playing) {
      this.element.setAttribute("aria-valuenow", String(frame + 1));
      this.element.setAttribute("aria-valuetext", `frame ${frame + 1} of ${this.frames}`);
    }
  }

  drawHeld() {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { width, height } = this.canvas;
    context.clearRect(0, 0, width, height);
    const held = this.seen() ? this.player.held() : [];
    const x = (/** @type {number} */ frame) => Math.round((frame / held.length) * width);
    for (let first = 0; first < held.length; ) {
      const level = grade(held[first]);
      let end = first + 1;
      while (end < held.length && grade(held[end]) === level) end += 1;
      if (level > 0) {
        // Colour and height both tell the two apart.
        context.fillStyle = level === 2 ? "#7197bb" : "#5b7288";
        const top = level === 2 ? 0 : Math.round(height / 2);
        context.fillRect(x(first), top, x(end) - x(first), height - top);
      }
      first = end;
    }
  }

  drawRange() {
    const { first, last } = this.player.range;
    this.element.setAttribute("aria-valuemax", String(this.frames));
    const whole = !this.seen() || first === 0 && last >= this.frames - 1;
    this.range.hidden = whole;
    if (whole) return;
    this.range.style.left = `${(first / this.frames) * this.width}px`;
    this.range.style.width = `${((last + 1 - first) / this.frames) * this.width}px`;
  }
}

/** @param {number | undefined} held @returns {0 | 1 | 2} nothing, first pass, exact */
function grade(held) {
  return !held ? 0 : held === 1 ? 1 : 2;
}
