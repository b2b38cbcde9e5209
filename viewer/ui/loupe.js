// @ts-check
/**
 * A finger that rests on the picture magnifies what lies under it, until it is lifted.
 *
 * @typedef {import("../engine/player.js").Player} Player
 */
import { make, pointIn } from "./dom.js";

const REST_MS = 500; // a tap is over by then
const SLOP = 6; // a resting finger trembles by so many pixels
const SIDE = 200;
const TIMES = 2;

/** Where the loupe stands: above the finger, below it where there is no room. @param {{x: number, y: number}} finger @param {{width: number, height: number}} stage */
export function loupePlace({ x, y }, { width, height }) {
  const left = Math.min(Math.max(0, x - SIDE / 2), Math.max(0, width - SIDE));
  const above = y - SIDE - 30;
  return { left, top: above >= 0 ? above : Math.min(y + 30, Math.max(0, height - SIDE)) };
}

/** @param {Player} player @param {HTMLElement} stage */
export function addLoupe(player, stage) {
  const glass = make("canvas", "loupe");
  glass.hidden = true;
  stage.append(glass);
  let resting = 0;
  /** @type {{id: number, x: number, y: number} | null} */
  let finger = null;

  function draw() {
    const picture = stage.querySelector("canvas");
    if (!finger || !picture || glass.hidden) return;
    const ratio = picture.width / Math.max(1, picture.clientWidth);
    const side = Math.round(SIDE * ratio);
    if (glass.width !== side) glass.width = glass.height = side;
    const context = glass.getContext("2d", { alpha: false });
    const part = side / TIMES;
    context?.drawImage(picture, finger.x * ratio - part / 2, finger.y * ratio - part / 2, part, part, 0, 0, side, side);
    const { left, top } = loupePlace(finger, { width: stage.clientWidth, height: stage.clientHeight });
    glass.style.transform = `translate(${left}px, ${top}px)`;
  }

  function away() {
    clearTimeout(resting);
    finger = null;
    glass.hidden = true;
  }

  player.addEventListener("frame", draw); // the canvas may only be read right after a draw
  // Before the gestures hear of it: under the loupe a finger does not drag.
  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    if (finger) return away(); // a second one: zoom
    finger = { id: event.pointerId, ...pointIn(stage, event) };
    resting = window.setTimeout(() => {
      glass.hidden = false;
      player.setView({}); // draws again
    }, REST_MS);
  }, true);
  stage.addEventListener("pointermove", (event) => {
    if (!finger || event.pointerId !== finger.id) return;
    const { x, y } = pointIn(stage, event);
    if (glass.hidden) {
      if (Math.hypot(x - finger.x, y - finger.y) >= SLOP) away();
      return;
    }
    event.stopPropagation();
    Object.assign(finger, { x, y });
    player.setView({});
  }, true);
  for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) stage.addEventListener(type, away, true);
}
