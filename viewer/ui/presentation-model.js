// @ts-check
/**
 * What a presentation state says of one frame (PS3.4 N.2, PS3.3 C.10.4 and C.11). What it does not say is an identity, whatever the
 * image says. Pure.
 *
 * @typedef {import("./types.js").PresentationState} PresentationState
 * @typedef {import("./types.js").Description} Description
 */

import { recommended } from "../engine/veil.js";

const COLOR = "1.2.840.10008.5.1.4.1.1.11.2";
const XRAY = "1.2.840.10008.5.1.4.1.1.11.5";
const MM_CSS = 96 / 25.4; // CSS pixels, on a screen that browsers know nothing of

/**
 * @param {{run: string, frames: number[]}[]} list of images; empty: all
 * @param {string | null} run @param {number} frame from 0
 */
export const isFor = (list, run, frame) => !list.length || list.some((one) => one.run === run && (!one.frames.length || one.frames.includes(frame + 1)));

/** The frames of a run that a state is for, from 1; empty: all. @param {PresentationState} state @param {string | null} run */
export function framesFor(state, run) {
  const all = state.for.filter((one) => one.run === run);
  return all.some(({ frames }) => !frames.length) ? [] : [...new Set(all.flatMap(({ frames }) => frames))].sort((a, b) => a - b);
}

/** @param {number} value @param {number} from @param {number} to */
export const within = (value, from, to) => Math.min(to, Math.max(from, value));

/** @param {PresentationState} state how the picture lies, as the player has it: mirrored before it is turned */
export const lyingOf = ({ rotation_deg, flip_horizontal }) => ({ turns: (flip_horizontal ? 4 - rotation_deg / 90 : rotation_deg / 90) % 4, mirrored: flip_horizontal });

/** @param {PresentationState} state @param {Description} description */
const isGrey = (state, { samples_per_pixel, display }) => state.sop_class_uid !== COLOR && samples_per_pixel === 1 && !display.palette;

/**
 * The display steps and the look; null: the picture has colours, and none of it applies.
 * @param {PresentationState} state @param {Description} description
 * @param {PresentationState["voi"][number] | undefined} voi that is for this frame
 * @returns {{display: import("../engine/description.js").Display, look: import("../engine/display.js").Look} | null}
 */
export function stepsOf(state, description, voi) {
  if (!isGrey(state, description)) return null;
  const { bits_stored, signed, display: own } = description;
  // Modality is no step of X-ray states; samples of more than 16 bits were mapped by the file's own.
  const ownModality = state.sop_class_uid === XRAY || description.tiers.exact.codec === "deflate";
  const modality = ownModality ? {} : (state.modality ?? { rescale_slope: 1, rescale_intercept: 0, modality_lut: null });
  const inverse = state.presentation_lut_shape ? state.presentation_lut_shape === "INVERSE" : !state.presentation_lut && own.invert;
  const display = { ...own, ...modality, invert: inverse, presentation_lut: state.presentation_lut, voi_luts: voi?.voi_luts ?? [], voi_lut_function: voi?.voi_lut_function ?? "LINEAR" };
  const [window] = voi?.windows ?? [];
  const voi_lut = display.voi_luts.length ? 0 : null;
  if (window || voi_lut === 0) return { display, look: { center: window?.center ?? 0, width: window?.width ?? 1, voi_lut, invert: false } };
  // No VOI step: what the modality step gives goes from black to white as it is.
  const { modality_lut: lut, rescale_slope: slope, rescale_intercept: intercept } = display;
  const low = lut ? 0 : intercept - (signed ? slope * 2 ** (bits_stored - 1) : 0);
  const width = lut ? 2 ** lut.bits - 1 : slope * (2 ** bits_stored - 1);
  return { display: { ...display, voi_lut_function: "LINEAR_EXACT" }, look: { center: low + width / 2, width, voi_lut: null, invert: false } };
}

