import assert from "node:assert/strict";
import { test } from "node:test";

import { WireError, parseControl, parsePieces } from "../../engine/wire.js";
import { framePieces, message, piece } from "./pieces.js";

const PAYLOAD = new Uint8Array([1, 2, 3, 4, 5]);

test("a piece's fields come out as they went in", () => {
  const bytes = piece({ tier: 1, codec: 2, frame: 70_000, run: 0xfedcba9876543210n, offset_bytes: 10, frame_bytes: 15, crc32: 0xdeadbeef }, PAYLOAD);
  const [parsed] = parsePieces(message(bytes));
  assert.deepEqual(parsed, {
    tier: 1,
    codec: 2,
    last: true,
    frame: 70_000,
    run: "fedcba9876543210",
    offset_bytes: 10,
    frame_bytes: 15,
    crc32: 0xdeadbeef,
    payload: PAYLOAD,
  });
});

test("a run id keeps its leading zeros, and two runs may take turns in a message", () => {
  const parsed = parsePieces(message(piece({ run: 1n }, PAYLOAD), piece({ run: 2n << 32n }, PAYLOAD), piece({ run: 1n }, PAYLOAD)));
  assert.deepEqual(parsed.map(({ run }) => run), ["0000000000000001", "0000000200000000", "0000000000000001"]);
});

test("a frame in pieces is put together from one message", () => {
  const bitstream = Uint8Array.from({ length: 40_000 }, (_, n) => n & 255);
  const parsed = parsePieces(message(...framePieces(bitstream, { frame: 3 })));
  assert.deepEqual(parsed.map(({ offset_bytes, last }) => [offset_bytes, last]), [[0, false], [16384, false], [32768, true]]);
  assert.deepEqual(Buffer.concat(parsed.map(({ payload }) => payload)), Buffer.from(bitstream));
});

/** @type {[string, ArrayBuffer][]} */
const BROKEN = [
  ["wrong version", message(piece({ version: 2 }, PAYLOAD))],
  ["unknown tier", message(piece({ tier: 3 }, PAYLOAD))],
  ["codec 0", message(piece({ codec: 0 }, PAYLOAD))],
  ["unknown codec", message(piece({ codec: 4 }, PAYLOAD))],
  ["unknown flag", message(piece({ flags: 3 }, PAYLOAD))],
  ["payload beyond the frame", message(piece({ offset_bytes: 1, frame_bytes: 5, flags: 0 }, PAYLOAD))],
  ["payload beyond the message", message(piece({ payload_bytes: 6, frame_bytes: 6, flags: 1 }, PAYLOAD))],
  ["frame too large", message(piece({ frame_bytes: 2 ** 28 + 1 }, PAYLOAD))],
  ["last flag missing", message(piece({ flags: 0 }, PAYLOAD))],
  ["last flag too early", message(piece({ flags: 1, frame_bytes: 9 }, PAYLOAD))],
  ["header cut", message(piece({}, PAYLOAD), Buffer.alloc(31, 1))],
];

for (const [what, bytes] of BROKEN) {
  test(`refused: ${what}`, () => assert.throws(() => parsePieces(bytes), WireError));
}

test("server messages are checked; unknown types are left alone", () => {
  const run = "0123456789abcdef";
  assert.equal(parseControl(JSON.stringify({ type: "progress", run, ready: [1, 1, 0], complete: false }))?.type, "progress");
  assert.equal(parseControl(JSON.stringify({ type: "news", text: "later versions may say more" })), null);
  for (const text of [
    "{",
    "[]",
    "null",
    JSON.stringify({ run }),
    JSON.stringify({ type: "progress", run: "XYZ", ready: [1, 1, 0], complete: false }),
    JSON.stringify({ type: "progress", run, ready: [1, 1], complete: false }),
    JSON.stringify({ type: "run", run, ready: [1, 1, 1], complete: true }),
    JSON.stringify({ type: "goaway", reason: "full" }),
    JSON.stringify({ type: "welcome", version: 2 }),
    JSON.stringify({ type: "error", code: 4, message: "" }),
  ]) {
    assert.throws(() => parseControl(text), WireError, text);
  }
});
