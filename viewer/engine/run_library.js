// The runs a player has at hand: the one on screen, those fetched in advance, and those seen before.

import { RunSource } from "./run_source.js";

/** Compressed bytes kept of runs that are not on screen; the one seen longest ago goes first. */
const SHELF_BYTES = 160 * 2 ** 20;
/** The server keeps 64 runs open for one viewer at most. */
const SHELF_RUNS = 40;
/** Frames of a run fetched in advance that are decoded too, so that it shows at once. */
const DECODED_IN_ADVANCE = 3;
/** After everything the run on screen needs, before checks in the background. */
const LATER_MS = 1e12;

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 */

export class RunLibrary {
  /** @type {Map<string, RunSource>} insertion order = order of last use */
  #runs = new Map();
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
      this.connection.want(run, wish);
    } else {
      source = new RunSource(run, description, this, wish);
    }
    this.#runs.set(run, source);
    this.#shown = source;
    this.#wanted.delete(run);
    if (before && before !== source) this.#shelve(before);
    this.#clearShelf();
    return source;
  }

  /** @param {RunSource} source */
  #shelve(source) {
    this.connection.want(source.run, { state: "hidden", frame: 0 });
    source.rest();
  }

  #clearShelf() {
    let bytes = 0;
    for (const source of this.#runs.values()) if (source !== this.#shown) bytes += source.compressed.stored_bytes;
    for (const [run, source] of this.#runs) {
      if (source === this.#shown || this.#wanted.has(run)) continue;
      if (bytes <= SHELF_BYTES && this.#runs.size <= SHELF_RUNS && !source.isEmpty()) continue;
      bytes -= source.compressed.stored_bytes;
      source.release();
      this.#runs.delete(run);
    }
  }

  /** @param {{run: string, description?: RunDescription | null}[]} runs replaces the list before */
  prefetch(runs) {
    this.#wanted = new Set(runs.map(({ run }) => run).filter((run) => run !== this.#shown?.run));
    for (const source of this.#runs.values()) {
      if (source !== this.#shown && !this.#wanted.has(source.run)) this.#shelve(source);
    }
    for (const { run, description } of runs) {
      if (!this.#wanted.has(run)) continue;
      const wish = this.#wishInAdvance();
      let source = this.#runs.get(run);
      if (source) this.connection.want(run, wish);
      else this.#runs.set(run, (source = new RunSource(run, description ?? null, this, wish)));
      source.plan = { order: Int32Array.from({ length: DECODED_IN_ADVANCE }, (_, n) => n), count: DECODED_IN_ADVANCE, due_ms: (ahead) => LATER_MS + ahead };
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
    for (const run of this.#wanted) if (this.#runs.has(run)) this.connection.want(run, this.#wishInAdvance());
  }

  release() {
    for (const source of this.#runs.values()) source.release();
    this.#runs.clear();
    this.#shown = null;
  }
}
