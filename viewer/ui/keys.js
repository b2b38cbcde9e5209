// @ts-check
/**
 * The commands and their keys: one table for the keyboard, the tooltips and the help page. Keys are KeyboardEvent.key values,
 * with "Shift+", "Alt+" or "Alt+Shift+" in front where it matters. Letters that later tools will take (A C D E M) are left free.
 */

/** @typedef {{id: string, keys: string[], usual: string[], label: string, group: string}} Command keys: those that the reader has chosen, else the usual ones */

/** By group: id, label, keys. @type {Record<string, string[][]>} */
const TABLE = {
  Playing: [
    ["toggle", "Play or pause", " "],
    ["back", "Previous frame", "ArrowLeft"],
    ["on", "Next frame", "ArrowRight"],
    ["back-10", "10 frames back", "Shift+ArrowLeft"],
    ["on-10", "10 frames on", "Shift+ArrowRight"],
    ["first", "First frame", "Home"],
    ["last", "Last frame", "End"],
    ["reverse", "Play backwards", "j"],
    ["pause", "Pause", "k"],
    ["forward", "Play forwards", "l"],
  ],
  Runs: [
    ["previous-run", "Previous run", "ArrowUp", "PageUp"],
    ["next-run", "Next run", "ArrowDown", "PageDown"],
    ["run-on", "Each run once, one after the other, or loop", "Enter"],
    ["previous-study", "Previous study of the worklist", "Shift+PageUp"],
    ["next-study", "Next study of the worklist", "Shift+PageDown"],
  ],
  "Speed and range": [
    ["slower", "Slower", ","],
    ["faster", "Faster", "."],
    ["dicom-rate", "Speed as acquired", "0"],
    ["bounce", "To and fro, or loop", "b"],
    ["set-in", "Loop starts here", "["],
    ["set-out", "Loop ends here", "]"],
    ["clear-range", "Loop the whole run", "\\"],
    ["once", "Once, or loop", "u"],
  ],
  "Pictures side by side": [
    ["layout-1", "One picture", "1"],
    ["layout-2", "Two", "2"],
    ["layout-4", "Four", "4"],
    ["layout-6", "Six", "6"],
    ["layout-9", "Nine", "9"],
    ["stress", "Stress echo: stages below each other, views side by side", "5"],
    ["biplane", "Both planes of a biplane run", "3"],
    ["prior", "The same projection of an earlier study", "7"],
    ["lock", "Together: same time, R waves, beats stretched, each alone", "8"],
  ],
  Picture: [
    ["invert", "Invert", "i"],
    ["next-window", "Next window of the file", "w"],
    ["zoom-in", "Zoom in", "+", "="],
    ["zoom-out", "Zoom out", "-"],
    ["fit", "Fit, or one to one", "z"],
    ["turn", "Turn a quarter to the right", "q"],
    ["flip-h", "Mirror left and right", "h"],
    ["flip-v", "Mirror top and bottom", "v"],
    ["reset", "Reset window, zoom, turns and inversion", "r"],
    ["texts", "Hide or show the texts", "t"],
    ["filter", "Sharpen the display, smooth it, or neither", "g"],
    ["overlays", "Hide or show the overlays", "o"],
    ["shutters", "Open or close the shutters", "y"],
    ["states", "Next presentation state, or none", ";"],
  ],
  Subtraction: [
    ["subtract", "Subtract the mask", "s"],
    ["mask-next", "Next kind of mask", "n"],
    ...["Left", "Right", "Up", "Down"].flatMap((way) => ["", "-fine"].map((fine) => [`mask-${way.toLowerCase()}${fine}`, `Mask ${fine ? "0.1" : "1"} pixel ${way.toLowerCase()}`, `Alt+${fine && "Shift+"}Arrow${way}`])),
    ["register", "Fit the mask to this frame", "x"],
  ],
  Page: [
    ["full-screen", "Full screen", "f"],
    ["banner", "More about the patient", "p"],
    ["help", "Keys and gestures", "?"],
  ],
};

/** @type {readonly Command[]} */
export const COMMANDS = Object.entries(TABLE).flatMap(([group, rows]) => rows.map(([id, label, ...usual]) => ({ id, keys: usual, usual, label, group })));

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
  for (const command of COMMANDS) command.keys = chosen.includes(command) ? own[command.id] : command.usual;
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

/** The key that stands for a command's keys, as it is printed. @param {Command} command */
export const firstKey = ({ keys: [key] }) => keyText(key ?? "");
