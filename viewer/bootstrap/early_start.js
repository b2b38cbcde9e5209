// @ts-check
// Inlined into the viewer's page by the server (by nonce): stream, decoder and worker start while the modules load.
// The server puts window.BOOTSTRAP in front; see engine/README.md, "early".
(() => {
  /** @type {{run: string, frames: number, rate_fps: number, base: string, previews: number}} */
  const start = /** @type {any} */ (window).BOOTSTRAP;
  /** @type {any} */
  const early = {
    inbox: [], first_frame_ms: null, previews: [], previews_count: start.previews, preview_frame: -1, taken: false,
    run: start.run, granted_bytes: 4194304,
  };
  /** @type {any} */ (window).fastcineEarly = early;
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", "fastcine.v1");
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => early.inbox.push(event.data);
  const asked_ms = performance.now();
  socket.onopen = () => {
    const { run, frames, rate_fps } = start;
    // Opening took two round trips. Where previews play meanwhile, what comes first is the frame of when it can be here.
    early.round_trip_ms = (performance.now() - asked_ms) / 2;
    const ahead_ms = early.first_frame_ms === null ? 0 : performance.now() - early.first_frame_ms + early.round_trip_ms;
    const frame = early.previews_count > 1 ? Math.floor((ahead_ms * rate_fps) / 1000) % frames : 0;
    for (const message of [
      { type: "hello", version: 1, granted_bytes: early.granted_bytes },
      { type: "open", run },
      { type: "want", run, state: document.hidden ? "hidden" : "play", frame, rate_fps, first: 0, last: frames - 1, loop: "loop", starting: true },
    ]) socket.send(JSON.stringify(message));
  };
  early.socket = socket;
  // Compiling takes both cores of a small machine: a picture in the page (preview.js) goes first, if it comes soon. The
  // viewer's modules too; they cannot be a script of the page, for that would wait until the last preview is there.
  const preview_done = new Promise((resolve) => {
    early.previewDone = resolve;
    setTimeout(resolve, start.previews ? 100 : 0);
  });
  early.module = preview_done.then(() => WebAssembly.compileStreaming(fetch(start.base + "vendor/openjphjs.wasm")));
  // A module that did not come is not tried again by the browser: the page is, from the top, as soon as the server answers. A
  // viewer that comes but does not run is not helped by that more than twice.
  const notice = (/** @type {string} */ text) => {
    const element = document.getElementById("notice");
    if (element) Object.assign(element, { textContent: text, hidden: false });
  };
  const tries = history.state?.tries ?? 0;
  let wait_ms = 500;
  const again = () => {
    if (tries > 2) {
      const preview = document.getElementById("preview");
      if (preview) preview.hidden = true; // nothing would ever say whose it is
      return notice("The viewer does not start in this browser. Reload the page to try again.");
    }
    notice("The viewer could not be loaded: a lossy preview is shown. Trying again…");
    setTimeout(async () => {
      const up = await fetch(location.href, { method: "HEAD" }).then((answer) => answer.ok, () => false);
      if (!up) return again();
      history.replaceState({ tries: tries + 1 }, "");
      location.reload();
    }, (wait_ms = Math.min(2 * wait_ms, 10000)));
  };
  const slow = setTimeout(() => notice("The viewer is still being loaded: a lossy preview is shown."), 10000);
  const load = () => {
    // All at once; while the picture was decoded and painted, thirty requests would have been in its way.
    document.head.append(/** @type {HTMLTemplateElement} */ (document.getElementById("modules")).content);
    return import(start.base + "ui/view-page.js");
  };
  preview_done.then(load).then(() => history.replaceState(null, ""), again)
    .then(() => clearTimeout(slow));
  early.worker = new Worker(start.base + "engine/decode_worker.js", { type: "module" });
  early.worker.onerror = () => (early.worker = undefined); // the pool starts its own
})();
