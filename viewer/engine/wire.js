// The wire of `fastcine.v1` (docs/protocol.md): binary messages into pieces, text into checked control messages. Pure.

export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = "fastcine.v1";
const HEADER_BYTES = 32;
const FRAME_BYTES_MAX = 2 ** 28;

/** 0 and 1 are the first pass, coarse and fine. */
export const TIER_EXACT = 2;

export const CODEC_HTJ2K = 1;
export const CODEC_JPEG = 2;
export const CODEC_DEFLATE = 3;

const FLAG_LAST = 1;

/**
 * @typedef {object} Piece
 * @property {0|1|2} tier
 * @property {1|2|3} codec
 * @property {boolean} last last piece of the frame's bitstream
 * @property {number} frame from 0
 * @property {string} run 16 lower-case hex digits
 * @property {number} offset_bytes of the payload in the bitstream
 * @property {number} frame_bytes whole bitstream
 * @property {number} crc32 unsigned
 * @property {Uint8Array} payload a view of the message, not a copy
 */

/** The server broke the protocol. */
export class WireError extends Error {}

/**
 * The pieces of one binary message, in order.
 * @param {ArrayBuffer} message
 * @returns {Piece[]}
 * @throws {WireError} wrong version, unknown tier, codec or flag, a piece that runs past its frame or the message
 */
export function parsePieces(message) {
  const view = new DataView(message);
  const end = message.byteLength;
  const pieces = [];
  let at = 0;
  while (at < end) {
    if (end - at < HEADER_BYTES) throw new WireError(`a piece's header is cut at byte ${at}`);
    const version = view.getUint8(at);
    if (version !== PROTOCOL_VERSION) throw new WireError(`piece version ${version} at byte ${at}`);
    const tier = view.getUint8(at + 1);
    const codec = view.getUint8(at + 2);
    const flags = view.getUint8(at + 3);
    if (tier > TIER_EXACT || codec < CODEC_HTJ2K || codec > CODEC_DEFLATE || (flags & ~FLAG_LAST) !== 0) {
      throw new WireError(`unknown tier, codec or flag at byte ${at}`);
    }
    const offset_bytes = view.getUint32(at + 16, true);
    const frame_bytes = view.getUint32(at + 20, true);
    const payload_bytes = view.getUint32(at + 28, true);
    const reached = offset_bytes + payload_bytes;
    if (frame_bytes > FRAME_BYTES_MAX || reached > frame_bytes) {
      throw new WireError(`a piece runs past its frame at byte ${at}`);
    }
    const last = (flags & FLAG_LAST) !== 0;
    if (last !== (reached === frame_bytes)) throw new WireError(`the last-piece flag is wrong at byte ${at}`);
    const start = at + HEADER_BYTES;
    if (payload_bytes > end - start) throw new WireError(`a piece's payload is cut at byte ${start}`);
    pieces.push({
      tier: /** @type {0|1|2} */ (tier),
      codec: /** @type {1|2|3} */ (codec),
      last,
      frame: view.getUint32(at + 4, true),
      run: view.getBigUint64(at + 8, true).toString(16).padStart(16, "0"),
      offset_bytes,
      frame_bytes,
      crc32: view.getUint32(at + 24, true),
      payload: new Uint8Array(message, start, payload_bytes),
    });
    at = start + payload_bytes;
  }
  return pieces;
}

/**
 * @typedef {object} Wish what is wanted of a run just now (docs/protocol.md, `want`)
 * @property {"play"|"pause"|"prefetch"|"hidden"} state
 * @property {number} frame
 * @property {number} [rate_fps] signed; for play
 * @property {number} [first]
 * @property {number} [last]
 * @property {"loop"|"sweep"|"once"} [loop]
 * @property {0|1|2} [max_tier]
 * @property {number} [weight]
 * @property {boolean} [starting] decoders are not all up yet
 */

/**
 * @typedef {{type: "hello", version: number, granted_bytes: number}
 *   | {type: "open", run: string, have?: number[][], partial?: number[][]}
 *   | {type: "want", run: string} & Wish
 *   | {type: "credit", granted_bytes: number, received_bytes: number}
 *   | {type: "damaged", run: string, tier: number, frame: number, lost?: boolean}
 *   | {type: "close", run: string}
 *   | {type: "ping", t: number}} ClientMessage what we say; `have` is `[tier, first, last]`, `partial` `[tier, frame, offset_bytes]`,
 *   `lost`: it was sound, but is gone
 */

/**
 * @typedef {object} ServerMessage a checked control message; which fields are there hangs on `type`
 * @property {"welcome"|"run"|"progress"|"error"|"goaway"|"pong"} type
 * @property {string} [run]
 * @property {import("./description.js").RunDescription} [description]
 * @property {[number, number, number]} [ready]
 * @property {boolean} [complete]
 * @property {string} [code]
 * @property {string} [message]
 * @property {string} [reason]
 * @property {number} [retry_ms]
 * @property {number} [t]
 */

/** @type {Record<string, (body: Record<string, unknown>) => boolean>} */
const CHECKS = {
  welcome: (body) => body.version === PROTOCOL_VERSION,
  run: (body) => isRun(body.run) && typeof body.description === "object" && body.description !== null && isReady(body),
  progress: (body) => isRun(body.run) && isReady(body),
  error: (body) =>
    typeof body.code === "string" && typeof body.message === "string" && (body.run === undefined || isRun(body.run)),
  goaway: (body) => typeof body.retry_ms === "number" && body.retry_ms >= 0,
  pong: (body) => typeof body.t === "number",
};

/** @param {unknown} value */
const isRun = (value) => typeof value === "string" && /^[0-9a-f]{16}$/.test(value);

/** @param {Record<string, unknown>} body */
const isReady = (body) =>
  Array.isArray(body.ready) &&
  body.ready.length === 3 &&
  body.ready.every((n) => Number.isInteger(n) && n >= 0) &&
  typeof body.complete === "boolean";

/**
 * @param {string} text
 * @returns {ServerMessage | null} null: a type unknown here, to be ignored (a newer server)
 * @throws {WireError} no JSON, or a known type with a missing or ill-typed field
 */
export function parseControl(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new WireError("a control message is no JSON");
  }
  if (typeof body !== "object" || body === null || typeof body.type !== "string") {
    throw new WireError("a control message has no type");
  }
  if (!Object.hasOwn(CHECKS, body.type)) return null;
  if (!CHECKS[body.type](body)) throw new WireError(`a broken ${body.type} message`);
  return body;
}
