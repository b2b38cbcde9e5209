import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../engine/connection.js";
import { CompressedFrames } from "../../engine/compressed_frames.js";
import { FakeSocket, World } from "./fake_socket.js";
import { framePieces, message, piece } from "./pieces.js";

const RUN = "0123456789abcdef";
const OTHER = "00000000000000ff";
const PAUSE = /** @type {const} */ ({ state: "pause", frame: 0 });

/**
 * @param {CompressedFrames} store
 * @param {{backlog?: () => number}} [options]
 */
function subscriber(store, { backlog = () => 0 } = {}) {
  /** @type {any[]} */
  const messages = [];
  return {
    messages,
    onMessage: (/** @type {any} */ one) => void messages.push(one),
    onPiece: (/** @type {any} */ one) => void store.accept(one),
    resume: () => store.resume(),
    backlog,
  };
}

function opened(options = {}) {
  const world = new World();
  const connection = new Connection("ws://x/ws", { credit_bytes: 1000, surroundings: world, ...options });
  const store = new CompressedFrames(8);
  const receiver = subscriber(store);
  connection.subscribe(RUN, receiver, PAUSE);
  world.socket.open();
  return { world, connection, store, receiver };
}

test("hello with a grant, then open and the wish, without waiting for the answer", () => {
  const { world, connection } = opened();
  assert.deepEqual(world.socket.sent, [
    { type: "hello", version: 1, granted_bytes: 1000 },
    { type: "open", run: RUN },
    { type: "want", run: RUN, ...PAUSE },
  ]);
  assert.equal(connection.state, "open");
});

test("a wish is sent when it changes, not when it stays", () => {
  const { world, connection } = opened();
  world.socket.sent.length = 0;
  connection.want(RUN, PAUSE);
  connection.want(RUN, { ...PAUSE, frame: 3 });
  connection.want(OTHER, PAUSE);
  assert.deepEqual(world.socket.sent, [{ type: "want", run: RUN, state: "pause", frame: 3 }]);
});

test("receipts are reported at once, but not more often than every 4 ms, and the grant moves along", () => {
  const { world } = opened();
  world.socket.sent.length = 0;
  const bytes = message(piece({ frame: 0 }, new Uint8Array(100)));
  world.socket.receive(bytes);
  assert.deepEqual(world.socket.sent, []);
  world.pass(50);
  assert.deepEqual(world.socket.sent, [{ type: "credit", granted_bytes: 1132, received_bytes: 132 }]);
  world.pass(500);
  assert.equal(world.socket.sent.length, 1, "nothing new, nothing said");
  world.socket.receive(message(...framePieces(new Uint8Array(70_000), { frame: 1 })));
  const { received_bytes } = /** @type {any} */ (world.socket.sent.at(-1));
  assert.equal(received_bytes, 132 + 70_000 + 5 * 32);
});

test("credit waits while the decoders are behind, and goes on when they have caught up", () => {
  const world = new World();
  const connection = new Connection("ws://x/ws", { credit_bytes: 1000, surroundings: world });
  let behind = 0;
  connection.subscribe(RUN, subscriber(new CompressedFrames(8), { backlog: () => behind }), PAUSE);
  world.socket.open();
  behind = 9000;
  world.socket.receive(message(piece({ frame: 0 }, new Uint8Array(468))));
  world.pass(50);
  assert.deepEqual(world.socket.sent.at(-1), { type: "credit", granted_bytes: 1000, received_bytes: 500 });
  behind = 8400;
  connection.worked();
  assert.deepEqual(world.socket.sent.at(-1), { type: "credit", granted_bytes: 1000, received_bytes: 500 }, "too little to be worth a message");
  behind = 0;
  connection.worked();
  assert.deepEqual(world.socket.sent.at(-1), { type: "credit", granted_bytes: 1500, received_bytes: 500 });
});

