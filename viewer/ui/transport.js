// @ts-check
/**
 * The bar below the picture: buttons for commands, speed, rates, window presets, and what dragging does.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./gestures.js").Tool} Tool
 */
import { byId, make, setText } from "./dom.js";
import { COMMANDS, keyText, tooltip } from "./keys.js";
import { fpsText, otherRate, rateText, windowText } from "./words.js";

const BY_HAND = "hand";

/** The tooltips say the keys as they are now. */
export function tellKeys() {
  for (const button of buttons("[data-command]")) {
    const command = COMMANDS.find(({ id }) => id === button.dataset["command"]);
    if (!command) continue;
    button.title = tooltip(command);
    button.setAttribute("aria-keyshortcuts", (command.keys[0] ?? "").replace(" ", "Space"));
  }
  const keys = (/** @type {string} */ begin) => COMMANDS.filter(({ id }) => id.startsWith(begin)).map((command) => keyText(command.keys[0] ?? "")).join(" ");
  byId("layout").title = `Layout (${keys("layout")})`;
  byId("lock").title = `Pictures together (${keys("lock")})`;
  for (const button of buttons("[data-speed]")) button.title = `${button.textContent} speed (${keys("slower")} slower  ${keys("faster")} faster  ${keys("dicom-rate")} as acquired)`;
}

export class Transport {
  /**
   * @param {() => Player} active the player that the bar is about
   * @param {{run: (command: string) => void, seen: () => Description | null, rated: (rate: import("./rates.js").Rate | null) => void, sequenced: (value: string) => void}} options
   *   seen: its run, null when none can be; rated: the reader's own rate, null: as acquired; sequenced: what the list of ways to play says
   */
  constructor(active, { run, seen, rated, sequenced }) {
    this.active = active;
    this.seen = seen;
    this.rated = rated;
    /** @type {Tool} */
    this.tool = "scrub";
    this.chosen = "";
    /** @type {Window | null} */
    this.standard = null;
    this.presets = /** @type {HTMLSelectElement} */ (byId("presets"));
    this.recommended = /** @type {HTMLButtonElement} */ (byId("recommended"));
    for (const button of buttons("[data-command]")) {
      const command = COMMANDS.find(({ id }) => id === button.dataset["command"]);
      if (!command) continue;
      if (button.id !== "fit") button.setAttribute("aria-label", command.label); // its text says what it does now
      button.addEventListener("click", () => run(command.id));
    }
    tellKeys();
    for (const button of buttons("[data-speed]")) {
      const speed = Number(button.dataset["speed"]);
      button.setAttribute("aria-label", `${speed} times the speed`);
      button.addEventListener("click", () => this.setSpeed(Math.sign(this.player.speed_now || 1) * speed));
    }
    for (const button of buttons("[data-tool]")) button.addEventListener("click", () => this.#takeTool(/** @type {Tool} */ (button.dataset["tool"])));
    this.presets.addEventListener("change", () => this.#preset(this.presets.value));
    this.recommended.addEventListener("click", () => this.#toggleRecommended());
    const sequencing = /** @type {HTMLSelectElement} */ (byId("sequencing"));
    sequencing.addEventListener("change", () => sequenced(sequencing.value));
    this.#takeTool("scrub");
  }

  get player() {
    return this.active();
  }

  /** The reader's own speed. @param {number} speed */
  setSpeed(speed) {
    this.player.speed(speed);
    this.#rated();
  }

  #rated() {
    const fps = this.recommended.getAttribute("aria-pressed") === "true" ? otherRate(this.description?.timing) : null;
    const speed = Math.abs(this.player.speed_now);
    this.rated({ speed, fps });
  }

  /** A run at the reader's own rate, kept from before. @param {import("./rates.js").Rate} rate */
  takeRate({ speed, fps }) {
    if (speed !== Math.abs(this.player.speed_now)) this.player.speed(Math.sign(this.player.speed_now || 1) * speed);
    if (fps === null || fps !== otherRate(this.description?.timing)) return;
    this.player.setRate(fps);
    this.recommended.setAttribute("aria-pressed", "true");
  }

  get description() {
    return this.seen();
  }

  /** @param {Tool} tool */
  #takeTool(tool) {
    this.tool = tool;
    for (const button of buttons("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset["tool"] === tool));
  }

  #toggleRecommended() {
    const rate = otherRate(this.description?.timing);
    const on = this.recommended.getAttribute("aria-pressed") === "true";
    this.player.setRate(on ? null : rate);
    this.recommended.setAttribute("aria-pressed", String(!on));
    this.#rated();
  }

  /** Plays as acquired again. */
  resetRate() {
    this.player.setRate(null);
    this.player.speed(Math.sign(this.player.speed_now || 1));
    this.recommended.setAttribute("aria-pressed", "false");
    this.rated(null);
  }

  /** The windows and tables of the file, when another run is shown. */
  describe() {
    const { description } = this;
    const rate = otherRate(description?.timing);
    this.recommended.disabled = rate === null;
    this.recommended.setAttribute("aria-pressed", "false");
    if (rate !== null) {
      setText(this.recommended, `Recommended ${fpsText(rate)} fps`);
      this.recommended.title = "The file recommends another display rate than the acquisition's: play at it";
    }
    const display = description?.display;
    const windows = display?.windows ?? [];
    const options = windows.map((window, index) => {
      const words = window.explanation || (window.source === "file" ? "from file" : "whole range");
      return option(`w${index}`, `${words} (${windowText(window, false, NaN)})`);
    });
    (display?.voi_luts ?? []).forEach((table, index) => options.push(option(`l${index}`, table.explanation || `VOI table ${index + 1}`)));
    const hand = option(BY_HAND, "set by hand");
    hand.hidden = true;
    this.presets.replaceChildren(...options, hand);
    this.presets.disabled = !options.length;
    this.chosen = "";
    this.standard = this.player.window; // what the run opens with stands first in the list
    this.#mark();
  }

  /** The next of the file's windows and tables. */
  nextPreset() {
    const values = [...this.presets.options].map(({ value }) => value).filter((value) => value !== BY_HAND);
    if (values.length && !this.player.subtraction) this.#preset(values[(values.indexOf(this.presets.value) + 1) % values.length] ?? "");
  }

  /** @param {string} value */
  #preset(value) {
    const index = Number(value.slice(1));
    const window = this.description?.display.windows[index];
    if (value === "w0") this.player.setWindow(null);
    else if (value.startsWith("l")) this.player.setVoiLut(index);
    else if (window) this.player.setWindow(window.center, window.width);
    this.chosen = value;
    this.#mark();
  }

  /** Says which preset is on, as the picture has it. */
  #mark() {
    const { window } = this.player;
    const { description } = this;
    const windows = description?.display.windows ?? [];
    const index = window ? windows.findIndex((other, at) => same(other, window) || (at === 0 && same(this.standard, window))) : -1;
    if (window) this.presets.value = index >= 0 ? `w${index}` : BY_HAND;
    else this.presets.value = this.chosen.startsWith("l") ? this.chosen : "l0";
  }

