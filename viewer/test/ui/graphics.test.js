// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { rgbOfLab } from "../../engine/veil.js";
import { place, toCanvas } from "../../engine/zoom_pan.js";
import { colorOf, imagePoint, isClosed, outlineOf } from "../../ui/graphics.js";

/** @typedef {import("../../ui/graphics.js").Point} Point */

test("every point of a circle is as far from its centre as the one that is named, and of an ellipse on its axes", () => {
  const circle = outlineOf({ type: "CIRCLE", points: [[10, 20], [13, 24]] });
  for (const [x, y] of circle) assert.ok(Math.abs(Math.hypot(x - 10, y - 20) - 5) < 1e-9);
  // Major axis 20 long, aslant by 3:4; minor 10.
  const ellipse = outlineOf({ type: "ELLIPSE", points: [[44, 42], [56, 58], [54, 47], [46, 53]] });
  for (const [x, y] of ellipse) {
    const [along, across] = [(x - 50) * 0.6 + (y - 50) * 0.8, (x - 50) * 0.8 - (y - 50) * 0.6];
    assert.ok(Math.abs((along / 10) ** 2 + (across / 5) ** 2 - 1) < 1e-9);
  }
});

test("a smooth curve goes through its points, is straight where they are, and closes without a corner", () => {
  /** @type {Point[]} */
  const points = [[0, 0], [10, 0], [20, 0], [30, 12]];
  const curve = outlineOf({ type: "INTERPOLATED", points });
  for (const point of points) assert.ok(curve.some(([x, y]) => Math.hypot(x - point[0], y - point[1]) < 1e-9), String(point));
  for (const [x, y] of curve) if (x < 10) assert.ok(Math.abs(y) < 1e-9);
  const ring = outlineOf({ type: "INTERPOLATED", points: [[10, 0], [0, 10], [-10, 0], [0, -10], [10, 0]] });
  for (const [x, y] of ring) assert.ok(Math.abs(Math.hypot(x, y) - 10) < 1.2, `${x} ${y}`);
  assert.deepEqual(outlineOf({ type: "POLYLINE", points }), points);
});

test("what is filled is closed, a line is not", () => {
  assert.ok(isClosed({ type: "POLYLINE", filled: true }) && isClosed({ type: "CIRCLE", filled: false }));
  assert.ok(!isClosed({ type: "POLYLINE", filled: false }));
});

test("parts of the displayed area lie on the screen where they say, however the picture is turned", () => {
  const image = { columns: 400, rows: 300 };
  const area = { left: 100, top: 50, width: 200, height: 100 };
  for (const mirrored of [false, true]) {
    for (const turns of [0, 1, 2, 3]) {
      const on = place(image, { width: 1200, height: 1200, ratio: 1 }, { zoom: 1, pan_x: 0, pan_y: 0, turns, mirrored });
      const at = (/** @type {Point} */ point) => toCanvas(on, image, ...imagePoint(point, area, { turns, mirrored }));
      const [a, b, c] = [at([0, 0]), at([1, 1]), at([0.25, 0.5])];
      assert.ok(a.x < b.x && a.y < b.y, "the first is the upper left");
      assert.ok(Math.abs(c.x - (0.75 * a.x + 0.25 * b.x)) < 1e-9 && Math.abs(c.y - (a.y + b.y) / 2) < 1e-9);
    }
  }
});

test("CIELab of a layer becomes sRGB, as colour tables have it", () => {
  const pcs = (/** @type {number} */ l, /** @type {number} */ a, /** @type {number} */ b) => [(l / 100) * 65535, ((a + 128) / 255) * 65535, ((b + 128) / 255) * 65535];
  const near = (/** @type {number[]} */ found, /** @type {number[]} */ wanted) => found.forEach((level, n) => assert.ok(Math.abs(level - wanted[n]) <= 2, `${found} ${wanted}`));
  near(rgbOfLab([65535, 0x8080, 0x8080]), [255, 255, 255]);
  near(rgbOfLab([0, 0x8080, 0x8080]), [0, 0, 0]);
  // sRGB's primaries in Lab of D50 (of any ICC profile of sRGB).
  near(rgbOfLab(pcs(54.29, 80.81, 69.89)), [255, 0, 0]);
  near(rgbOfLab(pcs(87.82, -79.29, 80.99)), [0, 255, 0]);
  near(rgbOfLab(pcs(29.57, 68.3, -112.03)), [0, 0, 255]);
});

test("a layer's colour goes before its grey; without either it is that of overlays", () => {
  assert.equal(colorOf({ name: "A", order: 1, presentation_value: 65535, color_cielab: [0, 0x8080, 0x8080] }), "rgb(0 0 0)");
  assert.equal(colorOf({ name: "A", order: 1, presentation_value: 0x8000, color_cielab: null }), "rgb(128 128 128)");
  assert.equal(colorOf(undefined), "rgb(255 220 80)");
});
