// Samples of a generator of images, and walks between them. Nothing here asks a server.
//
// Everything works on a generator, an object
//
//     { shape: [C, H, W], size: Z, draw(zs), name, origin() }
//
// whose `draw` takes a list of z (Float32Array of Z numbers) and returns the 8-bit pixels of each
// (Uint8Array of C·H·W numbers), or a promise of them. Saved files are called by its `name`, and
// what `origin()` returns (run, step, class) is recorded in them. And on samples, objects
//
//     { id, name, z, seed?, number? }
//
// with seed and number if it is sample `number` of a seed. A part of the page is an object with its
// `element`; `redraw()` draws it again after the generator has changed (another class or
// checkpoint), `close()` ends what moves.

import { el, fill, save, select, slider } from "./dom.js";
import { image, imageData, tidy } from "./images.js";
import { sampleWords as text } from "./sample-words.js";

// ---- z --------------------------------------------------------------------------------------

/** Linear interpolation (1 - t)a + tb. */
export const line = (a, b, t) => a.map((x, i) => x + t * (b[i] - x));

/** Spherical interpolation: angle and length change in proportion to t. */
export function sphere(a, b, t) {
  const [fromA, fromB] = [length(a), length(b)];
  const cosine = dot(a, b) / Math.max(fromA * fromB, 1e-12);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  if (sine < 1e-4) return line(a, b, t);
  const [shareA, shareB] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  const long = fromA + t * (fromB - fromA);
  const [ofA, ofB] = [shareA / Math.max(fromA, 1e-12), shareB / Math.max(fromB, 1e-12)]; // z may be 0
  return a.map((x, i) => long * (ofA * x + ofB * b[i]));
}

/** Name → function of (a, b, t). */
export const WAYS = { sphere, line };

export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
export const length = (z) => Math.sqrt(dot(z, z));

/** z with its component along a unit vector set to `strength`. */
export function along(z, vector, strength) {
  const change = strength - dot(z, vector);
  return z.map((x, i) => x + change * vector[i]);
}

/** The mean of several z. */
export function mean(zs) {
  const total = new Float32Array(zs[0].length);
  for (const z of zs) z.forEach((x, i) => { total[i] += x / zs.length; });
  return total;
}

/** The signed sum of the means of groups `{sign: ±1, samples}`, of which empty ones do not count. */
export function combine(groups) {
  const filled = groups.filter((group) => group.samples.length);
  if (!filled.length) return null;
  const total = new Float32Array(filled[0].samples[0].z.length);
  for (const { sign, samples } of filled) {
    mean(samples.map((sample) => sample.z)).forEach((x, i) => { total[i] += sign * x; });
  }
  return total;
}

const plus = (a, b) => a.map((x, i) => x + b[i]);

// ---- drawing --------------------------------------------------------------------------------

/**
 * Call `work` with the arguments given last: one call at a time, those in between are left out.
 *
 * @param {(...args: any[]) => Promise<void>} work
 * @param {(error: Error) => void} onproblem
 */
export function latest(work, onproblem) {
  let waiting = null;
  let running = null;
  const run = async () => {
    while (waiting) {
      const args = waiting;
      waiting = null;
      try {
        await work(...args);
      } catch (error) {
        onproblem(error);
      }
    }
    running = null;
  };
  return (...args) => {
    waiting = args;
    running ??= run();
    return running;
  };
}

/** A function of z that draws G(z) on a canvas. */
export function painter(generator, canvas, onproblem) {
  return latest(async (z) => {
    const [pixels] = await generator.draw([z]);
    image(canvas, pixels, generator.shape);
  }, onproblem);
}

/** Pixels between images on a sheet. */
const GAP = 2;

/** Draw images side by side, in rows of `columns`, on a canvas. */
export function sheet(canvas, images, [channels, height, width], columns) {
  const rows = Math.ceil(images.length / columns);
  canvas.width = columns * (width + GAP) - GAP;
  canvas.height = rows * (height + GAP) - GAP;
  const context = canvas.getContext("2d");
  images.forEach((pixels, i) => {
    const [x, y] = [(i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP)];
    context.putImageData(imageData(pixels, [channels, height, width]), x, y);
  });
}

