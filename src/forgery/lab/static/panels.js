// What the pages of runs share: the state of a run, its charts, the table of cards.

import { el } from "./dom.js";
import { curves, seriesColour } from "./draw.js";
import { tidy } from "./images.js";
import { words } from "./words.js";

const said = words.run;
const drawn = words.charts;

/** The address of a view with the parameters of one run. */
export const place = (view, name) => `#/${view}?run=${encodeURIComponent(name)}`;

/** The state of a run: a word in a frame of its colour. */
export const stateTag = (state) => el("span", { class: `tag state ${state}` }, words.runs.states[state] ?? state);

/** A value of a setting as text: `null` is none, `true` is on. */
export function settingText(value) {
  if (value === null || value === undefined || value === "") return said.nothing;
  if (typeof value === "boolean") return value ? words.train.on : words.train.off;
  return String(value);
}

/**
 * The charts of one run, in their order: title, the curves that they show, lines to compare with.
 *
 * @param {Object} equilibrium - as the lab answers it: `d_loss`, `g_loss`, `output`, `is_probability`
 */
export function chartsOf(equilibrium) {
  const same = equilibrium.d_loss !== null && equilibrium.g_loss !== null
    && Math.abs(equilibrium.d_loss - equilibrium.g_loss) < 1e-9;
  const level = (y, name, colour) => (y === null ? [] : [{ y, name: `${name} ${tidy(y)}`, colour }]);
  const losses = same
    ? level(equilibrium.d_loss, drawn.equilibrium)
    : [
      ...level(equilibrium.d_loss, `D, ${drawn.equilibrium}`, seriesColour(0)),
      ...level(equilibrium.g_loss, `G, ${drawn.equilibrium}`, seriesColour(1)),
    ];
  return [
    { title: drawn.loss, names: ["d_loss", "g_loss"], lines: losses },
    {
      title: equilibrium.is_probability ? drawn.output : drawn.outputDifferences,
      names: ["d_real", "d_fake"], lines: level(equilibrium.output, drawn.undecided), low: 0, high: 1,
    },
    { title: drawn.reconstruction, names: ["reconstruction"] },
    { title: drawn.kl, names: ["kl"] },
    { title: drawn.frechet, names: ["quality.frechet"], low: 0 },
    { title: drawn.jsd, names: ["quality.jsd"], low: 0 },
    { title: drawn.klData, names: ["quality.kl"], low: 0 },
    { title: drawn.modes, names: ["quality.modes"], low: 0 },
    { title: drawn.energy, names: ["energy_distance"], low: 0 },
    { title: drawn.diversity, names: ["diversity"], low: 0, lines: [{ y: 1, name: drawn.likeData }] },
    { title: drawn.gradient, names: ["g_gradient"], low: 0 },
    { title: drawn.speed, names: ["examples_per_second"], low: 0 },
    { title: drawn.augment, names: ["augment_p"], low: 0, high: 1 },
    { title: drawn.classAccuracy, names: ["class_accuracy"], low: 0, high: 1 },
  ];
}

/**
 * One chart: `.element`, and `.draw(series)` with the series of `draw.curves`.
 */
export function chart({ title, lines = [], low, high }) {
  const canvas = el("canvas", { class: "plot", role: "img" });
  return {
    element: el("figure", { class: "panel" }, el("figcaption", {}, title), canvas),
    draw(series) {
      canvas.setAttribute("aria-label", drawn.alt(title, series.map((s) => s.name).join(", ")));
      curves(canvas, series, { height: 190, lines, low, high });
    },
  };
}

/** Curves as the lab sends them, `{name: [steps, values]}`, joined to those before. */
export function join(before, added) {
  for (const [name, [steps, values]] of Object.entries(added)) {
    const curve = (before[name] ??= [[], []]);
    for (let i = 0; i < steps.length; i += 1) {
      curve[0].push(steps[i]);
      curve[1].push(values[i]);
    }
  }
  return before;
}

/**
 * A table of one card, or of several of one protocol, beside the floors.
 *
 * @param {Object} card - as the lab answers it
 * @param {string[]} [names] - heads of the columns of scores
 */
export function cardTable(card, names = [said.score]) {
  const one = names.length === 1;
  const number = (text) => el("td", { class: "number" }, text);
  const head = (text) => el("th", { class: "number", scope: "col" }, text);
  const floors = Math.max(...card.rows.map((row) => row.floors.length));
  return el("div", {},
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {},
        el("th", { scope: "col" }, said.measure), ...names.map(head),
        ...Array.from({ length: floors }, (_, i) => head(floors > 1 ? `${said.floor} ${names[i]}` : said.floor)),
        one ? head(said.ratio) : null, el("th", { scope: "col" }, said.better))),
      el("tbody", {}, ...card.rows.map((row) => el("tr", {},
        el("td", {}, row.title), ...row.scores.map(number),
        ...Array.from({ length: floors }, (_, i) => number(row.floors[i] ?? row.floors[0])),
        one ? number(row.ratios[0] === null ? "" : `× ${tidy(row.ratios[0])}`) : null,
        el("td", {}, row.better)))))),
    el("p", { class: "soft" }, said.protocol(card.protocol, one ? card.steps[0] : null)),
    ...Object.entries(card.left_out).map(([title, reason]) => el("p", { class: "soft" }, `${title}, ${said.leftOut} ${reason}`)),
    ...card.notes.map((note) => el("p", { class: "soft" }, note)),
  );
}
