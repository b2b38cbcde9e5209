// @ts-check
/**
 * Files into the server: folders walked as they come, bytes streamed by the browser, two files at a time.
 *
 * @typedef {import("./upload-model.js").Item} Item
 * @typedef {import("./types.js").UploadAnswer} UploadAnswer
 */
import { ApiError, inWords, refusal } from "./api.js";

// One is parsed while the next is on the wire; more only queue in the server.
const AT_ONCE = 2;
const TRIES = 5;
const RETRY_MS = 1500;

/**
 * Every file below what was dropped. Must be called within the drop event: the browser forgets its entries after it.
 * @param {DataTransfer} transfer @param {import("./upload-model.js").UploadModel} model @param {() => void} found
 */
export function walkDropped(transfer, model, found) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  // All are taken before the first is awaited.
  const taken = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  for (const { entry, file } of taken) {
    if (!entry) {
      if (file) model.add({ file, path: file.name });
      found();
      continue;
    }
    model.walking += 1;
    void walk(entry, model, found).finally(() => {
      model.walking -= 1;
      found();
    });
  }
}

/** @param {FileSystemEntry} entry @param {import("./upload-model.js").UploadModel} model @param {() => void} found @returns {Promise<void>} */
async function walk(entry, model, found) {
  if (model.cancelled) return;
  const path = entry.fullPath.replace(/^\//, "");
  try {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
      model.add({ file, path });
      found();
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    for (;;) {
      // At most 100 entries an answer in Chromium; an empty one ends it.
      const batch = /** @type {FileSystemEntry[]} */ (await new Promise((resolve, reject) => reader.readEntries(resolve, reject)));
      if (batch.length === 0) return;
      for (const child of batch) await walk(child, model, found);
    }
  } catch (error) {
    const item = { file: new File([], entry.name), path };
    model.add(item);
    model.queue.splice(model.queue.indexOf(item), 1);
    model.settle(item, { outcome: "refused", reason: `the browser could not read it (${/** @type {Error} */ (error).name})` });
    found();
  }
}

/** Sends what is in the model's queue, and tells of every change. */
export class Uploader {
  /** @param {import("./upload-model.js").UploadModel} model @param {(studyChanged: boolean) => void} changed */
  constructor(model, changed) {
    this.model = model;
    this.changed = changed;
    this.running = 0;
    /** @type {Set<XMLHttpRequest>} */
    this.requests = new Set();
  }

  /** Starts as many senders as may run. */
  wake() {
    while (this.running < AT_ONCE && this.model.queue.length > 0) {
      this.running += 1;
      void this.#drain().finally(() => (this.running -= 1));
    }
  }

  cancel() {
    this.model.stop("");
    for (const request of this.requests) request.abort();
  }

  async #drain() {
    for (let item = this.model.take(); item; item = this.model.take()) {
      const answer = await this.#send(item);
      if (!answer || this.model.cancelled) return;
      this.model.settle(item, answer);
      this.changed(answer.outcome === "stored");
    }
  }

  /** @param {Item} item @returns {Promise<UploadAnswer | null>} null when all is over */
  async #send(item) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#post(item);
      } catch (error) {
        if (this.model.cancelled) return null;
        const { status, message } = error instanceof ApiError ? error : new ApiError(0, "", String(error));
        if ((status === 0 || status === 503) && attempt < TRIES) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
          continue;
        }
        if (status > 0 && status < 500 && status !== 401 && status !== 403) return { outcome: "refused", reason: message || `HTTP ${status}` };
        if (status === 500) return { outcome: "refused", reason: message || "the server failed on it" };
        // No use in trying thousands more.
        this.model.stop(inWords(error));
        this.changed(true);
        return null;
      }
    }
  }

  /** XMLHttpRequest, since fetch tells nothing of how much was sent. @param {Item} item @returns {Promise<UploadAnswer>} */
  #post(item) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.requests.add(request);
      request.open("POST", "/api/upload");
      request.responseType = "json";
      request.setRequestHeader("content-type", "application/octet-stream");
      request.upload.onprogress = (event) => {
        this.model.progress(item, event.loaded);
        this.changed(false);
      };
      request.onloadend = () => {
        this.requests.delete(request);
        const answer = /** @type {UploadAnswer | null} */ (request.response);
        if (answer?.outcome) resolve(answer);
        else reject(refusal(request.status, request.response));
      };
      request.send(item.file);
    });
  }
}
