// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { bannerItems } from "../../ui/banner.js";

const FULL = { patient_name: "Phantom, Paula", patient_id: "PH-1", issuer: "HOSP", birth_date: "1961-04-12", birth_date_text: "12 Apr 1961", age_text: "64 y", sex: "F", study_date_text: "2026-03-01 09:15", description: "Coronary angiography" };

test("name and ID stand first and always", () => {
  assert.deepEqual(bannerItems(FULL).slice(0, 2).map(({ text }) => text), ["Phantom, Paula", "PH-1"]);
  const unnamed = bannerItems({ ...FULL, patient_name: "", patient_id: "", birth_date_text: "", age_text: "" });
  assert.deepEqual(unnamed.slice(0, 2).map(({ text }) => text), ["no name", "none"]);
  assert.equal(unnamed.find(({ label }) => label === "Born")?.text, "unknown");
});

test("what is empty takes no room; issuer, accession and institution wait until asked for", () => {
  const items = bannerItems({ ...FULL, sex: "", description: "" });
  assert.ok(!items.some(({ label }) => label === "Sex" || label === "Accession"));
  assert.equal(items.find(({ label }) => label === "Issuer")?.className, "item detail");
});
