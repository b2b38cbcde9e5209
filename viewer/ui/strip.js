// @ts-check
/**
 * The film strip: one tile a run or still, in the order of acquisition. Thumbnails are asked for only once the main picture
 * has shown its first frame: nothing may precede that on the link.
 *
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").PictureTile} PictureTile
 */
import { make, setText } from "./dom.js";
import { tileWords } from "./words.js";

const THUMBNAIL_TRIES = 4;

/** @typedef {{tile: Tile, item: HTMLLIElement, button: HTMLElement, thumb: HTMLElement, image: HTMLImageElement | null, tries: number, label: HTMLElement, angle: HTMLElement, frames: HTMLElement, state: HTMLElement}} Entry */

/** @param {Tile} tile */
function tileKey(tile) {
  return tile.kind === "other" ? tile.sop_instance_uid : tile.run;
}

export class Strip {
  /** @param {HTMLElement} list the ol @param {{choose: (tile: PictureTile) => void}} options */
  constructor(list, { choose }) {
    this.list = list;
    this.choose = choose;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    this.thumbnails = false;
    /** @type {string | null} */
    this.current = null;
  }

  /** Shows these tiles; those that were there stay the same elements. @param {Tile[]} tiles */
  show(tiles) {
    const kept = new Set(tiles.map(tileKey));
    for (const [key, entry] of this.entries) {
      if (kept.has(key)) continue;
      entry.item.remove();
      this.entries.delete(key);
    }
    let place = this.list.firstElementChild;
    for (const tile of tiles) {
      const entry = this.entries.get(tileKey(tile)) ?? this.#add(tile);
      this.#fill(entry, tile);
      if (entry.item === place) place = place.nextElementSibling;
      else this.list.insertBefore(entry.item, place);
    }
  }

  /** @param {PictureTile} tile one whose state has changed */
  refresh(tile) {
    const entry = this.entries.get(tileKey(tile));
    if (entry) this.#fill(entry, tile);
  }

  /** The run or still whose tile this is part of. @param {Element} element @returns {PictureTile | null} */
  tileOf(element) {
    const item = element.closest("li");
    for (const entry of this.entries.values()) if (entry.item === item && entry.tile.kind !== "other") return entry.tile;
    return null;
  }

  /** Marks the run on screen and keeps it in sight. @param {string} key */
  select(key) {
    const before = this.current === null ? undefined : this.entries.get(this.current)?.button;
    const focused = before !== undefined && before === document.activeElement;
    before?.removeAttribute("aria-current");
    if (before) before.tabIndex = -1;
    this.current = key;
    const button = this.entries.get(key)?.button;
    if (!button) return;
    button.setAttribute("aria-current", "true");
    button.tabIndex = 0;
    if (focused) button.focus({ preventScroll: true });
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** From now on thumbnails are asked for. */
  loadThumbnails() {
    this.thumbnails = true;
    for (const entry of this.entries.values()) this.#thumbnail(entry);
  }

  /** @param {Tile} tile @returns {Entry} */
  #add(tile) {
    const other = tile.kind === "other";
    const button = other ? make("div", "tile other") : make("button", "tile");
    if (button instanceof HTMLButtonElement) {
      button.type = "button";
      button.tabIndex = -1; // the arrow keys go from run to run; Tab only comes by once
      button.addEventListener("click", () => this.choose(/** @type {PictureTile} */ (entry.tile)));
    }
    const parts = { label: make("div", "label"), angle: make("div", "angle"), frames: make("div", "frames"), state: make("div", "state") };
    const thumb = make("div", "thumb", make("span"));
    if (!other) button.append(thumb);
    button.append(make("div", "text", parts.label, parts.angle, parts.frames, parts.state));
    /** @type {Entry} */
    const entry = { tile, item: make("li", "", button), button, thumb, image: null, tries: 0, ...parts };
    this.entries.set(tileKey(tile), entry);
    return entry;
  }

  /** @param {Entry} entry @param {Tile} tile */
  #fill(entry, tile) {
    entry.tile = tile;
    const words = tileWords(tile);
    setText(entry.label, words.label);
    setText(entry.angle, words.angle);
    setText(entry.frames, words.frames);
    setText(entry.state, words.state);
    entry.state.classList.toggle("bad", words.failed);
    entry.angle.hidden = !words.angle;
    entry.state.hidden = !words.state;
    entry.button.title = [words.label, words.angle, words.frames, words.state].filter(Boolean).join(" · ");
    if (this.thumbnails) this.#thumbnail(entry);
  }

  /** @param {Entry} entry */
  #thumbnail(entry) {
    const { tile } = entry;
    if (entry.image || tile.kind === "other" || tile.state === "failed" || entry.tries >= THUMBNAIL_TRIES) return;
    // Before the middle frame is made there is nothing to show.
    if (tile.state !== "ready") return;
    entry.tries += 1;
    const image = make("img");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.fetchPriority = "low";
    image.draggable = false;
    image.addEventListener("error", () => {
      image.remove();
      entry.image = null; // the next change of its state tries again
    });
    image.src = `/api/runs/${encodeURIComponent(tile.run)}/thumbnail`;
    entry.image = image;
    entry.thumb.append(image);
  }
}
