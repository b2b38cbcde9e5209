// @ts-check
// What is sent is what was written: each packed script against its source, by what of it a packer has no business to change.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { parse } from "acorn";

import { packShader, packStyle, sources } from "../pack.mjs";

const root = new URL("../", import.meta.url);
/** @param {string} name */
const read = (name) => readFileSync(new URL(name, root), "utf8");
const scripts = sources(root).filter((name) => name.endsWith(".js"));
const kind = (/** @type {string} */ name) => (name.startsWith("bootstrap/") || name === "ui/support.js" ? "script" : "module");

/** A text of nothing but texts put together, as they are when they have been. @param {any} node @returns {string | null} */
function textOf(node) {
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  if (node.type === "TemplateLiteral" && !node.expressions.length) return node.quasis[0].value.cooked;
  if (node.type !== "BinaryExpression" || node.operator !== "+") return null;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left !== null && right !== null ? left + right : null;
}

/** The name after a dot, or the same as text in brackets; null: a value that only the run knows. @param {any} node a member expression */
const memberOf = (node) => (node.property.type === "PrivateIdentifier" ? "#" : node.computed ? textOf(node.property) : node.property.name);

/** What one node says, if it is of those that stay; and whether what is below it is said by that. @type {Record<string, (node: any) => string[]>} */
const SAYS = {
  ImportDeclaration: ({ source, specifiers }) => [`from ${source.value}: ${specifiers.map((/** @type {any} */ each) => each.imported?.name ?? each.type).sort()}`],
  ImportExpression: ({ source }) => [`import(${textOf(source) ?? source.type})`],
  ExportAllDeclaration: ({ source }) => [`export all ${source.value}`],
  ExportNamedDeclaration: ({ specifiers, declaration, source }) => [
    ...specifiers.map((/** @type {any} */ each) => `export ${each.exported.name} ${source?.value ?? ""}`),
    ...[declaration?.declarations ?? declaration ?? []].flat().map((each) => `export ${each.id.name} `),
  ],
  MemberExpression: (node) => [`.${memberOf(node)}${node.optional ? "?" : ""}`],
  CallExpression: ({ callee, optional }) => [`${callee.type === "MemberExpression" ? memberOf(callee) : callee.type}()${optional ? "?" : ""}`],
  NewExpression: ({ callee }) => [`new ${callee.name in globalThis ? callee.name : ""}`],
  AssignmentExpression: ({ left, operator }) => (left.type === "MemberExpression" ? [`.${memberOf(left)} ${operator}`] : []),
  Property: ({ key, computed }) => [`${computed ? "[]" : (key.name ?? key.value)}:`],
  Literal: ({ regex, raw }) => (regex ? [raw] : []),
  TemplateElement: ({ value }) => (value.cooked ? [`text ${value.cooked}`] : []),
};
for (const type of ["AwaitExpression", "YieldExpression", "ThrowStatement", "TryStatement", "ClassDeclaration", "ClassExpression", "MethodDefinition", "PropertyDefinition", "ArrowFunctionExpression", "FunctionExpression", "FunctionDeclaration", "SwitchCase"]) {
  SAYS[type] = ({ async, kind: of }) => [[type.replace(/^(Arrow)?Function.*/, "function"), async && "async", of].filter(Boolean).join(" ")];
}

/**
 * How often each thing is said: imports and exports with their names, calls, properties read and set, texts, functions,
 * everything that waits or throws. @param {string} text @param {"module" | "script"} type
 */
function said(text, type) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const count = (/** @type {string} */ what) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const look = (/** @type {any} */ node) => {
    const words = node.type ? textOf(node) : null;
    if (words !== null) return count(`text ${words}`);
    SAYS[node.type]?.(node).forEach(count);
    for (const [name, part] of Object.entries(node)) {
      const told = name === "key" || (node.type === "MemberExpression" && name === "property" && memberOf(node) !== null);
      // A shorthand's key is its value too; keys that are computed are looked at.
      if (part && typeof part === "object" && (!told || (name === "key" && node.computed))) look(part);
    }
  };
  look(parse(text, { ecmaVersion: 2022, sourceType: type }));
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("what is packed is what lies there", () => {
  const record = JSON.parse(read("packed/record.json"));
  const now = Object.fromEntries(sources(root).map((name) => [name, createHash("sha256").update(read(name)).digest("hex")]));
  assert.deepEqual(record.sources, now, "something was changed since it was packed: `make setup` packs it");
});

test("a packed script says what its source says, as often", () => {
  assert.ok(scripts.length > 70);
  for (const name of scripts) {
    const source = read(name).replace(/(?<=\/\* glsl \*\/ `)[^`]*(?=`)/g, packShader);
    assert.deepEqual(said(read(`packed/${name}`), kind(name)), said(source, kind(name)), name);
  }
});

test("that would find what a packer once dropped, and less", () => {
  const before = said('void (asked ??= import("./memory.js")); if (a) b.c(1); d.e = f; await g;', "module");
  for (const text of ["if (a) b.c(1); d.e = f; await g;", 'void (asked ??= import("./memory.js")); d.e = f; await g;']) assert.notDeepEqual(said(text, "module"), before);
  assert.deepEqual(said('let x; x ??= import("./memory.js"), a && b.c(1), d.e = f, await g;', "module"), before);
});

test("what is sent compressed is the packed file", () => {
  for (const name of sources(root).filter((each) => !each.endsWith(".html") && !each.startsWith("bootstrap/"))) {
    assert.equal(gunzipSync(readFileSync(new URL(`packed/${name}.gz`, root))).toString(), read(`packed/${name}`), name);
  }
});

test("nothing of a private name, a comment or a type is left in a script", () => {
  for (const name of scripts) assert.doesNotMatch(read(`packed/${name}`), /#[a-zA-Z]{3,}\(|\/\*\*|@param/, name);
});

test("the notice for old browsers stays ES5", () => {
  parse(read("packed/ui/support.js"), { ecmaVersion: 5, sourceType: "script" });
});

test("shaders lose blanks, comments and long names of their own; style sheets blanks and comments", () => {
  const shader = "#version 300 es\nuniform vec2 a;  // b\nfloat c(\n  float d) {\n#if E == 1\n  return 0.5 * d;\n#endif\n  return 1.0\n    - d;\n}";
  assert.equal(packShader(shader), "#version 300 es\nuniform vec2 a;float e(float t){\n#if E == 1\nreturn .5*t;\n#endif\nreturn 1.-t;}");
  assert.equal(packStyle('a b, c > d { color: red; /* e */ }\n.f::after { content: "g: ; h"; }'), 'a b,c > d{color:red}.f::after{content:"g: ; h"}');
});