  /** After any change of the player's state. @param {string} chosen the reader's way to play, "" where it is the file's */
  refresh(chosen) {
    const { player } = this;
    const sequencing = /** @type {HTMLSelectElement} */ (byId("sequencing"));
    sequencing.value = chosen.startsWith("next") && player.loop === "loop" ? chosen : player.loop;
    byId("toggle-icon").setAttribute("href", player.playing ? "#i-pause" : "#i-play");
    for (const button of buttons("[data-speed]")) {
      button.setAttribute("aria-pressed", String(Math.abs(player.speed_now) === Number(button.dataset["speed"])));
    }
    for (const button of buttons('[data-command="invert"]')) button.setAttribute("aria-pressed", String(player.invert));
    for (const button of buttons('[data-command="toggle"]')) button.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    const fitted = player.view.zoom === 1 && player.view.pan_x === 0 && player.view.pan_y === 0;
    setText(byId("fit"), fitted ? "1:1" : "Fit");
    const { timing, frames } = this.description ?? { timing: null, frames: 0 };
    const many = frames > 1;
    for (const button of buttons('[data-speed], button[data-command="back"], button[data-command="on"], button[data-command="toggle"]')) button.setAttribute("aria-disabled", String(!many));
    byId("scrubber").setAttribute("aria-disabled", String(!many));
    setText(byId("rate"), many ? rateText(timing) : "");
    byId("rate").title = timing ? `Rate from: ${timing.source}` : "";
    if (!player.playing || !many) setText(byId("shown"), many ? "paused" : "");
    this.presets.disabled = !this.presets.options.length || player.subtraction !== null; // those of the file are not for differences
    this.#mark();
    this.showMeasured();
  }

  /** A few times a second while playing. */
  showMeasured() {
    const { player } = this;
    if (player.playing && (this.description?.frames ?? 0) > 1) setText(byId("shown"), player.waiting ? "" : `shown ${player.measured_fps.toFixed(1)}`);
  }
}

/** @typedef {{center: number, width: number}} Window */

/** @param {Window | null} a @param {Window} b */
function same(a, b) {
  return a !== null && Math.abs(a.center - b.center) < 1e-6 && Math.abs(a.width - b.width) < 1e-6;
}

/** @param {string} selector @returns {NodeListOf<HTMLButtonElement>} */
function buttons(selector) {
  return document.querySelectorAll(`button${selector}`);
}

/** @param {string} value @param {string} text */
function option(value, text) {
  const element = make("option", "", text);
  element.value = value;
  return element;
}
