// The runs a player has at hand: the one on screen, those fetched in advance, and those seen before. The players of one connection
// share them: a run is received once, in however many places it is shown.

import { RunSource } from "./run_source.js";

/** Compressed bytes kept of runs that are not on screen; the one seen longest ago goes first. */
const SHELF_BYTES = 160 * 2 ** 20;
/** The server keeps 64 runs open for one viewer at most. */
const SHELF_RUNS = 40;
/** Frames of a run fetched in advance that are decoded too, so that it shows at once. */
const DECODED_IN_ADVANCE = 3;
/** After everything the run on screen needs, before checks in the background. */
const LATER_MS = 1e12;

/** @type {import("./screens.js").Plan} */
const IN_ADVANCE = { order: Int32Array.from({ length: DECODED_IN_ADVANCE }, (_, n) => n), count: DECODED_IN_ADVANCE, due_ms: (ahead) => LATER_MS + ahead };

/** Below this the limit of the page's memory is far. */
const MUCH_BYTES = 4e6;

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 */

/** @type {typeof import("./memory.js") | undefined} loaded once much is held; tried again with the next frame where that fails */
let memory;
/** @type {Promise<unknown> | undefined} */
let asked;

/**
 * @typedef {object} Shelf what the libraries of one connection share
 * @property {Map<string, RunSource>} runs insertion order = order of last use
 * @property {Set<RunLibrary>} libraries
 */

/** @type {WeakMap<object, Shelf>} */
const shelves = new WeakMap();

/** @param {object} connection @returns {Shelf} */
function shelfOf(connection) {
  const shelf = shelves.get(connection) ?? { runs: new Map(), libraries: new Set() };
  shelves.set(connection, shelf);
  return shelf;
}

export class RunLibrary {
  #shelf;
  #runs;
  /** @type {RunSource | null} */
  #shown = null;
  /** @type {Set<string>} */
  #wanted = new Set();
  #hidden = false;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./decode_pool.js").DecodePool} pool
   * @param {import("./run_source.js").Owner} owner
   */
  constructor(connection, pool, owner) {
    this.connection = connection;
    this.pool = pool;
    this.owner = owner;
    this.#shelf = shelfOf(connection);
    this.#runs = this.#shelf.runs;
    this.#shelf.libraries.add(this);
  }

  /** @param {RunSource} source */
  #isShown(source) {
    for (const library of this.#shelf.libraries) if (library.#shown === source) return true;
    return false;
  }

  /** @param {string} run */
  #isWanted(run) {
    for (const library of this.#shelf.libraries) if (library.#wanted.has(run)) return true;
    return false;
  }

  /** Bytes held of all runs of the page, compressed and decoded, with the masks; and how many they may be, where that is known. */
  get memory() {
    let held_bytes = 0;
    for (const { held_bytes: its } of this.#runs.values()) held_bytes += its;
    for (const { owner } of this.#shelf.libraries) held_bytes += owner.masks?.() ?? 0;
    return { held_bytes, limit_bytes: memory?.memory.limit_bytes ?? null };
  }

  /** More is held than before: something gives way where that is too much. */
  settle() {
    const { held_bytes, limit_bytes } = this.memory;
    if (held_bytes > (limit_bytes ?? MUCH_BYTES)) {
      if (!memory || !limit_bytes) return void (asked ??= import("./memory.js").then((module) => (memory = module), () => (asked = undefined)));
      /** @type {RunSource[][]} */
      const [seen, wanted, shown] = [[], [], []];
      for (const source of this.#runs.values()) (this.#isShown(source) ? shown : this.#isWanted(source.run) ? wanted : seen).push(source);
      // Seen longest ago before what was fetched in advance, of which the nearest goes last.
      memory.makeRoom(held_bytes - limit_bytes, shown, [...seen, ...wanted.reverse()], (source) => this.#drop(source));
    }
  }

  /** @param {RunSource} source */
  #drop(source) {
    source.release();
    this.#runs.delete(source.run);
    for (const library of this.#shelf.libraries) library.#wanted.delete(source.run);
  }

  /**
   * The source of a run that comes on screen; the one before is put on the shelf.
   * @param {string} run
   * @param {RunDescription | null} description
   * @param {import("./wire.js").Wish} wish
   */
  show(run, description, wish) {
    const before = this.#shown;
    let source = this.#runs.get(run);
    if (source) {
      this.#runs.delete(run);
      // Those who fetched it in advance have had it.
      if (!this.#isShown(source)) source.screens.clear();
      source.want(this.owner, wish);
    } else {
      source = new RunSource(run, description, this, wish);
    }
    this.#runs.set(run, source);
    this.#shown = source;
    for (const library of this.#shelf.libraries) library.#wanted.delete(run);
    if (before && before !== source) this.#leave(before);
    this.#clearShelf();
    return source;
  }

  /** It is shown here no more, but perhaps elsewhere. @param {RunSource} source */
  #leave(source) {
    if (!this.#isShown(source)) source.shelve();
    else if (source.screens.leave(this.owner)) this.connection.want(source.run, source.screens.wish);
  }

  #shelveRest() {
    for (const source of this.#runs.values()) {
      if (!this.#isShown(source) && !this.#isWanted(source.run)) source.shelve();
    }
  }

  #clearShelf() {
    let bytes = 0;
    for (const source of this.#runs.values()) if (!this.#isShown(source)) bytes += source.compressed.stored_bytes;
    for (const source of this.#runs.values()) {
      if (this.#isShown(source) || this.#isWanted(source.run)) continue;
      if (bytes <= SHELF_BYTES && this.#runs.size <= SHELF_RUNS && source.compressed.stored_bytes > 0) continue;
      bytes -= source.compressed.stored_bytes;
      this.#drop(source);
    }
  }

  /** @param {{run: string, description?: RunDescription | null}[]} runs replaces the list before; those on screen are left alone */
  prefetch(runs) {
    const shown = new Set([...this.#shelf.libraries].map((library) => library.#shown?.run));
    this.#wanted = new Set(runs.map(({ run }) => run).filter((run) => !shown.has(run)));
    this.#shelveRest();
    for (const { run, description } of runs) {
      if (!this.#wanted.has(run)) continue;
      const wish = this.#wishInAdvance();
      let source = this.#runs.get(run);
      if (source) source.want(this.owner, wish);
      else this.#runs.set(run, (source = new RunSource(run, description ?? null, this, wish)));
      source.screens.setPlan(this.owner, IN_ADVANCE);
    }
    this.#clearShelf();
  }

  /** @returns {import("./wire.js").Wish} */
  #wishInAdvance() {
    return { state: this.#hidden ? "hidden" : "prefetch", frame: 0 };
  }

  /**
   * Whether nobody sees the page: nothing is fetched in advance then.
   * @param {boolean} hidden
   */
  hide(hidden) {
    this.#hidden = hidden;
    for (const run of this.#wanted) this.#runs.get(run)?.want(this.owner, this.#wishInAdvance());
  }

  /** Nothing is shown any more. */
  leave() {
    const shown = this.#shown;
    this.#shown = null;
    if (shown) this.#leave(shown);
  }

  /** The player goes: its run stays on the shelf while other players are there. */
  release() {
    this.leave();
    this.#wanted.clear();
    this.#shelf.libraries.delete(this);
    if (this.#shelf.libraries.size) {
      this.#shelveRest();
      this.#clearShelf();
      return;
    }
    for (const source of this.#runs.values()) source.release();
    this.#runs.clear();
  }
}
