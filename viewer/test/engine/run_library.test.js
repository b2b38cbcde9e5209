import assert from "node:assert/strict";
import { test } from "node:test";

import { RunLibrary } from "../../engine/run_library.js";

class FakeConnection {
  /** @type {Map<string, any>} the newest wish of each run */
  wishes = new Map();
  /** @param {string} run @param {any} _source @param {any} wish */
  subscribe(run, _source, wish) {
    this.wishes.set(run, wish);
  }
  /** @param {string} run @param {any} wish */
  want(run, wish) {
    this.wishes.set(run, wish);
  }
  /** @param {string} run */
  unsubscribe(run) {
    this.wishes.delete(run);
  }
  states() {
    return Object.fromEntries([...this.wishes].map(([run, { state }]) => [run, state]));
  }
}

function library() {
  const connection = new FakeConnection();
  const pool = { attach() {}, detach() {}, recycle() {}, poke() {} };
  const owner = { described() {}, decoded() {}, held() {}, failed() {} };
  const runs = new RunLibrary(/** @type {any} */ (connection), /** @type {any} */ (pool), owner);
  runs.show("now", null, { state: "play", frame: 0 });
  return { connection, runs };
}

test("a page that nobody sees fetches nothing in advance, and goes on when it is seen", () => {
  const { connection, runs } = library();
  runs.prefetch([{ run: "next" }, { run: "before" }]);
  assert.deepEqual(connection.states(), { now: "play", next: "prefetch", before: "prefetch" });
  runs.hide(true);
  assert.deepEqual(connection.states(), { now: "play", next: "hidden", before: "hidden" });
  runs.prefetch([{ run: "next" }, { run: "third" }]);
  assert.equal(connection.states().third, "hidden");
  runs.hide(false);
  assert.equal(connection.states().third, "prefetch");
  assert.equal(connection.states().next, "prefetch");
});

test("players of one connection share their runs: a run is asked for once, in however many places it is shown", () => {
  const connection = new FakeConnection();
  const pool = { attach() {}, detach() {}, recycle() {}, poke() {} };
  /** @type {string[]} */
  const heard = [];
  const owner = (/** @type {string} */ name) => ({ described() {}, decoded() {}, held() {}, failed: (/** @type {any} */ source) => void heard.push(`${name} ${source.run}`) });
  const [left, right] = ["left", "right"].map((name) => new RunLibrary(/** @type {any} */ (connection), /** @type {any} */ (pool), owner(name)));
  const play = /** @type {const} */ ({ state: "play", frame: 0 });
  const a = left.show("a", null, play);
  right.show("b", null, play);
  right.prefetch([{ run: "a" }, { run: "c" }]);
  assert.deepEqual(connection.states(), { a: "play", b: "play", c: "prefetch" }, "what is on screen is not fetched in advance");
  left.prefetch([{ run: "d" }]);
  assert.equal(connection.states().c, "prefetch", "one player's list is not another's");
  assert.equal(right.show("a", null, { state: "pause", frame: 7 }), a);
  a.stranded();
  assert.deepEqual(heard, ["left a", "right a"]);
  assert.equal(connection.states().a, "play", "one of the two plays it still");
  left.leave();
  assert.deepEqual(connection.wishes.get("a"), { state: "pause", frame: 7 });
  left.release();
  assert.deepEqual([...connection.wishes.keys()], ["a", "c"], "what is on screen and wanted stays; an empty run goes");
  right.release();
  assert.deepEqual(connection.states(), {});
});
