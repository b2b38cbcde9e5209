// @ts-check
/**
 * Several pictures at once: layouts, the active cell, one alone and back, on one clock or each by itself. Loaded when first asked for.
 *
 * @typedef {import("./view-page.js").Page} Page
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {import("../engine/tracks.js").LockMode} LockMode
 */
import { Lock } from "../engine/lock.js";
import { Player, createPlayer } from "../engine/player.js";
import { Cell } from "./cell.js";
import { addStyle, byId, make, makeButton } from "./dom.js";
import { fillCells, gridOf, sameProjection, stressGrid } from "./layout.js";

/** Shares of the link: what is looked at before what is beside it. The server sends neighbouring runs after all of these. */
const ACTIVE_WEIGHT = 3;
const BESIDE_WEIGHT = 1;
const LOCKS = ["", "time", "beats", "stretch"];
const LOCK_WORDS = /** @type {Record<string, string>} */ ({ time: "same time", beats: "R waves together", stretch: "beats stretched" });

export class Cells {
  layout = "";
  /** @type {Lock | null} */
  lock = null;
  /** Shown alone out of several. @type {Cell | null} */
  alone = null;
  /** Both planes of a biplane run are on the screen: the next run brings both of its own. */
  planes = false;
  /** A prior's runs, which are in no strip. @type {Map<string, string>} run to what is said of it */
  priors = new Map();

  /** @type {HTMLButtonElement | undefined} */
  offer;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.grid = byId("cells");
    this.list = /** @type {HTMLSelectElement} */ (byId("layout"));
    this.locks = /** @type {HTMLSelectElement} */ (byId("lock"));
    addStyle("cells.css");
    this.#mind(page.cells[0]);
    matchMedia("(orientation: portrait)").addEventListener("change", () => this.#arrange());
  }

  get stress() {
    return stressGrid(this.page.tiles);
  }

  /** What the address says of it. */
  get place() {
    const { layout } = this;
    return { layout, cells: layout ? this.shown.map(({ run }) => run ?? "") : [], lock: this.lock?.mode ?? "" };
  }

  /** The cells of the layout; others keep what they have, unseen. */
  get shown() {
    const { rows, columns } = this.#size();
    return this.page.cells.slice(0, rows * columns);
  }

