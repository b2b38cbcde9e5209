// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { makePalette } from "../../engine/display.js";
import { flipped, place, toCanvas, turned } from "../../engine/zoom_pan.js";
import { areaOf, aspectOf, coveringOf, framesFor, isFor, lyingOf, missingOf, stepsOf, viewOf } from "../../ui/presentation-model.js";
import { describeRun } from "../engine/runs.js";

const GREY = "1.2.840.10008.5.1.4.1.1.11.1";

/** @param {object} [change] @returns {import("../../ui/types.js").PresentationState} */
const state = (change) => /** @type {any} */ ({ sop_class_uid: GREY, label: "A", for: [], modality: null, voi: [], presentation_lut_shape: "IDENTITY", presentation_lut: null, rotation_deg: 0, flip_horizontal: false, displayed_areas: [], shutters: [], overlays: [], active_overlays: [], layers: [], annotations: [], mask: null, ...change });
/** @param {Parameters<typeof describeRun>[0]} change @returns {any} */
const described = (change) => describeRun(change);

/** Greys of all samples as the state has them. @param {import("../../ui/types.js").PresentationState} of @param {any} description */
function greys(of, description) {
  const steps = stepsOf(of, description, of.voi[0]);
  assert.ok(steps);
  const { table } = makePalette({ ...description, display: steps.display }, description.tiers.exact, steps.look);
  return [...table].map((pixel) => pixel & 255);
}

test("what a state does not say is an identity, whatever the image says", () => {
  const own = described({ display: { windows: [{ center: 10, width: 5 }], rescale_slope: 3, rescale_intercept: -7, invert: true } });
  assert.deepEqual(greys(state(), own), Array.from({ length: 256 }, (_, n) => n));
});

test("window, inversion and Presentation LUT of the state replace the image's", () => {
  const voi = [{ for: [], windows: [{ center: 128, width: 101 }], voi_lut_function: "LINEAR", voi_luts: [] }];
  const plain = greys(state({ voi }), described({}));
  assert.deepEqual([plain[77], plain[178], plain[127]], [0, 255, 126]);
  const inverse = greys(state({ voi, presentation_lut_shape: "INVERSE" }), described({}));
  assert.deepEqual(inverse, plain.map((grey) => 255 - grey));
  // Two entries: below the middle white, above it black.
  const two = { first: 0, bits: 16, data: Buffer.from(Uint16Array.of(65535, 0).buffer).toString("base64") };
  const cut = greys(state({ voi, presentation_lut_shape: null, presentation_lut: two }), described({}));
  assert.deepEqual([cut[100], cut[160]], [255, 0]);
});

test("a VOI LUT goes before windows, and rescale is the state's", () => {
  const lut = { first: 100, bits: 8, data: Buffer.from(Uint16Array.of(10, 20, 30).buffer).toString("base64") };
  const voi = [{ for: [], windows: [{ center: 1, width: 1 }], voi_lut_function: "LINEAR", voi_luts: [lut] }];
  const found = greys(state({ voi, modality: { rescale_slope: 2, rescale_intercept: 0, modality_lut: null } }), described({}));
  assert.deepEqual([found[49], found[50], found[51], found[200]], [10, 10, 30, 30]);
});

test("colours have no grey steps", () => {
  assert.equal(stepsOf(state(), described({ samples_per_pixel: 3 }), undefined), null);
  assert.equal(stepsOf(state({ sop_class_uid: "1.2.840.10008.5.1.4.1.1.11.2" }), described({}), undefined), null);
});

test("parts are for the frames that they name", () => {
  const named = [{ run: "r", frames: [3, 5] }, { run: "q", frames: [] }];
  assert.ok(isFor([], "r", 9) && isFor(named, "r", 2) && !isFor(named, "r", 3) && isFor(named, "q", 3) && !isFor(named, "x", 2));
  assert.deepEqual(framesFor(state({ for: [{ run: "r", frames: [5, 3] }, { run: "r", frames: [3] }] }), "r"), [3, 5]);
  assert.deepEqual(framesFor(state({ for: named }), "q"), []);
});

