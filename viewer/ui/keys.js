// @ts-check
/**
 * The commands and their keys: one table for the keyboard, the tooltips and the help page. Keys are KeyboardEvent.key values,
 * with "Shift+", "Alt+" or "Alt+Shift+" in front where it matters. Letters that later tools will take (A C D E M) are left free.
 */

/** @typedef {{id: string, keys: string[], label: string, group: string}} Command keys: those that the reader has chosen, else the usual ones */

/** @type {readonly Command[]} */
export const COMMANDS = [
  { id: "toggle", keys: [" "], label: "Play or pause", group: "Playing" },
  { id: "back", keys: ["ArrowLeft"], label: "Previous frame", group: "Playing" },
  { id: "on", keys: ["ArrowRight"], label: "Next frame", group: "Playing" },
  { id: "back-10", keys: ["Shift+ArrowLeft"], label: "10 frames back", group: "Playing" },
  { id: "on-10", keys: ["Shift+ArrowRight"], label: "10 frames on", group: "Playing" },
  { id: "first", keys: ["Home"], label: "First frame", group: "Playing" },
  { id: "last", keys: ["End"], label: "Last frame", group: "Playing" },
  { id: "reverse", keys: ["j"], label: "Play backwards", group: "Playing" },
  { id: "pause", keys: ["k"], label: "Pause", group: "Playing" },
  { id: "forward", keys: ["l"], label: "Play forwards", group: "Playing" },
  { id: "previous-run", keys: ["ArrowUp", "PageUp"], label: "Previous run", group: "Runs" },
  { id: "next-run", keys: ["ArrowDown", "PageDown"], label: "Next run", group: "Runs" },
  { id: "run-on", keys: ["Enter"], label: "Each run once, one after the other, or loop", group: "Runs" },
  { id: "previous-study", keys: ["Shift+PageUp"], label: "Previous study of the worklist", group: "Runs" },
  { id: "next-study", keys: ["Shift+PageDown"], label: "Next study of the worklist", group: "Runs" },
  { id: "slower", keys: [","], label: "Slower", group: "Speed and range" },
  { id: "faster", keys: ["."], label: "Faster", group: "Speed and range" },
  { id: "dicom-rate", keys: ["0"], label: "Speed as acquired", group: "Speed and range" },
  { id: "bounce", keys: ["b"], label: "To and fro, or loop", group: "Speed and range" },
  { id: "set-in", keys: ["["], label: "Loop starts here", group: "Speed and range" },
  { id: "set-out", keys: ["]"], label: "Loop ends here", group: "Speed and range" },
  { id: "clear-range", keys: ["\\"], label: "Loop the whole run", group: "Speed and range" },
  ...Object.entries({ 1: "One picture", 2: "Two", 4: "Four", 6: "Six", 9: "Nine" }).map(([key, label]) => ({ id: `layout-${key}`, keys: [key], label, group: "Pictures side by side" })),
  { id: "stress", keys: ["5"], label: "Stress echo: stages below each other, views side by side", group: "Pictures side by side" },
  { id: "biplane", keys: ["3"], label: "Both planes of a biplane run", group: "Pictures side by side" },
  { id: "prior", keys: ["7"], label: "The same projection of an earlier study", group: "Pictures side by side" },
  { id: "lock", keys: ["8"], label: "Together: same time, R waves, beats stretched, each alone", group: "Pictures side by side" },
  { id: "once", keys: ["u"], label: "Once, or loop", group: "Speed and range" },
  { id: "invert", keys: ["i"], label: "Invert", group: "Picture" },
  { id: "next-window", keys: ["w"], label: "Next window of the file", group: "Picture" },
  { id: "zoom-in", keys: ["+", "="], label: "Zoom in", group: "Picture" },
  { id: "zoom-out", keys: ["-"], label: "Zoom out", group: "Picture" },
  { id: "fit", keys: ["z"], label: "Fit, or one to one", group: "Picture" },
  { id: "turn", keys: ["q"], label: "Turn a quarter to the right", group: "Picture" },
  { id: "flip-h", keys: ["h"], label: "Mirror left and right", group: "Picture" },
  { id: "flip-v", keys: ["v"], label: "Mirror top and bottom", group: "Picture" },
  { id: "reset", keys: ["r"], label: "Reset window, zoom, turns and inversion", group: "Picture" },
  { id: "texts", keys: ["t"], label: "Hide or show the texts", group: "Picture" },
  { id: "filter", keys: ["g"], label: "Sharpen the display, smooth it, or neither", group: "Picture" },
  { id: "overlays", keys: ["o"], label: "Hide or show the overlays", group: "Picture" },
  { id: "shutters", keys: ["y"], label: "Open or close the shutters", group: "Picture" },
  { id: "states", keys: [";"], label: "Next presentation state, or none", group: "Picture" },
  { id: "subtract", keys: ["s"], label: "Subtract the mask", group: "Subtraction" },
  { id: "mask-next", keys: ["n"], label: "Next kind of mask", group: "Subtraction" },
  ...["Left", "Right", "Up", "Down"].flatMap((way) =>
    ["", "-fine"].map((fine) => ({ id: `mask-${way.toLowerCase()}${fine}`, keys: [`Alt+${fine && "Shift+"}Arrow${way}`], label: `Mask ${fine ? "0.1" : "1"} pixel ${way.toLowerCase()}`, group: "Subtraction" })),
  ),
  { id: "register", keys: ["x"], label: "Fit the mask to this frame", group: "Subtraction" },
  { id: "full-screen", keys: ["f"], label: "Full screen", group: "Page" },
  { id: "banner", keys: ["p"], label: "More about the patient", group: "Page" },
  { id: "help", keys: ["?"], label: "Keys and gestures", group: "Page" },
];

