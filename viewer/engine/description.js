// Types of a run's description (docs/api.md). No code: it is made by the server and only read here.

/**
 * @typedef {object} Tier
 * @property {"htj2k"|"jpeg"|"deflate"} codec
 * @property {number} components
 * @property {number} bits precision of the samples that come out of the decoder
 * @property {"stored"|"rgb"} color
 * @property {boolean} [jpeg_transform]
 * @property {number} [bytes_per_sample]
 * @property {"uint"|"int"|"float"} [sample_kind]
 * @property {"EXACT"|"AS ACQUIRED"} [badge]
 *
 * @typedef {object} Lut
 * @property {string} [explanation]
 * @property {number} first
 * @property {number} bits
 * @property {string} data base64 of u16 little-endian entries
 *
 * @typedef {object} Palette
 * @property {number} first
 * @property {number} bits
 * @property {string} red base64 of u8 (bits up to 8) or u16 little-endian entries
 * @property {string} green
 * @property {string} blue
 *
 * @typedef {object} Window
 * @property {number} center
 * @property {number} width
 * @property {string} [explanation]
 * @property {string} [source]
 *
 * @typedef {object} Display
 * @property {boolean} invert
 * @property {number} rescale_slope
 * @property {number} rescale_intercept
 * @property {string} [rescale_type]
 * @property {Window[]} windows
 * @property {string} voi_lut_function
 * @property {Lut[]} voi_luts
 * @property {Lut | null} modality_lut
 * @property {Palette | null} palette
 * @property {[number, number] | null} [pixel_padding] range of stored values that are no picture, ends included
 * @property {number | null} sample_min
 * @property {number | null} sample_max
 *
 * @typedef {object} Timing
 * @property {number | null} frame_time_ms
 * @property {number[] | null} frame_starts_ms
 * @property {number} [duration_ms]
 * @property {string} [sequencing]
 * @property {number | null} [recommended_fps]
 * @property {number | null} [fps]
 *
 * @typedef {object} RunDescription what the engine reads of docs/api.md's run description
 * @property {string} run
 * @property {number} rows
 * @property {number} columns
 * @property {number} frames
 * @property {number} samples_per_pixel
 * @property {number} bits_stored
 * @property {boolean} signed
 * @property {string} photometric_interpretation
 * @property {number} [pixel_aspect] height of a pixel over its width
 * @property {{coarse: Tier | null, fine: Tier | null, exact: Tier}} tiers
 * @property {Display} display
 * @property {Timing} timing
 */

export {};
