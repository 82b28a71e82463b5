// Drawing by hand.

import { el, slider } from "./dom.js";
import { image } from "./images.js";
import { words } from "./words.js";

const text = words.explorer;

/** The pixels of a canvas as a generator's: `[C, H, W]`. */
export function pixelsOf(canvas, channels) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const size = canvas.width * canvas.height;
  const pixels = new Uint8Array(channels * size);
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < size; i += 1) pixels[c * size + i] = data[4 * i + c];
  }
  return pixels;
}

/** Pixels of the drawing canvas for a pixel of the generator's images, at most 448 in all. */
const drawingScale = ([, height, width]) => Math.max(1, Math.floor(448 / Math.max(height, width)));

/**
 * A canvas to draw on with the pointer: grey images white on black, others in colours.
 *
 * `pixels()` is the drawing in the generator's shape, `show(pixels)` puts a picture on the canvas.
 */
export function pad(generator, { onchange } = {}) {
  const [channels, height, width] = generator.shape;
  const scale = drawingScale(generator.shape);
  const canvas = el("canvas", { class: "pad", width: width * scale, height: height * scale, role: "img", "aria-label": text.pad });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const paper = channels === 1 ? "#000000" : "#ffffff";
  const ink = el("input", { type: "color", value: channels === 1 ? "#ffffff" : "#c2410c", "aria-label": text.ink });
  let erasing = false;
  let before = null;
  const clear = () => {
    context.fillStyle = paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    onchange?.();
  };
  clear();
  const brush = slider({ least: 1, most: Math.max(4, Math.round(width / 5)), step: 0.5, value: Math.max(1, Math.round(width / 11)), label: text.brush }, () => {});
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  };
  const drawTo = ([x, y]) => {
    context.strokeStyle = erasing ? paper : ink.value;
    context.lineWidth = Number(brush.value) * scale;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...(before ?? [x, y]));
    context.lineTo(x, y);
    context.stroke();
    before = [x, y];
    onchange?.();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    before = null;
    drawTo(place(event));
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => { if (before) drawTo(place(event)); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { before = null; });
  const eraser = el("button", {
    "aria-pressed": "false",
    onclick: () => { erasing = !erasing; eraser.setAttribute("aria-pressed", String(erasing)); },
  }, text.eraser);
  return {
    canvas,
    element: el(
      "div", { class: "parts" },
      canvas,
      el("label", { class: "direction" }, el("span", {}, text.brush), brush),
      el(
        "div", { class: "row" },
        channels === 1 ? null : el("label", { class: "row" }, text.ink, ink), eraser, el("button", { onclick: clear }, text.clear),
      ),
    ),
    pixels() {
      const small = el("canvas", { width, height });
      const target = small.getContext("2d");
      target.imageSmoothingQuality = "high";
      target.drawImage(canvas, 0, 0, width, height);
      return pixelsOf(small, channels);
    },
    show(pixels) {
      const small = image(el("canvas"), pixels, generator.shape);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      onchange?.();
    },
    clear,
  };
}
