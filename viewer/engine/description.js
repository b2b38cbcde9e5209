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
 * @property {Lut | null} [presentation_lut] of a presentation state: P-values of what the VOI step gives
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
 * @property {number | null} [start_trim] frame from 1
 * @property {number | null} [stop_trim] frame from 1
 *
 * @typedef {object} Shutter places count from 1, edges belong to what is seen
 * @property {"rectangular"|"circular"|"polygonal"|"bitmap"} shape
 * @property {number} [left]
 * @property {number} [right]
 * @property {number} [upper]
 * @property {number} [lower]
 * @property {[number, number]} [center] row, column
 * @property {number} [radius] columns
 * @property {[number, number][]} [vertices] row, column
 * @property {string} [overlay_group] whose 1 bits hide
 * @property {number | null} [presentation_value] 0 black to 65535 white
 * @property {number[]} [color_cielab] goes before it
 *
 * @typedef {object} Overlay
 * @property {string} group
 * @property {number} rows
 * @property {number} columns
 * @property {[number, number]} origin row, column of its first bit, from 1; may be 0 or negative
 * @property {number} frames planes
 * @property {number} first_frame from 1
 * @property {boolean} every_frame one plane for all of them
 * @property {[number, number, number]} [color] 8-bit levels, where a presentation state says one
 *
 * @typedef {object} FileMask one item of the Mask Subtraction Sequence; frame numbers count from 1
 * @property {"NONE"|"AVG_SUB"|"TID"|"REV_TID"} operation
 * @property {[number, number][]} frame_ranges ends included; empty: every frame
 * @property {number[]} mask_frames
 * @property {number} contrast_averaging
 * @property {[number, number]} shift_pixels row, column as written: positive row down, positive column to the left
 * @property {number} tid_offset
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
 * @property {number[] | null} [r_wave_ms] R waves, from the first frame's start
 * @property {{subtract_first: boolean, intensity: string, items: FileMask[]} | null} [mask]
 * @property {Shutter[]} [shutters] what lies inside all of them is seen
 * @property {Overlay[]} [overlays]
 */

export {};
