// @ts-check
/**
 * The reader's own rates, kept by series for as long as the browser's tab lives. Another study has other series: nothing leaks into it.
 *
 * @typedef {{speed: number, fps: number | null}} Rate times the acquisition's; frames a second instead of the file's timing, or null
 * @typedef {Pick<import("./types.js").Description, "series_number" | "modality">} OfSeries what tells series apart within a study
 */

/** @param {OfSeries} description */
const seriesOf = ({ series_number, modality }) => `${series_number ?? ""} ${modality}`;

export class Rates {
  /** @param {string} study its UID @param {() => Pick<Storage, "getItem" | "setItem">} store throws where the browser keeps nothing */
  constructor(study, store = () => sessionStorage) {
    this.key = `rates ${study}`;
    this.store = store;
    /** @type {Record<string, Rate>} */
    this.rates = {};
    try {
      this.rates = JSON.parse(store().getItem(this.key) ?? "{}");
    } catch {
      // what another version wrote, or nothing
    }
  }

  /** @param {OfSeries} description @returns {Rate | null} */
  of(description) {
    return this.rates[seriesOf(description)] ?? null;
  }

  /** @param {OfSeries} description @param {Rate | null} rate null: as acquired again */
  keep(description, rate) {
    if (rate) this.rates[seriesOf(description)] = rate;
    else delete this.rates[seriesOf(description)];
    try {
      this.store().setItem(this.key, JSON.stringify(this.rates));
    } catch {
      // no store, or a full one: kept until the page goes
    }
  }
}
