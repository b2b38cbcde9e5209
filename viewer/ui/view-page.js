// @ts-check
/** The viewer's page: which cell is active, the film strip, and the commands that keys and buttons give. */
import { createPlayer } from "../engine/player.js";
import { formatAddress, parseAddress } from "./address.js";
import { showBanner } from "./banner.js";
import { Cell } from "./cell.js";
import { byId, calm } from "./dom.js";
import { takeGestures } from "./gestures.js";
import { commandOf } from "./keys.js";
import { Rates } from "./rates.js";
import { makeScrubber } from "./scrubber.js";
import { makeStrip } from "./strip.js";
import { makeTransport } from "./transport.js";
import { nextSpeed } from "./words.js";

/** @typedef {import("./types.js").PictureTile} PictureTile */

const PATIENCE_MS = 4000; // a picture that takes longer than this takes minutes
const STILL_MS = 2000; // a still's time on the screen, where runs follow each other by themselves
const ADDRESS_MS = 300; // browsers take no more than a few changes of the address a second

const study = /** @type {import("./types.js").Study} */ (JSON.parse(byId("study").textContent ?? ""));
showBanner(study.banner);

/** @typedef {import("../engine/connection.js").Early & {previews?: HTMLImageElement[], onpreview?: (image: HTMLImageElement, frame: number) => void}} Bootstrap previews: the first frames, as the page carried them; more may come */

/** @type {Bootstrap | undefined} */
const early = /** @type {any} */ (window).fastcineEarly;
const preview = byId("preview");
const asked = parseAddress(location.search);
const first = new Cell(byId("stage"), byId, createPlayer(/** @type {HTMLCanvasElement} */ (byId("picture")), { early, renderer: asked.renderer }));

let speed = 1;
/** The reader's way to play, from run to run: a loop mode, or "next N"; "" as each file says. */
let sequencing = "";
const rates = new Rates(study.study_instance_uid);
/** @type {import("./cells.js").Cells | null} several pictures, as soon as they have been asked for */
let several = null;

const page = {
  cells: [first],
  active: first,
  tiles: /** @type {PictureTile[]} */ ([]),
  study: study.study_instance_uid,
  pairs: study.biplane_pairs ?? [],
  show,
  activate,
  adopt,
  refresh,
};
/** @typedef {typeof page} Page what cells.js sees of this page */

const player = () => page.active.player;
/** @type {any} */ (window).fastcine = {
  get player() {
    return player();
  },
  get players() {
    return page.cells.map((cell) => cell.player);
  },
};
const seen = () => page.active.seen();
const scrubber = makeScrubber(player, seen);
const strip = makeStrip(byId("tiles"), (tile) => show(tile));
const transport = makeTransport(player, {
  run: obey,
  seen,
  rated: (rate) => {
    const description = seen();
    if (description) rates.keep(description, rate);
  },
  sequenced: (value) => sequence(value),
});
let refreshing = 0;
let stillTimer = 0;
let addressTimer = 0;
let written_ms = 0;
/** What follows the first picture has been asked for. */
let rest = false;
/** @type {string | null} the run whose windows and rates the bar shows */
let described = null;

/** @param {import("./types.js").Tile[]} all */
function takeTiles(all) {
  page.tiles = all.filter((tile) => tile.kind !== "other");
  strip.show(all);
  for (const cell of page.cells) cell.tile = tileOf(cell.run) ?? cell.tile;
}

/**
 * @param {PictureTile} tile @param {Cell} [cell]
 * @param {{frame?: number, play?: boolean}} [how] where it stands, whether it plays; else as the picture before it
 */
function show(tile, cell = page.active, how = {}) {
  if (cell.run === tile.run && cell.player.run === tile.run) return;
  const opening = cell.tile === null;
  const play = how.play ?? (opening ? player() === cell.player || player().playing : (cell.halted ?? cell.player.playing));
  if (!opening && cell.player.description) speed = Math.abs(cell.player.speed_now);
  if (cell === page.active) strip.select(tile.run);
  cell.halted = playable(tile) ? null : play;
  cell.begin(tile, placeOf(tile), play);
  if (playable(tile)) cell.player.open(tile.run, tile.description, { play, frame: how.frame ?? 0 });
  else cell.player.pause();
  refresh();
  if (!opening) writeAddress(); // a reload at any moment opens this run
  prefetch();
}

