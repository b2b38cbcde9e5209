// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { beside } from "../../ui/next-study.js";

const kept = JSON.stringify({ search: "echo", keys: [null], uid: "1.2", uids: ["1.1", "1.2", "1.3"] });

test("the study beside this one, and the worklist's place goes with it", () => {
  const next = beside("1.2", 1, kept);
  assert.ok(next !== null && next !== "end");
  assert.equal(next.uid, "1.3");
  assert.deepEqual(JSON.parse(next.place), { search: "echo", keys: [null], uid: "1.3", uids: ["1.1", "1.2", "1.3"] });
  assert.equal(/** @type {any} */ (beside("1.2", -1, kept)).uid, "1.1");
});

test("at either end there is none, and nothing is guessed of a study from elsewhere", () => {
  assert.equal(beside("1.3", 1, kept), "end");
  assert.equal(beside("1.1", -1, kept), "end");
  assert.equal(beside("9.9", 1, kept), null);
  assert.equal(beside("1.1", 1, null), null);
  assert.equal(beside("1.1", 1, '{"search":"","keys":[null],"uid":"1.1"}'), null, "kept by an older version");
});
