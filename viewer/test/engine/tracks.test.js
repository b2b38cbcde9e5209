import assert from "node:assert/strict";
import { test } from "node:test";

import { beatsOf, mirrored, tracksOf } from "../../engine/tracks.js";

/** @param {number} frames @param {number} ms @param {number[]} [r_wave_ms] */
const part = (frames, ms, r_wave_ms) => ({ durations_ms: new Float64Array(frames).fill(ms), first: 0, last: frames - 1, r_wave_ms });
/** @param {import("../../engine/clock.js").Sequence | null} track */
const shape = (track) => track && { frames: [...track.frames], starts: [...track.starts_ms] };

test("by elapsed time the shorter run holds its last frame until both begin again", () => {
  const [long, short] = tracksOf([part(4, 50), { ...part(6, 25), first: 1, last: 3 }], "time");
  assert.deepEqual(shape(long), { frames: [0, 1, 2, 3], starts: [0, 50, 100, 150, 200] });
  assert.deepEqual(shape(short), { frames: [1, 2, 3], starts: [0, 25, 50, 200] });
});

test("two planes of one acquisition share every boundary", () => {
  const [a, b] = tracksOf([part(120, 1000 / 15), part(120, 1000 / 15)], "time");
  assert.deepEqual(shape(a), shape(b));
});

test("beats are whole: what lies before the first R wave and a cut end are none", () => {
  assert.deepEqual(beatsOf(part(10, 100, [150, 550])), [[150, 550], [550, 1000]]);
  assert.deepEqual(beatsOf(part(10, 100, [150, 750])), [[150, 750]], "250 ms are no beat of 600");
  assert.deepEqual(beatsOf(part(10, 100, [0])), [[0, 1000]], "a loop cut at its R waves");
  assert.deepEqual(beatsOf(part(10, 100, [1000, 1200])), []);
  assert.deepEqual(beatsOf(part(10, 100)), []);
});

test("beats start together, and the shorter of two waits or is stretched", () => {
  const rest = part(8, 100, [0, 400]); // beats of 400 ms
  const stress = part(6, 50, [0, 100, 200]); // beats of 100 ms
  const [slow, fast] = tracksOf([rest, stress], "beats");
  assert.equal(slow?.period_ms, 1200);
  assert.equal(fast?.period_ms, 1200, "the third beat begins the slow run again");
  assert.deepEqual([...(slow?.frames ?? [])], [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]);
  assert.deepEqual(shape(fast), { frames: [0, 1, 2, 3, 4, 5], starts: [0, 50, 400, 450, 800, 850, 1200] });
  const [, stretched] = tracksOf([rest, stress], "stretch");
  assert.deepEqual(shape(stretched), { frames: [0, 1, 2, 3, 4, 5], starts: [0, 200, 400, 600, 800, 1000, 1200] });
});

test("a run without R waves is left out of beats", () => {
  const [apart, alone] = tracksOf([part(3, 10), part(3, 10, [0])], "beats");
  assert.equal(apart, null);
  assert.equal(alone?.period_ms, 30);
  assert.deepEqual(tracksOf([part(3, 10)], "stretch"), [null]);
});

test("to and fro, every frame lasts as long on the way back", () => {
  const there = tracksOf([{ ...part(3, 10), durations_ms: Float64Array.of(10, 20, 30) }], "time")[0];
  assert.ok(there);
  assert.deepEqual(shape(mirrored(there)), { frames: [0, 1, 2, 2, 1, 0], starts: [0, 10, 30, 60, 90, 110, 120] });
});
