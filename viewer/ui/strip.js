// @ts-check
/**
 * The film strip: one tile a run or still, in the order of acquisition. Thumbnails are asked for only once the main picture
 * has shown its first frame: nothing may precede that on the link.
 *
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").PictureTile} PictureTile
 */
import { make, makeButton, setText } from "./dom.js";
import { tileWords } from "./words.js";

const THUMBNAIL_TRIES = 4;
const LINES = /** @type {const} */ (["label", "angle", "frames", "state"]);

/** @typedef {{tile: Tile, item: HTMLLIElement, button: HTMLElement, thumb: HTMLElement, image: HTMLImageElement | null, tries: number, lines: HTMLElement[]}} Entry */

/** @param {Tile} tile */
const keyOf = (tile) => (tile.kind === "other" ? tile.sop_instance_uid : tile.run);

/** @param {HTMLElement} list the ol @param {(tile: PictureTile) => void} choose */
export function makeStrip(list, choose) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  let thumbnails = false;
  let current = "";

  /** @param {Tile} tile @returns {Entry} */
  function add(tile) {
    const lines = LINES.map((name) => make("div", name));
    const text = make("div", "text", ...lines);
    const thumb = make("div", "thumb", make("span"));
    const other = tile.kind === "other";
    const button = other ? make("div", "", text) : makeButton("", () => choose(/** @type {PictureTile} */ (entry.tile)));
    button.className = other ? "tile other" : "tile";
    if (!other) {
      button.tabIndex = -1; // the arrow keys go from run to run; Tab only comes by once
      button.append(thumb, text);
    }
    /** @type {Entry} */
    const entry = { tile, item: make("li", "", button), button, thumb, image: null, tries: 0, lines };
    entries.set(keyOf(tile), entry);
    return entry;
  }

  /** @param {Entry} entry @param {Tile} tile */
  function fill(entry, tile) {
    entry.tile = tile;
    const words = tileWords(tile);
    LINES.forEach((name, at) => {
      const line = entry.lines[at];
      setText(line, words[name]);
      line.hidden = !words[name];
      line.classList.toggle("bad", name === "state" && words.failed);
    });
    entry.button.title = LINES.map((name) => words[name]).filter(Boolean).join(" · ");
    if (thumbnails) addThumbnail(entry);
  }

  /** @param {Entry} entry */
  function addThumbnail(entry) {
    const { tile, image: there, tries, thumb } = entry;
    // Before the middle frame is made there is nothing to show.
    if (there || tile.kind === "other" || tile.state !== "ready" || tries >= THUMBNAIL_TRIES) return;
    entry.tries += 1;
    const image = Object.assign(make("img"), { alt: "", loading: "lazy", decoding: "async", fetchPriority: "low", draggable: false });
    image.addEventListener("error", () => {
      image.remove();
      entry.image = null; // the next change of its state tries again
    });
    image.src = `/api/runs/${tile.run}/thumbnail`;
    entry.image = image;
    thumb.append(image);
  }

  return {
    /** Shows these tiles; those that were there stay the same elements. @param {Tile[]} tiles */
    show(tiles) {
      const kept = new Set(tiles.map(keyOf));
      for (const [key, { item }] of entries) {
        if (kept.has(key)) continue;
        item.remove();
        entries.delete(key);
      }
      let place = list.firstElementChild;
      for (const tile of tiles) {
        const entry = entries.get(keyOf(tile)) ?? add(tile);
        fill(entry, tile);
        if (entry.item === place) place = place.nextElementSibling;
        else list.insertBefore(entry.item, place);
      }
    },
    /** @param {PictureTile} tile one whose state has changed */
    refresh(tile) {
      const entry = entries.get(keyOf(tile));
      if (entry) fill(entry, tile);
    },
    /** The run or still of one of its buttons. @param {Element | null} button */
    tileOf: (button) => /** @type {PictureTile | undefined} */ ([...entries.values()].find((entry) => entry.button === button)?.tile),
    /** Marks the run on screen and keeps it in sight. @param {string} key */
    select(key) {
      const before = entries.get(current)?.button;
      const focused = before && before === document.activeElement;
      before?.removeAttribute("aria-current");
      if (before) before.tabIndex = -1;
      current = key;
      const button = entries.get(key)?.button;
      if (!button) return;
      button.setAttribute("aria-current", "true");
      button.tabIndex = 0;
      if (focused) button.focus({ preventScroll: true });
      button.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    /** From now on thumbnails are asked for. */
    loadThumbnails() {
      thumbnails = true;
      for (const entry of entries.values()) addThumbnail(entry);
    },
  };
}
