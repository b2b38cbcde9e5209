// @ts-check
/** The worklist page: search, pages, keys, live rows, and files dropped on it. */
import { ApiError, fetchWorklist, inWords } from "./api.js";
import { byId, setText } from "./dom.js";
import { takeFiles } from "./upload-panel.js";
import { WorklistModel } from "./worklist-model.js";
import { WorklistRows } from "./worklist-rows.js";

// Shorter than a word takes, longer than the gap between two keys.
const SEARCH_PAUSE_MS = 150;
// An arriving study sends one event an object.
const LIVE_PAUSE_MS = 700;
const RETRY_MS = 3000;
// Where the reader was, for the way back from a study; kept by the tab, never in the address.
const PLACE = "worklist";

const model = new WorklistModel();
const uploads = takeFiles({ changed: () => soon(LIVE_PAUSE_MS) });
const rows = new WorklistRows(byId("rows"), {
  // Leaving the page would cut the upload off: the study opens beside it.
  opens: (link, uid) => {
    link.target = uploads.busy() ? "_blank" : "";
    sessionStorage.setItem(PLACE, JSON.stringify({ search: model.search, keys: model.keys, uid, uids: model.rows.map((row) => row.study_instance_uid) }));
  },
});
const search = /** @type {HTMLInputElement} */ (byId("search"));
const older = /** @type {HTMLButtonElement} */ (byId("next"));
const newer = /** @type {HTMLButtonElement} */ (byId("previous"));

/** @type {AbortController | null} */
let asking = null;
let searchTimer = 0;
let liveTimer = 0;
/** @type {Set<string>} */
let named = new Set();

/** @param {{focus?: "first" | "last" | {uid: string}, live?: boolean}} [then] live: nobody asked for it, rows may move under the pointer */
async function load(then = {}) {
  clearTimeout(searchTimer);
  clearTimeout(liveTimer);
  liveTimer = 0;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const events = named;
  named = new Set();
  try {
    const page = await fetchWorklist(model.query(), signal);
    if (signal.aborted) return;
    const moved = model.take(page, events);
    show(moved && then.live === true);
    if (typeof then.focus === "object") rows.focusStudy(then.focus.uid);
    else if (then.focus) rows.focus(then.focus === "first" ? 0 : model.rows.length - 1);
  } catch (error) {
    for (const uid of events) named.add(uid);
    if (!signal.aborted) complain(error);
  }
}

/** @param {boolean} moved rows moved by themselves */
function show(moved) {
  rows.show(model.rows, model.fresh, moved);
  setText(byId("message"), "");
  setText(byId("count"), model.countText());
  setText(byId("page"), model.pageText());
  older.disabled = model.next === null;
  newer.disabled = model.onFirstPage;
  if (model.onFirstPage) byId("newest").hidden = true;
  const empty = model.rows.length === 0;
  byId("empty").hidden = !empty;
  byId("table").hidden = empty;
  if (!empty) return;
  const searching = model.search !== "";
  setText(byId("empty-title"), searching ? "Nothing matches this search" : "No studies yet");
  setText(
    byId("empty-text"),
    searching
      ? "Try fewer letters, the patient's ID, or the date as 2026-03-01. Esc clears the search."
      : "Drop DICOM files or whole folders on this page, or run “fastcine ingest FOLDER” on the server. They appear here by themselves.",
  );
  byId("empty-adding").hidden = searching;
}

/** @param {unknown} error */
function complain(error) {
  // The session is over.
  if (error instanceof ApiError && error.status === 401) return location.replace("/sign-in");
  const passing = !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
  const element = byId("message");
  element.className = "bad";
  setText(element, inWords(error) + (passing ? " Trying again by itself." : ""));
  if (passing) soon(RETRY_MS);
}

/** Asks again after a pause; one that is waiting stays, so that a stream of events cannot put it off for ever. @param {number} pause_ms */
function soon(pause_ms) {
  liveTimer ||= window.setTimeout(() => void load({ live: true }), pause_ms);
}

/** @param {"older" | "newer" | "newest"} way @param {{focus?: "first" | "last"}} [then] */
function turn(way, then) {
  const turned = way === "older" ? model.older() : way === "newer" ? model.newer() : (model.toNewest(), true);
  if (!turned) return;
  byId("table").parentElement?.scrollTo(0, 0);
  void load(then);
}

search.addEventListener("input", () => {
  clearTimeout(searchTimer);
  searchTimer = window.setTimeout(() => {
    if (model.searchFor(search.value)) void load();
  }, SEARCH_PAUSE_MS);
});
older.addEventListener("click", () => turn("older"));
newer.addEventListener("click", () => turn("newer"));
byId("newest").addEventListener("click", () => turn("newest"));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target === search;
  const inTable = /** @type {Element} */ (event.target).closest("#rows") !== null;
  const free = event.target === document.body || inTable;
  /** @type {Record<string, (() => void) | undefined>} */
  const actions = {
    ArrowDown: typing || free ? () => rows.move(1) : undefined,
    ArrowUp: free ? () => rows.move(-1) : undefined,
    Home: free ? () => rows.focus(0) : undefined,
    End: free ? () => rows.focus(model.rows.length - 1) : undefined,
    PageDown: () => turn("older", typing ? {} : { focus: "first" }),
    PageUp: () => turn("newer", typing ? {} : { focus: "first" }),
    ArrowRight: free ? () => turn("older", { focus: "first" }) : undefined,
    ArrowLeft: free ? () => turn("newer", { focus: "first" }) : undefined,
    "/": typing ? undefined : () => search.select(),
    Enter: typing ? () => rows.focus(0) : undefined,
    Escape: typing && search.value ? () => ((search.value = ""), model.searchFor("") && void load()) : undefined,
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

const events = new EventSource("/api/events");
events.addEventListener("study", (event) => {
  const uid = /** @type {{study_instance_uid?: string}} */ (JSON.parse(event.data)).study_instance_uid;
  if (uid) named.add(uid);
  if (model.onFirstPage) soon(LIVE_PAUSE_MS);
  else byId("newest").hidden = false;
});
// What came in while the line was cut sent no event that reached us.
let cut = false;
events.addEventListener("error", () => {
  cut = true;
  // Refused, not cut: the answer to a search says why.
  if (events.readyState === EventSource.CLOSED) soon(0);
});
events.addEventListener("open", () => {
  if (cut && model.onFirstPage) soon(0);
  cut = false;
});
// Back from a study: the page may come out of the browser's memory as it was.
addEventListener("pageshow", (event) => event.persisted && model.onFirstPage && soon(0));

/** @type {{search: string, keys: (string | null)[], uid: string} | null} */
const place = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
sessionStorage.removeItem(PLACE);
if (place) {
  search.value = model.search = place.search;
  model.keys = place.keys;
}
void load(place ? { focus: { uid: place.uid } } : {});
