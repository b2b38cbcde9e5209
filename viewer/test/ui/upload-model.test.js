// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_NOTES, UploadModel } from "../../ui/upload-model.js";

/** @param {string} path @param {number} [size] @returns {any} */
const item = (path, size = 9) => ({ path, file: { size } });

test("files go from the queue over the wire into the counts", () => {
  const model = new UploadModel();
  model.add(item("a", 99));
  model.add(item("b", 99));
  assert.equal(model.title(), "Adding 0 of 2 files");
  const first = /** @type {any} */ (model.take());
  model.progress(first, 50);
  assert.equal(model.fraction, 0.25);
  model.settle(first, { outcome: "stored" });
  assert.equal(model.fraction, 0.5);
  const second = /** @type {any} */ (model.take());
  assert.ok(model.busy, "the last file is still on the way");
  model.settle(second, { outcome: "duplicate" });
  assert.ok(!model.busy);
  assert.deepEqual(model.counts, { stored: 1, duplicate: 1, skipped: 0, refused: 0 });
  assert.equal(model.title(), "2 files looked at");
  assert.equal(model.fraction, 1);
});

test("a folder that is still being walked keeps it busy", () => {
  const model = new UploadModel();
  model.walking = 1;
  assert.ok(model.busy);
  assert.equal(model.title(), "Looking for files");
  model.walking = 0;
  assert.equal(model.title(), "No files in there");
});

test("reasons are kept by file name for what was not stored, up to a limit, and counted beyond it", () => {
  const model = new UploadModel();
  for (let index = 0; index < MOST_NOTES + 5; index += 1) {
    model.add(item(`disc/${index}`));
    model.settle(/** @type {any} */ (model.take()), { outcome: "skipped", reason: "no DICOM" });
  }
  model.add(item("x"));
  model.settle(/** @type {any} */ (model.take()), { outcome: "stored" });
  assert.equal(model.notes.length, MOST_NOTES);
  assert.deepEqual(model.notes[1], { path: "disc/1", outcome: "skipped", reason: "no DICOM" });
  assert.equal(model.counts.skipped, MOST_NOTES + 5);
});

test("cancelling empties the queue and forgets what was on the way; a halt says why", () => {
  const model = new UploadModel();
  model.add(item("a"));
  model.add(item("b"));
  const first = /** @type {any} */ (model.take());
  model.stop("");
  model.progress(first, 5);
  assert.ok(!model.busy);
  assert.equal(model.take(), null);
  assert.equal(model.title(), "Cancelled after 0 files");
  model.stop("The disk is full.");
  assert.equal(model.title(), "The disk is full.");
});
