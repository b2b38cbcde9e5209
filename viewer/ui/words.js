// @ts-check
/**
 * The words of the viewer, made from values; nothing here touches a page.
 *
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./types.js").Tile} Tile
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
  if (!timing?.fps) return "";
  return timing.acquisition_known ? `DICOM ${fpsText(timing.fps)} fps` : `Assumed ${fpsText(timing.fps)} fps`;
}

/** @param {Timing | null | undefined} timing @returns {number | null} a recommended rate that differs from the acquisition's */
export function otherRate(timing) {
  const { fps, recommended_fps: recommended } = timing ?? {};
  if (!fps || !recommended) return null;
  return Math.abs(fps - recommended) > 0.05 ? recommended : null;
}

/** The speed a step slower or faster, forwards or backwards. @param {number} now @param {number} step */
export function nextSpeed(now, step) {
  const size = Math.abs(now);
  let nearest = 0;
  SPEEDS.forEach((speed, index) => {
    if (Math.abs(speed - size) < Math.abs((SPEEDS[nearest] ?? 1) - size)) nearest = index;
  });
  const index = Math.min(Math.max(nearest + step, 0), SPEEDS.length - 1);
  return Math.sign(now || 1) * (SPEEDS[index] ?? 1);
}

/**
 * What stands on the picture about its truth.
 * @param {string} badge the engine's: "", "FIRST PASS", "EXACT", "AS ACQUIRED"; or "BY BROWSER": a video that it does not play
 * @param {Description | null} description
 * @returns {{text: string, className: string, detail: string}}
 */
export function badgeWords(badge, description) {
  const lossy = description?.lossy?.source ? description.lossy.text || "lossy at source" : "";
  switch (badge) {
    case "FIRST PASS":
      return { text: "FIRST PASS", className: "first-pass", detail: `lossy, ${description?.tiers.exact?.badge === "AS ACQUIRED" ? "original" : "exact"} follows` };
    case "EXACT":
      return { text: "EXACT", className: "exact", detail: lossy ? `checked; source ${lossy}` : "checked" };
    case "AS ACQUIRED":
      return { text: "AS ACQUIRED", className: "as-acquired", detail: lossy || "lossy at source" };
    case "BY BROWSER":
      return { text: "AS ACQUIRED", className: "as-acquired", detail: "lossy video as received, played by the browser: no single frames, no window" };
    default:
      return { text: "", className: "", detail: "" };
  }
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
  if (Number.isFinite(scale) && scale > 0) parts.push(`${Math.round(scale * 100)} %`);
  return parts.join(" · ");
}

/** @param {Description | null} description */
export function runLabel(description) {
  return description ? description.label || description.series_description || description.modality : "";
}

/**
 * The lines of a tile's text.
 * @param {Tile} tile
 */
export function tileWords(tile) {
  if (tile.kind === "other") return { label: tile.label, angle: "", frames: "not shown here", state: "", failed: false };
  const { description } = tile;
  const byBrowser = Boolean(tile.video_url);
  const failed = tile.state === "failed" && !byBrowser;
  return {
    label: description?.label || tile.label || description?.series_description || description?.modality || "Picture",
    angle: description?.geometry?.label ?? "",
    frames: tileFrames(tile),
    state: byBrowser ? "browser video" : failed ? tile.message || "cannot be shown" : tile.state === "waiting" ? "waiting" : tile.complete ? "" : makingText(tile.ready, framesOf(tile)),
    failed,
  };
}

/** @param {import("./types.js").PictureTile} tile */
function tileFrames(tile) {
  if (tile.kind === "still") return "still";
  const frames = framesOf(tile);
  if (!frames) return "";
  const fps = tile.description?.timing.fps;
  return `${frames} fr${fps ? ` · ${fpsText(fps)} fps` : ""}`;
}

/** @param {import("./types.js").PictureTile} tile */
function framesOf({ description, frames }) {
  return description?.frames ?? frames;
}

/** @param {number[]} ready @param {number | undefined} frames */
function makingText(ready, frames) {
  const made = Math.min(...(ready.length ? ready : [0]));
  return frames ? `preparing ${Math.floor((100 * made) / frames)} %` : "preparing";
}

/**
 * The quiet line in the picture; the gravest matter wins. Null when all is well.
 * @param {object} now
 * @param {string} now.connection the engine's
 * @param {boolean} [now.full] it was lost because the server is full
 * @param {number} now.retry_ms till it connects again
 * @param {boolean} now.waiting no picture of this run yet
 * @param {boolean} [now.byBrowser] a video that the browser plays itself
 * @param {boolean} now.late that has lasted for longer than a person would call instant
 * @param {Tile | null} now.tile
 * @param {string} now.error
 * @returns {{text: string, bad: boolean} | null}
 */
export function noticeWords({ connection, full = false, retry_ms, waiting, late, byBrowser = false, tile, error }) {
  if (!tile) return { text: "This study has no pictures that can be shown here.", bad: false };
  if (error) return { text: error, bad: true };
  if (tile.kind !== "other" && tile.state === "failed" && !byBrowser) {
    return { text: `This ${tile.kind === "still" ? "still cannot be shown" : "run cannot be played"}: ${tile.message || "its data could not be read"}. The file is kept as received.`, bad: true };
  }
  if (connection === "waiting" || connection === "closed") {
    const again = retry_ms >= 1500 ? ` Trying again in ${Math.round(retry_ms / 1000)} s.` : " Connecting again.";
    if (full) return { text: "The server has as many viewers as it can take." + again, bad: false };
    return { text: (waiting ? "No connection to the server." : "Connection lost. What is here plays on.") + again, bad: false };
  }
  if (!waiting || !late) return null;
  if (connection === "connecting") return { text: "Connecting", bad: false };
  if (tile.kind !== "other" && tile.state !== "ready" && !byBrowser) {
    return { text: `This ${tile.kind} is being prepared. It ${tile.kind === "still" ? "appears as soon as it is" : "plays as soon as its first frames are"} made.`, bad: false };
  }
  return { text: "Waiting for the first frame", bad: false };
}
