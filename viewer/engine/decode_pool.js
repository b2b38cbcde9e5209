// The decode workers of a page, and who may use them next.
//
// There is no queue to reorder or cancel: whenever a worker has room, every source is asked what it needs most just now, and
// the one whose frame is due first gets it. A seek therefore overtakes everything that had not started.

/**
 * Running and waiting in a worker, of what is due and of checks in the background: one more than running hides the way there and
 * back, which is long where the page draws. What is due goes first in the worker too (decode_worker.js), so that checks that wait
 * delay nothing.
 */
const JOBS_A_WORKER = 2;
const WORKERS_MAX = 4;
const WORKERS_MIN = 2;
/** Buffers kept for reuse; the ring gives one back whenever it takes one in. */
const SPARE_MAX = 6;
/** A worker that dies is started again, later each time: its files may come when the network is back. Not for ever. */
const RESTART_MS = 250;
const RESTARTS_MAX = 7;
/** One that dies long after the one before starts a new count. */
const FORGIVEN_MS = 60_000;
/** A worker that says nothing for so long, with frames to decode, is dead: not every death is told. */
const SILENT_MS = 8000;
/** Where nobody asked for so long, page and workers were asleep. */
const ASLEEP_MS = 1000;

/**
 * @typedef {import("./decode_worker.js").Job} Job
 * @typedef {import("./decode_worker.js").Answer} Answer
 *
 * @typedef {object} Need what a source needs most
 * @property {number} due_ms when the frame comes on; Infinity: in the background
 * @property {() => Omit<Job, "id" | "into" | "background">} take makes the job; its `bytes` leave the source until `done`
 * @property {(answer: Answer | null) => void} done null: the worker died, the bytes are lost
 *
 * @typedef {object} Source
 * @property {(now_ms: number) => Need | null} need
 * @property {() => void} [stranded] nobody is left to decode anything
 *
 * @typedef {object} Seat a worker and what it has been given
 * @property {Worker} worker
 * @property {boolean} ready its decoder is up; before that it would only keep frames waiting
 * @property {boolean} warm ... and as fast as it gets
 * @property {Map<number, Need>} jobs
 * @property {number} background of them
 * @property {number} heard_ms when it last answered, or got work after it had none
 */

export class DecodePool {
  /** @type {Seat[]} */
  #seats = [];
  /** @type {Set<Source>} */
  #sources = new Set();
  /** @type {ArrayBuffer[]} */
  #spare = [];
  #next_id = 1;
  #restarts = 0;
  #died_ms = 0;
  #poked_ms = 0;
  /** Dead, and to be started again. */
  #due = 0;
  /** @type {WebAssembly.Module | null} */
  #module = null;
  #wanted;
  #started = false;
  /** Called when a worker is up, when it is warm, and when it has died. @type {Set<() => void>} */
  watchers = new Set();

