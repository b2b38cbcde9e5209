import assert from "node:assert/strict";
import { test } from "node:test";

import { DecodePool } from "../../engine/decode_pool.js";

/** @typedef {import("../../engine/decode_pool.js").Need} Need */

class FakeWorker {
  /** @type {any[]} */
  jobs = [];
  starts = 0;
  dead = false;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;

  /** @param {any} data */
  postMessage(data) {
    if (data.start) this.starts++;
    else this.jobs.push(data);
  }

  /** Says that its decoder is up. */
  ready() {
    this.onmessage?.({ data: { ready: true } });
  }

  /** Says that it is as fast as it gets. */
  warm() {
    this.onmessage?.({ data: { warm: true } });
  }

  terminate() {
    this.dead = true;
  }

  /** Answers the oldest job. */
  answer() {
    const { id, bytes } = this.jobs.shift();
    this.onmessage?.({ data: { id, bytes, failure: "", samples: null, ms: 1 } });
  }
}

/** A source with a list of frames, each due at its own time. */
class FakeSource {
  /** @type {string[]} */
  done = [];
  /** @param {Record<string, number>} frames name: due_ms */
  constructor(frames) {
    this.frames = new Map(Object.entries(frames));
  }

  /** @returns {Need | null} */
  need() {
    const [next] = [...this.frames].sort((a, b) => a[1] - b[1]);
    if (!next) return null;
    const [name, due_ms] = next;
    return {
      due_ms,
      take: () => {
        this.frames.delete(name);
        return /** @type {any} */ ({ name, bytes: new ArrayBuffer(1), rows: 1, columns: 1, components: 1, bits: 8, want_samples: true });
      },
      done: (answer) => void this.done.push(answer ? name : `${name} lost`),
    };
  }
}

/**
 * @param {number} workers how many; all at work already
 * @param {(action: () => void, ms: number) => void} later
 */
function pool(workers = 2, later = (action) => action()) {
  /** @type {FakeWorker[]} */
  const made = [];
  const makeWorker = () => {
    const worker = new FakeWorker();
    made.push(worker);
    return /** @type {any} */ (worker);
  };
  const decoders = new DecodePool({ workers, makeWorker, compile: async () => null, later });
  const first = new FakeSource({ first: 0 });
  decoders.attach(first);
  decoders.poke();
  assert.equal(made.length, 1, "the first frame has the cores for itself");
  made[0].answer();
  decoders.detach(first);
  assert.equal(made.length, workers);
  for (const worker of made) worker.ready();
  return { made, pool: decoders };
}

/** @param {FakeWorker[]} workers */
const names = (workers) => workers.map(({ jobs }) => jobs.map(({ name }) => name));

test("the most urgent frame of all sources goes first, evenly over the workers, two a worker at most", () => {
  const { made, pool: decoders } = pool();
  const one = new FakeSource({ a: 10, b: 30, c: 50 });
  const two = new FakeSource({ x: 20, y: 40, z: 60 });
  decoders.attach(one);
  decoders.attach(two);
  decoders.poke();
  assert.deepEqual(names(made), [["a", "b"], ["x", "y"]]);
});

test("what became urgent meanwhile overtakes what had not started", () => {
  const { made, pool: decoders } = pool(1);
  const source = new FakeSource({ a: 10, b: 20, c: 30, d: 40 });
  decoders.attach(source);
  decoders.poke();
  source.frames.set("seek", 5);
  made[0].answer();
  assert.deepEqual(names(made), [["b", "seek"]]);
  assert.deepEqual(source.done, ["a"]);
});

test("checks in the background wait beside what is due, two a worker at most", () => {
  const { made, pool: decoders } = pool(2);
  const source = new FakeSource({ c1: Infinity, c2: Infinity, c3: Infinity, c4: Infinity, c5: Infinity });
  decoders.attach(source);
  decoders.poke();
  assert.deepEqual(names(made), [["c1", "c3"], ["c2", "c4"]]);
  for (const [name, due] of Object.entries({ a: 10, b: 20, c: 30, d: 40, e: 50 })) source.frames.set(name, due);
  decoders.poke();
  assert.deepEqual(names(made), [["c1", "c3", "a", "c"], ["c2", "c4", "b", "d"]]);
  assert.deepEqual(made[0].jobs.map(({ background }) => background), [true, true, false, false]);
  made[1].answer();
  assert.deepEqual(names(made)[1], ["c4", "b", "d"], "what is due comes first, and it has no room");
  made[1].jobs.shift(); // c4 stays unanswered
  made[1].answer();
  assert.deepEqual(names(made)[1], ["d", "e", "c5"]);
});

test("a worker gets no frames before its decoder is up, but for the very first one", () => {
  const { made, pool: decoders } = pool(3);
  const source = new FakeSource({ a: 10, b: 20, c: 30 });
  made[2].onerror?.({ preventDefault() {} });
  assert.equal(made.length, 4);
  decoders.attach(source);
  decoders.poke();
  assert.deepEqual(names(made), [["a", "c"], ["b"], [], []]);
  source.frames.set("d", 40);
  source.frames.set("e", 50);
  decoders.poke();
  assert.deepEqual(names(made), [["a", "c"], ["b", "d"], [], []]);
  made[3].ready();
  assert.deepEqual(names(made), [["a", "c"], ["b", "d"], [], ["e"]]);
});

