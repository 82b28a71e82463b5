// Drawing of a live game: the plane with D's surface, or the line as in the 2014 paper's Figure 1.

import { arrow, colour, labelled, prepare, stroke, surface, ticks } from "./draw.js";
import { bytes, floats } from "./images.js";
import { words } from "./words.js";

const w = words.playground;
// What half a side of the square is in the lab's int16 (UNIT in live_view.py).
const UNIT = 8000;

/** Places in [-1, 1] from the lab's int16 in base64. */
export const places = (text) => (text ? Float32Array.from(new Int16Array(bytes(text).buffer), (v) => v / UNIT) : new Float32Array());

/**
 * Draw a game.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Object} view - what does not change: dimensions, bounds, cells, real points
 * @param {Object} frame - the game as it is
 * @param {{real: boolean, fake: boolean, surface: string, moved: number}} shown - what is drawn;
 *   `moved` is how far, 0 to 1, samples have moved in the moment of G's update
 */
export function paint(canvas, view, frame, shown) {
  const { context, width } = prepare(canvas, canvas.clientWidth || 300);
  if (view.dimensions === 1) paintLine(context, width, view, frame, shown);
  else paintPlane(context, width, view, frame, shown);
}

function paintPlane(context, size, view, frame, shown) {
  const at = (u) => (u + 1) * size / 2;
  const up = (u) => (1 - u) * size / 2;
  if (frame.surface) surface(context, bytes(frame.surface), [view.cells, view.cells], 0, 0, size, size);
  axes(context, size, view);
  const { moment } = frame;
  context.globalAlpha = moment ? 0.3 : 1;
  if (frame.grid) paintGrid(context, frame.grid, at, up);
  if (shown.fake) dots(context, places(frame.fake), at, up, 2.3, colour("--fake"));
  if (shown.real) dots(context, places(view.real), at, up, 1.5, colour("--real"));
  if (!moment && frame.arrows) arrows(context, places(frame.arrows), at, up);
  context.globalAlpha = 1;
  if (moment) paintMoment(context, size, moment, at, up, shown);
}

/** The bounds of the square, in the data's units. */
function axes(context, size, view) {
  const [low, high] = view.bounds;
  context.fillStyle = colour("--soft");
  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "bottom";
  for (const [x, text] of labelled(ticks(low[0], high[0], 5))) {
    const place = ((x - low[0]) / (high[0] - low[0])) * size;
    if (place < 12 || place > size - 12) continue;
    stroke(context, [[place, size], [place, size - 4]]);
    context.fillText(text, place, size - 4);
  }
  if (view.dimensions === 1) return;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const [y, text] of labelled(ticks(low[1], high[1], 5))) {
    const place = size - ((y - low[1]) / (high[1] - low[1])) * size;
    if (place < 12 || place > size - 12) continue;
    stroke(context, [[0, place], [4, place]]);
    context.fillText(text, 6, place);
  }
}

