// One run: followed while it trains, with its samples, curves, findings, card and settings.

import { follow, get, post } from "./api.js";
import { command, el, explained, field, fill, select } from "./dom.js";
import { grids } from "./grids.js";
import { cardTable, chart, chartsOf, join, place, settingText, stateTag } from "./panels.js";
import { words } from "./words.js";

const said = words.run;

/** The page of the run `parameters.run`. */
export async function show(main, parameters) {
  const name = parameters.run ?? "";
  let about = null;
  let status = {};
  let curves = {};
  let panels = [];
  let closed = false;

  const head = el("div", {});
  const notes = el("div", {});
  const actions = el("div", { class: "row" });
  const going = el("form", { class: "row", hidden: true, onsubmit: goOn });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const work = el("div", {});
  const player = grids(name, () => about ?? {});
  const findings = el("div", {});
  const charts = el("div", { class: "run-charts" });
  const card = el("div", {});
  const settings = el("div", {});
  const foot = el("div", {});
  const body = el("div", {},
    el("div", { class: "run-page" },
      el("section", {}, el("h2", {}, said.samples), player.element, el("h2", {}, said.findings), findings),
      el("section", {}, el("h2", {}, said.curves), charts)),
    el("h2", {}, said.card), card,
    el("h2", {}, said.settings), settings, foot);
  fill(main, el("p", {}, el("a", { href: "#/runs" }, `← ${said.all}`)), el("h1", {}, name), head, notes, actions, going, problem, work, body);
  body.hidden = true;
  fill(charts, el("p", { class: "soft" }, said.noCurves));

  // What does not change while it trains.
  async function load() {
    try {
      const found = await get("run", { run: name });
      if (closed || found.starting) return;
      about = found;
    } catch (error) {
      if (!status.state) fill(notes, el("p", { class: "problem" }, error.message));
      return;
    }
    body.hidden = false;
    panels = chartsOf(about.equilibrium).map((one) => ({ ...one, panel: chart(one) }));
    fill(charts);
    paintHead();
    paintActions();
    paintCard();
    paintSettings();
    paintFoot();
    paintCurves();
    player.paint();
  }

  function paintHead() {
    const bar = el("progress", { max: 1, value: status.share ?? 0, "aria-label": said.progressLabel });
    const minutes = ((status.seconds ?? 0) / 60).toFixed(1);
    fill(head,
      el("div", { class: "row" },
        status.state ? stateTag(status.state) : null,
        about ? el("span", {}, `${said.data(about)}, ${said.recipe(about.recipe, about.length)}`) : null),
      status.step === undefined ? null : el("div", { class: "row" }, bar,
        el("span", { class: "soft" }, said.progress(status.step.toLocaleString("en"), status.end?.toLocaleString("en"), minutes))));
    const own = status.command?.running && status.command.verb !== "evaluate";
    fill(notes,
      status.state === "starting" ? el("p", {}, said.starting) : null,
      status.state === "gone" ? el("p", { class: "problem" }, `${said.gone} (${status.reason})`) : null,
      status.state === "damaged" ? el("p", { class: "problem" }, `${said.damaged} ${status.reason}`) : null,
      status.state === "interrupted" ? el("p", { class: "soft" }, said.interruptedNote) : null,
      status.state === "finished" ? el("p", { class: "soft" }, said.finishedNote) : null,
      status.state === "running" && !own ? el("p", { class: "soft" }, said.elsewhere(status.process)) : null,
      status.damaged_lines ? el("p", { class: "problem" }, said.damagedLines(status.damaged_lines)) : null,
      status.command?.problem ? el("pre", { class: "problem" }, status.command.problem) : null);
  }

  // The buttons are replaced only when others are needed, so that the focus stays.
  let offered = "";
  function paintActions() {
    const { state, command: started } = status;
    const busy = Boolean(started?.running);
    const measuring = busy && started.verb === "evaluate";
    const key = JSON.stringify([state, busy, measuring, started?.stopping, about?.kind, about?.model, Boolean(about?.card), status.checkpoints?.length > 0]);
    if (key === offered) return;
    offered = key;
    const gone = !about || state === "gone" || state === "damaged" || state === "starting";
    const trains = state === "running" || state === "starting" || (busy && !measuring);
    const sampled = status.checkpoints?.length > 0;
    fill(actions,
      busy && !measuring ? el("button", { class: "main", title: said.stopHint, disabled: Boolean(started?.stopping), onclick: () => act("run/stop") },
        started?.stopping ? said.stopping : said.stop) : null,
      !trains && !gone ? el("button", { class: state === "interrupted" ? "main" : "", "aria-expanded": "false", onclick: askLength }, said.resume) : null,
      !gone && sampled ? el("button", { disabled: busy, onclick: () => act("run/evaluate") }, about.card ? said.evaluateAgain : said.evaluate) : null,
      !gone && sampled && about.kind === "images" ? el("button", { onclick: () => { location.hash = place("explorer", name); } }, said.explorer) : null,
      !gone && sampled && about.kind === "images" ? el("button", { onclick: () => { location.hash = place("spotting", name); } }, said.spotting) : null);
    if (trains) going.hidden = true;
  }

  function paintWork() {
    const started = status.command;
    if (!started?.running || started.verb !== "evaluate") { fill(work); return; }
    const counted = started.line.match(/([\d,]+) of ([\d,]+)/)?.slice(1).map((text) => Number(text.replaceAll(",", "")));
    fill(work, el("div", { class: "row" },
      el("progress", counted ? { max: counted[1], value: counted[0], "aria-label": said.evaluate } : { "aria-label": said.evaluate }),
      el("span", { class: "soft" }, started.line || started.command)));
  }

  async function act(path, content = {}) {
    say("");
    try {
      await post(path, { run: name, ...content });
    } catch (error) {
      say([error.message, ...Object.values(error.fields ?? {})].filter(Boolean).join("\n"));
    }
  }

  function say(text) {
    problem.textContent = text;
    problem.hidden = !text;
  }

  // Going on, with a new length or the one before.
  const amount = el("input", { type: "text", inputMode: "decimal", size: 8 });
  const unit = select(Object.entries(words.train.units), "minutes");
  const start = el("button", { class: "main", type: "submit" }, said.resume);
  fill(going,
    field(said.resumeLength, amount).element, field(said.resumeUnit, unit).element, start,
    el("span", { class: "soft" }, said.resumeHint));

  function askLength(event) {
    going.hidden = !going.hidden;
    event.target.setAttribute("aria-expanded", String(!going.hidden));
    const [number, kind] = (about?.length ?? "").split(" ");
    unit.value = words.train.units[kind] ? kind : "steps";
    amount.placeholder = number ?? "";
    if (!going.hidden) amount.focus();
  }

  async function goOn(event) {
    event.preventDefault();
    start.disabled = true;
    const length = amount.value.trim();
    await act("run/resume", { settings: length ? { [unit.value]: length } : {} });
    start.disabled = false;
    if (!closed && problem.hidden) { going.hidden = true; load(); }
  }

  function paintFindings(found = status.findings ?? []) {
    fill(findings,
      ...(found.length ? found.map(finding) : [el("p", { class: "soft" }, said.noFindings)]),
      el("div", { class: "row" },
        el("button", { onclick: examine }, said.doctor), el("span", { class: "soft" }, said.doctorHint)));
  }

  async function examine(event) {
    const button = event.target;
    button.disabled = true;
    button.textContent = said.doctorBusy;
    try {
      const answer = await post("run/doctor", { run: name });
      if (!closed) paintFindings(answer.findings);
    } catch (error) {
      say(error.message);
      paintFindings();
    }
  }

  const finding = (one) => el("div", { class: "panel finding" },
    el("p", {}, el("strong", {}, one.name), el("span", { class: "soft" }, ` ${said.atStep(one.step.toLocaleString("en"))}`)),
    el("p", {}, `${one.seen[0].toUpperCase()}${one.seen.slice(1)}. ${one.means}`),
    el("p", {}, el("strong", {}, said.remedy), ` ${one.remedy}`));

  function paintCurves() {
    const seen = panels.filter(({ names }) => names.some((key) => curves[key]));
    if (!seen.length) { fill(charts, el("p", { class: "soft" }, said.noCurves)); return; }
    if (seen.length !== charts.querySelectorAll("canvas").length) fill(charts, ...seen.map(({ panel }) => panel.element));
    for (const { names, panel } of seen) {
      panel.draw(names.filter((key) => curves[key]).map((key) => ({ name: words.charts.names[key], x: curves[key][0], y: curves[key][1] })));
    }
  }

  function paintCard() {
    const measured = about.card;
    fill(card,
      explained(said.cardAbout),
      typeof measured === "string" ? el("p", { class: "problem" }, measured)
        : measured ? cardTable(measured) : el("p", {}, said.noCard),
      ...about.people.map((line) => el("p", {}, el("strong", {}, `${said.spotting}: `), line)));
  }

  function paintSettings() {
    fill(settings,
      explained(said.settingsAbout),
      el("div", { class: "run-settings" }, ...about.settings.map((group) => el("details", { class: "panel", open: group.settings.some((one) => one.differs) },
        el("summary", {}, `${group.title}${count(group)}`),
        el("table", {}, el("tbody", {}, ...group.settings.map((one) => el("tr", { title: one.help, class: one.differs ? "differs" : "" },
          el("th", { scope: "row" }, el("code", {}, one.flag)),
          el("td", {}, settingText(one.value), one.differs ? el("span", { class: "soft" }, ` (${said.differs(settingText(one.of_recipe))})`) : null)))))))));
  }

  const count = (group) => {
    const n = group.settings.filter((one) => one.differs).length;
    return n ? ` (${said.changed(n)})` : "";
  };

  function paintFoot() {
    if (!about) return;
    fill(foot,
      el("h2", {}, said.checkpoints),
      el("p", {}, status.checkpoints?.length ? status.checkpoints.map((step) => words.runs.step(step.toLocaleString("en"))).join(", ") : said.noCheckpoints),
      el("p", { class: "soft" }, said.made(about.made_with)),
      el("details", {}, el("summary", {}, said.commands), ...Object.values(about.commands).map((text) => command(text)), command(about.finetune)));
  }

  paintFindings();
  const loaded = load();
  const stream = follow("run/follow", { run: name, pixels: Math.max(200, Math.round(main.clientWidth / 2)) }, {
    status(content) {
      const before = status;
      status = content;
      const readable = content.step !== undefined;
      const other = JSON.stringify(content.versions) !== JSON.stringify(before.versions) || content.end !== before.end;
      if (content.state === "gone" || content.state === "starting") { about = null; body.hidden = true; }
      if (readable && (!about || (before.step !== undefined && other))) load();
      paintHead();
      paintActions();
      paintWork();
      if (JSON.stringify(before.findings) !== JSON.stringify(content.findings)) paintFindings();
      if (JSON.stringify(before.checkpoints) !== JSON.stringify(content.checkpoints) || !foot.firstChild) paintFoot();
    },
    curves(content) {
      curves = join(content.again ? {} : curves, content.curves);
      if (about) paintCurves();
    },
    grids(content) {
      player.update(content.steps);
    },
    reopened: () => load(),
  });
  await loaded;
  return {
    close() {
      closed = true;
      stream.close();
      player.close();
    },
  };
}
