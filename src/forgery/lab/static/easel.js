// A canvas on which a cloud of points is painted with the mouse or a finger.

import { button } from "./parts.js";
import { el, save, slider } from "./dom.js";
import { colour, prepare } from "./draw.js";
import { words } from "./words.js";

const w = words.playground;
const MOST = 5000;
const EACH = 12;

/**
 * The canvas with its buttons; `points()` are those that have been painted.
 *
 * @param {number[][]} painted - the points at first
 * @param {(points: number[][]) => void} use - receives the points, in [-1, 1]²
 * @param {() => void} leave
 */
export function easel(painted, use, leave) {
  const points = [...painted];
  let radius = 0.08;
  let painting = false;
  const count = el("span", { class: "soft" });
  const canvas = el("canvas", { class: "plot", "aria-label": w.easelLabel });
  const done = button(w.use, "", () => use(points.map(([x, y]) => [x, y])), "main");
  const paint = () => {
    const { context, width } = prepare(canvas, canvas.clientWidth || 300);
    context.fillStyle = colour("--real");
    for (const [x, y] of points) context.fillRect((x + 1) * width / 2 - 1.2, (1 - y) * width / 2 - 1.2, 2.4, 2.4);
    count.textContent = w.painted(points.length, MOST);
    done.disabled = points.length < 50;
  };
  const spray = (event) => {
    const side = canvas.clientWidth;
    const [x, y] = [2 * event.offsetX / side - 1, 1 - 2 * event.offsetY / side];
    for (let i = 0; i < EACH && points.length < MOST; i += 1) {
      const [distance, angle] = [radius * Math.sqrt(-Math.log(1 - Math.random())) / 1.5, 2 * Math.PI * Math.random()];
      points.push([x + distance * Math.cos(angle), y + distance * Math.sin(angle)]);
    }
    paint();
  };
  canvas.addEventListener("pointerdown", (event) => {
    painting = true;
    canvas.setPointerCapture(event.pointerId);
    spray(event);
  });
  canvas.addEventListener("pointermove", (event) => painting && spray(event));
  canvas.addEventListener("pointerup", () => { painting = false; });
  canvas.addEventListener("pointercancel", () => { painting = false; });
  canvas.repaint = paint;
  const size = new ResizeObserver(paint);
  size.observe(canvas);
  const element = el(
    "div", { class: "easel" },
    el("p", { class: "soft" }, w.easel), canvas, count,
    el("div", { class: "row" },
      done,
      button(w.clear, "", () => { points.length = 0; paint(); }),
      button(w.keepPoints, "", () => save(new Blob([points.map((p) => p.join(",")).join("\n") + "\n"], { type: "text/csv" }), "drawn.csv")),
      button(w.leave, "", leave),
      el("label", { class: "row brush" }, el("span", { class: "soft" }, w.brush),
        slider({ least: 0.02, most: 0.3, step: 0.01, value: radius, label: w.brush }, (value) => { radius = value; }))),
  );
  return { element, points: () => points, close: () => size.disconnect() };
}
