// Random numbers as a function of (seed, number): a small generator, not that of PyTorch.

/** Uniform numbers in [0, 1) with 32 bits: mulberry32. */
function uniform(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where the numbers of a sample start: far apart for samples that follow each other. */
function start(seed, number) {
  const mixed = uniform(seed)() * 2 ** 32;
  return uniform((mixed ^ Math.imul(number + 1, 0x9e3779b1)) >>> 0)() * 2 ** 32;
}

/**
 * z of a sample, with mean 0 and variance 1.
 *
 * @param {string} noise - "normal", by the method of Box and Muller; or "uniform", on ±√3
 */
export function draw(noise, size, seed, number) {
  const next = uniform(start(seed, number));
  const z = new Float32Array(size);
  for (let i = 0; i < size; i += 1) {
    if (noise === "uniform") {
      z[i] = Math.sqrt(3) * (2 * next() - 1);
    } else {
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      z[i] = radius * Math.cos(angle);
      i += 1;
      if (i < size) z[i] = radius * Math.sin(angle);
    }
  }
  return z;
}
