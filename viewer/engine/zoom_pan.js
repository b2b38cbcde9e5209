// Zoom and pan: where the picture lies on the canvas. Pure; all in device pixels unless the name says CSS.

/**
 * @typedef {object} Placement the picture's rectangle on the canvas, device pixels
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} View
 * @property {number} zoom 1 = the whole picture fits
 * @property {number} pan_x CSS pixels
 * @property {number} pan_y CSS pixels
 */

export const ZOOM_MIN = 0.1;
export const ZOOM_MAX = 40;

/**
 * @param {{columns: number, rows: number, pixel_aspect?: number}} image `pixel_aspect`: height of a pixel over its width
 * @param {{width: number, height: number, ratio: number}} canvas backing store, and device pixels per CSS pixel
 * @param {View} view
 * @returns {Placement} whole pixels, so that the picture's edge is sharp and 1:1 stays exactly 1:1
 */
export function place(image, canvas, view) {
  const tall = image.rows * (image.pixel_aspect || 1);
  const scale = Math.min(canvas.width / image.columns, canvas.height / tall) * view.zoom;
  const width = Math.max(1, Math.round(image.columns * scale));
  const height = Math.max(1, Math.round(tall * scale));
  return {
    x: Math.round((canvas.width - width) / 2 + view.pan_x * canvas.ratio),
    y: Math.round((canvas.height - height) / 2 + view.pan_y * canvas.ratio),
    width,
    height,
  };
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
    zoom,
    pan_x: view.pan_x - from_center_x * (grown - 1),
    pan_y: view.pan_y - from_center_y * (grown - 1),
  };
}
