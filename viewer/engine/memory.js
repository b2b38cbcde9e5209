// How much the runs of a page may hold, compressed and decoded, and what gives way where it is more: decoded frames far from play,
// runs seen before, those fetched in advance, and in the end frames that play on screen comes to last. Loaded when much is held.

/** Where the reader's own limit is kept, in MB. */
const KEPT = "fastcine-memory-mb";
const USUAL_MB = 400;
const LEAST_MB = 8;
/** A machine that tells how much it has, in GB, and it is little: no more than a tenth of that. */
const MB_A_GB = 100;
/** Of the limit, for decoded frames of all runs on screen, once it is reached. */
const DECODED_SHARE = 1 / 4;

/**
 * @param {string | undefined} kept what the reader has chosen, in MB
 * @param {number} [device_gb] of the machine, where the browser says it
 * @returns {number} bytes
 */
export function limitOf(kept, device_gb = Infinity) {
  const usual = Math.min(USUAL_MB, device_gb * MB_A_GB);
  return Math.max(LEAST_MB, Number(kept) > 0 ? Number(kept) : usual) * 1e6;
}

export const memory = { limit_bytes: 0 };

/** The reader's limit, from now on and at the next visit. @param {string} [mb] "": the usual one; none: that of the last visit */
export function setLimit(mb) {
  try {
    if (mb !== undefined) localStorage.setItem(KEPT, mb);
    else mb = localStorage.getItem(KEPT) ?? "";
  } catch {} // not allowed here
  memory.limit_bytes = limitOf(mb, /** @type {{deviceMemory?: number} | undefined} */ (globalThis.navigator)?.deviceMemory);
}
setLimit();

/**
 * @typedef {import("./run_source.js").RunSource} RunSource
 */

/**
 * The frame, held compressed, that play comes to last: of those it has just passed, where the plan does not reach that far.
 * @param {Pick<RunSource, "plan" | "compressed" | "decoded">} source
 * @returns {number} -1: all that is here is needed soon
 */
export function farthest({ plan: { order, count }, compressed, decoded: { capacity } }) {
  const { frames } = compressed;
  const place = new Int32Array(frames).fill(count + capacity + 1);
  for (let ahead = count - 1; ahead >= 0; ahead--) place[order[ahead]] = ahead;
  const from = count ? order[0] : 0;
  const way = count > 1 && order[1] < from ? 1 : -1;
  let last = -1;
  for (let away = 1; away < frames; away++) {
    const frame = (from + way * away + frames) % frames;
    if (place[frame] <= (last < 0 ? capacity : place[last])) continue;
    if ((compressed.exact(frame) ?? compressed.firstPass(frame))?.bytes) last = frame;
  }
  return last;
}

/**
 * @param {number} over bytes that are held too many
 * @param {RunSource[]} shown on screen
 * @param {RunSource[]} spare others, what goes first in front
 * @param {(source: RunSource) => void} drop forgets a run
 */
export function makeRoom(over, shown, spare, drop) {
  const ring_bytes = (memory.limit_bytes * DECODED_SHARE) / shown.length;
  for (const source of shown) if (over > 0) over -= source.shrinkRing(ring_bytes);
  for (const source of spare) {
    if (over > 0) {
      over -= source.held_bytes;
      drop(source);
    }
  }
  while (over > 0 && shown.length) {
    const most = shown.reduce((a, b) => (b.compressed.stored_bytes > a.compressed.stored_bytes ? b : a));
    const frame = farthest(most);
    if (frame < 0) shown = shown.filter((source) => source !== most);
    else over -= most.drop(frame);
  }
}
