// @ts-check
// Inlined into the viewer's page by the server (by nonce): stream, decoder and worker start while the modules load.
// The server puts window.BOOTSTRAP in front; see engine/README.md, "early".
(() => {
  /** @type {{run: string, frames: number, rate_fps: number, base: string, preview: boolean}} */
  const start = /** @type {any} */ (window).BOOTSTRAP;
  /** @type {any} */
  const early = { inbox: [], first_frame_ms: null, previews: [], run: start.run, granted_bytes: 4194304 };
  /** @type {any} */ (window).fastcineEarly = early;
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", "fastcine.v1");
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => early.inbox.push(event.data);
  socket.onopen = () => {
    const { run, frames, rate_fps } = start;
    for (const message of [
      { type: "hello", version: 1, granted_bytes: early.granted_bytes },
      { type: "open", run },
      { type: "want", run, state: "play", frame: 0, rate_fps, first: 0, last: frames - 1, loop: "loop" },
    ]) socket.send(JSON.stringify(message));
  };
  early.socket = socket;
  // Compiling takes both cores of a small machine: a picture in the page (preview.js) goes first, if it comes soon.
  const preview_done = new Promise((resolve) => {
    early.previewDone = resolve;
    setTimeout(resolve, start.preview ? 100 : 0);
  });
  early.module = preview_done.then(() => WebAssembly.compileStreaming(fetch(start.base + "vendor/openjphjs.wasm")));
  early.worker = new Worker(start.base + "engine/decode_worker.js", { type: "module" });
})();
