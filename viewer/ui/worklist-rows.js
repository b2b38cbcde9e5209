// @ts-check
/**
 * The table's body. A row lives as long as its study is on the page, so that a refresh keeps focus and selection.
 *
 * @typedef {import("./types.js").StudyRow} StudyRow
 */
import { make, setText } from "./dom.js";
import { cellTexts } from "./worklist-model.js";

/** A click this soon after rows moved was meant for what stood there before: never open the wrong patient. */
const SETTLE_MS = 500;

/** @typedef {{line: HTMLTableRowElement, link: HTMLAnchorElement, name: HTMLElement, cells: Map<string, HTMLTableCellElement>}} Row */

export class WorklistRows {
  /** @param {HTMLElement} body the tbody @param {{opens: (link: HTMLAnchorElement, uid: string) => void}} told before a study is opened */
  constructor(body, { opens }) {
    this.body = body;
    this.opens = opens;
    this.movedAt = -Infinity;
    /** @type {Map<string, Row>} */
    this.byUid = new Map();
    body.addEventListener("click", (event) => this.#click(event));
  }

  /** @param {StudyRow[]} studies @param {ReadonlySet<string>} fresh @param {boolean} moved rows moved by themselves */
  show(studies, fresh, moved) {
    if (moved && this.byUid.size) this.movedAt = performance.now();
    const kept = new Set(studies.map((study) => study.study_instance_uid));
    for (const [uid, row] of this.byUid) {
      if (kept.has(uid)) continue;
      row.line.remove();
      this.byUid.delete(uid);
    }
    let place = this.body.firstElementChild;
    for (const study of studies) {
      const row = this.byUid.get(study.study_instance_uid) ?? this.#add(study.study_instance_uid);
      fill(row, study, fresh.has(study.study_instance_uid));
      if (row.line === place) place = place.nextElementSibling;
      else this.body.insertBefore(row.line, place);
    }
  }

  /** @param {string} uid @returns {Row} */
  #add(uid) {
    const name = make("span", "name");
    const link = make("a", "", name);
    link.dataset["uid"] = uid;
    link.href = `/view/${encodeURIComponent(uid)}`;
    const line = make("tr");
    line.setAttribute("role", "row"); // the narrow layout is no table to CSS, and would be none to a screen reader
    /** @type {Row["cells"]} */
    const cells = new Map();
    for (const column of ["patient", "id", "birth", "study", "modality", "description", "runs", "stills"]) {
      const cell = make("td", column === "runs" || column === "stills" ? `${column} number` : column);
      cell.setAttribute("role", "cell");
      cells.set(column, cell);
      line.append(cell);
    }
    cells.get("patient")?.append(link);
    const row = { line, link, name, cells };
    this.byUid.set(uid, row);
    return row;
  }

  /** @returns {number} which row has the focus, -1 when none */
  #focused() {
    const line = document.activeElement?.closest("tr");
    return line ? [...this.body.children].indexOf(line) : -1;
  }

  /** Moves the focus by so many rows; from outside the table to its first (or last) row. @param {number} step */
  move(step) {
    const from = this.#focused();
    const last = this.body.children.length - 1;
    const to = from < 0 ? (step > 0 ? 0 : last) : Math.min(Math.max(from + step, 0), last);
    this.focus(to);
  }

  /** @param {number} index */
  focus(index) {
    const line = this.body.children.item(index);
    line?.querySelector("a")?.focus();
    line?.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} uid */
  focusStudy(uid) {
    const row = this.byUid.get(uid);
    row?.link.focus();
    row?.line.scrollIntoView({ block: "center" });
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    const link = target.closest("tr")?.querySelector("a");
    if (!link) return;
    // A key press on the link comes as a click with no button and no place; only the pointer can have missed.
    if (event.detail > 0 && performance.now() - this.movedAt < SETTLE_MS) {
      event.preventDefault();
      return;
    }
    this.opens(link, link.dataset["uid"] ?? "");
    if (target.closest("a")) return;
    if (String(getSelection()).length > 0) return; // somebody is copying an ID
    if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  }
}

/** @param {Row} row @param {StudyRow} study @param {boolean} fresh */
function fill(row, study, fresh) {
  const texts = /** @type {Record<string, string>} */ (cellTexts(study));
  setText(row.name, texts["patient"] ?? "");
  row.name.title = texts["patient"] ?? "";
  for (const [column, cell] of row.cells) {
    if (column === "patient") continue;
    const text = texts[column] ?? "";
    setText(cell, text);
    cell.title = text;
    if (column === "runs" || column === "stills") cell.dataset["unit"] = text === "1" ? column.slice(0, -1) : column;
  }
  if (fresh && !row.line.classList.contains("new")) row.link.append(make("span", "mark", "new"));
  row.line.classList.toggle("new", fresh);
}