test("a source that has gone gets nothing more", () => {
  const { made, pool: decoders } = pool(1);
  const source = new FakeSource({ a: 10, b: 20, c: 30 });
  decoders.attach(source);
  decoders.poke();
  decoders.detach(source);
  made[0].answer();
  assert.deepEqual(names(made), [["b"]]);
});

test("a worker that died is replaced; its frames are reported lost", async () => {
  const { made, pool: decoders } = pool(1);
  await Promise.resolve();
  const source = new FakeSource({ a: 10, b: 20, c: 30 });
  decoders.attach(source);
  decoders.poke();
  made[0].onerror?.({ preventDefault() {} });
  assert.ok(made[0].dead);
  assert.deepEqual(source.done, ["a lost", "b lost"]);
  assert.equal(made[1].starts, 1, "the new one is told to start as the first was");
  made[1].ready();
  assert.deepEqual(names(made.slice(1)), [["c"]]);
});

test("a worker that falls silent is dead, but for one that slept as long as its page", (context) => {
  let now = 1000;
  context.mock.method(performance, "now", () => now);
  const { made, pool: decoders } = pool(1);
  const source = new FakeSource({ a: 10, b: 20, c: 30 });
  decoders.attach(source);
  decoders.poke();
  now += 60_000;
  decoders.poke();
  for (let seconds = 0; seconds < 16; seconds++) {
    now += 500;
    decoders.poke();
  }
  assert.ok(!made[0].dead);
  made[0].answer();
  for (let halves = 0; halves < 16; halves++) {
    now += 500;
    decoders.poke();
  }
  assert.ok(!made[0].dead, "it has answered since");
  now += 500;
  decoders.poke();
  assert.ok(made[0].dead);
  assert.deepEqual(source.done, ["a", "b lost", "c lost"]);
  assert.equal(made.length, 2);
});

test("deaths far apart are not counted together; what comes when nobody decodes any more hears of it", (context) => {
  let now = 1000;
  context.mock.method(performance, "now", () => now);
  const { made, pool: decoders } = pool(1);
  for (let times = 0; times < 20; times++, now += 61_000) made[times].onerror?.({});
  assert.equal(made.length, 21);
  for (let times = 20; times < 28; times++, now += 1000) made[times]?.onerror?.({});
  let stranded = 0;
  decoders.attach({ need: () => null, stranded: () => stranded++ });
  assert.equal(stranded, 1);
});

test("workers whose files do not come are started again, later each time; in the end it is said", () => {
  /** @type {number[]} */
  const waits = [];
  /** @type {(() => void)[]} */
  const started = [];
  const { made, pool: decoders } = pool(1, (action, ms) => (waits.push(ms), started.push(action)));
  let stranded = 0;
  decoders.attach({ need: () => null, stranded: () => stranded++ });
  for (let times = 0; times < 7; times++) {
    made[times].onerror?.({});
    assert.equal(made.length, times + 1, "not at once");
    started[times]();
    assert.equal(made.length, times + 2);
    assert.equal(stranded, 0);
  }
  made[7].onerror?.({});
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16000]);
  assert.equal(stranded, 1);
  assert.equal(made.length, 8);
});

test("while one is to be started again, an answer of another starts none beside it", () => {
  /** @type {(() => void)[]} */
  const started = [];
  const { made, pool: decoders } = pool(2, (action) => started.push(action));
  const source = new FakeSource({ a: 10, b: 20 });
  decoders.attach(source);
  decoders.poke();
  made[1].onerror?.({});
  made[0].answer();
  assert.equal(made.length, 2);
  started[0]();
  assert.equal(made.length, 3);
});

test("a buffer that was given back is used for the next frame of its size", () => {
  const { made, pool: decoders } = pool(1);
  const samples = new Uint8Array(1);
  decoders.recycle(samples);
  decoders.attach(new FakeSource({ a: 1 }));
  decoders.poke();
  assert.equal(made[0].jobs[0].into, samples.buffer);
});

test("a pool is starting until all its workers are warm; those that watch it hear of each", () => {
  const { made, pool: decoders } = pool(2);
  let heard = 0;
  decoders.watchers.add(() => void heard++);
  assert.equal(decoders.starting, true, "they are up, but slow");
  made[0].warm();
  assert.equal(decoders.starting, true);
  made[1].warm();
  assert.equal(decoders.starting, false);
  assert.equal(heard, 2);
});

test("where a worker has died, a pool is not starting as soon as another is warm", () => {
  const { made, pool: decoders } = pool(2, () => {});
  made[0].onerror?.({});
  assert.equal(decoders.starting, true);
  made[1].warm();
  assert.equal(decoders.starting, false);
});
