import assert from "node:assert/strict";
import { test } from "node:test";

import { CompressedFrames } from "../../engine/compressed_frames.js";
import { farthest, limitOf, makeRoom, memory, setLimit } from "../../engine/memory.js";
import { parsePieces } from "../../engine/wire.js";
import { message, piece } from "./pieces.js";

const FRAME = 100;

/**
 * A run of which the first frames are held, exact, the plan beginning at `from`.
 * @param {number} frames @param {number} from @param {number} ahead @param {number} [held]
 */
function run(frames, from, ahead, held = frames) {
  const compressed = new CompressedFrames(frames);
  for (let frame = 0; frame < held; frame++) for (const one of parsePieces(message(piece({ tier: 2, frame }, new Uint8Array(FRAME))))) compressed.accept(one);
  const order = Int32Array.from({ length: ahead }, (_, n) => (from + n) % frames);
  return {
    compressed,
    plan: { order, count: ahead, due_ms: () => 0 },
    decoded: { capacity: 2, held_bytes: 0 },
    dropped: /** @type {number[]} */ ([]),
    get held_bytes() {
      return compressed.stored_bytes + this.decoded.held_bytes;
    },
    /** @param {number} bytes */
    shrinkRing(bytes) {
      const freed = Math.max(0, this.decoded.held_bytes - bytes);
      this.decoded.held_bytes -= freed;
      return freed;
    },
    /** @param {number} frame */
    drop(frame) {
      this.dropped.push(frame);
      compressed.reject(/** @type {any} */ (compressed.exact(frame)));
      return FRAME;
    },
  };
}

/** @param {any[]} shown @param {any[]} spare @param {number} limit @param {number} [masks] @returns {any[]} spare ones that had to go */
function room(shown, spare, limit, masks = 0) {
  /** @type {any[]} */
  const gone = [];
  memory.limit_bytes = limit;
  const held = [...shown, ...spare].reduce((sum, { held_bytes }) => sum + held_bytes, masks);
  makeRoom(held - limit, shown, spare, (one) => void gone.push(one));
  return gone;
}

test("the limit is the reader's, else 400 MB, less on a small machine, never nothing", () => {
  assert.equal(limitOf(undefined), 400e6);
  assert.equal(limitOf(undefined, 8), 400e6);
  assert.equal(limitOf(undefined, 2), 200e6);
  assert.equal(limitOf("1000", 2), 1000e6);
  assert.equal(limitOf("nonsense"), 400e6);
  assert.equal(limitOf("0.1"), 8e6);
  setLimit("64");
  assert.equal(memory.limit_bytes, 64e6);
  setLimit("");
  assert.ok(memory.limit_bytes >= 8e6 && memory.limit_bytes <= 400e6);
});

test("what play comes to last goes first: in the plan from its end, beyond it what has just been passed", () => {
  assert.equal(farthest(/** @type {any} */ (run(10, 4, 10))), 3);
  assert.equal(farthest(/** @type {any} */ (run(100, 40, 10))), 39);
  assert.equal(farthest(/** @type {any} */ (run(100, 0, 10))), 99);
  const backwards = run(100, 40, 10);
  backwards.plan.order.forEach((_, n, order) => (order[n] = 40 - n));
  assert.equal(farthest(/** @type {any} */ (backwards)), 41);
  assert.equal(farthest(/** @type {any} */ (run(10, 0, 10, 3))), -1, "the next ones stay");
  const away = run(10, 4, 10);
  /** @type {any} */ (away.compressed.exact(3)).bytes = null;
  assert.equal(farthest(/** @type {any} */ (away)), 2, "with a worker");
});

test("decoded frames give way first, then runs off the screen in their order, then frames on it; no more than must", () => {
  const shown = run(10, 0, 10);
  shown.decoded.held_bytes = 2000;
  const spare = [run(5, 0, 5), run(5, 0, 5)];
  assert.deepEqual(room([shown], spare, 4000), []);
  assert.equal(shown.decoded.held_bytes, 2000);
  assert.deepEqual(room([shown], spare, 2700), []);
  assert.equal(shown.decoded.held_bytes, 675);
  assert.deepEqual(room([shown], spare, 2700, 300), [spare[0]]);
  assert.deepEqual(room([shown], spare, 1400), spare);
  assert.deepEqual(shown.dropped, []);
  assert.deepEqual(room([shown], [], 1000), []);
  assert.deepEqual(shown.dropped, [9, 8, 7], "1000 + 250 decoded");
});

test("of runs on the screen the largest gives first; what is needed now stays, whatever the limit", () => {
  const small = run(5, 0, 5);
  const large = run(8, 0, 8);
  room([small, large], [], 1000);
  assert.deepEqual([small.dropped, large.dropped], [[], [7, 6, 5]]);
  room([small, large], [], 100);
  assert.deepEqual([small.compressed.exact_count, large.compressed.exact_count], [3, 3]);
});

test("a frame that was checked and let go has been proved; held it is not", () => {
  const { compressed } = run(2, 0, 2);
  const stream = /** @type {any} */ (compressed.exact(1));
  compressed.confirm(stream);
  compressed.reject(stream);
  assert.deepEqual([compressed.held[1], compressed.checked_count, compressed.proved.size, compressed.stored_bytes], [0, 0, 1, FRAME]);
});
