// @ts-check
/**
 * The reader's own rates, kept by series for as long as the browser's tab lives. Another study has other series: nothing leaks into it.
 *
 * @typedef {{speed: number, fps: number | null}} Rate times the acquisition's; frames a second instead of the file's timing, or null
 */
export class Rates {
  /** @param {string} study its UID @param {Pick<Storage, "getItem" | "setItem"> | null} store */
  constructor(study, store) {
    this.key = `rates ${study}`;
    this.store = store;
    /** @type {Record<string, Rate>} */
    this.rates = {};
    try {
      this.rates = JSON.parse(store?.getItem(this.key) ?? "{}");
    } catch {
      // what another version wrote, or a browser that keeps nothing
    }
  }

  /** @param {string} series @returns {Rate | null} */
  of(series) {
    return this.rates[series] ?? null;
  }

  /** @param {string} series @param {Rate | null} rate null: as acquired again */
  keep(series, rate) {
    if (rate) this.rates[series] = rate;
    else delete this.rates[series];
    try {
      this.store?.setItem(this.key, JSON.stringify(this.rates));
    } catch {
      // a full store: kept until the page goes
    }
  }
}

/** What tells series apart within a study. @param {Pick<import("./types.js").Description, "series_number" | "modality">} description */
export function seriesOf({ series_number, modality }) {
  return `${series_number ?? ""} ${modality}`;
}

/** The browser's store for this tab, where it lets us. */
export function tabStore() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
