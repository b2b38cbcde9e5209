// @ts-check
/** The viewer's page: one player, the film strip, and the commands that keys and buttons give. */
import { createPlayer } from "../engine/player.js";
import { showBanner, toggleBannerDetail } from "./banner.js";
import { byId } from "./dom.js";
import { Gestures } from "./gestures.js";
import { commandOf } from "./keys.js";
import { Picture } from "./picture.js";
import { Scrubber } from "./scrubber.js";
import { Strip } from "./strip.js";
import { Transport } from "./transport.js";
import { nextSpeed } from "./words.js";

/** @typedef {import("./types.js").PictureTile} PictureTile */

const PATIENCE_MS = 4000; // a picture that takes longer than this takes minutes

const study = /** @type {import("./types.js").Study} */ (JSON.parse(byId("study").textContent ?? ""));
showBanner(study.banner);

/** @typedef {import("../engine/connection.js").Early & {previews?: HTMLImageElement[], onpreview?: (image: HTMLImageElement, frame: number) => void}} Bootstrap previews: the first frames, as the page carried them; more may come */

/** @type {Bootstrap | undefined} */
const early = /** @type {any} */ (window).fastcineEarly;
const preview = byId("preview");
const canvas = /** @type {HTMLCanvasElement} */ (byId("picture"));
const player = createPlayer(canvas, early ? { early } : {});
/** @type {any} */ (window).fastcine = { player };

const picture = new Picture(player);
/** The run on screen as it is described; null when none can be, and then no control touches the one before. */
const seen = () => (picture.holds ? /** @type {import("./types.js").Description | null} */ (player.description) : null);
const scrubber = new Scrubber(player, seen);
const strip = new Strip(byId("tiles"), { choose: (tile) => show(tile) });
const transport = new Transport(player, { run: obey, seen });
new Gestures(byId("stage"), player, { tool: () => transport.tool, seen, doubled: () => document.body.classList.toggle("maximised") });

/** @type {PictureTile[]} */
let tiles = [];
/** @type {PictureTile | null} */
let current = null;
/** @type {string | null} the run whose windows and rates the bar shows */
let described = null;
let speed = 1;
/** @type {boolean | null} whether it would play, while a run that cannot stands in between; playing goes on after it */
let halted = null;
let refreshing = 0;

/** @param {import("./types.js").Tile[]} all */
function takeTiles(all) {
  tiles = all.filter((tile) => tile.kind !== "other");
  strip.show(all);
  current = tiles.find((tile) => tile.run === current?.run) ?? current;
}

/** @param {PictureTile} tile */
function show(tile) {
  if (current?.run === tile.run && player.run === tile.run) return;
  const first = current === null;
  const play = first || (halted ?? player.playing);
  if (!first && player.description) speed = Math.abs(player.speed_now);
  current = tile;
  strip.select(tile.run);
  if (!first) history.replaceState(null, "", `?run=${encodeURIComponent(tile.run)}`);
  halted = playable(tile) ? null : play;
  picture.begin(tile, placeOf(tile), play);
  if (playable(tile)) player.open(tile.run, tile.description, { play });
  else player.pause();
  refresh();
  const index = tiles.indexOf(tile);
  const near = [tiles[index + 1], tiles[index + 2], tiles[index - 1]].filter((next) => next !== undefined);
  player.prefetch(near.filter(playable).map(({ run, description }) => ({ run, description })));
}

/** A run that waits has no description yet, and the server nothing to send. @param {PictureTile} tile */
function playable(tile) {
  return tile.state !== "failed" && tile.description !== null;
}

/** @param {PictureTile} tile */
function placeOf(tile) {
  return tiles.length > 1 ? `${tile.kind} ${tiles.indexOf(tile) + 1} of ${tiles.length}` : "";
}

/** Once an animation frame at most: a drag changes the state more often than anybody can read. */
function refreshSoon() {
  refreshing ||= requestAnimationFrame(refresh);
}

function refresh() {
  cancelAnimationFrame(refreshing);
  refreshing = 0;
  const on = seen() ? player.run : null;
  if (described !== on) {
    described = on;
    if (on !== null && speed !== 1) player.speed(speed); // the reader's speed goes on from run to run
    transport.describe();
    scrubber.drawHeld();
  }
  picture.refresh();
  transport.refresh();
  scrubber.drawRange();
  scrubber.drawFrame();
}

/** @param {number} step */
function goRun(step) {
  const index = current ? tiles.findIndex((tile) => tile.run === current?.run) : -1;
  const tile = tiles[index + step];
  if (tile) show(tile);
}

const actions = /** @type {Record<string, () => unknown>} */ ({
  toggle: () => player.toggle(),
  pause: () => player.pause(),
  back: () => player.step(-1),
  on: () => player.step(1),
  "back-10": () => player.step(-10),
  "on-10": () => player.step(10),
  first: () => player.seek(player.range.first),
  last: () => player.seek(player.range.last),
  reverse: () => (player.speed(-Math.abs(player.speed_now)), player.play()),
  forward: () => (player.speed(Math.abs(player.speed_now)), player.play()),
  "previous-run": () => goRun(-1),
  "next-run": () => goRun(1),
  slower: () => player.speed(nextSpeed(player.speed_now, -1)),
  faster: () => player.speed(nextSpeed(player.speed_now, 1)),
  "dicom-rate": () => transport.resetRate(),
  bounce: () => player.setLoop(player.loop === "sweep" ? "loop" : "sweep"),
  "set-in": () => player.setRange(player.frame, Math.max(player.range.last, player.frame)),
  "set-out": () => player.setRange(Math.min(player.range.first, player.frame), player.frame),
  "clear-range": () => player.setRange(null),
  invert: () => player.setInvert(!player.invert),
  "next-window": () => transport.nextPreset(),
  "zoom-in": () => zoom(1.25),
  "zoom-out": () => zoom(0.8),
  fit: fitOrOne,
  reset: () => (player.setWindow(null), player.setInvert(false), player.fit()),
  texts: () => byId("stage").classList.toggle("bare"),
  "full-screen": () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined),
  banner: toggleBannerDetail,
  help: async () => (await import("./help.js")).toggleHelp(),
});

