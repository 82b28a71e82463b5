// All runs: newest first, filtered, sorted, chosen for comparison.

import { address, follow } from "./api.js";
import { command, el, explained, field, fill, select } from "./dom.js";
import { tidy } from "./images.js";
import { place, stateTag } from "./panels.js";
import { words } from "./words.js";

const said = words.runs;
const ORDERS = {
  changed: (a, b) => b.changed - a.changed,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  data: (a, b) => (a.data ?? "").localeCompare(b.data ?? "") || b.changed - a.changed,
  step: (a, b) => (b.step ?? -1) - (a.step ?? -1),
  best: (a, b) => rank(a) - rank(b) || (a.best?.value ?? Infinity) - (b.best?.value ?? Infinity),
  findings: (a, b) => b.findings - a.findings || b.changed - a.changed,
};
// Different distances do not compare: they are sorted one after the other.
const rank = (run) => (run.best ? Object.keys(said.distances).indexOf(run.best.name) : 9);

/** The list of runs. */
export async function show(main) {
  const chosen = new Set();
  const rows = new Map();
  let runs = null;
  let order = "changed";

  const filter = el("input", { type: "search", placeholder: said.filterHint, oninput: arrange });
  const compare = el("button", { onclick: () => { location.hash = `#/compare?runs=${encodeURIComponent(JSON.stringify([...chosen]))}`; } });
  const list = el("ul", { class: "runs", role: "list" });
  const message = el("div", {});
  const tools = el("div", { class: "row tools" },
    field(said.filter, filter).element,
    field(said.sort, select(Object.entries(said.sorts), order, (event) => { order = event.target.value; arrange(); })).element,
    el("div", { class: "row" },
      compare,
      el("button", { class: "main", onclick: () => { location.hash = "#/train"; } }, said.train)));
  fill(main, el("h1", {}, said.title), explained(said.about), tools, message, list);
  fill(message, el("p", { class: "soft" }, words.common.loading));
  choose();

  function choose() {
    compare.textContent = said.compare(chosen.size);
    compare.disabled = chosen.size < 2;
    compare.title = chosen.size < 2 ? said.compareHint : "";
  }

  function row(name) {
    const box = el("input", {
      type: "checkbox", "aria-label": said.choose(name),
      onchange: () => { chosen[box.checked ? "add" : "delete"](name); choose(); },
    });
    const picture = el("img", { alt: said.thumbnail(name), width: 72, height: 72, loading: "lazy" });
    const thumbnail = el("a", { class: "thumbnail", href: place("run", name), tabIndex: -1 });
    const about = el("div", { class: "about" });
    const numbers = el("div", { class: "numbers" });
    return {
      element: el("li", { class: "panel" }, el("label", { class: "choose" }, box), thumbnail, about, numbers),
      update(run) {
        const source = run.grid === null ? "" : address("runs/thumbnail", { run: name, step: run.grid });
        if (!source) fill(thumbnail, el("span", { class: "soft" }, said.noSamples));
        else if (picture.getAttribute("src") !== source) {
          picture.src = source;
          fill(thumbnail, picture);
        }
        fill(about,
          el("div", {}, el("a", { href: place("run", name) }, el("strong", {}, name)), " ", stateTag(run.state)),
          run.data ? el("div", { class: "soft" }, `${run.data}, ${words.run.recipe(run.recipe, run.length)}`) : null,
          run.reason ? el("div", { class: "problem" }, run.reason) : null,
          el("div", { class: "soft" }, when(run.changed)));
        fill(numbers,
          run.step === undefined ? null : el("div", {}, said.step(run.step.toLocaleString("en"))),
          run.state === "running" || run.state === "interrupted"
            ? el("div", { class: "soft" }, said.of(Math.floor(100 * run.share))) : null,
          el("div", { title: run.best ? said.bestTitle(said.distances[run.best.name], run.best.step) : "" },
            run.best ? said.best(said.distances[run.best.name], tidy(run.best.value)) : said.noDistance),
          el("div", { class: run.findings ? "problem" : "soft" }, said.findings(run.findings)));
      },
    };
  }

  function arrange() {
    if (!runs) return;
    const sought = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (run) => `${run.name} ${run.data} ${run.recipe} ${said.states[run.state]}`.toLowerCase();
    const seen = runs.filter((run) => sought.every((word) => text(run).includes(word))).sort(ORDERS[order]);
    for (const run of seen) {
      if (!rows.has(run.name)) rows.set(run.name, { ...row(run.name), text: "" });
      const known = rows.get(run.name);
      const now = JSON.stringify(run);
      if (known.text !== now) known.update(run);
      known.text = now;
    }
    const elements = seen.map((run) => rows.get(run.name).element);
    // Only what has changed is moved, so that the focus stays where it is.
    if (elements.length !== list.children.length || elements.some((element, i) => list.children[i] !== element)) {
      fill(list, ...elements);
    }
    tools.hidden = !runs.length;
    if (!runs.length) fill(message, empty());
    else fill(message, seen.length ? null : el("p", { class: "soft" }, said.noMatch));
  }

  const stream = follow("runs/follow", {}, {
    runs(content) {
      runs = content.runs;
      const names = new Set(runs.map((run) => run.name));
      for (const name of [...rows.keys()]) if (!names.has(name)) { rows.delete(name); chosen.delete(name); }
      choose();
      arrange();
    },
  });
  return { close: () => stream.close() };
}

const empty = () => el("div", { class: "panel" },
  el("p", {}, el("strong", {}, said.none)),
  el("p", {}, said.noneSteps),
  el("div", { class: "row" },
    el("button", { class: "main", onclick: () => { location.hash = "#/train"; } }, said.train),
    el("button", { onclick: () => { location.hash = "#/playground"; } }, said.openPlayground)),
  command(said.noneCommand));

const when = (seconds) =>
  (seconds ? new Date(1000 * seconds).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }) : "");
