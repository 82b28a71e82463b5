// Elements of the page.

/**
 * Make an element: `el("button", { class: "main", onclick: play }, "Play")`.
 *
 * Properties that start with "on" are listeners; `class`, `for`, `role`, `aria-…` and `data-…` are
 * attributes; all others are properties of the element. Children that are null are left out.
 *
 * @param {string} tag
 * @param {Object<string, any>} [properties]
 * @param {...(Node|string|number|null|undefined)} children
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (/^(for|role|list|aria-|data-)/.test(name)) element.setAttribute(name, String(value));
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map(asNode));
  return element;
}

const asNode = (child) => (child instanceof Node ? child : String(child));

/** Replace the children of an element. The focus stays at its place if an element like it is there. */
export function fill(element, ...children) {
  const place = focusIn(element);
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined).map(asNode));
  if (place) focusAt(element, place);
  return element;
}

/** Where in an element the focus is: the focused element and the way to it; null if it is elsewhere. */
export function focusIn(element) {
  const focused = document.activeElement;
  if (!focused || focused === element || !element.contains(focused)) return null;
  const way = [];
  for (let at = focused; at !== element; at = at.parentElement) way.unshift([...at.parentElement.children].indexOf(at));
  return { focused, way };
}

/** Focus what stands at a place that `focusIn` found, unless it is another kind of element. */
export function focusAt(element, { focused, way }) {
  if (document.activeElement === focused) return;
  const found = focused.isConnected ? focused : way.reduce((at, i) => at?.children[i], element);
  if (found?.tagName === focused.tagName) found.focus({ preventScroll: true });
}

/**
 * A labelled control with a place for a message beside it: `.input`, and `.problem(text)`, which
 * shows the text or, without one, hides it.
 */
export function field(label, input, explanation = "") {
  const message = el("span", { class: "problem", role: "alert", hidden: true });
  const element = el(
    "label", { class: "field" },
    el("span", {}, label), input,
    explanation ? el("span", { class: "soft" }, explanation) : null,
    message,
  );
  return {
    element,
    input,
    problem(text) {
      message.textContent = text || "";
      message.hidden = !text;
      input.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}

/** A `<select>` of names, or of [value, label] pairs. */
export function select(choices, chosen, onchange) {
  const options = choices.map((choice) => {
    const [value, label] = Array.isArray(choice) ? choice : [choice, choice];
    return el("option", { value, selected: String(value) === String(chosen) }, label);
  });
  return el("select", { onchange }, ...options);
}

/** A slider: `least`, `most`, `step`, `value`, and a function of the number. */
export function slider({ least, most, step, value, label }, oninput) {
  const input = el("input", { type: "range", "aria-label": label ?? "" });
  Object.assign(input, { min: least, max: most, step });
  input.value = value;
  input.addEventListener("input", () => oninput(Number(input.value)));
  return input;
}

/** What a page is about, where it stands. */
export const explained = (...children) => el("div", { class: "explained soft" }, ...children);

/** A command of the terminal with a button that copies it. */
export function command(text, copy = "Copy") {
  const line = el("pre", {}, text);
  const button = el("button", { onclick: async () => {
    if (await copied(text, line)) button.textContent = "✓";
  } }, copy);
  return el("div", { class: "row" }, line, button);
}

/** Copy a text that an element shows; where it cannot be copied, it is left selected. */
async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* browsers have no clipboard over plain http, and may refuse it elsewhere */ }
  getSelection().selectAllChildren(element);
  return document.execCommand("copy");
}

/** A part of a page with a heading and, unless it is null, an explanation. */
export const panel = (title, explanation, ...children) => el(
  "section", { class: "panel parts" }, el("h2", {}, title), explanation && el("p", { class: "soft" }, explanation), ...children,
);

/** Let the browser save bytes or a canvas as a file. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