/** A canvas as a PNG whose pixels are enlarged to squares, at least 256 wide. */
export async function png(canvas) {
  const scale = Math.max(1, Math.ceil(256 / canvas.width));
  const large = el("canvas", { width: scale * canvas.width, height: scale * canvas.height });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, large.width, large.height);
  return new Promise((resolve) => { large.toBlob(resolve, "image/png"); });
}

/**
 * Buttons that save a canvas as PNG and what it shows as JSON.
 *
 * @param {Object} generator
 * @param {string} view - what is shown, `line` …, which ends the names of the files
 * @param {() => HTMLCanvasElement} canvas
 * @param {() => Object} record - may hold z as Float32Array
 */
export function savers(generator, view, canvas, record) {
  const name = `${generator.name}-${view}`;
  const json = () => JSON.stringify(
    { ...generator.origin(), view, ...record() },
    (key, value) => (ArrayBuffer.isView(value) ? [...value] : value),
  );
  return el(
    "span", { class: "row" },
    el("button", { onclick: async () => save(await png(canvas()), `${name}.png`) }, text.savePng),
    el("button", { onclick: () => save(new Blob([json()], { type: "application/json" }), `${name}.json`) }, text.saveZ),
  );
}

/** What is recorded of a sample: where it comes from, and its z. */
export function recorded({ name, seed, number, z }) {
  return seed === undefined ? { name, z } : { seed, number, z };
}

const say = (element) => (error) => { fill(element, error.message); };
const alert = () => el("p", { class: "problem", role: "alert" });

// ---- samples --------------------------------------------------------------------------------

/** The type of what is dragged: the id of a sample. */
const DRAGGED = "text/plain";

function draggable(element, sample) {
  element.draggable = true;
  element.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData(DRAGGED, sample.id);
    event.dataTransfer.effectAllowed = "copy";
  });
  return element;
}

/** Let samples be dropped on an element. */
function droppable(element, ondrop) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    ondrop(event.dataTransfer.getData(DRAGGED));
  });
  return element;
}

/** Canvases with G(z), which are drawn together. */
async function drawAll(generator, pairs) {
  const images = pairs.length ? await generator.draw(pairs.map(([sample]) => sample.z)) : [];
  images.forEach((pixels, i) => image(pairs[i][1], pixels, generator.shape));
}

/** A canvas of the size of the generator's images, in which a pixel is a square. */
function picture(generator, more = "") {
  const [, height, width] = generator.shape;
  return el("canvas", { class: `pixels ${more}`, width, height });
}

/**
 * A grid of samples, each a button that holds it.
 *
 * `show(samples)` shows others; `mark(ids)` marks those that are held.
 */
export function grid(generator, { onhold }) {
  const element = el("div", { class: "samples" });
  const message = alert();
  const buttons = new Map();
  let pairs = [];
  const draw = latest(() => drawAll(generator, pairs), say(message));
  return {
    element: el("div", {}, element, message),
    show(samples) {
      buttons.clear();
      fill(message);
      pairs = samples.map((sample) => [sample, picture(generator)]);
      fill(element, ...pairs.map(([sample, canvas]) => {
        const button = el(
          "button",
          { class: "sample", "aria-pressed": "false", title: sample.name, onclick: () => onhold(sample) },
          canvas, el("span", { class: "hidden-words" }, sample.name),
        );
        buttons.set(sample.id, button);
        return draggable(button, sample);
      }));
      return draw();
    },
    mark(ids) {
      for (const [id, button] of buttons) button.setAttribute("aria-pressed", String(ids.has(id)));
    },
    redraw: () => draw(),
    /** All of them on one canvas. */
    canvas() {
      const [, height, width] = generator.shape;
      const columns = getComputedStyle(element).gridTemplateColumns.split(" ").length;
      const all = el("canvas", { width: columns * (width + GAP) - GAP, height: Math.ceil(pairs.length / columns) * (height + GAP) - GAP });
      const context = all.getContext("2d");
      pairs.forEach(([, canvas], i) => context.drawImage(canvas, (i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP)));
      return all;
    },
    close() {},
  };
}

