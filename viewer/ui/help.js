// @ts-check
/** The page of keys and gestures under "?": printed from the same table that the keyboard obeys. Loaded when first asked for. */
import { byId, make } from "./dom.js";
import { memory, setLimit } from "../engine/memory.js";
import { COMMANDS, GESTURES, keyText } from "./keys.js";

/** Opens the page, or closes it. */
export function toggleHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  if (dialog.open) {
    dialog.close();
    return;
  }
  if (!dialog.firstChild) fill(dialog);
  dialog.showModal();
}

/** @param {HTMLDialogElement} dialog */
function fill(dialog) {
  const close = make("button", "", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  const columns = make("div", "columns");
  for (const group of new Set(COMMANDS.map((command) => command.group))) {
    const list = make("dl");
    for (const { label, keys } of COMMANDS.filter((command) => command.group === group)) {
      const names = make("dt");
      keys.forEach((key, index) => names.append(...(index ? [" "] : []), make("kbd", "", keyText(key))));
      list.append(names, make("dd", "", label));
    }
    columns.append(make("section", "", make("h3", "", group), list));
  }
  const hands = make("dl");
  for (const [what = "", does = ""] of GESTURES) hands.append(make("dt", "", what), make("dd", "", does));
  columns.append(make("section", "", make("h3", "", "Mouse and touch"), hands));
  const limit = Object.assign(make("input"), { type: "number", min: "8", value: String(memory.limit_bytes / 1e6) });
  limit.addEventListener("change", () => setLimit(limit.value)); // empty: the usual one
  columns.append(make("label", "", "Memory for runs (MB) ", limit));
  dialog.append(make("header", "", make("h2", "", "Keys and gestures"), close), columns);
  // A click on the dark around it closes it too.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
