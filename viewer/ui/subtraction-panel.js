// @ts-check
/**
 * The subtraction's words and its panel on the picture: which mask, how much of it, and where it lies.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("../engine/subtraction.js").Subtraction} Subtraction
 * @typedef {import("../engine/subtraction.js").MaskChoice} MaskChoice
 */
import { make, makeButton, ownHands, setText } from "./dom.js";

/** Kinds of mask in the order of their key. @type {readonly ["file" | "first" | "current" | "mean", string][]} */
const KINDS = [
  ["file", "File’s mask"],
  ["first", "First frame"],
  ["current", "This frame"],
  ["mean", "Mean of the loop"],
];

/** @param {MaskChoice} choice */
const kindOf = (choice) => (typeof choice === "string" ? choice : "mean");

/** Frames as people count them: 1, 3–6. @param {number[]} frames from 0 */
export function framesText(frames) {
  const sorted = [...frames].sort((a, b) => a - b);
  /** @type {[number, number][]} */
  const spans = [];
  for (const frame of sorted) {
    const last = spans.at(-1);
    if (last && frame <= last[1] + 1) last[1] = frame;
    else spans.push([frame, frame]);
  }
  return spans.map(([from, to]) => (from === to ? `${from + 1}` : `${from + 1}–${to + 1}`)).join(", ");
}

/** Where the mask was moved, in words: the standard's signs are a trap. @param {readonly [number, number]} shift row down, column to the left */
export function shiftText([down, left]) {
  const pixels = (/** @type {number} */ value) => String(Math.round(Math.abs(value) * 100) / 100);
  const moved = [down && `${pixels(down)} px ${down > 0 ? "down" : "up"}`, left && `${pixels(left)} px ${left > 0 ? "left" : "right"}`].filter(Boolean).join(", ");
  return moved && `moved ${moved}`;
}

/**
 * What stands on a subtracted picture.
 * @param {Pick<Subtraction, "shown" | "waiting" | "opacity" | "logarithmic"> | null} subtraction
 * @returns {string} empty: nothing is subtracted
 */
export function subtractionText(subtraction) {
  if (!subtraction) return "";
  const { shown, waiting, opacity, logarithmic } = subtraction;
  if (waiting) return "NOT SUBTRACTED YET\nthe mask is on its way";
  if (!shown) return "NOT SUBTRACTED\nno mask for this frame";
  const mask = [
    `mask frame ${framesText(shown.masks)}`,
    shown.tier < 2 && "mask first pass",
    shiftText(shown.shift),
    opacity < 1 && `mask ${Math.round(opacity * 100)} %`,
    logarithmic && "logarithms",
  ];
  return `SUBTRACTED\n${mask.filter(Boolean).join(" · ")}`;
}

/**
 * The panel, on the stage while something is subtracted, and what its keys do.
 * @param {Player} player
 * @param {HTMLElement} stage
 */
export function makePanel(player, stage) {
  const loop = () => Array.from({ length: player.range.last - player.range.first + 1 }, (_, n) => player.range.first + n);
  /** @param {typeof KINDS[number][0]} kind */
  const choose = (kind) => player.subtract(kind === "mean" ? loop() : kind);
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  /** Each key after the one before, though the first has to wait for what subtracts. @param {() => unknown} act */
  const inTurn = (act) => (last = last.then(act, act));
  const kinds = KINDS.map(([kind, words]) => makeButton(words, () => choose(kind)));
  const fader = Object.assign(make("input"), { type: "range", min: "0", max: "100", value: "100" });
  fader.addEventListener("input", () => player.subtraction?.setOpacity(Number(fader.value) / 100));
  // Its arrows are its own; left by the hand, the page has them again.
  fader.addEventListener("keydown", (event) => !event.altKey && /^(Arrow|Page|Home|End)/.test(event.key) && event.stopPropagation());
  fader.addEventListener("pointerup", () => fader.blur());
  const fit = makeButton("Fit", register);
  fit.title = "Move the mask to where it fits this frame";
  const panel = make("div", "subtracting", ...kinds, make("label", "", "Mask", fader), fit);
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", "Subtraction");
  panel.hidden = true;
  ownHands(panel);
  stage.append(panel);

  async function register() {
    const { subtraction, frame } = player;
    if (!subtraction) return;
    fit.setAttribute("aria-busy", "true");
    setText(fit, "Fitting");
    await subtraction.register(frame);
    fit.removeAttribute("aria-busy");
    setText(fit, "Fit");
  }

  /** @param {number} right @param {number} down pixels of the picture, as it lies on the screen */
  function move(right, down) {
    const from = player.canvasToImage(0, 0);
    const to = player.canvasToImage(right * 1000, down * 1000);
    const [x, y] = [to.x - from.x, to.y - from.y];
    const step = Math.max(Math.abs(right), Math.abs(down));
    player.subtraction?.shiftBy(Math.abs(y) > Math.abs(x) ? Math.sign(y) * step : 0, Math.abs(x) > Math.abs(y) ? Math.sign(x) * step : 0);
  }

  /** Whether the file has a mask. */
  const ofFile = () => Boolean(player.description?.mask?.items.length);

  return {
    refresh: () => {
      const { subtraction } = player;
      panel.hidden = !subtraction;
      if (!subtraction) return;
      KINDS.forEach(([kind], n) => kinds[n].setAttribute("aria-pressed", String(kind === kindOf(subtraction.choice))));
      kinds[0].hidden = !ofFile();
      fader.value = String(Math.round(subtraction.opacity * 100));
    },
    move,
    register,
    toggle: () => inTurn(() => player.subtract(!player.subtraction)),
    next: () => inTurn(() => {
      const { subtraction } = player;
      const order = KINDS.map(([kind]) => kind).slice(ofFile() ? 0 : 1);
      const at = subtraction ? order.indexOf(kindOf(subtraction.choice)) : -1;
      return choose(order[(at + 1) % order.length]);
    }),
  };
}
