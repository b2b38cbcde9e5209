import assert from "node:assert/strict";
import { test } from "node:test";

import { WishTeller, openingWish, wishOf } from "../../engine/wish.js";

const CALM = { hidden: false, starving: false, starting: false };
const PLAYING = /** @type {const} */ ({ playing: true, rate_fps: -7.5, first: 2, last: 40, loop: "sweep" });

test("play is told with its speed, range and mode; where exact frames are too slow, without them", () => {
  const plays = { state: "play", frame: 3, rate_fps: -7.5, first: 2, last: 40, loop: "sweep" };
  assert.deepEqual(wishOf(PLAYING, 3, CALM), plays);
  assert.deepEqual(wishOf(PLAYING, 3, { ...CALM, starving: true }), { ...plays, max_tier: 1 });
  assert.deepEqual(wishOf(PLAYING, 3, { ...CALM, starting: true }), { ...plays, starting: true });
});

test("a run's share of the link is told where it is not the usual one", () => {
  assert.equal(wishOf(PLAYING, 3, { ...CALM, weight: 4 }).weight, 4);
  assert.equal(openingWish(null, 0, false, { ...CALM, weight: 0.5 }).weight, 0.5);
  assert.ok(!("weight" in wishOf(PLAYING, 3, { ...CALM, weight: 1 })));
});

test("a page that nobody sees wants nothing, a paused one its frame", () => {
  assert.deepEqual(wishOf(PLAYING, 3, { ...CALM, hidden: true }), { state: "hidden", frame: 3 });
  assert.deepEqual(wishOf({ ...PLAYING, playing: false }, 3, { ...CALM, starving: true }), { state: "pause", frame: 3 });
});

test("a run that is being opened plays whole, as fast as it says or as most do", () => {
  const run = /** @type {any} */ ({ frames: 60, timing: { frame_time_ms: null, duration_ms: 3000 } });
  assert.deepEqual(openingWish(run, 5, true, CALM), { state: "play", frame: 5, rate_fps: 20, first: 0, last: 59, loop: "loop" });
  run.timing.frame_time_ms = 40;
  assert.equal(openingWish(run, 5, true, CALM).rate_fps, 25);
  assert.deepEqual(openingWish(null, 0, true, CALM), { state: "play", frame: 0, rate_fps: 15, first: 0, last: -1, loop: "loop" });
  assert.deepEqual(openingWish(run, 5, false, CALM), { state: "pause", frame: 5 });
});

test("frames that nobody has made yet do not keep the exact ones of the others away", () => {
  const [connection, pool, owner] = /** @type {any[]} */ ([{}, {}, {}]);
  const teller = new WishTeller(connection, pool, owner);
  const compressed = { missing_count: 5, checked_count: 0, frames: 12 };
  const source = /** @type {any} */ ({ compressed, made: 8, short: false, library: { settle() {} } });
  const playback = /** @type {any} */ ({ playing: false });
  teller.starve(true);
  teller.stale = false;
  teller.tick(source, playback, 0);
  assert.equal(teller.starved, true, "one of the eight that are made is on its way");
  compressed.missing_count = 4;
  teller.stale = false;
  teller.tell = () => {};
  teller.tick(source, playback, 0);
  assert.equal(teller.starved, false);
});
