// The trainer of the playground: what `training/lane.py` computes, in plain JavaScript, for a worker or the page itself.
//
// All numbers of a network lie in flat arrays, layer after layer, as `training/lane_arrays.py` has them: kernels are
// (fan_in, units), a hidden layer's vectors (4, units) are bias, gamma, beta and the slope left of zero, its moving
// statistics (2, units) are mean and variance. Rows follow each other in memory, and every inner loop runs along a row.
// One function holds everything, so that its own text is what a worker runs.
const makeTrainer = () => {
  // Double: a browser computes in it, and to round each result to float32 costs a fifth of the speed (measured).
  const Numbers = Float64Array;
  const BIAS = 0, SCALE = 1, SHIFT = 2, SLOPE = 3, N_VECTORS = 4;
  const CHUNK = 256; // rows evaluated at once: their activations stay in the processor's cache

  // --- random bits, as `training/elementwise.py` hashes them, and random numbers for what lanes draw elsewhere

  const FIELD = 0x9e3779b9, WORD_1 = 0x7feb352d, WORD_2 = 0x846ca68b, STRIDE = 0x10000;
  const fold = (x) => x ^ (x >>> 15);
  const scramble = (x) => {
    const once = fold(Math.imul(fold(x), WORD_1));
    return fold(Math.imul(fold(once), WORD_2));
  };
  const updateKey = (seed, step) => {
    const count = scramble((step + FIELD) | 0);
    return [scramble((seed[0] + count) | 0), scramble((seed[1] + count) | 0)];
  };
  const fieldKey = (key, field) => key.map((word) => (word + Math.imul(field, FIELD)) | 0);
  const placeBits = (key, row, column) => {
    const place = (key[0] + Math.imul(row, STRIDE) + column) | 0;
    return Math.imul((fold(Math.imul(place, WORD_1)) + key[1]) | 0, WORD_2) >>> 0;
  };
  const randomOf = (seed) => {
    let count = 0;
    return () => placeBits([seed[0] | 0, seed[1] | 0], 0, (count = (count + 1) | 0)) / 2 ** 32;
  };
  const normalOf = (random) => () => {
    for (;;) { // drawn again beyond two deviations
      const value = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      if (Math.abs(value) <= 2) return value;
    }
  };
  const shuffled = (n, random) => {
    const order = Int32Array.from({ length: n }, (_, place) => place);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  };

  // --- products of matrices, out = a w, a' d and d w'. Two rows of what is summed and four terms at a time: each number
  // that is read serves several products. What does not fill a block is done one by one. Places are `| 0`, which spares
  // the compiler a look for overflow at each of them: of a product alone, a quarter of the time (measured).

  const addLine = (factor, w, from, out, into, units) => {
    for (let j = 0; j < units; j++) out[into + j] += factor * w[from + j];
  };
  // Two rows of `out` get four terms each: factors f of the first row, g of the second, of lines of w one after the other.
  const addBlock = (a, p, toRow, toTerm, w, from, out, first, units) => {
    const f0 = a[p], f1 = a[p + toTerm], f2 = a[p + 2 * toTerm], f3 = a[p + 3 * toTerm], q = p + toRow;
    const g0 = a[q], g1 = a[q + toTerm], g2 = a[q + 2 * toTerm], g3 = a[q + 3 * toTerm];
    const second = (first + units) | 0, w1 = (from + units) | 0, w2 = (w1 + units) | 0, w3 = (w2 + units) | 0;
    for (let j = 0; j < units; j++) {
      const b = w[(from + j) | 0], c = w[(w1 + j) | 0], d = w[(w2 + j) | 0], e = w[(w3 + j) | 0];
      out[(first + j) | 0] += f0 * b + f1 * c + f2 * d + f3 * e;
      out[(second + j) | 0] += g0 * b + g1 * c + g2 * d + g3 * e;
    }
  };
  // Each row of `out` is a sum of lines of w; its factors lie in a, rows `toRow` apart and terms `toTerm`.
  const product = (a, aAt, toRow, toTerm, w, wAt, out, outAt, nRows, nTerms, units) => {
    const rows = nRows - (nRows % 2), terms = nTerms - (nTerms % 4);
    out.fill(0, outAt, outAt + nRows * units);
    for (let i = 0; i < rows; i += 2) {
      for (let k = 0; k < terms; k += 4) {
        addBlock(a, aAt + i * toRow + k * toTerm, toRow, toTerm, w, wAt + k * units, out, outAt + i * units, units);
      }
    }
    for (let i = 0; i < nRows; i++) {
      for (let k = i < rows ? terms : 0; k < nTerms; k++) {
        addLine(a[aAt + i * toRow + k * toTerm], w, wAt + k * units, out, outAt + i * units, units);
      }
    }
  };
  const times = (a, aAt, w, wAt, out, outAt, n, inner, units) =>
    product(a, aAt, inner, 1, w, wAt, out, outAt, n, inner, units);
  const outerSum = (a, aAt, d, dAt, out, n, inner, units) =>
    product(a, aAt, 1, inner, d, dAt, out, 0, inner, n, units);
  const dotted = (d, row, w, line, units) => {
    let sum = 0;
    for (let j = 0; j < units; j++) sum += d[row + j] * w[line + j];
    return sum;
  };
  // Sums of two rows of d, each with four lines of w.
  const dotBlock = (d, first, second, w, from, out, into, next, units) => {
    const w1 = (from + units) | 0, w2 = (w1 + units) | 0, w3 = (w2 + units) | 0;
    let f0 = 0, f1 = 0, f2 = 0, f3 = 0, g0 = 0, g1 = 0, g2 = 0, g3 = 0;
    for (let j = 0; j < units; j++) {
      const f = d[(first + j) | 0], g = d[(second + j) | 0];
      const a = w[(from + j) | 0], b = w[(w1 + j) | 0], c = w[(w2 + j) | 0], e = w[(w3 + j) | 0];
      f0 += f * a; f1 += f * b; f2 += f * c; f3 += f * e;
      g0 += g * a; g1 += g * b; g2 += g * c; g3 += g * e;
    }
    out[into] = f0; out[into + 1] = f1; out[into + 2] = f2; out[into + 3] = f3;
    out[next] = g0; out[next + 1] = g1; out[next + 2] = g2; out[next + 3] = g3;
  };
  const timesTransposed = (d, dAt, w, wAt, out, outAt, n, inner, units) => {
    const rows = n - (n % 2), whole = inner - (inner % 4);
    for (let k = 0; k < whole; k += 4) {
      for (let i = 0; i < rows; i += 2) {
        const row = dAt + i * units, into = outAt + i * inner + k;
        dotBlock(d, row, row + units, w, wAt + k * units, out, into, into + inner, units);
      }
    }
    for (let i = 0; i < n; i++) {
      for (let k = i < rows ? whole : 0; k < inner; k++) {
        out[outAt + i * inner + k] = dotted(d, dAt + i * units, w, wAt + k * units, units);
      }
    }
  };

  // --- activations: f(u) in the place of u, and f'(u); `left` is the factor left of zero

  const bent = (u, left) => (u > 0 ? [u, 1] : [left * u, left]);
  const logistic = (u) => 1 / (1 + Math.exp(-u));
  const activations = (constants) => ({
    relu: { left: 0, of: bent },
    leaky_relu: { left: constants.leaky_relu, of: bent },
    prelu: { left: constants.prelu, of: bent },
    elu: { left: constants.elu, of: (u, left) => (u > 0 ? [u, 1] : [left * (Math.exp(u) - 1), left * Math.exp(u)]) },
    selu: {
      left: constants.selu_scale * constants.selu_alpha,
      of: (u, left) => (u > 0 ? [constants.selu_scale * u, constants.selu_scale] : [left * (Math.exp(u) - 1), left * Math.exp(u)]),
    },
    swish: { left: 0, of: (u) => { const s = logistic(u); return [u * s, s + u * s * (1 - s)]; } },
    tanh: { left: 0, of: (u) => { const t = Math.tanh(u); return [t, 1 - t * t]; } },
    softsign: { left: 0, of: (u) => { const q = 1 / (1 + Math.abs(u)); return [u * q, q * q]; } },
  });
  const isBent = (name) => name === "relu" || name === "leaky_relu" || name === "prelu";

  // --- losses: that of each row, and in the place of the logits their gradient

  const huber = (error, delta) => {
    const slope = Math.min(Math.max(error, -delta), delta);
    return [slope * (error - slope / 2), slope];
  };
  const elementwise = {
    mse: (logit, y) => [(logit - y) ** 2, 2 * (logit - y)],
    mae: (logit, y) => [Math.abs(logit - y), Math.sign(logit - y)],
    huber: (logit, y, constants) => huber(logit - y, constants.huber_delta),
    binary_crossentropy: (logit, y) => [
      Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(logit, 0) - logit * y, logistic(logit) - y,
    ],
  };
  const categorical = (logits, at, label, units) => {
    let largest = -Infinity, total = 0;
    for (let j = 0; j < units; j++) largest = Math.max(largest, logits[at + j]);
    const shifted = logits[at + label] - largest;
    for (let j = 0; j < units; j++) total += logits[at + j] = Math.exp(logits[at + j] - largest);
    for (let j = 0; j < units; j++) logits[at + j] = logits[at + j] / total - (j === label);
    return Math.log(total) - shifted;
  };
  const rowLoss = (loss, constants, logits, at, y, row, units) => {
    if (loss === "categorical_crossentropy") return categorical(logits, at, y[row], units);
    let total = 0;
    for (let j = 0; j < units; j++) {
      const [one, slope] = elementwise[loss](logits[at + j], y[row * units + j], constants);
      total += one;
      logits[at + j] = slope / units;
    }
    return total / units;
  };

  // --- a network

  const layersOf = (sizes) => { // where the numbers of each layer begin in the flat arrays
    const layers = [];
    let kernel = 0, vector = 0, moving = 0, hidden = 0;
    for (let layer = 0; layer + 1 < sizes.length; layer++) {
      const fanIn = sizes[layer], units = sizes[layer + 1], isHidden = layer + 2 < sizes.length;
      layers.push({ fanIn, units, isHidden, kernel, vector, moving, hidden });
      kernel += fanIn * units;
      vector += (isHidden ? N_VECTORS : 1) * units;
      if (isHidden) { moving += 2 * units; hidden += units; }
    }
    return { layers, nKernels: kernel, nVectors: vector, nMoving: moving, nHidden: hidden };
  };

  class Network {
    // options: sizes, activation, batchNorm, dropout, l1, l2, learningRate, loss, seed (two words), averaged, constants;
    // weights: kernels, vectors, moving of `lanes.flat`, or nothing: they are drawn.
    constructor(options, weights) {
      Object.assign(this, options);
      Object.assign(this, layersOf(options.sizes));
      const activation = activations(this.constants)[this.activation];
      this.activate = activation.of;
      this.left = activation.left;
      this.learnsSlope = this.activation === "prelu";
      this.kernels = Numbers.from(weights?.kernels ?? this.drawnKernels());
      this.vectors = Numbers.from(weights?.vectors ?? this.firstVectors());
      this.moving = Numbers.from(weights?.moving ?? this.firstMoving());
      const zeros = (array) => new Numbers(array.length);
      this.moments = [this.kernels, this.vectors].map((part) => [zeros(part), zeros(part)]);
      this.means = this.averaged ? [this.kernels, this.vectors, this.moving].map((part) => part.slice()) : null;
      this.gradient = new Numbers(Math.max(...this.layers.map(({ fanIn, units }) => fanIn * units)));
      this.step = 0;
      this.setDropout();
    }

    get nParams() {
      const perUnit = 1 + (this.batchNorm ? 4 : 0) + (this.learnsSlope ? 1 : 0);
      return this.nKernels + perUnit * this.nHidden + this.sizes.at(-1);
    }

    drawnKernels() { // Glorot uniform for the tanh family and the output, LeCun normal for selu, He normal for the rest
      const kernels = new Numbers(this.nKernels), random = randomOf(this.seed), normal = normalOf(random);
      const isGlorot = this.activation === "tanh" || this.activation === "softsign";
      for (const { fanIn, units, kernel, isHidden } of this.layers) {
        const limit = Math.sqrt(6 / (fanIn + units));
        const std = Math.sqrt((this.activation === "selu" ? 1 : 2) / fanIn) / this.constants.truncated_std;
        const draw = isGlorot || !isHidden ? () => limit * (2 * random() - 1) : () => std * normal();
        for (let i = 0; i < fanIn * units; i++) kernels[kernel + i] = draw();
      }
      return kernels;
    }

    firstVectors() {
      const vectors = new Numbers(this.nVectors);
      for (const { units, vector, isHidden } of this.layers) {
        if (!isHidden) continue;
        vectors.fill(1, vector + SCALE * units, vector + (SCALE + 1) * units);
        vectors.fill(this.left, vector + SLOPE * units, vector + (SLOPE + 1) * units);
      }
      return vectors;
    }

    firstMoving() {
      const moving = new Numbers(this.nMoving);
      for (const { units, moving: at, isHidden } of this.layers) if (isHidden) moving.fill(1, at + units, at + 2 * units);
      return moving;
    }

    setDropout() { // selu's dropped units take its lower limit, and an affine map brings mean and variance back
      const kept = 1 - this.dropout, limit = -this.constants.selu_scale * this.constants.selu_alpha;
      const isSelu = this.activation === "selu";
      this.threshold = Math.floor(Math.fround(this.dropout) * 2 ** 32);
      this.keep = isSelu ? 1 / Math.sqrt(kept * (1 + this.dropout * limit ** 2)) : 1 / kept;
      this.shift = isSelu ? -this.keep * limit * this.dropout : 0;
      this.dropped = isSelu ? this.keep * limit + this.shift : 0;
    }

    // Train for the updates of `order`, `size` rows each; means of loss and penalty, each before its update.
    train(rows, order, size) {
      const nUpdates = Math.floor(order.length / size), room = this.room(size);
      let loss = 0, penalty = 0;
      for (let update = 0; update < nUpdates; update++) {
        const chosen = order.subarray(update * size, (update + 1) * size);
        this.read(rows, chosen, room);
        this.forward(room, size);
        loss += this.lossOf(rows, chosen, room);
        penalty += this.backward(room, size);
        this.step += 1;
        if (this.means) this.drawMeans();
      }
      return { loss: loss / nUpdates, penalty: penalty / nUpdates };
    }

    room(size) {
      if (this.rooms?.size === size) return this.rooms;
      const widest = Math.max(...this.sizes.slice(1)), block = size * this.nHidden;
      const of = (n) => new Numbers(n);
      this.rooms = {
        size, x: of(size * this.sizes[0]), z: of(block), out: of(block), slope: of(block), gate: of(this.dropout ? block : 0),
        d: [of(size * widest), of(size * widest)], logits: of(size * this.sizes.at(-1)),
        unit: of(4 * this.nHidden), vector: of(N_VECTORS * widest),
      };
      return this.rooms;
    }

    read(rows, chosen, room) {
      const width = this.sizes[0];
      for (let i = 0; i < chosen.length; i++) {
        const from = chosen[i] * width;
        for (let j = 0; j < width; j++) room.x[i * width + j] = rows.x[from + j];
      }
    }

    forward(room, n) {
      const key = updateKey(this.seed, this.step);
      let fed = room.x, fedAt = 0;
      this.layers.forEach((layer, number) => {
        const { fanIn, units, kernel, vector } = layer;
        if (!layer.isHidden) {
          times(fed, fedAt, this.kernels, kernel, room.logits, 0, n, fanIn, units);
          addBias(room.logits, this.vectors, vector, n, units);
          return;
        }
        const at = n * layer.hidden;
        times(fed, fedAt, this.kernels, kernel, room.z, at, n, fanIn, units);
        if (this.batchNorm) this.takeMoments(layer, room, n, at);
        this.setLine(room.unit, layer, this.vectors);
        this.bend(layer, room.unit, this.vectors, room, n, at);
        if (this.threshold) this.drop(room, fieldKey(key, number), n, units, at);
        fed = room.out;
        fedAt = at;
      });
    }

    takeMoments({ units, hidden, vector, moving }, { z, unit }, n, at) { // of z; the moving statistics are those of z + b
      const mean = 4 * hidden, rstd = mean + units, kept = this.constants.batch_norm_momentum;
      unit.fill(0, mean, rstd + units);
      for (let i = 0; i < n; i++) for (let j = 0; j < units; j++) unit[mean + j] += z[at + i * units + j];
      for (let j = 0; j < units; j++) unit[mean + j] /= n;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) unit[rstd + j] += (z[at + i * units + j] - unit[mean + j]) ** 2;
      }
      for (let j = 0; j < units; j++) {
        const variance = unit[rstd + j] / n, shifted = unit[mean + j] + this.vectors[vector + BIAS * units + j];
        this.moving[moving + j] = kept * this.moving[moving + j] + (1 - kept) * shifted;
        this.moving[moving + units + j] = kept * this.moving[moving + units + j] + (1 - kept) * variance;
        unit[rstd + j] = 1 / Math.sqrt(variance + this.constants.batch_norm_epsilon);
      }
    }

    setLine(unit, { units, hidden, vector }, vectors) { // bias and batch norm as one line: u = z gain + offset
      const mean = 4 * hidden, rstd = mean + units, gain = rstd + units, offset = gain + units;
      for (let j = 0; j < units; j++) {
        if (this.batchNorm) {
          unit[gain + j] = vectors[vector + SCALE * units + j] * unit[rstd + j];
          unit[offset + j] = vectors[vector + SHIFT * units + j] - unit[mean + j] * unit[gain + j];
        } else {
          unit[gain + j] = 1;
          unit[offset + j] = vectors[vector + BIAS * units + j];
        }
      }
    }

    // Activations of u = z gain + offset, and their slopes, of n rows from `at` on.
    bend({ units, hidden, vector }, lines, vectors, { z, out, slope }, n, at) {
      const gain = 4 * hidden + 2 * units, offset = gain + units, leftAt = vector + SLOPE * units;
      const { activate } = this, plain = isBent(this.activation);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) {
          const place = at + i * units + j, u = z[place] * lines[gain + j] + lines[offset + j];
          if (plain) {
            const left = vectors[leftAt + j], factor = left + (1 - left) * Number(u > 0); // a branch is guessed wrongly
            out[place] = factor * u;
            slope[place] = factor;
          } else {
            [out[place], slope[place]] = activate(u, vectors[leftAt + j]);
          }
        }
      }
    }

    drop({ out, gate }, key, n, units, at) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) {
          const place = at + i * units + j, isKept = placeBits(key, i, j) >= this.threshold;
          out[place] = isKept ? out[place] * this.keep + this.shift : this.dropped;
          gate[place] = isKept ? this.keep : 0;
        }
      }
    }

    lossOf(rows, chosen, { logits }) { // the mean by what rows weigh; its gradient takes the place of the logits
      const units = this.sizes.at(-1), n = chosen.length;
      let loss = 0;
      for (let i = 0; i < n; i++) {
        const share = (rows.weight ? rows.weight[chosen[i]] : 1) / n;
        loss += share * rowLoss(this.loss, this.constants, logits, i * units, rows.y, chosen[i], units);
        for (let j = 0; j < units; j++) logits[i * units + j] *= share;
      }
      return loss;
    }

    backward(room, n) { // a layer steps after the gradient has passed through its old kernel
      let dz = room.logits, penalty = 0;
      columnSums(dz, room.vector, n, this.sizes.at(-1));
      for (let number = this.layers.length - 1; number >= 0; number--) {
        const layer = this.layers[number], { fanIn, units, kernel } = layer;
        if (layer.isHidden) this.backThroughUnits(layer, room, dz, n);
        const below = number ? this.layers[number - 1] : null;
        const fed = below ? room.out : room.x, fedAt = below ? n * below.hidden : 0;
        outerSum(fed, fedAt, dz, 0, this.gradient, n, fanIn, units);
        const dFed = room.d[number % 2];
        if (below) timesTransposed(dz, 0, this.kernels, kernel, dFed, 0, n, fanIn, units);
        penalty += this.descendLayer(layer, room);
        dz = dFed;
      }
      return penalty;
    }

    backThroughUnits(layer, room, d, n) { // d_out becomes dz, and the layer's vectors get their gradients
      const { units, hidden } = layer, at = n * hidden, { slope, gate, vector } = room;
      vector.fill(0, 0, N_VECTORS * units);
      if (this.threshold) multiply(d, gate, at, n * units);
      if (this.learnsSlope) this.backToSlope(layer, room, d, n, at);
      multiply(d, slope, at, n * units);
      if (this.batchNorm) this.backThroughNorm(layer, room, d, n, at);
      else columnSums(d, vector, n, units);
    }

    backToSlope({ units, hidden }, { z, unit, vector }, d, n, at) { // what lies left of zero, in prelu alone
      const gain = 4 * hidden + 2 * units, offset = gain + units, slopes = SLOPE * units;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) {
          const here = i * units + j, u = z[at + here] * unit[gain + j] + unit[offset + j];
          vector[slopes + j] += d[here] * Math.min(u, 0);
        }
      }
    }

    backThroughNorm({ units, hidden }, { z, unit, vector }, d, n, at) {
      const mean = 4 * hidden, rstd = mean + units, gain = rstd + units;
      const gamma = SCALE * units, beta = SHIFT * units;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) {
          const slope = d[i * units + j];
          vector[beta + j] += slope;
          vector[gamma + j] += slope * (z[at + i * units + j] - unit[mean + j]);
        }
      }
      for (let j = 0; j < units; j++) vector[gamma + j] *= unit[rstd + j];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < units; j++) {
          const apart = (z[at + i * units + j] - unit[mean + j]) * unit[rstd + j];
          d[i * units + j] = unit[gain + j] * (d[i * units + j] - (vector[beta + j] + apart * vector[gamma + j]) / n);
        }
      }
    }

    descendLayer({ fanIn, units, kernel, vector, isHidden }, room) {
      const size = fanIn * units, penalty = elastic(this.kernels, kernel, size, this.l1, this.l2);
      this.adam(this.kernels, this.moments[0], this.gradient, kernel, size, this.l1, this.l2);
      this.adam(this.vectors, this.moments[1], room.vector, vector, (isHidden ? N_VECTORS : 1) * units, 0, 0);
      return penalty;
    }

    adam(w, [first, second], gradient, at, size, l1, l2) { // Kingma and Ba 2015, end of section 2
      const { adam_beta_1: keptOne, adam_beta_2: keptTwo, optimizer_epsilon: epsilon } = this.constants;
      const newOne = 1 - keptOne, newTwo = 1 - keptTwo, count = this.step + 1;
      const rate = (this.learningRate * Math.sqrt(1 - keptTwo ** count)) / (1 - keptOne ** count);
      const isPenalised = l1 !== 0 || l2 !== 0;
      for (let i = 0; i < size; i++) {
        const place = at + i, value = w[place];
        const g = isPenalised ? gradient[i] + l1 * Math.sign(value) + 2 * l2 * value : gradient[i];
        const m = keptOne * first[place] + newOne * g, v = keptTwo * second[place] + newTwo * g * g;
        first[place] = m;
        second[place] = v;
        w[place] = value - (rate * m) / (Math.sqrt(v) + epsilon);
      }
    }

    drawMeans() { // the running mean of the weights, in which later ones count more
      const later = this.constants.later_weights, share = (later + 1) / (later + this.step);
      [this.kernels, this.vectors, this.moving].forEach((part, number) => drawTo(this.means[number], part, share));
    }

    // What answers: the running means where there are any; else where training stands.
    answering() {
      const [kernels, vectors, moving] = this.means ?? [this.kernels, this.vectors, this.moving];
      return { kernels, vectors, moving };
    }

    // Logits of rows as the finished network gives them: moving statistics, no dropout. `seen` is called with what each
    // hidden layer puts out: (layer, values, n_rows, units).
    predict(x, seen = null) {
      const width = this.sizes[0], units = this.sizes.at(-1), nRows = x.length / width;
      const logits = new Numbers(nRows * units), state = this.answering();
      const widest = Math.max(...this.sizes.slice(1)), [slope, ...room] = [0, 1, 2].map(() => new Numbers(CHUNK * widest));
      const rows = new Numbers(CHUNK * width);
      const lines = this.movingLines(state);
      for (let start = 0; start < nRows; start += CHUNK) {
        const n = Math.min(CHUNK, nRows - start);
        rows.set(x.subarray(start * width, (start + n) * width));
        this.predictChunk(state, lines, { rows, n, room, slope, seen, logits, into: start * units });
      }
      return logits;
    }

    movingLines({ vectors, moving }) {
      const unit = new Numbers(4 * this.nHidden);
      for (const layer of this.layers) {
        if (!layer.isHidden) continue;
        const { units, hidden, vector, moving: at } = layer;
        for (let j = 0; j < units; j++) {
          unit[4 * hidden + j] = moving[at + j] - vectors[vector + BIAS * units + j];
          unit[4 * hidden + units + j] = 1 / Math.sqrt(moving[at + units + j] + this.constants.batch_norm_epsilon);
        }
        this.setLine(unit, layer, vectors);
      }
      return unit;
    }

    predictChunk({ kernels, vectors }, lines, { rows, n, room, slope, seen, logits, into }) {
      let fed = rows;
      this.layers.forEach((layer, number) => {
        const { fanIn, units, kernel, vector } = layer;
        if (!layer.isHidden) {
          times(fed, 0, kernels, kernel, logits, into, n, fanIn, units);
          addBias(logits, vectors, vector, n, units, into);
          return;
        }
        const out = room[number % 2];
        times(fed, 0, kernels, kernel, out, 0, n, fanIn, units);
        this.bend(layer, lines, vectors, { z: out, out, slope }, n, 0);
        seen?.(number, out, n, units);
        fed = out;
      });
    }

    // Mean loss on rows, the loss of each, and their logits.
    evaluate(rows) {
      const units = this.sizes.at(-1), logits = this.predict(rows.x), slopes = logits.slice();
      const losses = new Numbers(logits.length / units);
      let total = 0;
      for (let row = 0; row < losses.length; row++) {
        losses[row] = rowLoss(this.loss, this.constants, slopes, row * units, rows.y, row, units);
        total += losses[row] * (rows.weight ? rows.weight[row] : 1);
      }
      return { loss: total / losses.length, losses, logits };
    }

    // Of every hidden layer, which units give all rows the same answer: nothing behind them can tell rows apart by them.
    deadUnits(x, { smallest = 1e-6 } = {}) {
      const hidden = this.layers.filter((layer) => layer.isHidden);
      const low = hidden.map(({ units }) => new Numbers(units).fill(Infinity));
      const high = hidden.map(({ units }) => new Numbers(units).fill(-Infinity));
      this.predict(x, (number, out, n, units) => {
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < units; j++) {
            const value = out[i * units + j];
            if (value < low[number][j]) low[number][j] = value;
            if (value > high[number][j]) high[number][j] = value;
          }
        }
      });
      return hidden.map((_, number) => [...high[number]].map((top, unit) => !(top - low[number][unit] > smallest)));
    }
  }

  const addBias = (z, vectors, at, n, units, into = 0) => {
    for (let i = 0; i < n; i++) for (let j = 0; j < units; j++) z[into + i * units + j] += vectors[at + j];
  };
  const drawTo = (mean, part, share) => {
    for (let i = 0; i < part.length; i++) mean[i] += share * (part[i] - mean[i]);
  };
  const multiply = (d, factor, at, size) => {
    for (let i = 0; i < size; i++) d[i] *= factor[at + i];
  };
  const columnSums = (d, sums, n, units) => {
    sums.fill(0, 0, units);
    for (let i = 0; i < n; i++) for (let j = 0; j < units; j++) sums[j] += d[i * units + j];
  };
  const elastic = (w, at, size, l1, l2) => {
    if (l1 === 0 && l2 === 0) return 0;
    let absolute = 0, square = 0;
    for (let i = at; i < at + size; i++) {
      absolute += Math.abs(w[i]);
      square += w[i] * w[i];
    }
    return l1 * absolute + l2 * square;
  };

  return { Network, rowLoss, shuffled, randomOf };
};
