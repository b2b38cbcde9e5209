// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { angleBetween, fillCells, gridOf, sameProjection, stressGrid } from "../../ui/layout.js";

/** @param {string} run @param {object} [description] @param {string} [state] @returns {any} */
const tile = (run, description = {}, state = "ready") => ({ kind: "run", run, description, state, ready: [], complete: true, message: "" });

test("layouts lie down where there is width, and stand up where there is height", () => {
  assert.deepEqual(["", "2", "4", "6", "9"].map((layout) => Object.values(gridOf(layout, false, null))), [[1, 1], [1, 2], [2, 2], [2, 3], [3, 3]]);
  assert.deepEqual(["2", "4", "6"].map((layout) => Object.values(gridOf(layout, true, null))), [[2, 1], [2, 2], [3, 2]]);
  assert.deepEqual(gridOf("stress", true, { rows: 2, columns: 4 }), { rows: 2, columns: 4 });
});

test("empty cells take the runs after the active one, round the end; none stands twice, none that failed", () => {
  const tiles = ["a", "b", "c", "d"].map((run) => tile(run, {}, run === "d" ? "failed" : "ready"));
  assert.deepEqual(fillCells(["b", null, null, null], tiles, "b"), ["b", "c", "a", null]);
  assert.deepEqual(fillCells(["c", null, "a"], tiles, "a"), ["c", "b", "a"]);
});

/** @param {string} run @param {number | null} stage @param {string} view */
const loop = (run, stage, view) => tile(run, { stage: { name: `Stage ${stage}`, number: stage }, view: { name: view, number: null } });

test("a stress echo's stages lie below each other by number, its views side by side; the last of several loops counts", () => {
  const tiles = [loop("p", 2, "A4C"), loop("r1", 1, "A4C"), loop("r2", 1, "A4C"), loop("s", 1, "PLAX"), tile("other", { stage: null, view: null })];
  const grid = stressGrid(tiles);
  assert.deepEqual(grid && [grid.rows, grid.columns, grid.runs, grid.left_out], [2, 2, ["r2", "s", "p", null], 0]);
  assert.equal(stressGrid([tile("a"), tile("b")]), null);
  assert.equal(stressGrid([loop("a", 1, "A4C")]), null, "one loop is no grid");
  const many = stressGrid([1, 2, 3, 4, 5].flatMap((stage) => ["A", "B"].map((view) => loop(`${stage}${view}`, stage, view))));
  assert.deepEqual(many && [many.rows, many.columns, many.left_out], [4, 2, 2]);
});

test("projections are compared by the angle between their beams", () => {
  const beam = (/** @type {number} */ primary_angle_deg, /** @type {number} */ secondary_angle_deg) => ({ primary_angle_deg, secondary_angle_deg });
  assert.ok(Math.abs(angleBetween(beam(-30, 0), beam(60, 0)) - 90) < 1e-9);
  assert.ok(Math.abs(angleBetween(beam(10, 20), beam(10, -15)) - 35) < 1e-9);
  assert.ok(angleBetween(beam(-90, 80), beam(90, 80)) < 21, "near the pole sides are near each other");
  const prior = (/** @type {boolean | null} */ earlier, /** @type {any[]} */ ...runs) => ({ earlier, study_date_text: "", runs });
  const near = { kind: "run", run: "near", geometry: beam(-28, -18) };
  const far = { kind: "run", run: "far", geometry: beam(40, 5) };
  const later = { kind: "run", run: "later", geometry: beam(-30, -20) };
  const still = { kind: "still", run: "still", geometry: beam(-30, -20) };
  const found = sameProjection(beam(-30, -20), /** @type {any} */ ([prior(false, later), prior(true, far, near, still), prior(true, { ...near, run: "oldest" })]));
  assert.equal(found?.run.run, "near", "not what came later, nor a still; the newest among equals");
  assert.ok(found && Math.abs(found.degrees - 2.75) < 0.1);
  assert.equal(sameProjection(null, /** @type {any} */ ([prior(true, near)])), null);
  assert.equal(sameProjection(beam(0, 0), /** @type {any} */ ([prior(true, { ...near, geometry: null })])), null);
});
