// @ts-check
// The templates as they lie: what a strict content security policy and the first round trip ask of them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import ts from "typescript";

const root = new URL("../../", import.meta.url);
/** @param {string} name */
const read = (name) => readFileSync(new URL(name, root), "utf8");
const pages = ["worklist.html", "view.html"];
const scripts = readdirSync(new URL("ui/", root)).filter((name) => name.endsWith(".js"));

test("pages hold no inline script, style or handler", () => {
  for (const page of pages) {
    const text = read(page);
    assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|javascript:/i, page);
    for (const [tag] of text.matchAll(/<script[^>]*>/g)) assert.match(tag, /src="\/static\/|type="application\/json"/, `${page} ${tag}`);
  }
});

test("words from outside become text, never markup", () => {
  for (const name of scripts) assert.doesNotMatch(read(`ui/${name}`), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
});

test("every id that a script asks for is in a page", () => {
  const ids = new Set(pages.flatMap((page) => [...read(page).matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)));
  for (const name of scripts) for (const [, id] of read(`ui/${name}`).matchAll(/byId\("([^"]+)"\)/g)) assert.ok(ids.has(id), `${name}: #${id}`);
});

/** What the server sends of a file: scripts and style sheets go without their comments (fastcine/server/static.py). @param {string} name */
function sent(name) {
  const text = read(name);
  if (name.endsWith(".css")) return text.replace(/\/\*[^]*?\*\//g, "").replace(/\s*([{};,\n])\s*/g, "$1").trim();
  if (!name.endsWith(".js")) return text;
  const lines = text.replace(/\/\*\*[^]*?\*\/ ?/g, "").split("\n").map((line) => line.trim());
  return lines.filter((line) => line && !line.startsWith("//")).join("\n");
}

/** @param {string} text */
const weight = (text) => gzipSync(text, { level: 9 }).length;

test("without its comments a script is the same script", () => {
  const print = (/** @type {string} */ text) =>
    ts.transpileModule(text, { compilerOptions: { removeComments: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
  const code = (/** @type {string} */ text) => print(text).replace(/\s+/g, " ");
  for (const folder of ["ui", "engine"]) {
    for (const name of readdirSync(new URL(`${folder}/`, root)).filter((file) => file.endsWith(".js"))) {
      assert.equal(code(sent(`${folder}/${name}`)), code(read(`${folder}/${name}`)), name);
    }
  }
});

/**
 * A page and the interface that it loads before it shows anything; with `later`, all that it may ever load.
 * @param {string} page @param {boolean} later @returns {Set<string>}
 */
function loaded(page, later) {
  const found = new Set([page]);
  const asked = later ? /(?:^import|^export|import\()[^;"]*"(\.[^"]+\.js)"/gm : /^import .*"(\.\/[^"]+)"/gm;
  for (const name of found) {
    const text = read(name);
    for (const [, path = ""] of text.matchAll(later ? /"\/static\/([^"]+)"/g : /"\/static\/((?:ui|style)\/[^"]+)"/g)) found.add(path);
    if (!name.endsWith(".js")) continue;
    for (const [, path = ""] of sent(name).matchAll(asked)) found.add(new URL(path, new URL(name, root)).href.slice(root.href.length));
    if (later) for (const [, path = ""] of text.matchAll(/new URL\("(\.[^"]+\.js)"/g)) found.add(new URL(path, new URL(name, root)).href.slice(root.href.length));
    if (later) for (const [, sheet = ""] of text.matchAll(/addStyle\("([^"]+)"/g)) found.add(`style/${sheet}`);
  }
  return found;
}

test("a page's interface weighs at most 30 kB over the wire, and the viewer's template far less than the first 14 kB", () => {
  for (const page of pages) {
    const files = loaded(page, false);
    assert.ok(files.size >= 10, [...files].join(" "));
    const bytes = [...files].reduce((sum, name) => sum + weight(sent(name)), 0);
    assert.ok(bytes < 30_000, `${page}: ${bytes} bytes`);
  }
  assert.ok(weight(read("view.html")) < 5000);
});

test("the whole viewer does not grow beyond 84 kB gzipped, but for the decoders", () => {
  const files = [...loaded("view.html", true), "bootstrap/early_start.js", "bootstrap/preview.js"].filter((name) => !name.startsWith("vendor/"));
  for (const name of ["engine/decode_worker.js", "engine/crc_check.js", "ui/help.js", "ui/live.js", "ui/video.js", "style/cells.css", "style/looks.css"]) assert.ok(files.includes(name), name);
  // Each file goes over the wire by itself, which costs a fifth more than one archive of all: docs/decisions/0012.
  const bytes = weight(files.map(sent).join("\n"));
  const apart = files.reduce((sum, name) => sum + weight(sent(name)), 0);
  console.log(`${files.length} files: ${bytes} bytes gzipped together, ${apart} each by itself`);
  // The aim is 60 kB, and is missed: this only keeps it from growing until it has been brought down.
  assert.ok(bytes < 84_000, `${bytes} bytes`);
});

/** Modules that this one imports before it runs, itself included. @param {string} name @param {Set<string>} [found] */
function imports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const code = read(name).replace(/\/\*[^]*?\*\//g, "");
  for (const [, path = ""] of code.matchAll(/^import [^;"]*"(\.[^"]+)"/gm)) imports(new URL(path, new URL(name, root)).href.slice(root.href.length), found);
  return found;
}

test("the viewer's page asks for every module at once instead of finding them one by one", () => {
  const lying = read("view.html").match(/<template id="modules">([^]*?)<\/template>\s*<!-- bootstrap -->/)?.[1] ?? "";
  const preloaded = [...lying.matchAll(/rel="modulepreload" href="\/static\/([^"]+)"/g)].map(([, name]) => name);
  // Its own module too: where the page carries previews, their script imports it.
  const needed = [...imports("ui/view-page.js")];
  assert.deepEqual([...preloaded].sort(), needed.sort());
});
