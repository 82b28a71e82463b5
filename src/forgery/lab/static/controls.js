// The settings of a live game as controls, each with its message beside it.

import { el, field, fill, select } from "./dom.js";
import { words } from "./words.js";

const w = words.playground;

/**
 * All controls, by group.
 *
 * @param {Object} groups - group → controls, as the lab describes them
 * @param {(changes: Object<string, any>) => Promise<void>} change - asks for a change; throws a
 *   Refused with the messages by setting
 * @returns {{element: HTMLElement, show: (game: Object) => void, forget: () => void}} `show` sets the
 *   values of a game; `forget` drops those that were refused
 */
export function controls(groups, change) {
  const fields = new Map();
  // Values that were refused: they stay in their fields, and go along with the next change.
  const pending = new Map();
  let last = Promise.resolve();

  function send(name, value) {
    pending.set(name, value);
    const changes = Object.fromEntries(pending);
    last = last.then(() => ask(name, changes)); // one after the other
  }

  async function ask(name, changes) {
    try {
      await change(changes);
      for (const [key, value] of Object.entries(changes)) if (pending.get(key) === value) pending.delete(key);
      for (const one of fields.values()) one.field.problem("");
    } catch (error) {
      const messages = Object.keys(error.fields ?? {}).length ? error.fields : { [name]: error.message };
      for (const [key, one] of fields) one.field.problem(messages[key] ? `${messages[key]} ${w.pending}` : "");
    }
  }

  const element = el("div", { class: "settings" }, ...Object.entries(groups).map(([group, list]) =>
    el("details", { open: group !== "networks" },
      el("summary", {}, w.groups[group]),
      el("div", { class: "fields" }, ...list.map((control) => {
        const one = input(control, (value) => send(control.name, value));
        fields.set(control.name, { ...one, control });
        return one.field.element;
      })))));

  return {
    element,
    forget() {
      pending.clear();
      for (const one of fields.values()) one.field.problem("");
    },
    show(game) {
      for (const [name, one] of fields) {
        if (!pending.has(name) && document.activeElement !== one.field.input) one.set(game.settings[name]);
        one.field.input.disabled = game.idle.includes(name) && !pending.has(name);
      }
    },
  };
}

function input(control, send) {
  const label = el("span", { title: control.help },
    w.labels[control.name] ?? control.flag,
    control.restarts ? el("span", { title: w.restartsTitle, "aria-label": w.restartsTitle, role: "img" }, w.restarts) : null);
  let element;
  let set = (value) => { element.value = value; };
  if (control.kind === "choice") element = select(control.choices, null, () => send(element.value));
  else if (control.kind === "bool") {
    element = el("input", { type: "checkbox", onchange: () => send(element.checked) });
    set = (value) => { element.checked = value; };
  } else {
    const whole = control.kind === "int";
    const { bounds } = control;
    element = el("input", { type: "number", step: whole ? 1 : "any", inputMode: "decimal", onchange: () => send(element.value === "" ? null : Number(element.value)) });
    const least = bounds["at least"] ?? bounds.above;
    const most = control.most ?? bounds["at most"] ?? bounds.below;
    if (least !== undefined && whole) element.min = least;
    if (most !== undefined && whole) element.max = most;
  }
  element.title = control.help;
  element.name = control.name;
  const made = field("", element);
  fill(made.element.firstElementChild, label);
  return { field: made, set };
}
