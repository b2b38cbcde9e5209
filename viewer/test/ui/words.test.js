// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { badgeWords, fpsText, levelText, nextSpeed, noticeWords, otherRate, rateText, runLabel, tileWords, troubleWords, windowText } from "../../ui/words.js";

/** @param {object} values @returns {any} */
const timing = (values) => ({ fps: 15, recommended_fps: null, acquisition_known: true, source: "Frame Time", ...values });

/** @param {object} [values] @returns {any} */
const description = (values) => ({ run: "a", label: "LCA", modality: "XA", frames: 96, tiers: { exact: { badge: "EXACT" } }, timing: timing({}), geometry: { label: "RAO 32 CRA 2" }, lossy: null, ...values });

/** @param {object} [values] @returns {any} */
const tile = (values) => ({ kind: "run", run: "a", description: description(), ready: [96, 96, 96], complete: true, state: "ready", message: "", ...values });

/** @param {object} [values] @returns {any} */
const now = (values) => ({ connection: "open", retry_ms: 0, waiting: false, late: false, tile: tile(), ...values });

test("rates are said as people say them", () => {
  assert.equal(fpsText(30.303), "30.3");
  assert.equal(fpsText(15), "15");
  assert.equal(rateText(timing({})), "DICOM 15 fps");
});

test("a rate the file does not state is never called the file's", () => {
  assert.equal(rateText(timing({ acquisition_known: false, fps: 25 })), "Assumed 25 fps");
  assert.equal(rateText(timing({ fps: null })), "");
});

test("a recommended rate is offered only where it differs", () => {
  assert.equal(otherRate(timing({ recommended_fps: 30 })), 30);
  assert.equal(otherRate(timing({ fps: 30.03, recommended_fps: 30 })), null);
  assert.equal(otherRate(timing({})), null);
});

test("speeds go by the buttons' steps, keep their sign and stop at the ends", () => {
  assert.equal(nextSpeed(1, 1), 2);
  assert.equal(nextSpeed(2, 1), 4);
  assert.equal(nextSpeed(-4, 1), -4);
  assert.equal(nextSpeed(-1, -1), -0.5);
  assert.equal(nextSpeed(0.25, -1), 0.25);
  assert.equal(nextSpeed(0.9, -1), 0.5);
});

test("a lossy picture never stands without the word", () => {
  const lossy = description({ lossy: { source: true, ratio: 11.2, text: "lossy 11:1 (ISO_10918_1)" } });
  assert.equal(badgeWords("FIRST PASS", description()).detail, "lossy, exact follows");
  assert.equal(badgeWords("FIRST PASS", description({ tiers: { exact: { badge: "AS ACQUIRED" } } })).detail, "lossy, original follows", "exact is not promised where the source is lossy");
  assert.match(badgeWords("AS ACQUIRED", description()).detail, /lossy/);
  assert.equal(badgeWords("AS ACQUIRED", lossy).detail, "lossy 11:1 (ISO_10918_1)");
  assert.match(badgeWords("EXACT", lossy).detail, /lossy 11:1/);
  assert.equal(badgeWords("EXACT", description()).detail, "checked");
  assert.deepEqual(badgeWords("", lossy), { text: "", detail: "" });
});

test("a video that the browser plays itself is never called exact, nor a failure", () => {
  const { text, detail } = badgeWords("BY BROWSER", null);
  assert.equal(text, "AS ACQUIRED");
  assert.match(detail, /lossy video as received, played by the browser: no single frames, no window/);
  const video = tile({ state: "failed", complete: false, description: null, message: "video needs PyAV", video_url: "/api/runs/a/video" });
  const { state, failed } = tileWords(video);
  assert.deepEqual([state, failed], ["browser video", false]);
  assert.equal(troubleWords(video, "", true), "");
  assert.equal(noticeWords(now({ tile: video, byBrowser: true })), "");
  assert.equal(noticeWords(now({ tile: video, byBrowser: true, waiting: true, late: true })), "Waiting for the first frame");
  assert.match(troubleWords(video, "", false), /^This run cannot be played: video needs PyAV\./, "where the browser cannot either");
});

test("window, inversion and zoom", () => {
  assert.equal(windowText({ center: 127.5, width: 255 }, true, 1.8237), "W\u00a0255 L\u00a0128 · inverted · 182 %");
  assert.equal(windowText(null, false, NaN), "VOI table of the file");
  assert.equal(levelText(0.25), "0.250");
  assert.equal(levelText(-40), "-40");
});

test("a tile says what it is and how far it is made", () => {
  assert.deepEqual(tileWords(tile()), { label: "LCA", angle: "RAO 32 CRA 2", frames: "96 fr · 15 fps", state: "", failed: false });
  assert.equal(tileWords(tile({ state: "making", complete: false, ready: [96, 60, 24] })).state, "preparing 25 %");
  assert.equal(tileWords(tile({ state: "waiting", complete: false, description: null })).state, "waiting");
  assert.equal(tileWords(tile({ state: "waiting", complete: false, description: null })).label, "Picture");
  const early = tileWords(tile({ state: "waiting", complete: false, description: null, label: "RCA", frames: 60 }));
  assert.deepEqual([early.label, early.frames], ["RCA", "60 fr"], "what is known before the description");
  assert.equal(tileWords(tile({ state: "failed", message: "ends at frame 12" })).state, "ends at frame 12");
  assert.equal(tileWords(tile({ kind: "still" })).frames, "still");
  assert.equal(tileWords({ kind: "other", label: "Report (SR)", sop_instance_uid: "1.2" }).label, "Report (SR)");
});

test("the run's label falls back on what there is", () => {
  assert.equal(runLabel(description()), "LCA");
  assert.equal(runLabel(description({ label: "", series_description: "", geometry: null })), "XA");
  assert.equal(runLabel(null), "");
});

test("one quiet line says what is amiss, the gravest first, and nothing when all is well", () => {
  assert.equal(noticeWords(now()), "");
  assert.equal(troubleWords(tile(), "", false), "");
  assert.equal(noticeWords(now({ waiting: true })), "", "a short wait is not worth a word");
  assert.match(noticeWords(now({ waiting: true, late: true })), /first frame/);
  assert.match(noticeWords(now({ waiting: true, late: true, tile: tile({ state: "making" }) })), /being prepared/);
  assert.match(noticeWords(now({ waiting: true, late: true, tile: tile({ kind: "still", state: "waiting" }) })), /^This still .* appears/);
  assert.match(noticeWords(now({ connection: "waiting", retry_ms: 4000 })), /plays on\. Trying again in 4 s/);
  assert.match(noticeWords(now({ connection: "waiting", waiting: true })), /No connection/);
  assert.match(noticeWords(now({ connection: "waiting", full: true, retry_ms: 3000 })), /as many viewers as it can take\. Trying again in 3 s/);
  assert.equal(troubleWords(tile({ state: "failed" }), "Too many viewers", false), "Too many viewers");
  assert.match(troubleWords(tile({ state: "failed", message: "truncated" }), "", false), /cannot be played: truncated/);
});
