// Walk in a generator of images: the view. What it draws is in samples.js; here it asks the lab.

import { binary, get, post } from "./api.js";
import { command, el, explained, field, fill, panel, select } from "./dom.js";
import { bytes, floats, image, tidy } from "./images.js";
import { pad } from "./pad.js";
import { between, board, grid, holding, mover, recorded, savers } from "./samples.js";
import { words } from "./words.js";

const text = words.explorer;

/** Samples on a page of the grid, four rows of ten, and images in a request. */
const PAGE = 40;
const MOST = 128;
/** How far sliders go, in standard deviations of z: `forgery direction` goes to 6. */
const PRINCIPAL = 4;
const ATTRIBUTE = 6;
const MOST_UPLOADED = 10_000_000;
/** Objectives for which the sigmoid of D's output estimates a probability. */
const LOGISTIC = ["minimax", "non-saturating", "feature-matching"];

/** Run → the samples that are held, while the page lives. */
const kept = new Map();

/** Show the explorer of `parameters.run`, or the runs to choose from. */
export async function show(main, parameters) {
  if (!parameters.run) return choice(main);
  let about;
  try {
    about = await get("explorer/run", { run: parameters.run, step: parameters.step });
  } catch (error) {
    fill(
      main, el("h1", {}, text.title), el("p", { class: "problem", role: "alert" }, error.message),
      el("p", {}, el("a", { href: `#/run?run=${encodeURIComponent(parameters.run)}` }, text.theRun), " · ", el("a", { href: "#/explorer" }, text.chooseRun)),
    );
    return { close() {} };
  }
  return explore(main, about, parameters);
}

async function choice(main) {
  const { runs, zoo } = await get("explorer/runs");
  const choices = (list) => el("ul", { class: "choices" }, ...list.map(({ run, data, shape: [channels, height, width] }) => el(
    "li", {},
    el("a", { href: `#/explorer?run=${encodeURIComponent(run)}` }, run),
    el("span", { class: "soft" }, ` ${data}, ${height} × ${width}${channels === 3 ? ", colour" : ""}`),
  )));
  fill(
    main, el("h1", {}, text.title), explained(text.choiceNote),
    ...(runs.length
      ? [el("p", {}, text.chooseRun), choices(runs)]
      : [el("p", {}, text.noRuns, " ", el("a", { href: "#/runs" }, text.toRuns))]),
    el("p", {}, text.zoo), choices(zoo),
  );
  return { close() {} };
}

