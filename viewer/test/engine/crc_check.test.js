import assert from "node:assert/strict";
import { test } from "node:test";

import { crc32, isGood } from "../../engine/crc_check.js";
import { crc32 as zlibCrc32 } from "./zlib_crc32.js";

test("the check value of the CRC catalogue", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.equal(crc32(new Uint8Array(0)), 0);
});

test("every length and alignment agrees with zlib", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, n) => (n * 167 + (n >> 3)) & 255);
  for (let start = 0; start < 9; start++) {
    for (let length = 0; length < 70; length++) {
      const part = bytes.subarray(start, start + length);
      assert.equal(crc32(part), zlibCrc32(part), `start ${start}, length ${length}`);
    }
  }
});

test("a large buffer agrees with zlib", () => {
  const bytes = Uint8Array.from({ length: 1_000_003 }, (_, n) => (Math.imul(n, 2654435761) >>> 13) & 255);
  assert.equal(crc32(bytes), zlibCrc32(bytes));
});

test("a frame is checked once, by that of its two forms whose CRC its pieces name", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const other = Uint8Array.of(1, 2, 4);
  const of_bitstream = { crc32: zlibCrc32(bytes), crc_of_samples: false };
  const of_samples = { crc32: zlibCrc32(bytes), crc_of_samples: true };
  assert.deepEqual([isGood(of_bitstream, bytes, false), isGood(of_bitstream, other, false)], [true, false]);
  assert.deepEqual([isGood(of_samples, bytes, true), isGood(of_samples, other, true)], [true, false]);
  assert.ok(isGood(of_samples, other, false) && isGood(of_bitstream, other, true), "the other form is not asked");
  assert.ok(isGood({ ...of_bitstream, crc32: null }, other, false), "checked before");
});
