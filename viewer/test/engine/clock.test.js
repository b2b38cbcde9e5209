import assert from "node:assert/strict";
import { test } from "node:test";

import { PlayClock, frameDurations, makeSequence } from "../../engine/clock.js";

/** @param {number} frame_time_ms */
const constant = (frame_time_ms) => ({ frame_time_ms, frame_starts_ms: null });

/**
 * @param {object} options
 * @param {import("../../engine/description.js").Timing} [options.timing]
 * @param {number} [options.frames]
 * @param {number} [options.first]
 * @param {number} [options.last]
 * @param {"loop"|"sweep"|"once"} [options.loop]
 * @param {number} [options.speed]
 * @param {number} [options.from]
 */
function started({ timing = constant(40), frames = 10, first = 0, last = frames - 1, loop = "loop", speed = 1, from = first }) {
  const clock = new PlayClock(makeSequence(frameDurations(timing, frames), first, last, loop), loop, speed);
  clock.start(from, 1000);
  return clock;
}

test("a frame comes on exactly at its time, for frame times that binary fractions cannot hold", () => {
  for (const frame_time_ms of [33, 33.333, 33.3333333333, 66.7, 1000 / 15, 1000 / 12.5, 1001 / 30]) {
    const clock = started({ timing: constant(frame_time_ms), frames: 97 });
    clock.start(0, 0);
    for (let n = 0; n < 50_000; n += 7) {
      assert.deepEqual([clock.at(n * frame_time_ms).step, clock.at(n * frame_time_ms).frame], [n, n % 97], `${frame_time_ms} ms, step ${n}`);
      assert.equal(clock.at((n + 1) * frame_time_ms - 0.01).step, n);
    }
  }
});

test("an hour of 30.303 fps does not drift", () => {
  const clock = started({ timing: constant(33), frames: 96 });
  assert.equal(clock.at(1000 + 3_600_000).step, Math.floor(3_600_000 / 33));
});

test("a frame time vector plays unequal steps", () => {
  const timing = { frame_time_ms: null, frame_starts_ms: [0, 30, 100, 120], duration_ms: 160 };
  assert.deepEqual([...frameDurations(timing, 4)], [30, 70, 20, 40]);
  const clock = started({ timing, frames: 4 });
  const shown = [0, 29, 30, 99, 100, 119, 120, 159, 160, 189, 190].map((ms) => clock.at(1000 + ms).frame);
  assert.deepEqual(shown, [0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1]);
  assert.equal(clock.at(1000 + 160 * 25 + 30).step, 101);
});

test("without a usable time the default is 15 fps; the last step of a vector is the mean", () => {
  assert.equal(frameDurations({ frame_time_ms: null, frame_starts_ms: null }, 3)[2], 1000 / 15);
  assert.deepEqual([...frameDurations({ frame_time_ms: null, frame_starts_ms: [0, 10, 40] }, 3)], [10, 30, 20]);
});

test("in and out points bound the loop", () => {
  const clock = started({ first: 3, last: 5, from: 4 });
  assert.deepEqual([0, 40, 80, 120].map((ms) => clock.at(1000 + ms).frame), [4, 5, 3, 4]);
});

