// Pixels → canvas by WebGL2. Integer textures cannot be filtered, so the four neighbours are looked up, coloured and mixed in
// the shader; colour comes before mixing, as it does on the 2-D canvas, so that both draw the same picture.

import { YBR_FACTORS } from "./display.js";
import { UPRIGHT } from "./zoom_pan.js";

const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D picture;
uniform usampler2D table;
uniform usampler2D levels;  // of samples, where a mask is subtracted
uniform usampler2D mask;
uniform usampler2D veil;
uniform vec3 veil_colors[3];
uniform bool veiled;
uniform float sharpening;   // 0 as it is, 1 sharper, -1 smoother
uniform vec4 place;         // x, y, width, height of the picture on the canvas, y down
uniform mat2 turn;          // from shares of the place to shares of the picture, about the middle
uniform float canvas_height;
uniform int mode;           // 0 index, 1 rgb, 2 ybr, 3 difference
uniform float bits;
uniform vec2 ybr_luma;      // gain, zero
uniform vec4 ybr_chroma;    // Cr to R, Cb to G, Cr to G, Cb to B
out vec4 color;

vec3 entry(uint index) {
  return vec3(texelFetch(table, ivec2(int(index & 255u), int(index >> 8)), 0).rgb);
}

vec3 curve(vec3 levels) {
  return vec3(entry(uint(levels.r)).r, entry(uint(levels.g)).r, entry(uint(levels.b)).r);
}

vec3 pixel(ivec2 at, ivec2 size) {
  at = clamp(at, ivec2(0), size - 1);
  uvec4 s = texelFetch(picture, at, 0);
  if (mode == 0) return entry(s.r);
  if (mode == 1) return curve(vec3(s.rgb));
  if (mode == 3) return entry(texelFetch(levels, ivec2(int(s.r & 255u), int(s.r >> 8)), 0).r + 32768u - texelFetch(mask, at, 0).r);
  float unit = exp2(bits - 8.0);
  float y = ybr_luma.x * (float(s.r) - ybr_luma.y * unit) + 0.5;
  float cb = float(s.g) - 128.0 * unit;
  float cr = float(s.b) - 128.0 * unit;
  vec3 rgb = vec3(y + ybr_chroma.x * cr, y + ybr_chroma.y * cb + ybr_chroma.z * cr, y + ybr_chroma.w * cb);
  return curve(floor(clamp(rgb, 0.0, exp2(bits) - 1.0)));
}

vec3 filtered(ivec2 at, ivec2 size) {
  vec3 here = pixel(at, size);
  if (sharpening == 0.0) return here;
  vec3 sum = vec3(0.0);
  for (int y = -1; y <= 1; y++) {
    for (int x = -1; x <= 1; x++) sum += float((2 - abs(x)) * (2 - abs(y))) * pixel(at + ivec2(x, y), size);
  }
  return clamp(floor((sharpening > 0.0 ? here * 2.0 - sum / 16.0 : sum / 16.0) + 0.5), 0.0, 255.0);
}

vec3 seen(ivec2 at, ivec2 size) {
  at = clamp(at, ivec2(0), size - 1);
  uint over = veiled ? texelFetch(veil, at, 0).r : 0u;
  return over > 0u ? veil_colors[over] : filtered(at, size);
}

