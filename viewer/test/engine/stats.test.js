import assert from "node:assert/strict";
import { test } from "node:test";

import { PlayStats } from "../../engine/stats.js";

test("frames whose time went by unseen are missed; a repeat is not shown again", () => {
  const stats = new PlayStats();
  stats.shown(null, 0); // the first picture, before the clock starts
  stats.started(10);
  for (const [step, now] of [[1, 40], [2, 70], [5, 160], [6, 190]]) stats.shown(step, now);
  stats.still(6, 200);
  assert.equal(stats.frames_shown, 5);
  assert.equal(stats.frames_missed, 2);
  assert.equal(stats.frames_out_of_order, 0);
});

test("a step that goes back is out of order, unless the clock was started anew", () => {
  const stats = new PlayStats();
  stats.started(0);
  stats.shown(4, 100);
  stats.shown(3, 130);
  assert.equal(stats.frames_out_of_order, 1);
  stats.stopped();
  stats.shown(null, 200); // a seek
  stats.started(210);
  stats.shown(1, 240);
  assert.equal(stats.frames_out_of_order, 1);
});

test("a stall is counted once however long it lasts, and play is steady after half a second without one", () => {
  const stats = new PlayStats();
  stats.started(1000);
  stats.shown(1, 1040);
  stats.late();
  stats.late();
  stats.shown(4, 1160);
  assert.equal(stats.stalls, 1);
  assert.equal(stats.frames_missed, 2);
  for (let step = 5, now = 1200; now < 1640; step++, now += 40) stats.shown(step, now);
  assert.equal(stats.steady_ms, null);
  stats.shown(16, 1660);
  assert.equal(stats.steady_ms, 1160);
  stats.late();
  assert.equal(stats.steady_ms, 1160, "the first steady moment stays");
});

test("play that never stalls was steady from its start", () => {
  const stats = new PlayStats();
  stats.started(300);
  for (let step = 1; step < 20; step++) stats.shown(step, 300 + step * 33.3);
  assert.equal(stats.steady_ms, 300);
});

test("the measured rate is that of the last second, and 0 when nothing moves", () => {
  const stats = new PlayStats();
  stats.started(0);
  for (let step = 1; step < 600; step++) stats.shown(step, step * 33.333);
  const now = 599 * 33.333;
  assert.ok(Math.abs(stats.measuredFps(now) - 30) < 0.01);
  assert.equal(stats.measuredFps(now + 5000), 0);
});