/**
 * The samples that are held, each with buttons: choose it, add it to the sum, subtract it, let it go.
 *
 * @param {Object} on - `choose(sample)`, `plus(sample)`, `minus(sample)`, `remove(sample)`,
 *   `drop(id)` for a sample that is dragged here
 */
function tray(generator, on) {
  const element = droppable(el("div", { class: "tray", role: "group", "aria-label": text.tray }), on.drop);
  const message = alert();
  let pairs = [];
  const draw = latest(() => drawAll(generator, pairs), say(message));
  return {
    element: el("div", {}, element, message),
    show(samples, chosen) {
      pairs = samples.map((sample) => [sample, picture(generator)]);
      const small = (label, sign, action, sample) => el(
        "button", { class: "small", title: `${label}: ${sample.name}`, "aria-label": `${label}: ${sample.name}`, onclick: () => action(sample) }, sign,
      );
      fill(element, ...(pairs.length ? [] : [el("p", { class: "soft" }, text.emptyTray)]), ...pairs.map(([sample, canvas]) => draggable(
        el(
          "div", { class: "held" },
          el(
            "button",
            { class: "sample", "aria-pressed": String(sample === chosen), title: text.choose, onclick: () => on.choose(sample) },
            canvas, el("span", { class: "hidden-words" }, `${text.choose}: `), el("span", { class: "name" }, sample.name),
          ),
          el(
            "span", { class: "row" },
            small(text.plus, "+", on.plus, sample), small(text.minus, "−", on.minus, sample), small(text.remove, "×", on.remove, sample),
          ),
        ), sample,
      )));
      return draw();
    },
    redraw: () => draw(),
    close() {},
  };
}

/**
 * The samples that are held, in a tray, and the one that is chosen, which need not be held.
 *
 * `meet(list)` returns the samples of a list, those that are held as the same objects, and lets all
 * of them be dragged; `toggle(sample)` holds a sample or lets it go.
 *
 * @param {Object} on - `plus(sample)`, `minus(sample)`; `changed(ids)` with the ids of those held
 * @param {Object[]} [held] - those that are held at first
 */
export function holding(generator, on, held = []) {
  const known = new Map(held.map((sample) => [sample.id, sample])); // what can be dragged, by id
  let chosen = held[held.length - 1] ?? null;
  let others = 0; // images that were held without a number
  const inTray = tray(generator, {
    choose, plus: on.plus, minus: on.minus, remove: letGo, drop: (id) => hold(known.get(id)),
  });
  const ids = () => new Set(held.map(({ id }) => id));
  function changed() {
    inTray.show(held, chosen);
    on.changed(ids());
  }
  function choose(sample) {
    known.set(sample.id, sample);
    chosen = sample;
    changed();
  }
  function hold(sample) {
    if (!sample || held.includes(sample)) return;
    if (!sample.id) {
      others += 1;
      Object.assign(sample, { id: `other-${Date.now()}-${others}` });
    }
    held.push(sample);
    choose(sample);
  }
  function letGo(sample) {
    held.splice(held.indexOf(sample), 1);
    if (chosen === sample) chosen = held[held.length - 1] ?? null;
    changed();
  }
  const same = (sample) => held.find(({ id }) => id === sample.id);
  return {
    element: inTray.element,
    held,
    ids,
    chosen: () => chosen,
    find: (id) => known.get(id),
    meet(list) {
      const met = list.map((sample) => same(sample) ?? sample);
      for (const sample of met) known.set(sample.id, sample);
      return met;
    },
    toggle(sample) {
      const other = same(sample);
      if (other) letGo(other);
      else hold(sample);
    },
    choose,
    hold,
    changed,
    redraw: () => inTray.redraw(),
    close: () => inTray.close(),
  };
}

// ---- a line between two samples -------------------------------------------------------------

/** Images in the strip of a line, and seconds from one end to the other when it is played. */
const STRIP = 9;
const SECONDS = 3;

/**
 * A slider along the line between two of the samples that `show(samples)` is given.
 *
 * @param {Object} options - `onhold(sample)`; `onchange({from, to, way})` when another line is shown
 */