  #size() {
    return gridOf(this.layout, matchMedia("(orientation: portrait)").matches, this.stress);
  }

  /** Becomes active when it is touched or when the focus comes to it. @param {Cell} cell */
  #mind(cell) {
    const take = () => this.layout && this.page.activate(cell);
    cell.stage.addEventListener("pointerdown", take, true);
    cell.stage.addEventListener("focus", take);
  }

  /** A cell like the first, with a player of its own. */
  #make() {
    const stage = /** @type {HTMLElement} */ (this.page.cells[0].stage.cloneNode(true));
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
    this.grid.append(stage);
    const player = createPlayer(canvas, { renderer: this.page.cells[0].player.renderer === "gl" ? "gl" : "2d" });
    const cell = new Cell(stage, (id) => parts[id], player);
    cell.empty();
    this.page.adopt(cell);
    this.#mind(cell);
    this.page.cells.push(cell);
  }

  /**
   * @param {string} layout one of layout.js
   * @param {(string | null)[]} [runs] of each cell; else what is there, and the runs that follow
   */
  setLayout(layout, runs) {
    const stress = layout === "stress" ? this.stress : null;
    if (layout === "stress" && !stress) {
      this.list.value = this.layout;
      return this.page.active.hint("No stages and views are known of this study: no stress grid.");
    }
    const was_active = this.page.active;
    this.planes = false;
    this.alone = null;
    this.layout = layout;
    const { rows, columns } = this.#size();
    while (this.page.cells.length < rows * columns) this.#make();
    const { shown } = this;
    // The one looked at stays, whatever becomes of the others.
    if (!shown.includes(was_active) && was_active.tile && !runs && !stress) {
      this.#put(was_active.tile, shown[0]);
      was_active.empty();
    }
    if (!shown.includes(this.page.active)) this.page.activate(shown[0]);
    this.#arrange();
    this.#show(runs ?? stress?.runs ?? fillCells(shown.map(({ run }) => run), this.page.tiles, this.page.active.run));
    if (layout === "") this.setLock("");
    else this.#relock();
    if (stress?.left_out) this.page.active.hint(`${stress.left_out} more of stages and views: see the strip.`);
  }

  /** @param {(string | null)[]} runs of each cell; null leaves it empty */
  #show(runs) {
    const { shown, page } = this;
    shown.forEach((cell, at) => cell.run && cell.run !== runs[at] && !runs[at] && cell.empty());
    shown.forEach((cell, at) => {
      const tile = page.tiles.find(({ run }) => run === runs[at]);
      if (tile) this.#put(tile, cell);
    });
  }

  /** @param {PictureTile} tile @param {Cell} cell */
  #put(tile, cell) {
    this.page.show(tile, cell);
  }

  #arrange() {
    const { layout, page, alone } = this;
    const { rows, columns } = alone ? { rows: 1, columns: 1 } : this.#size();
    this.grid.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`;
    this.grid.classList.toggle("several", layout !== "");
    const shown = alone ? [alone] : this.shown;
    for (const cell of page.cells) {
      cell.stage.hidden = !shown.includes(cell);
      cell.player.setSeen(shown.includes(cell));
      if (layout) cell.stage.tabIndex = 0;
      else cell.stage.removeAttribute("tabindex");
    }
    this.activated();
  }

  /** Another cell is the active one: said by its frame, and to the link. */
  activated() {
    const { page, layout } = this;
    page.cells.forEach((cell, at) => {
      const active = cell === page.active;
      cell.stage.classList.toggle("active", active && layout !== "");
      cell.stage.setAttribute("aria-label", layout ? `Picture ${at + 1}${active ? ", active" : ""}` : "Picture");
      cell.player.setWeight(layout && active ? ACTIVE_WEIGHT : BESIDE_WEIGHT);
    });
  }

  /** One of several pictures alone, or all of them again. @param {Cell} cell @returns {boolean} whether there are several */
  maximise(cell) {
    if (!this.layout) return false;
    this.alone = this.alone ? null : cell;
    this.#arrange();
    this.#relock();
    return true;
  }

  // ---- one clock

  nextLock() {
    if (!this.layout) return this.page.active.hint("One picture has nothing to be locked to: 2 4 6 9 show more.");
    this.setLock(LOCKS[(LOCKS.indexOf(this.lock?.mode ?? "") + 1) % LOCKS.length]);
  }

  /** @param {string} mode "" for each by itself */
  setLock(mode) {
    this.lock?.release();
    this.lock = mode && this.layout ? new Lock(/** @type {LockMode} */ (mode)) : null;
    this.#relock();
    this.page.refresh();
  }

  /** The cells that are seen are the lock's members; the active one leads. */
  #relock() {
    const { lock, page } = this;
    if (!lock) return;
    const players = (this.alone ? [this.alone] : this.shown).filter(({ run }) => run).map(({ player }) => player);
    players.sort((a, b) => Number(b === page.active.player) - Number(a === page.active.player));
    Player.lock(lock, players);
  }

  /** After any change of what is shown or how. */
  refresh() {
    const { page, layout, lock } = this;
    this.list.value = layout;
    this.locks.value = lock?.mode ?? "";
    this.locks.disabled = layout === "";
    const stress = this.list.querySelector('[value="stress"]');
    if (stress) /** @type {HTMLElement} */ (stress).hidden = this.stress === null;
    for (const cell of page.cells) {
      const { locked } = cell.player;
      const words = locked === "locked" ? `locked: ${LOCK_WORDS[lock?.mode ?? ""]}` : locked === "apart" ? "not synchronised: no R waves" : "";
      cell.together = [this.priors.get(cell.run ?? "") ?? "", layout ? words : ""].filter(Boolean).join(" · ");
      cell.stage.classList.toggle("apart", locked === "apart");
    }
    this.#offerPlanes();
  }

  // ---- what belongs together

  /** A run with a second plane says so, in the picture. */
  #offerPlanes() {
    const { page, layout } = this;
    if (layout || !this.planesOf(page.active.run)) return this.offer?.remove();
    this.offer ??= this.#makeOffer();
    if (this.offer.parentElement !== page.active.stage) page.active.stage.append(this.offer);
  }

  #makeOffer() {
    const button = makeButton("Biplane: both planes (3)", () => this.showPlanes());
    button.className = "offer";
    button.addEventListener("pointerdown", (event) => event.stopPropagation()); // not a drag of the picture
    return button;
  }

  /** The two planes that a run is one of. @param {string | null} run @returns {[string, string] | null} */
  planesOf(run) {
    const pair = this.page.pairs.find(({ a, b }) => a === run || b === run);
    return pair ? [pair.a, pair.b] : null;
  }

  /** Both planes of the active run, side by side on one clock. @param {string | null} [run] */
  showPlanes(run = this.page.active.run) {
    const planes = this.planesOf(run);
    if (!planes) return this.page.active.hint("This run has no second plane.");
    this.page.activate(this.page.cells[0]);
    this.setLayout("2", planes);
    this.planes = true;
    this.setLock("time");
  }

  /** The next run of a biplane study brings its other plane along. @param {PictureTile} tile @param {number} step @returns {boolean} whether that was done */
  goRun(tile, step) {
    if (!this.planes) return false;
    const { tiles, active } = this.page;
    const now = /** @type {string[]} */ (this.planesOf(active.run) ?? []);
    let at = tiles.indexOf(tile);
    while (tiles[at] && now.includes(tiles[at].run)) at += step;
    const next = tiles[at];
    if (!next) return true;
    if (this.planesOf(next.run)) this.showPlanes(next.run);
    else {
      this.setLayout("", [next.run]);
      this.planes = false;
    }
    return true;
  }

  /** The run of an earlier study that was taken from the same side, beside the active one. */
  async showPrior() {
    const { active, study } = this.page;
    const description = active.seen();
    const answer = await fetch(`/api/studies/${encodeURIComponent(study)}/priors`).catch(() => null);
    const { priors = [] } = /** @type {{priors?: import("./types.js").Prior[]}} */ (answer?.ok ? await answer.json() : {});
    const found = sameProjection(description?.geometry, priors);
    if (!found) return active.hint(answer?.ok ? "No earlier run of this patient has a projection to compare." : "Earlier studies cannot be asked for just now.");
    const run = await fetch(`/api/runs/${encodeURIComponent(found.run.run)}`).then((one) => one.json(), () => null);
    if (!run?.description) return active.hint("The earlier run is not prepared yet.");
    const at = Math.max(0, this.shown.indexOf(active));
    if (this.shown.length < 2) this.setLayout("2", [active.run, null]);
    this.priors.set(run.run, `EARLIER STUDY ${found.prior.study_date_text} · ${Math.round(found.degrees)}° apart`);
    const beside = this.shown[at === 0 ? 1 : 0];
    this.#put({ ...found.run, ...run, kind: "run" }, beside);
    this.#relock();
    this.page.refresh();
  }

  /** What an address names. @param {import("./address.js").Place} place */
  restore({ layout, cells, lock, run, frame, window }) {
    this.setLayout(layout, cells.length ? cells.map((one) => one || null) : undefined);
    const active = this.shown.find((cell) => cell.run === run);
    if (active) this.page.activate(active);
    this.setLock(lock);
    if (window) active?.player.setWindow(...window);
    if (frame === null) return;
    active?.player.pause();
    active?.player.seek(frame);
  }
}
