import assert from "node:assert/strict";
import { test } from "node:test";

import { flipped, place, toCanvas, toImage, turnOf, turned, zoomedAt } from "../../engine/zoom_pan.js";

const FIT = { zoom: 1, pan_x: 0, pan_y: 0, turns: 0, mirrored: false };

test("the whole picture fits and stands in the middle", () => {
  assert.deepEqual(place({ columns: 512, rows: 512 }, { width: 1280, height: 1024, ratio: 1 }, FIT), { x: 128, y: 0, width: 1024, height: 1024, turn: [1, 0, 0, 1] });
  assert.deepEqual(place({ columns: 800, rows: 600 }, { width: 400, height: 900, ratio: 1 }, FIT), { x: 0, y: 300, width: 400, height: 300, turn: [1, 0, 0, 1] });
});

test("pixels that are not square are drawn as tall as they are", () => {
  const at = place({ columns: 100, rows: 50, pixel_aspect: 2 }, { width: 300, height: 300, ratio: 1 }, FIT);
  assert.deepEqual([at.width, at.height], [300, 300]);
});

test("pan counts in CSS pixels, whatever the display's density", () => {
  const at = place({ columns: 10, rows: 10 }, { width: 200, height: 200, ratio: 2 }, { ...FIT, zoom: 2, pan_x: 5, pan_y: -5 });
  assert.deepEqual(at, { x: -90, y: -110, width: 400, height: 400, turn: [1, 0, 0, 1] });
});

test("zooming keeps the point under the hand", () => {
  const image = { columns: 512, rows: 512 };
  const canvas = { width: 1600, height: 1200, ratio: 2 };
  let view = { ...FIT, pan_x: 12, pan_y: -7 };
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

/** Every way a picture can lie. */
const LYING = [0, 1, 2, 3].flatMap((turns) => [false, true].map((mirrored) => ({ turns, mirrored })));

/** A generator of numbers in [0, 1), the same every time. @param {number} seed */
function random(seed) {
  return () => ((seed = (seed * 1103515245 + 12345) % 2147483648), seed / 2147483648);
}

test("canvas points and image points are each other's reverse, however the picture lies", () => {
  const next = random(7);
  for (let n = 0; n < 400; n++) {
    const image = { columns: 1 + Math.floor(next() * 2000), rows: 1 + Math.floor(next() * 2000), pixel_aspect: 0.5 + next() };
    const canvas = { width: 1 + Math.floor(next() * 3000), height: 1 + Math.floor(next() * 3000), ratio: 1 + next() };
    const view = { zoom: 0.1 + next() * 30, pan_x: 900 * (next() - 0.5), pan_y: 900 * (next() - 0.5), ...LYING[n % 8] };
    const on = place(image, canvas, view);
    const [x, y] = [next() * image.columns, next() * image.rows];
    const at = toCanvas(on, image, x, y);
    assert.ok(at.x >= on.x - 1e-6 && at.x <= on.x + on.width + 1e-6 && at.y >= on.y - 1e-6 && at.y <= on.y + on.height + 1e-6);
    const back = toImage(on, image, at.x, at.y);
    assert.ok(Math.abs(back.x - x) < 1e-6 && Math.abs(back.y - y) < 1e-6, JSON.stringify({ image, canvas, view, x, y, back }));
  }
});

test("turned on its side the picture still fits, and lies as it should", () => {
  const image = { columns: 800, rows: 400 };
  const on = place(image, { width: 500, height: 1000, ratio: 1 }, { ...FIT, turns: 1 });
  assert.deepEqual([on.x, on.y, on.width, on.height], [0, 0, 500, 1000]);
  // Clockwise: what was at the left upper corner is at the right upper one now.
  assert.deepEqual(toCanvas(on, image, 0, 0), { x: 500, y: 0 });
  assert.deepEqual(toCanvas(on, image, 0, 400), { x: 0, y: 0 });
});

test("turns and flips are made on the screen, whatever went before", () => {
  const image = { columns: 4, rows: 4 };
  const canvas = { width: 400, height: 400, ratio: 1 };
  for (const lying of LYING) {
    const before = toCanvas(place(image, canvas, { ...FIT, ...lying }), image, 1, 0.5);
    /** @param {{turns: number, mirrored: boolean}} view */
    const after = (view) => toCanvas(place(image, canvas, { ...FIT, ...view }), image, 1, 0.5);
    assert.deepEqual(after(flipped(lying, true)), { x: 400 - before.x, y: before.y });
    assert.deepEqual(after(flipped(lying, false)), { x: before.x, y: 400 - before.y });
    assert.deepEqual(after(turned(lying, 1)), { x: 400 - before.y, y: before.x });
    assert.deepEqual(after(turned(lying, -1)), { x: before.y, y: 400 - before.x });
    assert.deepEqual(turned(turned(lying, -1), 5), lying);
    assert.equal(turnOf(lying)[0] ** 2 + turnOf(lying)[1] ** 2, 1);
  }
});

test("zooming and fitting leave the picture turned", () => {
  const view = zoomedAt({ ...FIT, turns: 3, mirrored: true }, 2, 3, 4, { width: 100, height: 100, ratio: 1 });
  assert.deepEqual([view.turns, view.mirrored], [3, true]);
});