/** The neighbours of the active picture, and nothing else. */
function prefetch() {
  const near = [1, 2, -1].flatMap((step) => beside(step) ?? []).filter(playable);
  for (const cell of page.cells) cell.player.prefetch(cell === page.active ? near : []);
}

/** What keys, buttons, scrubber and strip are about from now on. @param {Cell} cell */
function activate(cell) {
  if (cell === page.active) return;
  page.active = cell;
  described = null;
  if (cell.run) strip.select(cell.run);
  several?.activated();
  refresh();
  scrubber.drawHeld();
  prefetch();
}

/** A run that waits has no description yet, and the server nothing to send. @param {PictureTile} tile */
const playable = (tile) => tile.state !== "failed" && tile.description !== null;

/** @param {string | null | undefined} run */
const tileOf = (run) => page.tiles.find((tile) => tile.run === run);

/** @param {PictureTile} tile */
const placeOf = (tile) => (page.tiles.length > 1 ? `${tile.kind} ${page.tiles.indexOf(tile) + 1} of ${page.tiles.length}` : "");

/** Once an animation frame at most: a drag changes the state more often than anybody can read. */
function refreshSoon() {
  refreshing ||= requestAnimationFrame(refresh);
}

function refresh() {
  cancelAnimationFrame(refreshing);
  refreshing = 0;
  for (const cell of page.cells) settle(cell);
  const on = seen() ? player().run : null;
  if (described !== on) {
    described = on;
    const description = seen();
    transport.describe(description && rates.of(description));
    scrubber.drawHeld();
  }
  several?.refresh();
  for (const cell of page.cells) cell.refresh();
  transport.refresh(sequencing);
  scrubber.drawRange();
  scrubber.drawFrame();
  addressTimer ||= window.setTimeout(writeAddress, Math.max(0, written_ms + ADDRESS_MS - performance.now()));
}

/** How this and every next run plays. @param {string} way a loop mode, or "next N" */
function sequence(way, its = player()) {
  sequencing = way;
  its.setLoop(leads() ? "loop" : /** @type {import("../engine/clock.js").LoopMode} */ (way));
}

/** Whether runs follow each other by themselves. */
const leads = () => sequencing.startsWith("next");

/** The reader's speed and way to play go on from run to run; a series' own rate comes first. @param {Cell} cell */
function settle(cell) {
  const description = cell.seen();
  if (!description || cell.settled === description.run) return;
  cell.settled = description.run;
  const own = rates.of(description)?.speed ?? speed;
  if (own !== 1 && !cell.player.locked) cell.player.speed(own);
  if (sequencing) sequence(sequencing, cell.player);
  clearTimeout(stillTimer);
  if (cell === page.active && description.frames < 2) stillTimer = window.setTimeout(() => leads() && cell.player.playing && cell === page.active && goRun(1), STILL_MS);
}

function writeAddress() {
  addressTimer = 0;
  written_ms = performance.now();
  const { active } = page;
  const description = active.seen();
  if (!active.tile || (active.player.waiting && !rest)) return; // the first picture is not there yet
  const { window: level, playing, frame } = active.player;
  const own = description && level && active.player.windowed ? /** @type {[number, number]} */ ([level.center, level.width]) : null;
  const many = several?.place() ?? { layout: "", cells: [], lock: "" };
  const stands = description !== null && description.frames > 1 && !playing;
  const address = formatAddress({ run: active.run, frame: stands ? frame : null, window: own, ...many });
  if (address !== location.search) history.replaceState(history.state, "", location.pathname + address);
}

/** The tile so many on from the active picture's. @param {number} step @returns {PictureTile | undefined} */
const beside = (step) => page.tiles[page.tiles.findIndex(({ run }) => run === page.active.run) + step];

/** @param {number} step */
function goRun(step) {
  const next = beside(step);
  if (next) several?.goRun(next, step) || show(next);
}

/** @param {number} step */
async function goStudy(step) {
  const said = (await import("./next-study.js")).goStudy(study.study_instance_uid, step);
  if (said) page.active.hint(said);
}

/** Several pictures: loaded when they are first asked for. @param {(cells: import("./cells.js").Cells) => unknown} act */
async function withCells(act) {
  const { makeCells } = await import("./cells.js");
  several ??= makeCells(page);
  act(several);
  refresh();
}

