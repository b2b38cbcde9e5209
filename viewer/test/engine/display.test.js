import assert from "node:assert/strict";
import { test } from "node:test";

import { colorMode, defaultLook, makePalette, mappedRange, windowFunction } from "../../engine/display.js";
import { paintPixels } from "../../engine/draw_2d.js";
import { describeRun } from "./runs.js";

/** @param {number[]} values */
const u16 = (values) => Buffer.from(new Uint16Array(values).buffer).toString("base64");
/** @param {number[]} values */
const u8 = (values) => Buffer.from(values).toString("base64");
/** @param {number} pixel RGBA little-endian */
const rgb = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];

/**
 * @param {import("../../engine/description.js").RunDescription} description
 * @param {Partial<import("../../engine/display.js").Look>} [look]
 */
function grey(description, look) {
  const { table } = makePalette(description, description.tiers.exact, { ...defaultLook(description), ...look });
  return (/** @type {number} */ i) => rgb(table[i])[0];
}

test("LINEAR: the worked example of PS3.3 C.11.2.1.2.1", () => {
  const level = windowFunction("LINEAR", 2048, 4096);
  assert.equal(level(0), 0);
  assert.equal(level(4095), 1);
  assert.ok(Math.abs(level(1024) - (1024 - 2047.5) / 4095 - 0.5) < 1e-12);
  const half = windowFunction("LINEAR", 2048, 1);
  assert.deepEqual([half(2047), half(2048)], [0, 1]);
  const zero = windowFunction("LINEAR", 0, 100);
  assert.deepEqual([zero(-50), zero(49)], [0, 1]);
});

test("LINEAR_EXACT and SIGMOID differ as C.11.2.1.3 says", () => {
  const exact = windowFunction("LINEAR_EXACT", 2048, 4096);
  assert.deepEqual([exact(0), exact(2048), exact(4096)], [0, 0.5, 1]);
  const sigmoid = windowFunction("SIGMOID", 100, 50);
  assert.equal(sigmoid(100), 0.5);
  assert.ok(Math.abs(sigmoid(125) - 1 / (1 + Math.exp(-2))) < 1e-12);
});

test("8 bits at full range are shown as they are", () => {
  const at = grey(describeRun({}));
  for (let i = 0; i < 256; i++) assert.equal(at(i), i);
});

test("signed samples travel with an offset and are windowed in the file's values", () => {
  const windows = [{ center: 0, width: 256, source: "file" }];
  const at = grey(describeRun({ bits_stored: 12, signed: true, display: { windows, voi_lut_function: "LINEAR_EXACT" } }));
  assert.equal(at(2048 - 128), 0);
  assert.equal(at(2048), 128);
  assert.equal(at(2048 + 128), 255);
});

test("rescale comes before the window", () => {
  const windows = [{ center: 500, width: 1000, source: "file" }];
  const display = { windows, voi_lut_function: "LINEAR_EXACT", rescale_slope: 2, rescale_intercept: -1000 };
  const at = grey(describeRun({ bits_stored: 12, display }));
  assert.deepEqual([at(500), at(750), at(1000)], [0, 128, 255]);
});

test("MONOCHROME1 is inverted, and the reader's inversion turns it back", () => {
  const description = describeRun({ display: { invert: true } });
  assert.equal(grey(description)(10), 245);
  assert.equal(grey(description, { invert: true })(10), 10);
});

test("padding is black, inverted or not", () => {
  /** @type {Partial<import("../../engine/description.js").Display>} */
  const display = { invert: true, pixel_padding: [0, 3] };
  const at = grey(describeRun({ display }));
  assert.deepEqual([at(0), at(3), at(4)], [0, 0, 251]);
});

test("a modality LUT and a VOI LUT are looked up from their first value, ends held", () => {
  const modality_lut = { first: 2, bits: 16, data: u16([100, 200, 300]) };
  const voi_luts = [{ first: 100, bits: 8, data: u16([...Array(201).keys()].map((n) => Math.min(255, n))) }];
  const windows = [{ center: 128, width: 256, source: "derived" }];
  const at = grey(describeRun({ display: { modality_lut, voi_luts, windows } }));
  assert.deepEqual([at(0), at(2), at(3), at(4), at(200)], [0, 0, 100, 200, 200]);
  assert.equal(grey(describeRun({ display: { modality_lut, voi_luts } }), { voi_lut: null, center: 128, width: 256 })(3), 200, "the window instead, by choice");
});

test("palette colour clamps to its ends; 16-bit entries give their upper byte", () => {
  const narrow = { first: 10, bits: 8, red: u8([1, 2]), green: u8([3, 4]), blue: u8([5, 6]) };
  const description = describeRun({ photometric_interpretation: "PALETTE COLOR", display: { palette: narrow } });
  const { mode, table } = makePalette(description, description.tiers.exact, defaultLook(description));
  assert.equal(mode, "index");
  assert.deepEqual([0, 10, 11, 255].map((i) => rgb(table[i])), [[1, 3, 5], [1, 3, 5], [2, 4, 6], [2, 4, 6]]);
  const wide = { first: 0, bits: 16, red: u16([0xff00]), green: u16([0x80ff]), blue: u16([0]) };
  const other = describeRun({ photometric_interpretation: "PALETTE COLOR", display: { palette: wide } });
  assert.deepEqual(rgb(makePalette(other, other.tiers.exact, defaultLook(other)).table[0]), [255, 128, 0]);
});

