import assert from "node:assert/strict";
import { test } from "node:test";

import { registered, registering } from "../../engine/register.js";

/** Noise, the same every time. @param {number} seed */
function noise(seed) {
  return () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 1073741824 - 1;
  };
}

/** Anatomy: waves of several lengths. @param {number} y @param {number} x */
const anatomy = (y, x) => 16000 + 3000 * Math.sin(x / 21 + y / 55) + 2500 * Math.cos(y / 13 - x / 80) + 900 * Math.sin((x + 2 * y) / 5.3);

/**
 * @param {number} side
 * @param {{down?: number, right?: number, vessel?: boolean, noisy?: number, brighter?: number}} change of what is drawn
 */
function picture(side, { down = 0, right = 0, vessel = false, noisy = 0, brighter = 0 }) {
  const next = noise(Math.round(side + 100 * down + right));
  const plane = new Float32Array(side * side);
  for (let y = 0, n = 0; y < side; y++) {
    for (let x = 0; x < side; x++, n++) {
      plane[n] = anatomy(y - down, x - right) + brighter + noisy * next();
      if (vessel && Math.abs(y - side / 2 - 30 * Math.sin(x / 40)) < side / 40) plane[n] -= 4000;
    }
  }
  return plane;
}

/** @param {Float32Array} contrast @param {Float32Array} mask @param {number} side */
function shiftOf(contrast, mask, side) {
  const work = registering(contrast, mask, { rows: side, columns: side });
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

test("the shift is found to a tenth of a pixel, whatever fills with contrast meanwhile", () => {
  for (const [down, right] of [[0, 0], [0.3, -0.7], [-2.45, 1.6], [7.2, -5.5], [-12, 9.3]]) {
    const frame = picture(256, { down, right, vessel: true, noisy: 250, brighter: 300 });
    const found = shiftOf(frame, picture(256, { noisy: 250 }), 256);
    // As the standard writes it: positive columns go to the left.
    assert.ok(found && Math.abs(found[0] - down) < 0.1 && Math.abs(found[1] + right) < 0.1, `${[down, right]}: ${found}`);
  }
});

test("where there is nothing to go by, nothing is moved", () => {
  const flat = new Float32Array(128 * 128).fill(900);
  assert.deepEqual(shiftOf(flat, flat, 128), [0, 0]);
  assert.deepEqual(shiftOf(new Float32Array(9), new Float32Array(9), 3), [0, 0]);
});

test("it lets others work meanwhile, and stops when it is not wanted any more", async () => {
  const frame = picture(512, { down: 1.5 });
  let turns = 0;
  let working = true;
  const count = () => {
    turns++;
    if (working) setTimeout(count);
  };
  count();
  const found = await registered(frame, picture(512, {}), { rows: 512, columns: 512 }, () => true);
  working = false;
  assert.ok(found && Math.abs(found[0] - 1.5) < 0.1);
  assert.ok(turns > 3, `${turns} turns of others`);
  assert.equal(await registered(frame, picture(512, {}), { rows: 512, columns: 512 }, () => false), null);
});
