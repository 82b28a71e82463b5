// The playground: live games of points.

import { follow, post } from "./api.js";
import { controls } from "./controls.js";
import { command, el, explained, fill, save, select, slider } from "./dom.js";
import { curves, seriesColour } from "./draw.js";
import { tidy } from "./images.js";
import { easel } from "./easel.js";
import { button, tick } from "./parts.js";
import { paint, places } from "./plane.js";
import { words } from "./words.js";

const w = words.playground;
// Milliseconds between two points of the curves, and between two drawings of them; points kept.
const NOTED = 120;
const DRAWN = 300;
const MOST_NOTED = 1200;
// Milliseconds in which samples move in the moment of G's update.
const MOVES = 800;
const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 0];

// The settings of the 2014 paper's game in the points recipe: no penalty, constant rates.
const PLAIN = { objective: "non-saturating", penalty: "none", ema: 0, learning_rate_decay: 1, beta1: 0.5 };
const GUIDED = {
  paper: { data: "line", settings: { ...PLAIN, latent: 1, g_learning_rate: 5e-4 }, shown: { surface: "difference", grid: true } },
  collapse: {
    data: "ring8",
    settings: { ...PLAIN, d_steps: 10, batch_size: 64, g_learning_rate: 1e-4, d_learning_rate: 1e-3 },
    other: { pack: 4 },
  },
  saturation: {
    data: "ring8",
    settings: { ...PLAIN, objective: "minimax", d_steps: 20, g_learning_rate: 1e-4, d_learning_rate: 2e-3 },
    other: { objective: "non-saturating" }, shown: { arrows: true }, speed: 5,
  },
  r1: { data: "ring8", settings: { ...PLAIN, beta1: 0 }, other: { penalty: "r1", penalty_weight: 1 } },
};
// Pairs that differ in one thing: settings of both, and of the second.
const PAIRS = {
  saturation: [{ objective: "minimax" }, { objective: "non-saturating" }],
  r1: [{ penalty: "none" }, { penalty: "r1", penalty_weight: 1 }],
  k: [{ d_steps: 1 }, { d_steps: 5 }],
  optimizer: [{ optimizer: "adam" }, { optimizer: "momentum", momentum: 0, momentum_final: 0, g_learning_rate: 0.1, d_learning_rate: 0.1 }],
  pack: [{ pack: 1 }, { pack: 4 }],
  ema: [{ g_width: 16, d_width: 16 }, { g_width: 128, d_width: 128 }],
};
const BINARY = ["minimax", "non-saturating"];

/** The view. */
export async function show(main, parameters) {
  fill(main, el("h1", {}, w.title), el("p", { class: "soft" }, w.setting));
  let closed = false;
  let page = null;
  open();
  return {
    close() {
      closed = true;
      page?.close();
    },
  };

  /** Open a session, and the page on it; `resumed` are the data and settings of one that has ended. */
  async function open(resumed = null) {
    try {
      const { session, options, state } = await post("playground/open");
      if (closed) return;
      page?.close();
      const made = await playground(main, session, options, state, resumed, parameters);
      if (closed) {
        made.close();
        return;
      }
      page = made;
      page.ended = (kept) => { if (!closed) open(kept); };
    } catch (error) {
      if (!closed) fill(main, el("h1", {}, w.title), el("p", { class: "problem" }, error.message));
    }
  }
}