test("sweep goes there and back without showing the ends twice", () => {
  const clock = started({ frames: 4, loop: "sweep" });
  const shown = Array.from({ length: 13 }, (_, n) => clock.at(1000 + 40 * n).frame);
  assert.deepEqual(shown, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
});

test("once stops on its last frame after that frame's own time", () => {
  const clock = started({ frames: 3, loop: "once" });
  assert.deepEqual(clock.at(1000 + 119), { step: 2, frame: 2, ended: false });
  assert.deepEqual(clock.at(1000 + 120), { step: 2, frame: 2, ended: true });
  assert.deepEqual(clock.at(1000 + 99_999), { step: 2, frame: 2, ended: true });
});

test("backwards: steps count up, frames go down, once ends on the first", () => {
  const loop = started({ frames: 3, speed: -1, from: 2 });
  const seen = Array.from({ length: 7 }, (_, n) => loop.at(1000 + 40 * n + 20));
  assert.deepEqual(seen.map(({ frame }) => frame), [2, 1, 0, 2, 1, 0, 2]);
  assert.deepEqual(seen.map(({ step }) => step), [0, 1, 2, 3, 4, 5, 6]);
  const once = started({ frames: 3, speed: -1, from: 2, loop: "once" });
  assert.deepEqual(once.at(1000 + 110), { step: 2, frame: 0, ended: false });
  assert.deepEqual(once.at(1000 + 130), { step: 2, frame: 0, ended: true });
});

test("speed scales time, and a change of speed does not jump", () => {
  const clock = started({ speed: 0.5 });
  assert.equal(clock.at(1000 + 79).frame, 0);
  assert.equal(clock.at(1000 + 80).frame, 1);
  clock.setSpeed(2, 1000 + 100); // 10 ms into frame 1
  assert.equal(clock.at(1100).frame, 1);
  assert.equal(clock.at(1100 + 14).frame, 1);
  assert.equal(clock.at(1100 + 16).frame, 2);
  clock.setSpeed(-1, 1100 + 16);
  assert.equal(clock.at(1100 + 16 + 10).frame, 1);
});

/** @param {import("../../engine/clock.js").PlayClock} clock @param {number} now_ms */
function show(clock, now_ms) {
  const { step, frame } = clock.toShow(now_ms, 120);
  clock.shown_step = step;
  return frame;
}

test("held up for a moment, the picture catches up at one frame a tick; only what is too far behind is passed over", () => {
  const clock = started({ frames: 10 });
  const ticks = [0, 16, 40, 150, 166, 182, 200];
  assert.deepEqual(ticks.map((tick_ms) => show(clock, 1000 + tick_ms)), [0, 0, 1, 2, 3, 4, 5]);
  // 300 ms on, frame 12 is due: three frames' worth of lag is allowed, so frames 6 to 8 are passed over.
  assert.deepEqual([500, 516, 532, 548, 564].map((tick_ms) => show(clock, 1000 + tick_ms)), [9, 0, 1, 2, 3]);
  assert.equal(show(clock, 1565), 4, "and it is at its time again");
  assert.equal(show(clock, 1565), 4);
});

test("backwards, and at the end of once, it catches up just so", () => {
  const back = started({ frames: 10, speed: -1, from: 1 });
  assert.deepEqual([1090, 1106, 1122].map((now_ms) => show(back, now_ms)), [0, 9, 8]);
  const once = started({ frames: 3, loop: "once" });
  assert.deepEqual(once.toShow(1500, 120), { step: 1, frame: 1, ended: false });
  once.shown_step = 1;
  assert.deepEqual(once.toShow(1516, 120), { step: 2, frame: 2, ended: true });
});

test("a display slower than the loop falls behind no farther than the lag, and passes single frames over", () => {
  const clock = started({ frames: 100 });
  const shown = Array.from({ length: 40 }, (_, n) => show(clock, 1000 + n * 60));
  const steps = shown.slice(1).map((frame, n) => frame - shown[n]);
  assert.ok(Math.max(...steps) === 2 && Math.min(...steps) === 1, String(steps));
  assert.ok(clock.at(1000 + 39 * 60).step - clock.shown_step <= 3);
});

test("what comes next, and when it is due", () => {
  const clock = started({ frames: 4, from: 2 });
  const out = new Int32Array(8);
  const now = clock.at(1000 + 50);
  assert.equal(clock.upcoming(now, out), 4);
  assert.deepEqual([...out.subarray(0, 4)], [3, 0, 1, 2]);
  assert.deepEqual([0, 1, 2, 5].map((ahead) => clock.due_ms(now, ahead)), [1040, 1080, 1120, 1240]);
  const back = started({ frames: 4, from: 1, speed: -2 });
  assert.equal(back.upcoming(back.at(1000), out), 4);
  assert.deepEqual([...out.subarray(0, 4)], [1, 0, 3, 2]);
  assert.deepEqual([0, 1, 2].map((ahead) => back.due_ms(back.at(1000), ahead)), [1000, 1020, 1040]);
  const once = started({ frames: 4, from: 2, loop: "once" });
  assert.equal(once.upcoming(once.at(1000), out), 2);
});

test("due times and positions agree for every step", () => {
  const timing = { frame_time_ms: null, frame_starts_ms: [0, 30, 100, 120], duration_ms: 160 };
  for (const speed of [1, 0.25, 3, -1, -2]) {
    for (const loop of /** @type {const} */ (["loop", "sweep"])) {
      const clock = started({ timing, frames: 4, speed, loop, from: 1 });
      const start = clock.at(1000);
      for (let ahead = 1; ahead < 40; ahead++) {
        const due = clock.due_ms(start, ahead);
        assert.equal(clock.at(due + 0.001).step, start.step + ahead, `${loop} ${speed} ${ahead}`);
        assert.equal(clock.at(due - 0.001).step, start.step + ahead - 1, `${loop} ${speed} ${ahead}`);
      }
    }
  }
});
