// Run in our open page: choose the tile of that place in the strip; ms until the first picture of its run has been drawn.
async ({ tile, whole, settle_ms, patience_ms }) => {
  const player = window.fastcine.player;
  const until = performance.now() + patience_ms;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  while (whole && player.stats().all_exact_ms === null && performance.now() < until) await pause(50);
  await pause(settle_ms);
  const before = player.run;
  const began_ms = performance.now();
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), patience_ms);
    player.addEventListener("frame", ({ detail }) => {
      if (detail.run !== before) resolve({ first_ms: performance.now() - began_ms, frame: detail.frame, tier: detail.tier });
    });
    document.querySelectorAll("#tiles button.tile")[tile].click();
  });
}
