// Images on canvases, and numbers as text.

/** Bytes from base64. */
export function bytes(text) {
  const letters = atob(text);
  const found = new Uint8Array(letters.length);
  for (let i = 0; i < found.length; i += 1) found[i] = letters.charCodeAt(i);
  return found;
}

/** Little-endian float32 from base64. */
export const floats = (text) => new Float32Array(bytes(text).buffer);

/**
 * Draw an image of 8-bit pixels `[C, H, W]`, C being 1 or 3, on a canvas of its size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} pixels
 * @param {number[]} shape
 */
export function image(canvas, pixels, [channels, height, width]) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(imageData(pixels, [channels, height, width]), 0, 0);
  return canvas;
}

/** The same as ImageData. */
export function imageData(pixels, [channels, height, width]) {
  const data = new ImageData(width, height);
  const size = height * width;
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) data.data[4 * i + c] = pixels[(channels === 3 ? c : 0) * size + i];
    data.data[4 * i + 3] = 255;
  }
  return data;
}

/** A number for people: 12,300; 0.031; 4.2e-7. With a `step`, numbers that differ by it look different. */
export function tidy(x, step = Infinity) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (size >= 1000) return Math.round(x).toLocaleString("en");
  if (size !== 0 && size < 1e-3) return x.toExponential(1);
  const digits = Math.floor(Math.log10(size || 1)) - Math.floor(Math.log10(step) + 1e-9) + 1;
  return String(Number(x.toPrecision(Math.min(15, Math.max(3, digits)))));
}
