// Small parts of the playground.

import { el } from "./dom.js";

/**
 * A button, with its key on the keyboard shown and announced.
 *
 * @param {string} label
 * @param {string} key - empty without one
 * @param {() => void} onclick
 * @param {string} [kind] - a class
 */
export function button(label, key, onclick, kind = "") {
  const text = el("span", {}, label);
  const element = el("button", { class: kind || null, "aria-keyshortcuts": key || null, onclick }, text, key ? el("kbd", {}, key === " " ? "␣" : key.toUpperCase()) : null);
  element.label = (now) => { if (text.textContent !== now) text.textContent = now; };
  return element;
}

/** A checkbox with its words. */
export function tick(label, checked, onchange, title = "") {
  const input = el("input", { type: "checkbox", checked, onchange: () => onchange(input.checked) });
  return el("label", { class: "tick", title }, input, label);
}
