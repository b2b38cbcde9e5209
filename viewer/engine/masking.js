// Whether the run on screen is subtracted, and the mask that is ready for it. The arithmetic is loaded when somebody first asks.

/** @typedef {import("./subtraction.js").Subtraction} Subtraction */
/** @typedef {import("./subtraction.js").MaskChoice} MaskChoice */
/** @typedef {import("./run_source.js").RunSource} RunSource */

/** @type {typeof import("./subtraction.js") | undefined} */
let module;

/** What subtracting needs, fetched before somebody asks for it: then it shows at once. */
export const loadSubtraction = async () => (module ??= await import("./subtraction.js"));

export class Masking {
  /** @type {Subtraction | null} made ready, or on */
  #ready = null;
  #on = false;
  #visit = 0;

  /** @returns {Subtraction | null} that is drawn */
  get now() {
    return this.#on ? this.#ready : null;
  }

  get held_bytes() {
    return this.#ready?.held_bytes ?? 0;
  }

  /** Another run comes on the screen. */
  leave() {
    this.#visit++;
    this.#ready = null;
    this.#on = false;
  }

  /**
   * @param {RunSource | null} source on screen
   * @param {number} frame on screen
   * @param {MaskChoice | boolean} choice true: the mask there was last, else the file's, else the first frame; false: none
   * @param {import("./subtraction.js").Owner} owner
   * @returns {boolean | Promise<boolean>} whether it is on
   */
  choose(source, frame, choice, owner) {
    if (choice !== false && !module) {
      const visit = this.#visit;
      return loadSubtraction().then(() => visit === this.#visit && this.choose(source, frame, choice, owner));
    }
    const before = this.#ready;
    this.#on = choice !== false && this.#prepared(source, frame, choice, owner) !== null;
    if (this.#on && before && before === this.#ready && typeof choice !== "boolean") before.choose(choice, frame);
    return this.#on;
  }

  /**
   * A mask is made ready, so that it shows at once.
   * @param {RunSource | null} source on screen
   * @param {import("./subtraction.js").Owner} owner
   */
  prepare(source, owner) {
    if (module) this.#prepared(source, 0, true, owner);
  }

  /**
   * @param {RunSource | null} source
   * @param {number} frame
   * @param {MaskChoice | boolean} choice
   * @param {import("./subtraction.js").Owner} owner
   */
  #prepared(source, frame, choice, owner) {
    if (this.#ready?.source === source) return this.#ready;
    this.#ready = null;
    if (!source?.description || !module?.canSubtract(source.description)) return null;
    this.#ready = new module.Subtraction(source, typeof choice === "boolean" ? "file" : choice, frame, owner);
    source.library.settle();
    return this.#ready;
  }

  /**
   * The frame as it is drawn; undefined while something is missing.
   * @param {import("./decoded_frames.js").Decoded | undefined} decoded
   */
  picture(decoded) {
    return decoded && this.now ? this.now.picture(decoded) : decoded;
  }

  /** @param {number} frame that was decoded */
  decoded(frame) {
    this.#ready?.decoded(frame);
  }

  /**
   * With the frames in it that are needed beside those that are shown.
   * @param {import("./run_source.js").Plan} plan
   */
  plan(plan) {
    return this.#ready ? this.#ready.plan(plan, this.#on) : plan;
  }
}
