import assert from "node:assert/strict";
import { test } from "node:test";

import { Lock } from "../../engine/lock.js";
import { Playback } from "../../engine/playback.js";
import { describeRun } from "./runs.js";

/** What Lock needs of a player's ticks: which frames are there, and what was drawn at each tick. */
class Member {
  /** @type {Set<number>} frames that are not decoded */
  missing = new Set();
  /** @type {number[]} */
  drawn = [];
  starts = 0;

  /** @param {number} frames @param {number} frame_time_ms @param {number[]} [r_wave_ms] */
  constructor(frames, frame_time_ms, r_wave_ms) {
    this.playback = new Playback();
    const description = describeRun({ frames, timing: { frame_time_ms, frame_starts_ms: null }, r_wave_ms });
    this.playback.load(description, 0, false);
    this.playback.playing = true;
    this.source = { description };
  }
  has = (/** @type {number} */ frame) => !this.missing.has(frame);
  isReady = () => this.has(this.playback.frame);
  started = () => void this.starts++;
  stopped = () => undefined;

  /** As play_ticks.js does it. @param {number} now_ms */
  tick(now_ms) {
    const { playback } = this;
    if (playback.playing && !playback.running) playback.lock?.tryStart(now_ms);
    const position = playback.advance(now_ms);
    if (this.has(position.frame)) playback.shown(position.step);
    this.drawn.push(playback.frame);
  }
}

/** @param {Member[]} members @param {number} from_ms @param {number} to_ms @param {number} [step_ms] */
function run(members, from_ms, to_ms, step_ms = 1000 / 60) {
  for (let now = from_ms; now < to_ms; now += step_ms) for (const member of members) member.tick(now);
}

/** @param {Member[]} members @param {import("../../engine/lock.js").LockMode} [mode] */
function locked(members, mode = "time") {
  const lock = new Lock(mode);
  lock.setMembers(members);
  return lock;
}

test("two planes never differ by a frame, though each lacks frames at times and ticks come late", () => {
  const planes = [new Member(30, 1000 / 15), new Member(30, 1000 / 15)];
  locked(planes);
  run(planes, 1000, 1400);
  planes[1].missing.add(planes[0].playback.frame + 1);
  run(planes, 1400, 1500);
  assert.deepEqual(planes[0].drawn, planes[1].drawn, "what one lacks the other waits for");
  const held = planes[0].playback.frame;
  planes[1].missing.clear();
  run(planes, 1500, 1550);
  assert.ok(planes[0].playback.frame > held);
  run(planes, 1650, 6000, 23);
  assert.deepEqual(planes[0].drawn, planes[1].drawn);
  assert.deepEqual([...new Set(planes[0].drawn)].sort((a, b) => a - b), Array.from({ length: 30 }, (_, n) => n));
  assert.equal(planes[0].starts, 1);
});

test("the clock starts for all when the last has its picture", () => {
  const [first, second] = [new Member(10, 50), new Member(10, 50)];
  second.missing.add(0);
  locked([first, second]);
  run([first, second], 0, 300);
  assert.deepEqual(new Set(first.drawn), new Set([0]));
  second.missing.clear();
  run([first, second], 300, 420);
  assert.equal(first.playback.frame, 2);
});

test("by elapsed time runs of different rates show the same moment", () => {
  const [slow, fast] = [new Member(10, 100), new Member(40, 25)];
  locked([slow, fast]);
  run([slow, fast], 0, 2500);
  slow.drawn.forEach((frame, at) => assert.equal(Math.floor(fast.drawn[at] / 4), frame));
});

test("what one is asked to do all do", () => {
  const [a, b] = [new Member(10, 100), new Member(40, 25)];
  const lock = locked([a, b]);
  lock.play(false);
  lock.seek(/** @type {any} */ (a), 4);
  assert.deepEqual([a.playback.frame, b.playback.frame], [4, 16]);
  lock.step(/** @type {any} */ (b), 3);
  assert.deepEqual([a.playback.frame, b.playback.frame], [4, 19]);
  lock.step(/** @type {any} */ (a), -5);
  assert.deepEqual([a.playback.frame, b.playback.frame], [9, 36], "round the start");
  lock.speed(-2);
  lock.play(true);
  run([a, b], 0, 120);
  assert.deepEqual([a.playback.speed, b.playback.speed], [-2, -2]);
  assert.deepEqual([a.playback.frame, b.playback.frame].map(Boolean), [true, true]);
  assert.ok(a.playback.frame < 9 && b.playback.frame < 36);
  lock.halt();
  assert.equal(Math.floor(b.playback.frame / 4), a.playback.frame);
});

test("once ends for all, and begins again from the start", () => {
  const [a, b] = [new Member(4, 100), new Member(8, 50)];
  const lock = locked([a, b]);
  lock.setLoop("once");
  run([a, b], 0, 390);
  lock.end();
  assert.deepEqual([a.playback.playing, b.playback.playing, a.playback.frame, b.playback.frame], [false, false, 3, 7]);
  lock.play(true);
  assert.deepEqual([a.playback.frame, b.playback.frame], [0, 0]);
});

test("a run without R waves plays on its own, and joins when time is enough", () => {
  const [a, b, without] = [new Member(10, 100, [0, 500]), new Member(10, 50, [0, 250]), new Member(10, 100)];
  const lock = locked([a, b, without], "beats");
  assert.deepEqual([a, b, without].map((one) => lock.isTogether(one)), [true, true, false]);
  run([a, b], 0, 1100);
  const starts = a.drawn.map((frame, at) => (frame === 5 && a.drawn[at - 1] !== 5 ? b.drawn[at] : -1)).filter((frame) => frame >= 0);
  assert.deepEqual(starts, [5], "the second beats start together");
  assert.equal(without.playback.track, null);
  lock.mode = "time";
  lock.rebuild();
  assert.ok(lock.isTogether(without));
  lock.release();
  assert.deepEqual([a.playback.track, a.playback.lock], [null, null]);
});
