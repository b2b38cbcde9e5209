// @ts-check
/**
 * What the page's address says of what is on the screen, so that a link opens the same: run, frame, window, layout. UIDs and wire
 * ids only, nothing of the patient.
 *
 * @typedef {object} Place
 * @property {string | null} run in the active cell
 * @property {number | null} frame where it stands, from 0; null: it plays
 * @property {[number, number] | null} window center and width, where they are not the file's
 * @property {string} layout one of layout.js, "" for a single picture
 * @property {string[]} cells the run of each cell, "" for an empty one
 * @property {string} lock how the cells play together, "" when each by itself
 * @property {"auto" | "gl" | "2d"} [renderer] asked for by hand, for a look at a machine's trouble; not kept in the address
 */

/** @param {string} search @returns {Place} */
export function parseAddress(search) {
  const query = new URLSearchParams(search);
  const asked = (/** @type {string} */ name) => query.get(name) ?? "";
  const known = (/** @type {string} */ name, /** @type {string[]} */ values) => values.find((value) => value === asked(name)) ?? "";
  const window = asked("window").split(",").map(Number);
  return {
    run: query.get("run"),
    frame: /^[1-9]\d{0,6}$/.test(asked("frame")) ? Number(asked("frame")) - 1 : null,
    window: window.length === 2 && window.every(Number.isFinite) && window[1] > 0 ? [window[0], window[1]] : null,
    layout: known("layout", ["2", "4", "6", "9", "stress"]),
    cells: asked("cells").split(",").filter((run, at, all) => all.length > 1 && /^[0-9a-f]*$/.test(run)),
    lock: known("lock", ["time", "beats", "stretch"]),
    renderer: /** @type {"gl" | "2d" | ""} */ (known("renderer", ["gl", "2d"])) || "auto",
  };
}

/** Frames count from 1, as on the picture. @param {Place} place @returns {string} */
export function formatAddress({ run, frame, window, layout, cells, lock }) {
  const parts = [
    run && `run=${run}`,
    frame !== null && `frame=${frame + 1}`,
    window && `window=${window.map((value) => Number(value.toPrecision(7)))}`,
    layout && `layout=${layout}&cells=${cells}`,
    lock && `lock=${lock}`,
  ].filter(Boolean);
  return parts.length ? `?${parts.join("&")}` : "";
}
