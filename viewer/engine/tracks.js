// What each of several runs shows at which moment of their common period, so that they can be played on one clock. Pure.

/**
 * @typedef {import("./clock.js").Sequence} Sequence
 * @typedef {"time"|"beats"|"stretch"} LockMode same elapsed time; beats start together; ... and each lasts as long as the longest
 *
 * @typedef {object} Part one run of a lock
 * @property {Float64Array} durations_ms of every frame, as acquired
 * @property {number} first of the range; beats are those of the whole run
 * @property {number} last
 * @property {readonly number[] | null | undefined} r_wave_ms R waves, from the first frame's start
 */

/** What is left after the last R wave counts as a beat when it lasts such a share of the mean beat: loops are cut at R waves. */
const WHOLE_BEAT = 0.9;
const CLOSE_MS = 1e-6;

/** @param {Float64Array} durations_ms @returns {Float64Array} starts; one more element: the end */
function startsOf(durations_ms) {
  const starts = new Float64Array(durations_ms.length + 1);
  // A product is rounded once, a sum at every step: runs of one frame time share their boundaries exactly.
  const constant = durations_ms.every((one) => one === durations_ms[0]);
  for (let n = 0; n < durations_ms.length; n++) starts[n + 1] = constant ? (n + 1) * durations_ms[0] : starts[n] + durations_ms[n];
  return starts;
}

/**
 * The whole beats of a run, `[from, to]` in ms from its start; empty where no R waves are known.
 * @param {Pick<Part, "durations_ms" | "r_wave_ms">} part
 * @returns {[number, number][]}
 */
export function beatsOf({ durations_ms, r_wave_ms }) {
  const end_ms = startsOf(durations_ms)[durations_ms.length];
  const waves = [...(r_wave_ms ?? [])].filter((ms) => ms >= -CLOSE_MS && ms < end_ms - CLOSE_MS).sort((a, b) => a - b);
  if (!waves.length) return [];
  /** @type {[number, number][]} */
  const beats = waves.slice(1).map((to, at) => [Math.max(0, waves[at]), to]);
  const mean = beats.length ? (waves[waves.length - 1] - waves[0]) / beats.length : 0;
  const left = end_ms - waves[waves.length - 1];
  if (!beats.length || left >= mean * WHOLE_BEAT) beats.push([Math.max(0, waves[waves.length - 1]), end_ms]);
  return beats;
}

/**
 * Frames that are on between two moments of a run, and when each begins, counted from the first of them.
 * @param {Float64Array} starts @param {number} from_ms @param {number} to_ms
 * @returns {{frame: number, at_ms: number}[]}
 */
function framesBetween(starts, from_ms, to_ms) {
  const found = [];
  for (let frame = 0; frame < starts.length - 1; frame++) {
    if (starts[frame + 1] > from_ms + CLOSE_MS && starts[frame] < to_ms - CLOSE_MS) found.push({ frame, at_ms: Math.max(0, starts[frame] - from_ms) });
  }
  return found;
}

/** @param {{frame: number, at_ms: number}[]} steps @param {number} period_ms @returns {Sequence} */
function sequenceOf(steps, period_ms) {
  const starts_ms = new Float64Array(steps.length + 1);
  steps.forEach(({ at_ms }, n) => (starts_ms[n] = at_ms));
  starts_ms[steps.length] = period_ms;
  return { frames: Int32Array.from(steps, ({ frame }) => frame), starts_ms, period_ms };
}

/** @param {Part[]} parts @returns {Sequence[]} shorter runs hold their last frame until all begin again */
function byTime(parts) {
  const spans = parts.map(({ durations_ms, first, last }) => {
    const starts = startsOf(durations_ms);
    return { steps: framesBetween(starts, starts[first], starts[last + 1]), ms: starts[last + 1] - starts[first] };
  });
  const period_ms = Math.max(...spans.map(({ ms }) => ms));
  return spans.map(({ steps }) => sequenceOf(steps, period_ms));
}

/**
 * Beat after beat; a run with fewer beats than another begins again with its first.
 * @param {Part[]} parts @param {boolean} stretch
 * @returns {Sequence[]}
 */
function byBeats(parts, stretch) {
  const beats = parts.map(beatsOf);
  const count = Math.max(...beats.map((all) => all.length));
  const beatAt = (/** @type {[number, number][]} */ all, /** @type {number} */ n) => all[n % all.length];
  const lengths = Array.from({ length: count }, (_, n) => Math.max(...beats.map((all) => beatAt(all, n)[1] - beatAt(all, n)[0])));
  return parts.map(({ durations_ms }, at) => {
    const starts = startsOf(durations_ms);
    /** @type {{frame: number, at_ms: number}[]} */
    const steps = [];
    let begin = 0;
    lengths.forEach((length, n) => {
      const [from, to] = beatAt(beats[at], n);
      const factor = stretch ? length / (to - from) : 1;
      for (const { frame, at_ms } of framesBetween(starts, from, to)) steps.push({ frame, at_ms: begin + at_ms * factor });
      begin += length;
    });
    return sequenceOf(steps, begin);
  });
}

/**
 * One sequence a run, all of the same period; null for a run that cannot be synchronised this way (no R waves).
 * @param {Part[]} parts @param {LockMode} mode
 * @returns {(Sequence | null)[]}
 */
export function tracksOf(parts, mode) {
  const able = parts.filter((part) => mode === "time" || beatsOf(part).length > 0);
  if (!able.length) return parts.map(() => null);
  const made = mode === "time" ? byTime(able) : byBeats(able, mode === "stretch");
  return parts.map((part) => (able.includes(part) ? made[able.indexOf(part)] : null));
}

/**
 * To and fro: every frame lasts as long on the way back, so that runs of different frame times keep one period.
 * @param {Sequence} track @returns {Sequence}
 */
export function mirrored({ frames, starts_ms, period_ms }) {
  const length = frames.length;
  const both = new Float64Array(2 * length + 1);
  for (let n = 0; n <= length; n++) {
    both[n] = starts_ms[n];
    both[2 * length - n] = 2 * period_ms - starts_ms[n];
  }
  return { frames: Int32Array.from([...frames, ...[...frames].reverse()]), starts_ms: both, period_ms: 2 * period_ms };
}
