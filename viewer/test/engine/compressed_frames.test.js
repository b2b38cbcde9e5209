import assert from "node:assert/strict";
import { test } from "node:test";

import { HELD_CHECKED, HELD_EXACT, HELD_FIRST_PASS, HELD_NOTHING, CompressedFrames } from "../../engine/compressed_frames.js";
import { WireError, parsePieces } from "../../engine/wire.js";
import { framePieces, message } from "./pieces.js";

/**
 * @param {number} length
 * @param {number} seed
 */
const bitstream = (length, seed) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed) & 255);

/**
 * @param {number} tier
 * @param {number} frame
 * @param {number} [length]
 */
const pieces = (tier, frame, length = 40_000) => parsePieces(message(...framePieces(bitstream(length, frame + tier), { tier, frame })));

/**
 * @param {CompressedFrames} store
 * @param {number} tier
 * @param {number} frame
 * @param {number} [length]
 */
function receive(store, tier, frame, length) {
  let whole = null;
  for (const one of pieces(tier, frame, length)) whole = store.accept(one) ?? whole;
  return whole;
}

test("a frame is whole with its last piece, and holds the bytes that were sent", () => {
  const store = new CompressedFrames(2);
  const [first, second, last] = pieces(2, 1);
  assert.equal(store.accept(first), null);
  assert.equal(store.accept(second), null);
  assert.deepEqual([...store.held], [HELD_NOTHING, HELD_NOTHING]);
  const stream = store.accept(last);
  assert.deepEqual(stream?.bytes, bitstream(40_000, 3));
  assert.deepEqual([...store.held], [HELD_NOTHING, HELD_EXACT]);
  assert.equal(store.exact(1), stream);
  assert.equal(store.missing_count, 1);
});

test("tiers and frames may come interleaved", () => {
  const store = new CompressedFrames(2);
  const exact = pieces(2, 0);
  const other = pieces(1, 1);
  for (let n = 0; n < 3; n++) {
    store.accept(exact[n]);
    store.accept(other[n]);
  }
  assert.deepEqual([...store.held], [HELD_EXACT, HELD_FIRST_PASS]);
  assert.equal(store.received_t0_bytes, 40_000);
  assert.equal(store.received_t1_bytes, 40_000);
});

test("the finer first pass replaces the coarse one, never the other way", () => {
  const store = new CompressedFrames(1);
  receive(store, 0, 0, 100);
  receive(store, 1, 0, 300);
  assert.equal(store.firstPass(0)?.tier, 1);
  assert.equal(receive(store, 0, 0, 100), null);
  assert.equal(store.firstPass(0)?.tier, 1);
  assert.equal(store.stored_bytes, 300);
});

test("the first pass is kept until the exact frame was checked", () => {
  const store = new CompressedFrames(1);
  receive(store, 1, 0, 300);
  const exact = receive(store, 2, 0, 900);
  assert.ok(exact && store.firstPass(0));
  assert.equal(store.unchecked_bytes, 900);
  store.confirm(exact);
  assert.equal(store.firstPass(0), null);
  assert.equal(store.held[0], HELD_CHECKED);
  assert.deepEqual([store.checked_count, store.unchecked_bytes, store.stored_bytes], [1, 0, 900]);
  store.confirm(exact);
  assert.equal(store.checked_count, 1, "a second decode of the same frame is not counted again");
});

test("a damaged exact frame leaves the first pass, and can come again", () => {
  const store = new CompressedFrames(1);
  receive(store, 1, 0, 300);
  const damaged = receive(store, 2, 0, 900);
  assert.ok(damaged);
  store.reject(damaged);
  assert.equal(store.held[0], HELD_FIRST_PASS);
  assert.deepEqual([store.exact_count, store.unchecked_bytes, store.stored_bytes], [0, 0, 300]);
  const again = receive(store, 2, 0, 900);
  assert.ok(again);
  store.confirm(damaged);
  assert.equal(store.checked_count, 0, "a late answer about the damaged copy says nothing about the new one");
  store.confirm(again);
  assert.equal(store.checked_count, 1);
});

test("an offset that is not where the frame stands breaks the protocol", () => {
  const [first, second, last] = pieces(2, 0);
  assert.throws(() => new CompressedFrames(1).accept(second), WireError);
  for (const wrong of [last, first, { ...second, crc32: 1 }, { ...second, frame_bytes: 50_000, last: false }]) {
    const store = new CompressedFrames(1);
    store.accept(first);
    assert.throws(() => store.accept(wrong), WireError);
    assert.deepEqual(store.resume().partial, [], "the frame may have been made anew: it is asked for from its start");
    assert.equal(store.stored_bytes, 0);
  }
  assert.throws(() => new CompressedFrames(1).accept({ ...first, frame: 1 }), WireError);
});

test("resume tells whole frames as ranges and where others stopped", () => {
  const store = new CompressedFrames(6);
  for (const frame of [0, 1, 2, 4]) receive(store, 2, frame, 500);
  receive(store, 1, 3, 200);
  receive(store, 0, 5, 100);
  const [first] = pieces(2, 3);
  store.accept(first);
  assert.deepEqual(store.resume(), {
    have: [[2, 0, 2], [2, 4, 4], [1, 3, 3], [0, 5, 5]],
    partial: [[2, 3, 16384]],
  });
  // and the rest, sent from there, completes it
  const [, second, last] = pieces(2, 3);
  store.accept(second);
  assert.ok(store.accept(last));
});

test("a scattered hoard still fits into one control message", () => {
  const store = new CompressedFrames(8000);
  for (let frame = 0; frame < 8000; frame += 2) receive(store, 2, frame, 8);
  for (let frame = 1; frame < 4000; frame += 2) store.accept(pieces(2, frame)[0]);
  const { have, partial } = store.resume();
  assert.ok(JSON.stringify({ have, partial }).length < 60_000);
  // What was not told is forgotten here too: the server sends it from its start.
  const told = new Set(partial.map(([, frame]) => frame));
  const untold = 3999;
  assert.ok(!told.has(untold));
  for (const one of pieces(2, untold)) store.accept(one);
  assert.equal(store.held[untold], HELD_EXACT);
});

test("unchecked frames are handed out one after the other, the last first, those with a worker left out", () => {
  const store = new CompressedFrames(3);
  for (const frame of [0, 1, 2]) receive(store, 2, frame, 10);
  const seen = [];
  for (let stream = store.nextUnchecked(); stream; stream = store.nextUnchecked()) {
    seen.push(stream.frame);
    stream.bytes = null;
    assert.ok(seen.length < 10);
  }
  assert.deepEqual(seen, [2, 1, 0]);
});

test("what was checked while it was shown, or turned out damaged, is not handed out; sent again it is", () => {
  const store = new CompressedFrames(3);
  for (const frame of [0, 1, 2]) receive(store, 2, frame, 10);
  store.confirm(/** @type {import("../../engine/compressed_frames.js").Bitstream} */ (store.exact(1)));
  store.reject(/** @type {import("../../engine/compressed_frames.js").Bitstream} */ (store.exact(2)));
  assert.equal(store.nextUnchecked(), store.exact(0));
  receive(store, 2, 2, 10);
  assert.equal(store.nextUnchecked(), store.exact(2));
});
