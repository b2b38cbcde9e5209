// @ts-check
/**
 * Hands on the picture: mouse, wheel, pen and fingers become movements of the player. What a movement means in numbers is in drag.js.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {"scrub" | "window" | "pan"} Tool
 * @typedef {{tool: Tool, x: number, y: number, frame: number, window: {center: number, width: number}, pan_x: number, pan_y: number, moved: boolean, at_ms: number, touch: boolean, edge: number}} Drag edge: the run that a swipe from where it began leads to, -1 or 1; 0 amid the picture
 */
import { WheelSteps, dragFrames, dragWindow, isSwipe, middle, pinch, together, wheelZoom } from "./drag.js";

const SLOP = 6; // a resting hand trembles by so many pixels
const TAP_MS = 350;
const EDGE = 28; // a finger that begins so near to the side of the pictures comes from beyond it

export class Gestures {
  /**
   * @param {HTMLElement} stage @param {Player} player
   * @param {object} options
   * @param {() => Tool} options.tool what the main button's drag does now
   * @param {() => import("./types.js").Description | null} options.seen the run on screen, null when none can be
   * @param {() => void} options.doubled
   * @param {(step: number) => void} options.swiped from the left edge -1, from the right one 1
   */
  constructor(stage, player, { tool, seen, doubled, swiped }) {
    this.stage = stage;
    this.player = player;
    this.tool = tool;
    this.seen = seen;
    this.swiped = swiped;
    /** @type {Map<number, {x: number, y: number}>} */
    this.points = new Map();
    /** @type {Drag | null} */
    this.drag = null;
    /** Two fingers: where they began, and what they do once that is clear. @type {{from: {x: number, y: number}[], window: {center: number, width: number}, does: "" | "window" | "picture"} | null} */
    this.two = null;
    this.wheel = new WheelSteps();
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#up(event, true));
    stage.addEventListener("pointercancel", (event) => this.#up(event, false));
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dblclick", doubled);
    // Middle button: no autoscroll on Windows, no paste on Linux.
    stage.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
    stage.addEventListener("auxclick", (event) => event.preventDefault());
  }

  /** @param {PointerEvent} event @returns {{x: number, y: number}} within the stage */
  #at(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const description = this.seen();
    if (!description) return;
    this.stage.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.points.set(event.pointerId, at);
    const { view, frame } = this.player;
    const window = this.player.window ?? description.display.windows[0] ?? { center: 128, width: 256 };
    if (this.points.size > 1) {
      this.drag = null; // a second finger: no longer a drag nor a tap
      this.two = { from: [...this.points.values()], window, does: "" };
      return;
    }
    this.drag = {
      tool: this.#toolOf(event),
      ...at,
      frame,
      window,
      pan_x: view.pan_x,
      pan_y: view.pan_y,
      moved: false,
      at_ms: event.timeStamp,
      touch: event.pointerType === "touch",
      edge: event.pointerType === "touch" ? this.#edge(event.clientX) : 0,
    };
  }

  /** @param {number} x of the page */
  #edge(x) {
    const { left, right } = (this.stage.parentElement ?? this.stage).getBoundingClientRect();
    return x < left + EDGE ? -1 : x > right - EDGE ? 1 : 0;
  }

  /** @param {PointerEvent} event @returns {Tool} */
  #toolOf(event) {
    if (event.button === 2) return "window";
    if (event.button === 1 || event.shiftKey) return "pan";
    const tool = this.tool();
    // A still has no frames to go through: dragging it changes its window.
    return tool === "scrub" && (this.seen()?.frames ?? 1) < 2 ? "window" : tool;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.points.get(event.pointerId);
    if (!before) return;
    const at = this.#at(event);
    if (this.points.size === 2 && this.two?.does === "picture") this.#pinch(event.pointerId, before, at);
    this.points.set(event.pointerId, at);
    if (this.points.size === 2 && this.two) this.#bothMoved(this.two);
    if (this.drag && !this.drag.edge) this.#dragged(this.drag, at.x - this.drag.x, at.y - this.drag.y);
  }

  /** @param {Drag} drag @param {number} dx @param {number} dy from where it began */
  #dragged(drag, dx, dy) {
    if (!drag.moved) {
      if (Math.hypot(dx, dy) < SLOP) return;
      drag.moved = true;
      if (drag.tool === "scrub") this.player.pause();
    }
    const { player } = this;
    if (drag.tool === "pan") {
      player.setView({ pan_x: drag.pan_x + dx, pan_y: drag.pan_y + dy });
    } else if (drag.tool === "window") {
      const { center, width } = dragWindow(drag.window, dx, dy);
      player.setWindow(center, width);
    } else {
      const frame = drag.frame + dragFrames(dx, { frames: this.seen()?.frames ?? 1, width: this.stage.clientWidth });
      if (frame !== player.frame) player.seek(frame);
    }
  }

  /** @param {NonNullable<Gestures["two"]>} two */
  #bothMoved(two) {
    const now = [...this.points.values()];
    two.does ||= together(two.from, now);
    if (two.does !== "window") return;
    const [was, is] = [middle(two.from), middle(now)];
    const { center, width } = dragWindow(two.window, is.x - was.x, is.y - was.y);
    this.player.setWindow(center, width);
  }

  /** @param {number} id @param {{x: number, y: number}} before @param {{x: number, y: number}} after */
  #pinch(id, before, after) {
    const other = [...this.points].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const { dx, dy, factor, x, y } = pinch([before, other], [after, other]);
    const { pan_x, pan_y } = this.player.view;
    this.player.setView({ pan_x: pan_x + dx, pan_y: pan_y + dy });
    this.player.zoomAt(factor, x, y);
  }

  /** @param {PointerEvent} event @param {boolean} finished */
  #up(event, finished) {
    this.points.delete(event.pointerId);
    this.two = null;
    const { drag } = this;
    if (!drag) return;
    this.drag = null;
    const at = this.#at(event);
    if (finished && drag.edge && isSwipe(at.x - drag.x, at.y - drag.y, drag.edge)) this.swiped(drag.edge);
    else if (finished && drag.touch && !drag.moved && Math.hypot(at.x - drag.x, at.y - drag.y) < SLOP && event.timeStamp - drag.at_ms < TAP_MS) this.player.toggle();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const description = this.seen();
    if (!description) return;
    if (event.ctrlKey || event.metaKey) {
      const box = this.stage.getBoundingClientRect();
      this.player.zoomAt(wheelZoom(event.deltaY, event.deltaMode), event.clientX - box.left, event.clientY - box.top);
      return;
    }
    const frames = this.wheel.steps(event.deltaY, event.deltaMode, event.timeStamp);
    if (frames && description.frames > 1) this.player.step(frames);
  }
}
