// @ts-check
/**
 * Types of the JSON of docs/api.md. No code: no page loads this file.
 *
 * @typedef {object} StudyRow one line of the worklist
 * @property {string} study_instance_uid
 * @property {string} patient_name
 * @property {string} patient_id
 * @property {string | null} birth_date
 * @property {string} birth_date_text
 * @property {string} sex
 * @property {string | null} study_datetime
 * @property {string} study_date_text
 * @property {string[]} modalities
 * @property {string} description
 * @property {string} accession_number
 * @property {number} runs
 * @property {number} stills
 * @property {number} objects
 *
 * @typedef {{studies: StudyRow[], next: string | null, total: number | null}} WorklistPage
 *
 * @typedef {object} Banner
 * @property {string} patient_name
 * @property {string} [patient_name_ideographic]
 * @property {string} [patient_name_phonetic]
 * @property {string} patient_id
 * @property {string} [issuer]
 * @property {string | null} birth_date
 * @property {string} birth_date_text
 * @property {string} age_text
 * @property {string} sex
 * @property {string} study_date_text
 * @property {string} description
 * @property {string} [accession_number]
 * @property {string} [institution]
 *
 * @typedef {"waiting" | "making" | "ready" | "failed"} TileState
 *
 * @typedef {object} PictureTile a run (two frames or more) or a still
 * @property {"run" | "still"} kind
 * @property {string} run wire id
 * @property {string} [label] what it is called, known before its description
 * @property {number} [frames]
 * @property {Description | null} description null while it waits
 * @property {number[]} ready frames in the cache by tier
 * @property {boolean} complete
 * @property {TileState} state
 * @property {string} message
 * @property {string | null} [video_url] of a video that failed, but that the browser may be able to play itself
 *
 * @typedef {{kind: "other", label: string, sop_instance_uid: string}} OtherTile
 * @typedef {PictureTile | OtherTile} Tile
 * @typedef {{study_instance_uid: string, banner: Banner, tiles: Tile[], biplane_pairs?: {a: string, b: string}[]}} Study
 *
 * @typedef {import("../engine/description.js").RunDescription & Told} Description a run's description: what the engine reads, and what people are told
 *
 * @typedef {object} Told
 * @property {string} sop_instance_uid
 * @property {string} study_instance_uid
 * @property {string} modality
 * @property {string} label
 * @property {string} [series_description]
 * @property {number | null} [series_number]
 * @property {number | null} [instance_number]
 * @property {{source: string, acquisition_known: boolean}} timing
 * @property {{label: string, primary_angle_deg?: number | null, secondary_angle_deg?: number | null} | null} geometry
 * @property {{state: string, text: string} | null} calibration
 * @property {{source: boolean, ratio: number | null, text: string} | null} lossy
 * @property {boolean} phantom
 * @property {{name: string | null, number: number | null} | null} [stage] of a stress echo
 * @property {{name: string | null, number: number | null} | null} [view]
 *
 * @typedef {{kind: "run" | "still", run: string, label: string, frames: number, state: TileState, geometry: {primary_angle_deg?: number | null, secondary_angle_deg?: number | null} | null}} PriorRun
 * @typedef {{study_date_text: string, earlier: boolean | null, runs: PriorRun[]}} Prior another study of the same patient
 *
 * @typedef {{run: string, frames: number[]}[]} For images, with frames from 1; empty: all
 * @typedef {[number, number]} Point column, row
 * @typedef {"PIXEL" | "DISPLAY" | "MATRIX"} Units
 * @typedef {{type: "POINT" | "POLYLINE" | "INTERPOLATED" | "CIRCLE" | "ELLIPSE", units: Units, points: Point[], filled: boolean}} Graphic
 * @typedef {{text: string, box: {units: Units, top_left: Point, bottom_right: Point, justified: string} | null, anchor: {units: Units, point: Point, visible: boolean} | null}} GraphicText
 * @typedef {{name: string, order: number, presentation_value: number | null, color_cielab: number[] | null}} GraphicLayer
 * @typedef {{for: For, top_left: Point, bottom_right: Point, size_mode: string, pixel_spacing_mm: [number, number] | null, pixel_aspect: number | null, magnification: number | null}} DisplayedArea corners are row, column from 1
 *
 * @typedef {object} PresentationState
 * @property {string} sop_class_uid
 * @property {string} label
 * @property {string} description
 * @property {string} creator
 * @property {For} for
 * @property {{rescale_slope: number, rescale_intercept: number, modality_lut: import("../engine/description.js").Lut | null} | null} modality
 * @property {{for: For, windows: import("../engine/description.js").Window[], voi_lut_function: string, voi_luts: import("../engine/description.js").Lut[]}[]} voi
 * @property {"IDENTITY" | "INVERSE" | null} presentation_lut_shape
 * @property {import("../engine/description.js").Lut | null} presentation_lut
 * @property {number} rotation_deg clockwise, before the flip
 * @property {boolean} flip_horizontal
 * @property {DisplayedArea[]} displayed_areas
 * @property {import("../engine/description.js").Shutter[]} shutters
 * @property {(import("../engine/description.js").Overlay & {bits: string})[]} overlays
 * @property {{group: string, layer: string}[]} active_overlays
 * @property {GraphicLayer[]} layers the lowest first
 * @property {{for: For, layer: string, texts: GraphicText[], graphics: Graphic[]}[]} annotations
 * @property {object | null} mask
 *
 * @typedef {{outcome: "stored" | "duplicate" | "skipped" | "refused", reason?: string | null}} UploadAnswer
 */

export {};
