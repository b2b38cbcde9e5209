// @ts-check
/**
 * Several pictures at once: layouts, the active cell, one alone and back, on one clock or each by itself. Loaded when first asked for.
 *
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {import("../engine/tracks.js").LockMode} LockMode
 * @typedef {ReturnType<typeof makeCells>} Cells
 */
import { Lock } from "../engine/lock.js";
import { Player, createPlayer } from "../engine/player.js";
import { Cell } from "./cell.js";
import { addStyle, byId, make, makeButton, ownHands } from "./dom.js";
import { fillCells, gridOf, sameProjection, stressGrid } from "./layout.js";

/** Shares of the link: what is looked at before what is beside it. The server sends neighbouring runs after all of these. */
const ACTIVE_WEIGHT = 3;
const BESIDE_WEIGHT = 1;
/** @type {Record<string, string>} */
const LOCKS = { "": "", time: "same time", beats: "R waves together", stretch: "beats stretched" };

/** @param {import("./view-page.js").Page} page */
export function makeCells(page) {
  const [first] = page.cells;
  const grid = byId("cells");
  const list = /** @type {HTMLSelectElement} */ (byId("layout"));
  const locks = /** @type {HTMLSelectElement} */ (byId("lock"));
  const portrait = matchMedia("(orientation: portrait)");
  let layout = "";
  /** @type {Lock | null} */
  let lock = null;
  /** Shown alone out of several. @type {Cell | null} */
  let alone = null;
  /** Both planes of a biplane run are on the screen: the next run brings both of its own. */
  let planes = false;
  /** What is said of a prior's runs, which are in no strip. @type {Map<string | null, string>} */
  const priors = new Map();
  /** A run with a second plane says so, in the picture. */
  const offer = makeButton("Biplane: both planes (3)", () => showPlanes());
  offer.className = "offer";
  ownHands(offer);

  const stress = () => stressGrid(page.tiles);
  const size = () => gridOf(layout, portrait.matches, stress());
  const mode = () => lock?.mode ?? "";

  /** The cells of the layout; others keep what they have, unseen. */
  function laid() {
    const { rows, columns } = size();
    return page.cells.slice(0, rows * columns);
  }

  /** Those that are seen. */
  const shown = () => (alone ? [alone] : laid());

  /** Becomes active when it is touched or when the focus comes to it. @param {Cell} cell */
  function mind(cell) {
    const take = () => layout && page.activate(cell);
    cell.stage.addEventListener("pointerdown", take, true);
    cell.stage.addEventListener("focus", take);
  }

  /** A cell like the first, with a player of its own. */
  function makeCell() {
    const stage = /** @type {HTMLElement} */ (first.stage.cloneNode(true));
    stage.removeAttribute("id");
    stage.classList.remove("between", "active");
    /** @type {Record<string, HTMLElement>} */
    const parts = {};
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (stage.querySelectorAll("[id], video, .looks, .subtracting, .loupe, .offer, .graphics, .states"))) {
      if (element.id === "preview" || !element.id) element.remove();
      parts[element.id] = element;
      element.removeAttribute("id");
    }
    const canvas = make("canvas");
    canvas.setAttribute("role", "img");
    parts["picture"].replaceWith(canvas);
    parts["picture"] = canvas;
    grid.append(stage);
    const player = createPlayer(canvas, { renderer: first.player.renderer === "gl" ? "gl" : "2d" });
    const cell = new Cell(stage, (id) => parts[id], player);
    cell.empty();
    page.adopt(cell);
    mind(cell);
    page.cells.push(cell);
  }

  /**
   * @param {string} wanted one of layout.js
   * @param {(string | null)[]} [runs] of each cell; else what is there, and the runs that follow
   */
  function setLayout(wanted, runs) {
    const stages = wanted === "stress" ? stress() : null;
    if (wanted === "stress" && !stages) {
      list.value = layout;
      return page.active.hint("No stages and views are known of this study: no stress grid.");
    }
    const was_active = page.active;
    planes = false;
    alone = null;
    layout = wanted;
    const { rows, columns } = size();
    while (page.cells.length < rows * columns) makeCell();
    const cells = laid();
    // The one looked at stays, whatever becomes of the others.
    if (!cells.includes(was_active) && was_active.tile && !runs && !stages) {
      page.show(was_active.tile, cells[0]);
      was_active.empty();
    }
    if (!cells.includes(page.active)) page.activate(cells[0]);
    arrange();
    const named = runs ?? stages?.runs ?? fillCells(cells.map(({ run }) => run), page.tiles, page.active.run);
    cells.forEach((cell, at) => cell.run && !named[at] && cell.empty());
    cells.forEach((cell, at) => {
      const tile = page.tiles.find(({ run }) => run === named[at]);
      if (tile) page.show(tile, cell);
    });
    if (layout) relock();
    else setLock("");
    if (stages?.left_out) page.active.hint(`${stages.left_out} more of stages and views: see the strip.`);
  }

  function arrange() {
    const { rows, columns } = alone ? { rows: 1, columns: 1 } : size();
    grid.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`;
    grid.classList.toggle("several", layout !== "");
    const seen = shown();
    for (const { stage, player } of page.cells) {
      const here = seen.some((cell) => cell.stage === stage);
      stage.hidden = !here;
      player.setSeen(here);
      if (layout) stage.tabIndex = 0;
      else stage.removeAttribute("tabindex");
    }
    activated();
  }

  /** Another cell is the active one: said by its frame, and to the link. */
  function activated() {
    page.cells.forEach((cell, at) => {
      const active = cell === page.active && layout !== "";
      cell.stage.classList.toggle("active", active);
      cell.stage.setAttribute("aria-label", layout ? `Picture ${at + 1}${active ? ", active" : ""}` : "Picture");
      cell.player.setWeight(active ? ACTIVE_WEIGHT : BESIDE_WEIGHT);
    });
  }

  /** One of several pictures alone, or all of them again. @param {Cell} cell @returns {boolean} whether there are several */
  function maximise(cell) {
    if (!layout) return false;
    alone = alone ? null : cell;
    arrange();
    relock();
    return true;
  }

  // ---- one clock

  function nextLock() {
    if (!layout) return page.active.hint("One picture has nothing to be locked to: 2 4 6 9 show more.");
    const modes = Object.keys(LOCKS);
    setLock(modes[(modes.indexOf(mode()) + 1) % modes.length]);
  }

  /** @param {string} wanted "" for each by itself */
  function setLock(wanted) {
    lock?.release();
    lock = wanted && layout ? new Lock(/** @type {LockMode} */ (wanted)) : null;
    relock();
    page.refresh();
  }

  /** The cells that are seen are the lock's members; the active one leads. */
  function relock() {
    if (!lock) return;
    const players = shown().filter(({ run }) => run).map(({ player }) => player);
    players.sort((a, b) => Number(b === page.active.player) - Number(a === page.active.player));
    Player.lock(lock, players);
  }

  /** After any change of what is shown or how. */
  function refresh() {
    list.value = layout;
    locks.value = mode();
    locks.disabled = !layout;
    /** @type {HTMLElement} */ (list.querySelector('[value="stress"]')).hidden = !stress();
    for (const cell of page.cells) {
      const { locked } = cell.player;
      const words = locked === "locked" ? `locked: ${LOCKS[mode()]}` : locked && "not synchronised: no R waves";
      cell.together = [priors.get(cell.run), layout && words].filter(Boolean).join(" · ");
      cell.stage.classList.toggle("apart", locked === "apart");
    }
    if (layout || !planesOf(page.active.run)) offer.remove();
    else if (offer.parentElement !== page.active.stage) page.active.stage.append(offer);
  }

  // ---- what belongs together

  /** The two planes that a run is one of. @param {string | null} run */
  const planesOf = (run) => page.pairs.map(({ a, b }) => [a, b]).find((pair) => pair.some((one) => one === run));

  /** Both planes of the active run, side by side on one clock. */
  function showPlanes(run = page.active.run) {
    const pair = planesOf(run);
    if (!pair) return page.active.hint("This run has no second plane.");
    page.activate(first);
    setLayout("2", pair);
    planes = true;
    setLock("time");
  }

  /** The next run of a biplane study brings its other plane along. @param {PictureTile} tile @param {number} step @returns {boolean} whether that was done */
  function goRun(tile, step) {
    if (!planes) return false;
    const { tiles, active } = page;
    const now = planesOf(active.run) ?? [];
    let at = tiles.indexOf(tile);
    while (tiles[at] && now.includes(tiles[at].run)) at += step;
    const next = tiles[at];
    if (!next) return true;
    if (planesOf(next.run)) showPlanes(next.run);
    else setLayout("", [next.run]);
    return true;
  }

  /** The run of an earlier study that was taken from the same side, beside the active one. */
  async function showPrior() {
    const { active } = page;
    const answer = await fetch(`/api/studies/${encodeURIComponent(page.study)}/priors`).catch(() => null);
    const found = answer?.ok && sameProjection(active.seen()?.geometry, (await answer.json()).priors);
    if (!found) return active.hint(answer?.ok ? "No earlier run of this patient has a projection to compare." : "Earlier studies cannot be asked for just now.");
    const run = await fetch(`/api/runs/${found.run.run}`).then((one) => one.json(), () => null);
    if (!run?.description) return active.hint("The earlier run is not prepared yet.");
    if (laid().length < 2) setLayout("2", [active.run, null]);
    priors.set(run.run, `EARLIER STUDY ${found.prior.study_date_text} · ${Math.round(found.degrees)}° apart`);
    page.show({ ...found.run, ...run, kind: "run" }, laid()[laid()[0] === active ? 1 : 0]);
    relock();
    page.refresh();
  }

  /** What an address names. @param {import("./address.js").Place} place */
  function restore(place) {
    setLayout(place.layout, place.cells.length ? place.cells.map((one) => one || null) : undefined);
    const active = laid().find((cell) => cell.run === place.run);
    if (active) page.activate(active);
    setLock(place.lock);
    if (place.window) active?.player.setWindow(...place.window);
    if (place.frame === null) return;
    active?.player.pause();
    active?.player.seek(place.frame);
  }

  addStyle("cells.css");
  mind(first);
  portrait.addEventListener("change", arrange);

  return {
    setLayout,
    maximise,
    activated,
    nextLock,
    setLock,
    refresh,
    showPlanes,
    goRun,
    showPrior,
    restore,
    /** What the address says of it. */
    place: () => ({ layout, cells: layout ? laid().map(({ run }) => run ?? "") : [], lock: mode() }),
  };
}
