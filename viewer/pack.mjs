// Packs scripts, style sheets and pages for the wire, file by file, into packed/: what lies in engine/, ui/ … is for people. A module
// stays a module, with its name and path; local names become short, public ones stay. The server sends the packed one as long as
// packed/record.json names the very source that lies there (fastcine/server/static.py).
//
// Run by the wheel's build and by `make` (build_viewer.py), after npm ci: node pack.mjs [the folder with the sources].

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { gzipAsync } from "@gfx/zopfli";
import { parse } from "acorn";
import { minify } from "terser";

/** Classic scripts: inlined in the page, or read by browsers too old for the viewer. */
const INLINED = /^bootstrap\//;
const OLD = "ui/support.js";

/**
 * Names by how frequent their letters are in code, the same in every file: what one file says, the next one says alike, and
 * gzip sees it. (terser's own order is another one for each file.)
 */
const LETTERS = "etnaiorsclduhpmfgvwbyxkEASTRCMDLFIPzOjqBUNVWHGKYXQZJ_$";
const shortNames = {
  /** @param {number} index */
  get(index) {
    let name = LETTERS[index % LETTERS.length];
    const more = LETTERS + "0123456789";
    for (let rest = Math.floor(index / LETTERS.length); rest > 0; rest = Math.floor(rest / more.length)) name += more[--rest % more.length];
    return name;
  },
};

/** `const` as `let`, which costs less: that nothing is assigned twice, tsc has seen. @param {string} text @param {"module" | "script"} kind */
function lighter(text, kind) {
  /** @type {number[]} */
  const places = [];
  const look = (/** @type {any} */ node) => {
    if (node.type === "VariableDeclaration" && node.kind === "const") places.push(node.start);
    for (const part of Object.values(node)) if (part && typeof part === "object") look(part);
  };
  look(parse(text, { ecmaVersion: 2022, sourceType: kind }));
  for (const place of places.sort((a, b) => b - a)) text = `${text.slice(0, place)}let${text.slice(place + "const".length)}`;
  return text;
}

