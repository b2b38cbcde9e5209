// @ts-check
/**
 * Hands on the picture: mouse, wheel, pen and fingers become movements of the player. What a movement means in numbers is in drag.js.
 *
 * @typedef {import("./drag.js").Point} Point
 * @typedef {{center: number, width: number}} Window
 * @typedef {"scrub" | "window" | "pan"} Tool
 */
import { pointIn } from "./dom.js";
import { WheelSteps, dragFrames, dragWindow, isSwipe, middle, pinch, together, wheelZoom } from "./drag.js";

const SLOP = 6; // a resting hand trembles by so many pixels
const TAP_MS = 350;
const EDGE = 28; // a finger that begins so near to the side of the pictures comes from beyond it

/**
 * @param {HTMLElement} stage @param {import("../engine/player.js").Player} player
 * @param {object} options
 * @param {() => Tool} options.tool what the main button's drag does now
 * @param {() => import("./types.js").Description | null} options.seen the run on screen, null when none can be
 * @param {() => void} options.doubled
 * @param {(step: number) => void} options.swiped from the left edge -1, from the right one 1
 */
export function takeGestures(stage, player, { tool, seen, doubled, swiped }) {
  /** What is down. @type {Map<number, Point>} */
  const points = new Map();
  /**
   * One hand, as it began. edge: the run that a swipe from there leads to, -1 or 1; 0 amid the picture
   * @type {{does: Tool, from: Point, frame: number, window: Window, pan_x: number, pan_y: number, moved: boolean, at_ms: number, touch: boolean, edge: number} | null}
   */
  let drag = null;
  /** Two fingers: where they began, and what they do once that is clear. @type {{from: Point[], window: Window, does: "" | "window" | "picture"} | null} */
  let two = null;
  const wheel = new WheelSteps();

  /** @param {Window} start @param {number} dx @param {number} dy */
  function changeWindow(start, dx, dy) {
    const { center, width } = dragWindow(start, dx, dy);
    player.setWindow(center, width);
  }

  /** @param {PointerEvent} event @returns {Tool} */
  function toolOf(event) {
    if (event.button === 2) return "window";
    if (event.button === 1 || event.shiftKey) return "pan";
    // A still has no frames to go through: dragging it changes its window.
    return tool() === "scrub" && (seen()?.frames ?? 1) < 2 ? "window" : tool();
  }

  /** @param {number} x of the page */
  function edgeAt(x) {
    const { left, right } = (stage.parentElement ?? stage).getBoundingClientRect();
    return x < left + EDGE ? -1 : x > right - EDGE ? 1 : 0;
  }

  stage.addEventListener("pointerdown", (event) => {
    const description = seen();
    if (!description) return;
    stage.setPointerCapture(event.pointerId);
    const from = pointIn(stage, event);
    points.set(event.pointerId, from);
    const window = player.window ?? description.display.windows[0] ?? { center: 128, width: 256 };
    if (points.size > 1) {
      drag = null; // a second finger: no longer a drag nor a tap
      two = { from: [...points.values()], window, does: "" };
      return;
    }
    const { frame, view } = player;
    const touch = event.pointerType === "touch";
    drag = { does: toolOf(event), from, frame, window, pan_x: view.pan_x, pan_y: view.pan_y, moved: false, at_ms: event.timeStamp, touch, edge: touch ? edgeAt(event.clientX) : 0 };
  });
  stage.addEventListener("pointermove", (event) => {
    const before = points.get(event.pointerId);
    if (!before) return;
    const at = pointIn(stage, event);
    points.set(event.pointerId, at);
    if (points.size === 2 && two) bothMoved(two, event.pointerId, before);
    if (drag && !drag.edge) dragged(drag, at.x - drag.from.x, at.y - drag.from.y);
  });
  for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) {
    stage.addEventListener(type, (event) => {
      points.delete(event.pointerId);
      two = null;
      const ended = drag;
      drag = null;
      if (!ended || type === "pointercancel") return;
      const { x, y } = pointIn(stage, event);
      const [dx, dy] = [x - ended.from.x, y - ended.from.y];
      if (ended.edge && isSwipe(dx, dy, ended.edge)) swiped(ended.edge);
      else if (ended.touch && !ended.moved && Math.hypot(dx, dy) < SLOP && event.timeStamp - ended.at_ms < TAP_MS) player.toggle();
    });
  }

  /** @param {NonNullable<typeof drag>} drag @param {number} dx @param {number} dy from where it began */
  function dragged(drag, dx, dy) {
    if (!drag.moved) {
      if (Math.hypot(dx, dy) < SLOP) return;
      drag.moved = true;
      if (drag.does === "scrub") player.pause();
    }
    if (drag.does === "pan") {
      player.setView({ pan_x: drag.pan_x + dx, pan_y: drag.pan_y + dy });
    } else if (drag.does === "window") {
      changeWindow(drag.window, dx, dy);
    } else {
      const frame = drag.frame + dragFrames(dx, { frames: seen()?.frames ?? 1, width: stage.clientWidth });
      if (frame !== player.frame) player.seek(frame);
    }
  }

  /** @param {NonNullable<typeof two>} two @param {number} id of the one that moved @param {Point} before where that was */
  function bothMoved(two, id, before) {
    const now = [...points.values()];
    if (two.does === "picture") {
      const { dx, dy, factor, x, y } = pinch([...points].map(([key, at]) => (key === id ? before : at)), now);
      const { pan_x, pan_y } = player.view;
      player.setView({ pan_x: pan_x + dx, pan_y: pan_y + dy });
      player.zoomAt(factor, x, y);
    }
    two.does ||= together(two.from, now);
    const [was, is] = [middle(two.from), middle(now)];
    if (two.does === "window") changeWindow(two.window, is.x - was.x, is.y - was.y);
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const description = seen();
    if (!description) return;
    if (event.ctrlKey || event.metaKey) {
      const { x, y } = pointIn(stage, event);
      return player.zoomAt(wheelZoom(event.deltaY, event.deltaMode), x, y);
    }
    const frames = wheel.steps(event.deltaY, event.deltaMode, event.timeStamp);
    if (frames && description.frames > 1) player.step(frames);
  }, { passive: false });
  stage.addEventListener("dblclick", doubled);
  for (const type of ["contextmenu", "auxclick"]) stage.addEventListener(type, (event) => event.preventDefault());
  // Middle button: no autoscroll on Windows, no paste on Linux.
  stage.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
}
