// @ts-check
/**
 * The bar below the picture: buttons for commands, speed, rates, window presets, and what dragging does.
 *
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./gestures.js").Tool} Tool
 * @typedef {import("./rates.js").Rate} Rate
 * @typedef {import("./gestures.js").Window} Window
 */
import { byId, make, setText } from "./dom.js";
import { COMMANDS, firstKey } from "./keys.js";
import { fpsText, otherRate, rateText, windowText } from "./words.js";

const BY_HAND = "hand";

/** @param {"command" | "speed" | "tool"} what @returns {Map<string, HTMLElement>} by what each of them stands for */
const buttons = (what) => new Map(Array.from(/** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-${what}]`)), (button) => [button.dataset[what] ?? "", button]));

/** The tooltips say the keys as they are now. */
export function tellKeys() {
  const commanded = buttons("command");
  for (const command of COMMANDS) {
    const button = commanded.get(command.id);
    if (!button) continue;
    button.title = `${command.label} (${firstKey(command)})`;
    button.setAttribute("aria-keyshortcuts", (command.keys[0] ?? "").replace(" ", "Space"));
  }
  const keys = (/** @type {string} */ begin) => COMMANDS.filter(({ id }) => id.startsWith(begin)).map(firstKey).join(" ");
  byId("layout").title = `Layout (${keys("layout")})`;
  byId("lock").title = `Pictures together (${keys("lock")})`;
  for (const button of buttons("speed").values()) button.title = `${button.textContent} speed (${keys("slower")} slower  ${keys("faster")} faster  ${keys("dicom-rate")} as acquired)`;
}

/**
 * @param {() => import("../engine/player.js").Player} active the player that the bar is about
 * @param {object} options
 * @param {(command: string) => void} options.run
 * @param {() => Description | null} options.seen its run, null when none can be
 * @param {(rate: Rate | null) => void} options.rated the reader's own rate, null: as acquired
 * @param {(value: string) => void} options.sequenced what the list of ways to play says
 */
export function makeTransport(active, { run, seen, rated, sequenced }) {
  const presets = /** @type {HTMLSelectElement} */ (byId("presets"));
  const sequencing = /** @type {HTMLSelectElement} */ (byId("sequencing"));
  const recommended = /** @type {HTMLButtonElement} */ (byId("recommended"));
  const [commanded, speeds, tools] = [buttons("command"), buttons("speed"), buttons("tool")];
  const shown = byId("shown");
  /** @type {Tool} */
  let tool = "scrub";
  let table = "l0"; // of the file's VOI tables the one that was chosen last
  /** What the run opened with: it stands first in the list. @type {Window | null} */
  let standard = null;
  /** Instead of the acquisition's. @type {number | null} */
  let fps = null;

  /** @param {HTMLElement | undefined} button @param {boolean} on */
  const press = (button, on) => button?.setAttribute("aria-pressed", `${on}`);
  const moves = () => (seen()?.frames ?? 0) > 1;
  /** @param {number} size forwards or backwards as now */
  const goAt = (size) => active().speed(Math.sign(active().speed_now) * size);
  const tellRate = () => rated({ speed: Math.abs(active().speed_now), fps });

  /** @param {number | null} rate */
  function setRate(rate) {
    fps = rate;
    active().setRate(fps);
    press(recommended, fps !== null);
  }

  /** The reader's own speed. @param {number} speed */
  function setSpeed(speed) {
    active().speed(speed);
    tellRate();
  }

  /** Plays as acquired again. */
  function resetRate() {
    setRate(null);
    goAt(1);
    rated(null);
  }

  /** @param {Tool} chosen */
  function takeTool(chosen) {
    tool = chosen;
    for (const [name, button] of tools) press(button, name === tool);
  }

  /** The windows and tables of the file, when another run is shown. @param {Rate | null} own the reader's rate for it */
  function describe(own) {
    const { timing, display } = seen() ?? {};
    const rate = otherRate(timing);
    fps = null;
    press(recommended, false);
    recommended.disabled = rate === null;
    if (rate !== null) {
      setText(recommended, `Recommended ${fpsText(rate)} fps`);
      recommended.title = "The file recommends another display rate than the acquisition's: play at it";
    }
    const windows = (display?.windows ?? []).map((window, at) => option(`w${at}`, `${window.explanation || (window.source === "file" ? "from file" : "whole range")} (${windowText(window, false, NaN)})`));
    const tables = (display?.voi_luts ?? []).map(({ explanation }, at) => option(`l${at}`, explanation || `VOI table ${at + 1}`));
    const hand = option(BY_HAND, "set by hand");
    hand.hidden = true;
    presets.replaceChildren(...windows, ...tables, hand);
    table = "l0";
    standard = active().window;
    if (!own) return;
    if (own.speed !== Math.abs(active().speed_now)) goAt(own.speed);
    if (own.fps !== null && own.fps === rate) setRate(rate);
  }

  /** @param {string} value */
  function preset(value) {
    const at = Number(value.slice(1));
    const window = seen()?.display.windows[at];
    if (value === "w0") active().setWindow(null);
    else if (value.startsWith("l")) active().setVoiLut(at);
    else if (window) active().setWindow(window.center, window.width);
    if (value.startsWith("l")) table = value;
    presets.value = value;
  }

  /** The next of the file's windows and tables. */
  function nextPreset() {
    const values = [...presets.options].map(({ value }) => value).slice(0, -1); // all but the one by hand
    if (values.length && !active().subtraction) preset(values[(values.indexOf(presets.value) + 1) % values.length]);
  }

  /** A few times a second while playing. */
  function showMeasured() {
    const { playing, waiting, measured_fps } = active();
    setText(shown, !moves() ? "" : !playing ? "paused" : waiting ? "" : `shown ${measured_fps.toFixed(1)}`);
  }

  /** After any change of the player's state. @param {string} chosen the reader's way to play, "" where it is the file's */
  function refresh(chosen) {
    const { playing, speed_now, invert, loop, view, window, subtraction } = active();
    const { timing, display } = seen() ?? {};
    sequencing.value = chosen.startsWith("next") && loop === "loop" ? chosen : loop;
    byId("toggle-icon").setAttribute("href", playing ? "#i-pause" : "#i-play");
    commanded.get("toggle")?.setAttribute("aria-label", playing ? "Pause" : "Play");
    press(commanded.get("invert"), invert);
    press(commanded.get("full-screen"), document.fullscreenElement !== null);
    for (const [speed, button] of speeds) press(button, Math.abs(speed_now) === Number(speed));
    for (const element of [byId("scrubber"), ...speeds.values(), ...["back", "on", "toggle"].map((id) => commanded.get(id))]) element?.setAttribute("aria-disabled", `${!moves()}`);
    setText(byId("fit"), view.zoom === 1 && view.pan_x === 0 && view.pan_y === 0 ? "1:1" : "Fit");
    setText(byId("rate"), moves() ? rateText(timing) : "");
    byId("rate").title = timing ? `Rate from: ${timing.source}` : "";
    presets.disabled = presets.length < 2 || subtraction !== null; // those of the file are not for differences
    const at = window && display ? display.windows.findIndex((other, nth) => same(other, window) || (nth === 0 && same(standard, window))) : -1;
    presets.value = !window ? table : at < 0 ? BY_HAND : `w${at}`;
    showMeasured();
  }

  for (const { id, label } of COMMANDS) {
    const button = commanded.get(id);
    if (id !== "fit") button?.setAttribute("aria-label", label); // its text says what it does now
    button?.addEventListener("click", () => run(id));
  }
  tellKeys();
  for (const [speed, button] of speeds) {
    button.setAttribute("aria-label", `${speed} times the speed`);
    button.addEventListener("click", () => (goAt(Number(speed)), tellRate()));
  }
  for (const [name, button] of tools) button.addEventListener("click", () => takeTool(/** @type {Tool} */ (name)));
  presets.addEventListener("change", () => preset(presets.value));
  recommended.addEventListener("click", () => (setRate(fps === null ? otherRate(seen()?.timing) : null), tellRate()));
  sequencing.addEventListener("change", () => sequenced(sequencing.value));
  takeTool(tool);

  return { tool: () => tool, setSpeed, resetRate, describe, nextPreset, showMeasured, refresh };
}

/** @param {Window | null} a @param {Window} b */
const same = (a, b) => a !== null && Math.abs(a.center - b.center) < 1e-6 && Math.abs(a.width - b.width) < 1e-6;

/** @param {string} value @param {string} text */
const option = (value, text) => Object.assign(make("option", "", text), { value });
