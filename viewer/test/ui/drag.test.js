// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { WheelSteps, dragFrames, dragWindow, frameAt, isSwipe, pinch, together, wheelZoom } from "../../ui/drag.js";

test("a drag over most of the picture goes through the whole run", () => {
  assert.equal(dragFrames(800, { frames: 100, width: 1000 }), 100);
  assert.equal(dragFrames(-80, { frames: 100, width: 1000 }), -10);
});

test("frames are never finer than a hand can hold nor so wide that a short run needs no aim", () => {
  assert.equal(dragFrames(300, { frames: 1200, width: 1000 }), 100);
  assert.equal(dragFrames(240, { frames: 10, width: 1000 }), 10);
});

test("window: right is wider, down raises the level, in proportion to the window at the start", () => {
  assert.deepEqual(dragWindow({ center: 100, width: 300 }, 30, -10), { center: 90, width: 330 });
  assert.deepEqual(dragWindow({ center: 2000, width: 3000 }, 30, 0), { center: 2000, width: 3300 });
});

test("the window never closes, and one below 1 may stay as narrow as it was", () => {
  assert.equal(dragWindow({ center: 0, width: 255 }, -5000, 0).width, 1);
  assert.equal(dragWindow({ center: 0, width: 0.5 }, -5000, 0).width, 0.5);
});

test("one notch of a wheel is one frame, however far the system scrolls for it", () => {
  const wheel = new WheelSteps();
  assert.deepEqual([100, -53, 300].map((delta) => wheel.steps(delta, 0, 0)), [1, -1, 1]);
  assert.equal(wheel.steps(3, 1, 0), 1);
  assert.equal(wheel.steps(-1, 2, 0), -10);
});

test("a touchpad's small distances add up, and are forgotten after a rest or a turn", () => {
  const wheel = new WheelSteps();
  assert.deepEqual([5, 5, 5].map((delta, index) => wheel.steps(delta, 0, index * 16)), [0, 0, 1]);
  assert.equal(wheel.steps(10, 0, 1000), 0, "what was left before the rest does not count");
  assert.equal(wheel.steps(-11, 0, 1016), 0, "nor what was left in the other direction");
  assert.equal(wheel.steps(-2, 0, 1032), -1);
});

test("zoom by wheel is the same in and out", () => {
  assert.ok(Math.abs(wheelZoom(100, 0) * wheelZoom(-100, 0) - 1) < 1e-12);
  assert.ok(wheelZoom(-100, 0) > 1, "up is in");
});

test("two fingers: their middle moves the picture, their distance zooms at it", () => {
  const before = /** @type {[any, any]} */ ([{ x: 100, y: 100 }, { x: 200, y: 100 }]);
  assert.deepEqual(pinch(before, [{ x: 60, y: 110 }, { x: 260, y: 110 }]), { dx: 10, dy: 10, factor: 2, x: 160, y: 110 });
  assert.equal(pinch([before[0], before[0]], before).factor, 1, "fingers on one point: no division by zero");
});

test("every point of the scrubber is a frame of the run", () => {
  const over = { frames: 96, width: 960 };
  assert.deepEqual([-5, 0, 9.9, 10, 959, 2000].map((x) => frameAt(x, over)), [0, 0, 0, 1, 95, 95]);
  assert.equal(frameAt(10, { frames: 5, width: 0 }), 4);
});

test("two fingers up or down change the window; apart, sideways or one alone they move and zoom", () => {
  const from = [{ x: 100, y: 200 }, { x: 160, y: 200 }];
  /** @param {number[]} ways dx, dy of either @returns {string} */
  const does = (...ways) => together(from, from.map(({ x, y }, at) => ({ x: x + ways[2 * at], y: y + ways[2 * at + 1] })));
  assert.equal(does(0, 7, 0, 3), "", "nothing yet");
  assert.equal(does(0, 20, 0, 2), "", "the other finger may follow");
  assert.equal(does(1, 20, -2, 17), "window");
  assert.equal(does(0, -30, 3, -12), "window");
  assert.equal(does(-20, 0, 20, 0), "picture", "apart");
  assert.equal(does(0, -20, 0, 20), "picture", "turned apart");
  assert.equal(does(30, 5, 30, 5), "picture", "sideways");
  assert.equal(does(0, 24, 0, 0), "picture", "one rests");
});

test("a swipe comes in from its edge, far enough and not across", () => {
  assert.equal(isSwipe(80, 10, -1), true);
  assert.equal(isSwipe(-80, 10, 1), true);
  assert.equal(isSwipe(-80, 10, -1), false);
  assert.equal(isSwipe(50, 0, -1), false);
  assert.equal(isSwipe(80, 60, -1), false);
});