async function playground(main, session, options, first, resumed, parameters) {
  let state = first;
  let data = { kind: "density", name: state.view.name };
  let latest = null; // the last frame
  let requested = 0;
  let frames = 0;
  let games = []; // what shows each game: canvas, numbers, caption
  let edited = null; // the game that the controls change; null for all
  let histories = [];
  let drawnAt = 0;
  let arrived = 0; // when the last moment of slow motion came
  let painter = null;
  let runName = ""; // the name that was typed for a run
  const seen = { surface: "d", grid: false, arrows: false, average: false, real: true, fake: true };
  const api = { ended: null };

  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const say = (text) => { problem.textContent = text; problem.hidden = !text; };
  const request = (name, content = {}) => post("playground/do", { ...content, session, do: name });

  /** Ask for something that changes the games, and show what they are now. */
  async function ask(name, content) {
    say("");
    const answer = await request(name, content);
    if (answer.games) settle(answer);
    else state = { ...state, ...answer };
    refresh();
    return answer;
  }
  const tell = (name, content) => ask(name, content).catch((error) => say(error.message));

  // The bar of play.
  const bar = {
    play: button(w.play, " ", () => tell("play", { playing: !state.playing }), "main"),
    both: button(w.both, "s", () => tell("step", { who: "both" })),
    d: button(w.d, "d", () => tell("step", { who: "d" })),
    g: button(w.g, "g", () => tell("step", { who: "g" })),
    slow: button(w.slow, "m", () => tell("play", { slow: !state.slow, playing: !state.slow || state.playing })),
    moment: button(w.moment, "n", () => tell("step", { who: "moment" })),
    restart: button(w.restart, "r", () => tell("reset")),
    seed: button(w.otherSeed, "e", () => tell("reset", { seed: 1 + Math.floor(Math.random() * 99_999) })),
    back: button(w.back, "b", () => tell("back")),
  };
  bar.back.title = w.backTitle;
  const pace = el("span", { class: "soft pace" });
  const speed = slider({ least: 0, most: SPEEDS.length - 1, step: 1, value: SPEEDS.length - 1, label: w.speed }, (i) => {
    setPace(SPEEDS[i]);
    tell("play", { speed: SPEEDS[i], slow: false });
  });
  const setPace = (value) => { pace.textContent = value ? w.perSecond(value) : w.unlimited; };
  setPace(0);
  const counter = el("span", { class: "counter" });

  // Data.
  const file = el("input", { type: "file", accept: ".csv,.txt,text/csv,text/plain", hidden: true, "aria-label": w.fileLabel, onchange: read });
  const chooser = select(
    [...options.data.map((name) => [name, w.densities[name] ?? name]), ["drawn", w.draw], ["csv", w.file]],
    state.view.name,
    () => {
      if (chooser.value === "csv") file.click();
      else if (chooser.value === "drawn") startPainting();
      else begin({ kind: "density", name: chooser.value });
    });
  chooser.setAttribute("aria-label", w.data);
  file.addEventListener("cancel", () => showData());

  async function read() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return showData();
    if (chosen.size > 900_000) { say(w.tooLarge); return showData(); }
    const text = await chosen.text();
    if (text.includes("\u0000")) { say(w.notText); return showData(); }
    return begin({ kind: "csv", name: chosen.name, text });
  }

  /** Start games on other data, with the present settings. */
  async function begin(given, more = {}) {
    const settings = more.settings ?? effective(state.games[0]);
    const other = more.settings ? more.other ?? null : state.games[1] ? state.games[1].differs : null;
    const before = data;
    data = given;
    controlled.forget();
    try {
      await ask("begin", { data: given, settings, other });
      stopPainting();
      return true;
    } catch (error) {
      data = before;
      say(error.message);
      showData();
      return false;
    }
  }

  function showData() {
    if (painter) {
      chooser.value = "drawn";
      return;
    }
    const known = options.data.includes(state.view.name);
    let own = chooser.querySelector("option[value=own]");
    if (!known && !own) chooser.prepend(own = el("option", { value: "own" }, ""));
    if (known) own?.remove();
    else own.textContent = state.view.name;
    chooser.value = known ? state.view.name : "own";
  }

  // Painting.
  const stage = el("div", { class: "stage" });
  function startPainting(painted = []) {
    stopPainting();
    tell("play", { playing: false });
    painter = easel(painted, (points) => begin({ kind: "drawn", points }), stopPainting);
    fill(stage, painter.element);
    showData();
  }
  function stopPainting() {
    if (!painter) return;
    painter.close();
    painter = null;
    fill(stage, ...games.map((game) => game.element));
    showData();
  }

  // What is seen.
  const look = (changes) => {
    Object.assign(seen, changes);
    const { surface, grid, arrows, average } = seen;
    request("show", { surface, grid, arrows, average }).catch((error) => say(error.message));
    refresh();
    redraw();
  };
  const surfaces = el("div", { class: "row", role: "radiogroup", "aria-label": w.seen });
  const ticks = {
    real: tick(w.real, seen.real, (real) => look({ real })),
    fake: tick(w.fake, seen.fake, (fake) => look({ fake })),
    arrows: tick(w.arrows, seen.arrows, (arrows) => look({ arrows }), w.arrowsTitle),
    grid: tick(w.grid, seen.grid, (grid) => look({ grid }), w.gridTitle),
    average: tick(w.average, seen.average, (average) => look({ average }), w.averageTitle),
  };
  ticks.real.prepend(el("span", { class: "swatch real" }));
  ticks.fake.prepend(el("span", { class: "swatch fake" }));
  const scale = el("p", { class: "scale" });
  const note = el("p", { class: "soft note" });

  // The panel on the right.
  const controlled = controls(options.groups, (changes) => ask("set", { settings: changes, game: edited }));
  const chooseGame = el("div", { class: "row", hidden: true });
  const tries = el("div", { class: "tries" }, explained(el("p", {}, w.triesAbout)), ...w.guided.map((guide) =>
    el("div", { class: "try" }, button(guide.title, "", () => guided(guide.id)), el("p", { class: "soft" }, guide.text))));
  const pairing = el("div", { class: "pairing" });
  const terminal = el("div", { class: "terminal" });
  const tabs = tabbed([[w.tries, tries], [w.settings, el("div", {}, explained(el("p", {}, w.settingsAbout)), chooseGame, controlled.element)], [w.second, pairing], [w.terminal, terminal]]);

  async function guided(id) {
    const { data: name, settings: chosen, other, shown, speed: steps = 0 } = GUIDED[id];
    edited = null;
    look({ surface: "d", grid: false, arrows: false, average: false, ...shown });
    if (await begin({ kind: "density", name }, { settings: chosen, other })) {
      speed.value = SPEEDS.indexOf(steps);
      setPace(steps);
      tell("play", { playing: true, slow: false, speed: steps });
    }
  }

  async function pair(base, other) {
    try {
      edited = null;
      if (Object.keys(base).length) await ask("set", { settings: base, game: null });
      await ask("pair", { other });
    } catch (error) {
      say(error.message);
    }
  }

  function showPairing() {
    const second = state.games[1];
    fill(pairing,
      explained(el("p", {}, w.secondAbout)),
      el("div", { class: "stack" }, ...Object.entries(PAIRS).map(([id, [base, other]]) => button(w.pairs[id], "", () => pair(base, other)))),
      el("div", { class: "stack" },
        button(w.copy, "", () => pair({}, {}).then(() => { edited = 1; tabs.open(1); refresh(); })),
        second ? button(w.end, "", () => { edited = null; tell("pair", { other: null }); }) : null),
      second ? el("p", {}, `${w.editGame(w.names[1])} ${w.differs}: ${inWords(second.differs) || w.same}`) : null);
  }

  function showTerminal() {
    const shown = state.games;
    const own = data.kind !== "density";
    const proposed = `playground-${state.view.name.replace(/\.\w+$/, "")}`;
    const name = el("input", { type: "text", value: runName || proposed, name: "run", oninput: () => { runName = name.value; } });
    const message = el("p", { role: "status" });
    const which = select(w.names.slice(0, shown.length).map((letter, i) => [i, w.editGame(letter)]), 0);
    fill(terminal,
      explained(el("p", {}, w.commandAbout)),
      ...shown.map((game, i) => el("div", {}, shown.length > 1 ? el("h2", {}, w.editGame(w.names[i])) : null, command(game.command))),
      own ? el("p", { class: "soft" }, w.commandPoints) : null,
      own ? button(w.savePoints, "", () => save(new Blob([asCsv(data)], { type: "text/csv" }), state.view.name)) : null,
      explained(el("p", {}, w.saveAbout)),
      el("div", { class: "row" },
        el("label", { class: "field" }, el("span", {}, w.runName), name),
        shown.length > 1 ? which : null,
        button(w.save, "", async () => {
          message.className = "";
          try {
            const { run, commands } = await request("save", { name: name.value, game: Number(which.value) });
            runName = "";
            fill(message, `${w.saved} `, el("a", { href: `#/run?run=${encodeURIComponent(run)}` }, w.open),
              ...commands.map((text) => command(text)));
          } catch (error) {
            message.className = "problem";
            fill(message, error.fields?.name ?? error.message);
          }
        })),
      message);
  }

  // The games.
  function settle(answer) {
    const changed = !games.length || answer.games.length !== games.length;
    state = answer;
    if (changed) {
      games = answer.games.map((game, i) => gameView(i, answer.games.length));
      histories = games.map(() => newHistory());
      edited = answer.games.length > 1 ? edited : null;
      if (!painter) fill(stage, ...games.map((game) => game.element));
      stage.classList.toggle("two", games.length > 1);
    }
    if (answer.step === 0) histories = games.map(() => newHistory());
    latest = null;
    showPairing();
    showTerminal();
    showData();
  }

  function gameView(i, count) {
    const canvas = el("canvas", { class: "plot", role: "img", "aria-label": w.canvasLabel(count > 1 ? w.names[i] : "") });
    const title = el("h2", { class: "differs" });
    const caption = el("p", { class: "caption", role: "status", hidden: true });
    const broken = el("div", { class: "broken", role: "alert", hidden: true });
    const numbers = el("dl", { class: "numbers", title: w.numbersTitle });
    const figure = el("figure", { class: "game" },
      title, el("div", { class: "picture" }, canvas, caption, broken), numbers);
    canvas.repaint = redraw;
    const size = new ResizeObserver(redraw);
    size.observe(canvas);
    const cells = new Map();
    return {
      element: figure, canvas, title, caption, broken, size,
      forget(...names) {
        for (const name of names) {
          cells.get(name)?.element.remove();
          cells.delete(name);
        }
      },
      number(name, label, text, more = "") {
        if (!cells.has(name)) {
          const cell = { value: el("dd", {}), more: el("dd", { class: "soft" }), label: el("dt", {}, label) };
          numbers.append(cell.element = el("div", {}, cell.label, cell.value, cell.more));
          cells.set(name, cell);
        }
        const cell = cells.get(name);
        if (cell.value.textContent !== text) cell.value.textContent = text;
        if (cell.more.textContent !== more) cell.more.textContent = more;
      },
    };
  }

  /** Show what belongs to the state: labels, values of controls, what can be seen. */
  function refresh() {
    bar.play.label(state.playing ? w.pause : w.play);
    bar.slow.setAttribute("aria-pressed", String(state.slow));
    const two = state.games.length > 1;
    games.forEach((game, i) => {
      game.title.hidden = !two;
      const other = state.games[1 - i];
      const own = two ? Object.fromEntries(Object.keys(state.games[1].differs).map((name) => [name, state.games[i].settings[name]]).filter(([name]) => !state.games[i].idle.includes(name))) : {};
      game.title.textContent = two ? `${w.names[i]}: ${inWords(own) || (other ? "…" : "")}` : "";
    });
    controlled.show(state.games[edited ?? 0]);
    chooseGame.hidden = !two;
    fill(chooseGame, el("span", { class: "soft" }, w.edit), ...[null, 0, 1].map((i) => {
      const one = button(i === null ? w.editBoth : w.editGame(w.names[i]), "", () => { edited = i; refresh(); });
      one.setAttribute("aria-pressed", String(edited === i));
      return one;
    }));
    const { view } = state;
    const names = view.dimensions === 1 ? w.lineSurfaces : w.surfaces;
    fill(surfaces, ...Object.entries(names).map(([value, label]) => {
      const input = el("input", { type: "radio", name: "surface", value, checked: seen.surface === value, disabled: !view.known && (value === "best" || value === "difference"), onchange: () => look({ surface: value }) });
      return el("label", { class: "tick" }, input, label);
    }));
    const latent = Math.max(...state.games.map((one) => one.settings.latent));
    enable(ticks.grid, latent <= 2, seen.grid);
    enable(ticks.average, state.games.some((one) => one.settings.ema > 0), seen.average);
    enable(ticks.arrows, state.games.some((one) => one.settings.pack === 1), seen.arrows);
    ticks.real.querySelector("input").checked = seen.real;
    ticks.fake.querySelector("input").checked = seen.fake;
    scale.hidden = view.dimensions === 1 || seen.surface === "none";
    if (!scale.hidden) fill(scale, ...w.scale[seen.surface].map((text, i) => el("span", { class: ["low", "middle", "high"][i] }, text)));
    const notes = [];
    if (!view.known) notes.push(w.noBest);
    else if (seen.surface === "best" || seen.surface === "difference") {
      notes.push(w.bestNote);
      if (view.dimensions === 2) notes.push(w.bestGrey);
      if (state.games.some((one) => !BINARY.includes(one.settings.objective))) notes.push(w.otherBest);
    }
    if (state.games.some((one) => one.settings.pack > 1)) notes.push(w.packed);
    if (latent > 2) notes.push(w.gridNeeds);
    note.textContent = notes.join(" ");
    count(latest?.rate ?? 0, latest?.games[0].half);
  }

  function count(rate, half) {
    const text = w.step(state.step, state.playing && !state.slow ? rate : 0) + (half ? ` · ${w.half}` : "");
    if (counter.textContent !== text) counter.textContent = text;
  }

  function redraw() {
    if (requested || !latest) return;
    requested = requestAnimationFrame(() => {
      requested = 0;
      if (!latest || painter) return;
      const moved = Math.min(1, (performance.now() - arrived) / MOVES);
      latest.games.forEach((frame, i) => games[i] && paint(games[i].canvas, state.view, frame, { ...seen, moved: smooth(moved) }));
      frames += 1;
      stage.dataset.frames = frames;
      stage.dataset.step = latest.step;
      if (moved < 1 && latest.games.some((frame) => frame.moment?.from)) redraw();
    });
  }

  function receive(frame) {
    if (frame.games.length !== games.length) return;
    const before = latest?.games[0].moment?.name;
    if (frame.games[0].moment?.name !== before) {
      arrived = matchMedia("(prefers-reduced-motion: reduce)").matches ? -MOVES : performance.now();
    }
    latest = frame;
    const toggled = state.playing !== frame.playing || state.slow !== frame.slow;
    Object.assign(state, { playing: frame.playing, slow: frame.slow, step: frame.step });
    if (toggled) refresh();
    count(frame.rate, frame.games[0].half);
    frame.games.forEach((one, i) => {
      histories[i].add(one, state.view.modes);
      showNumbers(games[i], one, state.view);
      showMoment(games[i], one, state.games[i]);
      showBroken(games[i], one);
    });
    redraw();
    if (performance.now() - drawnAt > DRAWN || !frame.playing) {
      drawnAt = performance.now();
      drawCurves();
    }
  }

  function showBroken(game, frame) {
    const there = Boolean(frame.broken);
    if (game.broken.hidden === !there) return;
    game.broken.hidden = !there;
    if (there) {
      const losses = frame.broken.losses.map((name) => w.lossNames[name]).join(", ");
      fill(game.broken, el("p", {}, w.broke(frame.broken.step, losses)), button(w.goBack, "b", () => tell("back")));
    }
  }

  // Curves.
  const plots = {
    losses: el("canvas", { class: "plot", role: "img", "aria-label": w.curves.losses }),
    probabilities: el("canvas", { class: "plot", role: "img", "aria-label": w.curves.probabilities }),
    divergence: el("canvas", { class: "plot", role: "img", "aria-label": w.curves.divergence }),
  };
  const noDistance = el("p", { class: "soft", hidden: true }, w.known);
  function drawCurves() {
    const two = games.length > 1;
    const series = (names) => histories.flatMap((history, i) => names.map(([key, label], j) => ({
      name: two ? `${label} ${w.names[i]}` : label,
      x: history.x, y: history.y[key],
      colour: seriesColour(j), dash: i ? [5, 3] : [],
    })));
    const losses = series([["d_loss", w.dLoss], ["g_loss", w.gLoss]]);
    curves(plots.losses, losses, { height: 190, ...usual(losses) });
    curves(plots.probabilities, series([["d_real", w.dReal], ["d_fake", w.dFake]]), { height: 190, low: 0, high: 1, lines: [{ y: 0.5, name: w.fooled }] });
    const { known, modes } = state.view;
    plots.divergence.hidden = !known;
    noDistance.hidden = known;
    if (!known) return;
    curves(plots.divergence, series([["jsd", w.jsd], ["c", w.c], ...(modes ? [["share", w.modesCovered]] : [])]), {
      height: 190, low: -Math.log(4), high: 1, lines: [{ y: -Math.log(4), name: w.minusLog4 }],
    });
  }

  // The page.
  fill(main,
    el("div", { class: "row heading" }, el("h1", {}, w.title), el("label", { class: "row" }, el("span", { class: "soft" }, w.data), chooser), file, counter),
    el("p", { class: "soft about" }, w.about),
    el("div", { class: "row bar", role: "toolbar", "aria-label": w.play }, ...Object.values(bar), el("label", { class: "row speed" }, el("span", { class: "soft" }, w.speed), speed, pace)),
    problem,
    el("div", { class: "playground" },
      el("div", { class: "left" },
        stage,
        el("div", { class: "row seen" }, surfaces, ...Object.values(ticks)),
        scale, note),
      el("div", { class: "panel right" }, tabs.element)),
    el("div", { class: "columns curves" },
      el("figure", {}, el("figcaption", {}, w.curves.losses), plots.losses),
      el("figure", {}, el("figcaption", {}, w.curves.probabilities), plots.probabilities),
      el("figure", {}, el("figcaption", {}, w.curves.divergence), plots.divergence, noDistance)),
    el("p", { class: "soft keys" }, w.keys));

  const keys = { " ": bar.play, s: bar.both, d: bar.d, g: bar.g, m: bar.slow, n: bar.moment, r: bar.restart, e: bar.seed, b: bar.back };
  function press(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea")) return;
    if (event.key === " " && target.closest?.("button, summary, input, a")) return;
    const pressed = keys[event.key.toLowerCase()];
    if (!pressed || (event.repeat && event.key === " ")) return;
    event.preventDefault();
    pressed.click();
  }
  addEventListener("keydown", press);

  settle(first);
  refresh();
  if (resumed) {
    Object.assign(seen, resumed.seen);
    const begun = await begin(resumed.data, { settings: resumed.settings, other: resumed.other });
    look({});
    if (resumed.painted) startPainting(resumed.painted);
    if (begun) say(w.again);
  } else if (GUIDED[parameters.try]) guided(parameters.try);

  const stream = follow("playground/stream", { session }, {
    frame: receive,
    gone() {
      const other = state.games[1] ? state.games[1].differs : null;
      const kept = { data, settings: effective(state.games[0]), other, seen, painted: painter?.points() };
      stream.close();
      api.ended?.(kept);
    },
  }, true);

  api.close = () => {
    stream.close();
    painter?.close();
    games.forEach((game) => game.size.disconnect());
    cancelAnimationFrame(requested);
    removeEventListener("keydown", press);
  };
  return api;
}

