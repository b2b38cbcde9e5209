// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Screens, planOfAll, wishOfAll } from "../../engine/screens.js";

/** @param {number[]} order @param {number} from_ms */
const plan = (order, from_ms) => ({ order: Int32Array.from(order), count: order.length, due_ms: (/** @type {number} */ ahead) => from_ms + ahead * 40 });
const told = (/** @type {import("../../engine/screens.js").Plan} */ { order, count, due_ms }) => Array.from(order.slice(0, count), (frame, ahead) => [frame, due_ms(ahead)]);

test("the pictures on the screens come first, then each one's next; a frame that both need once, for the one that needs it first", () => {
  const [a, b] = [plan([3, 4, 5, 6], 1000), plan([9, 4, 5], 900)];
  assert.equal(planOfAll([a]), a);
  assert.deepEqual(told(planOfAll([a, b])), [[3, 1000], [9, 900], [4, 940], [5, 980], [6, 1120]]);
  assert.equal(planOfAll([]).count, 0);
});

test("a plan is that of its moment, though a player's list is written over", () => {
  const a = plan([1, 2], 0);
  const all = planOfAll([a, plan([1, 2], 0)]);
  a.order.fill(7);
  assert.deepEqual([...all.order], [1, 2]);
});

test("the server is told of the one that plays, with the range that holds what all show", () => {
  const play = /** @type {const} */ ({ state: "play", frame: 12, rate_fps: 15, first: 10, last: 20, loop: "loop" });
  assert.equal(wishOfAll([play]), play);
  assert.deepEqual(wishOfAll([{ state: "pause", frame: 40 }, play]), { ...play, first: 10, last: 40 });
  assert.deepEqual(wishOfAll([{ ...play, first: 2 }, { ...play, frame: 15, weight: 3 }]), { ...play, frame: 15, first: 2, weight: 3 });
  assert.equal(wishOfAll([{ ...play, first: 0, last: -1 }, play]).last, -1, "to the end, wherever that is");
  assert.deepEqual(wishOfAll([{ state: "hidden", frame: 3 }, play]), play);
  assert.deepEqual(wishOfAll([{ state: "hidden", frame: 3 }, { state: "prefetch", frame: 0 }]), { state: "prefetch", frame: 0 });
  assert.deepEqual(wishOfAll([{ state: "pause", frame: 3, weight: 3 }, { state: "pause", frame: 9, starting: true }]), { state: "pause", frame: 3, weight: 3, starting: true });
});

test("who leaves is forgotten", () => {
  /** @type {Screens<{name: string}>} */
  const screens = new Screens();
  const [one, other] = [{ name: "one" }, { name: "other" }];
  screens.want(one, { state: "play", frame: 0 });
  screens.setPlan(one, plan([0, 1], 0));
  assert.equal(screens.want(other, { state: "pause", frame: 5 }).state, "play");
  screens.setPlan(other, plan([5], 0));
  assert.deepEqual([...screens.plan.order], [0, 5, 1]);
  assert.equal(screens.leave(one), true);
  assert.deepEqual([...screens.plan.order], [5]);
  assert.equal(screens.wish.state, "pause");
  assert.equal(screens.leave(other), false);
  assert.equal(screens.plan.count, 0);
  screens.want(one, { state: "play", frame: 0 });
  screens.clear();
  assert.deepEqual([...screens.owners], []);
});