/** @param {string} layout as the list has them */
const setLayout = (layout) => withCells((cells) => cells.setLayout(layout));

/** By command, for the active picture's player. @type {Record<string, (its: import("./cell.js").Player) => unknown>} */
const actions = {
  toggle: (its) => its.toggle(),
  pause: (its) => its.pause(),
  back: (its) => its.step(-1),
  on: (its) => its.step(1),
  "back-10": (its) => its.step(-10),
  "on-10": (its) => its.step(10),
  first: (its) => its.seek(its.range.first),
  last: (its) => its.seek(its.range.last),
  reverse: (its) => (its.speed(-Math.abs(its.speed_now)), its.play()),
  forward: (its) => (its.speed(Math.abs(its.speed_now)), its.play()),
  "previous-run": () => goRun(-1),
  "next-run": () => goRun(1),
  "run-on": (its) => (sequence(sequencing === "next 1" ? "loop" : "next 1"), its.play(), refresh()),
  "previous-study": () => goStudy(-1),
  "next-study": () => goStudy(1),
  slower: (its) => transport.setSpeed(nextSpeed(its.speed_now, -1)),
  faster: (its) => transport.setSpeed(nextSpeed(its.speed_now, 1)),
  "dicom-rate": transport.resetRate,
  bounce: (its) => sequence(its.loop === "sweep" ? "loop" : "sweep"),
  once: (its) => sequence(its.loop === "once" ? "loop" : "once"),
  "set-in": (its) => its.setRange(its.frame, Math.max(its.range.last, its.frame)),
  "set-out": (its) => its.setRange(Math.min(its.range.first, its.frame), its.frame),
  "clear-range": (its) => its.setRange(null),
  "next-window": transport.nextPreset,
  texts: () => byId("cells").classList.toggle("bare"),
  "full-screen": () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined),
  banner: () => byId("banner").classList.toggle("detailed"),
  "layout-1": () => setLayout(""),
  "layout-2": () => setLayout("2"),
  "layout-4": () => setLayout("4"),
  "layout-6": () => setLayout("6"),
  "layout-9": () => setLayout("9"),
  stress: () => setLayout("stress"),
  biplane: () => withCells((cells) => cells.showPlanes()),
  prior: () => withCells((cells) => cells.showPrior()),
  lock: () => withCells((cells) => cells.nextLock()),
  help: async () => (await import("./help.js")).toggleHelp(),
};

/** What is done to the picture itself: asked for when there is one. @param {Cell} cell */
async function looks(cell) {
  const { makeLooks } = await import("./picture-commands.js");
  return (cell.looks ??= makeLooks(cell.player, cell.stage));
}

/** @param {string} command */
async function obey(command) {
  if (!seen() && !/^((previous|next)-(run|study)|full-screen|banner|help|layout-.|stress|lock|biplane|prior)$/.test(command)) return;
  const { active } = page;
  void (actions[command] ?? (active.looks ?? (await looks(active)))[command])?.(active.player); // once they are loaded, a key acts at once
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const target = /** @type {Element} */ (event.target);
  const help = /** @type {HTMLDialogElement} */ (byId("help"));
  const command = commandOf(event);
  if (help.open && command !== "help") return;
  if (!command) return;
  // A button and a video take Space and Enter for themselves, a select its arrows and letters; the scrubber is a slider whose arrows are ours.
  if (target.closest("select") || (/^( |Enter)$/.test(event.key) && target.closest("button, a, video"))) return;
  event.preventDefault();
  if (event.repeat && !/^(back|on|zoom|slower|faster|previous-run|next-run|mask-[lrud])/.test(command)) return;
  obey(command);
});

