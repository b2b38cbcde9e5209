// Zoom, pan, quarter turns and mirroring: where the picture lies on the canvas. Pure; in device pixels unless the name says CSS.

/**
 * @typedef {object} Placement the picture's rectangle on the canvas, device pixels
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {Turn} turn from shares of the picture's sides to shares of the rectangle's
 *
 * @typedef {readonly [number, number, number, number]} Turn about the middle: x' = a x + b y, y' = c x + d y, as [a, b, c, d]
 *
 * @typedef {object} View
 * @property {number} zoom 1 = the whole picture fits
 * @property {number} pan_x CSS pixels
 * @property {number} pan_y CSS pixels
 * @property {number} turns quarter turns clockwise, 0 to 3
 * @property {boolean} mirrored left and right exchanged, before it is turned
 */

export const ZOOM_MIN = 0.1;
export const ZOOM_MAX = 40;

/** @type {readonly Turn[]} */
const QUARTERS = [
  [1, 0, 0, 1],
  [0, -1, 1, 0],
  [-1, 0, 0, -1],
  [0, 1, -1, 0],
];

/**
 * @param {{turns: number, mirrored: boolean}} view
 * @returns {Turn}
 */
export function turnOf({ turns, mirrored }) {
  const [a, b, c, d] = QUARTERS[turns];
  return mirrored ? [-a || 0, b, -c || 0, d] : [a, b, c, d];
}

/**
 * A quarter turn more, clockwise on the screen; negative: the other way.
 * @param {{turns: number, mirrored: boolean}} view
 * @param {number} quarters
 */
export const turned = ({ turns, mirrored }, quarters) => ({ turns: (turns + quarters) & 3, mirrored });

/**
 * Turned over on the screen, however it lies there: about the upright axis (`horizontally`), or the level one.
 * @param {{turns: number, mirrored: boolean}} view
 * @param {boolean} horizontally
 */
export const flipped = ({ turns, mirrored }, horizontally) => ({ turns: ((horizontally ? 4 : 6) - turns) % 4, mirrored: !mirrored });

/**
 * @param {{columns: number, rows: number, pixel_aspect?: number}} image `pixel_aspect`: height of a pixel over its width
 * @param {{width: number, height: number, ratio: number}} canvas backing store, and device pixels per CSS pixel
 * @param {View} view
 * @returns {Placement} whole pixels, so that the picture's edge is sharp and 1:1 stays exactly 1:1
 */
export function place(image, canvas, view) {
  const tall = image.rows * (image.pixel_aspect || 1);
  const [across, down] = view.turns % 2 ? [tall, image.columns] : [image.columns, tall];
  const scale = Math.min(canvas.width / across, canvas.height / down) * view.zoom;
  const width = Math.max(1, Math.round(across * scale));
  const height = Math.max(1, Math.round(down * scale));
  return {
    x: Math.round((canvas.width - width) / 2 + view.pan_x * canvas.ratio),
    y: Math.round((canvas.height - height) / 2 + view.pan_y * canvas.ratio),
    width,
    height,
    turn: turnOf(view),
  };
}

/**
 * An image point on the canvas, device pixels.
 * @param {Placement} on
 * @param {{columns: number, rows: number}} image
 * @param {number} x image columns
 * @param {number} y image rows
 */
export function toCanvas({ x: left, y: top, width, height, turn: [a, b, c, d] }, image, x, y) {
  const u = x / image.columns - 0.5;
  const v = y / image.rows - 0.5;
  return { x: left + (a * u + b * v + 0.5) * width, y: top + (c * u + d * v + 0.5) * height };
}

/**
 * The reverse.
 * @param {Placement} on
 * @param {{columns: number, rows: number}} image
 * @param {number} x device pixels
 * @param {number} y
 */
export function toImage({ x: left, y: top, width, height, turn: [a, b, c, d] }, image, x, y) {
  const u = (x - left) / width - 0.5;
  const v = (y - top) / height - 0.5;
  return { x: (a * u + c * v + 0.5) * image.columns, y: (b * u + d * v + 0.5) * image.rows };
}

/**
 * The view after zooming by `factor` with the CSS point (x, y) held still.
 * @param {View} view
 * @param {number} factor
 * @param {number} x CSS pixels from the canvas's left
 * @param {number} y
 * @param {{width: number, height: number, ratio: number}} canvas
 * @returns {View}
 */
export function zoomedAt(view, factor, x, y, canvas) {
  const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, view.zoom * factor));
  const grown = zoom / view.zoom;
  const from_center_x = x - canvas.width / canvas.ratio / 2 - view.pan_x;
  const from_center_y = y - canvas.height / canvas.ratio / 2 - view.pan_y;
  return {
    ...view,
    zoom,
    pan_x: view.pan_x - from_center_x * (grown - 1),
    pan_y: view.pan_y - from_center_y * (grown - 1),
  };
}
