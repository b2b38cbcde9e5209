// CRC-32 as node's zlib writes it: the last eight bytes of a gzip member are CRC-32 and length (RFC 1952, 2.3.1).

import { gzipSync } from "node:zlib";

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  const member = gzipSync(bytes, { level: 0 });
  return member.readUInt32LE(member.length - 8);
}