test("the picture is turned clockwise first and left and right exchanged then", () => {
  for (const rotation_deg of [0, 90, 180, 270]) {
    const rotated = turned({ turns: 0, mirrored: false }, rotation_deg / 90);
    assert.deepEqual(lyingOf(state({ rotation_deg })), rotated);
    assert.deepEqual(lyingOf(state({ rotation_deg, flip_horizontal: true })), flipped(rotated, true));
  }
});

test("the displayed area fills the place there is, is magnified, or is as large as it was", () => {
  const image = { columns: 512, rows: 512 };
  const canvas = { width: 800, height: 600, ratio: 2 };
  const store = { width: 1600, height: 1200, ratio: 2 };
  // Turned by 90 degrees, the lower left comes to lie at the upper left: rows 101 to 300, columns 11 to 110.
  const item = /** @type {any} */ ({ for: [], top_left: [300, 11], bottom_right: [101, 110], size_mode: "SCALE TO FIT" });
  const area = areaOf(item, image);
  assert.deepEqual(area, { left: 10, top: 100, width: 100, height: 200 });
  const lying = { turns: 1, mirrored: false };
  const at = (/** @type {object} */ view, /** @type {number} */ x, /** @type {number} */ y) => toCanvas(place(image, store, { zoom: 1, pan_x: 0, pan_y: 0, ...lying, ...view }), image, x, y);
  const corners = [at({}, 10, 100), at({}, 110, 300)].map(({ x, y }) => ({ x: x / 2, y: y / 2 }));
  const scale = 1200 / 512;
  const near = (/** @type {number} */ found, /** @type {number} */ wanted) => assert.ok(Math.abs(found - wanted) <= 2, `${found} ${wanted}`);
  const fitted = viewOf(item, corners, canvas, scale);
  const [a, b] = [at(fitted, 10, 300), at(fitted, 110, 100)];
  near(a.x, 0), near(b.x, 1600), near(a.y, 200), near(b.y, 1000);
  for (const [more, wanted] of [[{ size_mode: "MAGNIFY", magnification: 3 }, 3], [{ size_mode: "TRUE SIZE", pixel_spacing_mm: [0.2, 0.25] }, (0.25 * 96 * 2) / 25.4]]) {
    const view = viewOf({ ...item, .../** @type {object} */ (more) }, corners, canvas, scale);
    const [c, d] = [at(view, 10, 300), at(view, 110, 100)];
    near(d.y - c.y, 100 * Number(wanted)); // columns lie upright now
    near((c.x + d.x) / 2, 800), near((c.y + d.y) / 2, 600);
  }
  assert.deepEqual(areaOf(undefined, { rows: 4, columns: 6 }), { left: 0, top: 0, width: 6, height: 4 });
  assert.equal(aspectOf(/** @type {any} */ ({ pixel_spacing_mm: [0.4, 0.2], pixel_aspect: 1 })), 2);
});

test("only activated overlays are laid, the state's own before the image's", () => {
  /** @type {import("../../engine/description.js").Overlay} */
  const overlay = { group: "6000", rows: 1, columns: 8, origin: [1, 1], frames: 1, first_frame: 1, every_frame: true };
  const own = { ...overlay, bits: "/w==" };
  const image = described({ overlays: [overlay, { ...overlay, group: "6002" }, { ...overlay, group: "6004" }] });
  const found = coveringOf(state({ overlays: [own], active_overlays: [{ group: "6000", layer: "A" }, { group: "6002", layer: "A" }] }), image);
  assert.deepEqual(found.overlays.map(({ group }) => group), ["6000", "6002"]);
  assert.deepEqual([...found.bits], [["6000", Uint8Array.of(255)]]);
  assert.deepEqual(coveringOf(state(), image).overlays, []);
  const layers = [{ name: "A", order: 1, presentation_value: 65535, color_cielab: null }, { name: "B", order: 2, presentation_value: null, color_cielab: null }];
  const active_overlays = [{ group: "6000", layer: "A" }, { group: "6002", layer: "B" }];
  assert.deepEqual(coveringOf(state({ active_overlays, layers }), image).overlays.map(({ color }) => color), [[255, 255, 255], undefined]);
});

test("what is not shown is named", () => {
  assert.equal(missingOf(state(), described({}), undefined), "");
  assert.match(missingOf(state({ mask: {} }), described({}), /** @type {any} */ ({ size_mode: "TRUE SIZE" })), /mask is not subtracted · true size is not known/);
});
