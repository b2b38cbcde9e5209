// @ts-check
/**
 * Shutters and overlays of the run on screen: their bits fetched, laid over the picture, and taken away by keys.
 *
 * @typedef {import("../engine/player.js").Player} Player
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

  function lay() {
    const { description } = player;
    if (!description) return;
    const veil = new Veil(description, bits, on);
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
    /** What is hidden or missing stands on the picture. */
    text: () => {
      const { overlays = [], shutters = [] } = player.run === run ? (player.description ?? {}) : {};
      const words = [];
      if (overlays.length) words.push(!on.overlays ? "overlays hidden" : missing ? "an overlay could not be read" : "");
      if (shutters.length && !on.shutters) words.push("shutters open");
      return words.filter(Boolean).join(" · ");
    },
  };
}
