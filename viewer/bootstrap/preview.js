// @ts-check
// Inlined right behind the preview picture: when it is on the screen, the first frame is.
(() => {
  const image = /** @type {HTMLImageElement} */ (document.getElementById("preview"));
  /** @type {any} */
  const early = /** @type {any} */ (window).fastcineEarly;
  early.previews.push(image);
  image.decode().then(() => requestAnimationFrame(() => {
    early.first_frame_ms ??= performance.now();
    early.previewDone();
  }), () => {
    image.hidden = true;
    early.previewDone();
  });
})();
