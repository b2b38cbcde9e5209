// Reads the burned frame counter (fastcine/phantom/counter.py) off the canvas after each draw.
// Installed before the page's own scripts; results in window.probe.shown as {number, time_ms, frame, badge}.
(() => {
  const BLOCK = 16, BITS = 12;
  const probe = (window.probe = { shown: [], unreadable: 0, first_ms: null, previews: [] });

  function levels(canvas, player) {
    // The picture lies in the canvas by the view's scale: ask the player where the blocks' middles are. All blocks in one
    // look, for each look at a canvas copies it.
    const ratio = canvas.width / canvas.clientWidth;
    const points = [];
    for (let block = 0; block < BITS + 3; block += 1) {
      points.push(player.imageToCanvas(block * BLOCK + BLOCK / 2, BLOCK / 2));
    }
    const left = Math.floor(points[0].x * ratio) - 1, top = Math.floor(points[0].y * ratio) - 1;
    const width = Math.ceil((points.at(-1).x - points[0].x) * ratio) + 3;
    if (probe.scratch?.canvas.width !== width) {
      probe.scratch = new OffscreenCanvas(width, 3).getContext("2d", { willReadFrequently: true });
    }
    probe.scratch.clearRect(0, 0, width, 3);
    probe.scratch.drawImage(canvas, left, top, width, 3, 0, 0, width, 3);
    const { data } = probe.scratch.getImageData(0, 0, width, 3);
    return points.map((point) => {
      const first = Math.floor(point.x * ratio) - 1 - left;
      let sum = 0;
      for (let row = 0; row < 3; row += 1) {
        for (let column = first; column < first + 3; column += 1) sum += data[(row * width + column) * 4 + 1];
      }
      return sum / 9;
    });
  }

  function read(canvas, player) {
    const level = levels(canvas, player);
    const difference = level[0] - level[1];
    if (difference < 32) return null;
    const middle = (level[0] + level[1]) / 2;
    if (level.some((value) => Math.abs(value - middle) < difference / 5)) return null;
    const ones = level.slice(2).map((value) => value > middle);
    if (ones.filter(Boolean).length % 2 !== 1) return null;
    return ones.slice(0, BITS).reduce((number, bit) => number * 2 + (bit ? 1 : 0), 0);
  }

  function watch(player) {
    const canvas = document.querySelector("canvas");
    player.addEventListener("frame", (event) => {
      const now = performance.now();
      const number = read(canvas, player);
      if (number === null) { probe.unreadable += 1; return; }
      probe.first_ms ??= now;
      const last = probe.shown.at(-1);
      if (!last || last.number !== number) {
        probe.shown.push({ number, time_ms: now, frame: event.detail.frame, badge: event.detail.badge });
      }
    });
  }

  // What the page plays before there is a player: kept as it is, to be read afterwards.
  function watchPreview() {
    const image = document.getElementById("preview");
    if (image && !image.hidden && image.complete && image.naturalWidth && probe.previews.at(-1)?.source !== image.src) {
      probe.previews.push({ source: image.src, time_ms: performance.now(), frame: Math.max(0, window.fastcineEarly?.preview_frame ?? 0) });
    }
    // The first is there when it is decoded and painted, not when it is loaded.
    const first_ms = window.fastcineEarly?.first_frame_ms ?? null;
    if (probe.previews.length && first_ms !== null) probe.previews[0].time_ms = first_ms;
    if (!probe.shown.length) requestAnimationFrame(watchPreview);
  }
  requestAnimationFrame(watchPreview);

  let fastcine;
  Object.defineProperty(window, "fastcine", {
    configurable: true,
    get: () => fastcine,
    set: (value) => { fastcine = value; if (value?.player) watch(value.player); },
  });
})();
