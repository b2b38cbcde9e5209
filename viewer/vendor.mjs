// Copies the decoders from node_modules into vendor/, as ES modules, and compresses them for serving.
//
// The packages' scripts are classic ones ("var X = (() => …)()"); one line more makes them modules that a module worker can
// import. Run by the wheel's build and by `make setup`: node vendor.mjs (after npm ci).

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const here = new URL("./", import.meta.url);
const vendor = new URL("vendor/", here);

/** package, file, name of the factory in it */
const DECODERS = [
  ["@cornerstonejs/codec-openjph", "openjphjs", "Module"],
  ["@cornerstonejs/codec-libjpeg-turbo-8bit", "libjpegturbowasm_decode", "libjpegturbowasm_decode"],
];

rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
for (const [name, file, factory] of DECODERS) {
  const source = new URL(`node_modules/${name}/dist/`, here);
  const script = readFileSync(new URL(`${file}.js`, source), "utf8");
  if (!script.includes(`var ${factory} =`)) throw new Error(`${name}: no factory named ${factory}; was it updated?`);
  write(`${file}.js`, Buffer.from(`${script}\nexport default ${factory};\n`));
  write(`${file}.wasm`, readFileSync(new URL(`${file}.wasm`, source)));
}

/**
 * @param {string} name
 * @param {Buffer} bytes
 */
function write(name, bytes) {
  writeFileSync(new URL(name, vendor), bytes);
  const packed = gzipSync(bytes, { level: 9 });
  writeFileSync(new URL(`${name}.gz`, vendor), packed);
  console.log(`vendor/${name}: ${bytes.length} bytes, ${packed.length} compressed`);
}