function dots(context, points, at, up, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [x, y] = [at(points[i]), up(points[i + 1])];
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

function arrows(context, ends, at, up) {
  context.strokeStyle = colour("--ink");
  context.lineWidth = 1.2;
  for (let i = 0; i + 3 < ends.length; i += 4) {
    const [x1, y1, x2, y2] = [at(ends[i]), up(ends[i + 1]), at(ends[i + 2]), up(ends[i + 3])];
    if (Math.abs(x2 - x1) + Math.abs(y2 - y1) > 0.7) arrow(context, x1, y1, x2, y2, Math.min(4, Math.hypot(x2 - x1, y2 - y1) / 2));
  }
}

/** G's image of a grid of z whose cells are equally likely. */
function paintGrid(context, grid, at, up) {
  const points = places(grid.x);
  context.strokeStyle = colour("--grid");
  context.lineWidth = grid.lines === 1 ? 2 : 0.9;
  for (let line = 0; line < grid.lines; line += 1) {
    context.beginPath();
    for (let i = 0; i < grid.on; i += 1) {
      const place = 2 * (line * grid.on + i);
      context.lineTo(at(points[place]), up(points[place + 1]));
    }
    context.stroke();
  }
}

/** The minibatch of a moment of slow motion, larger than the other points. */
function paintMoment(context, size, moment, at, up, shown) {
  const real = places(moment.real);
  const fake = places(moment.fake);
  if (moment.d_real) {
    judged(context, real, bytes(moment.d_real), at, up, false);
    judged(context, fake, bytes(moment.d_fake), at, up, true);
  } else {
    if (moment.real) dots(context, real, at, up, 3.5, colour("--real"));
    const from = places(moment.from);
    if (moment.from) {
      const now = fake.map((value, i) => from[i] + shown.moved * (value - from[i]));
      context.strokeStyle = colour("--fake");
      context.lineWidth = 1;
      for (let i = 0; i + 1 < now.length; i += 2) {
        stroke(context, [[at(from[i]), up(from[i + 1])], [at(now[i]), up(now[i + 1])]]);
      }
      dots(context, now, at, up, 3.5, colour("--fake"));
    } else dots(context, fake, at, up, 3.5, colour("--fake"));
    if (moment.arrows) arrows(context, places(moment.arrows), at, up);
  }
  if (moment.z) paintZ(context, size, moment);
}

// D's probability of each point as its fill: from white, generated, to black, real; saturated
// outside .25 … .75, as the surface is.
function judged(context, points, beliefs, at, up, round) {
  context.lineWidth = 1.5;
  beliefs.forEach((belief, i) => {
    const [x, y] = [at(points[2 * i]), up(points[2 * i + 1])];
    const light = Math.round(255 * Math.max(0, Math.min(1, 1.5 - 2 * belief / 255)));
    context.fillStyle = `rgb(${light} ${light} ${light})`;
    context.strokeStyle = colour(round ? "--fake" : "--real");
    context.beginPath();
    context.arc(x, y, 4.5, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}

/** The z that were drawn, in a corner: the first two dimensions, ±3. */
function paintZ(context, size, moment) {
  const side = Math.min(110, size / 4);
  const left = size - side - 8;
  context.fillStyle = colour("--paper");
  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  context.fillRect(left, 8, side, side);
  context.strokeRect(left, 8, side, side);
  const z = places(moment.z);
  const step = Math.min(2, moment.latent);
  context.fillStyle = colour("--series-4");
  for (let i = 0; i + step - 1 < z.length; i += step) {
    const x = left + (z[i] + 1) * side / 2;
    const y = 8 + (step === 2 ? (1 - z[i + 1]) * side / 2 : side / 2);
    if (Math.abs(z[i]) < 1) context.fillRect(x - 1.2, y - 1.2, 2.4, 2.4);
  }
  context.fillStyle = colour("--ink");
  context.font = "italic 12px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText("z", left + 5, 10);
}

// The line: densities and D above, the axis of x, and below it that of z with arrows z → G(z).
function paintLine(context, size, view, frame, shown) {
  const { moment } = frame;
  const floor = size * 0.74;
  const top = 34;
  const at = (u) => (u + 1) * size / 2;
  const level = (d) => floor - d * (floor - top);
  const p = floats(view.p_data);
  const scale = 0.8 / Math.max(...p);
  const density = (values) => Array.from(values, (v, i) => [at((2 * i + 1) / values.length - 1), level(Math.min(1.06, v * scale))]);
  const probability = (values) => Array.from(values, (v, i) => [at((2 * i + 1) / values.length - 1), level(v / 255)]);
  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  context.fillStyle = colour("--soft");
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [d, text] of [[0, "0"], [0.5, "½"], [1, "D = 1"]]) {
    stroke(context, [[0, level(d)], [size, level(d)]]);
    context.fillText(text, size - 4, level(d) - 7);
  }
  const curve = (points, name, dash, thick) => {
    context.strokeStyle = colour(name);
    context.lineWidth = thick;
    context.setLineDash(dash);
    context.beginPath();
    let drawing = false;
    for (const [x, y] of points) {
      if (Number.isFinite(y)) context[drawing ? "lineTo" : "moveTo"](x, y);
      drawing = Number.isFinite(y);
    }
    context.stroke();
    context.setLineDash([]);
  };
  if (frame.p_g && shown.fake) {
    const points = density(floats(frame.p_g));
    context.fillStyle = colour("--fake");
    context.globalAlpha = 0.25;
    context.beginPath();
    context.moveTo(0, floor);
    points.forEach(([x, y]) => context.lineTo(x, y));
    context.lineTo(size, floor);
    context.fill();
    context.globalAlpha = 1;
    curve(points, "--fake", [], 1.8);
  }
  if (shown.real) curve(density(p), "--real", [2, 3], 2.2);
  const wanted = shown.surface;
  if (frame.best && (wanted === "best" || wanted === "difference")) curve(probability(floats(frame.best).map((v) => 255 * v)), "--series-3", [1, 3], 2.4);
  if (frame.d && (wanted === "d" || wanted === "difference")) curve(probability(bytes(frame.d)), "--ink", [7, 4], 1.8);

  // Ticks of the samples on the axis, and where each is pulled.
  const rug = (points, name, from, to, alpha) => {
    context.strokeStyle = colour(name);
    context.globalAlpha = alpha;
    context.beginPath();
    points.forEach((u) => { context.moveTo(at(u), from); context.lineTo(at(u), to); });
    context.stroke();
    context.globalAlpha = 1;
  };
  context.lineWidth = 1;
  if (shown.real) rug(places(moment?.real ?? view.real), "--real", floor, floor + 7, moment ? 1 : 0.4);
  const fake = moment ? places(moment.fake) : places(frame.fake);
  const from = places(moment?.from);
  const now = from.length ? fake.map((value, i) => from[i] + shown.moved * (value - from[i])) : fake;
  if (shown.fake) rug(now, "--fake", floor + 7, floor + 14, moment ? 1 : 0.4);
  const pulls = places(moment?.arrows ?? frame.arrows);
  context.strokeStyle = colour("--ink");
  context.lineWidth = 1;
  for (let i = 0; i + 1 < pulls.length; i += 2) {
    const y = floor + 18 + (i / 2 % 5) * 4;
    if (Math.abs(at(pulls[i + 1]) - at(pulls[i])) > 1) arrow(context, at(pulls[i]), y, at(pulls[i + 1]), y, 3);
  }
  if (moment?.d_real) {
    stems(context, places(moment.real), bytes(moment.d_real), "--real", at, level);
    stems(context, fake, bytes(moment.d_fake), "--fake", at, level);
  }
  context.font = "11px system-ui, sans-serif";
  axes(context, size, view);
  if (frame.grid?.lines === 1 && frame.grid.z) {
    const low = size - 40;
    const [z, x] = [places(frame.grid.z), places(frame.grid.x)];
    context.strokeStyle = colour("--soft");
    context.lineWidth = 0.8;
    stroke(context, [[0, low], [size, low]]);
    z.forEach((u, i) => arrow(context, at(0.96 * u), low, at(x[i]), floor + 16, 4));
    context.fillStyle = colour("--ink");
    context.font = "italic 13px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "bottom";
    context.fillText("z", 6, low - 2);
    context.fillText("x", 6, floor - 3);
  }
  legend(context, [
    [shown.real, w.pData, "--real", [2, 3]],
    [shown.fake && frame.p_g, w.pG, "--fake", []],
    [frame.d && (wanted === "d" || wanted === "difference"), "D(x)", "--ink", [7, 4]],
    [frame.best && (wanted === "best" || wanted === "difference"), "D*(x)", "--series-3", [1, 3]],
  ]);
}

function stems(context, points, beliefs, name, at, level) {
  context.strokeStyle = colour(name);
  context.fillStyle = colour(name);
  context.lineWidth = 0.8;
  beliefs.forEach((belief, i) => {
    stroke(context, [[at(points[i]), level(0)], [at(points[i]), level(belief / 255)]]);
    context.fillRect(at(points[i]) - 2, level(belief / 255) - 2, 4, 4);
  });
}

function legend(context, entries) {
  let x = 10;
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const [there, name, tint, dash] of entries) {
    if (!there) continue;
    context.strokeStyle = colour(tint);
    context.lineWidth = 2;
    context.setLineDash(dash);
    stroke(context, [[x, 14], [x + 20, 14]]);
    context.setLineDash([]);
    context.fillStyle = colour("--ink");
    context.fillText(name, x + 25, 14);
    x += 38 + context.measureText(name).width;
  }
}
