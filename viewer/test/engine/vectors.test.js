// The vectors that the Python implementation reads too (docs/protocol.md).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { WireError, closeMessage, creditMessage, damagedMessage, helloMessage, openMessage, parsePieces, pingMessage, wantMessage } from "../../engine/wire.js";

const vectors = JSON.parse(readFileSync(new URL("../../../tests/vectors/wire.json", import.meta.url), "utf8"));

/** @param {string} hex @returns {ArrayBuffer} */
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex")).buffer;

for (const { name, hex, pieces } of vectors.binary_good) {
  test(`good: ${name}`, () => {
    const parsed = parsePieces(bytes(hex)).map(({ payload, ...rest }) => ({ ...rest, payload_hex: Buffer.from(payload).toString("hex") }));
    assert.deepEqual(parsed, pieces);
  });
}

for (const { name, hex } of vectors.binary_bad) {
  test(`refused: ${name}`, () => assert.throws(() => parsePieces(bytes(hex)), WireError));
}

/** Our builder for each message type, fed with the vector's own fields. @type {Record<string, (body: any) => string>} */
const BUILDERS = {
  hello: (body) => helloMessage(body.granted_bytes),
  open: (body) => openMessage(body.run, body.have ?? [], body.partial ?? []),
  want: ({ type, run, ...wish }) => wantMessage(run, wish),
  credit: (body) => creditMessage(body.granted_bytes, body.received_bytes),
  damaged: (body) => damagedMessage(body.run, body.tier, body.frame, body.lost),
  close: (body) => closeMessage(body.run),
  ping: (body) => pingMessage(body.t),
};

for (const text of vectors.client_good) {
  test(`we say the same: ${text}`, () => {
    const body = JSON.parse(text);
    assert.deepEqual(JSON.parse(BUILDERS[body.type](body)), body);
  });
}
