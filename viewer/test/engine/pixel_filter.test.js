import assert from "node:assert/strict";
import { test } from "node:test";

import { filterPixels } from "../../engine/pixel_filter.js";

/** What the filter is, said slowly: weights 1 2 1 both ways, edges go on. @param {number[][]} levels @param {boolean} sharp */
function slowly(levels, sharp) {
  const at = (/** @type {number} */ y, /** @type {number} */ x) => levels[Math.min(levels.length - 1, Math.max(0, y))][Math.min(levels[0].length - 1, Math.max(0, x))];
  return levels.map((row, y) =>
    row.map((level, x) => {
      let sum = 0;
      for (const dy of [-1, 0, 1]) for (const dx of [-1, 0, 1]) sum += (2 - Math.abs(dx)) * (2 - Math.abs(dy)) * at(y + dy, x + dx);
      return Math.min(255, Math.max(0, Math.floor((sharp ? 2 * level - sum / 16 : sum / 16) + 0.5)));
    }),
  );
}

test("each channel is filtered by itself, to the level", () => {
  const [rows, columns] = [7, 9];
  let seed = 5;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648) % 256;
  const channels = [0, 1, 2].map(() => Array.from({ length: rows }, () => Array.from({ length: columns }, () => (next() % 3 ? next() : 255))));
  const source = Uint32Array.from({ length: rows * columns }, (_, n) => {
    const [red, green, blue] = channels.map((levels) => levels[Math.floor(n / columns)][n % columns]);
    return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
  });
  for (const sharp of [true, false]) {
    const out = new Uint32Array(source.length);
    filterPixels(source, out, { rows, columns }, sharp);
    channels.forEach((levels, channel) => {
      const found = Array.from({ length: rows }, (_, y) => [...out.subarray(y * columns, (y + 1) * columns)].map((pixel) => (pixel >> (8 * channel)) & 255));
      assert.deepEqual(found, slowly(levels, sharp), `${sharp} ${channel}`);
    });
    assert.ok(out.every((pixel) => pixel >>> 24 === 255));
  }
});
