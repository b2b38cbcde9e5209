// @ts-check
// The templates as they lie: what a strict content security policy and the first round trip ask of them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

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

/** Loaded only where a study holds a video that nothing on the server decodes. */
const SELDOM = new Set(["ui/video.js"]);

/** A page and all of the interface that it loads, sooner or later. @param {string} page @returns {Set<string>} */
function loaded(page) {
  const found = new Set([page]);
  for (const name of found) {
    const text = read(name);
    for (const [, path = ""] of text.matchAll(/"\/static\/((?:ui|style)\/[^"]+)"/g)) found.add(path);
    if (name.startsWith("ui/")) for (const [, file = ""] of text.matchAll(/^(?:import .*| *.*await import\()"\.\/([^"]+)"/gm)) found.add(`ui/${file}`);
  }
  for (const name of SELDOM) found.delete(name);
  return found;
}

test("a page's interface weighs at most 30 kB over the wire, and the viewer's template far less than the first 14 kB", () => {
  for (const page of pages) {
    const files = loaded(page);
    assert.ok(files.size >= 10, [...files].join(" "));
    const bytes = [...files].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
    assert.ok(bytes < 30_000, `${page}: ${bytes} bytes`);
  }
  assert.ok(gzipSync(read("view.html"), { level: 9 }).length < 5000);
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
