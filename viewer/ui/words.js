// @ts-check
/**
 * The words of the viewer, made from values; nothing here touches a page.
 *
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {Description["timing"]} Timing
 */

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** A rate as people say it: 15, 30.3, 12.5. @param {number} fps */
export function fpsText(fps) {
  return String(Math.round(fps * 10) / 10);
}

/**
 * Where the rate comes from, in front of it: only what the file states about acquisition is called the file's.
 * @param {Timing | null | undefined} timing
 */
export function rateText(timing) {
  return timing?.fps ? `${timing.acquisition_known ? "DICOM" : "Assumed"} ${fpsText(timing.fps)} fps` : "";
}

/** @param {Timing | null | undefined} timing @returns {number | null} a recommended rate that differs from the acquisition's */
export function otherRate(timing) {
  const { fps, recommended_fps: recommended } = timing ?? {};
  return fps && recommended && Math.abs(fps - recommended) > 0.05 ? recommended : null;
}

/** The speed a step slower or faster, forwards or backwards. @param {number} now @param {number} step */
export function nextSpeed(now, step) {
  const off = (/** @type {number} */ speed) => Math.abs(speed - Math.abs(now));
  const nearest = SPEEDS.reduce((best, speed) => (off(speed) < off(best) ? speed : best));
  return Math.sign(now) * (SPEEDS[SPEEDS.indexOf(nearest) + step] ?? nearest);
}

/**
 * What stands on the picture about its truth.
 * @param {string} badge the engine's: "", "FIRST PASS", "EXACT", "AS ACQUIRED"; or "BY BROWSER": a video that it does not play
 * @param {Description | null} description
 * @returns {{text: string, detail: string}}
 */
export function badgeWords(badge, description) {
  const lossy = description?.lossy?.source ? description.lossy.text || "lossy at source" : "";
  switch (badge) {
    case "FIRST PASS":
      return { text: badge, detail: `lossy, ${description?.tiers.exact.badge === "AS ACQUIRED" ? "original" : "exact"} follows` };
    case "EXACT":
      return { text: badge, detail: lossy ? `checked; source ${lossy}` : "checked" };
    case "AS ACQUIRED":
      return { text: badge, detail: lossy || "lossy at source" };
    case "BY BROWSER":
      return { text: "AS ACQUIRED", detail: "lossy video as received, played by the browser: no single frames, no window" };
  }
  return { text: "", detail: "" };
}

/** A number that a person reads off a picture: 128, 127.5, 0.25. @param {number} value */
export function levelText(value) {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : 3;
  return value.toFixed(digits);
}

/** @param {{center: number, width: number} | null} window @param {boolean} inverted @param {number} scale device pixels for an image column */
export function windowText(window, inverted, scale) {
  // No-break spaces: "W 255" stays together in a narrow corner.
  const parts = [window ? `W\u00a0${levelText(window.width)} L\u00a0${levelText(window.center)}` : "VOI table of the file"];
  if (inverted) parts.push("inverted");
  if (scale > 0) parts.push(`${Math.round(scale * 100)} %`);
  return parts.join(" · ");
}

/** @param {Description | null} description @param {PictureTile | null} [tile] whose label is known before the description */
export const runLabel = (description, tile) => description?.label || tile?.label || description?.series_description || description?.modality || "";

/**
 * The lines of a tile's text.
 * @param {Tile} tile
 */
export function tileWords(tile) {
  if (tile.kind === "other") return { label: tile.label, angle: "", frames: "not shown here", state: "", failed: false };
  const { description, kind, state, ready, message, complete, video_url } = tile;
  const frames = description?.frames ?? tile.frames;
  const fps = description?.timing.fps;
  const failed = state === "failed" && !video_url;
  const preparing = frames ? `preparing ${Math.floor((100 * Math.min(...(ready.length ? ready : [0]))) / frames)} %` : "preparing";
  return {
    label: runLabel(description, tile) || "Picture",
    angle: description?.geometry?.label ?? "",
    frames: kind === "still" ? "still" : !frames ? "" : `${frames} fr${fps ? ` · ${fpsText(fps)} fps` : ""}`,
    state: video_url ? "browser video" : failed ? message || "cannot be shown" : state === "waiting" ? "waiting" : complete ? "" : preparing,
    failed,
  };
}

/** What keeps a run from being shown, "" when nothing does. @param {PictureTile} tile @param {string} error the engine's @param {boolean} byBrowser a video that the browser plays itself */
export function troubleWords({ kind, state, message }, error, byBrowser) {
  if (error || state !== "failed" || byBrowser) return error;
  return `This ${kind === "still" ? "still cannot be shown" : "run cannot be played"}: ${message || "its data could not be read"}. The file is kept as received.`;
}

/**
 * The quiet line in the picture; the gravest matter wins. "" when all is well.
 * @param {object} now
 * @param {string} now.connection the engine's
 * @param {boolean} [now.full] it was lost because the server is full
 * @param {number} now.retry_ms till it connects again
 * @param {boolean} now.waiting no picture of this run yet
 * @param {boolean} [now.byBrowser] a video that the browser plays itself
 * @param {boolean} now.late that has lasted for longer than a person would call instant
 * @param {PictureTile} now.tile
 * @returns {string}
 */
export function noticeWords({ connection, full, retry_ms, waiting, late, byBrowser, tile: { kind, state } }) {
  if (connection === "waiting" || connection === "closed") {
    const lost = full ? "The server has as many viewers as it can take." : waiting ? "No connection to the server." : "Connection lost. What is here plays on.";
    return lost + (retry_ms >= 1500 ? ` Trying again in ${Math.round(retry_ms / 1000)} s.` : " Connecting again.");
  }
  if (!waiting || !late) return "";
  if (connection === "connecting") return "Connecting";
  if (state === "ready" || byBrowser) return "Waiting for the first frame";
  return `This ${kind} is being prepared. It ${kind === "still" ? "appears as soon as it is" : "plays as soon as its first frames are"} made.`;
}
