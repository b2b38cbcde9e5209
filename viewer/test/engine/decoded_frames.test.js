import assert from "node:assert/strict";
import { test } from "node:test";

import { DecodedFrames } from "../../engine/decoded_frames.js";

/**
 * @param {number} frame
 * @param {number} [tier]
 */
const decoded = (frame, tier = 2) => ({ frame, tier, samples: new Uint8Array(4), components: 1 });

test("the ring is bounded by bytes, but never below what playing needs", () => {
  assert.equal(new DecodedFrames(2 ** 20).capacity, 24);
  assert.ok(new DecodedFrames(512 * 512).capacity >= 60);
  assert.equal(new DecodedFrames(2 ** 26).capacity, 8);
  assert.equal(new DecodedFrames(16).capacity, 128);
});

test("what is needed last leaves first", () => {
  const ring = new DecodedFrames(2 ** 26);
  // Playing forwards from 10: frame 9 has just been shown and is needed last.
  const distance = (/** @type {number} */ frame) => (frame - 10 + 100) % 100;
  for (let frame = 9; frame < 17; frame++) assert.equal(ring.put(decoded(frame), distance), null);
  assert.equal(ring.put(decoded(17), distance)?.frame, 9);
  assert.equal(ring.held_bytes, 8 * 2 ** 26);
  const far = decoded(50);
  assert.equal(ring.put(far, distance), far, "a frame that is needed later than all others does not come in");
  assert.equal(ring.get(50), undefined);
});

test("a finer tier takes the place of a coarser one, not the other way", () => {
  const ring = new DecodedFrames(1);
  const coarse = decoded(3, 1);
  const exact = decoded(3, 2);
  ring.put(coarse, () => 0);
  assert.equal(ring.put(exact, () => 0), coarse);
  assert.equal(ring.put(coarse, () => 0), coarse);
  assert.equal(ring.get(3), exact);
});
