// @ts-check
/** From study to study by key, in the order in which the worklist stood when one was opened from it. Loaded when first asked for. */

const PLACE = "worklist"; // worklist-page.js keeps it: in this tab, never in the address

/**
 * The study beside this one in the worklist. @param {string} study @param {number} step @param {string | null} kept what the worklist left
 * @returns {{uid: string, place: string} | "end" | null} null: this one was not opened from a worklist
 */
export function beside(study, step, kept) {
  const place = JSON.parse(kept ?? "null");
  const at = place?.uids?.indexOf(study) ?? -1;
  if (at < 0) return null;
  const uid = place.uids[at + step];
  return uid ? { uid, place: JSON.stringify({ ...place, uid }) } : "end";
}

/** Opens it. @param {string} study @param {number} step @returns {string} why not, "" where it does */
export function goStudy(study, step) {
  const next = beside(study, step, sessionStorage.getItem(PLACE));
  if (!next) return "This study was not opened from the worklist.";
  if (next === "end") return "The worklist’s page ends here.";
  sessionStorage.setItem(PLACE, next.place); // the way back leads to its row
  location.replace(`/view/${encodeURIComponent(next.uid)}`);
  return "";
}
