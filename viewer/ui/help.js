// @ts-check
/**
 * The page of keys and gestures under "?": printed from the same table that the keyboard obeys, and where its keys are changed.
 * Loaded when first asked for.
 */
import { memory, setLimit } from "../engine/memory.js";
import { byId, make, makeButton } from "./dom.js";
import { COMMANDS, GESTURES, keepKeys, keyName, keyText, ownKeys } from "./keys.js";
import { tellKeys } from "./transport.js";

const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
// A click on the dark around it closes it too.
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => fill());
fill();

/** Opens the page, or closes it. */
export function toggleHelp() {
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

/** @param {{changing?: boolean, said?: string, at?: string}} [state] said: what became of the last change; at: its command */
function fill({ changing = false, said = "", at = "" } = {}) {
  dialog.onkeydown = null;
  const columns = make("div", "columns");
  for (const group of new Set(COMMANDS.map((command) => command.group))) {
    const list = make("dl");
    for (const command of COMMANDS.filter((one) => one.group === group)) {
      const names = make("dt");
      if (changing) names.append(changer(command));
      else command.keys.forEach((key, index) => names.append(...(index ? [" "] : []), make("kbd", "", keyText(key))));
      list.append(names, make("dd", "", command.label));
    }
    columns.append(make("section", "", make("h3", "", group), list));
  }
  const hands = make("dl");
  for (const [what, does] of GESTURES) hands.append(make("dt", "", what), make("dd", "", does));
  columns.append(make("section", "", make("h3", "", "Mouse and touch"), hands));
  const limit = Object.assign(make("input"), { type: "number", min: "8", value: String(memory.limit_bytes / 1e6) });
  limit.addEventListener("change", () => setLimit(limit.value)); // empty: the usual one
  columns.append(make("label", "", "Memory for runs (MB) ", limit));
  const change = makeButton(changing ? "Done" : "Change keys", () => fill({ changing: !changing, at: "change" }));
  change.dataset["of"] = "change";
  const header = make("header", "", make("h2", "", "Keys and gestures"), change, makeButton("Close", () => dialog.close()));
  const usual = makeButton("Usual keys", () => keep({}, { said: "All keys are the usual ones.", at: "change" }));
  if (changing) change.before(usual);
  const status = make("p", "", said || (changing ? "Choose a key, then press another." : ""));
  status.setAttribute("role", "status");
  dialog.replaceChildren(header, status, columns);
  /** @type {HTMLElement | null} */ (dialog.querySelector(`[data-of="${at}"]`))?.focus();
}

/** @param {Record<string, string[]>} own @param {{said: string, at: string}} state */
function keep(own, state) {
  keepKeys(own);
  tellKeys();
  fill({ changing: true, ...state });
}

/** The button that changes a command's key. @param {import("./keys.js").Command} command */
function changer({ id, label, keys }) {
  const text = keys.map(keyText).join(" ");
  const made = makeButton(text, () => {
    made.textContent = "Press a key";
    dialog.onkeydown = pressed;
  });
  made.dataset["of"] = id;
  made.setAttribute("aria-label", `${label}: ${text}. Change`);

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.repeat || /^(Shift|Control|Alt|AltGraph|Meta|Dead|Tab)$/.test(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const key = keyName(event);
    const other = COMMANDS.find((one) => one.id !== id && one.keys.includes(key ?? ""));
    if (other && key) fill({ changing: true, said: `${keyText(key)} is taken: ${other.label}. Give that another key first.`, at: id });
    else if (!key || key === "Escape") fill({ changing: true, at: id });
    else keep({ ...ownKeys(), [id]: [key] }, { said: `${label}: ${keyText(key)}`, at: id });
  }
  return made;
}
