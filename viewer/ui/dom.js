// @ts-check
/** The page's elements by id, and new ones. Words from outside only ever become text nodes. */

/** For a moment that does not come nobody waits longer. */
const CALM_MS = 1200;

/** The element with this id: pages.test.js sees to it that the templates have each that is asked for. @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * A new element with a class, and text or children in it.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {string} [className] @param {...(string | Node)} children strings become text nodes
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** @param {string} words @param {() => unknown} act */
export function makeButton(words, act) {
  const button = make("button", "", words);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/** The machine has a moment: what may wait is not in the way of a picture then. @returns {Promise<unknown>} */
export const calm = () => new Promise((resolve) => ("requestIdleCallback" in globalThis ? requestIdleCallback(resolve, { timeout: CALM_MS }) : setTimeout(resolve, CALM_MS / 4)));

/** Loads a style sheet of the viewer that the first picture does without; once. @param {string} name */
export function addStyle(name) {
  const href = new URL(`../style/${name}`, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return;
  const sheet = make("link");
  sheet.rel = "stylesheet";
  sheet.href = href;
  document.head.append(sheet);
}

/**
 * Sets text only where it differs, so that nothing is laid out or announced anew.
 * @param {Node} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Where a pointer is. @param {Element} element @param {MouseEvent} event @returns {{x: number, y: number}} CSS pixels from the element's top left */
export function pointIn(element, event) {
  const { left, top } = element.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

/** Hands on this are none on the picture that it lies on. @param {HTMLElement} element */
export function ownHands(element) {
  for (const type of ["pointerdown", "dblclick", "wheel"]) element.addEventListener(type, (event) => event.stopPropagation());
}
