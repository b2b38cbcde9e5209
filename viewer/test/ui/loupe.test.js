// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { loupePlace } from "../../ui/loupe.js";

test("the loupe stands above the finger, and never off the stage", () => {
  const stage = { width: 600, height: 500 };
  assert.deepEqual(loupePlace({ x: 300, y: 400 }, stage), { left: 200, top: 170 });
  assert.deepEqual(loupePlace({ x: 10, y: 100 }, stage), { left: 0, top: 130 });
  assert.deepEqual(loupePlace({ x: 590, y: 231 }, stage), { left: 400, top: 1 });
});