export function between(generator, { onhold, onchange }) {
  const canvas = picture(generator, "large");
  const strip = el("canvas", { class: "pixels strip", role: "img", "aria-label": text.strip });
  const message = alert();
  const paint = painter(generator, canvas, say(message));
  let samples = [];
  let ends = [null, null];
  let way = "sphere";
  let playing = 0;
  const reading = el("span", {});
  const at = slider({ least: 0, most: 1, step: 0.005, value: 0.5, label: text.position }, () => { pause(); move(); });
  const z = () => WAYS[way](ends[0].z, ends[1].z, Number(at.value));
  const move = () => {
    fill(reading, `t = ${Number(at.value).toFixed(2)}, ‖z‖ = ${tidy(length(z()))}`);
    return paint(z());
  };
  const drawStrip = latest(async () => {
    const zs = Array.from({ length: STRIP }, (_, i) => WAYS[way](ends[0].z, ends[1].z, i / (STRIP - 1)));
    sheet(strip, await generator.draw(zs), generator.shape, STRIP);
  }, say(message));
  const redraw = () => {
    body.hidden = !ends[1];
    missing.hidden = Boolean(ends[1]);
    if (!ends[1]) {
      pause();
      return null;
    }
    fill(message);
    onchange?.({ from: ends[0], to: ends[1], way });
    return Promise.all([move(), drawStrip()]);
  };
  const play = el("button", { "aria-pressed": "false", onclick: () => (playing ? pause() : start()) }, text.play);
  function start() {
    let before = null;
    let t = Number(at.value); // kept here, since the slider rounds it
    let forwards = t < 1;
    const frame = (now) => {
      const change = before === null ? 0 : (now - before) / 1000 / SECONDS;
      before = now;
      t += forwards ? change : -change;
      if (t >= 1 || t <= 0) forwards = t <= 0;
      t = Math.min(1, Math.max(0, t));
      at.value = t;
      move();
      playing = requestAnimationFrame(frame);
    };
    playing = requestAnimationFrame(frame);
    fill(play, text.pause).setAttribute("aria-pressed", "true");
  }
  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    fill(play, text.play).setAttribute("aria-pressed", "false");
  }
  const places = [el("span"), el("span")];
  const missing = el("p", { class: "soft" }, text.needsTwo);
  const record = () => ({
    way, t: Number(at.value), from: recorded(ends[0]), to: recorded(ends[1]), z: z(),
  });
  const body = el(
    "div", { class: "parts" },
    el(
      "div", { class: "row" },
      el("label", { class: "field" }, el("span", {}, text.from), places[0]),
      el("label", { class: "field" }, el("span", {}, text.to), places[1]),
      el(
        "label", { class: "field" }, el("span", {}, text.way),
        select(Object.keys(WAYS).map((name) => [name, text.ways[name]]), way, (event) => { way = event.target.value; redraw(); }),
      ),
    ),
    el("div", { class: "scroll" }, strip),
    at,
    el("div", { class: "row" }, play, reading),
    canvas,
    el(
      "div", { class: "row" },
      el("button", { onclick: () => onhold({ name: text.between(ends[0].name, ends[1].name, Number(at.value)), z: z() }) }, text.hold),
      savers(generator, "line", () => canvas, record),
      el("button", { onclick: async () => save(await png(strip), `${generator.name}-strip.png`) }, text.saveStrip),
    ),
  );
  return {
    element: el("div", {}, missing, body, message),
    show(held) {
      const stays = ends.map((end) => held.includes(end));
      // The two that were held last, unless the ends are still there.
      const last = held.slice(-2);
      const others = stays.every(Boolean) ? ends : [last[0] ?? null, last[1] ?? null];
      const changed = others !== ends;
      samples = held;
      ends = others;
      places.forEach((place, i) => {
        const choices = samples.map((sample, j) => [j, sample.name]);
        fill(place, select(choices, samples.indexOf(ends[i]), (event) => {
          ends[i] = samples[Number(event.target.value)];
          redraw();
        }));
      });
      return changed ? redraw() : null;
    },
    redraw,
    close: pause,
  };
}

