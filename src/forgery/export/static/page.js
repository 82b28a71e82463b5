// The page: a generator's samples, and walks between them, all computed here.

import { el, explained, field, fill, panel, select } from "./dom.js";
import { bytes, floats } from "./images.js";
import { fromHalf, network } from "./network.js";
import { pageWords as words } from "./page-words.js";
import { draw } from "./random.js";
import { sampleWords as text } from "./sample-words.js";
import { between, board, grid, holding, mover, recorded, savers } from "./samples.js";

/** How far the slider of a principal direction goes, in standard deviations of z. */
const PRINCIPAL = 4;
/** Milliseconds that the page computes before it lets the browser paint. */
const PATIENCE = 30;
/** Milliseconds from which on the page says that it is drawing. */
const LONG = 300;
/** From this many classes on, they are a list to choose from instead of buttons. */
const LISTED = 13;
const SEEDS = 2 ** 32;

const read = (id) => document.getElementById(id).textContent;
const rows = (all, size) => Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
const pause = () => new Promise((resolve) => { setTimeout(resolve, 0); });

/**
 * The generator that samples.js draws from: the network of this page, of a class.
 *
 * @param {(message: string) => void} say - is told how long an image takes
 */
function generatorOf(about, run, say) {
  let ofClass = 0;
  let took = 0; // milliseconds for an image
  const pixels = (image) => {
    const made = new Uint8ClampedArray(image.length); // rounds, and clamps to 0 … 255
    for (let i = 0; i < image.length; i += 1) made[i] = 127.5 * (image[i] + 1);
    return made;
  };
  return {
    shape: about.shape,
    size: about.latent,
    name: about.name,
    setClass(i) { ofClass = i; },
    origin: () => ({
      name: about.name, step: about.step, ...(about.classes.length ? { class: about.classes[ofClass].name } : {}),
    }),
    async draw(zs) {
      const images = [];
      if (took * zs.length > LONG) say(words.drawing(zs.length));
      let since = performance.now();
      let computed = 0;
      for (const z of zs) {
        const before = performance.now();
        images.push(pixels(run(z, about.classes[ofClass]?.number ?? 0)));
        const now = performance.now();
        computed += now - before;
        if (now - since > PATIENCE) {
          await pause();
          since = performance.now();
        }
      }
      if (zs.length) {
        took = computed / zs.length;
        say(words.took(took));
      }
      return images;
    },
  };
}

