// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { framesText, shiftText, subtractionText } from "../../ui/subtraction-panel.js";

test("frames count from 1, neighbours are a span", () => {
  assert.equal(framesText([0]), "1");
  assert.equal(framesText([4, 1, 2, 3]), "2–5");
  assert.equal(framesText([0, 2, 3, 9]), "1, 3–4, 10");
});

test("a shift is told in directions, since the standard's signs are a trap", () => {
  assert.equal(shiftText([0, 0]), "");
  assert.equal(shiftText([1.5, -0.3]), "moved 1.5 px down, 0.3 px right");
  assert.equal(shiftText([-2, 4]), "moved 2 px up, 4 px left");
});

test("what a picture is made of stands on it, and when it is not made of it too", () => {
  const now = { shown: { masks: [0], shift: /** @type {[number, number]} */ ([0, 1]), tier: 2 }, waiting: false, opacity: 1, logarithmic: false };
  assert.equal(subtractionText(null), "");
  assert.equal(subtractionText(now), "SUBTRACTED\nmask frame 1 · moved 1 px left");
  assert.equal(subtractionText({ ...now, shown: { ...now.shown, masks: [0, 1], tier: 1 }, opacity: 0.8, logarithmic: true }), "SUBTRACTED\nmask frame 1–2 · mask first pass · moved 1 px left · mask 80 % · logarithms");
  assert.match(subtractionText({ ...now, shown: null }), /^NOT SUBTRACTED\n/);
  assert.match(subtractionText({ ...now, waiting: true }), /^NOT SUBTRACTED YET\n/);
});
