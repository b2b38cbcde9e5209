// Small pictures of a run's first frames: those that a page carries, and which it may play by itself before there is a player.
// Told the time; touches nothing of the page but the word that we have taken over.

/** Previews are played only when they last for so long (meanwhile decoders and socket come up). */
const LAST_MS = 120;

/**
 * @typedef {import("./connection.js").Early} Early
 * @typedef {import("./playback.js").Playback} Playback
 */

export class PagePreviews {
  /** @type {Map<number, ImageBitmap | HTMLImageElement>} */
  #pictures = new Map();
  /** @type {Early | null} what the page's script started; null once the picture is ours */
  #page;
  #adopted = false;

  /** @param {Early | null} page */
  constructor(page) {
    this.#page = page;
  }

  /**
   * @param {number} frame
   * @param {ImageBitmap | HTMLImageElement} picture
   */
  add(frame, picture) {
    this.#pictures.set(frame, picture);
  }

  clear() {
    this.#pictures.clear();
  }

  /** The page, where it shows a picture of this run by itself, or is about to. @param {string} run */
  #pageOf(run) {
    return this.#page?.run === run ? this.#page : null;
  }

  /** When the page put its first picture of this run on the screen; null where it did not. @param {string} run */
  firstOfPage(run) {
    return this.#pageOf(run)?.first_frame_ms ?? null;
  }

  /**
   * Where the page plays this run by itself, and goes on for long enough, the clock started with its first picture.
   * @param {string} run
   * @param {Playback} playback at its start
   * @returns {{first_ms: number, step: number} | null} when that was, and how far it is; null: the clock starts otherwise
   */
  adopt(run, playback) {
    const { first_frame_ms, preview_frame, previews_count = 0 } = this.#pageOf(run) ?? {};
    const lasting = previews_count * 1000 >= LAST_MS * playback.rate_fps;
    const from_start = playback.speed === 1 && playback.frame === 0 && playback.first === 0;
    if (first_frame_ms == null || preview_frame === undefined || !lasting || !from_start) return null;
    playback.adopt(first_frame_ms, preview_frame);
    this.#adopted = true;
    return { first_ms: first_frame_ms, step: preview_frame };
  }

  /** The page itself has this frame on the screen, in step with our clock. @param {number} frame */
  onPage(frame) {
    return this.#adopted && this.#page !== null && this.#page.preview_frame === frame;
  }

  /** From now on the picture is ours: the page stops. */
  takeOver() {
    if (this.#page) this.#page.taken = true;
    this.#page = null;
  }

  /**
   * Whether previews alone can play long enough.
   * @param {import("./run_source.js").Plan} plan
   * @param {number} rate_fps
   */
  last({ order, count }, rate_fps) {
    let n = 0;
    while (n < count && this.#pictures.has(order[n])) n++;
    return n === count || n * 1000 >= LAST_MS * Math.abs(rate_fps);
  }

  /**
   * A preview to draw. The page shows the first one itself: where there are too few to play on, it is left as it is until the
   * first decoded frame, from which the clock starts.
   * @param {import("./run_source.js").RunSource} source
   * @param {Playback} playback
   */
  picture(source, playback) {
    const found = this.#pictures.get(playback.frame);
    const left_to_page = this.#pageOf(source.run) && playback.playing && !this.#adopted;
    return found && left_to_page && !this.last(source.plan, playback.rate_fps) ? undefined : found;
  }
}
