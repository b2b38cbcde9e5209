// Pixels → canvas by WebGL2, in two steps: a frame's samples become colours, pixel by pixel; the coloured picture is laid out on
// the canvas, its neighbours mixed. Colour comes before mixing, as it does on the 2-D canvas, so that both draw the same picture.

import { YBR_FACTORS } from "./display.js";
import { UPRIGHT } from "./zoom_pan.js";

const VERTEX = /* glsl */ `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

const MODES = /** @type {const} */ ({ index: 0, rgb: 1, ybr_full: 2, ybr_partial: 2, difference: 3 });

/** What a picture does not need is not in its shader: drawn by the processor, branches not taken would cost as much as those taken. */
const COLORING = /* glsl */ `precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D picture;
uniform usampler2D table;
uniform usampler2D levels;  // of samples, where a mask is subtracted
uniform usampler2D mask;
uniform usampler2D veil;
uniform vec3 veil_colors[18];
uniform float sharpening;   // 1 sharper, -1 smoother
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
#if MODE == 0
  return entry(s.r);
#elif MODE == 1
  return curve(vec3(s.rgb));
#elif MODE == 3
  return entry(texelFetch(levels, ivec2(int(s.r & 255u), int(s.r >> 8)), 0).r + 32768u - texelFetch(mask, at, 0).r);
#else
  float unit = exp2(bits - 8.0);
  float y = ybr_luma.x * (float(s.r) - ybr_luma.y * unit) + 0.5;
  float cb = float(s.g) - 128.0 * unit;
  float cr = float(s.b) - 128.0 * unit;
  vec3 rgb = vec3(y + ybr_chroma.x * cr, y + ybr_chroma.y * cb + ybr_chroma.z * cr, y + ybr_chroma.w * cb);
  return curve(floor(clamp(rgb, 0.0, exp2(bits) - 1.0)));
#endif
}

vec3 filtered(ivec2 at, ivec2 size) {
  vec3 here = pixel(at, size);
#if FILTERED
  vec3 sum = vec3(0.0);
  for (int y = -1; y <= 1; y++) {
    for (int x = -1; x <= 1; x++) sum += float((2 - abs(x)) * (2 - abs(y))) * pixel(at + ivec2(x, y), size);
  }
  here = clamp(floor((sharpening > 0.0 ? here * 2.0 - sum / 16.0 : sum / 16.0) + 0.5), 0.0, 255.0);
#endif
  return here;
}

vec3 seen(ivec2 at, ivec2 size) {
  at = clamp(at, ivec2(0), size - 1);
#if VEILED
  uint over = texelFetch(veil, at, 0).r;
  if (over > 0u) return veil_colors[over];
#endif
  return filtered(at, size);
}

void main() {
  color = vec4(seen(ivec2(gl_FragCoord.xy), textureSize(picture, 0)) / 255.0, 1.0);
}`;

const LAYOUT = /* glsl */ `#version 300 es
precision highp float;
uniform sampler2D colored;
uniform vec4 place;         // x, y, width, height of the picture on the canvas, y down
uniform mat2 turn;          // from shares of the place to shares of the picture, about the middle
uniform float canvas_height;
out vec4 color;

