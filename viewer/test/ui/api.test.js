// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ApiError, fetchWorklist, inWords, refusal } from "../../ui/api.js";

test("every failure says what to do, and none shows a code alone", () => {
  assert.match(inWords(new ApiError(0, "unreachable", "")), /network/);
  assert.match(inWords(new ApiError(403, "denied", "x")), /Sign in/);
  assert.match(inWords(new ApiError(507, "storage_full", "x")), /Free some space/);
  assert.match(inWords(new ApiError(500, "error", "")), /Try again/);
  assert.match(inWords(new TypeError("oops")), /Reload/);
});

test("a refusal keeps the server's words, and survives a body that is no JSON of ours", () => {
  assert.match(inWords(refusal(400, { error: { code: "usage", message: "limit must be a number" } })), /limit must be a number/);
  assert.deepEqual([refusal(502, null).status, refusal(502, "<html>").code], [502, "error"]);
});

test("search words travel in the body, never in the URL", async (context) => {
  /** @type {[string, RequestInit][]} */
  const calls = [];
  context.mock.method(globalThis, "fetch", async (/** @type {string} */ url, /** @type {RequestInit} */ options) => {
    calls.push([url, options]);
    return new Response(JSON.stringify({ studies: [], next: null, total: 0 }));
  });
  await fetchWorklist({ search: "Phantom", after: null, limit: 50 }, new AbortController().signal);
  assert.equal(calls[0]?.[0], "/api/worklist");
  assert.equal(calls[0]?.[1].body, '{"search":"Phantom","after":null,"limit":50}');
});

test("silence is told apart from a wish to stop asking", async (context) => {
  const query = { search: "", after: null, limit: 50 };
  const fetched = context.mock.method(globalThis, "fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(fetchWorklist(query, new AbortController().signal), { status: 0 });
  fetched.mock.mockImplementation(async () => Promise.reject(new DOMException("", "AbortError")));
  await assert.rejects(fetchWorklist(query, new AbortController().signal), { name: "AbortError" });
});

test("the module by which old browsers are told apart is sound, so that new ones are not refused", () => {
  const bytes = /simd = (\[[^\]]+\])/.exec(readFileSync(new URL("../../ui/support.js", import.meta.url), "utf8"))?.[1] ?? "[]";
  assert.ok(WebAssembly.validate(new Uint8Array(JSON.parse(bytes))));
});
