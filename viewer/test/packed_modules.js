// @ts-check
// The tests of the modules, run on the packed ones: node --import ./test/packed_modules.js --test …
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

const ROOT = new URL("../", import.meta.url).href;

/** @type {import("node:module").ResolveHook} */
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const name = found.url.startsWith(ROOT) ? found.url.slice(ROOT.length) : "";
  if (/^(engine|ui)\//.test(name)) return { ...found, url: `${ROOT}packed/${name}` };
  // The decoders are not packed.
  return name.startsWith("packed/vendor/") ? { ...found, url: ROOT + name.slice("packed/".length) } : found;
}

// Node runs the hook in a thread of its own.
if (isMainThread) register(import.meta.url);
