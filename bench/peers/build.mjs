// Bundles the bare Cornerstone3D page into dist/: the page's script, the loader's decode worker, and the HTJ2K decoder.
//
// `node build.mjs`, after `npm ci --ignore-scripts`. Only the decoder that the measured runs need is copied: less to fetch
// for the peer, never more.

import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const here = new URL("./", import.meta.url);
const dist = new URL("dist/", here);
const packages = new URL("node_modules/@cornerstonejs/", here);

/** Node's own modules, named by the XML export of vtk.js, which this page never calls. @type {import("esbuild").Plugin} */
const withoutNode = {
  name: "without-node",
  setup(build) {
    build.onResolve({ filter: /^(events|fs|path|url)$/ }, ({ path }) => ({ path, namespace: "without-node" }));
    build.onLoad({ filter: /.*/, namespace: "without-node" }, () => ({ contents: "module.exports = { EventEmitter: class {} };", loader: "js" }));
  },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(new URL("app/", dist), { recursive: true });
await build({
  entryPoints: [
    { in: new URL("page.js", here).pathname, out: "page" },
    // The loader starts its worker by this name, beside the script that holds the loader.
    { in: new URL("dicom-image-loader/dist/esm/decodeImageFrameWorker.js", packages).pathname, out: "decodeImageFrameWorker" },
  ],
  outdir: new URL("app/", dist).pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "chrome109",
  define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
  plugins: [withoutNode],
  logLevel: "warning",
});
copyFileSync(new URL("codec-openjph/dist/openjphjs.wasm", packages), new URL("app/openjphjs.wasm", dist));
copyFileSync(new URL("index.html", here), new URL("index.html", dist));
