// @ts-check
/**
 * What keys and buttons do to the picture itself, and the line on it that says so. Loaded after the first picture.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {{presentation_states: import("./types.js").PresentationState[], unreadable: number}} StatesFound
 * @typedef {import("./types.js").Description} Description
 * @typedef {Record<string, () => unknown>} Looks actions by the commands of keys.js
 */
import { loadSubtraction } from "../engine/masking.js";
import { SHARPEN, SMOOTH } from "../engine/pixel_filter.js";
import { makeCovering } from "./covering.js";
import { addStyle, calm, make, setText } from "./dom.js";
import { addLoupe } from "./loupe.js";
import { makePanel, subtractionText } from "./subtraction-panel.js";

/** Modalities whose runs are subtracted every day. */
const MASKED = new Set(/** @type {(string | undefined)[]} */ (["XA", "RF"]));

const ANEW_MS = 60_000;
const SETTLED_MS = 3000;

/** What studies have of presentation states, and when that was asked. @type {Map<string, {at_ms: number, found: Promise<StatesFound | null>}>} */
const studies = new Map();

/** @param {string} study */
function statesOf(study) {
  const known = studies.get(study);
  if (known && performance.now() - known.at_ms < ANEW_MS) return known.found;
  const found = fetch(`/api/studies/${study}/presentation-states`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  studies.set(study, { at_ms: performance.now(), found });
  return found;
}

/** @param {Player} player */
const isWhole = (player) => player.stats().all_exact_ms !== null;

/** The decoders have a moment: a run is whole, or so long on its way that it is the link that it waits for. @param {Player} player */
const settled = async (player) => {
  await new Promise((resolve) => {
    player.addEventListener("allexact", resolve, { once: true });
    setTimeout(resolve, isWhole(player) ? 0 : SETTLED_MS);
  });
  await calm();
};

/** @param {Player} player @param {HTMLElement} stage what its canvas lies on @returns {Looks} */
export function makeLooks(player, stage) {
  addStyle("looks.css");
  void settled(player).then(loadSubtraction);
  const described = () => /** @type {Description | null} */ (player.description);
  const label = make("div", "looks");
  label.setAttribute("role", "status");
  stage.append(label);
  const panel = makePanel(player, stage);
  const covering = makeCovering(player);
  addLoupe(player, stage);
  const say = () => setText(label, [subtractionText(player.subtraction), player.filter?.words, covering.text(), states?.text(), lyingText(player.view)].filter(Boolean).join("\n"));
  player.addEventListener("state", () => (states?.leave(), say(), panel.refresh(), covering.follow()));
  /** @type {string | null} */
  let begun = null;
  /** @type {ReturnType<typeof import("./presentation-states.js").makeStates> | null} once a study has any */
  let states = null;
  // An angiogram's mask is made ready when nothing waits for the decoders any more.
  const prepare = () => MASKED.has(described()?.modality) && void player.prepareSubtraction();
  // A run whose file recommends it is subtracted from its first picture on: that one does not wait for it.
  const begin = () => {
    if (player.waiting || player.run === begun) return;
    begun = player.run;
    const description = described();
    if (description?.mask?.subtract_first) void player.subtract(true);
    if (description) void offerStates(description);
    if (isWhole(player)) prepare();
  };
  const offerStates = async (/** @type {Description} */ { study_instance_uid, run }) => {
    await settled(player);
    const { presentation_states, unreadable } = (await statesOf(study_instance_uid)) ?? { presentation_states: [], unreadable: 0 };
    if (!states && !presentation_states.length && !unreadable) return;
    const { makeStates } = await import("./presentation-states.js");
    if (player.run !== run) return;
    states ??= makeStates(player, stage, covering);
    states.offer(presentation_states, unreadable);
  };
  player.addEventListener("frame", () => {
    begin();
    states?.follow();
    say(); // what a picture is made of may change with every frame
    void covering.follow();
  });
  player.addEventListener("allexact", prepare);
  begin();
  say();
  void covering.follow();
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
      states?.choose(-1);
      player.setWindow(null);
      player.setInvert(false);
      player.setFilter(null);
      player.setView({ zoom: 1, pan_x: 0, pan_y: 0, turns: 0, mirrored: false });
    },
    filter: () => player.setFilter(player.filter === SHARPEN ? SMOOTH : player.filter ? null : SHARPEN),
    overlays: () => covering.toggle("overlays"),
    shutters: () => covering.toggle("shutters"),
    states: () => states?.next(),
    subtract: panel.toggle,
    "mask-next": panel.next,
    "mask-left": () => panel.move(-1, 0),
    "mask-left-fine": () => panel.move(-0.1, 0),
    "mask-right": () => panel.move(1, 0),
    "mask-right-fine": () => panel.move(0.1, 0),
    "mask-up": () => panel.move(0, -1),
    "mask-up-fine": () => panel.move(0, -0.1),
    "mask-down": () => panel.move(0, 1),
    "mask-down-fine": () => panel.move(0, 0.1),
    register: panel.register,
  };
}

/** How the picture lies, where that is not as in the file. @param {{turns: number, mirrored: boolean}} view */
function lyingText({ turns, mirrored }) {
  const turned = ["", "turned 90° right", "turned 180°", "turned 90° left"][turns];
  return [mirrored ? "mirrored" : "", turned].filter(Boolean).join(", ");
}
