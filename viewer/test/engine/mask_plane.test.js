import assert from "node:assert/strict";
import { test } from "node:test";

import { paintDifference } from "../../engine/draw_2d.js";
import { TOP, ZERO, differenceTable, itemsOfFile, levelsOf, meanLevels, moveMask, openingWindow, partsOf } from "../../engine/mask_plane.js";
import { describeRun } from "./runs.js";

const ITEM = { ranges: [], mask_frames: [0], averaging: 1, shift: /** @type {[number, number]} */ ([0, 0]), offset: 1 };

test("which frames a picture is made of", () => {
  const averaged = /** @type {const} */ ({ ...ITEM, operation: "AVG_SUB", averaging: 3 });
  assert.deepEqual(partsOf(averaged, 7, 10), { masks: [0], contrast: [7, 8, 9] });
  assert.equal(partsOf(averaged, 8, 10), null);
  const ranged = { ...averaged, ranges: /** @type {[number, number][]} */ ([[2, 3], [6, 9]]) };
  assert.deepEqual([1, 2, 3, 4, 6, 9].map((frame) => partsOf(ranged, frame, 10)?.contrast.length ?? 0), [0, 3, 3, 0, 3, 1]);
  assert.equal(partsOf({ ...ITEM, operation: "NONE" }, 5, 10), null);
  const earlier = /** @type {const} */ ({ ...ITEM, operation: "TID", offset: 2 });
  assert.deepEqual([1, 2, 9].map((frame) => partsOf(earlier, frame, 10)?.masks), [undefined, [0], [7]]);
  const back = { ...ITEM, operation: /** @type {const} */ ("REV_TID"), ranges: /** @type {[number, number][]} */ ([[2, 4]]) };
  assert.deepEqual([2, 3, 4].map((frame) => partsOf(back, frame, 10)?.masks), [[1], [0], undefined]);
});

test("a mask moves down and to the left, as the standard's signs say", () => {
  const size = { rows: 6, columns: 7 };
  const mask = new Float32Array(42);
  mask[2 * 7 + 3] = 1000;
  const out = new Uint16Array(42);
  moveMask(mask, size, [1, 2], 1, out);
  assert.equal(out[3 * 7 + 1], 1000);
  moveMask(mask, size, [-1, -3], 1, out);
  assert.equal(out[1 * 7 + 6], 1000);
  moveMask(mask, size, [0.25, 0.5], 1, out);
  assert.deepEqual([out[2 * 7 + 2], out[2 * 7 + 3], out[3 * 7 + 2], out[3 * 7 + 3]], [375, 375, 125, 125]);
  moveMask(Float32Array.from({ length: 42 }, (_, n) => n), size, [99, 99], 1, out);
  assert.ok(out.every((level) => level === 6), "beyond the edge is the edge");
});

test("a faded mask keeps its mean", () => {
  const out = new Uint16Array(4);
  moveMask(Float32Array.of(0, 100, 200, 300), { rows: 2, columns: 2 }, [0, 0], 0.5, out);
  assert.deepEqual([...out], [75, 125, 175, 225]);
  moveMask(Float32Array.of(0, 100, 200, 300), { rows: 2, columns: 2 }, [0, 0], 0, out);
  assert.deepEqual([...out], [150, 150, 150, 150]);
});

test("levels are shares of the range, or of its logarithm", () => {
  const plain = levelsOf(describeRun({ bits_stored: 12 }), false);
  assert.deepEqual([plain.length, plain[0], plain[4095], plain[2048]], [4096, 0, TOP, Math.round((TOP * 2048) / 4095)]);
  const log = levelsOf(describeRun({ bits_stored: 12 }), true);
  assert.equal(log[0], 0);
  assert.equal(log[4095], TOP);
  assert.ok(Math.abs(log[3000] - log[1500] - (log[600] - log[300])) < 12, "the same share is the same step");
  const signed = levelsOf(describeRun({ bits_stored: 12, signed: true }), true);
  assert.deepEqual([signed[0], signed[2048], signed[4095]], [0, 0, TOP]);
});

test("means are of levels, and rounded where they are stored", () => {
  const levels = Uint16Array.from({ length: 256 }, (_, n) => n);
  const out = new Uint16Array(2);
  meanLevels([Uint8Array.of(1, 2), Uint8Array.of(2, 2)], levels, out);
  assert.deepEqual([...out], [2, 2]);
  const exact = new Float32Array(2);
  meanLevels([Uint8Array.of(1, 2), Uint8Array.of(2, 2)], levels, exact);
  assert.deepEqual([...exact], [1.5, 2]);
});

test("alike is grey, contrast is dark, and inversion turns it", () => {
  const levels = levelsOf(describeRun({}), false);
  const plane = new Uint16Array(3).fill(levels[100]);
  const out = new Uint32Array(3);
  const draw = (/** @type {boolean} */ invert) => {
    const table = differenceTable(8, openingWindow(8, false), invert);
    assert.equal(table[ZERO] >>> 24, 255, "opaque");
    paintDifference(Uint8Array.of(100, 36, 80), { mode: "difference", bits: 16, table, levels, mask: { plane, version: 0 } }, out);
    return [...out].map((pixel) => pixel & 255);
  };
  assert.deepEqual(draw(false), [128, 0, 88]);
  assert.deepEqual(draw(true), [127, 255, 167]);
});

test("the file counts from 1, the engine from 0", () => {
  const item = { operation: /** @type {const} */ ("AVG_SUB"), frame_ranges: [/** @type {[number, number]} */ ([2, 8])], mask_frames: [1], contrast_averaging: 1, shift_pixels: /** @type {[number, number]} */ ([0.5, -1]), tid_offset: 1 };
  const [made] = itemsOfFile({ ...describeRun({}), mask: { subtract_first: true, intensity: "LOG", items: [item] } });
  assert.deepEqual(made, { operation: "AVG_SUB", ranges: [[1, 7]], mask_frames: [0], averaging: 1, shift: [0.5, -1], offset: 1 });
  assert.deepEqual(itemsOfFile(describeRun({})), []);
});
