// @ts-check
// The templates as they lie: what a strict content security policy and the first round trip ask of them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { gzipAsync } from "@gfx/zopfli";

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

/** What the server sends of a file (pack.mjs). @param {string} name */
const sent = (name) => read(`packed/${name}`);

/** Over the wire: a page is compressed as it goes, the others were when they were packed. @param {string} name */
const weight = (name) => (name.endsWith(".html") || name.startsWith("bootstrap/") ? gzipSync(sent(name), { level: 9 }) : readFileSync(new URL(`packed/${name}.gz`, root))).length;

/**
 * A page and the interface that it loads before it shows anything; with `later`, all that it may ever load.
 * @param {string} page @param {boolean} later @returns {Set<string>}
 */
function loaded(page, later) {
  const found = new Set([page]);
  const asked = later ? /(?:from|import|import\(|new URL\()"(\.[^"]+\.js)"/g : /from"(\.\/[^"]+)"/g;
  for (const name of found) {
    const text = sent(name);
    for (const [, path = ""] of text.matchAll(later ? /"\/static\/([^"]+)"/g : /"\/static\/((?:ui|style)\/[^"]+)"/g)) found.add(path);
    if (!name.endsWith(".js")) continue;
    for (const [, path = ""] of text.matchAll(asked)) found.add(new URL(path, new URL(name, root)).href.slice(root.href.length));
    if (later) for (const [, sheet = ""] of text.matchAll(/"([a-z-]+\.css)"/g)) found.add(`style/${sheet}`);
  }
  return found;
}

test("a page's interface weighs at most 30 kB over the wire, and the viewer's template far less than the first 14 kB", () => {
  for (const page of pages) {
    const files = loaded(page, false);
    assert.ok(files.size >= 10, [...files].join(" "));
    const bytes = [...files].reduce((sum, name) => sum + weight(name), 0);
    assert.ok(bytes < 30_000, `${page}: ${bytes} bytes`);
  }
  assert.ok(weight("view.html") < 5000);
});

test("the whole viewer weighs at most 60 kB gzipped, but for the decoders", async () => {
  const files = [...loaded("view.html", true), "bootstrap/early_start.js", "bootstrap/preview.js"].filter((name) => !name.startsWith("vendor/")).sort();
  for (const name of ["engine/decode_worker.js", "engine/crc_check.js", "ui/help.js", "ui/live.js", "ui/video.js", "style/cells.css", "style/looks.css"]) assert.ok(files.includes(name), name);
  // Each file goes over the wire by itself, which costs a quarter more than one archive of all: docs/decisions/0012.
  const archive = Buffer.from(files.map(sent).join("\n"));
  const { length: bytes } = await gzipAsync(archive, { numiterations: 5 });
  const apart = files.reduce((sum, name) => sum + weight(name), 0);
  console.log(`${files.length} files: ${bytes} bytes together as they are gzipped (by gzip -9 ${gzipSync(archive, { level: 9 }).length}), ${apart} each by itself`);
  assert.ok(bytes <= 60_000, `${bytes} bytes`);
});

/** Modules that this one imports before it runs, itself included. @param {string} name @param {Set<string>} [found] */
function imports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, path = ""] of sent(name).matchAll(/(?:from|import)"(\.[^"]+)"/g)) imports(new URL(path, new URL(name, root)).href.slice(root.href.length), found);
  return found;
}

test("the viewer's page asks for every module at once instead of finding them one by one", () => {
  const lying = read("view.html").match(/<template id="modules">([^]*?)<\/template>\s*<!-- bootstrap -->/)?.[1] ?? "";
  const preloaded = [...lying.matchAll(/rel="modulepreload" href="\/static\/([^"]+)"/g)].map(([, name]) => name);
  // Its own module too: where the page carries previews, their script imports it.
  const needed = [...imports("ui/view-page.js")];
  assert.deepEqual([...preloaded].sort(), needed.sort());
});