test("colour modes by photometric interpretation and tier", () => {
  /** @param {string} photometric_interpretation */
  const exact = (photometric_interpretation, color = "stored") => {
    const description = describeRun({ samples_per_pixel: 3, photometric_interpretation });
    return colorMode(description, { ...description.tiers.exact, components: 3, color: /** @type {any} */ (color) });
  };
  assert.equal(exact("RGB"), "rgb");
  assert.equal(exact("YBR_FULL"), "ybr_full");
  assert.equal(exact("YBR_FULL_422"), "ybr_full");
  assert.equal(exact("YBR_FULL_422", "rgb"), "rgb");
  assert.equal(exact("YBR_PARTIAL_420"), "ybr_partial");
  assert.equal(exact("YBR_RCT"), "rgb");
});

/** Straight from PS3.3 C.7.6.3.1.2, forwards. @param {number[]} rgb */
const toYbrFull = ([r, g, b]) => [0.299 * r + 0.587 * g + 0.114 * b, -0.1687 * r - 0.3313 * g + 0.5 * b + 128, 0.5 * r - 0.4187 * g - 0.0813 * b + 128].map((v) => Math.min(255, Math.round(v)));
/** @param {number[]} rgb */
const toYbrPartial = ([r, g, b]) => [0.2568 * r + 0.5041 * g + 0.0979 * b + 16, -0.1482 * r - 0.291 * g + 0.4392 * b + 128, 0.4392 * r - 0.3678 * g - 0.0714 * b + 128].map((v) => Math.min(255, Math.round(v)));

for (const [photometric_interpretation, forwards] of /** @type {const} */ ([["YBR_FULL", toYbrFull], ["YBR_PARTIAL_422", toYbrPartial]])) {
  test(`${photometric_interpretation} comes back as the RGB it was made of, within rounding`, () => {
    const description = describeRun({ samples_per_pixel: 3, photometric_interpretation });
    const colors = [];
    for (const r of [0, 60, 128, 255]) for (const g of [0, 77, 255]) for (const b of [0, 200, 255]) colors.push([r, g, b]);
    const palette = makePalette(description, description.tiers.exact, defaultLook(description));
    const out = new Uint32Array(colors.length);
    paintPixels(Uint8Array.from(colors.flatMap(forwards)), palette, 3, out);
    colors.forEach((color, n) => {
      const shown = rgb(out[n]);
      for (let c = 0; c < 3; c++) assert.ok(Math.abs(shown[c] - color[c]) <= 2, `${color} shown as ${shown}`);
    });
  });
}

test("RGB of 8 and of 16 bits is shown as it is; the reader's window works on every channel", () => {
  const description = describeRun({ samples_per_pixel: 3, photometric_interpretation: "RGB" });
  const out = new Uint32Array(1);
  paintPixels(Uint8Array.of(10, 128, 250), makePalette(description, description.tiers.exact, defaultLook(description)), 3, out);
  assert.deepEqual(rgb(out[0]), [10, 128, 250]);
  assert.equal(out[0] >>> 24, 255);
  const brighter = { ...defaultLook(description), center: 63.75, width: 127.5 };
  paintPixels(Uint8Array.of(10, 64, 250), makePalette(description, description.tiers.exact, brighter), 3, out);
  assert.deepEqual(rgb(out[0]), [20, 128, 255]);
  const wide = describeRun({ samples_per_pixel: 3, photometric_interpretation: "RGB", bits_stored: 16 });
  paintPixels(Uint16Array.of(0, 32896, 65535), makePalette(wide, wide.tiers.exact, defaultLook(wide)), 3, out);
  assert.deepEqual(rgb(out[0]), [0, 128, 255]);
});

test("samples of 32 bits: the table covers the range that the worker mapped", () => {
  const windows = [{ center: 1000, width: 500, source: "file" }];
  const description = describeRun({ bits_stored: 32, display: { windows, voi_lut_function: "LINEAR_EXACT", sample_min: 0, sample_max: 2 ** 32 - 1 } });
  description.tiers.exact = { ...description.tiers.exact, codec: "deflate", bits: 32, bytes_per_sample: 4, sample_kind: "uint" };
  assert.deepEqual(mappedRange(description), { low: 0, high: 2000 });
  const at = grey(description);
  assert.deepEqual([at(0), at(32768), at(65535)], [0, 128, 255]);
  assert.equal(at(Math.round((750 / 2000) * 65535)), 0);
});

test("a run opens with its window, or with its VOI LUT where the window is only derived", () => {
  const voi_luts = [{ first: 0, bits: 8, data: u16([0, 255]) }];
  const file = [{ center: 5, width: 3, source: "file" }];
  assert.deepEqual(defaultLook(describeRun({ display: { windows: file, voi_luts } })), { center: 5, width: 3, voi_lut: null, invert: false });
  const derived = [{ center: 5, width: 3, source: "derived" }];
  assert.equal(defaultLook(describeRun({ display: { windows: derived, voi_luts } })).voi_lut, 0);
});
