// Plots on canvases, shared by all views: curves, surfaces, points, arrows.

import { tidy } from "./images.js";

/** A colour of the style sheet: `colour("--real")`. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The names of the colours of curves, one after the other. */
export const seriesColour = (i) => `--series-${(i % 6) + 1}`;

/**
 * Prepare a canvas of a plot: as wide as its place, sharp on every screen, cleared.
 *
 * @returns {{ context: CanvasRenderingContext2D, width: number, height: number }} in CSS pixels
 */
export function prepare(canvas, height) {
  const width = canvas.clientWidth || 300;
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

/** Round numbers for an axis from `low` to `high`, about `count` of them. */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  return found;
}

/** The same numbers, each with its text: [number, text]. */
export function labelled(numbers) {
  const step = numbers.length > 1 ? numbers[1] - numbers[0] : Infinity;
  return numbers.map((x) => [x, tidy(x, step)]);
}

/**
 * Draw curves over one axis, with a legend in words and a reading at the pointer.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{name: string, x: number[], y: (number|null)[], colour?: string, dash?: number[]}[]} series -
 *   `colour` is the name of one of the style sheet, as in `lines`
 * @param {{height?: number, label?: string, x?: string, lines?: {y: number, name: string, colour?: string}[],
 *          low?: number, high?: number, log?: boolean}} [options] - `lines` are values to compare
 *   with; `low` and `high` fix the vertical axis
 */
export function curves(canvas, series, options = {}) {
  canvas.curves = { series, options };
  canvas.repaint = () => paintCurves(canvas);
  canvas.repaint();
  if (canvas.watched) return;
  canvas.watched = true;
  new ResizeObserver(canvas.repaint).observe(canvas);
  canvas.addEventListener("pointermove", (event) => paintCurves(canvas, event.offsetX));
  canvas.addEventListener("pointerleave", canvas.repaint);
}

// Plots have the colours of the style sheet: those that are on the page are painted anew when it
// turns dark or light, each by its `repaint`.
const isDark = matchMedia("(prefers-color-scheme: dark)");
isDark.addEventListener("change", () => {
  for (const canvas of document.querySelectorAll("canvas")) canvas.repaint?.();
});

