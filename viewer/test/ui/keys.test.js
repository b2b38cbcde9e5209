// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS, commandOf, firstKey, keepKeys, keyText, ownKeys, takeKeys } from "../../ui/keys.js";

/** @param {string} key @param {object} [held] @returns {string | null} */
const press = (key, held) => commandOf({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...held });

test("the keys of the map do what the map says", () => {
  const map = { " ": "toggle", ArrowLeft: "back", ArrowRight: "on", ArrowUp: "previous-run", PageDown: "next-run", Enter: "run-on", Home: "first", j: "reverse", K: "pause", "[": "set-in", "\\": "clear-range", ",": "slower", 0: "dicom-rate", b: "bounce", f: "full-screen", i: "invert", "?": "help" };
  for (const [key, command] of Object.entries(map)) assert.equal(press(key), command, key);
  assert.equal(press("ArrowLeft", { shiftKey: true }), "back-10");
  assert.equal(press("?", { shiftKey: true }), "help");
  assert.equal(press("+", { shiftKey: true }), "zoom-in");
});

test("the browser keeps its own keys, and AltGr brackets are brackets", () => {
  assert.equal(press("f", { ctrlKey: true }), null);
  assert.equal(press("r", { metaKey: true }), null);
  assert.equal(press("ArrowLeft", { altKey: true }), "mask-left");
  assert.equal(press("ArrowDown", { altKey: true, shiftKey: true }), "mask-down-fine");
  assert.equal(press("f", { altKey: true }), null);
  assert.equal(press("Home", { shiftKey: true }), null);
  assert.equal(press("[", { altKey: true }), "set-in");
  assert.equal(press("Tab"), null);
});

test("no key means two things", () => {
  const keys = COMMANDS.flatMap((command) => command.keys);
  assert.equal(new Set(keys).size, keys.length);
});

test("letters of later tools stay free", () => {
  for (const key of ["a", "c", "d", "e", "m", "Escape"]) assert.equal(press(key), null, key);
});

test("keys are printed as they stand on a keyboard", () => {
  assert.equal(keyText("Shift+ArrowLeft"), "Shift+←");
  assert.equal(keyText("Alt+Shift+ArrowUp"), "Alt+Shift+↑");
  assert.equal(keyText(" "), "Space");
  assert.equal(keyText("+"), "+");
  assert.equal(keyText("j"), "J");
  assert.equal(firstKey(COMMANDS[0]), "Space");
});

test("every command is carried out by the page, and every button of the page is a command", () => {
  const [script, looks] = ["view-page", "picture-commands"].map((name) => readFileSync(new URL(`../../ui/${name}.js`, import.meta.url), "utf8"));
  const table = script.slice(script.indexOf("const actions"), script.indexOf("function obey")) + looks;
  for (const { id } of COMMANDS) assert.match(table, new RegExp(`(^|[\\s{,])"?${id}"?:`, "m"), id);
  const page = readFileSync(new URL("../../view.html", import.meta.url), "utf8");
  const ids = new Set(COMMANDS.map((command) => command.id));
  for (const [, id = ""] of page.matchAll(/data-command="([^"]+)"/g)) assert.ok(ids.has(id), id);
});

test("a command answers to the keys that the reader chose for it, and to the usual ones again", () => {
  takeKeys({ bounce: ["e"], help: ["F1"] });
  assert.equal(press("e"), "bounce");
  assert.equal(press("b"), null);
  assert.equal(press("F1"), "help");
  assert.equal(firstKey(/** @type {any} */ (COMMANDS.find(({ id }) => id === "bounce"))), "E");
  takeKeys({ bounce: ["k"] });
  assert.equal(press("k"), "bounce", "what was chosen comes before a usual key");
  takeKeys({ bounce: /** @type {any} */ ("k") });
  assert.equal(press("k"), "pause", "what is no list is nothing");
  takeKeys({});
  assert.equal(press("b"), "bounce");
  assert.equal(press("?"), "help");
});

test("a page that may keep nothing has the usual keys", () => {
  assert.deepEqual(ownKeys(), {});
  keepKeys({ bounce: ["e"] });
  assert.equal(press("e"), "bounce");
  keepKeys({});
});