function show(main, about, weights) {
  const time = el("output", { class: "soft" });
  const run = network(about.program, fromHalf(bytes(weights)));
  const generator = generatorOf(about, run, (message) => fill(time, message));
  const terminal = rows(floats(about.first), about.latent).map((z, number) => (
    { id: `0:${number}`, name: text.sample(0, number), seed: 0, number, z }
  ));
  const drawn = (seed, number) => ({
    id: `${words.seedOf(seed)}:${number}`, name: words.sampleOf(seed, number), seed: words.seedOf(seed), number,
    z: draw(about.noise, about.latent, seed, number),
  });
  const randomSeed = () => Math.floor(Math.random() * 1_000_000);

  // ---- what is held
  const tray = holding(generator, {
    plus: (sample) => sums.add(sample, 1),
    minus: (sample) => sums.add(sample, -1),
    changed(ids) {
      samples.mark(ids);
      walk.show(tray.held);
      if (tray.chosen()) moved.show(tray.chosen());
    },
  });

  // ---- the grid
  const samples = grid(generator, { onhold: tray.toggle });
  let shown = [];
  const origin = el("p", { class: "soft" });
  const seed = field(words.seed, el("input", { type: "number", min: 0, max: SEEDS - 1, step: 1, onchange: () => ofSeed(Number(seed.input.value)) }));
  function offer(list, note) {
    shown = tray.meet(list);
    fill(origin, note);
    const done = samples.show(shown);
    samples.mark(tray.ids());
    return done;
  }
  function ofSeed(value) {
    const valid = seed.input.value !== "" && Number.isInteger(value) && value >= 0 && value < SEEDS;
    seed.problem(valid ? "" : words.mustBe);
    if (!valid) return;
    fromTerminal.setAttribute("aria-pressed", "false");
    offer(terminal.map((_, number) => drawn(value, number)), words.fromSeed);
  }
  const fromTerminal = el("button", { "aria-pressed": "true", title: words.terminalTitle(terminal.length), onclick: first }, words.terminal);
  function first() {
    seed.input.value = "";
    seed.problem("");
    fromTerminal.setAttribute("aria-pressed", "true");
    return offer(terminal, words.fromTerminal(terminal.length, about.classes.length > 0));
  }
  const newSamples = el("button", { onclick() { seed.input.value = randomSeed(); ofSeed(Number(seed.input.value)); } }, words.newSamples);

  // ---- the chosen sample
  const moved = mover(generator, { onhold: tray.hold });
  const newSample = () => tray.choose(drawn(randomSeed(), 0));
  const again = el(
    "button", { class: "main", "aria-keyshortcuts": words.newSampleKey, onclick: newSample },
    words.newSample, " ", el("kbd", {}, words.newSampleKey),
  );
  document.addEventListener("keydown", (event) => {
    if (event.key.toUpperCase() !== words.newSampleKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.closest("input:not([type=range]), select, textarea")) newSample();
  });
  const kinds = []; // [name, directions, note]
  const unit = (i) => Float32Array.from({ length: about.latent }, (_, j) => Number(i === j));
  if (about.codes) {
    const most = about.noise === "uniform" ? 1.7 : 3; // uniform z ends at √3
    const codes = Array.from({ length: about.codes }, (_, i) => ({ name: text.codeName(i), vector: unit(i), most }));
    kinds.push([text.codes, codes, text.codesNote]);
  }
  if (about.principal) {
    const { vectors, shares, layer } = about.principal;
    const directions = rows(floats(vectors), about.latent).map((vector, i) => ({ name: text.principalName(i, shares[i]), vector, most: PRINCIPAL }));
    kinds.push([text.principal, directions, text.principalNote(layer)]);
  }
  const kind = el("div", { class: "row" });
  const note = el("p", { class: "soft" });
  function slide(i) {
    if (kinds.length > 1) fill(kind, ...kinds.map(([name], j) => el("button", { "aria-pressed": String(i === j), onclick: () => slide(j) }, name)));
    fill(note, kinds[i][2]);
    moved.offer(kinds[i][1]);
  }
  if (kinds.length) slide(0);

  // ---- a line, a sum
  const walk = between(generator, { onhold: tray.hold });
  const neighbours = rows(floats(about.moves), about.latent);
  const sums = board(generator, {
    find: tray.find, chosen: tray.chosen, moves: () => neighbours, onhold: tray.hold,
  });

  // ---- classes
  const parts = [tray, samples, walk, sums, moved];
  function setClass(i) {
    generator.setClass(i);
    for (const part of parts) part.redraw();
  }
  const classes = about.classes.length ? classChoice(about, setClass) : null;

  fill(
    main,
    el("h1", {}, about.name),
    explained(words.lead({ ...about, height: about.shape[1], width: about.shape[2] }), " ", text.keys),
    classes,
    el("div", { class: "holding" }, el("h2", {}, text.trayTitle), tray.element),
    el(
      "div", { class: "columns explorer" },
      el(
        "div", { class: "parts" },
        panel(
          text.moverTitle, null,
          el("div", { class: "row" }, again, time),
          el(
            "div", { class: "chosen" }, moved.element,
            el("div", { class: "parts" }, kind, moved.directions, moved.scale),
          ),
          el("details", {}, el("summary", {}, words.sliders), el("p", { class: "soft" }, text.moverNote), note, el("p", { class: "soft" }, text.truncationNote)),
        ),
        panel(text.boardTitle, text.boardNote, sums.element),
      ),
      el(
        "div", { class: "parts" },
        panel(
          text.gridTitle, words.gridNote,
          el("div", { class: "row controls" }, newSamples, fromTerminal, seed.element),
          samples.element, origin,
          savers(generator, "samples", () => samples.canvas(), () => ({ samples: shown.map(recorded) })),
        ),
        panel(text.lineTitle, text.lineNote, walk.element),
      ),
    ),
    footer(about),
  );
  first();
  for (const sample of terminal.slice(0, 2)) tray.hold(sample); // so that every part shows something
}

/** A button for each class, or a list of many. */
function classChoice(about, onchoose) {
  const [label, explanation] = about.invented ? [text.code, text.codeNote] : [text.ofClass, text.classNote];
  const names = about.classes.map(({ name }) => name);
  const heading = el("strong", {}, label);
  if (names.length >= LISTED) {
    const list = select(names.map((name, i) => [i, name]), 0, () => onchoose(Number(list.value)));
    return el("label", { class: "row classes" }, heading, list, el("span", { class: "soft" }, explanation));
  }
  const buttons = names.map((name, i) => el("button", {
    "aria-pressed": String(i === 0),
    onclick() {
      buttons.forEach((button, j) => button.setAttribute("aria-pressed", String(i === j)));
      onchoose(i);
    },
  }, name));
  return el(
    "div", { class: "row classes", role: "group", "aria-label": label },
    heading, ...buttons, el("span", { class: "soft" }, explanation),
  );
}

function footer(about) {
  const said = {
    data: about.data, recipe: about.recipe, model: words.models[about.model] ?? about.model,
    step: words.numbers(about.step), shape: words.image(about.shape), latent: words.noise(about.latent, about.noise),
    weights: words.numbers(about.weights), products: words.numbers(about.products), date: about.date, forgery: `forgery ${about.forgery}`,
  };
  return el(
    "footer", {}, el("h2", {}, words.about),
    el("dl", { class: "facts" }, ...Object.entries(said).map(([name, value]) => el("div", {}, el("dt", {}, words.facts[name]), el("dd", {}, value)))),
    el("p", { class: "soft" }, words.accuracy(about.accuracy)),
    el("p", { class: "soft" }, words.licence),
  );
}

const main = document.getElementById("main");
try {
  show(main, JSON.parse(read("about")), read("weights"));
} catch (error) {
  fill(main, el("p", { class: "problem", role: "alert" }, `${words.failed} ${error.message}`));
}
