// One decode worker: a compressed frame in, checked samples out. A module worker; the decoders are vendor/*.js (vendor.mjs).
//
// Buffers are transferred both ways, never shared, so that no COOP/COEP headers are needed: the compressed bytes come back
// with the answer, and the samples are written into a buffer that the page gives back when it has one to spare.

import { bitstreamIsGood, samplesAreGood } from "./crc_check.js";
import { withColorTransform } from "./jpeg_marker.js";
import { CODEC_DEFLATE, CODEC_HTJ2K } from "./wire.js";
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
 * @property {""|"crc"|"decode"} failure
 * @property {string} reason
 * @property {ArrayBuffer | null} samples
 * @property {number} bytes_per_sample 1 or 2
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
 * Decoded bytes as the decoder lays them out: 1 byte a sample up to 8 bits, else 2.
 * @param {Job} job
 * @param {"htj2k"|"jpeg"} kind
 */
async function decodeImage(job, kind) {
  const bytes = new Uint8Array(job.bytes);
  const jpeg = kind === "jpeg" && job.components === 3;
  let decoded;
  let info;
  try {
    const wasm = await decoder(kind);
    decoded = run(wasm, jpeg ? withColorTransform(bytes, job.transform) : bytes);
    info = wasm.getFrameInfo();
  } catch (error) {
    // A library that has thrown may be broken inside: the next frame gets a new one.
    decoders[kind] = undefined;
    throw error;
  }
  if (info.width !== job.columns || info.height !== job.rows || info.componentCount !== job.components) {
    throw new Error(`${info.width}x${info.height}x${info.componentCount} instead of ${job.columns}x${job.rows}x${job.components}`);
  }
  return { decoded, bytes_per_sample: info.bitsPerSample > 8 ? 2 : 1, coded_bits: info.bitsPerSample };
}

/**
 * Raw samples of more than 16 bits or floating point: checked as they are, then mapped onto 16 bits for display.
 * @param {Job} job
 */
async function inflate(job) {
  const stream = new Blob([job.bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const expected = job.rows * job.columns * job.components * (job.raw?.bytes_per_sample ?? 0);
  if (raw.length !== expected) throw new Error(`${raw.length} bytes instead of ${expected}`);
  return raw;
}

/**
 * @param {Uint8Array} raw
 * @param {NonNullable<Job["raw"]>} form
 * @param {Uint16Array} out
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
 * @param {Job} job
 * @param {number} size bytes
 */
const target = (job, size) => (job.into && job.into.byteLength === size ? job.into : new ArrayBuffer(size));

/**
 * @param {Job} job
 * @param {Uint8Array} decoded
 * @param {number} coded_bytes a sample, of `decoded`
 * @param {boolean} clamp the coded precision is larger than the run's: lossy overshoot is cut off
 */
function copyOut(job, decoded, coded_bytes, clamp) {
  const count = job.rows * job.columns * job.components;
  const bytes_per_sample = job.bits > 8 ? 2 : 1;
  const samples = target(job, count * bytes_per_sample);
  if (coded_bytes === bytes_per_sample && !clamp) {
    new Uint8Array(samples).set(decoded);
    return samples;
  }
  const source = coded_bytes === 2 ? new Uint16Array(decoded.buffer, decoded.byteOffset, count) : decoded;
  const out = bytes_per_sample === 2 ? new Uint16Array(samples) : new Uint8Array(samples);
  const top = 2 ** job.bits - 1;
  for (let n = 0; n < count; n++) out[n] = source[n] > top ? top : source[n];
  return samples;
}

/**
 * @param {Job} job
 * @returns {Promise<{samples: ArrayBuffer | null, bytes_per_sample: number, good: boolean}>}
 */
async function decode(job) {
  if (!bitstreamIsGood(job, new Uint8Array(job.bytes))) return { samples: null, bytes_per_sample: 1, good: false };
  if (job.codec === CODEC_DEFLATE) {
    const raw = await inflate(job);
    const good = samplesAreGood(job, raw);
    if (!good || !job.want_samples || !job.raw) return { samples: null, bytes_per_sample: 2, good };
    const samples = target(job, job.rows * job.columns * job.components * 2);
    mapOnto16Bits(raw, job.raw, new Uint16Array(samples));
    return { samples, bytes_per_sample: 2, good };
  }
  const { decoded, bytes_per_sample, coded_bits } = await decodeImage(job, job.codec === CODEC_HTJ2K ? "htj2k" : "jpeg");
  const good = samplesAreGood(job, decoded);
  const samples = good && job.want_samples ? copyOut(job, decoded, bytes_per_sample, coded_bits > job.bits) : null;
  return { samples, bytes_per_sample: job.bits > 8 ? 2 : 1, good };
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
    const answer = { id: job.id, bytes: job.bytes, failure: "", reason: "", samples: null, bytes_per_sample: 1, ms: 0 };
    try {
      const { samples, bytes_per_sample, good } = await decode(job);
      Object.assign(answer, { samples, bytes_per_sample, failure: good ? "" : "crc" });
    } catch (error) {
      answer.failure = "decode";
      answer.reason = String(error);
    }
    answer.ms = performance.now() - start;
    page.postMessage(answer, answer.samples ? [answer.bytes, answer.samples] : [answer.bytes]);
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
