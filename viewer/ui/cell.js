// @ts-check
/**
 * One place on the screen with its own player, canvas and texts. The first is in the page; others are made from it (cells.js).
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {import("./types.js").PictureTile} PictureTile
 * @typedef {import("./types.js").Description} Description
 */
import { Picture } from "./picture.js";

export class Cell {
  /** @type {PictureTile | null} */
  tile = null;
  /** Whether it would play, while a run that cannot stands in between; playing goes on after it. @type {boolean | null} */
  halted = null;
  /** The run whose own rate and way to play have been set. @type {string | null} */
  settled = null;

  /** @param {HTMLElement} stage @param {(id: string) => HTMLElement} part elements of this stage by the id that the first one has in the page @param {Player} player */
  constructor(stage, part, player) {
    this.stage = stage;
    this.part = part;
    this.player = player;
    this.picture = new Picture(player, stage, part);
  }

  get run() {
    return this.tile?.run ?? null;
  }

  /** The run on screen as it is described; null when none can be, and then no control touches the one before. */
  seen = () => (this.picture.holds ? /** @type {Description | null} */ (this.player.description) : null);

  /** Nothing is shown here any more. */
  empty() {
    this.tile = null;
    this.settled = null;
    this.player.leave();
    this.picture.empty();
  }
}
