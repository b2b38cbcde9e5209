// @ts-check
/**
 * Shutters and overlays of the run on screen: their bits fetched, laid over the picture, and taken away by keys.
 *
 * @typedef {import("../engine/player.js").Player} Player
 * @typedef {{shutters: import("../engine/description.js").Shutter[], overlays: import("../engine/description.js").Overlay[], bits: Map<string, Uint8Array>}} Instead
 */
import { Veil } from "../engine/veil.js";

/** @param {Player} player */
export function makeCovering(player) {
  const on = { shutters: true, overlays: true };
  /** @type {string | null} the run they are of */
  let run = null;
  /** @type {Map<string, Uint8Array>} */
  let bits = new Map();
  let missing = false;
  /** @type {Instead | null} */
  let instead = null;
  /** What there is to cover with. */
  const all = () => /** @type {Partial<Instead>} */ (instead ?? player.description ?? {});

  function lay() {
    const { description } = player;
    if (!description) return;
    const { shutters, overlays } = all();
    const veil = new Veil({ ...description, shutters, overlays }, new Map([...bits, ...(instead?.bits ?? [])]), on);
    player.setVeil(veil.empty ? null : veil);
  }

  /** @param {string} group @param {string} of the run */
  async function fetchBits(group, of) {
    const answer = await fetch(`/api/runs/${of}/overlays/${group}`).catch(() => null);
    const body = answer?.ok ? await answer.arrayBuffer().catch(() => null) : null;
    return /** @type {const} */ ([group, body ? new Uint8Array(body) : null]);
  }

  /** Another run may have come on the screen. */
  async function follow() {
    const { description } = player;
    if (player.waiting || !description || player.run === run) return;
    run = player.run;
    bits = new Map();
    missing = false;
    instead = null;
    const { overlays = [], shutters = [] } = description;
    if (!overlays.length && !shutters.length) return;
    // Shutters do not wait for bits.
    lay();
    const found = await Promise.all(overlays.map(({ group }) => fetchBits(group, description.run)));
    if (player.run !== description.run) return;
    bits = new Map(/** @type {[string, Uint8Array][]} */ (found.filter(([, body]) => body !== null)));
    missing = bits.size < overlays.length;
    if (overlays.length) lay();
  }

  /** @param {"shutters" | "overlays"} what */
  const toggle = (what) => {
    on[what] = !on[what];
    lay();
  };

  return {
    follow,
    toggle,
    /** A presentation state's, in place of the run's own; null: these again. @param {Instead | null} state */
    replace: (state) => {
      instead = state;
      lay();
    },
    /** What is hidden or missing stands on the picture. */
    text: () => {
      const { overlays = [], shutters = [] } = player.run === run ? all() : {};
      const words = [];
      if (overlays.length) words.push(!on.overlays ? "overlays hidden" : missing ? "an overlay could not be read" : "");
      if (shutters.length && !on.shutters) words.push("shutters open");
      return words.filter(Boolean).join(" · ");
    },
  };
}
