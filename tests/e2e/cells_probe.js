// What several players have on their canvases: the burned counter (fastcine/phantom/counter.py) of each, read after each of its
// draws; `sampleCells(ms)` notes at each animation frame what stands on all of them.
(() => {
  const BLOCK = 16, BITS = 12;

  function number(canvas, player) {
    const ratio = canvas.width / canvas.clientWidth, context = canvas.getContext("2d");
    const from = player.imageToCanvas(0, 0), to = player.imageToCanvas((BITS + 3) * BLOCK, BLOCK);
    const left = Math.round(from.x * ratio), top = Math.round(from.y * ratio);
    const width = Math.round((to.x - from.x) * ratio), height = Math.round((to.y - from.y) * ratio);
    const { data } = context.getImageData(left, top, width, height);
    const level = (block) => {
      const x = Math.floor(((block + 0.5) * width) / (BITS + 3)), y = height >> 1;
      return data[(y * width + x) * 4 + 1];
    };
    const bright = level(0), dark = level(1), middle = (bright + dark) / 2;
    if (bright - dark < 32) return null;
    let value = 0, ones = 0;
    for (let block = 2; block < BITS + 2; block += 1) {
      const one = level(block) > middle;
      ones += one;
      value = value * 2 + one;
    }
    return (ones + (level(BITS + 2) > middle)) % 2 === 1 ? value : null;
  }

  const canvases = () => [...document.querySelectorAll("#cells .stage:not([hidden]) canvas:not(.loupe, .graphics)")];
  const numbers = () => canvases().map((canvas, at) => number(canvas, fastcine.players[at]));
  window.cellNumbers = numbers;

  // The last callback of an animation frame: asked for by one before it, it sees what this frame has drawn.
  window.sampleCells = (lasting_ms) => new Promise((resolve) => {
    const seen = [], begun = performance.now();
    const look = (now) => {
      seen.push({ time_ms: now, frames: fastcine.players.map((player) => player.frame), numbers: numbers() });
      if (now - begun < lasting_ms) requestAnimationFrame(look);
      else resolve(seen);
    };
    requestAnimationFrame(look);
  });
})();
