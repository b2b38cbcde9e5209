// Descriptions for tests, as docs/api.md shapes them.

/** @typedef {import("../../engine/description.js").RunDescription} RunDescription */

/**
 * @param {Partial<Omit<RunDescription, "display">> & {display?: Partial<import("../../engine/description.js").Display>}} change
 * @returns {RunDescription}
 */
export function describeRun(change) {
  const bits = change.bits_stored ?? 8;
  const components = change.samples_per_pixel ?? 1;
  /** @type {import("../../engine/description.js").Tier} */
  const tier = { codec: "htj2k", components, bits, color: "stored" };
  return {
    run: "0123456789abcdef",
    rows: 2,
    columns: 3,
    frames: 4,
    samples_per_pixel: components,
    bits_stored: bits,
    signed: false,
    photometric_interpretation: "MONOCHROME2",
    pixel_aspect: 1,
    tiers: { coarse: tier, fine: tier, exact: { ...tier, bytes_per_sample: bits > 8 ? 2 : 1, sample_kind: "uint", badge: "EXACT" } },
    timing: { frame_time_ms: 40, frame_starts_ms: null, duration_ms: 160, sequencing: "loop" },
    ...change,
    display: {
      invert: false,
      rescale_slope: 1,
      rescale_intercept: 0,
      rescale_type: "",
      windows: [{ center: 128, width: 256, explanation: "", source: "file" }],
      voi_lut_function: "LINEAR",
      voi_luts: [],
      modality_lut: null,
      palette: null,
      pixel_padding: null,
      sample_min: 0,
      sample_max: 2 ** bits - 1,
      ...change.display,
    },
  };
}
