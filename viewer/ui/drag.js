// @ts-check
/** What a hand's movement means, in numbers. Distances in CSS pixels. */

/**
 * Frames that a drag of this length goes through: the width of the picture is the whole run, yet a frame is never finer
 * than a hand can hold nor so wide that a short run needs no aim.
 * @param {number} dx @param {{frames: number, width: number}} over width of the stage
 */
export function dragFrames(dx, { frames, width }) {
  const pixelsPerFrame = Math.min(Math.max((0.8 * width) / Math.max(frames, 1), 3), 24);
  return Math.trunc(dx / pixelsPerFrame);
}

/**
 * Window and level after a drag: right = wider, down = higher level (darker). 300 pixels change either by the width at the start.
 * @param {{center: number, width: number}} start @param {number} dx @param {number} dy
 */
export function dragWindow(start, dx, dy) {
  const unit = Math.max(Math.abs(start.width), 1) / 300;
  return { center: start.center + dy * unit, width: Math.max(start.width + dx * unit, Math.min(1, start.width)) };
}

/** Turns the wheel's distances into whole frames; touchpads send many small ones, wheels one large a notch. */
export class WheelSteps {
  constructor() {
    this.rest = 0;
    this.at_ms = -Infinity;
  }

  /** @param {number} delta @param {number} deltaMode 0 pixels, 1 lines, 2 pages @param {number} now_ms @returns {number} frames to go on */
  steps(delta, deltaMode, now_ms) {
    if (deltaMode !== 0) return Math.sign(delta) * (deltaMode === 2 ? 10 : 1);
    if (Math.abs(delta) >= 50) {
      this.rest = 0;
      return Math.sign(delta); // one notch is one frame, whatever the system's scrolling speed
    }
    if (now_ms - this.at_ms > 300 || this.rest * delta < 0) this.rest = 0;
    this.at_ms = now_ms;
    this.rest += delta;
    const whole = Math.trunc(this.rest / 12);
    this.rest -= whole * 12;
    return whole || 0; // never -0
  }
}

/** Zoom of one wheel event. @param {number} delta @param {number} deltaMode */
export function wheelZoom(delta, deltaMode) {
  const pixels = deltaMode === 0 ? delta : deltaMode === 1 ? delta * 33 : delta * 100;
  return Math.exp(-Math.min(Math.max(pixels, -100), 100) / 400);
}

/**
 * Two fingers, before and after: how the picture moves and grows, and about which point.
 * @typedef {{x: number, y: number}} Point
 * @param {Point[]} before @param {Point[]} after
 */
export function pinch(before, after) {
  const was = middle(before);
  const is = middle(after);
  const apart = Math.hypot(before[0].x - before[1].x, before[0].y - before[1].y);
  const now = Math.hypot(after[0].x - after[1].x, after[0].y - after[1].y);
  return { dx: is.x - was.x, dy: is.y - was.y, factor: apart > 0 && now > 0 ? now / apart : 1, x: is.x, y: is.y };
}

/**
 * What two fingers are about to do: up or down side by side changes the window, all else moves and zooms; "" while it is not clear.
 * @param {Point[]} from @param {Point[]} now @returns {"" | "window" | "picture"}
 */
export function together(from, now) {
  const ways = now.map(({ x, y }, at) => ({ x: x - from[at].x, y: y - from[at].y }));
  const far = ways.map(({ x, y }) => Math.hypot(x, y));
  const alone = Math.max(...far) >= 24; // one finger rests, the other moves
  if (Math.min(...far) < 8 && !alone) return "";
  const { x, y } = middle(ways);
  const apart = Math.hypot(ways[0].x - ways[1].x, ways[0].y - ways[1].y);
  return Math.abs(y) > 2 * Math.abs(x) && apart < Math.abs(y) ? "window" : "picture";
}

/** A finger that came in from an edge, far enough and not across. @param {number} dx @param {number} dy @param {number} edge -1 the left one, 1 the right one */
export function isSwipe(dx, dy, edge) {
  return -edge * dx >= 60 && Math.abs(dx) > 2 * Math.abs(dy);
}

/** @param {Point[]} points two @returns {Point} */
export function middle([a, b]) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Which frame lies under a point of the scrubber. @param {number} x @param {{frames: number, width: number}} over */
export function frameAt(x, { frames, width }) {
  return Math.min(Math.max(Math.floor((x / Math.max(width, 1)) * frames), 0), frames - 1);
}
