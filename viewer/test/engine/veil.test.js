import assert from "node:assert/strict";
import { test } from "node:test";

import { paintVeil } from "../../engine/draw_2d.js";
import { Veil } from "../../engine/veil.js";
import { describeRun } from "./runs.js";

const BOTH = { shutters: true, overlays: true };

/** Rows of the plane as text: `.` seen, `#` hidden, `o` overlay. @param {Veil} veil @param {number} columns @param {number} [frame] */
function drawn(veil, columns, frame = 0) {
  const text = [...veil.of(frame).plane].map((value) => ".#o"[value]).join("");
  return text.match(new RegExp(`.{${columns}}`, "g"));
}

/** @param {Partial<import("../../engine/description.js").RunDescription>} change */
const run = (change) => describeRun({ rows: 4, columns: 6, ...change });

test("edges of shutters belong to what is seen, and of several only what lies inside all is", () => {
  const box = /** @type {const} */ ({ shape: "rectangular", left: 2, right: 5, upper: 2, lower: 4 });
  assert.deepEqual(drawn(new Veil(run({ shutters: [box] }), new Map(), BOTH), 6), ["######", "#....#", "#....#", "#....#"]);
  const round = /** @type {const} */ ({ shape: "circular", center: /** @type {[number, number]} */ ([2, 3]), radius: 1 });
  assert.deepEqual(drawn(new Veil(run({ shutters: [round] }), new Map(), BOTH), 6), ["##.###", "#...##", "##.###", "######"]);
  assert.deepEqual(drawn(new Veil(run({ shutters: [box, round] }), new Map(), BOTH), 6), ["######", "#...##", "##.###", "######"]);
  const corner = /** @type {const} */ ({ shape: "polygonal", vertices: /** @type {[number, number][]} */ ([[1, 1], [1, 4], [4, 1]]) });
  assert.deepEqual(drawn(new Veil(run({ shutters: [corner] }), new Map(), BOTH), 6), ["....##", "...###", "..####", ".#####"]);
  assert.equal(new Veil(run({ shutters: [box] }), new Map(), { shutters: false, overlays: true }).empty, true);
});

test("an overlay's bits lie lowest first, without padding, from an origin that may be outside", () => {
  const overlay = { group: "6000", rows: 3, columns: 3, origin: /** @type {[number, number]} */ ([0, 5]), frames: 1, first_frame: 1, every_frame: true };
  // 110 / 101 / 011: of the first row nothing is on the picture, of the third column neither.
  const bits = new Map([["6000", Uint8Array.of(0b10101011, 1)]]);
  assert.deepEqual(drawn(new Veil(run({ overlays: [overlay] }), bits, BOTH), 6), ["....o.", ".....o", "......", "......"]);
  assert.equal(new Veil(run({ overlays: [overlay] }), new Map(), BOTH).empty, true, "its bits are not there yet");
});

test("planes of an overlay belong to their frames", () => {
  const overlay = { group: "6002", rows: 1, columns: 6, origin: /** @type {[number, number]} */ ([1, 1]), frames: 2, first_frame: 2, every_frame: false };
  const veil = new Veil(run({ overlays: [overlay] }), new Map([["6002", Uint8Array.of(0b11000001, 0b1000)]]), BOTH);
  assert.deepEqual([0, 1, 2, 3].map((frame) => drawn(veil, 6, frame)?.[0]), ["......", "o.....", "oo...o", "......"]);
  const { version } = veil.of(1);
  assert.equal(veil.of(1).version, version, "nothing changed");
  assert.notEqual(veil.of(2).version, version);
});

test("a shutter hides what an overlay draws there, in the file's grey", () => {
  const shutter = /** @type {const} */ ({ shape: "rectangular", left: 1, right: 3, upper: 1, lower: 4, presentation_value: 65535 });
  const overlay = { group: "6000", rows: 1, columns: 6, origin: /** @type {[number, number]} */ ([1, 1]), frames: 1, first_frame: 1, every_frame: true };
  const veil = new Veil(run({ shutters: [shutter], overlays: [overlay] }), new Map([["6000", Uint8Array.of(63)]]), BOTH);
  assert.deepEqual(drawn(veil, 6)?.slice(0, 2), ["ooo###", "...###"]);
  const out = new Uint32Array(24).fill(7);
  paintVeil({ ...veil.of(0), colors: veil.colors }, out);
  assert.deepEqual([out[6], out[4], out[0]], [7, 0xffffffff, 0xff50dcff]);
});

test("a shutter's colour goes before its grey, and each overlay has the colour that is said for it", () => {
  const shutter = /** @type {const} */ ({ shape: "rectangular", left: 1, right: 6, upper: 1, lower: 3, presentation_value: 0 });
  const overlay = { rows: 1, columns: 1, frames: 1, first_frame: 1, every_frame: true };
  const overlays = [1, 2, 3].map((column) => ({ ...overlay, group: `600${2 * column}`, origin: /** @type {[number, number]} */ ([1, column]) }));
  overlays[1] = Object.assign({}, overlays[1], { color: [1, 2, 3] });
  const veil = new Veil(run({ shutters: [{ ...shutter, color_cielab: [35578, 53664, 50862] }], overlays }), new Map(overlays.map(({ group }) => [group, Uint8Array.of(1)])), BOTH);
  const out = new Uint32Array(24);
  paintVeil({ ...veil.of(0), colors: veil.colors }, out);
  assert.deepEqual([...out.subarray(0, 4)], [0xff50dcff, 0xff030201, 0xff50dcff, 0]);
  const [r, g, b] = [out[23] & 255, (out[23] >> 8) & 255, (out[23] >> 16) & 255];
  assert.ok(r > 250 && g < 5 && b < 5, "L* 54.3, a* 80.8, b* 69.9 is red");
});
