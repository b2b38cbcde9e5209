// The vectors that the Python implementation reads too (docs/protocol.md).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Connection } from "../../engine/connection.js";
import { WireError, parsePieces } from "../../engine/wire.js";
import { World } from "./fake_socket.js";
import { message, piece } from "./pieces.js";

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

/** An open connection on which the run is open. @param {any} body a vector with a run, or none */
function connected({ run = "0123456789abcdef", have = [], partial = [] } = {}, credit_bytes = 1) {
  const world = new World();
  const connection = new Connection("ws://x/ws", { credit_bytes, surroundings: world });
  const receiver = { onMessage() {}, onPiece() {}, resume: () => ({ have, partial }), backlog: () => 0 };
  connection.subscribe(run, receiver, { state: "hidden", frame: 0 });
  world.socket.open();
  return { world, connection, said: world.socket.sent };
}

/** What a connection says that is asked for what the vector says. @type {Record<string, (body: any) => unknown>} */
const SAID = {
  hello: (body) => connected({}, body.granted_bytes).said[0],
  open: (body) => connected(body).said[1],
  want(body) {
    const { type, run, ...wish } = body;
    const { connection, said } = connected(body);
    connection.want(run, wish);
    return said.at(-1);
  },
  credit(body) {
    const { world, said } = connected();
    const bytes = message(piece({}, new Uint8Array(1)));
    world.socket.receive(bytes);
    world.pass(50);
    const { granted_bytes, received_bytes, ...rest } = said.at(-1);
    assert.deepEqual([granted_bytes, received_bytes], [body.granted_bytes + bytes.byteLength, body.received_bytes + bytes.byteLength]);
    return { ...body, ...rest };
  },
  damaged(body) {
    const { connection, said } = connected(body);
    connection.damaged(body.run, body.tier, body.frame, body.lost ?? false);
    return said.at(-1);
  },
  close(body) {
    const { connection, said } = connected(body);
    connection.unsubscribe(body.run);
    return said.at(-1);
  },
  ping(body) {
    const { world, said } = connected();
    world.pass(20_000);
    const { t, ...rest } = said.at(-1);
    assert.equal(t, 20_000);
    return { ...rest, t: body.t };
  },
};

for (const text of vectors.client_good) {
  test(`we say the same: ${text}`, () => {
    const body = JSON.parse(text);
    assert.deepEqual(SAID[body.type](body), body);
  });
}