/** What hands do, for the help page. */
export const GESTURES = [
  ["Drag", "Through the frames (or as chosen below the picture)"],
  ["Right-drag", "Window and level"],
  ["Middle-drag, Shift+drag", "Move the picture"],
  ["Wheel", "Through the frames"],
  ["Ctrl+wheel, pinch", "Zoom at the pointer"],
  ["Double-click", "One of several pictures alone and back; else hide or show the film strip"],
  ["Drag a tile", "Its run into a picture"],
  ["Pointer on a tile", "Through its frames"],
  ["Tap", "Play or pause"],
  ["Finger in from the edge", "Left: previous run, right: next run"],
  ["Two fingers", "Zoom and move"],
  ["Two fingers up or down", "Window and level"],
  ["Rest a finger", "Magnify"],
];

const OWN = "fastcine-keys"; // kept by this browser, for every study

const USUAL = new Map(COMMANDS.map(({ id, keys }) => [id, keys]));
/** @type {Map<string, string>} */
const BY_KEY = new Map();

/** The keys that the reader has chosen, by command. @returns {Record<string, string[]>} */
export function ownKeys() {
  try {
    return JSON.parse(localStorage.getItem(OWN) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** @param {Record<string, string[]>} own by command; the others have their usual keys */
export function takeKeys(own) {
  BY_KEY.clear();
  const chosen = COMMANDS.filter(({ id }) => Array.isArray(own[id]));
  for (const command of COMMANDS) command.keys = chosen.includes(command) ? own[command.id] ?? [] : USUAL.get(command.id) ?? [];
  // What the reader has chosen comes before a usual key that a later version gave to something else.
  for (const { id, keys } of [...COMMANDS, ...chosen]) for (const key of keys) BY_KEY.set(key, id);
}

/** Takes them, and keeps them for the next visit. @param {Record<string, string[]>} own */
export function keepKeys(own) {
  takeKeys(own);
  try {
    localStorage.setItem(OWN, JSON.stringify(own));
  } catch {
    // The browser keeps nothing: they hold until the page is left.
  }
}

takeKeys(ownKeys());

/** @typedef {{key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} Press */

/**
 * A key press as the table names it, null when the browser's. Shift is part of the name for keys that do not change with it;
 * "?" and "+" come with Shift on most layouts and without on others.
 * @param {Press} press @returns {string | null}
 */
export function keyName({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey) return null;
  // AltGr types brackets and backslash on many keyboards, and reports Alt on some.
  if (altKey && !"[]\\".includes(key)) return `Alt+${shiftKey ? "Shift+" : ""}${key}`;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return shiftKey && name.length > 1 ? `Shift+${name}` : name;
}

/** The command of a key press, null when it is none of ours. @param {Press} press @returns {string | null} */
export function commandOf(press) {
  return BY_KEY.get(keyName(press) ?? "") ?? null;
}

/** A key as it is printed. @param {string} key */
export function keyText(key) {
  const names = /** @type {Record<string, string>} */ ({
    " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "PgUp", PageDown: "PgDn", "-": "−",
  });
  return key
    .split(/(?<=Shift|Alt)\+/)
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}

/** A tooltip: "Play or pause (Space)". @param {Command} command */
export function tooltip(command) {
  return `${command.label} (${keyText(command.keys[0] ?? "")})`;
}
