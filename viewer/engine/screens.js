// Who shows a run. It may stand in several places at once, subtracted beside as acquired, each with a plan of what it shows next and
// a wish to the server: one ring of decoded frames and one subscription serve them all. Pure.

/**
 * @typedef {import("./wire.js").Wish} Wish
 *
 * @typedef {object} Plan what is shown now and next; made anew by the player at every tick
 * @property {Int32Array} order frames in the order they are needed, the one on screen first
 * @property {number} count of `order`
 * @property {(ahead: number) => number} due_ms when the frame at that place of `order` comes on
 */

/** @type {Plan} */
const NOTHING = { order: new Int32Array(0), count: 0, due_ms: () => Infinity };

/**
 * What all need: the frames on the screens first, then each one's next.
 * @param {Plan[]} plans
 * @returns {Plan}
 */
export function planOfAll(plans) {
  if (plans.length < 2) return plans[0] ?? NOTHING;
  /** @type {Map<number, number>} */
  const due = new Map();
  const longest = Math.max(...plans.map(({ count }) => count));
  for (let ahead = 0; ahead < longest; ahead++)
    for (const { order, count, due_ms } of plans) if (ahead < count) due.set(order[ahead], Math.min(due_ms(ahead), due.get(order[ahead]) ?? Infinity));
  const times = [...due.values()];
  return { order: Int32Array.from(due.keys()), count: due.size, due_ms: (ahead) => times[ahead] };
}

/**
 * What the server is told of all: the place of the one that plays with the largest share of the link, and the range that holds what
 * every one shows. Only where every one is hidden, or waits for later, it is so for all.
 * @param {Wish[]} wishes at least one
 * @returns {Wish}
 */
export function wishOfAll(wishes) {
  const rank = (/** @type {Wish} */ { state, weight = 1 }) => ["hidden", "prefetch", "pause", "play"].indexOf(state) * 1e3 + weight;
  const sorted = [...wishes].sort((a, b) => rank(b) - rank(a));
  const seen = sorted.filter(({ state }) => state === "play" || state === "pause");
  if (seen.length < 2) return sorted[0];
  const wish = { ...seen[0] };
  if (seen.some(({ starting }) => starting)) wish.starting = true;
  if (wish.state === "pause") return wish;
  // -1: to the end, which is not known yet.
  const lasts = seen.map(({ last, frame }) => last ?? frame);
  Object.assign(wish, { first: Math.min(...seen.map(({ first, frame }) => first ?? frame)), last: lasts.includes(-1) ? -1 : Math.max(...lasts) });
  return wish;
}

/** @template {object} Owner */
export class Screens {
  /** @type {Map<Owner, Wish>} */
  #wishes = new Map();
  /** @type {Map<Owner, Plan>} */
  #plans = new Map();
  /** Of all together. */
  plan = NOTHING;

  get owners() {
    return this.#wishes.keys();
  }

  /** @param {Owner} owner @param {Wish} wish @returns {Wish} of all together */
  want(owner, wish) {
    this.#wishes.set(owner, wish);
    return this.wish;
  }

  get wish() {
    return wishOfAll([...this.#wishes.values()]);
  }

  /** @param {Owner} owner @param {Plan} [plan] none: it shows nothing */
  setPlan(owner, plan) {
    if (plan) this.#plans.set(owner, plan);
    else this.#plans.delete(owner);
    this.plan = planOfAll([...this.#plans.values()]);
  }

  /** @param {Owner} owner @returns {boolean} whether others are left */
  leave(owner) {
    this.#wishes.delete(owner);
    this.setPlan(owner);
    return this.#wishes.size > 0;
  }

  clear() {
    for (const owner of this.#wishes.keys()) this.leave(owner);
  }
}
