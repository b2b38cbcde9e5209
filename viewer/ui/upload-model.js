// @ts-check
/**
 * What is known about files being added, without a page around it: the queue, the counts and the reasons.
 *
 * @typedef {import("./types.js").UploadAnswer} UploadAnswer
 * @typedef {{file: File, path: string}} Item path is the name within what was dropped
 * @typedef {"stored" | "duplicate" | "skipped" | "refused"} Outcome
 * @typedef {{path: string, outcome: Outcome, reason: string}} Note
 */

/** Reasons kept for the list; a disc can hold thousands of files that are no DICOM. */
export const MOST_NOTES = 200;

export class UploadModel {
  constructor() {
    /** @type {Item[]} */
    this.queue = [];
    /** @type {Record<Outcome, number>} */
    this.counts = { stored: 0, duplicate: 0, skipped: 0, refused: 0 };
    /** @type {Note[]} */
    this.notes = [];
    this.found = 0;
    this.bytes = 0;
    this.bytesDone = 0;
    /** @type {Map<Item, number>} bytes sent of the files on the way */
    this.under = new Map();
    this.walking = 0;
    this.cancelled = false;
    this.halted = "";
  }

  /** @param {Item} item */
  add(item) {
    this.found += 1;
    this.bytes += item.file.size;
    this.queue.push(item);
  }

  /** @returns {Item | null} the next file to send */
  take() {
    const item = this.queue.shift() ?? null;
    if (item) this.under.set(item, 0);
    return item;
  }

  /** @param {Item} item @param {number} sent_bytes */
  progress(item, sent_bytes) {
    if (this.under.has(item)) this.under.set(item, Math.min(sent_bytes, item.file.size));
  }

  /** @param {Item} item @param {UploadAnswer} answer */
  settle(item, answer) {
    this.under.delete(item);
    this.bytesDone += item.file.size;
    this.counts[answer.outcome] += 1;
    const telling = answer.outcome === "skipped" || answer.outcome === "refused";
    if (telling && this.notes.length < MOST_NOTES) {
      this.notes.push({ path: item.path, outcome: answer.outcome, reason: answer.reason || "no reason given" });
    }
  }

  /** Nothing more is sent; what was stored stays stored. @param {string} reason empty when the user wished it */
  stop(reason) {
    this.cancelled = true;
    this.halted = reason;
    this.queue.length = 0;
    this.under.clear();
  }

  get done() {
    return this.counts.stored + this.counts.duplicate + this.counts.skipped + this.counts.refused;
  }

  get busy() {
    return !this.cancelled && (this.walking > 0 || this.queue.length > 0 || this.under.size > 0);
  }

  /** 0 to 1, by bytes; a small share is kept for the file's name so that empty files count too. */
  get fraction() {
    if (this.found === 0) return 0;
    let sent = this.bytesDone;
    for (const bytes of this.under.values()) sent += bytes;
    return Math.min(1, (sent + this.done) / (this.bytes + this.found));
  }

  title() {
    if (this.halted) return this.halted;
    if (this.cancelled) return `Cancelled after ${files(this.done)}`;
    if (this.busy) return this.found ? `Adding ${this.done.toLocaleString("en")} of ${files(this.found)}` : "Looking for files";
    return this.found ? `${files(this.found)} looked at` : "No files in there";
  }
}

/** @param {number} count */
function files(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "file" : "files"}`;
}