/** The settings of a game that have an effect. */
const effective = (game) => Object.fromEntries(Object.entries(game.settings).filter(([name]) => !game.idle.includes(name)));

const inWords = (changes) => Object.entries(changes).map(([name, value]) => `${w.labels[name] ?? name} ${value}`).join(", ");

const smooth = (t) => t * t * (3 - 2 * t);

function enable(label, possible, checked) {
  const input = label.querySelector("input");
  input.disabled = !possible;
  input.checked = checked && possible;
}

function asCsv(data) {
  return data.kind === "csv" ? data.text : data.points.map((point) => point.join(",")).join("\n") + "\n";
}

function showNumbers(game, frame, view) {
  const { numbers, measures } = frame;
  game.number("d_loss", w.dLoss, tidy(numbers.d_loss));
  game.number("g_loss", w.gLoss, tidy(numbers.g_loss));
  game.number("d_real", w.dReal, tidy(numbers.d_real));
  game.number("d_fake", w.dFake, tidy(numbers.d_fake));
  game.number("g_gradient", w.gGradient, tidy(frame.g_gradient));
  const out = frame.fake ? outside(places(frame.fake), view.dimensions) : 0;
  if (out > 0.01) game.number("outside", w.outside, `${Math.round(100 * out)} %`);
  else game.forget("outside");
  const known = view.known && measures;
  const floor = (name) => (view.known ? `${w.floor} ${tidy(view.floor[name])}` : "");
  if (!view.known) {
    game.forget("jsd", "kl", "c", "modes");
    return;
  }
  game.number("jsd", w.jsd, known ? tidy(measures.jsd) : "–", floor("jsd"));
  game.number("kl", w.kl, known ? tidy(measures.kl) : "–", floor("kl"));
  game.number("c", w.c, known ? tidy(Math.round(1e4 * measures.c) / 1e4) : "–", `${w.minusLog4} = −1.39`);
  if (view.modes) game.number("modes", w.modes, known ? `${measures.modes} ${w.of} ${view.modes}` : "–", known ? `${Math.round(100 * measures.high_quality)} % ${w.quality}` : "");
  else game.forget("modes");
}

