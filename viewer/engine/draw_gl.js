// Pixels → canvas by WebGL2, in two steps: a frame's samples become colours, pixel by pixel; the coloured picture is laid out on
// the canvas, its neighbours mixed. Colour comes before mixing, as it does on the 2-D canvas, so that both draw the same picture.

import { YBR_FACTORS } from "./display.js";

const VERTEX = /* glsl */ `void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

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
uniform float bits;
uniform float ybr[6];       // gain and zero of Y, Cr to R, Cb to G, Cr to G, Cb to B
out vec4 color;

uvec4 lookUp(usampler2D entries, uint index) {
  return texelFetch(entries, ivec2(int(index & 255u), int(index >> 8)), 0);
}

vec3 entry(uint index) {
  return vec3(lookUp(table, index).rgb);
}

vec3 curve(vec3 levels) {
  return vec3(entry(uint(levels.r)).r, entry(uint(levels.g)).r, entry(uint(levels.b)).r);
}

vec3 pixel(ivec2 at, ivec2 size) {
  at = clamp(at, ivec2(0), size - 1);
  uvec4 s = texelFetch(picture, at, 0);
#ifdef MODE_index
  return entry(s.r);
#elif defined(MODE_rgb)
  return curve(vec3(s.rgb));
#elif defined(MODE_difference)
  return entry(lookUp(levels, s.r).r + 32768u - texelFetch(mask, at, 0).r);
#else
  float unit = exp2(bits - 8.0);
  float y = ybr[0] * (float(s.r) - ybr[1] * unit) + 0.5;
  float cb = float(s.g) - 128.0 * unit;
  float cr = float(s.b) - 128.0 * unit;
  vec3 rgb = vec3(y + ybr[2] * cr, y + ybr[3] * cb + ybr[4] * cr, y + ybr[5] * cb);
  return curve(floor(clamp(rgb, 0.0, exp2(bits) - 1.0)));
#endif
}

vec3 filtered(ivec2 at, ivec2 size) {
  vec3 here = pixel(at, size);
#if SHARPENING
  vec3 sum = vec3(0.0);
  for (int y = -1; y <= 1; y++) {
    for (int x = -1; x <= 1; x++) sum += float((2 - abs(x)) * (2 - abs(y))) * pixel(at + ivec2(x, y), size);
  }
  here = clamp(floor((SHARPENING > 0 ? here * 2.0 - sum / 16.0 : sum / 16.0) + 0.5), 0.0, 255.0);
#endif
  return here;
}

vec3 seen(ivec2 at) {
#if VEILED
  uint over = texelFetch(veil, at, 0).r;
  if (over > 0u) return veil_colors[over];
#endif
  return filtered(at, textureSize(picture, 0));
}

void main() {
  color = vec4(seen(ivec2(gl_FragCoord.xy)) / 255.0, 1.0);
}`;

const LAYOUT = /* glsl */ `precision highp float;
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
  gl.shaderSource(shader, `#version 300 es\n${source}`);
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

/** A program, and where its uniforms are: asked once, since asking at every frame takes 0.1 ms. @param {WebGL2RenderingContext} gl @param {string} fragment */
function build(gl, fragment) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(program);
  /** @type {Record<string, WebGLUniformLocation | null>} */
  const places = {};
  return { program, at: (/** @type {string} */ name) => (places[name] ??= gl.getUniformLocation(program, name)) };
}

/**
 * Texture formats of integer samples.
 * @param {WebGL2RenderingContext} gl
 * @param {number} components
 * @param {boolean} wide 16-bit samples
 */
function formats(gl, components, wide) {
  const channels = "RGBA".slice(0, components);
  /** @type {Record<string, any>} */
  const constants = gl;
  return {
    internal: constants[`${channels}${wide ? 16 : 8}UI`],
    format: constants[`${components === 1 ? "RED" : channels}_INTEGER`],
    type: wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE,
  };
}

/** The textures, each on the unit of its place. */
const UNITS = ["picture", "table", "levels", "mask", "veil", "colored"];
const [PICTURE, TABLE, LEVELS, MASK, VEIL, COLORED] = UNITS.keys();