void main() {
  ivec2 size = textureSize(picture, 0);
  vec2 at = (vec2(gl_FragCoord.x, canvas_height - gl_FragCoord.y) - place.xy) / place.zw;
  if (any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, vec2(1.0)))) {
    color = vec4(0.0, 0.0, 0.0, 1.0);
    return;
  }
  vec2 p = (turn * (at - 0.5) + 0.5) * vec2(size) - 0.5;
  ivec2 i = ivec2(floor(p));
  vec2 f = p - vec2(i);
  vec3 top = mix(seen(i, size), seen(i + ivec2(1, 0), size), f.x);
  vec3 low = mix(seen(i + ivec2(0, 1), size), seen(i + ivec2(1, 1), size), f.x);
  color = vec4(mix(top, low, f.y) / 255.0, 1.0);
}`;

/** Names that a software renderer gives itself: slower than the 2-D canvas (48 pictures a second instead of 60 at 1024x1024). */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** A context that was lost comes back by itself; one that has not by then does not. */
const GONE_MS = 2000;

/** Where the answer of the last visit is kept: to ask takes 10 to 20 ms, just when the first picture is due. */
const KEPT = "fastcine-fast-gl";
/** So long after a page has begun it is asked again, for the next visit: another graphics card, another driver. */
const ASK_AGAIN_MS = 10_000;

/** @type {boolean | undefined} */
let usable;

/** Whether this machine has a WebGL2 that is not done in software. */
export function hasFastGl() {
  if (usable !== undefined) return usable;
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {} // not allowed here
  if (kept !== null) setTimeout(askForFastGl, ASK_AGAIN_MS);
  return (usable = kept === null ? askForFastGl() : kept === "yes");
}

/** Asked on a canvas of its own; kept for the next visit. */
function askForFastGl() {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  let fast = false;
  if (gl) {
    const names = gl.getExtension("WEBGL_debug_renderer_info");
    const name = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    fast = !SOFTWARE.test(name);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
  try {
    localStorage.setItem(KEPT, fast ? "yes" : "no");
  } catch {} // not allowed here
  return fast;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} kind
 * @param {string} source
 */
function compile(gl, kind, source) {
  const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
    throw new Error(`shader: ${gl.getShaderInfoLog(shader)}`);
  }
  return shader;
}

/** @param {WebGL2RenderingContext} gl */
function makeTexture(gl) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  return texture;
}

/**
 * Texture formats of integer samples.
 * @param {WebGL2RenderingContext} gl
 * @param {number} components
 * @param {boolean} wide 16-bit samples
 */
function formats(gl, components, wide) {
  const format = { 1: gl.RED_INTEGER, 2: gl.RG_INTEGER, 3: gl.RGB_INTEGER, 4: gl.RGBA_INTEGER }[components];
  const narrow_internal = { 1: gl.R8UI, 2: gl.RG8UI, 3: gl.RGB8UI, 4: gl.RGBA8UI }[components];
  const wide_internal = { 1: gl.R16UI, 2: gl.RG16UI, 3: gl.RGB16UI, 4: gl.RGBA16UI }[components];
  if (!format || !narrow_internal || !wide_internal) throw new RangeError(`${components} components`);
  return {
    internal: wide ? wide_internal : narrow_internal,
    format,
    type: wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE,
  };
}

/** @type {readonly [string, number][]} */
const UNITS = [["table", 1], ["levels", 2], ["mask", 3], ["veil", 4]];

/** @type {import("./display.js").DifferencePalette} stands for any: what it holds is compared by itself */
const DIFFERENCE = { mode: "difference", bits: 16, table: new Uint32Array(0), levels: new Uint16Array(0), mask: { plane: new Uint16Array(0), version: 0 } };

export class GlRenderer {
  #key = "";
  /** @type {import("./display.js").Palette | import("./display.js").DifferencePalette | null} */
  #palette = null;
  /** What lies in the textures of a subtraction. @type {{table: Uint32Array | null, levels: Uint16Array | null, mask: object | null, version: number}} */
  #difference = { table: null, levels: null, mask: null, version: -1 };
  /** What lies in the veil's texture. @type {{plane: Uint8Array | null, version: number}} */
  #veil = { plane: null, version: -1 };
  #empty = true;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onRestored the context came back: the picture has to be shown again
   * @param {() => void} onGone it does not come back
   */
  constructor(canvas, onRestored, onGone) {
    this.name = /** @type {const} */ ("gl");
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!gl) throw new Error("no WebGL2");
    this.gl = gl;
    this.#setUp();
    this.abort = new AbortController();
    const { signal } = this.abort;
    let gone = 0;
    const lost = (/** @type {Event} */ event) => {
      event.preventDefault();
      gone = window.setTimeout(onGone, GONE_MS);
    };
    const restored = () => {
      clearTimeout(gone);
      this.#setUp();
      onRestored();
    };
    canvas.addEventListener("webglcontextlost", lost, { signal });
    canvas.addEventListener("webglcontextrestored", restored, { signal });
  }

  #setUp() {
    const { gl } = this;
    const program = /** @type {WebGLProgram} */ (gl.createProgram());
    gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.linkProgram(program);
    gl.useProgram(program);
    const at = (/** @type {string} */ name) => gl.getUniformLocation(program, name);
    this.at = {
      place: at("place"),
      turn: at("turn"),
      canvas_height: at("canvas_height"),
      mode: at("mode"),
      veiled: at("veiled"),
      veil_colors: at("veil_colors"),
      sharpening: at("sharpening"),
      bits: at("bits"),
      ybr_luma: at("ybr_luma"),
      ybr_chroma: at("ybr_chroma"),
    };
    for (const [name, unit] of UNITS) {
      gl.uniform1i(at(name), unit);
      gl.activeTexture(gl.TEXTURE0 + unit);
      makeTexture(gl);
      // Whole, though not used: a sampler without a texture of its kind is an error.
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, 1, 1, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, new Uint16Array(1));
    }
    gl.activeTexture(gl.TEXTURE0);
    this.picture = makeTexture(gl);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#key = "";
    this.#palette = null;
    this.#difference = { table: null, levels: null, mask: null, version: -1 };
    this.#veil = { plane: null, version: -1 };
    this.#empty = true;
  }

  /**
   * Takes a frame as the picture to draw.
   * @param {{samples: Uint8Array | Uint16Array, components: number}} decoded
   * @param {import("./display.js").Palette | import("./display.js").DifferencePalette} palette
   * @param {{rows: number, columns: number}} size
   * @param {import("./display.js").Extras} extras
   */
  show({ samples, components }, palette, { rows, columns }, { filter, veil }) {
    const { gl } = this;
    const wide = samples instanceof Uint16Array;
    const { internal, format, type } = formats(gl, components, wide);
    const key = `${internal} ${columns} ${rows}`;
    if (key !== this.#key) {
      // Storage that never changes is laid out once; the frames only fill it.
      gl.deleteTexture(this.picture ?? null);
      this.picture = makeTexture(gl);
      gl.texStorage2D(gl.TEXTURE_2D, 1, internal, columns, rows);
      this.#key = key;
    }
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, samples);
    if (palette.mode === "difference") this.#useDifference(palette, columns, rows);
    else this.#usePalette(palette);
    gl.uniform1f(this.at?.sharpening ?? null, filter ? (filter.sharp ? 1 : -1) : 0);
    this.#useVeil(veil, columns, rows);
    this.#empty = false;
  }

  /**
   * @param {import("./display.js").Extras["veil"]} veil
   * @param {number} columns
   * @param {number} rows
   */
  #useVeil(veil, columns, rows) {
    const { gl, at } = this;
    gl.uniform1i(at?.veiled ?? null, veil ? 1 : 0);
    if (!veil) return;
    if (veil.plane !== this.#veil.plane || veil.version !== this.#veil.version) {
      gl.activeTexture(gl.TEXTURE4);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, columns, rows, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, veil.plane);
      gl.activeTexture(gl.TEXTURE0);
      this.#veil = { plane: veil.plane, version: veil.version };
    }
    gl.uniform3fv(at?.veil_colors ?? null, veil.colors.flatMap((color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255]));
  }

  /** @param {import("./display.js").Palette} palette */
  #usePalette(palette) {
    if (palette === this.#palette) return;
    const { gl, at } = this;
    const { table, mode } = palette;
    this.#useTable(table);
    gl.uniform1i(at?.mode ?? null, mode === "index" ? 0 : mode === "rgb" ? 1 : 2);
    gl.uniform1f(at?.bits ?? null, palette.bits);
    if (mode === "ybr_full" || mode === "ybr_partial") {
      const [gain, zero, ...chroma] = YBR_FACTORS[mode];
      gl.uniform2f(at?.ybr_luma ?? null, gain, zero);
      gl.uniform4fv(at?.ybr_chroma ?? null, chroma);
    }
    this.#palette = palette;
  }

  /** @param {Uint32Array} table */
  #useTable(table) {
    const { gl } = this;
    const width = Math.min(256, table.length);
    const bytes = new Uint8Array(table.buffer, table.byteOffset, table.byteLength);
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8UI, width, table.length / width, 0, gl.RGBA_INTEGER, gl.UNSIGNED_BYTE, bytes);
    gl.activeTexture(gl.TEXTURE0);
  }

  /**
   * @param {import("./display.js").DifferencePalette} palette
   * @param {number} columns
   * @param {number} rows
   */
  #useDifference({ table, levels, mask }, columns, rows) {
    const { gl } = this;
    const before = this.#palette?.mode === "difference" ? this.#difference : { ...this.#difference, table: null };
    if (table !== before.table) this.#useTable(table);
    /** @type {(unit: number, width: number, height: number, data: Uint16Array) => void} */
    const fill = (unit, width, height, data) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, width, height, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, data);
      gl.activeTexture(gl.TEXTURE0);
    };
    if (levels !== before.levels) fill(2, Math.min(256, levels.length), Math.max(1, levels.length / 256), levels);
    if (mask !== before.mask || mask.version !== before.version) fill(3, columns, rows, mask.plane);
    gl.uniform1i(this.at?.mode ?? null, 3);
    this.#difference = { table, levels, mask, version: mask.version };
    this.#palette = DIFFERENCE;
  }

  /** @param {ImageBitmap | HTMLImageElement} image lossy anyway, so reading it back from a canvas does no harm */
  showPreview(image) {
    const buffer = document.createElement("canvas");
    buffer.width = image.width;
    buffer.height = image.height;
    const context = /** @type {CanvasRenderingContext2D} */ (buffer.getContext("2d", { willReadFrequently: true }));
    context.drawImage(image, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, buffer.width, buffer.height);
    const table = Uint32Array.from({ length: 256 }, (_, n) => n);
    const samples = new Uint8Array(data.buffer);
    this.show({ samples, components: 4 }, { mode: "rgb", bits: 8, table }, { rows: height, columns: width }, { filter: null, veil: null });
  }

  /** @param {import("./zoom_pan.js").Placement} place */
  draw(place) {
    const { gl, at, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (this.#empty) {
      gl.clearColor(0, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    gl.uniform4f(at?.place ?? null, place.x, place.y, place.width, place.height);
    gl.uniformMatrix2fv(at?.turn ?? null, false, place.turn); // the transpose turns back
    gl.uniform1f(at?.canvas_height ?? null, canvas.height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Nothing to show: black. */
  clear() {
    this.#empty = true;
    this.draw({ x: 0, y: 0, width: 1, height: 1, turn: UPRIGHT });
  }

  release() {
    this.abort.abort();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
