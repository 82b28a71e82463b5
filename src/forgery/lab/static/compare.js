// Two or more runs: curves over each other, settings that differ, cards and last samples.

import { address, get } from "./api.js";
import { command, el, explained, fill } from "./dom.js";
import { seriesColour } from "./draw.js";
import { cardTable, chart, place, settingText, stateTag } from "./panels.js";
import { words } from "./words.js";

const said = words.compare;
const letter = (i) => String.fromCharCode(65 + i);

/** The comparison of the runs in `parameters.runs`, a JSON list of names. */
export async function show(main, parameters) {
  const names = chosen(parameters.runs);
  const query = new URLSearchParams(names.map((name) => ["run", name]));
  query.append("pixels", String(Math.round(main.clientWidth / 2)));
  const found = await get(`compare?${query}`);
  fill(main,
    el("h1", {}, said.title), explained(said.about),
    el("ul", { class: "legend named", role: "list" }, ...found.runs.map((run, i) => el("li", {},
      mark(i), el("a", { href: place("run", run.name) }, run.name), " ", stateTag(run.state), ` ${words.runs.step(run.step)}`))),
    el("h2", {}, said.curves), ...charts(found),
    el("h2", {}, said.settings), settings(found),
    el("h2", {}, said.cards), ...cards(found),
    el("h2", {}, said.samples),
    el("div", { class: "columns" }, ...found.runs.map((run, i) => el("figure", {},
      el("figcaption", {}, mark(i), run.name),
      run.grid === null ? words.run.noSamples : el("img", {
        class: run.kind === "images" ? "pixels samples" : "samples", alt: words.run.gridAlt(run.grid),
        src: address("run/grid", { run: run.name, step: run.grid }),
      })))),
  );
  for (const draw of found.draw) draw();
  return { close() {} };
}

function chosen(text) {
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}

/** The letter of a run in its colour. */
function mark(i) {
  const element = el("span", { class: "mark" }, letter(i));
  element.style.borderColor = `var(${seriesColour(i)})`;
  return element;
}

function charts(found) {
  found.draw = [];
  const panels = [];
  for (const [name, title] of Object.entries(words.charts.compared)) {
    const series = found.runs
      .map((run, i) => ({ name: letter(i), colour: seriesColour(i), dash: i < 6 ? [] : [5, 3], curve: run.curves[name] }))
      .filter((s) => s.curve)
      .map((s) => ({ name: s.name, colour: s.colour, dash: s.dash, x: s.curve[0], y: s.curve[1] }));
    if (!series.length) continue;
    const level = found.equilibrium[{ d_loss: "d_loss", g_loss: "g_loss", d_real: "output", d_fake: "output" }[name]];
    const lines = level === null || level === undefined ? [] : [{ y: level, name: words.charts.equilibrium }];
    const probability = name === "d_real" || name === "d_fake";
    const panel = chart({ title, lines, low: probability || name.startsWith("quality") ? 0 : undefined, high: probability ? 1 : undefined });
    panels.push(panel.element);
    found.draw.push(() => panel.draw(series));
  }
  return panels.length ? [el("div", { class: "columns" }, ...panels)] : [el("p", { class: "soft" }, words.run.noCurves)];
}

function settings(found) {
  if (!found.settings.length) return el("p", {}, said.same);
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, said.setting), ...found.runs.map((run, i) => el("th", { scope: "col" }, mark(i), run.name)))),
    el("tbody", {}, ...found.settings.map((setting) => el("tr", {},
      el("td", { title: setting.help }, el("code", {}, setting.flag)),
      ...setting.values.map((value) => el("td", {}, value === null ? el("span", { class: "soft" }, said.noEffect) : settingText(value))))))));
}

function cards(found) {
  const without = found.without_card.map((run) => el("p", { class: "soft" }, el("a", { href: place("run", run.name) }, run.name), ` ${run.reason || said.noCard}`));
  if (!found.cards) return without;
  if (found.cards.problem) return [el("p", { class: "problem" }, `${said.unlike} ${found.cards.problem}`), ...without];
  return [cardTable(found.cards, found.cards.names), command(found.command), ...without];
}
