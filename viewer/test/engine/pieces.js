// Builds pieces byte by byte from docs/protocol.md §1, independently of engine/wire.js.

import { crc32 as zlibCrc32 } from "./zlib_crc32.js";

/**
 * @param {object} fields
 * @param {number} [fields.version]
 * @param {number} [fields.tier]
 * @param {number} [fields.codec]
 * @param {number} [fields.flags]
 * @param {number} [fields.frame]
 * @param {bigint} [fields.run]
 * @param {number} [fields.offset_bytes]
 * @param {number} [fields.frame_bytes]
 * @param {number} [fields.crc32]
 * @param {number} [fields.payload_bytes]
 * @param {Uint8Array} payload
 */
export function piece(fields, payload) {
  const bytes = Buffer.alloc(32 + payload.length);
  bytes.writeUInt8(fields.version ?? 1, 0);
  bytes.writeUInt8(fields.tier ?? 2, 1);
  bytes.writeUInt8(fields.codec ?? 1, 2);
  const offset = fields.offset_bytes ?? 0;
  const total = fields.frame_bytes ?? payload.length;
  bytes.writeUInt8(fields.flags ?? (offset + payload.length === total ? 1 : 0), 3);
  bytes.writeUInt32LE(fields.frame ?? 0, 4);
  bytes.writeBigUInt64LE(fields.run ?? 0x0123456789abcdefn, 8);
  bytes.writeUInt32LE(offset, 16);
  bytes.writeUInt32LE(total, 20);
  bytes.writeUInt32LE(fields.crc32 ?? 0, 24);
  bytes.writeUInt32LE(fields.payload_bytes ?? payload.length, 28);
  bytes.set(payload, 32);
  return bytes;
}

/** @param {Uint8Array[]} parts @returns {ArrayBuffer} */
export function message(...parts) {
  const all = Buffer.concat(parts);
  return new Uint8Array(all).buffer;
}

/**
 * A whole frame cut into pieces of `piece_bytes`.
 * @param {Uint8Array} bitstream
 * @param {{frame?: number, tier?: number, run?: bigint, codec?: number}} fields
 */
export function framePieces(bitstream, fields, piece_bytes = 16384) {
  const parts = [];
  for (let offset_bytes = 0; offset_bytes < bitstream.length; offset_bytes += piece_bytes) {
    const payload = bitstream.subarray(offset_bytes, offset_bytes + piece_bytes);
    parts.push(piece({ ...fields, offset_bytes, frame_bytes: bitstream.length, crc32: zlibCrc32(bitstream) }, payload));
  }
  return parts;
}
