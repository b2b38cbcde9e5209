// @ts-check
/** Adding files from the worklist: the drop, the two buttons, and the panel that says what became of every file. */
import { byId, make, setText } from "./dom.js";
import { UploadModel } from "./upload-model.js";
import { Uploader, walkDropped } from "./upload.js";

/**
 * Makes the whole page take files.
 * @param {{changed: () => void}} options told when the server has stored something
 * @returns {{busy: () => boolean}}
 */
export function takeFiles({ changed }) {
  const panel = new Panel(byId("upload"), changed);
  const files = /** @type {HTMLInputElement} */ (byId("files"));
  const folder = /** @type {HTMLInputElement} */ (byId("folder"));
  for (const id of ["add-files", "empty-files"]) byId(id).addEventListener("click", () => files.click());
  for (const id of ["add-folder", "empty-folder"]) byId(id).addEventListener("click", () => folder.click());
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      panel.addPicked(input.files);
      input.value = "";
    });
  }
  if (document.body.dataset.may?.includes("store")) takeDrops(panel);
  else for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault()); // a reader adds nothing
  addEventListener("beforeunload", (event) => {
    if (panel.model.busy) event.preventDefault();
  });
  return { busy: () => panel.model.busy };
}

/** @param {Panel} panel */
function takeDrops(panel) {
  const veil = byId("drop");
  let depth = 0; // enter and leave come for every element on the way
  /** @param {DragEvent} event */
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    depth = 0;
    veil.hidden = true;
    if (!carriesFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    panel.addDropped(event.dataTransfer);
  });
}

class Panel {
  /** @param {HTMLElement} element @param {() => void} changed */
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.title = make("h2");
    this.title.setAttribute("role", "status");
    this.button = make("button");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.#press());
    this.progress = make("progress");
    this.progress.setAttribute("aria-label", "Files added");
    this.numbers = { stored: make("dd"), duplicate: make("dd"), skipped: make("dd"), refused: make("dd") };
    const list = make("dl");
    for (const [name, number] of Object.entries(this.numbers)) {
      const label = { stored: "Stored", duplicate: "Already here", skipped: "Not DICOM", refused: "Refused" }[name] ?? name;
      list.append(make("div", "", make("dt", "", label), number));
    }
    this.notes = make("ul");
    this.notes.tabIndex = 0;
    this.notes.setAttribute("aria-label", "Files that were not stored, and why");
    this.more = make("p", "quiet");
    element.append(make("header", "", this.title, this.button), this.progress, list, this.notes, this.more);
    this.drawing = 0;
    this.model = new UploadModel();
    this.uploader = this.#uploaderOf(this.model);
  }

  /** @param {UploadModel} model */
  #uploaderOf(model) {
    return new Uploader(model, (stored) => {
      if (stored) this.changed();
      this.draw();
    });
  }

  /** A new batch, with its own counts. */
  begin() {
    this.model = new UploadModel();
    this.uploader = this.#uploaderOf(this.model);
    this.notes.replaceChildren();
  }

  /** @param {DataTransfer} transfer */
  addDropped(transfer) {
    this.#open();
    const { model, uploader } = this;
    walkDropped(transfer, model, () => {
      uploader.wake();
      this.draw();
    });
    this.draw();
  }

  /** @param {FileList | null} list */
  addPicked(list) {
    if (!list?.length) return;
    this.#open();
    for (const file of list) this.model.add({ file, path: file.webkitRelativePath || file.name });
    this.uploader.wake();
    this.draw();
  }

  #open() {
    if (!this.model.busy) this.begin();
    this.element.hidden = false;
  }

  #press() {
    if (this.model.busy) this.uploader.cancel();
    else this.element.hidden = true;
    this.draw();
  }

  /** Once an animation frame at most, whatever the events. */
  draw() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      const { model } = this;
      setText(this.title, model.title());
      this.title.classList.toggle("bad", model.halted !== "");
      setText(this.button, model.busy ? "Cancel" : "Close");
      this.progress.value = model.busy ? model.fraction : 1;
      this.progress.hidden = !model.busy;
      for (const [name, number] of Object.entries(this.numbers)) {
        setText(number, model.counts[/** @type {"stored"} */ (name)].toLocaleString("en"));
      }
      for (const note of model.notes.slice(this.notes.childElementCount)) {
        this.notes.append(make("li", "", `${note.path} `, make("span", note.outcome === "refused" ? "bad" : "quiet", note.reason)));
      }
      const unlisted = model.counts.skipped + model.counts.refused - model.notes.length;
      setText(this.more, unlisted > 0 ? `and ${unlisted.toLocaleString("en")} more that are not listed` : "");
      this.notes.hidden = model.notes.length === 0;
    });
  }
}
