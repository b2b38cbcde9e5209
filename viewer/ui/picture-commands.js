// @ts-check
/**
 * What keys and buttons do to the picture itself, and the line on it that says so. Loaded after the first picture.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {Record<string, () => unknown>} Looks actions by the commands of keys.js
 */
import { make, setText } from "./dom.js";

/** @type {WeakMap<Player, Looks>} */
const known = new WeakMap();

/**
 * The same answer for the same player.
 * @param {Player} player
 * @param {HTMLElement} stage what its canvas lies on
 * @returns {Looks}
 */
export function looksOf(player, stage) {
  let looks = known.get(player);
  if (!looks) known.set(player, (looks = makeLooks(player, stage)));
  return looks;
}

/** @param {Player} player @param {HTMLElement} stage @returns {Looks} */
function makeLooks(player, stage) {
  const label = make("div", "looks");
  label.setAttribute("role", "status");
  stage.append(label);
  const refresh = () => setText(label, lyingText(player.view));
  player.addEventListener("state", refresh);
  refresh();
  const zoom = (/** @type {number} */ factor) => player.zoomAt(factor, stage.clientWidth / 2, stage.clientHeight / 2);
  return {
    invert: () => player.setInvert(!player.invert),
    "zoom-in": () => zoom(1.25),
    "zoom-out": () => zoom(0.8),
    // The whole picture, or one image column a device pixel.
    fit: () => {
      const { zoom: now, pan_x, pan_y, scale } = player.view;
      if (now === 1 && pan_x === 0 && pan_y === 0) zoom(1 / scale);
      else player.fit();
    },
    turn: () => player.turn(1),
    "flip-h": () => player.flip("horizontally"),
    "flip-v": () => player.flip("vertically"),
    reset: () => {
      player.setWindow(null);
      player.setInvert(false);
      player.setView({ zoom: 1, pan_x: 0, pan_y: 0, turns: 0, mirrored: false });
    },
  };
}

/** How the picture lies, where that is not as in the file. @param {{turns: number, mirrored: boolean}} view */
export function lyingText({ turns, mirrored }) {
  const turned = ["", "turned 90° right", "turned 180°", "turned 90° left"][turns] ?? "";
  return [mirrored ? "mirrored" : "", turned].filter(Boolean).join(", ");
}
