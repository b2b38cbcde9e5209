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
 * @typedef {{outcome: "stored" | "duplicate" | "skipped" | "refused", reason?: string | null}} UploadAnswer
 */

export {};
