// @ts-check
/**
 * What the worklist knows, without a page around it: which page of which search is shown, and what is new.
 * Pages are reached by the opaque key that the page before gave out, so going back means keeping the keys.
 *
 * @typedef {import("./types.js").StudyRow} StudyRow
 * @typedef {import("./types.js").WorklistPage} WorklistPage
 */

export const PAGE_ROWS = 50;

/** The pages walked through, and the studies seen. */
export class WorklistModel {
  constructor() {
    this.search = "";
    /** @type {(string | null)[]} the key of every page from the first to the one shown */
    this.keys = [null];
    /** @type {string | null} */
    this.next = null;
    /** @type {number | null} */
    this.total = null;
    /** @type {StudyRow[]} */
    this.rows = [];
    /** @type {Set<string>} studies that came in while the page was open */
    this.fresh = new Set();
    this.loaded = false;
  }

  get onFirstPage() {
    return this.keys.length === 1;
  }

  /** What to ask the server for. */
  query() {
    return { search: this.search, after: this.keys[this.keys.length - 1] ?? null, limit: PAGE_ROWS };
  }

  /** @param {string} text @returns {boolean} whether this is another search than before */
  searchFor(text) {
    const search = text.trim();
    if (search === this.search) return false;
    this.search = search;
    this.toNewest();
    return true;
  }

  toNewest() {
    this.keys = [null];
    this.next = null;
  }

  /** @returns {boolean} whether there is an older page */
  older() {
    if (this.next === null) return false;
    this.keys.push(this.next);
    this.next = null;
    return true;
  }

  /** @returns {boolean} whether there is a newer page */
  newer() {
    if (this.onFirstPage) return false;
    this.keys.pop();
    return true;
  }

  /**
   * Takes an answer. A row that was not there before and that an event named is new; an old study that is uploaded today
   * stands in the middle of the list and is new all the same.
   * @param {WorklistPage} page @param {ReadonlySet<string>} named studies that events named since the last answer
   * @returns {boolean} whether rows stand elsewhere than before
   */
  take(page, named) {
    const before = this.rows.map((row) => row.study_instance_uid);
    if (this.loaded) {
      const known = new Set(before);
      for (const { study_instance_uid: uid } of page.studies) if (named.has(uid) && !known.has(uid)) this.fresh.add(uid);
    }
    this.rows = page.studies;
    this.next = page.next;
    this.total = page.total;
    this.loaded = true;
    return page.studies.some((row, index) => row.study_instance_uid !== before[index]);
  }

  /** "1,234 studies", "1 match", "50 or more matches" where the server did not count. */
  countText() {
    const one = this.search ? "match" : "study";
    const many = this.search ? "matches" : "studies";
    if (this.total !== null) return `${this.total.toLocaleString("en")} ${this.total === 1 ? one : many}`;
    const seen = (this.keys.length - 1) * PAGE_ROWS + this.rows.length;
    if (this.next !== null) return `${seen.toLocaleString("en")} or more ${many}`;
    return `${seen.toLocaleString("en")} ${seen === 1 ? one : many}`;
  }

  /** "page 2" or "page 2 of 25". */
  pageText() {
    if (this.onFirstPage && this.next === null) return "";
    const of = this.total === null ? "" : ` of ${Math.ceil(this.total / PAGE_ROWS).toLocaleString("en")}`;
    return `page ${this.keys.length}${of}`;
  }
}

/**
 * The cells of one row, in the order of the columns.
 * @param {StudyRow} row
 */
export function cellTexts(row) {
  return {
    patient: row.patient_name || "no name",
    id: row.patient_id || "no ID",
    birth: [row.birth_date_text, row.sex].filter(Boolean).join(" · "),
    study: row.study_date_text,
    modality: row.modalities.join(" "),
    description: row.description,
    runs: row.runs ? String(row.runs) : "",
    stills: row.stills ? String(row.stills) : "",
  };
}
