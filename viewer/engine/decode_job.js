// What a worker is told to do with one bitstream of a run. Pure.

import { mappedRange, signedBias } from "./display.js";
import { CODEC_JPEG, TIER_EXACT } from "./wire.js";

/**
 * @typedef {import("./description.js").RunDescription} RunDescription
 * @typedef {import("./description.js").Tier} Tier
 */

/**
 * @param {RunDescription} description
 * @param {number} tier as on the wire
 * @returns {Tier} the one it is; the exact one where the run has none of its own
 */
export function tierOf({ tiers }, tier) {
  return [tiers.coarse, tiers.fine, tiers.exact][tier] ?? tiers.exact;
}

/**
 * @param {import("./compressed_frames.js").Bitstream} stream whose bytes are here
 * @param {RunDescription} description
 * @param {boolean} want_samples or only whether they are right
 * @returns {Omit<import("./decode_worker.js").Job, "id" | "into" | "background">}
 */
export function jobOf(stream, description, want_samples) {
  const { rows, columns, tiers } = description;
  const tier = tierOf(description, stream.tier);
  const bytes = /** @type {ArrayBuffer} */ (/** @type {Uint8Array} */ (stream.bytes).buffer);
  const raw = tier.codec === "deflate" ? rawForm(description, tier) : null;
  return {
    codec: stream.codec,
    bytes,
    rows,
    columns,
    components: tier.components,
    bits: raw ? 16 : tier.bits,
    transform: stream.codec === CODEC_JPEG && tiers.exact.jpeg_transform === true,
    raw,
    crc32: stream.checked ? null : stream.crc32,
    crc_of_samples: stream.tier === TIER_EXACT && stream.codec !== CODEC_JPEG,
    want_samples,
  };
}

/** @param {RunDescription} description @param {Tier} tier */
function rawForm(description, tier) {
  return { bytes_per_sample: tier.bytes_per_sample ?? 4, float: tier.sample_kind === "float", bias: signedBias(description), ...mappedRange(description) };
}