test("control messages reach their run; a refusal without a run is told to everybody", () => {
  const { world, connection, receiver } = opened();
  /** @type {string[][]} */
  const failures = [];
  connection.failures.add((code, text) => void failures.push([code, text]));
  world.socket.receive({ type: "progress", run: RUN, ready: [1, 1, 0], complete: false });
  world.socket.receive({ type: "progress", run: OTHER, ready: [1, 1, 0], complete: false });
  world.socket.receive({ type: "error", run: RUN, code: "not_found", message: "no such run" });
  world.socket.receive({ type: "error", code: "overloaded", message: "full" });
  world.socket.receive({ type: "a later invention" });
  assert.deepEqual(receiver.messages.map(({ type }) => type), ["progress", "error"]);
  assert.deepEqual(failures, [["overloaded", "full"]]);
});

test("a lost connection is resumed: what is held whole and where frames stopped", () => {
  const { world, connection, store } = opened();
  /** @type {string[]} */
  const states = [];
  connection.watchers.add((state) => void states.push(state));
  world.socket.receive({ type: "welcome", version: 1, server: "x" });
  const exact = framePieces(new Uint8Array(40_000), { frame: 5 });
  world.socket.receive(message(...framePieces(new Uint8Array(100), { frame: 4 }), ...exact.slice(0, 1)));
  connection.want(RUN, { state: "pause", frame: 5 });
  const first = world.socket;
  first.lose(1006);
  assert.equal(world.socket, first, "not at once");
  world.pass(400);
  assert.notEqual(world.socket, first);
  world.socket.open();
  assert.deepEqual(world.socket.sent, [
    { type: "hello", version: 1, granted_bytes: 1000 },
    { type: "open", run: RUN, have: [[2, 4, 4]], partial: [[2, 5, 16384]] },
    { type: "want", run: RUN, state: "pause", frame: 5 },
  ]);
  world.socket.receive(message(...exact.slice(1)));
  assert.ok(store.exact(5));
  assert.deepEqual(states, ["waiting", "connecting", "open"]);
});

test("waiting grows from try to try, is bounded, and starts anew after a welcome", () => {
  const { world } = opened();
  const waits = [];
  for (let n = 0; n < 9; n++) {
    const before = world.socket;
    const start = world.now_ms;
    before.lose(1006);
    while (world.socket === before) world.pass(10);
    waits.push(world.now_ms - start);
  }
  assert.ok(waits[0] < 400 && waits[3] > 1500, `${waits}`);
  assert.ok(Math.max(...waits) <= 10_010);
  world.socket.open();
  world.socket.receive({ type: "welcome", version: 1, server: "x" });
  const before = world.socket;
  before.lose(1006);
  world.pass(400);
  assert.notEqual(world.socket, before);
});

test("goaway names the least time to wait; viewers come back spread over as much again", () => {
  const { world, connection } = opened();
  const before = world.socket;
  world.socket.receive({ type: "goaway", reason: "too many viewers", retry_ms: 5000 });
  assert.equal(connection.full, true);
  world.socket.lose(4429);
  world.pass(7490);
  assert.equal(world.socket, before);
  world.pass(20);
  assert.notEqual(world.socket, before);
  world.socket.open();
  world.socket.receive({ type: "welcome", version: 1, server: "s" });
  assert.equal(connection.full, false);
});

for (const code of [4403, 4406]) {
  test(`close code ${code} is final and is told`, () => {
    const { world, connection } = opened();
    /** @type {string[]} */
    const told = [];
    connection.failures.add((name) => void told.push(name));
    const before = world.socket;
    world.socket.lose(code);
    world.pass(60_000);
    assert.equal(world.socket, before);
    assert.equal(connection.state, "closed");
    assert.equal(told.length, 1);
  });
}

test("a server that breaks the protocol is closed with 4400, tried again, and given up in the end", (context) => {
  context.mock.method(console, "warn", () => {});
  const { world, connection } = opened();
  const nonsense = message(piece({ version: 9 }, new Uint8Array(4)));
  for (let n = 0; n < 3; n++) {
    world.socket.receive(nonsense);
    assert.deepEqual(world.socket.closed, { code: 4400, reason: "protocol" });
    world.pass(20_000);
    if (n < 2) {
      world.socket.open();
      world.socket.receive({ type: "welcome", version: 1, server: "s" }); // as every server does
    }
  }
  assert.equal(connection.state, "closed");
  assert.equal(world.sockets.length, 3);
});