/** A cell of the page from now on: what its player tells goes where it is seen. @param {Cell} cell */
function adopt(cell) {
  const its = cell.player;
  if (cell !== first) void looks(cell);
  takeGestures(cell.stage, its, { tool: transport.tool, seen: cell.seen, doubled: () => several?.maximise(cell) || document.body.classList.toggle("maximised"), swiped: goRun });
  its.addEventListener("frame", (event) => {
    const { run, frame, tier } = /** @type {CustomEvent} */ (event).detail;
    if (run !== cell.run) return;
    if (cell === first) {
      if (tier >= 0) void afterFirstFrame();
      preview.hidden = true;
    }
    cell.drawFrame(frame);
    if (cell !== page.active) return;
    scrubber.drawFrame();
    if (its.playing && leads() && its.loops >= Number(sequencing.slice(5))) goRun(1);
  });
  its.addEventListener("held", () => cell === page.active && scrubber.drawHeld());
  its.addEventListener("badge", () => cell.badge());
  its.addEventListener("state", refreshSoon);
  its.addEventListener("connection", (event) => {
    if (its.connection === "open") cell.error = "";
    cell.retry_ms = /** @type {CustomEvent} */ (event).detail.retry_ms ?? 0;
    cell.notice();
  });
  its.addEventListener("error", (event) => {
    const { run, message } = /** @type {CustomEvent} */ (event).detail;
    if (run && run !== cell.run) return; // what befell a neighbour that was fetched in advance
    cell.error = message;
    cell.notice();
  });
}
adopt(first);
for (const id of ["layout", "lock"]) {
  const list = /** @type {HTMLSelectElement} */ (byId(id));
  list.addEventListener("change", () => withCells((cells) => (id === "layout" ? cells.setLayout(list.value) : cells.setLock(list.value))));
}
// A click leaves the focus on its button, where the next Space would press it again instead of playing; those who came by Tab stay.
let byPointer = false;
addEventListener("pointerdown", () => (byPointer = true), true);
addEventListener("keydown", () => (byPointer = false), true);
for (const type of ["click", "change"]) {
  document.addEventListener(type, ({ target }) => byPointer && !/** @type {HTMLDialogElement} */ (byId("help")).open && /** @type {Element} */ (target).closest(type === "click" ? "button" : "select") && /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
}
// A file dropped here would take the browser away from the patient.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
document.addEventListener("fullscreenchange", refreshSoon);
setInterval(transport.showMeasured, 500);

/** All that may only be asked for once a picture is there. */
async function afterFirstFrame() {
  if (rest) return;
  rest = true;
  void looks(first);
  if (asked.layout) void withCells((cells) => cells.restore(asked));
  else if (page.pairs.length) void withCells(() => undefined); // both planes are offered
  await calm();
  strip.loadThumbnails();
  void import("./tile-hands.js").then(({ tileHands }) => tileHands(byId("tiles"), { page, tileOf: strip.tileOf }));
  const { follow } = await import("./live.js");
  follow(study.study_instance_uid, {
    study: ({ tiles: all, biplane_pairs }) => {
      page.pairs = biplane_pairs ?? [];
      const before = page.cells.map(({ tile }) => tile);
      takeTiles(all);
      if (before[0] === null && page.cells.length === 1) return start();
      page.cells.forEach((cell, at) => {
        const was = before[at];
        if (!cell.tile || !was) return;
        if (!playable(was) && playable(cell.tile)) show(cell.tile, cell);
        else cell.update(cell.tile, placeOf(cell.tile));
      });
    },
    run: ({ run, ready = [], complete = false, state }) => {
      const tile = tileOf(run);
      if (!tile) return true;
      const made = complete || ready.some((frames) => frames > 0);
      const now = state ?? (made ? "ready" : tile.state);
      // A failure's words, and the description of what only waited until now, are in the study's JSON.
      const known = tile.description !== null && (now === "failed") === (tile.state === "failed");
      if (!known) return false;
      Object.assign(tile, { ready, complete, state: now });
      strip.refresh(tile);
      for (const cell of page.cells) cell.notice();
      return true;
    },
  });
}

/** Opens what the address names, else the first run, else the first still. */
function start() {
  const tile = tileOf(asked.run ?? early?.run) ?? page.tiles.find((one) => one.kind === "run" && one.state !== "failed") ?? page.tiles[0];
  const place = tile && tile.run === asked.run ? asked : null;
  if (tile) show(tile, first, place?.frame != null ? { frame: place.frame, play: false } : { play: true });
  else first.begin(null, "");
  if (place?.window) first.player.setWindow(...place.window);
  // Where no picture is to be had soon, the rest need not wait for it.
  if (tile?.state !== "ready") void afterFirstFrame();
  else setTimeout(afterFirstFrame, PATIENCE_MS);
  if (!early) return;
  early.onpreview = (image, frame) => first.player.showPreview(image, frame);
  early.previews?.forEach(early.onpreview);
}

takeTiles(study.tiles);
start();
