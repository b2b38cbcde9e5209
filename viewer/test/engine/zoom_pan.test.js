import assert from "node:assert/strict";
import { test } from "node:test";

import { place, zoomedAt } from "../../engine/zoom_pan.js";

const FIT = { zoom: 1, pan_x: 0, pan_y: 0 };

test("the whole picture fits and stands in the middle", () => {
  assert.deepEqual(place({ columns: 512, rows: 512 }, { width: 1280, height: 1024, ratio: 1 }, FIT), { x: 128, y: 0, width: 1024, height: 1024 });
  assert.deepEqual(place({ columns: 800, rows: 600 }, { width: 400, height: 900, ratio: 1 }, FIT), { x: 0, y: 300, width: 400, height: 300 });
});

test("pixels that are not square are drawn as tall as they are", () => {
  const at = place({ columns: 100, rows: 50, pixel_aspect: 2 }, { width: 300, height: 300, ratio: 1 }, FIT);
  assert.deepEqual([at.width, at.height], [300, 300]);
});

test("pan counts in CSS pixels, whatever the display's density", () => {
  const at = place({ columns: 10, rows: 10 }, { width: 200, height: 200, ratio: 2 }, { zoom: 2, pan_x: 5, pan_y: -5 });
  assert.deepEqual(at, { x: -90, y: -110, width: 400, height: 400 });
});

test("zooming keeps the point under the hand", () => {
  const image = { columns: 512, rows: 512 };
  const canvas = { width: 1600, height: 1200, ratio: 2 };
  let view = { zoom: 1, pan_x: 12, pan_y: -7 };
  const hand = { x: 301, y: 222 };
  const under = () => {
    const at = place(image, canvas, view);
    return [(hand.x * 2 - at.x) / at.width, (hand.y * 2 - at.y) / at.height];
  };
  const before = under();
  for (const factor of [1.3, 1.9, 0.7, 4]) {
    view = zoomedAt(view, factor, hand.x, hand.y, canvas);
    under().forEach((share, n) => assert.ok(Math.abs(share - before[n]) < 0.002));
  }
});

test("zoom is bounded, and at the bound the picture does not creep", () => {
  const canvas = { width: 100, height: 100, ratio: 1 };
  let view = zoomedAt(FIT, 1e9, 20, 20, canvas);
  assert.equal(view.zoom, 40);
  assert.deepEqual(zoomedAt(view, 2, 70, 10, canvas), view);
  view = zoomedAt(FIT, 1e-9, 50, 50, canvas);
  assert.equal(view.zoom, 0.1);
});