test("an idle line is kept alive; a dead one is noticed", () => {
  const { world } = opened();
  world.socket.sent.length = 0;
  world.pass(20_000);
  assert.equal(world.socket.sent[0].type, "ping");
  world.socket.receive({ type: "pong", t: world.socket.sent[0].t });
  world.pass(20_000);
  assert.equal(world.socket.sent.length, 2);
  const before = world.socket;
  world.pass(10_000 + 400);
  assert.notEqual(world.socket, before);
});

test("a run that is no longer needed is closed once, and may be opened again", () => {
  const { world, connection } = opened();
  world.socket.sent.length = 0;
  assert.throws(() => connection.subscribe(RUN, subscriber(new CompressedFrames(1)), PAUSE));
  connection.unsubscribe(RUN);
  connection.unsubscribe(RUN);
  connection.subscribe(RUN, subscriber(new CompressedFrames(1)), PAUSE);
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["close", "open", "want"]);
});

/** @param {{open: boolean}} options */
function early({ open }) {
  const world = new World();
  const socket = new FakeSocket();
  const start = { socket: /** @type {any} */ (socket), inbox: /** @type {any[]} */ ([]), run: RUN, granted_bytes: 700 };
  socket.onmessage = (event) => start.inbox.push(event.data);
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "hello", version: 1, granted_bytes: 700 }));
    socket.send(JSON.stringify({ type: "open", run: RUN }));
  };
  if (open) {
    socket.open();
    socket.receive({ type: "run", run: RUN, description: {}, ready: [1, 0, 0], complete: false });
  }
  const connection = new Connection("ws://x/ws", { credit_bytes: 1000, early: start, surroundings: world });
  return { world, socket, connection };
}

test("a socket of the bootstrap script is taken over, with what it has received", () => {
  const { world, socket, connection } = early({ open: true });
  assert.equal(world.sockets.length, 0);
  assert.equal(connection.state, "open");
  const store = new CompressedFrames(2);
  const receiver = subscriber(store);
  socket.receive(message(piece({ tier: 0, frame: 0 }, new Uint8Array(10)))); // before the player has opened its run
  connection.subscribe(RUN, receiver, PAUSE);
  assert.equal(receiver.messages.length, 1);
  assert.ok(store.firstPass(0));
  socket.receive(message(piece({ tier: 0, frame: 1 }, new Uint8Array(10))));
  assert.ok(store.firstPass(1));
  assert.deepEqual(socket.sent.map(({ type }) => type), ["hello", "open", "want", "credit"], "not opened twice");
  world.pass(50);
  assert.deepEqual(socket.sent.at(-1), { type: "credit", granted_bytes: 1084, received_bytes: 84 });
});

test("a bootstrap socket that is still connecting says its own hello first", () => {
  const { socket, connection } = early({ open: false });
  connection.subscribe(RUN, subscriber(new CompressedFrames(1)), PAUSE);
  connection.subscribe(OTHER, subscriber(new CompressedFrames(1)), PAUSE);
  socket.open();
  assert.deepEqual(socket.sent.map(({ type, run }) => [type, run]), [
    ["hello", undefined],
    ["open", RUN],
    ["want", RUN],
    ["open", OTHER],
    ["want", OTHER],
  ]);
});

test("a run that the bootstrap opened and nobody wants is closed", () => {
  const { socket, connection } = early({ open: true });
  connection.subscribe(OTHER, subscriber(new CompressedFrames(1)), PAUSE);
  assert.deepEqual(socket.sent.slice(2).map(({ type, run }) => [type, run]), [["close", RUN], ["open", OTHER], ["want", OTHER]]);
});

test("a bootstrap socket that is lost is replaced by one of our own", () => {
  const { world, socket, connection } = early({ open: true });
  connection.subscribe(RUN, subscriber(new CompressedFrames(1)), PAUSE);
  socket.lose(1006);
  world.pass(400);
  world.socket.open();
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["hello", "open", "want"]);
});
