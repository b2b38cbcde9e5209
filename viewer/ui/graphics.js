// @ts-check
/**
 * Lines and words of a presentation state (PS3.3 C.10.5) as outlines in their own units, the way from those to the canvas,
 * and the colours of graphic layers. Pure.
 *
 * @typedef {import("./types.js").Graphic} Graphic
 * @typedef {[number, number]} Point
 * @typedef {{left: number, top: number, width: number, height: number}} Area of the image, in its columns and rows from 0
 */
import { GRAPHIC_COLOR, recommended } from "../engine/veil.js";
import { turnOf } from "../engine/zoom_pan.js";

const AROUND = 96; // points of a circle
const SMOOTH = 12; // points from one to the next of a smooth curve

/** @param {Point} middle @param {Point} one half axis @param {Point} other half axis @returns {Point[]} */
function around([x, y], [ax, ay], [bx, by]) {
  return Array.from({ length: AROUND }, (_, n) => {
    const [c, s] = [Math.cos((2 * Math.PI * n) / AROUND), Math.sin((2 * Math.PI * n) / AROUND)];
    return [x + ax * c + bx * s, y + ay * c + by * s];
  });
}

/** A Catmull-Rom curve through the points; closed where the last is the first. @param {Point[]} points @returns {Point[]} */
function smooth(points) {
  const last = points.length - 1;
  const closed = String(points[0]) === String(points[last]);
  const at = (/** @type {number} */ n) => points[closed ? (n + last) % last : Math.min(last, Math.max(0, n))] ?? [0, 0];
  /** @type {Point[]} */
  const curve = [];
  for (let n = 0; n < last; n++) {
    const near = [at(n - 1), at(n), at(n + 1), at(n + 2)];
    for (let step = 0; step < SMOOTH; step++) {
      const t = step / SMOOTH;
      const [a, b, c, d] = [-t + 2 * t * t - t ** 3, 2 - 5 * t * t + 3 * t ** 3, t + 4 * t * t - 3 * t ** 3, t ** 3 - t * t];
      const along = (/** @type {0 | 1} */ k) => near.reduce((sum, point, i) => sum + (point[k] * [a, b, c, d][i]) / 2, 0);
      curve.push([along(0), along(1)]);
    }
  }
  return [...curve, points[last]];
}

/**
 * The points to be joined, in the graphic's units; one alone is a dot.
 * @param {Pick<Graphic, "type" | "points">} graphic
 * @returns {Point[]}
 */
export function outlineOf({ type, points }) {
  const [p, q, r, s] = points;
  if (type === "CIRCLE") {
    const radius = Math.hypot(q[0] - p[0], q[1] - p[1]);
    return around(p, [radius, 0], [0, radius]);
  }
  if (type === "ELLIPSE") {
    const half = (/** @type {Point} */ from, /** @type {Point} */ to) => /** @type {Point} */ ([(to[0] - from[0]) / 2, (to[1] - from[1]) / 2]);
    const [x, y] = half(p, q);
    return around([p[0] + x, p[1] + y], [x, y], half(r, s));
  }
  return type === "INTERPOLATED" ? smooth(points) : points;
}

/** Whether its last point is joined to its first. @param {Pick<Graphic, "type" | "filled">} graphic */
export const isClosed = ({ type, filled }) => filled || type === "CIRCLE" || type === "ELLIPSE";

/**
 * A part of the displayed area, as it lies turned and mirrored, as a point of the image.
 * @param {Point} point 0, 0 its upper left on the screen, 1, 1 its lower right
 * @param {Area} area
 * @param {{turns: number, mirrored: boolean}} lying
 * @returns {Point} image columns, rows
 */
export function imagePoint([u, v], { left, top, width, height }, lying) {
  const [a, b, c, d] = turnOf(lying);
  return [left + (a * (u - 0.5) + c * (v - 0.5) + 0.5) * width, top + (b * (u - 0.5) + d * (v - 0.5) + 0.5) * height];
}

/** @param {import("./types.js").GraphicLayer | undefined} layer @returns {string} as CSS has it; that of overlays where the layer recommends none */
export const colorOf = (layer) => `rgb(${(recommended(layer) ?? GRAPHIC_COLOR).join(" ")})`;
