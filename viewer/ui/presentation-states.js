// @ts-check
/**
 * The presentation states of the run on screen: a list that offers them, the one that is applied, and what it draws over the
 * picture. Loaded when there are any.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("./types.js").PresentationState} PresentationState
 * @typedef {import("./types.js").Description} Description
 * @typedef {import("./graphics.js").Point} Point
 */
import { make, ownHands } from "./dom.js";
import { colorOf, imagePoint, isClosed, outlineOf } from "./graphics.js";
import { areaOf, aspectOf, coveringOf, framesFor, isFor, lyingOf, missingOf, stepsOf, viewOf, within } from "./presentation-model.js";
import { framesText } from "./subtraction-panel.js";

const LINE = 2;
const HALO = "rgb(0 0 0 / 60%)";

/**
 * @param {Player} player @param {HTMLElement} stage what its canvas lies on
 * @param {{replace: (instead: import("./covering.js").Instead | null) => unknown}} covering
 */
export function makeStates(player, stage, covering) {
  // Another canvas takes its place where WebGL does not come back.
  const pictured = () => /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas:not(.graphics)"));
  const canvas = make("canvas", "graphics");
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const list = make("select", "states");
  list.setAttribute("aria-label", "Presentation state");
  ownHands(list);
  list.addEventListener("change", () => choose(list.selectedIndex - 1));
  pictured().after(canvas);
  stage.append(list);

  /** @type {string | null} whose states these are */
  let run = null;
  /** @type {PresentationState[]} */
  let offered = [];
  /** @type {PresentationState | null} */
  let chosen = null;
  let subtracted = false;
  let applied = "";
  let left_at = ""; // how the reader found it
  let fitted = "";
  let zoomed = "";

  const described = () => /** @type {Description} */ (player.description);
  const isHere = (/** @type {{for: import("./types.js").For}} */ one) => isFor(one.for, run, player.frame);
  /** Whether a part of the chosen state is for this frame. @param {{for: import("./types.js").For}} one */
  const applies = (one) => chosen !== null && isHere(chosen) && isHere(one);
  const framesOf = (/** @type {PresentationState} */ state) => framesText(framesFor(state, run).map((n) => n - 1));
  const named = (/** @type {PresentationState} */ { label, description }) => label || description || "without a name";
  const look = () => JSON.stringify([player.window, player.invert, player.view.turns, player.view.mirrored]);
  const zoom = () => JSON.stringify([player.view.zoom, player.view.pan_x, player.view.pan_y]);
  const area = () => chosen?.displayed_areas.find(applies) ?? chosen?.displayed_areas[0];

  /** @param {PresentationState[]} all of the study @param {number} unreadable */
  function offer(all, unreadable) {
    run = player.run;
    chosen = null;
    offered = all.filter((state) => state.for.some((one) => one.run === run));
    const words = offered.map((state) => {
      const of = framesOf(state);
      return make("option", "", of ? `${named(state)} · frame ${of}` : named(state));
    });
    list.replaceChildren(make("option", "", `Presentation states: ${offered.length}, none shown`), ...words);
    if (unreadable) list.append(Object.assign(make("option", "", `${unreadable} more could not be read`), { disabled: true }));
    list.hidden = list.length < 2;
    draw();
  }

  /** @param {number} index of those offered; none: the picture as it was before */
  function choose(index) {
    const before = chosen;
    chosen = offered[index] ?? null;
    list.selectedIndex = chosen ? index + 1 : 0;
    applied = "";
    if (!chosen) {
      if (!before) return;
      covering.replace(null);
      player.present(null);
      if (subtracted) void player.subtract(true);
      return draw();
    }
    if (!before) subtracted = player.subtraction !== null;
    if (player.subtraction) void player.subtract(false);
    if (!isHere(chosen)) {
      player.pause();
      player.seek(framesFor(chosen, run)[0] - 1);
    }
    follow();
  }

  /** @param {PresentationState} state @param {number} voi */
  function apply(state, voi) {
    const steps = stepsOf(state, described(), state.voi[voi]);
    player.present({ ...steps, pixel_aspect: aspectOf(area()) });
    player.setView(lyingOf(state));
    fit();
    covering.replace(coveringOf(state, described()));
    left_at = look();
  }

  function fit() {
    player.setView({ zoom: 1, pan_x: 0, pan_y: 0 });
    const { left, top, width, height } = areaOf(area(), described());
    const picture = pictured();
    const corners = [player.imageToCanvas(left, top), player.imageToCanvas(left + width, top + height)];
    const size = { width: picture.clientWidth, height: picture.clientHeight, ratio: picture.width / picture.clientWidth };
    player.setView(viewOf(area(), corners, size, player.view.scale));
    fitted = `${size.width} ${size.height}`;
    zoomed = zoom();
  }

  /** With every picture: another frame, another run, another size. */
  function follow() {
    if (player.run !== run) {
      chosen = null;
      list.hidden = true;
    }
    if (chosen) {
      const parts = [chosen.voi.findIndex(applies), chosen.displayed_areas.findIndex(applies)];
      // On frames that it does not name its look stays, and the words say so.
      if (!applied || (isHere(chosen) && String(parts) !== applied)) {
        applied = String(parts);
        apply(chosen, parts[0]);
      }
    }
    draw();
  }

  function draw() {
    canvas.hidden = !chosen;
    if (!chosen) return;
    const picture = pictured();
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    else pen.clearRect(0, 0, width, height);
    // Its area is fitted again when the place on the screen has another size, unless the reader moved it.
    if (fitted !== `${picture.clientWidth} ${picture.clientHeight}` && zoomed === zoom()) fit();
    const ratio = width / picture.clientWidth;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const order = chosen.layers.map(({ name }) => name);
    const of = chosen.annotations.filter(applies).sort((a, b) => order.indexOf(a.layer) - order.indexOf(b.layer));
    for (const { layer, texts, graphics } of of) {
      const color = colorOf(chosen.layers.find(({ name }) => name === layer));
      for (const graphic of graphics) if (graphic.units !== "MATRIX") trace(outlineOf(graphic).map((point) => place(graphic.units, point)), isClosed(graphic), graphic.filled, color);
      for (const text of texts) write(text, color);
    }
  }

  /** @param {import("./types.js").Units} units @param {Point} point @returns {Point} CSS pixels of the canvas */
  function place(units, point) {
    const [x, y] = units === "DISPLAY" && chosen ? imagePoint(point, areaOf(area(), described()), lyingOf(chosen)) : point;
    const at = player.imageToCanvas(x, y);
    return [at.x, at.y];
  }

  /** @param {Point[]} points @param {boolean} closed @param {boolean} filled @param {string} color */
  function trace(points, closed, filled, color) {
    pen.beginPath();
    if (points.length === 1) pen.arc(...points[0], 3, 0, 7);
    else for (const point of points) pen.lineTo(...point);
    if (closed) pen.closePath();
    pen.lineJoin = pen.lineCap = "round";
    for (const [style, width] of /** @type {[string, number][]} */ ([[HALO, 2 * LINE], [color, LINE]])) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.stroke();
    }
    pen.fillStyle = color;
    if (filled || points.length === 1) pen.fill();
  }

  /** @param {import("./types.js").GraphicText} text @param {string} color */
  function write({ text, box, anchor }, color) {
    const lines = text.split(/\r\n|[\r\n]/);
    const at = anchor && anchor.units !== "MATRIX" ? place(anchor.units, anchor.point) : null;
    let [left, top, right, px] = [0, 0, 0, 16];
    if (box && box.units !== "MATRIX") {
      const [[x1, y1], [x2, y2]] = [place(box.units, box.top_left), place(box.units, box.bottom_right)];
      [left, top, right] = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2)];
      const bottom = Math.max(y1, y2);
      pen.font = "100px sans-serif";
      const wide = Math.max(1, ...lines.map((line) => pen.measureText(line).width)) / 100;
      px = within(Math.min((bottom - top) / lines.length / 1.2, (right - left) / wide), 11, 48);
      if (at && anchor?.visible) trace([at, [within(at[0], left, right), within(at[1], top, bottom)]], false, false, color);
    } else if (at) {
      [left, top] = [at[0] + 8, at[1] - 0.6 * px];
      right = left;
    } else return;
    pen.font = `${px}px sans-serif`;
    pen.textBaseline = "top";
    const align = (pen.textAlign = box && /^(center|right)$/.test(box.justified) ? /** @type {"center" | "right"} */ (box.justified) : "left");
    const x = align === "left" ? left : align === "right" ? right : (left + right) / 2;
    pen.strokeStyle = HALO;
    pen.lineWidth = 3;
    pen.fillStyle = color;
    lines.forEach((line, n) => {
      pen.strokeText(line, x, top + 1.2 * px * n);
      pen.fillText(line, x, top + 1.2 * px * n);
    });
  }

  return {
    offer,
    choose,
    follow,
    /** Another run is opened: nothing of this one is drawn over its picture, not even while that is on its way. */
    leave: () => player.run !== run && follow(),
    /** The next one, after the last none. */
    next: () => choose(chosen ? offered.indexOf(chosen) + 1 : 0),
    /** What stands on the picture. */
    text: () => {
      if (!chosen || player.run !== run) return "";
      const amiss = [!isHere(chosen) && `made for frame ${framesOf(chosen)}`, look() !== left_at && "changed since", missingOf(chosen, described(), area())].filter(Boolean);
      return `PRESENTATION STATE ${named(chosen)}\n${amiss.join(" · ")}`.trim();
    },
  };
}
