// @ts-check
/**
 * News of an open study: tiles whose cache has grown, and runs that arrive while the patient is still on the table.
 * Loaded after the first picture, since nothing may precede that on the link.
 *
 * @typedef {import("./types.js").Study} Study
 * @typedef {{run: string, ready?: number[], complete?: boolean, state?: import("./types.js").TileState}} RunNews
 */
const PAUSE_MS = 700; // an arriving study sends one event an object; the first is told at once
const FIRST_PAUSE_MS = 3000; // the picture comes first on the link

/**
 * @param {string} studyUid
 * @param {{study: (study: Study) => void, run: (news: RunNews) => boolean}} tell run answers whether that was all there is to know
 */
export function follow(studyUid, tell) {
  let timer = 0;
  let opened = false;
  let asked_ms = 0;
  const refetch = (pause_ms = performance.now() - asked_ms > PAUSE_MS ? 50 : PAUSE_MS) => {
    timer ||= window.setTimeout(async () => {
      timer = 0;
      asked_ms = performance.now();
      // When it fails the next event asks again.
      const response = await fetch(`/api/studies/${encodeURIComponent(studyUid)}`).catch(() => null);
      if (response?.ok) tell.study(/** @type {Study} */ (await response.json()));
    }, pause_ms);
  };
  const events = new EventSource("/api/events");
  events.addEventListener("study", (event) => {
    if (JSON.parse(event.data).study_instance_uid === studyUid) refetch();
  });
  events.addEventListener("run", (event) => {
    if (!tell.run(/** @type {RunNews} */ (JSON.parse(event.data)))) refetch();
  });
  // The page's JSON is as old as the page, and while the line was cut no event came.
  events.addEventListener("open", () => {
    refetch(opened ? PAUSE_MS : FIRST_PAUSE_MS);
    opened = true;
  });
}
