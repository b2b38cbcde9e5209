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
 */
export function gridOf(layout, upright, stress) {
  if (layout === "stress" && stress) return { rows: stress.rows, columns: stress.columns };
  const [rows = 1, columns = 1] = LAYOUTS[layout] ?? [];
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

/** @param {{name: string | null, number: number | null} | null | undefined} one */
const keyOf = (one) => (one?.number != null ? String(one.number) : (one?.name ?? ""));

/**
 * @param {PictureTile[]} tiles @param {"stage" | "view"} what
 * @returns {{key: string, name: string}[]} by number, else as they were acquired
 */
function distinct(tiles, what) {
  /** @type {Map<string, {key: string, name: string, number: number}>} */
  const found = new Map();
  for (const { description } of tiles) {
    const one = description?.[what];
    const key = keyOf(one);
    if (!found.has(key)) found.set(key, { key, name: one?.name || key, number: one?.number ?? Infinity });
  }
  return [...found.values()].sort((a, b) => (a.number === b.number ? 0 : a.number - b.number));
}

/**
 * Stages below each other, views side by side; of several loops of one stage and view the last, which was taken because it is better.
 * @param {PictureTile[]} tiles
 * @returns {{rows: number, columns: number, runs: (string | null)[], left_out: number, names: string[]} | null} null: not a stress echo
 */
export function stressGrid(tiles) {
  const staged = tiles.filter(({ description }) => keyOf(description?.stage) && keyOf(description?.view));
  const all = { stages: distinct(staged, "stage"), views: distinct(staged, "view") };
  if (all.stages.length < 2 && all.views.length < 2) return null;
  const stages = all.stages.slice(0, STRESS_MAX);
  const views = all.views.slice(0, STRESS_MAX);
  const runs = stages.flatMap((stage) =>
    views.map((view) => staged.filter(({ description }) => keyOf(description?.stage) === stage.key && keyOf(description?.view) === view.key).at(-1)?.run ?? null),
  );
  const names = stages.flatMap((stage) => views.map((view) => `${stage.name} · ${view.name}`));
  return { rows: stages.length, columns: views.length, runs, names, left_out: all.stages.length * all.views.length - runs.length };
}

/**
 * The angle between two beams, in degrees: of the directions that a primary and a secondary angle make (PS3.3 C.8.7.5).
 * @typedef {{primary_angle_deg: number, secondary_angle_deg: number}} Beam
 * @param {Beam} a @param {Beam} b
 */
export function angleBetween(a, b) {
  const [first, second] = [a, b].map(({ primary_angle_deg, secondary_angle_deg }) => {
    const [primary, secondary] = [(primary_angle_deg * Math.PI) / 180, (secondary_angle_deg * Math.PI) / 180];
    return [Math.sin(primary) * Math.cos(secondary), Math.sin(secondary), Math.cos(primary) * Math.cos(secondary)];
  });
  const cosine = first.reduce((sum, value, at) => sum + value * second[at], 0);
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
