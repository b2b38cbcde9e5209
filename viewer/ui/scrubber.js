// @ts-check
/**
 * The scrubber: where the playhead is, which frames are held as first pass (light) and exact (strong), and the loop's range.
 * The track is drawn at most ten times a second; the playhead is one transform a frame.
 */
import { byId, pointIn } from "./dom.js";
import { frameAt } from "./drag.js";

/**
 * @param {() => import("../engine/player.js").Player} active the player that the bar is about
 * @param {() => import("./types.js").Description | null} seen its run, null when none can be
 */
export function makeScrubber(active, seen) {
  const element = byId("scrubber");
  const canvas = /** @type {HTMLCanvasElement} */ (byId("held"));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const knob = byId("knob");
  const range = byId("range");
  let width = 0;
  let resume = false;
  const frames = () => seen()?.frames ?? 1;

  function drawFrame() {
    const { frame, playing } = active();
    knob.style.transform = `translateX(${((frame + 0.5) / frames()) * width}px)`;
    // A screen reader must not be talked at thirty times a second.
    if (playing) return;
    element.setAttribute("aria-valuenow", String(frame + 1));
    element.setAttribute("aria-valuetext", `frame ${frame + 1} of ${frames()}`);
  }

  function drawHeld() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    const held = seen() ? active().held() : [];
    const x = (/** @type {number} */ frame) => Math.round((frame / held.length) * canvas.width);
    for (let first = 0; first < held.length; ) {
      const level = grade(held[first]);
      let end = first + 1;
      while (end < held.length && grade(held[end]) === level) end += 1;
      if (level > 0) {
        // Colour and height both tell the two apart.
        context.fillStyle = level === 2 ? "#7197bb" : "#5b7288";
        const top = level === 2 ? 0 : Math.round(canvas.height / 2);
        context.fillRect(x(first), top, x(end) - x(first), canvas.height - top);
      }
      first = end;
    }
  }

  function drawRange() {
    const { first, last } = active().range;
    element.setAttribute("aria-valuemax", String(frames()));
    range.hidden = !seen() || (first === 0 && last >= frames() - 1);
    range.style.left = `${(first / frames()) * width}px`;
    range.style.width = `${((last + 1 - first) / frames()) * width}px`;
  }

  new ResizeObserver(([{ contentRect }]) => {
    width = contentRect.width;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(8 * devicePixelRatio);
    drawHeld();
    drawFrame();
    drawRange();
  }).observe(element);
  /** @param {PointerEvent} event */
  const seek = (event) => active().seek(frameAt(pointIn(element, event).x, { frames: frames(), width }));
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || frames() < 2) return;
    element.setPointerCapture(event.pointerId);
    resume = active().playing;
    active().pause();
    seek(event);
  });
  element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && seek(event));
  element.addEventListener("lostpointercapture", () => resume && active().play());

  return { drawFrame, drawHeld, drawRange };
}

/** @param {number} held @returns {number} nothing 0, first pass 1, exact 2 */
const grade = (held) => Math.min(held, 2);
