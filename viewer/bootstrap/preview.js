// @ts-check
// Inlined right behind the first preview picture: when it is on the screen, the first frame is, and play has begun. The pictures
// behind it come at the page's end (`add`) and take its place in time, until the player draws (`taken`).
(() => {
  const shown = /** @type {HTMLImageElement} */ (document.getElementById("preview"));
  /** @type {{previews: number, rate_fps: number}} */
  const { previews: count, rate_fps } = /** @type {any} */ (window).BOOTSTRAP;
  /** @type {any} */
  const early = /** @type {any} */ (window).fastcineEarly;
  let added = 0;

  /** @param {string} source @returns {Promise<void>} when it may be shown */
  async function take(source) {
    const frame = added++;
    const image = new Image();
    image.src = source;
    await image.decode();
    early.previews[frame] = image;
    early.onpreview?.(image, frame);
  }

  early.add = (/** @type {string} */ data) => void take("data:image/webp;base64," + data).catch(() => undefined);

  /** @param {number} now_ms of the animation frame, as the player's clock has it */
  function turn(now_ms) {
    if (early.taken) return;
    const frame = Math.floor(((now_ms - early.first_frame_ms) * rate_fps) / 1000);
    const next = early.previews[frame];
    if (next && frame > early.preview_frame) {
      early.preview_frame = frame;
      shown.src = next.src; // decoded already: it is drawn at once
    }
    if (frame < count) requestAnimationFrame(turn);
  }

  take(shown.src).then(() => requestAnimationFrame(() => {
    early.previewDone();
    if (early.taken) return; // the player was quicker
    early.first_frame_ms = performance.now();
    early.preview_frame = 0;
    if (count > 1) requestAnimationFrame(turn);
  }), () => {
    shown.hidden = true;
    early.previewDone();
  });
})();
