// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_ROWS, WorklistModel, cellTexts } from "../../ui/worklist-model.js";

/** @param {string} uid @returns {any} */
const row = (uid) => ({ study_instance_uid: uid, patient_name: "", patient_id: "", birth_date_text: "unknown", sex: "", study_date_text: "unknown", modalities: ["XA", "US"], description: "", runs: 0, stills: 2 });

/** @param {string} uids @param {object} [more] @returns {any} */
const page = (uids, more) => ({ studies: [...uids].map(row), next: null, total: null, ...more });

const NONE = new Set();

test("pages are walked by the keys that answers gave out, and back by those kept", () => {
  const model = new WorklistModel();
  assert.deepEqual(model.query(), { search: "", after: null, limit: PAGE_ROWS });
  model.take(page("ab", { next: "k1" }), NONE);
  assert.ok(model.older());
  assert.equal(model.query().after, "k1");
  assert.ok(!model.older(), "not on before the answer has come");
  model.take(page("cd", { next: null }), NONE);
  assert.ok(!model.older(), "the last page has none after it");
  assert.ok(model.newer());
  assert.equal(model.query().after, null);
  assert.ok(!model.newer());
});

test("another search starts at the newest; the same words do not", () => {
  const model = new WorklistModel();
  model.take(page("a", { next: "k1" }), NONE);
  model.older();
  assert.ok(!model.searchFor("   "));
  assert.ok(!model.onFirstPage);
  assert.ok(model.searchFor(" paula "));
  assert.deepEqual(model.query(), { search: "paula", after: null, limit: PAGE_ROWS });
});

test("new is what an event named and what was not there before, wherever it stands", () => {
  const model = new WorklistModel();
  model.take(page("ab"), new Set(["a"]));
  assert.equal(model.fresh.size, 0, "the first answer is no news");
  assert.ok(!model.take(page("ab"), new Set(["b"])), "a study that changed stays where it is");
  assert.equal(model.fresh.size, 0);
  assert.ok(model.take(page("axb"), new Set(["x"])));
  assert.deepEqual([...model.fresh], ["x"]);
  model.take(page("axbc"), NONE);
  assert.deepEqual([...model.fresh], ["x"], "what no event named was only out of sight");
});

test("counts say no more than is known", () => {
  const model = new WorklistModel();
  model.take(page("a", { total: 1234 }), NONE);
  assert.equal(model.countText(), "1,234 studies");
  model.take(page("a", { total: 1 }), NONE);
  assert.equal(model.countText(), "1 study");
  model.take(page("ab", { next: "k" }), NONE);
  assert.equal(model.countText(), "2 or more studies");
  model.searchFor("x");
  model.take(page("", { total: 0 }), NONE);
  assert.equal(model.countText(), "0 matches");
});

test("pages are numbered only when there are several", () => {
  const model = new WorklistModel();
  model.take(page("a", { total: 1 }), NONE);
  assert.equal(model.pageText(), "");
  model.take(page("a", { total: 120, next: "k" }), NONE);
  assert.equal(model.pageText(), "page 1 of 3");
});

test("cells name what is missing and leave zeros out", () => {
  assert.deepEqual(cellTexts(row("a")), { patient: "no name", id: "no ID", birth: "unknown", study: "unknown", modality: "XA US", description: "", runs: "", stills: "2" });
});