export class GlRenderer {
  /** Kind and size of the picture that there is room for; "": nothing is there to draw. */
  #key = "";
  /** By unit. @type {WebGLTexture[]} */
  #textures = [];
  /** What was filled into them. @type {{data?: object, version?: number}[]} */
  #held = [];
  /** By kind of picture. @type {Map<string, ReturnType<typeof build>>} */
  #programs = new Map();
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
    this.#use("", LAYOUT);
    this.#target = gl.createFramebuffer();
    this.#textures = UNITS.map((_, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      const texture = makeTexture(gl);
      // Whole, though not used: a sampler without a texture of its kind is an error.
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, 1, 1, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, new Uint16Array(1));
      return texture;
    });
    this.#held = UNITS.map(() => ({}));
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#key = "";
  }

  /**
   * The places of the uniforms of a program, from now on in use.
   * @param {string} kind what its source is to be compiled with
   * @param {string} source
   */
  #use(kind, source) {
    const { gl } = this;
    const known = this.#programs.get(kind);
    const made = known ?? build(gl, kind + source);
    const { program, at } = made;
    gl.useProgram(program);
    if (!known) {
      this.#programs.set(kind, made);
      for (const [unit, name] of UNITS.entries()) gl.uniform1i(at(name), unit);
    }
    return at;
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
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#target);
    if (key !== this.#key) {
      // Storage that never changes is laid out once; the frames only fill it.
      const colored = this.#renew(COLORED, gl.LINEAR);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, columns, rows);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, colored, 0);
      this.#renew(PICTURE, gl.NEAREST);
      gl.texStorage2D(gl.TEXTURE_2D, 1, internal, columns, rows);
      this.#key = key;
    }
    gl.activeTexture(gl.TEXTURE0 + PICTURE);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, samples);
    const sharpening = filter ? (filter.sharp ? 1 : -1) : 0;
    const at = this.#use(`#define MODE_${palette.mode}\n#define SHARPENING ${sharpening}\n#define VEILED ${veil ? 1 : 0}\n`, COLORING);
    this.#fillTable(TABLE, palette.table);
    if (palette.mode === "difference") {
      this.#fillTable(LEVELS, palette.levels);
      this.#fill(MASK, palette.mask.plane, columns, rows, palette.mask.version);
    } else if (palette.mode === "ybr_full" || palette.mode === "ybr_partial") {
      gl.uniform1f(at("bits"), palette.bits);
      gl.uniform1fv(at("ybr"), YBR_FACTORS[palette.mode]);
    }
    if (veil) {
      this.#fill(VEIL, veil.plane, columns, rows, veil.version);
      gl.uniform3fv(at("veil_colors"), veil.colors.flatMap((color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255]));
    }
    gl.viewport(0, 0, columns, rows);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Another texture, empty, takes the place of the one on a unit. @param {number} unit @param {number} filter */
  #renew(unit, filter) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.deleteTexture(this.#textures[unit]);
    return (this.#textures[unit] = makeTexture(gl, filter));
  }

  /** @param {number} unit @param {Uint16Array | Uint32Array} table 256 entries a row; those of 32 bits are pixels */
  #fillTable(unit, table) {
    this.#fill(unit, table, Math.min(256, table.length), Math.max(1, table.length / 256));
  }

  /**
   * Puts data into the texture of a unit, where they do not lie there already.
   * @param {number} unit
   * @param {Uint8Array | Uint16Array | Uint32Array} data
   * @param {number} width
   * @param {number} height
   * @param {number} [version] counts changes of the data
   */
  #fill(unit, data, width, height, version = 0) {
    const { gl } = this;
    const held = this.#held[unit];
    if (held.data === data && held.version === version) return;
    this.#held[unit] = { data, version };
    const pixels = data instanceof Uint32Array;
    const { internal, format, type } = formats(gl, pixels ? 4 : 1, data instanceof Uint16Array);
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, pixels ? new Uint8Array(data.buffer) : data);
  }

  /** @param {ImageBitmap | HTMLImageElement} image coloured already */
  showPreview(image) {
    const { gl } = this;
    this.#renew(COLORED, gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    this.#key = "preview";
  }

  /** @param {import("./zoom_pan.js").Placement | null} place null: black */
  draw(place) {
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (!place || !this.#key) {
      gl.clearColor(0, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    const at = this.#use("", LAYOUT);
    gl.uniform4f(at("place"), place.x, place.y, place.width, place.height);
    gl.uniformMatrix2fv(at("turn"), false, place.turn); // the transpose turns back
    gl.uniform1f(at("canvas_height"), canvas.height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  release() {
    this.abort.abort();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