  /**
   * @param {object} [options]
   * @param {number} [options.workers]
   * @param {Worker} [options.first] started already by the page's bootstrap
   * @param {() => Worker} [options.makeWorker]
   * @param {() => Promise<WebAssembly.Module | null>} [options.compile]
   * @param {(action: () => void, ms: number) => unknown} [options.later]
   */
  constructor({ workers, first, makeWorker = startWorker, compile = compileDecoder, later = (action, ms) => setTimeout(action, ms) } = {}) {
    const cores = globalThis.navigator?.hardwareConcurrency || WORKERS_MIN;
    const count = workers ?? Math.max(WORKERS_MIN, Math.min(WORKERS_MAX, cores));
    this.makeWorker = makeWorker;
    this.later = later;
    this.#wanted = count;
    this.#seat(first);
    compile().then((module) => this.#start(module), () => this.#start(null));
  }

  /** @param {WebAssembly.Module | null} module */
  #start(module) {
    this.#module = module;
    this.#started = true;
    for (const { worker } of this.#seats) worker.postMessage({ start: true, module });
  }

  /** Not all workers are warm yet; where one has died, nobody waits for all of them. */
  get starting() {
    const warm = this.#seats.filter((seat) => seat.warm).length;
    return warm === 0 || (warm < this.#wanted && this.#restarts === 0);
  }

  /** The first frame has the cores for itself; the other workers come when it has been decoded. */
  #grow() {
    while (this.#seats.length + this.#due < this.#wanted) this.#seat();
  }

  #seat(worker = this.makeWorker()) {
    /** @type {Seat} */
    const seat = { worker, ready: false, warm: false, jobs: new Map(), background: 0, heard_ms: 0 };
    worker.onmessage = ({ data }) => {
      if (data.ready) seat.ready = true;
      else if (data.warm) {
        seat.warm = true;
        // Even where nothing was there to decode.
        this.#grow();
      } else return this.#answered(seat, data);
      for (const watch of this.watchers) watch();
      this.poke();
    };
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.#died(seat);
    };
    this.#seats.push(seat);
    if (this.#started) worker.postMessage({ start: true, module: this.#module });
  }

  /** @param {Source} source */
  attach(source) {
    this.#sources.add(source);
    if (!this.#wanted) source.stranded?.();
  }

  /** @param {Source} source */
  detach(source) {
    this.#sources.delete(source);
  }

  /**
   * Samples that are not needed any more: their buffer is for the next frame of that size.
   * @param {Uint8Array | Uint16Array} samples
   */
  recycle(samples) {
    const buffer = /** @type {ArrayBuffer} */ (samples.buffer);
    if (buffer.byteLength && this.#spare.length < SPARE_MAX) this.#spare.push(buffer);
  }

  /** Gives work out as long as there is a worker with room. */
  poke() {
    const now_ms = performance.now();
    const slept = now_ms - this.#poked_ms > ASLEEP_MS;
    this.#poked_ms = now_ms;
    for (const seat of this.#seats) {
      if (slept || !seat.ready || !seat.jobs.size) seat.heard_ms = now_ms;
      else if (now_ms - seat.heard_ms > SILENT_MS) return this.#died(seat);
    }
    for (;;) {
      const due = this.#freest(false);
      const background = this.#freest(true);
      const need = due || background ? this.#mostUrgent(now_ms) : null;
      const seat = need && (need.due_ms === Infinity ? background : due);
      if (!need || !seat) return;
      this.#give(seat, need);
    }
  }

  /** @param {boolean} background */
  #freest(background) {
    let best = null;
    let least = JOBS_A_WORKER;
    for (const seat of this.#seats) {
      // The first worker may be given its frame early: nobody else could decode it sooner.
      if (!seat.ready && seat !== this.#seats[0]) continue;
      const jobs = background ? seat.background : seat.jobs.size - seat.background;
      if (jobs > least || jobs === JOBS_A_WORKER || (jobs === least && best && seat.jobs.size >= best.jobs.size)) continue;
      best = seat;
      least = jobs;
    }
    return best;
  }

  /** @param {number} now_ms */
  #mostUrgent(now_ms) {
    /** @type {Need | null} */
    let best = null;
    for (const source of this.#sources) {
      const need = source.need(now_ms);
      if (need && (!best || need.due_ms < best.due_ms)) best = need;
    }
    return best;
  }

  /**
   * @param {Seat} seat
   * @param {Need} need
   */
  #give(seat, need) {
    const work = need.take();
    const id = this.#next_id++;
    let into = null;
    if (work.want_samples) {
      const size = work.rows * work.columns * work.components * (work.bits > 8 ? 2 : 1);
      const index = this.#spare.findIndex((buffer) => buffer.byteLength === size);
      if (index >= 0) into = this.#spare.splice(index, 1)[0];
      // Of another run's size.
      else if (this.#spare.length === SPARE_MAX) this.#spare.shift();
    }
    const background = need.due_ms === Infinity;
    if (background) seat.background++;
    seat.jobs.set(id, need);
    const transfer = into ? [work.bytes, into] : [work.bytes];
    seat.worker.postMessage({ ...work, id, into, background }, transfer);
  }

  /**
   * @param {Seat} seat
   * @param {Answer} answer
   */
  #answered(seat, answer) {
    const need = seat.jobs.get(answer.id);
    if (!need) return;
    seat.jobs.delete(answer.id);
    seat.heard_ms = performance.now();
    if (need.due_ms === Infinity) seat.background--;
    need.done(answer);
    this.#grow();
    this.poke();
  }

  #restart() {
    const now_ms = performance.now();
    if (now_ms - this.#died_ms > FORGIVEN_MS) this.#restarts = 0;
    this.#died_ms = now_ms;
    if (this.#restarts < RESTARTS_MAX) {
      this.#due++;
      this.later(() => (this.#due--, this.#seat()), RESTART_MS * 2 ** this.#restarts++);
      return;
    }
    this.#wanted = this.#seats.length;
    if (!this.#wanted) for (const source of this.#sources) source.stranded?.();
  }

  /** @param {Seat} seat */
  #died(seat) {
    seat.worker.terminate();
    this.#seats = this.#seats.filter((other) => other !== seat);
    for (const need of seat.jobs.values()) need.done(null);
    this.#restart();
    for (const watch of this.watchers) watch();
    this.poke();
  }
}

const startWorker = () => new Worker(new URL("./decode_worker.js", import.meta.url), { type: "module", name: "decode" });

/** The decoder, fetched and compiled once for all workers; null where that fails, and each worker tries by itself. */
async function compileDecoder() {
  const wasm = fetch(new URL("../vendor/openjphjs.wasm", import.meta.url), { credentials: "same-origin" });
  return WebAssembly.compileStreaming(wasm);
}

/** @type {DecodePool | undefined} */
let shared;

/**
 * The page's pool. Its first worker starts when it is first asked for, if the bootstrap has not started it.
 * @param {import("./connection.js").Early} [early]
 */
export function sharedPool(early) {
  const module = early?.module;
  return (shared ??= new DecodePool({ first: early?.worker, compile: module ? () => module : compileDecoder }));
}
