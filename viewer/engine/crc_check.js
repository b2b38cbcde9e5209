// The CRC check of a frame: is what arrived, or what was decoded, what the server made? Pure.
//
// Every bitstream is checked once. A piece's header says the CRC of its frame and the codec says of what it is
// (docs/protocol.md, section 1): of the decoded samples for the exact tier, of the bitstream for everything else.

/** @typedef {{crc32: number | null, crc_of_samples: boolean}} Expected `crc32` null: it was checked before */

/**
 * Whether these bytes are what the server made: asked before a decoder sees them, and again of what was decoded; the CRC is of one.
 * @param {Expected} expected
 * @param {Uint8Array} bytes of the bitstream or, decoded, of the samples
 * @param {boolean} decoded
 */
export const isGood = (expected, bytes, decoded) => expected.crc_of_samples !== decoded || expected.crc32 === null || crc32(bytes) === expected.crc32;

// CRC-32 of zlib (reflected polynomial EDB88320), eight bytes a step ("slicing by 8").

const TABLES = /* @__PURE__ */ (() => {
  const tables = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    tables[n] = c;
  }
  for (let n = 256; n < 2048; n++) tables[n] = (tables[n - 256] >>> 8) ^ tables[tables[n - 256] & 255];
  return tables;
})();

/**
 * @param {Uint8Array} bytes
 * @returns {number} unsigned 32 bits
 */
export function crc32(bytes) {
  const t = TABLES;
  const length = bytes.length;
  let crc = -1;
  let i = 0;
  // Int32Array wants an aligned start; the loop reads little-endian words, as every machine with a browser stores them.
  const aligned = Math.min(length, -bytes.byteOffset & 3);
  for (; i < aligned; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  const pairs = ((length - i) >> 3) * 2;
  const words = pairs ? new Int32Array(bytes.buffer, bytes.byteOffset + i, pairs) : [];
  for (let w = 0; w < pairs; w += 2) {
    const a = words[w] ^ crc;
    const b = words[w + 1];
    crc =
      t[1792 + (a & 255)] ^
      t[1536 + ((a >>> 8) & 255)] ^
      t[1280 + ((a >>> 16) & 255)] ^
      t[1024 + (a >>> 24)] ^
      t[768 + (b & 255)] ^
      t[512 + ((b >>> 8) & 255)] ^
      t[256 + ((b >>> 16) & 255)] ^
      t[b >>> 24];
  }
  for (i += pairs * 4; i < length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}
