import assert from "node:assert/strict";
import { test } from "node:test";

import { Playback } from "../../engine/playback.js";
import { describeRun } from "./runs.js";

/** @param {number} frames */
function loaded(frames, frame = 0) {
  const playback = new Playback();
  playback.load(describeRun({ frames }), frame, false);
  return playback;
}

/** @param {Playback} playback @param {import("../../engine/clock.js").Position} [position] */
function planned(playback, position = { step: 0, frame: playback.frame, ended: false }) {
  const { order, count } = playback.plan(position);
  return [...order.subarray(0, count)];
}

test("standing, the neighbours on both sides are wanted; playing, what comes", () => {
  const playback = loaded(8, 2);
  assert.deepEqual(planned(playback), [2, 3, 1, 4, 0, 5, 7, 6]);
  playback.playing = true;
  assert.deepEqual(planned(playback), [2, 3, 4, 5, 6, 7, 0, 1]);
  playback.start(1000);
  playback.shown(playback.advance(1000 + 45).step);
  assert.deepEqual(planned(playback, playback.advance(1000 + 85)), [4, 5, 6, 7, 0, 1, 2, 3]);
  assert.equal(playback.frame, 4);
});

test("the clock counts from when the first frame came, but from no longer ago than can be caught up with", () => {
  const playback = loaded(100); // 40 ms a frame
  playback.start(1000, 970);
  assert.equal(playback.clock.at(1000).step, 0);
  assert.equal(playback.clock.at(1007).step, 1);
  playback.start(1000, 200);
  assert.equal(playback.clock.at(1000).step, 4);
  playback.start(1000, 1500);
  assert.equal(playback.clock.at(1030).step, 0, "a tick's time lies before what was drawn in it");
});

test("range, step and seek stay inside", () => {
  const playback = loaded(10);
  playback.setRange(7, 3);
  assert.deepEqual([playback.first, playback.last, playback.frame], [3, 7, 3]);
  playback.step(-1);
  assert.equal(playback.frame, 7);
  playback.step(12);
  assert.equal(playback.frame, 4);
  playback.seek(99);
  assert.equal(playback.frame, 7);
  playback.setRange(-5, 400);
  assert.deepEqual([playback.first, playback.last], [0, 9]);
  assert.deepEqual(planned(loaded(1)), [0]);
});

test("the rate is the mean of the range times the speed; a rate of one's own replaces the file's and can be taken back", () => {
  const playback = loaded(10);
  assert.equal(playback.rate_fps, 25);
  playback.setRate(12.5);
  assert.equal(playback.rate_fps, 12.5);
  playback.setSpeed(-2, 0);
  assert.equal(playback.rate_fps, -25);
  playback.setRate(null);
  assert.equal(playback.rate_fps, -50);
});

test("another run starts anew, or keeps speed and loop mode when told", () => {
  const playback = loaded(10, 9);
  playback.setSpeed(0.5, 0);
  playback.setLoop("once");
  playback.load(describeRun({ frames: 3 }), 7, true);
  assert.deepEqual([playback.frame, playback.speed, playback.loop], [2, 0.5, "once"]);
  const sweeping = describeRun({ frames: 3 });
  sweeping.timing.sequencing = "sweep";
  playback.load(sweeping, 0, false);
  assert.deepEqual([playback.speed, playback.loop], [1, "sweep"]);
});

test("once: at its end it rewinds to where its direction begins", () => {
  const playback = loaded(5);
  playback.setLoop("once");
  playback.seek(4);
  assert.ok(playback.atEnd());
  playback.rewind();
  assert.equal(playback.frame, 0);
  playback.setSpeed(-1, 0);
  assert.ok(playback.atEnd());
  playback.rewind();
  assert.equal(playback.frame, 4);
});

test("what the file trims away is out of the range at first, and can be had", () => {
  const playback = new Playback();
  const timing = { frame_time_ms: 40, frame_starts_ms: null };
  playback.load(describeRun({ frames: 10, timing: { ...timing, start_trim: 3, stop_trim: 8 } }), 0, false);
  assert.deepEqual([playback.first, playback.last, playback.frame], [2, 7, 2]);
  playback.setRange(0, 9);
  assert.deepEqual([playback.first, playback.last], [0, 9]);
  playback.load(describeRun({ frames: 10, timing: { ...timing, start_trim: 9, stop_trim: 40 } }), 0, false);
  assert.deepEqual([playback.first, playback.last], [0, 9], "a trim that cannot be is none");
});

test("loops are counted from the start of play", () => {
  const playback = loaded(4); // 40 ms a frame
  playback.playing = true;
  playback.start(0);
  const seen = [];
  for (let now = 0; now < 400; now += 10) {
    playback.shown(playback.advance(now).step);
    seen.push(playback.loops);
  }
  assert.deepEqual([...new Set(seen)], [0, 1, 2]);
  playback.halt();
  assert.equal(playback.loops, 0);
});