/** The share of points that are not in the square. */
function outside(points, dimensions) {
  let count = 0;
  for (let i = 0; i < points.length; i += dimensions) {
    if (Math.abs(points[i]) > 1 || Math.abs(points[i + dimensions - 1]) > 1) count += 1;
  }
  return (count * dimensions) / points.length;
}

/** The range of most of some values, so that a single leap does not flatten the others. */
function usual(series) {
  const values = series.flatMap(({ y }) => y.filter((v) => v !== null)).sort((a, b) => a - b);
  if (values.length < 20) return {};
  const [low, high] = [values[Math.floor(0.02 * values.length)], values[Math.ceil(0.98 * values.length) - 1]];
  const margin = 0.15 * (high - low) || 0.1;
  return { low: low - margin, high: high + margin };
}

function showMoment(game, frame, setup) {
  const name = frame.moment?.name;
  game.caption.hidden = !name;
  if (!name || game.caption.dataset.moment === `${name}${frame.step}`) return;
  game.caption.dataset.moment = `${name}${frame.step}`;
  const [title, text] = w.moments[name];
  const few = setup.moments.length === 3;
  const many = setup.settings.d_steps > 1 && ["draw", "judge", "d"].includes(name) ? ` ${w.manyD(setup.settings.d_steps)}` : "";
  fill(game.caption, el("strong", {}, few ? w.moments3[name] ?? title : title), ` ${text}${many}`);
}

