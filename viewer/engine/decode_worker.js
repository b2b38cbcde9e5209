// One decode worker: a compressed frame in, checked samples out. A module worker; the decoders are vendor/*.js (vendor.mjs).
//
// Buffers are transferred both ways, never shared, so that no COOP/COEP headers are needed: the compressed bytes come back
// with the answer, and the samples are written into a buffer that the page gives back when it has one to spare.

import { isGood } from "./crc_check.js";
import { withColorTransform } from "./jpeg_marker.js";
import { CODEC_HTJ2K } from "./wire.js";
import { WARM_UP_BASE64 } from "./warm_up.js";

/**
 * @typedef {object} Job
 * @property {number} id
 * @property {number} codec
 * @property {ArrayBuffer} bytes the bitstream
 * @property {number} rows
 * @property {number} columns
 * @property {number} components
 * @property {number} bits of the samples
 * @property {boolean} transform JPEG: YCbCr into RGB
 * @property {{bytes_per_sample: number, float: boolean, bias: number, low: number, high: number} | null} raw deflate
 *   only; `bias` was added to signed samples; `low` and `high` become 0 and 65535
 * @property {number | null} crc32 to check; null: it was checked before
 * @property {boolean} crc_of_samples else of the bitstream
 * @property {boolean} want_samples
 * @property {ArrayBuffer | null} into for the samples, when its size fits
 * @property {boolean} background nobody waits for it
 *
 * @typedef {object} Answer
 * @property {number} id
 * @property {ArrayBuffer} bytes given back
 * @property {string} failure why it cannot be shown, for people; "": it can
 * @property {Uint8Array | Uint16Array | null} samples
 * @property {number} ms the work took
 *
 * @typedef {object} WasmDecoder
 * @property {(bytes: number) => Uint8Array} getEncodedBuffer
 * @property {() => Uint8Array} getDecodedBuffer
 * @property {() => void} decode
 * @property {() => {width: number, height: number, componentCount: number, bitsPerSample: number}} getFrameInfo
 * @property {() => void} delete
 */

const page = /** @type {{postMessage(message: unknown, transfer: Transferable[]): void}} */ (/** @type {unknown} */ (self));
const VENDOR = new URL("../vendor/", import.meta.url).href;
const DAMAGED = "its checksum is wrong";
const WARM_UP_ROUNDS = 120;
/** The first ones, one every 4 ms: meanwhile the page starts. */
const SLOW_ROUNDS = 20;

/** @type {Record<string, Promise<WasmDecoder> | undefined>} */
const decoders = {};
/** The decoder as the page has compiled it; null: compile it here. @type {(module: WebAssembly.Module | null) => void} */
let gotModule;
/** @type {Promise<WebAssembly.Module | null>} */
const compiled = new Promise((resolve) => (gotModule = resolve));
/** Fetched while the page is still compiling. */
const htj2k_script = import(`${VENDOR}openjphjs.js`);
// Told where the decoder is made.
htj2k_script.catch(() => {});
/** @type {Job[]} */
const queue = [];
let busy = false;

/**
 * The decoder, made when first needed and kept: its buffers are grown once, not at every frame.
 * @param {"htj2k"|"jpeg"} kind
 */
function decoder(kind) {
  return (decoders[kind] ??= (kind === "htj2k" ? makeHtj2k() : makeJpeg()).catch(giveUp));
}

/**
 * A decoder that does not come is no fault of the frames: the page hears that this worker died, and starts another.
 * @param {unknown} error
 * @returns {Promise<never>}
 */
function giveUp(error) {
  setTimeout(() => {
    throw error;
  });
  return new Promise(() => {});
}

const makeHtj2k = async () => makeDecoder((await htj2k_script).default, "HTJ2KDecoder", await compiled);

const makeJpeg = async () =>
  makeDecoder((await import(`${VENDOR}libjpegturbowasm_decode.js`)).default, "JPEGDecoder", null);

/**
 * @param {(options: object) => Promise<any>} factory of the vendor script
 * @param {string} class_name
 * @param {WebAssembly.Module | null} module compiled already
 * @returns {Promise<WasmDecoder>}
 */
async function makeDecoder(factory, class_name, module) {
  const quiet = () => {};
  /** @type {Record<string, unknown>} */
  const options = { locateFile: (/** @type {string} */ file) => VENDOR + file, print: quiet, printErr: quiet };
  if (module) {
    options.instantiateWasm = (
      /** @type {WebAssembly.Imports} */ imports,
      /** @type {(instance: WebAssembly.Instance, module: WebAssembly.Module) => void} */ done,
    ) => {
      WebAssembly.instantiate(module, imports).then((instance) => done(instance, module)).catch(giveUp);
      return {};
    };
  }
  const library = await factory(options);
  return new library[class_name]();
}

/**
 * @param {WasmDecoder} wasm
 * @param {Uint8Array} bytes
 * @returns {Uint8Array} a view of the WASM heap, good until the next decode
 */
function run(wasm, bytes) {
  wasm.getEncodedBuffer(bytes.length).set(bytes);
  wasm.decode();
  return wasm.getDecodedBuffer();
}

/**
 * The bytes as the decoder lays them out, 1 a sample up to 8 bits, else 2; and the coded precision.
 * @param {Job} job
 * @param {Uint8Array} bytes
 */
async function decodeImage(job, bytes) {
  const kind = job.codec === CODEC_HTJ2K ? "htj2k" : "jpeg";
  const { rows, columns, components } = job;
  let decoded;
  let info;
  try {
    const wasm = await decoder(kind);
    decoded = run(wasm, kind === "jpeg" && components === 3 ? withColorTransform(bytes, job.transform) : bytes);
    info = wasm.getFrameInfo();
  } catch (error) {
    // A library that has thrown may be broken inside: the next frame gets a new one.
    decoders[kind] = undefined;
    throw error;
  }
  if (info.width !== columns || info.height !== rows || info.componentCount !== components) {
    throw new Error(`${info.width}x${info.height}x${info.componentCount} instead of ${columns}x${rows}x${components}`);
  }
  return { decoded, coded_bits: info.bitsPerSample };
}