/** A shader without its comments and the blanks that only people need; directives keep their lines; own names are short. @param {string} text */
export function packShader(text) {
  const lines = text.replace(/\/\/.*$/gm, "").split("\n").map((line) => line.trim()).filter(Boolean);
  const code = lines.join("\n");
  const outside = new Set(["main", ...[...code.matchAll(/\b(?:uniform|out) \w+ (\w+)/g)].map(([, name]) => name)]);
  const own = [...code.matchAll(/\b(?:bool|int|uint|float|[iu]?vec[234]) (\w+)/g)].map(([, name]) => name).filter((name) => !outside.has(name));
  const short = new Map([...new Set(own)].map((name, index) => [name, shortNames.get(index)]));
  let packed = "";
  for (const line of lines.map((each) => each.replace(/(?<![\w.#])[a-z]\w*/g, (word) => short.get(word) ?? word))) {
    if (line.startsWith("#") && packed && !packed.endsWith("\n")) packed += "\n";
    else if (/\w$/.test(packed) && /^\w/.test(line)) packed += " ";
    if (line.startsWith("#")) packed += `${line}\n`;
    else packed += line.replace(/\s*([-+*/=<>(){},;?:&|!])\s*/g, "$1").replace(/\b(\d+)\.0\b/g, "$1.").replace(/\b0\.(\d)/g, ".$1");
  }
  return packed;
}

/**
 * Nothing that terser may do rests on a promise about the code (no `unsafe`, no `pure_getters`), no property is renamed but
 * `#private` ones, and no call is put in place of its function, so that packed.test.js can count what was there before and after.
 * @param {string} name @param {string} text
 */
async function packScript(name, text) {
  const module = !INLINED.test(name) && name !== OLD;
  const now = name === OLD ? text : lighter(text, module ? "module" : "script");
  const shaders = now.replace(/(?<=\/\* glsl \*\/ `)[^`]*(?=`)/g, packShader);
  const { code } = await minify(shaders, {
    module,
    ecma: name === OLD ? 5 : 2020,
    compress: { passes: 2, conditionals: false, inline: false, reduce_funcs: false },
    mangle: { nth_identifier: shortNames },
    format: { comments: false },
  });
  return /** @type {string} */ (code);
}

/** A style sheet without its comments and the blanks that only people need; strings stay. @param {string} text */
export const packStyle = (text) =>
  text
    .replace(/\/\*[^]*?\*\//g, "")
    .split(/("[^"\n]*")/)
    .map((part, index) => (index % 2 ? part : part.replace(/\s*([{};,\n])\s*/g, "$1").replace(/: +/g, ":").replaceAll(";}", "}")))
    .join("")
    .trim();

/** Markup without its indentation; a line's end stays a blank. @param {string} text */
const packMarkup = (text) => text.replace(/^\s+/gm, "");

/** @param {string} name @param {string} text @returns {string | Promise<string>} */
function pack(name, text) {
  if (name.endsWith(".js")) return packScript(name, text);
  return name.endsWith(".css") ? packStyle(text) : packMarkup(text);
}

/** Zopfli takes 4 % off what gzip makes, at nearly every file. @param {Buffer} bytes @returns {Promise<Uint8Array>} */
async function squeeze(bytes) {
  const [best, usual] = [await gzipAsync(bytes, { numiterations: 15 }), gzipSync(bytes, { level: 9 })];
  return best.length < usual.length ? best : usual;
}

/** @param {string | Buffer} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** What is packed. @param {URL} root @returns {string[]} */
export function sources(root) {
  const found = readdirSync(root).filter((name) => name.endsWith(".html"));
  for (const folder of ["bootstrap", "engine", "style", "ui"]) {
    found.push(...readdirSync(new URL(`${folder}/`, root)).filter((name) => /\.(js|css|svg)$/.test(name)).map((name) => `${folder}/${name}`));
  }
  return found.sort();
}

/** Changes whenever all has to be packed anew. */
const packer = () => sha256(["pack.mjs", "package-lock.json"].map((name) => readFileSync(new URL(name, import.meta.url), "utf8")).join("\n"));

/** Packs what has changed. @param {URL} root */
async function packAll(root) {
  const packed = new URL("packed/", root);
  const record_file = new URL("record.json", packed);
  const before = existsSync(record_file) ? JSON.parse(readFileSync(record_file, "utf8")) : {};
  const record = { packer: packer(), sources: /** @type {Record<string, string>} */ ({}) };
  // While there is none, the sources are sent.
  rmSync(record_file, { force: true });
  if (before.packer !== record.packer) rmSync(packed, { recursive: true, force: true });
  for (const name of sources(root)) {
    const text = readFileSync(new URL(name, root), "utf8");
    record.sources[name] = sha256(text);
    const file = new URL(name, packed);
    if (before.packer === record.packer && before.sources[name] === record.sources[name] && existsSync(file)) continue;
    mkdirSync(new URL("./", file), { recursive: true });
    const bytes = Buffer.from(await pack(name, text));
    writeFileSync(file, bytes);
    if (!name.endsWith(".html") && !INLINED.test(name)) writeFileSync(new URL(`${name}.gz`, packed), await squeeze(bytes));
  }
  for (const name of Object.keys(before.sources ?? {})) {
    if (!(name in record.sources)) for (const ending of ["", ".gz"]) rmSync(new URL(name + ending, packed), { force: true });
  }
  mkdirSync(packed, { recursive: true });
  writeFileSync(new URL("record.json.new", packed), JSON.stringify(record, null, 1));
  renameSync(new URL("record.json.new", packed), record_file);
}

const [, script = "", folder = fileURLToPath(new URL(".", import.meta.url))] = process.argv;
if (import.meta.url === pathToFileURL(script).href) await packAll(pathToFileURL(`${folder}/`));
