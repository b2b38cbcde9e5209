// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Rates } from "../../ui/rates.js";

function fakeStore() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  const store = { getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value) };
  return () => store;
}

test("a rate is kept by series, through a reload, and not in another study", () => {
  const store = fakeStore();
  const rates = new Rates("1.2", store);
  const series = { series_number: 3, modality: "XA" };
  rates.keep(series, { speed: 0.5, fps: null });
  assert.deepEqual(new Rates("1.2", store).of(series), { speed: 0.5, fps: null });
  assert.equal(rates.of({ series_number: 4, modality: "XA" }), null);
  assert.equal(rates.of({ series_number: 3, modality: "US" }), null);
  assert.equal(new Rates("1.3", store).of(series), null);
  rates.keep(series, null);
  assert.equal(new Rates("1.2", store).of(series), null);
});

test("a browser that keeps nothing, or something else, is no hindrance", () => {
  const series = { series_number: null, modality: "XA" };
  const full = { getItem: () => "{", setItem: () => { throw new Error("full"); } };
  const rates = new Rates("1.2", () => full);
  rates.keep(series, { speed: 2, fps: 10 });
  assert.deepEqual(rates.of(series), { speed: 2, fps: 10 });
  assert.equal(new Rates("1.2", () => { throw new Error("not allowed"); }).of(series), null);
});
