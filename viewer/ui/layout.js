// @ts-check
/**
 * Which run stands where when several are seen at once: layouts, the grid of a stress echo, the same projection of another study. Pure.
 *
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {import("./types.js").Description} Description
 */

/** Rows and columns of each layout. @type {Record<string, [number, number]>} */
const LAYOUTS = { "": [1, 1], 2: [1, 2], 4: [2, 2], 6: [2, 3], 9: [3, 3] };
/** A browser keeps sixteen drawing contexts; more pictures than that are too small to be read anyway. */
const STRESS_MAX = 4;

/**
 * @param {string} layout @param {boolean} upright the room is taller than wide
 * @param {{rows: number, columns: number} | null} stress the grid of the study's stages and views
 * @returns {{rows: number, columns: number}}
 */
export function gridOf(layout, upright, stress) {
  if (layout === "stress" && stress) return stress;
  const [rows, columns] = LAYOUTS[layout] ?? LAYOUTS[""];
  return upright && rows < columns ? { rows: columns, columns: rows } : { rows, columns };
}

/**
 * What each cell shows: what it has already and, in those that are empty, the runs after the active one, in the strip's order.
 * @param {(string | null)[]} shown run of each cell @param {PictureTile[]} tiles @param {string | null} active
 * @returns {(string | null)[]}
 */
export function fillCells(shown, tiles, active) {
  const from = tiles.findIndex(({ run }) => run === active) + 1;
  const next = [...tiles.slice(from), ...tiles.slice(0, from)].filter(({ run, state }) => state !== "failed" && !shown.includes(run));
  return shown.map((run) => run ?? next.shift()?.run ?? null);
}

/** What a run's stage or view is told apart by, "" where it is not known. @param {PictureTile} tile @param {"stage" | "view"} what */
const keyOf = ({ description }, what) => String(description?.[what]?.number ?? description?.[what]?.name ?? "");

/** @param {PictureTile[]} tiles @param {"stage" | "view"} what @returns {string[]} by number, else as they were acquired */
function distinct(tiles, what) {
  const numbers = new Map(tiles.map((tile) => [keyOf(tile, what), tile.description?.[what]?.number ?? Number.MAX_VALUE]));
  return [...numbers].sort(([, a], [, b]) => a - b).map(([key]) => key);
}

/**
 * Stages below each other, views side by side; of several loops of one stage and view the last, which was taken because it is better.
 * @param {PictureTile[]} tiles
 * @returns {{rows: number, columns: number, runs: (string | null)[], left_out: number} | null} null: not a stress echo
 */
export function stressGrid(tiles) {
  const staged = tiles.filter((tile) => keyOf(tile, "stage") && keyOf(tile, "view"));
  const [all, sides] = [distinct(staged, "stage"), distinct(staged, "view")];
  if (all.length < 2 && sides.length < 2) return null;
  const [stages, views] = [all.slice(0, STRESS_MAX), sides.slice(0, STRESS_MAX)];
  const runs = stages.flatMap((stage) => views.map((view) => staged.findLast((tile) => keyOf(tile, "stage") === stage && keyOf(tile, "view") === view)?.run ?? null));
  return { rows: stages.length, columns: views.length, runs, left_out: all.length * sides.length - runs.length };
}

/**
 * The angle between two beams, in degrees: of the directions that a primary and a secondary angle make (PS3.3 C.8.7.5).
 * @typedef {{primary_angle_deg: number, secondary_angle_deg: number}} Beam
 * @param {Beam} a @param {Beam} b
 */
export function angleBetween(a, b) {
  const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;
  const [up, other] = [radians(a.secondary_angle_deg), radians(b.secondary_angle_deg)];
  const cosine = Math.cos(up) * Math.cos(other) * Math.cos(radians(a.primary_angle_deg - b.primary_angle_deg)) + Math.sin(up) * Math.sin(other);
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}

/**
 * The run of earlier studies that was taken most nearly from the same side; among equals that of the newest study.
 * @param {{[K in keyof Beam]?: number | null} | null | undefined} beam @param {import("./types.js").Prior[]} priors newest first
 * @returns {{run: import("./types.js").PriorRun, prior: import("./types.js").Prior, degrees: number} | null}
 */
export function sameProjection(beam, priors) {
  if (!isBeam(beam)) return null;
  let best = null;
  for (const prior of priors.filter(({ earlier }) => earlier !== false)) {
    for (const run of prior.runs) {
      if (run.kind !== "run" || !isBeam(run.geometry)) continue;
      const degrees = angleBetween(beam, run.geometry);
      if (!best || degrees < best.degrees - 0.01) best = { run, prior, degrees };
    }
  }
  return best;
}

/** @param {{[K in keyof Beam]?: number | null} | null | undefined} beam @returns {beam is Beam} */
function isBeam(beam) {
  return typeof beam?.primary_angle_deg === "number" && typeof beam.secondary_angle_deg === "number";
}