void main() {
  vec2 at = (vec2(gl_FragCoord.x, canvas_height - gl_FragCoord.y) - place.xy) / place.zw;
  bool inside = all(greaterThanEqual(at, vec2(0.0))) && all(lessThan(at, vec2(1.0)));
  color = inside ? texture(colored, turn * (at - 0.5) + 0.5) : vec4(0.0, 0.0, 0.0, 1.0);
}`;

/** A context that was lost comes back by itself; one that has not by then does not. */
const GONE_MS = 2000;

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

/** Bound to the unit that is active. @param {WebGL2RenderingContext} gl @param {number} [filter] */
function makeTexture(gl, filter = gl.NEAREST) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  return texture;
}

/** A program, from now on in use, and where its uniforms are. @param {WebGL2RenderingContext} gl @param {string} fragment @returns {Made} */
function build(gl, fragment) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(program);
  gl.useProgram(program);
  /** @type {Map<string, WebGLUniformLocation | null>} */
  const places = new Map();
  return {
    program,
    at: (name) => {
      let place = places.get(name);
      if (place === undefined) places.set(name, (place = gl.getUniformLocation(program, name)));
      return place;
    },
  };
}

/**
 * Texture formats of integer samples.
 * @param {WebGL2RenderingContext} gl
 * @param {number} components
 * @param {boolean} wide 16-bit samples
 */
function formats(gl, components, wide) {
  const channels = ["R", "RG", "RGB", "RGBA"][components - 1];
  if (!channels) throw new RangeError(`${components} components`);
  /** @type {Record<string, any>} */
  const constants = gl;
  return {
    internal: constants[`${channels}${wide ? 16 : 8}UI`],
    format: constants[`${components === 1 ? "RED" : channels}_INTEGER`],
    type: wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE,
  };
}

/** @type {readonly [string, number][]} */
const UNITS = [["table", 1], ["levels", 2], ["mask", 3], ["veil", 4]];
const COLORED = 5;

/** @type {import("./display.js").DifferencePalette} stands for any: what it holds is compared by itself */
const DIFFERENCE = { mode: "difference", bits: 16, table: new Uint32Array(0), levels: new Uint16Array(0), mask: { plane: new Uint16Array(0), version: 0 } };

/** @typedef {(name: string) => WebGLUniformLocation | null} Uniforms */
/** @typedef {{program: WebGLProgram, at: Uniforms}} Made */

export class GlRenderer {
  #key = "";
  /** @type {import("./display.js").Palette | import("./display.js").DifferencePalette | null} */
  #palette = null;
  /** What lies in the textures of a subtraction. @type {{table: Uint32Array | null, levels: Uint16Array | null, mask: object | null, version: number}} */
  #difference = { table: null, levels: null, mask: null, version: -1 };
  /** What lies in the veil's texture. @type {{plane: Uint8Array | null, version: number}} */
  #veil = { plane: null, version: -1 };
  #empty = true;
  /** By kind of picture. @type {Map<string, Made>} */
  #programs = new Map();
  /** @type {Made | null} */
  #layout = null;
  /** @type {WebGLTexture | null} */
  #colored = null;
  /** @type {WebGLFramebuffer | null} */
  #target = null;

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
    this.#programs.clear();
    this.#layout = build(gl, LAYOUT);
    gl.uniform1i(this.#layout.at("colored"), COLORED);
    this.#target = gl.createFramebuffer();
    this.#colored = null;
    for (const [, unit] of UNITS) {
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

  /** The places of the uniforms of the program that colours one kind of picture, from now on in use. @param {number} mode @param {boolean} filtered @param {boolean} veiled */
  #use(mode, filtered, veiled) {
    const { gl } = this;
    const kind = `#version 300 es\n#define MODE ${mode}\n#define FILTERED ${Number(filtered)}\n#define VEILED ${Number(veiled)}\n`;
    let made = this.#programs.get(kind);
    if (!made) {
      this.#programs.set(kind, (made = build(gl, kind + COLORING)));
      for (const [name, unit] of UNITS) gl.uniform1i(made.at(name), unit);
    }
    gl.useProgram(made.program);
    return made.at;
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
      this.#makeColored(columns, rows);
      this.#key = key;
    }
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, samples);
    const at = this.#use(MODES[palette.mode], Boolean(filter), Boolean(veil));
    if (palette.mode === "difference") this.#useDifference(palette, columns, rows);
    else this.#usePalette(palette, at);
    if (filter) gl.uniform1f(at("sharpening"), filter.sharp ? 1 : -1);
    if (veil) this.#useVeil(veil, columns, rows, at("veil_colors"));
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#target);
    gl.viewport(0, 0, columns, rows);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.#empty = false;
  }

  /** The coloured picture's own texture, of this size. @param {number} columns @param {number} rows */
  #makeColored(columns, rows) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + COLORED);
    gl.deleteTexture(this.#colored);
    this.#colored = makeTexture(gl, gl.LINEAR);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, columns, rows);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.#colored, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /**
   * @param {NonNullable<import("./display.js").Extras["veil"]>} veil
   * @param {number} columns
   * @param {number} rows
   * @param {WebGLUniformLocation | null} colors
   */
  #useVeil(veil, columns, rows, colors) {
    const { gl } = this;
    if (veil.plane !== this.#veil.plane || veil.version !== this.#veil.version) {
      gl.activeTexture(gl.TEXTURE4);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, columns, rows, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, veil.plane);
      gl.activeTexture(gl.TEXTURE0);
      this.#veil = { plane: veil.plane, version: veil.version };
    }
    gl.uniform3fv(colors, veil.colors.flatMap((color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255]));
  }

  /** @param {import("./display.js").Palette} palette @param {Uniforms} at */
  #usePalette(palette, at) {
    const { gl } = this;
    if (palette !== this.#palette) this.#useTable(palette.table);
    this.#palette = palette;
    if (palette.mode !== "ybr_full" && palette.mode !== "ybr_partial") return;
    const [gain, zero, ...chroma] = YBR_FACTORS[palette.mode];
    gl.uniform1f(at("bits"), palette.bits);
    gl.uniform2f(at("ybr_luma"), gain, zero);
    gl.uniform4fv(at("ybr_chroma"), chroma);
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
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (this.#empty || !this.#layout) {
      gl.clearColor(0, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    const { program, at } = this.#layout;
    gl.useProgram(program);
    gl.uniform4f(at("place"), place.x, place.y, place.width, place.height);
    gl.uniformMatrix2fv(at("turn"), false, place.turn); // the transpose turns back
    gl.uniform1f(at("canvas_height"), canvas.height);
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