// ---- arithmetic -----------------------------------------------------------------------------

/** Exemplars that are averaged for a concept, as in the papers. */
const EXEMPLARS = 3;

/**
 * A board of concepts: the means of their samples are added and subtracted.
 *
 * @param {Object} options - `find(id)` returns the sample that was dragged, `chosen()` the one that
 *   is chosen; `moves()` the noise of eight neighbours, a list of z (without it, they are not
 *   offered); `onhold(sample)`; `onchange(groups)`
 */
export function board(generator, { find, chosen, moves, onhold, onchange }) {
  let groups = [];
  const clear = () => { groups = [1, -1, 1].map((sign) => ({ sign, samples: [] })); };
  clear();
  const result = picture(generator, "large");
  const message = alert();
  const place = el("div", { class: "groups" });
  const around = el("input", { type: "checkbox", onchange: () => drawResult() });
  const hint = el("p", { class: "soft" }, text.emptyBoard);
  let pairs = [];
  const drawResult = latest(async () => {
    const z = combine(groups);
    hint.hidden = Boolean(z);
    shown.hidden = !z;
    if (!z) return;
    if (around.checked) {
      const near = (await moves()).map((move) => plus(z, move));
      // The sum in the middle, as in figure 7 of the paper.
      const images = await generator.draw([...near.slice(0, 4), z, ...near.slice(4)]);
      sheet(result, images, generator.shape, 3);
    } else {
      image(result, (await generator.draw([z]))[0], generator.shape);
    }
  }, say(message));
  const drawGroups = latest(() => drawAll(generator, pairs), say(message));
  const redraw = () => {
    onchange?.(groups);
    return Promise.all([drawGroups(), drawResult()]);
  };
  function build() {
    pairs = [];
    const seen = (sample) => {
      const canvas = picture(generator);
      pairs.push([sample, canvas]);
      return canvas;
    };
    fill(message);
    fill(place, ...groups.map((group, i) => {
      const sign = group.sign > 0 ? "+" : "−";
      const exemplars = group.samples.map((sample) => el(
        "button",
        { class: "sample", title: `${text.takeAway}: ${sample.name}`, onclick: () => { group.samples = group.samples.filter((s) => s !== sample); build(); } },
        seen(sample), el("span", { class: "hidden-words" }, `${text.takeAway}: `), el("span", { class: "name" }, sample.name),
      ));
      return droppable(el(
        "div", { class: "group", role: "group", "aria-label": `${sign} ${text.concept(i)}` },
        el("span", { class: "sign", "aria-hidden": "true" }, sign),
        el(
          "div", { class: "exemplars" }, ...exemplars,
          el("button", { class: "tile", onclick: () => put(group, chosen()) }, text.addChosen),
          exemplars.length ? null : el("span", { class: "soft" }, text.dropHere),
        ),
        group.samples.length > 1
          ? el("figure", {}, seen({ z: mean(group.samples.map((s) => s.z)) }), el("figcaption", {}, text.mean))
          : null,
      ), (id) => put(group, find(id)));
    }));
    return redraw();
  }
  function put(group, sample) {
    if (!sample || group.samples.includes(sample)) return;
    group.samples.push(sample);
    build();
  }
  const another = (sign) => () => { groups.push({ sign, samples: [] }); build(); };
  const record = () => ({
    terms: groups.filter((g) => g.samples.length).map((g) => ({ sign: g.sign, samples: g.samples.map(recorded) })),
    neighbours: around.checked,
    z: combine(groups),
  });
  const shown = el(
    "div", { class: "parts" },
    el("div", { class: "row" }, el("span", { class: "sign", "aria-hidden": "true" }, "="), result),
    el(
      "div", { class: "row" },
      el("button", { onclick: () => onhold({ name: text.sum, z: combine(groups) }) }, text.hold),
      savers(generator, "arithmetic", () => result, record),
    ),
  );
  shown.hidden = true;
  build();
  return {
    element: el(
      "div", { class: "parts" },
      place,
      el(
        "div", { class: "row" },
        el("button", { onclick: another(1) }, text.newPlus), el("button", { onclick: another(-1) }, text.newMinus),
        el("button", { onclick: () => { clear(); build(); } }, text.clear),
        moves ? el("label", { class: "row" }, around, text.neighbours) : null,
      ),
      hint, shown, message,
    ),
    /** Add a sample to the first group of a sign that has fewer than three, else to the last. */
    add(sample, sign) {
      const alike = groups.filter((group) => group.sign === sign);
      const room = alike.find((group) => group.samples.length < EXEMPLARS && !group.samples.includes(sample));
      put(room ?? alike[alike.length - 1] ?? groups[groups.push({ sign, samples: [] }) - 1], sample);
    },
    redraw,
    close() {},
  };
}