/**
 * The displayed area in the image's columns and rows, from 0; all of the image where none is said.
 * @param {import("./types.js").DisplayedArea | undefined} area @param {{rows: number, columns: number}} image
 */
export function areaOf(area, { rows, columns }) {
  if (!area) return { left: 0, top: 0, width: columns, height: rows };
  const [[r, c], [bottom, right]] = [area.top_left, area.bottom_right];
  const [left, top] = [Math.min(c, right) - 1, Math.min(r, bottom) - 1];
  return { left, top, width: Math.max(c, right) - left, height: Math.max(r, bottom) - top };
}

/** Height of a pixel over its width, where the area says it. @param {import("./types.js").DisplayedArea | undefined} area */
export const aspectOf = (area) => (area?.pixel_spacing_mm ? area.pixel_spacing_mm[0] / area.pixel_spacing_mm[1] : area?.pixel_aspect) || undefined;

/**
 * Zoom and pan that show the area as it asks.
 * @param {import("./types.js").DisplayedArea | undefined} area
 * @param {{x: number, y: number}[]} corners two that face each other, where they lie at zoom 1 without pan; CSS pixels
 * @param {{width: number, height: number, ratio: number}} canvas CSS pixels, and device pixels in one
 * @param {number} scale device pixels a column at zoom 1
 */
export function viewOf(area, [a, b], canvas, scale) {
  const { size_mode: mode, magnification, pixel_spacing_mm: spacing } = area ?? {};
  let zoom = Math.min(canvas.width / Math.abs(a.x - b.x), canvas.height / Math.abs(a.y - b.y));
  if (mode === "MAGNIFY" && magnification) zoom = magnification / scale;
  if (mode === "TRUE SIZE" && spacing) zoom = (spacing[1] * MM_CSS * canvas.ratio) / scale;
  zoom = within(zoom, 0.1, 40);
  return { zoom, pan_x: (canvas.width - a.x - b.x) * 0.5 * zoom, pan_y: (canvas.height - a.y - b.y) * 0.5 * zoom };
}

/**
 * Shutters, and the overlays that it activates: its own, else the image's, in the colours of their layers.
 * @param {PresentationState} state @param {Description} description
 */
export function coveringOf({ shutters, overlays, active_overlays, layers }, description) {
  const groups = new Set([...active_overlays.map(({ group }) => group), ...shutters.map(({ overlay_group }) => overlay_group)]);
  const own = overlays.filter(({ group }) => groups.has(group));
  const others = (description.overlays ?? []).filter(({ group }) => groups.has(group) && !own.some((one) => one.group === group));
  const colored = [...own, ...others].map((one) => {
    const layer = active_overlays.find(({ group }) => group === one.group)?.layer;
    return { ...one, color: recommended(layers.find(({ name }) => name === layer)) };
  });
  return { shutters, overlays: colored, bits: new Map(own.map(({ group, bits }) => [group, Uint8Array.from(atob(bits), (c) => c.charCodeAt(0))])) };
}

/** What of it is not shown as it asks, in words. @param {PresentationState} state @param {Description} description @param {import("./types.js").DisplayedArea | undefined} area */
export function missingOf(state, description, area) {
  const units = state.annotations.flatMap(({ texts, graphics }) => [...graphics.map((one) => one.units), ...texts.flatMap(({ box, anchor }) => [box?.units, anchor?.units])]);
  const deep = description.tiers.exact.codec === "deflate" && state.modality;
  return [
    state.mask && "its mask is not subtracted",
    area?.size_mode === "TRUE SIZE" && (area.pixel_spacing_mm ? "true size only if the screen has 96 dots an inch" : "true size is not known: fitted"),
    area?.size_mode === "MAGNIFY" && !area.magnification && "magnification is not known: fitted",
    units.includes("MATRIX") && "graphics in units of a tiled whole are not drawn",
    deep && "its modality step is not applied",
  ].filter(Boolean).join(" · ");
}
