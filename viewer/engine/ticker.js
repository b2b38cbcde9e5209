// The page's one requestAnimationFrame loop. It runs only while somebody asks for the next tick.

/** @type {Set<(now_ms: number) => void>} */
const asked = new Set();
let scheduled = false;

/** @param {number} now_ms */
function tick(now_ms) {
  scheduled = false;
  const due = [...asked];
  asked.clear();
  for (const call of due) call(now_ms);
}

/**
 * Calls back once, at the next animation frame, with its time in ms from navigation.
 * @param {(now_ms: number) => void} call
 */
export function nextTick(call) {
  asked.add(call);
  if (!scheduled) {
    scheduled = true;
    requestAnimationFrame(tick);
  }
}

/** @param {(now_ms: number) => void} call */
export function forgetTick(call) {
  asked.delete(call);
}
