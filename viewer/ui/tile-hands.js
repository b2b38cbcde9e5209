// @ts-check
/**
 * Hands on the film strip: a tile is dragged into a picture, and the pointer on a tile goes through its frames. Loaded after the
 * first picture.
 *
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {(button: Element | null) => PictureTile | undefined} TileOf
 */
import { createPlayer } from "../engine/player.js";
import { addStyle, make, pointIn } from "./dom.js";
import { frameAt } from "./drag.js";

const SLOP = 8;
/** A pointer that only passes over a tile fetches nothing. */
const REST_MS = 150;
/** Frames under the pointer are the last to get the link, but for neighbouring runs. */
const HOVER_WEIGHT = 0.25;

/**
 * @param {HTMLElement} list
 * @param {{page: import("./view-page.js").Page, tileOf: TileOf}} options
 */
export function tileHands(list, { page, tileOf }) {
  addStyle("cells.css");
  dragTiles(list, page, tileOf);
  if (matchMedia("(hover: hover)").matches) hoverTiles(list, page, tileOf);
}

/** @param {HTMLElement} list @param {import("./view-page.js").Page} page @param {TileOf} tileOf */
function dragTiles(list, page, tileOf) {
  /** @type {{tile: PictureTile, button: HTMLElement, x: number, y: number, ghost: HTMLElement | null} | null} */
  let drag = null;
  /** @type {Element | null} */
  let over = null;
  let dropped_ms = -Infinity;
  const mark = (/** @type {Element | null} */ stage) => {
    over?.classList.remove("drop");
    over = stage;
    over?.classList.add("drop");
  };
  const end = () => {
    drag?.ghost?.remove();
    drag = null;
    mark(null);
  };
  list.addEventListener("pointerdown", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button.tile"));
    const tile = tileOf(button);
    if (!button || !tile || event.button !== 0) return;
    drag = { tile, button, x: event.clientX, y: event.clientY, ghost: null };
    button.setPointerCapture(event.pointerId); // a quick hand is out of the list with its first movement
  });
  list.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (!drag.ghost) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLOP) return;
      drag.ghost = make("div", "dragged");
      drag.ghost.append(drag.button.querySelector("img")?.cloneNode() ?? "");
      document.body.append(drag.ghost);
    }
    drag.ghost.style.left = `${event.clientX}px`;
    drag.ghost.style.top = `${event.clientY}px`;
    mark(document.elementFromPoint(event.clientX, event.clientY)?.closest(".stage") ?? null);
  });
  list.addEventListener("pointerup", (event) => {
    if (!drag?.ghost) return end();
    dropped_ms = event.timeStamp;
    const cell = page.cells.find(({ stage }) => stage === over);
    const { tile } = drag;
    end();
    if (!cell) return;
    page.show(tile, cell);
    page.activate(cell);
  });
  list.addEventListener("pointercancel", end);
  // The click that ends a drag chooses nothing.
  list.addEventListener("click", (event) => event.timeStamp - dropped_ms < 100 && event.stopPropagation(), true);
}

/** @param {HTMLElement} list @param {import("./view-page.js").Page} page @param {TileOf} tileOf */
function hoverTiles(list, page, tileOf) {
  /** @type {{button: Element, canvas: HTMLCanvasElement, player: import("../engine/player.js").Player} | null} */
  let shown = null;
  let timer = 0;
  const end = () => {
    clearTimeout(timer);
    shown?.player.close();
    shown?.canvas.remove();
    shown = null;
  };
  const begin = (/** @type {Element} */ button, /** @type {PictureTile} */ tile) => {
    const thumb = button.querySelector(".thumb");
    if (!thumb || !tile.description) return;
    const canvas = make("canvas");
    thumb.append(canvas);
    const player = createPlayer(canvas, { renderer: "2d", autoplay: false });
    player.setWeight(HOVER_WEIGHT);
    player.open(tile.run, tile.description, { play: false });
    shown = { button, canvas, player };
  };
  list.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || event.buttons) return end();
    const button = /** @type {Element} */ (event.target).closest("button.tile");
    const tile = tileOf(button);
    if (!button || !tile || tile.kind !== "run" || tile.state === "failed") return end();
    if (shown?.button !== button) {
      end();
      timer = window.setTimeout(() => begin(button, tile), REST_MS);
      return;
    }
    const frame = frameAt(pointIn(button, event).x, { frames: tile.description?.frames ?? 1, width: button.clientWidth });
    if (frame !== shown.player.frame) shown.player.seek(frame);
  });
  list.addEventListener("pointerleave", end);
  list.addEventListener("pointerdown", end, true);
}