function paintCurves(canvas, pointer = null) {
  const { series, options } = canvas.curves;
  const { context, width, height } = prepare(canvas, options.height ?? 220);
  const legend = legendOf(context, series, options.lines ?? [], width - 58);
  const [left, right, top, bottom] = [48, 10, 10 + 16 * legend.rows, 22];
  const finite = (y) => y !== null && Number.isFinite(y) && (!options.log || y > 0);
  const xs = series.flatMap((s) => s.x);
  const ys = series.flatMap((s) => s.y.filter(finite));
  const seen = (options.lines ?? []).map((line) => line.y);
  let low = options.low ?? Math.min(...least(ys), ...seen);
  let high = options.high ?? Math.max(...most(ys), ...seen);
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [0, 1];
  if (low === high) [low, high] = [options.low ?? low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const [first, last] = [Math.min(...least(xs)), Math.max(...most(xs))];
  const scale = options.log ? Math.log10 : (y) => y;
  const [bottomY, topY] = [scale(low), scale(high)];
  const atX = (x) => left + ((x - first) / (last - first || 1)) * (width - left - right);
  const atY = (y) => height - bottom - ((scale(y) - bottomY) / (topY - bottomY)) * (height - bottom - top);

  context.fillStyle = colour("--soft");
  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const levels = options.log
    ? ticks(bottomY, topY, 4).filter((p) => Number.isInteger(p)).map((p) => 10 ** p)
    : ticks(low, high, 4);
  for (const [y, text] of labelled(levels)) {
    stroke(context, [[left, atY(y)], [width - right, atY(y)]]);
    context.fillText(text, left - 5, atY(y));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  if (xs.length) for (const [x, text] of labelled(ticks(first, last, width / 75))) {
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(atX(x), width - half), height - bottom + 5);
  }
  context.textAlign = "left";
  (options.lines ?? []).forEach((line) => {
    context.setLineDash([2, 3]);
    context.strokeStyle = colour(line.colour ?? "--soft");
    stroke(context, [[left, atY(line.y)], [width - right, atY(line.y)]]);
    context.setLineDash([]);
  });
  context.save();
  context.beginPath();
  context.rect(left, top - 2, width - left - right, height - bottom - top + 4);
  context.clip();
  series.forEach((s, i) => {
    context.strokeStyle = colour(s.colour ?? seriesColour(i));
    context.lineWidth = 1.6;
    context.setLineDash(s.dash ?? []);
    context.beginPath();
    let drawing = false;
    s.x.forEach((x, j) => {
      if (!finite(s.y[j])) { drawing = false; return; }
      if (drawing) context.lineTo(atX(x), atY(s.y[j]));
      else context.moveTo(atX(x), atY(s.y[j]));
      drawing = true;
    });
    context.stroke();
    context.setLineDash([]);
    if (s.x.length === 1 && finite(s.y[0])) disc(context, atX(s.x[0]), atY(s.y[0]), 2.5, context.strokeStyle);
  });
  context.restore();

  const at = pointer === null || !xs.length ? null : first + ((pointer - left) / (width - left - right)) * (last - first);
  const entries = [
    ...series.map((s, i) => ({ name: s.name, colour: s.colour ?? seriesColour(i), dash: Boolean(s.dash?.length), value: at === null ? null : nearest(s, at) })),
    ...(options.lines ?? []).map((line) => ({ name: line.name, colour: line.colour ?? "--soft", dash: true, value: null })),
  ];
  entries.forEach((entry, i) => {
    const x = left + legend.places[i][0];
    const y = 4 + 16 * legend.places[i][1];
    context.strokeStyle = colour(entry.colour);
    context.lineWidth = 2;
    context.setLineDash(entry.dash ? [2, 3] : []);
    stroke(context, [[x, y + 7], [x + 14, y + 7]]);
    context.setLineDash([]);
    context.fillStyle = colour("--ink");
    context.fillText(`${entry.name}${entry.value === null ? "" : ` ${tidy(entry.value)}`}`, x + 19, y);
  });
  if (at !== null && at >= first && at <= last) {
    context.strokeStyle = colour("--soft");
    context.lineWidth = 1;
    stroke(context, [[pointer, top], [pointer, height - bottom]]);
    context.fillStyle = colour("--soft");
    context.textAlign = "right";
    context.fillText(`${options.x ?? "step"} ${tidy(Math.round(at))}`, width - right, height - bottom - 14);
  }
}

/** Where the entries of a legend stand: [x, row], with room for a value behind the name of a curve. */
function legendOf(context, series, lines, width) {
  const room = context.measureText(" −0.0001 ").width;
  const widths = [
    ...series.map((s) => 24 + context.measureText(s.name).width + room),
    ...lines.map((line) => 34 + context.measureText(line.name).width),
  ];
  let [x, row] = [0, 0];
  const places = widths.map((wide) => {
    if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
    x += wide;
    return [x - wide, row];
  });
  return { places, rows: widths.length ? row + 1 : 0 };
}

// Without spreading a long list into the arguments of a function.
const least = (numbers) => (numbers.length ? [numbers.reduce((a, b) => Math.min(a, b))] : []);
const most = (numbers) => (numbers.length ? [numbers.reduce((a, b) => Math.max(a, b))] : []);

function nearest(s, x) {
  if (!s.x.length) return null;
  let best = 0;
  for (let i = 1; i < s.x.length; i += 1) if (Math.abs(s.x[i] - x) < Math.abs(s.x[best] - x)) best = i;
  return s.y[best];
}

/** A line through places. */
export function stroke(context, places) {
  context.beginPath();
  places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

/** A filled circle. */
export function disc(context, x, y, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** An arrow from one place to another. */
export function arrow(context, x1, y1, x2, y2, head = 4) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  stroke(context, [[x1, y1], [x2, y2]]);
  stroke(context, [
    [x2 - head * Math.cos(angle - 0.5), y2 - head * Math.sin(angle - 0.5)], [x2, y2],
    [x2 - head * Math.cos(angle + 0.5), y2 - head * Math.sin(angle + 0.5)],
  ]);
}

// D(x) from low to high: orange, grey, blue, saturated outside .25 … .75, as in the run's pictures.
const ENDS = { light: [[240, 163, 94], [228, 228, 228], [127, 178, 229]], dark: [[150, 84, 30], [58, 62, 70], [42, 96, 150]] };

/**
 * A surface of bytes (0: surely generated, 255: surely real), `rows[0]` at the bottom.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} values - `[height, width]`
 */
export function surface(context, values, [rows, columns], left, top, width, height) {
  const [low, middle, high] = ENDS[isDark.matches ? "dark" : "light"];
  const data = new ImageData(columns, rows);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const t = values[r * columns + c] / 127.5 - 1;
      const [a, share] = t < 0 ? [low, -t] : [high, t];
      const place = 4 * ((rows - 1 - r) * columns + c);
      for (let k = 0; k < 3; k += 1) data.data[place + k] = middle[k] + share * (a[k] - middle[k]);
      data.data[place + 3] = 255;
    }
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(data, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, left, top, width, height);
}