/** @param {number} factor about the middle of the stage */
function zoom(factor) {
  player.zoomAt(factor, canvas.clientWidth / 2, canvas.clientHeight / 2);
}

/** The whole picture, or one image column a device pixel. */
function fitOrOne() {
  const { zoom: now, pan_x, pan_y, scale } = player.view;
  if (now === 1 && pan_x === 0 && pan_y === 0) zoom(1 / scale);
  else player.fit();
}

/** @param {string} command */
function obey(command) {
  if (!seen() && !["previous-run", "next-run", "full-screen", "banner", "help"].includes(command)) return;
  void actions[command]?.();
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const target = /** @type {Element} */ (event.target);
  const help = /** @type {HTMLDialogElement} */ (byId("help"));
  const command = commandOf(event);
  if (help.open && command !== "help") return;
  if (!command) return;
  // A button and a video take Space for themselves, a select its arrows and letters; the scrubber is a slider whose arrows are ours.
  if (target.closest("select") || (event.key === " " && target.closest("button, a, video"))) return;
  event.preventDefault();
  if (event.repeat && !/^(back|on|zoom|slower|faster|previous|next-run)/.test(command)) return;
  obey(command);
});

player.addEventListener("frame", (event) => {
  const { run, frame, tier } = /** @type {CustomEvent} */ (event).detail;
  if (run !== current?.run) return;
  if (tier >= 0) void afterFirstFrame();
  preview.hidden = true;
  picture.drawFrame(frame);
  scrubber.drawFrame();
});
player.addEventListener("held", () => scrubber.drawHeld());
player.addEventListener("badge", (event) => picture.badge(/** @type {CustomEvent} */ (event).detail.badge));
player.addEventListener("state", refreshSoon);
player.addEventListener("connection", (event) => {
  if (player.connection === "open") picture.error = "";
  picture.retry_ms = /** @type {CustomEvent} */ (event).detail.retry_ms ?? 0;
  picture.notice();
});
player.addEventListener("error", (event) => {
  const { run, message } = /** @type {CustomEvent} */ (event).detail;
  if (!run || run === current?.run) picture.fail(message); // not what befell a neighbour that was fetched in advance
});
// A click leaves the focus on its button, where the next Space would press it again instead of playing; those who came by Tab stay.
let byPointer = false;
addEventListener("pointerdown", () => (byPointer = true), true);
addEventListener("keydown", () => (byPointer = false), true);
for (const type of ["click", "change"]) {
  document.addEventListener(type, ({ target }) => byPointer && /** @type {Element} */ (target).closest(type === "click" ? "button" : "select") && /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
}
// A file dropped here would take the browser away from the patient.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
document.addEventListener("fullscreenchange", () => {
  for (const button of document.querySelectorAll('[data-command="full-screen"]')) button.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
});
setInterval(() => transport.showMeasured(), 500);

/** All that may only be asked for once a picture is there. */
async function afterFirstFrame() {
  if (strip.thumbnails) return;
  strip.loadThumbnails();
  const { follow } = await import("./live.js");
  follow(study.study_instance_uid, {
    study: ({ tiles: all }) => {
      const before = current;
      takeTiles(all);
      if (before === null || current === null) start();
      else if (!playable(before) && playable(current)) show(current);
      else picture.update(current, placeOf(current));
    },
    run: ({ run, ready = [], complete = false, state }) => {
      const tile = tiles.find((one) => one.run === run);
      if (!tile) return true;
      const made = complete || ready.some((frames) => frames > 0);
      const now = state ?? (made ? "ready" : tile.state);
      // A failure's words, and the description of what only waited until now, are in the study's JSON.
      const known = tile.description !== null && (now === "failed") === (tile.state === "failed");
      if (!known) return false;
      Object.assign(tile, { ready, complete, state: now });
      strip.refresh(tile);
      picture.notice();
      return true;
    },
  });
}

/** Opens what the address names, else the first run, else the first still. */
function start() {
  const asked = new URLSearchParams(location.search).get("run") ?? early?.run;
  const tile = tiles.find((one) => one.run === asked) ?? tiles.find((one) => one.kind === "run" && one.state !== "failed") ?? tiles[0];
  if (tile) show(tile);
  else picture.begin(null, "");
  // Where no picture is to be had soon, the rest need not wait for it.
  if (tile?.state !== "ready") void afterFirstFrame();
  else setTimeout(afterFirstFrame, PATIENCE_MS);
  if (!early) return;
  early.onpreview = (image, frame) => player.showPreview(image, frame);
  early.previews?.forEach(early.onpreview);
}

takeTiles(study.tiles);
start();