async function explore(main, about, parameters) {
  const { run } = about;
  const held = kept.get(run) ?? [];
  kept.set(run, held);
  let ofClass = about.classes.includes(parameters.class) ? parameters.class : about.classes[0] ?? "";
  const place = () => ({ run, step: about.step, class: ofClass || null });
  const blob = (...zs) => new Blob(zs);

  // The generator that samples.js draws from: the lab's, at this step and of this class.
  const generator = {
    shape: about.shape,
    size: about.size,
    name: run.replaceAll("/", "-"),
    origin: place,
    async draw(zs) {
      const images = [];
      const size = about.shape.reduce((a, b) => a * b);
      for (let i = 0; i < zs.length; i += MOST) {
        const part = zs.slice(i, i + MOST);
        const pixels = await binary("explorer/pixels", place(), blob(...part));
        for (let j = 0; j < part.length; j += 1) images.push(pixels.subarray(j * size, (j + 1) * size));
      }
      return images;
    },
  };

  // ---- what is held
  const tray = holding(generator, {
    plus: (sample) => sums.add(sample, 1),
    minus: (sample) => sums.add(sample, -1),
    changed(ids) {
      samples.mark(ids);
      walk.show(held);
      one.hidden = !tray.chosen();
      none.hidden = Boolean(tray.chosen());
      if (tray.chosen()) moved.show(tray.chosen());
    },
  }, held);

  // ---- the grid
  const samples = grid(generator, { onhold: tray.toggle });
  const seed = field(text.seed, el("input", { type: "number", min: 0, step: 1, value: "0", onchange: () => { first.input.value = "0"; page(); } }));
  const first = field(text.first, el("input", { type: "number", min: 0, step: 1, value: "0", onchange: () => page() }));
  const gridCommand = el("div");
  const turn = (pages) => () => { first.input.value = Math.max(0, Number(first.input.value) + pages * PAGE); page(); };
  async function page() {
    const [s, start] = [seed, first].map(({ input }) => Number(input.value));
    seed.problem("");
    first.problem("");
    const wrong = [[seed, s], [first, start]].filter(([, value]) => !Number.isInteger(value) || value < 0);
    for (const [control] of wrong) control.problem(text.mustBeWhole);
    if (wrong.length) return;
    const mine = ++requests;
    try {
      const zs = new Float32Array((await binary("explorer/z", { run, step: about.step, seed: s, first: start, count: PAGE })).buffer);
      if (mine !== requests) return; // another page was asked for meanwhile
      shownSamples = tray.meet(Array.from({ length: PAGE }, (_, i) => {
        const number = start + i;
        return { id: `${s}:${number}`, name: text.sample(s, number), seed: s, number, z: zs.slice(i * about.size, (i + 1) * about.size) };
      }));
      fill(gridCommand, asCommand(verb("sample", ["-n", start + PAGE, "--seed", s], "--class")));
      const drawn = samples.show(shownSamples);
      samples.mark(tray.ids());
      await drawn;
    } catch (error) {
      if (mine === requests) (error.fields?.seed ? seed : first).problem(error.message);
    }
  }
  let requests = 0;
  let shownSamples = [];

  // ---- commands of the terminal
  const quoted = (word) => (/^[\w./:=,+-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`);
  const newest = about.steps[0];
  function verb(name, more, classFlag = "--class") {
    const words = ["forgery", name, about.path, ...more];
    if (ofClass) words.push(classFlag, ofClass);
    if (about.step !== newest) words.push("--step", about.step);
    return words.map((word) => quoted(String(word))).join(" ");
  }
  const asCommand = (line) => el(
    "details", {}, el("summary", {}, line ? `${text.asCommand}: ${line.split(" ", 2).join(" ")} …` : text.asCommand),
    line ? command(line) : el("p", { class: "soft" }, text.noCommand),
  );
  /** The seed of all samples, if they are numbered samples of one. */
  const seedOf = (list) => (list.length && list.every((s) => s.number !== undefined && s.seed === list[0].seed) ? list[0].seed : null);

  // ---- a line
  const lineCommand = el("div");
  const walk = between(generator, {
    onhold: tray.hold,
    onchange({ from, to, way }) {
      const s = seedOf([from, to]);
      fill(lineCommand, asCommand(s === null ? "" : verb("interpolate", ["--through", `${from.number},${to.number}`, "--way", way, "--seed", s])));
    },
  });

  // ---- arithmetic
  const sumCommand = el("div");
  let around = null;
  const moves = async () => {
    around ??= rows(new Float32Array((await binary("explorer/moves", { run, step: about.step })).buffer));
    return around;
  };
  const rows = (all) => Array.from({ length: all.length / about.size }, (_, i) => all.subarray(i * about.size, (i + 1) * about.size));
  const sums = board(generator, {
    find: tray.find,
    chosen: tray.chosen,
    moves,
    onhold: tray.hold,
    onchange(groups) {
      const filled = groups.filter((group) => group.samples.length);
      const s = seedOf(filled.flatMap((group) => group.samples));
      const flags = filled.flatMap(({ sign, samples: list }) => [sign > 0 ? "--plus" : "--minus", list.map(({ number }) => number).join(",")]);
      fill(sumCommand, filled.length ? asCommand(s === null ? "" : verb("arithmetic", [...flags, "--seed", s])) : "");
    },
  });

  // ---- one sample
  const [byD, byData] = [el("div"), el("div")];
  let changes = 0; // how often the sample has moved: an answer for an earlier place is dropped
  const moved = mover(generator, {
    onhold: tray.hold,
    onchange(_, changed) {
      changes += 1;
      fill(byD);
      fill(byData);
      neighbourCommand(changed);
    },
  });
  const pointCommand = el("div");
  function neighbourCommand(changed = false) {
    // The last sample of a row is the one whose neighbours the verb shows.
    const chosen = tray.chosen();
    const shown = !changed && chosen && chosen.number !== undefined && chosen.number < 60;
    fill(pointCommand, asCommand(shown ? verb("neighbours", ["--rows", 1, "--columns", chosen.number + 1, "--seed", chosen.seed]) : ""));
  }
  async function ask(what, answer, view) {
    const asked = changes;
    fill(answer, el("p", { class: "soft" }, words.common.loading));
    try {
      const said = await post(`explorer/${what}`, blob(moved.z()), place());
      if (asked === changes) fill(answer, view(said));
    } catch (error) {
      if (asked === changes) fill(answer, el("p", { class: "problem", role: "alert" }, error.message));
    }
  }
  const verdict = ({ logit, probability, lower, of, objective }) => el(
    "p", {},
    probability === null ? text.saysLogit(tidy(logit), objective) : text.saysProbability(probability),
    probability !== null && !LOGISTIC.includes(objective) ? text.notLogistic(objective) : "",
    text.saysRank(lower, of),
  );
  const training = (near) => el(
    "figure", {},
    image(el("canvas", { class: "pixels medium", role: "img", "aria-label": text.nearestImage }), bytes(near.pixels), about.shape),
    el("figcaption", {}, text.nearest(near)),
  );

  const note = el("p", { class: "soft" });
  const problem = el("p", { class: "problem", role: "alert" });
  const progress = el("p", { class: "soft", role: "status" });
  const concepts = el("span", { class: "row" });
  const kinds = []; // [name, directions, note]
  const kind = el("div", { class: "row" });
  let offered = 0;
  function offer(i) {
    offered = i;
    fill(kind, ...(kinds.length > 1 ? kinds.map(([name], j) => el("button", { "aria-pressed": String(i === j), onclick: () => offer(j) }, name)) : []));
    fill(note, kinds[i][2]);
    moved.offer(kinds[i][1]);
  }
  const axis = (i) => { const v = new Float32Array(about.size); v[i] = 1; return v; };
  if (about.continuous) {
    const most = about.noise === "uniform" ? 1.7 : 3; // uniform z ends at √3
    const codes = Array.from({ length: about.continuous }, (_, i) => ({ name: text.codeName(i), vector: axis(i), most }));
    kinds.push([text.codes, codes, text.codesNote]);
  }
  async function principal() {
    const asked = ofClass;
    try {
      const { vectors, shares, layer } = await get("explorer/principal", place());
      if (asked !== ofClass) return; // these are directions of the class before
      const directions = vectors.map((vector, i) => ({ name: text.principalName(i, shares[i]), vector: floats(vector), most: PRINCIPAL }));
      const entry = [text.principal, directions, text.principalNote(layer)];
      const before = kinds.findIndex(([name]) => name === text.principal);
      if (before < 0) kinds.push(entry);
      else kinds[before] = entry;
      if (!closed) offer(before < 0 ? Math.min(offered, kinds.length - 1) : offered);
    } catch (error) {
      fill(problem, error.message);
    }
  }

  // ---- searches
  let closed = false;
  const searching = new Map(); // task → what is sought
  /** Run a search of the lab to its end; `onprogress` is told how far it is. */
  async function search(what, content, more, onprogress) {
    const { task } = await post(`explorer/${what}`, content, { ...place(), ...more });
    searching.set(task, what);
    try {
      while (!closed) {
        const state = await get("explorer/task", { task });
        if (state.ended && state.error) throw new Error(state.error);
        if (state.ended) return state.result;
        onprogress(state);
        await new Promise((resolve) => { setTimeout(resolve, 150); });
      }
      return null;
    } finally {
      searching.delete(task);
    }
  }
  function stopSearches(which) {
    for (const [task, what] of searching) if (which(what)) post("explorer/stop", {}, { task }).catch(() => {});
  }
  const told = ({ what, done }) => fill(progress, what === "classifier" ? text.training(done) : what === "direction" ? text.finding : text.loadingData);
  const findConcepts = el("button", { onclick: async () => {
    findConcepts.disabled = true;
    fill(problem);
    try {
      const found = await search("concepts", {}, {}, told);
      if (found) offerConcepts(found.names);
    } catch (error) {
      fill(problem, error.message);
      findConcepts.disabled = false;
    }
    fill(progress);
  } }, text.findConcepts);
  function offerConcepts(names) {
    const list = select(names, names[0], () => {});
    list.setAttribute("aria-label", text.attribute);
    const button = el("button", { onclick: async () => {
      button.disabled = true;
      fill(problem);
      const asked = ofClass;
      try {
        const found = await search("direction", {}, { attribute: list.value }, told);
        if (found && asked === ofClass) addAttribute(found);
      } catch (error) {
        fill(problem, error.message);
      }
      fill(progress);
      button.disabled = false;
    } }, text.findDirection);
    fill(concepts, list, button);
  }
  const attributes = [];
  function addAttribute(found) {
    const direction = { name: found.name, vector: floats(found.vector), most: ATTRIBUTE };
    const same = attributes.findIndex(({ name }) => name === found.name);
    if (same < 0) attributes.push(direction);
    else attributes[same] = direction;
    let i = kinds.findIndex(([name]) => name === text.attribute);
    if (i < 0) i = kinds.push([text.attribute, attributes, ""]) - 1;
    kinds[i][1] = [...attributes];
    kinds[i][2] = text.foundDirection(found);
    offer(i);
    fill(directionCommand, asCommand(verb("direction", [found.name])));
  }
  const directionCommand = el("div");
  fill(concepts, findConcepts);

  // ---- a picture of one's own
  let pictures = 0;
  const drawing = pad(generator);
  const inverted = el("div", { class: "parts" });
  const bar = el("progress", { max: 1, value: 0, hidden: true });
  const upload = field(text.upload, el("input", { type: "file", accept: "image/*", onchange: () => read(upload.input.files[0]) }));
  async function read(file) {
    upload.problem("");
    if (!file) return;
    try {
      if (file.size > MOST_UPLOADED) throw new Error(text.tooLarge);
      drawing.show(await binary("explorer/picture", { run, step: about.step }, file));
    } catch (error) {
      upload.problem(error.message);
    }
    upload.input.value = ""; // so that the same file can be chosen again
  }
  const stop = el("button", { hidden: true, onclick: () => stopSearches((what) => what === "invert") }, text.stop);
  const findZ = el("button", { class: "main", onclick: async () => {
    const wanted = drawing.pixels();
    Object.assign(findZ, { disabled: true });
    bar.hidden = false;
    stop.hidden = false;
    fill(inverted);
    try {
      const found = await search("invert", blob(wanted), {}, ({ done, of }) => {
        bar.max = of || 1;
        bar.value = done;
      });
      if (found) {
        const pair = [[text.wanted, wanted], [text.found, bytes(found.pixels)]].map(([label, pixels]) => el(
          "figure", {},
          image(el("canvas", { class: "pixels medium", role: "img", "aria-label": label }), pixels, about.shape), el("figcaption", {}, label),
        ));
        pictures += 1;
        const sample = { name: text.picture(pictures), z: floats(found.z) };
        fill(
          inverted, el("div", { class: "row" }, ...pair), el("p", {}, text.inverted(found.error, found.before)),
          savers(generator, "inversion", () => pair[1].querySelector("canvas"), () => ({ error: found.error, ...recorded(sample) })),
        );
        tray.hold(sample);
      }
    } catch (error) {
      fill(inverted, el("p", { class: "problem", role: "alert" }, error.message));
    }
    bar.hidden = true;
    stop.hidden = true;
    findZ.disabled = false;
  } }, text.findZ);

  // ---- the page
  const step = select(
    [...new Set([about.step, ...about.steps])].sort((a, b) => b - a).map((s) => [s, text.step(s)]), about.step,
    (event) => { location.hash = `#/explorer?${new URLSearchParams({ run, step: event.target.value, ...(ofClass && { class: ofClass }) })}`; },
  );
  const fresh = el("span", { class: "soft", role: "status" });
  const openNewest = el("button", { onclick: async () => {
    try {
      const now = await get("explorer/run", { run });
      if (now.step === about.step) fill(fresh, text.isNewest);
      else location.hash = `#/explorer?${new URLSearchParams({ run, step: now.step, ...(ofClass && { class: ofClass }) })}`;
    } catch (error) {
      fill(fresh, error.message);
    }
  } }, text.newest);
  const invented = about.conditional === "infogan";
  const classes = about.classes.length ? select(about.classes, ofClass, (event) => {
    ofClass = event.target.value;
    // Directions are those of a class.
    const other = kinds.findIndex(([name]) => name === text.attribute);
    if (other >= 0) kinds.splice(other, 1);
    attributes.length = 0;
    fill(directionCommand);
    moved.reset();
    offered = 0;
    for (const part of [tray, walk, sums, moved]) part.redraw();
    page();
    principal();
  }) : null;
  const none = el("p", { class: "soft" }, text.needsOne);
  const one = el(
    "div", { class: "parts" },
    el(
      "div", { class: "beside" }, moved.element,
      el(
        "div", { class: "parts" },
        el("button", { onclick: () => ask("discriminator", byD, verdict) }, text.askD), byD,
        el("button", { onclick: () => ask("nearest", byData, training) }, text.findNearest), byData,
      ),
    ),
    moved.scale,
    el("p", { class: "soft" }, text.truncationNote),
    kind, note, moved.directions,
    concepts, progress, problem,
    el("p", { class: "soft" }, text.conceptsNote), directionCommand, pointCommand,
  );
  fill(
    main,
    el("h1", {}, `${text.title}: `, about.in_zoo ? run : el("a", { href: `#/run?run=${encodeURIComponent(run)}` }, run)),
    explained(text.introduction(about.size, about.data.split("/").pop()), " ", text.keys),
    el(
      "div", { class: "row controls" },
      el("label", { class: "field" }, el("span", {}, text.checkpoint), step), openNewest, fresh,
      classes && el("label", { class: "field" }, el("span", {}, invented ? text.code : text.ofClass), classes),
      classes && el("span", { class: "soft" }, invented ? text.codeNote : text.classNote),
    ),
    about.problem ? el("p", { class: "problem" }, about.problem) : null,
    el("div", { class: "holding" }, el("h2", {}, text.trayTitle), tray.element),
    el(
      "div", { class: "columns explorer" },
      el(
        "div", { class: "parts" },
        panel(
          text.gridTitle, text.gridNote,
          el(
            "div", { class: "row controls" }, seed.element, first.element,
            el("button", { onclick: turn(-1) }, text.previous), el("button", { onclick: turn(1) }, text.next),
          ),
          samples.element,
          savers(generator, "samples", () => samples.canvas(), () => ({ samples: shownSamples.map(recorded) })),
          gridCommand,
        ),
        panel(text.lineTitle, text.lineNote, walk.element, lineCommand),
        panel(
          text.pictureTitle, text.pictureNote, drawing.element, upload.element,
          el("div", { class: "row" }, findZ, bar, stop), inverted, asCommand(verb("invert", ["PICTURE.png"])),
        ),
      ),
      el(
        "div", { class: "parts" },
        panel(text.moverTitle, text.moverNote, none, one),
        panel(text.boardTitle, text.boardNote, sums.element, sumCommand),
      ),
    ),
  );
  if (kinds.length) offer(0);
  await page();
  if (!held.length) shownSamples.slice(0, 2).forEach(tray.hold); // so that every part shows something
  else tray.changed();
  principal();
  return {
    close() {
      closed = true;
      stopSearches(() => true);
      for (const part of [samples, tray, walk, sums, moved]) part.close();
    },
  };
}
