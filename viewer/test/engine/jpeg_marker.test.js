import assert from "node:assert/strict";
import { test } from "node:test";

import { withColorTransform } from "../../engine/jpeg_marker.js";

const SOI = [0xff, 0xd8];
const JFIF = [0xff, 0xe0, 0, 7, 0x4a, 0x46, 0x49, 0x46, 0];
const ADOBE = (/** @type {number} */ transform) => [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform];
const DQT = [0xff, 0xdb, 0, 4, 9, 9];
// An entropy-coded part that looks like an APP14 marker must be left alone.
const SCAN = [0xff, 0xda, 0, 3, 1, 0x12, 0xff, 0xee, 0, 2, 0xff, 0xd9];

/** @param {number[][]} parts */
const jpeg = (...parts) => Uint8Array.from(parts.flat());

test("the marker is put in, in front", () => {
  assert.deepEqual(withColorTransform(jpeg(SOI, DQT, SCAN), false), jpeg(SOI, ADOBE(0), DQT, SCAN));
  assert.deepEqual(withColorTransform(jpeg(SOI, DQT, SCAN), true), jpeg(SOI, ADOBE(1), DQT, SCAN));
});

test("JFIF and a contradicting Adobe marker are taken out, wherever they stand", () => {
  assert.deepEqual(withColorTransform(jpeg(SOI, JFIF, DQT, ADOBE(1), SCAN), false), jpeg(SOI, ADOBE(0), DQT, SCAN));
});

test("fill bytes before a marker are allowed", () => {
  assert.deepEqual(withColorTransform(jpeg(SOI, [0xff], JFIF, DQT, SCAN), true), jpeg(SOI, ADOBE(1), DQT, SCAN));
});

test("what is no JPEG, or is cut, is passed on for the decoder to refuse", () => {
  const other = Uint8Array.from([1, 2, 3]);
  assert.equal(withColorTransform(other, true), other);
  assert.deepEqual(withColorTransform(jpeg(SOI, [0xff, 0xe0, 9, 9, 1]), true), jpeg(SOI, ADOBE(1), [0xff, 0xe0, 9, 9, 1]));
});
