// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAddress, parseAddress } from "../../ui/address.js";

test("what an address says is what it was made of", () => {
  /** @type {import("../../ui/address.js").Place} */
  const place = { run: "00000000000000aa", frame: 11, window: [2048, 1500.25], layout: "4", cells: ["00000000000000bb", "00000000000000aa", "", ""], lock: "beats" };
  const address = formatAddress(place);
  assert.equal(address, "?run=00000000000000aa&frame=12&window=2048,1500.25&layout=4&cells=00000000000000bb,00000000000000aa,,&lock=beats");
  assert.deepEqual(parseAddress(address), { ...place, renderer: "auto" });
});

test("what plays, and the file's own window, are not said", () => {
  const place = { run: "aa", frame: null, window: null, layout: "", cells: [], lock: "" };
  assert.equal(formatAddress(place), "?run=aa");
  assert.deepEqual(parseAddress("?run=aa"), { ...place, renderer: "auto" });
  assert.equal(parseAddress("?renderer=gl").renderer, "gl");
  assert.equal(formatAddress({ ...place, run: null }), "");
});

test("what is no place is none", () => {
  const empty = { run: null, frame: null, window: null, layout: "", cells: [], lock: "", renderer: "auto" };
  for (const address of ["", "?frame=0", "?frame=x", "?frame=-1", "?window=1", "?window=5,0", "?window=a,b", "?layout=7", "?cells=<b>,a", "?cells=aa", "?lock=all", "?renderer=3d"]) {
    assert.deepEqual(parseAddress(address), address.includes("<b>") ? { ...empty, cells: ["a"] } : empty, address);
  }
});
