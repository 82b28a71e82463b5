// The network in the page: computes the list of operations that export/program.py describes.
//
// Every operation becomes a function without arguments, which reads and writes arrays that are
// allocated once. A value is the Float32Array of one sample, without a batch.

/** float16 → float32 for each of its 65,536 bit patterns. */
function halves() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** Bytes of little-endian float16 → Float32Array. */
export function fromHalf(bytes) {
  const table = halves();
  const numbers = new Float32Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = table[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
  return numbers;
}

const count = (shape) => shape.reduce((a, b) => a * b, 1);

/**
 * c [M, N] = a [M, K] · b [K, N] + bias [M], each from an offset in its array.
 *
 * Two rows and four columns are summed at a time, in local variables.
 */
function multiply(M, N, K, a, aAt, b, bAt, c, cAt, bias, biasAt) {
  const wholeN = N - (N % 4);
  for (let m = 0; m < M; m += 2) {
    const start0 = bias ? bias[biasAt + m] : 0;
    const row0 = aAt + m * K;
    const to0 = cAt + m * N;
    // The last of an odd number of rows is computed twice.
    const more = m + 1 < M ? 1 : 0;
    const start1 = bias ? bias[biasAt + m + more] : 0;
    const row1 = row0 + more * K;
    const to1 = to0 + more * N;
    for (let n = 0; n < wholeN; n += 4) {
      let c00 = start0, c01 = start0, c02 = start0, c03 = start0;
      let c10 = start1, c11 = start1, c12 = start1, c13 = start1;
      let at = bAt + n;
      for (let k = 0; k < K; k += 1) {
        const a0 = a[row0 + k];
        const a1 = a[row1 + k];
        const b0 = b[at];
        const b1 = b[at + 1];
        const b2 = b[at + 2];
        const b3 = b[at + 3];
        c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
        c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
        at += N;
      }
      c[to0 + n] = c00; c[to0 + n + 1] = c01; c[to0 + n + 2] = c02; c[to0 + n + 3] = c03;
      c[to1 + n] = c10; c[to1 + n + 1] = c11; c[to1 + n + 2] = c12; c[to1 + n + 3] = c13;
    }
    for (let n = wholeN; n < N; n += 1) {
      let c0 = start0, c1 = start1;
      let at = bAt + n;
      for (let k = 0; k < K; k += 1) {
        const x = b[at];
        c0 += a[row0 + k] * x;
        c1 += a[row1 + k] * x;
        at += N;
      }
      c[to0 + n] = c0;
      c[to1 + n] = c1;
    }
  }
}

/** y [M] = a [M, K] · x [K] + bias [M]: four rows at a time. */
function apply(M, K, a, x, xAt, y, yAt, bias) {
  let m = 0;
  for (; m + 4 <= M; m += 4) {
    const row0 = m * K;
    const row1 = row0 + K;
    const row2 = row1 + K;
    const row3 = row2 + K;
    let y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    for (let k = 0; k < K; k += 1) {
      const value = x[xAt + k];
      y0 += a[row0 + k] * value; y1 += a[row1 + k] * value; y2 += a[row2 + k] * value; y3 += a[row3 + k] * value;
    }
    y[yAt + m] = y0; y[yAt + m + 1] = y1; y[yAt + m + 2] = y2; y[yAt + m + 3] = y3;
  }
  for (; m < M; m += 1) {
    let sum = 0;
    for (let k = 0; k < K; k += 1) sum += a[m * K + k] * x[xAt + k];
    y[yAt + m] = sum;
  }
  if (bias) for (m = 0; m < M; m += 1) y[yAt + m] += bias[m];
}

/** A linear layer, x [*rows, I] → y [*rows, O]. */
function linear([x], [weight, bias], y, shapes) {
  const [outputs, inputs] = shapes.weights[0];
  const rows = x.length / inputs;
  return () => {
    for (let row = 0; row < rows; row += 1) {
      apply(outputs, inputs, weight, x, row * inputs, y, row * outputs, bias);
    }
  };
}

/**
 * A convolution as a product of matrices: what the kernel meets at each place is a column.
 *
 * @param {Float32Array} columns - room for them, which all layers share
 */
function conv([x], [weight, bias], y, shapes, { stride, padding, dilation, groups }, columns) {
  const [channels, height, width] = shapes.inputs[0];
  const [outputs, down, across] = shapes.output;
  const [, , high, wide] = shapes.weights[0];
  const [inGroup, outGroup] = [channels / groups, outputs / groups];
  const [places, kernel] = [down * across, high * wide];
  const pointwise = kernel === 1 && stride[0] === 1 && stride[1] === 1 && padding[0] === 0 && padding[1] === 0;
  function gather(group) {
    let at = 0;
    for (let c = group * inGroup; c < (group + 1) * inGroup; c += 1) {
      for (let r = 0; r < high; r += 1) {
        for (let s = 0; s < wide; s += 1) {
          for (let i = 0; i < down; i += 1) {
            const row = i * stride[0] - padding[0] + r * dilation[0];
            if (row < 0 || row >= height) {
              columns.fill(0, at, at + across);
              at += across;
              continue;
            }
            const from = (c * height + row) * width;
            for (let j = 0, column = s * dilation[1] - padding[1]; j < across; j += 1, column += stride[1], at += 1) {
              columns[at] = column >= 0 && column < width ? x[from + column] : 0;
            }
          }
        }
      }
    }
  }
  return () => {
    for (let g = 0; g < groups; g += 1) {
      if (!pointwise) gather(g);
      multiply(
        outGroup, places, inGroup * kernel, weight, g * outGroup * inGroup * kernel,
        pointwise ? x : columns, pointwise ? g * inGroup * places : 0, y, g * outGroup * places, bias, g * outGroup,
      );
    }
  };
}

/** A transposed convolution: each place of x is spread over a window of y, where windows add up. */
function deconv([x], [weight, bias], y, shapes, { stride, padding, groups }, windows) {
  const [channels, height, width] = shapes.inputs[0];
  const [outputs, down, across] = shapes.output;
  const [, outGroup, high, wide] = shapes.weights[0];
  const [inGroup, places] = [channels / groups, height * width];
  const spread = outGroup * high * wide;
  // [C, O·h·w] → [O·h·w, C] of each group, as `multiply` needs it.
  const turned = new Float32Array(weight.length);
  for (let g = 0; g < groups; g += 1) {
    for (let c = 0; c < inGroup; c += 1) {
      for (let o = 0; o < spread; o += 1) turned[(g * spread + o) * inGroup + c] = weight[(g * inGroup + c) * spread + o];
    }
  }
  return () => {
    for (let o = 0; o < outputs; o += 1) y.fill(bias ? bias[o] : 0, o * down * across, (o + 1) * down * across);
    for (let g = 0; g < groups; g += 1) {
      multiply(spread, places, inGroup, turned, g * spread * inGroup, x, g * inGroup * places, windows, 0, null, 0);
      let at = 0;
      for (let o = 0; o < outGroup; o += 1) {
        for (let r = 0; r < high; r += 1) {
          for (let s = 0; s < wide; s += 1) {
            for (let i = 0; i < height; i += 1) {
              const row = i * stride[0] - padding[0] + r;
              if (row < 0 || row >= down) { at += width; continue; }
              const to = ((g * outGroup + o) * down + row) * across;
              for (let j = 0, column = s - padding[1]; j < width; j += 1, column += stride[1], at += 1) {
                if (column >= 0 && column < across) y[to + column] += windows[at];
              }
            }
          }
        }
      }
    }
  };
}

/** Scale and shift of each channel. */
function affine([x], [scale, shift], y) {
  const size = x.length / scale.length;
  return () => {
    for (let c = 0, i = 0; c < scale.length; c += 1) {
      const [a, b] = [scale[c], shift[c]];
      for (const end = i + size; i < end; i += 1) y[i] = a * x[i] + b;
    }
  };
}

/** Linear interpolation of maps at fractional rows and columns. */
function resample([x], _, y, shapes, { rows, columns }) {
  const [channels, height, width] = shapes.inputs[0];
  const taps = (positions, most) => positions.map((p) => {
    const low = Math.floor(p);
    return [low, Math.min(low + 1, most - 1), p - low];
  });
  const [down, across] = [taps(rows, height), taps(columns, width)];
  return () => {
    let at = 0;
    for (let c = 0; c < channels; c += 1) {
      for (const [top, bottom, below] of down) {
        const [above, under] = [(c * height + top) * width, (c * height + bottom) * width];
        for (const [left, right, beside] of across) {
          const upper = x[above + left] + beside * (x[above + right] - x[above + left]);
          const lower = x[under + left] + beside * (x[under + right] - x[under + left]);
          y[at] = upper + below * (lower - upper);
          at += 1;
        }
      }
    }
  };
}

/** For each number of a result, the place of the number of `shape` that it is. */
function places(result, strideOf) {
  const size = count(result);
  const found = new Int32Array(size);
  for (let i = 0; i < size; i += 1) {
    let place = 0;
    for (let axis = result.length - 1, rest = i; axis >= 0; axis -= 1) {
      place += (rest % result[axis]) * strideOf(axis);
      rest = Math.floor(rest / result[axis]);
    }
    found[i] = place;
  }
  return found;
}

/** How far apart in memory neighbours along each axis are. */
const strides = (shape) => shape.map((_, axis) => count(shape.slice(axis + 1)));

/** Where a value that broadcasts to a shape has its numbers. */
function broadcast(shape, result) {
  const missing = result.length - shape.length;
  const steps = strides(shape);
  return places(result, (axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : steps[axis - missing]));
}

/** y = x at these places. */
const gatherer = (x, y, from) => () => { for (let i = 0; i < y.length; i += 1) y[i] = x[from[i]]; };

/** Two values, or a value and a weight, number by number. */
function pairwise(compute) {
  return ([x, other], [weight], y, shapes, { weight_first: weightFirst }) => {
    const [first, second] = weightFirst ? [weight, x] : [x, other ?? weight];
    const [a, b] = weightFirst
      ? [shapes.weights[0], shapes.inputs[0]]
      : [shapes.inputs[0], shapes.inputs[1] ?? shapes.weights[0]];
    if (first.length === y.length && second.length === y.length) {
      return () => { for (let i = 0; i < y.length; i += 1) y[i] = compute(first[i], second[i]); };
    }
    const [ofFirst, ofSecond] = [broadcast(a, shapes.output), broadcast(b, shapes.output)];
    return () => { for (let i = 0; i < y.length; i += 1) y[i] = compute(first[ofFirst[i]], second[ofSecond[i]]); };
  };
}

/** Each number by itself; `made` gets the settings. */
function each(made) {
  return ([x], _, y, shapes, settings) => {
    const compute = made(settings);
    return () => { for (let i = 0; i < y.length; i += 1) y[i] = compute(x[i]); };
  };
}

/** Numbers along some axes become one. */
function reduced(start, add, end = (sum) => sum) {
  return ([x], _, y, shapes) => {
    const to = broadcast(shapes.output, shapes.inputs[0]);
    const of = x.length / y.length;
    return () => {
      y.fill(start);
      for (let i = 0; i < x.length; i += 1) y[to[i]] = add(y[to[i]], x[i]);
      for (let i = 0; i < y.length; i += 1) y[i] = end(y[i], of);
    };
  };
}

function permute([x], _, y, shapes, { axes }) {
  const steps = strides(shapes.inputs[0]);
  return gatherer(x, y, places(shapes.output, (axis) => steps[axes[axis]]));
}

function slice([x], _, y, shapes, { axis, start }) {
  const steps = strides(shapes.inputs[0]);
  const from = places(shapes.output, (a) => steps[a]);
  return gatherer(x, y, from.map((place) => place + start * steps[axis]));
}

function concat(xs, _, y, shapes, { axis }) {
  const after = count(shapes.output.slice(axis + 1));
  const whole = shapes.output[axis] * after;
  return () => {
    let start = 0;
    xs.forEach((x, k) => {
      const size = shapes.inputs[k][axis] * after;
      for (let from = 0, to = start; from < x.length; from += size, to += whole) y.set(x.subarray(from, from + size), to);
      start += size;
    });
  };
}

const expand = ([x], _, y, shapes) => gatherer(x, y, broadcast(shapes.inputs[0], shapes.output));

/** y = x where x > 0, else slope·x. */
const rectify = ([x], _, y, shapes, { slope = 0 }) => () => {
  for (let i = 0; i < y.length; i += 1) y[i] = x[i] > 0 ? x[i] : slope * x[i];
};

/** Kind → (inputs, weights, output, shapes, settings, columns) → a function that computes it. */
const KINDS = {
  linear, conv, deconv, affine, resample, permute, slice, concat, expand,
  add: pairwise((a, b) => a + b),
  subtract: pairwise((a, b) => a - b),
  multiply: pairwise((a, b) => a * b),
  divide: pairwise((a, b) => a / b),
  maximum: pairwise(Math.max),
  minimum: pairwise(Math.min),
  max: reduced(-Infinity, Math.max),
  sum: reduced(0, (a, b) => a + b),
  mean: reduced(0, (a, b) => a + b, (sum, of) => sum / of),
  relu: rectify,
  "leaky-relu": rectify,
  tanh: each(() => Math.tanh),
  sigmoid: each(() => (x) => 1 / (1 + Math.exp(-x))),
  softplus: each(({ beta }) => (x) => (beta * x > 20 ? x : Math.log1p(Math.exp(beta * x)) / beta)),
  silu: each(() => (x) => x / (1 + Math.exp(-x))),
  elu: each(({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x))),
  clamp: each(({ low, high }) => (x) => Math.min(high, Math.max(low, x))),
  exp: each(() => Math.exp),
  sqrt: each(() => Math.sqrt),
  abs: each(() => Math.abs),
  power: each(({ exponent }) => (x) => x ** exponent),
};

/**
 * Make a program ready to run.
 *
 * @param {{shapes: number[][], weights: number[][], operations: Object[], output: number}} program
 * @param {Float32Array} numbers - all weights, one after the other
 * @returns {(z: Float32Array, y: number) => Float32Array} the sample, which the next call overwrites
 */
export function network({ shapes, weights: sizes, operations, output }, numbers) {
  let start = 0;
  const weights = sizes.map((shape) => numbers.subarray(start, start += count(shape)));
  const columns = new Float32Array(Math.max(0, ...operations.map((operation) => columnsOf(operation, shapes, sizes))));
  const values = [new Float32Array(count(shapes[0]))];
  const steps = [];
  let ofClass = 0;
  for (const { kind, inputs, output: to, weights: used, settings } of operations) {
    const given = inputs.map((i) => values[i]);
    if (kind === "reshape") {
      [values[to]] = given; // the same numbers in another shape
      continue;
    }
    const y = new Float32Array(count(shapes[to]));
    const w = used.map((i) => weights[i]);
    values[to] = y;
    if (kind === "constant") y.set(w[0]);
    else if (kind === "table") steps.push(() => y.set(w[0].subarray(ofClass * y.length, (ofClass + 1) * y.length)));
    else {
      const its = { inputs: inputs.map((i) => shapes[i]), weights: used.map((i) => sizes[i]), output: shapes[to] };
      steps.push(KINDS[kind](given, w, y, its, settings, columns));
    }
  }
  return (z, y = 0) => {
    values[0].set(z);
    ofClass = y;
    for (const step of steps) step();
    return values[output];
  };
}

/** How many numbers the columns of a convolution are: a window for each place of the smaller grid. */
function columnsOf({ kind, inputs, output, weights }, shapes, sizes) {
  if (kind !== "conv" && kind !== "deconv") return 0;
  const grid = shapes[kind === "conv" ? output : inputs[0]];
  return count(sizes[weights[0]].slice(1)) * count(grid.slice(1));
}