// ---- sliders over one image -----------------------------------------------------------------

/**
 * One sample, with a slider for its scale and one for each direction.
 *
 * A direction is `{name, vector, most}`: a unit vector in z, and how far its slider goes. Its value
 * is the component of z along it, in standard deviations of z.
 *
 * @param {Object} options - `onhold(sample)`; `onchange(z, changed)` after every change
 */
export function mover(generator, { onhold, onchange }) {
  const canvas = picture(generator, "large");
  const message = alert();
  const paint = painter(generator, canvas, say(message));
  const list = el("div", { class: "directions" });
  const title = el("strong", {});
  const size = el("span", { class: "soft" });
  let sample = null;
  let scale = 1;
  let directions = [];
  const set = new Map(); // direction → strength
  const z = () => {
    let found = sample.z.map((x) => x * scale);
    for (const [direction, strength] of set) found = along(found, direction.vector, strength);
    return found;
  };
  const changed = () => scale !== 1 || set.size > 0;
  const move = () => {
    const now = z();
    fill(size, text.lengthOf(tidy(length(now)), tidy(Math.sqrt(generator.size))));
    for (const row of rows) row.follow(now);
    onchange?.(now, changed());
    return paint(now);
  };
  let rows = [];
  const psi = slider({ least: 0, most: 1.5, step: 0.01, value: 1, label: text.truncation }, (value) => {
    scale = value;
    fill(psiReading, scale.toFixed(2));
    move();
  });
  const psiReading = el("span", {}, "1.00");
  const reset = () => {
    scale = 1;
    psi.value = 1;
    fill(psiReading, "1.00");
    set.clear();
    if (sample) move();
  };
  const build = () => {
    rows = directions.map((direction) => {
      const reading = el("span", {});
      const input = slider(
        { least: -direction.most, most: direction.most, step: 0.05, value: 0, label: direction.name },
        (strength) => { set.set(direction, strength); move(); },
      );
      return {
        element: el("label", { class: "direction" }, el("span", {}, direction.name), input, reading),
        follow(now) {
          const strength = dot(now, direction.vector);
          if (document.activeElement !== input || !set.has(direction)) input.value = strength;
          fill(reading, `${strength >= 0 ? "+" : "−"}${Math.abs(strength).toFixed(2)}`);
        },
      };
    });
    fill(list, ...rows.map((row) => row.element));
    if (sample) move();
  };
  const record = () => ({ of: recorded(sample), scale, z: z() });
  return {
    element: el(
      "div", { class: "parts" },
      el("div", {}, title, " ", size),
      canvas,
      el(
        "div", { class: "row" },
        el("button", { onclick: () => onhold({ name: text.changed(sample.name), z: z() }) }, text.hold),
        el("button", { onclick: reset }, text.reset),
        savers(generator, "sample", () => canvas, record),
      ),
      message,
    ),
    /** The slider of the scale, and those of the directions. */
    scale: el("label", { class: "direction" }, el("span", {}, text.truncation), psi, psiReading),
    directions: list,
    show(other) {
      if (other === sample) return;
      sample = other;
      fill(title, sample.name);
      reset();
    },
    /** Show these sliders instead. */
    offer(others) {
      directions = others;
      build();
    },
    z: () => (sample ? z() : null),
    reset,
    redraw: () => (sample ? move() : null),
    close() {},
  };
}
