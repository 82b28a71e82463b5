// The form that starts a training; problems stand beside the fields that they name.

import { get, post } from "./api.js";
import { command, el, explained, field, fill, select } from "./dom.js";
import { place, settingText } from "./panels.js";
import { words } from "./words.js";

const said = words.train;
const PATH = "…";

/** The form; `parameters` may hold `data`, `recipe`, `name` and settings to begin with. */
export async function show(main, parameters) {
  const form = await get("train/form");
  const settings = new Map();
  let latest = 0;
  let closed = false;
  let named = Boolean(parameters.name);

  const known = [...form.images, ...form.points];
  const given = parameters.data ?? "mnist";
  const data = el("select", { onchange: chooseData },
    group(said.images, form.images), group(said.points, form.points), el("option", { value: PATH }, said.path));
  const path = el("input", { type: "text", spellcheck: false, value: known.includes(given) ? "" : given, onchange: chooseData });
  data.value = known.includes(given) ? given : PATH;
  const recipe = el("select", { onchange: () => { showDefaults(); check(); } });
  const name = el("input", { type: "text", spellcheck: false, value: parameters.name ?? "", oninput: () => { named = true; }, onchange: check });
  const amount = el("input", { type: "text", inputMode: "decimal", onchange: check });
  const unit = select(Object.entries(said.units), "minutes", check);
  for (const kind of Object.keys(said.units)) if (parameters[kind]) { amount.value = parameters[kind]; unit.value = kind; }

  const fields = {
    data: field(said.data, data),
    path: field(said.pathLabel, path, said.pathHint),
    recipe: field(said.recipe, recipe, said.recipeHint),
    name: field(said.name, name, said.nameHint),
    length: field(said.length, amount, said.lengthHint("…")),
    unit: field(said.unit, unit),
  };
  const all = form.groups.flatMap((one) => one.settings);
  for (const setting of all) settings.set(setting.name, control(setting));
  const common = all.filter((setting) => setting.common);
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const start = el("button", { class: "main", type: "submit" }, said.start);
  const result = el("p", { class: "soft" });
  const line = el("div", {});
  const controls = (list) => el("div", { class: "fields wide" }, ...list.map((setting) => settings.get(setting.name).element));

  fill(main,
    el("h1", {}, said.title), explained(said.about), problem,
    el("form", { onsubmit: train, noValidate: true },
      el("div", { class: "fields wide" }, fields.data.element, fields.path.element, fields.recipe.element, fields.name.element,
        el("div", { class: "train-length" }, fields.length.element, fields.unit.element)),
      el("h2", {}, said.common), el("p", { class: "soft" }, said.commonHint), controls(common),
      ...form.groups.map((one) => {
        const rest = one.settings.filter((setting) => !setting.common);
        return rest.length ? el("details", { class: "train-more" }, el("summary", {}, said.more(one.title)), controls(rest)) : null;
      }),
      el("h2", {}, said.command), result, line,
      el("div", { class: "row" }, start)));
  chooseData();

  function control(setting) {
    const value = parameters[setting.name] ?? "";
    let input;
    if (setting.choices.length) input = select([["", ""], ...setting.choices], value, check);
    else if (setting.is_switch) input = select([["", ""], ["true", said.on], ["false", said.off]], value, check);
    else input = el("input", { type: "text", spellcheck: false, inputMode: setting.is_number ? "decimal" : "text", value, onchange: check });
    const shown = field(setting.flag, input, setting.help.split(/[.;] /)[0].replace(/\.$/, ""));
    shown.element.title = setting.help;
    return shown;
  }

  function chosenData() {
    return data.value === PATH ? path.value.trim() : data.value;
  }

  /** What the data hold, as far as their name says it. */
  function kind() {
    const name = chosenData();
    if (form.points.includes(name) || /\.csv$/i.test(name)) return "points";
    return form.images.includes(name) ? "images" : "";
  }

  function chooseData() {
    fields.path.element.hidden = data.value !== PATH;
    const before = recipe.value || parameters.recipe;
    const suiting = form.recipes.filter((one) => !kind() || one.kind === kind());
    fill(recipe, el("option", { value: "" }, said.byData),
      ...suiting.map((one) => el("option", { value: one.name, title: one.about }, one.name)));
    recipe.value = suiting.some((one) => one.name === before) ? before : "";
    if (!named) name.value = proposed();
    showDefaults();
    check();
  }

  function proposed() {
    const stem = chosenData().replace(/[/\\]+$/, "").split(/[/\\]/).pop().replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "") || "run";
    const now = new Date();
    const two = (n) => String(n).padStart(2, "0");
    return `${stem}-${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  }

  // Empty fields show, in grey, what the recipe says.
  function showDefaults(values, length) {
    const chosen = form.recipes.find((one) => one.name === recipe.value);
    // Until the lab has chosen by the data, the first recipe that suits them is the likeliest.
    const likely = chosen ?? form.recipes.find((one) => one.kind === (kind() || "images"));
    const defaults = values ?? likely.settings;
    for (const setting of all) {
      const { input } = settings.get(setting.name);
      const value = settingText(defaults[setting.name]);
      if (input.tagName === "SELECT") {
        input.options[0].textContent = said.recipeValue(value);
      } else input.placeholder = value;
    }
    const about = chosen ? chosen.about : said.recipeHint;
    fields.recipe.element.querySelector(".soft").textContent = about;
    const usual = length ?? likely.length;
    fields.length.element.querySelector(".soft").textContent = said.lengthHint(usual);
  }

  function content() {
    const chosen = {};
    for (const [key, { input }] of settings) if (input.value.trim() !== "") chosen[key] = input.value;
    if (amount.value.trim()) chosen[unit.value] = amount.value;
    return { data: chosenData(), recipe: recipe.value, name: name.value, settings: chosen };
  }

  function showProblems({ message = "", fields: found = {} }) {
    const rest = message ? [message] : [];
    for (const one of [...Object.values(fields), ...settings.values()]) one.problem("");
    for (const [key, text] of Object.entries(found)) {
      const shown = key === "data" && data.value === PATH ? fields.path
        : key in said.units ? fields.length : fields[key] ?? settings.get(key);
      if (!shown) { rest.push(text); continue; }
      shown.problem(text);
      const more = shown.element.closest("details");
      if (more) more.open = true;
    }
    problem.textContent = rest.join("\n");
    problem.hidden = !rest.length;
  }

  /** Show the command, and the problems of the settings, before anything is started. */
  async function check() {
    // Data of the hub are fetched when the training starts, and not before.
    if (closed) return;
    const mine = ++latest;
    if ((data.value === PATH && !path.value.trim()) || chosenData().startsWith("hf:")) {
      result.textContent = "";
      fill(line);
      showProblems({});
      return;
    }
    result.textContent = said.checking;
    try {
      const answer = await post("train/check", content());
      if (mine !== latest || closed) return;
      showProblems({});
      if (!recipe.value) showDefaults(answer.settings, answer.length);
      leaveOut(answer.without_effect);
      result.textContent = said.chosen(answer.recipe, answer.length);
      fill(line, command(answer.command));
    } catch (error) {
      if (mine !== latest || closed) return;
      result.textContent = "";
      showProblems(error);
    }
  }

  /** Hide the fields of settings that have no effect with the others, and groups of nothing else. */
  function leaveOut(names) {
    for (const [key, { element, input }] of settings) element.hidden = names.includes(key) && input.value === "";
    for (const more of main.querySelectorAll("details.train-more")) more.hidden = !more.querySelector(".field:not([hidden])");
  }

  async function train(event) {
    event.preventDefault();
    latest += 1;
    start.disabled = true;
    start.textContent = said.starting;
    try {
      const answer = await post("train", content());
      if (!closed) location.hash = place("run", answer.run);
    } catch (error) {
      if (closed) return;
      showProblems(error);
      start.disabled = false;
      start.textContent = said.start;
      (main.querySelector("[aria-invalid=true]") ?? problem).scrollIntoView({ block: "center" });
    }
  }

  return { close() { closed = true; } };
}

const group = (label, names) => el("optgroup", { label }, ...names.map((one) => el("option", { value: one }, one)));