/** What a game has been: the values of its curves over its steps, thinned as they grow. */
function newHistory() {
  const keys = ["d_loss", "g_loss", "d_real", "d_fake", "jsd", "c", "share"];
  const history = { x: [], y: Object.fromEntries(keys.map((key) => [key, []])) };
  let at = 0;
  let sums = null;
  history.add = (frame, all) => {
    const last = history.x.at(-1) ?? -1;
    if (frame.step < last) { // back in time
      const kept = history.x.filter((x) => x <= frame.step).length;
      history.x.length = kept;
      for (const key of keys) history.y[key].length = kept;
    }
    if (frame.step === 0 || frame.step === last) return;
    sums ??= { n: 0, of: Object.fromEntries(keys.map((key) => [key, 0])) };
    sums.n += 1;
    const { measures: m, numbers } = frame;
    const now = { ...numbers, jsd: m?.jsd, c: m?.c, share: m?.modes === undefined ? null : m.modes / all };
    for (const key of keys) sums.of[key] += now[key] ?? NaN;
    if (performance.now() - at < NOTED) return;
    at = performance.now();
    history.x.push(frame.step);
    for (const key of keys) {
      const mean = sums.of[key] / sums.n;
      history.y[key].push(Number.isFinite(mean) ? mean : null);
    }
    sums = null;
    if (history.x.length <= MOST_NOTED) return;
    history.x = history.x.filter((x, i) => i % 2);
    for (const key of keys) history.y[key] = history.y[key].filter((y, i) => i % 2);
  };
  return history;
}

/** Panels of which one is open, chosen by buttons. */
function tabbed(panels) {
  const chosen = panels.map(([label], i) => button(label, "", () => show(i)));
  const show = (open) => panels.forEach(([, panel], i) => {
    panel.hidden = i !== open;
    chosen[i].setAttribute("aria-pressed", String(i === open));
  });
  show(0);
  return { element: el("div", {}, el("div", { class: "row tabs" }, ...chosen), ...panels.map(([, panel]) => panel)), open: show };
}