/**
 * Raw samples of more than 16 bits or floating point.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {number} expected bytes
 */
async function inflate(bytes, expected) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  if (raw.length !== expected) throw new Error(`${raw.length} bytes instead of ${expected}`);
  return raw;
}

/**
 * Checked as they are, raw samples are mapped onto 16 bits for display.
 * @param {Uint8Array} raw
 * @param {NonNullable<Job["raw"]>} form
 * @param {Uint8Array | Uint16Array} out
 */
function mapOnto16Bits(raw, form, out) {
  const buffer = /** @type {ArrayBuffer} */ (raw.buffer);
  const Float = form.bytes_per_sample === 8 ? Float64Array : Float32Array;
  const values = form.float ? new Float(buffer) : new Uint32Array(buffer);
  const zero = form.low + (form.float ? 0 : form.bias);
  const scale = 65535 / (form.high - form.low);
  for (let n = 0; n < out.length; n++) {
    const level = (values[n] - zero) * scale + 0.5;
    // NaN becomes 0.
    out[n] = level > 65535 ? 65535 : level >= 0 ? level : 0;
  }
}

/**
 * @param {Uint8Array} decoded
 * @param {number} coded_bits
 * @param {number} bits where the coded precision is larger, lossy overshoot is cut off
 * @param {Uint8Array | Uint16Array} out
 */
function copyOut(decoded, coded_bits, bits, out) {
  const source = coded_bits > 8 ? new Uint16Array(decoded.buffer, decoded.byteOffset, out.length) : decoded;
  if (coded_bits <= bits) return out.set(source);
  const top = 2 ** bits - 1;
  for (let n = 0; n < out.length; n++) out[n] = source[n] > top ? top : source[n];
}

/** For the samples of a frame. @param {Job} job @param {number} count */
function target({ bits, into }, count) {
  const Samples = bits > 8 ? Uint16Array : Uint8Array;
  const size = count * Samples.BYTES_PER_ELEMENT;
  return new Samples(into?.byteLength === size ? into : new ArrayBuffer(size));
}

/**
 * @param {Job} job
 * @param {Answer} answer
 */
async function decode(job, answer) {
  const { raw, want_samples } = job;
  const bytes = new Uint8Array(job.bytes);
  const count = job.rows * job.columns * job.components;
  answer.failure = DAMAGED;
  if (!isGood(job, bytes, false)) return;
  const { decoded, coded_bits } = raw ? { decoded: await inflate(bytes, count * raw.bytes_per_sample), coded_bits: 0 } : await decodeImage(job, bytes);
  if (!isGood(job, decoded, true)) return;
  answer.failure = "";
  if (!want_samples) return;
  const samples = (answer.samples = target(job, count));
  if (raw) mapOnto16Bits(decoded, raw, samples);
  else copyOut(decoded, coded_bits, job.bits, samples);
}

/** The oldest that somebody waits for, else the oldest. */
function next() {
  const due = queue.findIndex(({ background }) => !background);
  return due > 0 ? queue.splice(due, 1)[0] : queue.shift();
}

async function work() {
  if (busy) return;
  busy = true;
  for (let job = next(); job; job = next()) {
    const start = performance.now();
    /** @type {Answer} */
    const answer = { id: job.id, bytes: job.bytes, failure: "", samples: null, ms: 0 };
    try {
      await decode(job, answer);
    } catch (error) {
      answer.failure = `it cannot be decoded (${error})`;
    }
    answer.ms = performance.now() - start;
    page.postMessage(answer, answer.samples ? [answer.bytes, answer.samples.buffer] : [answer.bytes]);
  }
  busy = false;
}

/**
 * The next turn of this worker, so that a frame which came meanwhile goes first. Timers of a chain wait 4 ms each, which leaves the
 * cores to the page.
 * @param {boolean} slowly
 * @returns {Promise<unknown>}
 */
function turn(slowly) {
  if (slowly) return new Promise((resolve) => setTimeout(resolve, 0));
  const { port1, port2 } = new MessageChannel();
  port2.postMessage(0);
  return new Promise((resolve) => (port1.onmessage = resolve)).finally(() => port1.close());
}

/**
 * Lets the engine compile the decoder's hot loops before the first real frame: 20 ms instead of 100 for it.
 * @param {Uint8Array[]} streams
 */
async function warmUp(streams) {
  try {
    for (let round = 0; round < WARM_UP_ROUNDS; round++) {
      const wasm = await decoder("htj2k");
      // Nothing is awaited within a round: a frame just decoded still lies in the heap that this writes over.
      if (!busy && queue.length === 0) for (const bytes of streams) run(wasm, bytes);
      tellReady();
      await turn(round < SLOW_ROUNDS);
    }
  } catch {
    // Streams it does not like are no reason to take no frames.
    tellReady();
  }
  page.postMessage({ warm: true }, []);
}

let told = false;

/** From now on the page gives frames to this worker. */
function tellReady() {
  if (!told) page.postMessage({ ready: true }, []);
  told = true;
}

self.onmessage = ({ data }) => {
  if (data.start) {
    gotModule(data.module);
    // Twice a round: as much as the compiler wants to see before the first frame.
    const streams = [...WARM_UP_BASE64, ...WARM_UP_BASE64].map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
    warmUp(streams);
  } else {
    queue.push(data);
    work();
  }
};
