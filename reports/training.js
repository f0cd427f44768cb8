// Trainings of the playground: epochs until validation no longer falls, and what is told of them on the way.
//
// `serveTrainings` takes messages and posts others, so it runs in a worker as well as in the page that has none. Like
// `makeTrainer` it is one function, whose text a worker runs.
const serveTrainings = ({ Network, shuffled, randomOf }, post) => {
  const SLICE_MS = 40; // so long is trained before messages are looked at
  const LOOK_MS = 250; // so often the page is told how things stand
  const GRID = 32; // cells of a surface, a side

  const isHeld = (loss) => Number.isFinite(Math.fround(loss)); // by a lane, which computes in float32

  class Training {
    // options: those of a network, batchSize, patience and most (in updates).
    constructor(options, train, valid) {
      Object.assign(this, { train, valid, patience: options.patience, most: options.most });
      this.network = new Network(options);
      this.nRows = train.x.length / options.sizes[0];
      this.size = Math.min(options.batchSize, this.nRows);
      this.random = randomOf([options.seed[1] ^ 0x5bd1e995, options.seed[0]]);
      this.curve = [];
      this.best = null;
    }

    epoch() {
      const { loss } = this.network.train(this.train, shuffled(this.nRows, this.random), this.size);
      const judged = this.network.evaluate(this.valid);
      this.curve.push([loss, judged.loss]);
      const isBest = isHeld(judged.loss) && !(judged.loss >= this.best?.loss);
      if (isBest) this.best = { ...judged, epoch: this.curve.length, step: this.network.step };
    }

    get ended() { // why it is over; empty while it is not
      const last = this.curve.at(-1), { step } = this.network;
      if (last && !last.every(isHeld)) return "diverged";
      if (this.best && step - this.best.step >= this.patience) return "stopped";
      return step >= this.most ? "completed" : "";
    }
  }

  const columnsOf = (x, width, chosen) => {
    const n = x.length / width, taken = new Float32Array(n * chosen.length);
    for (let i = 0; i < n; i++) chosen.forEach((column, j) => (taken[i * chosen.length + j] = x[i * width + column]));
    return taken;
  };

  // Points of a square over two columns, all other columns as they are in the middle row.
  const gridOf = ({ columns, surface, middle, low, high }) => {
    const grid = new Float32Array(GRID * GRID * columns.length);
    for (let cell = 0; cell < GRID * GRID; cell++) {
      const at = [(cell % GRID) / (GRID - 1), 1 - Math.floor(cell / GRID) / (GRID - 1)];
      columns.forEach((column, j) => {
        const side = surface.indexOf(column);
        grid[cell * columns.length + j] = side < 0 ? middle[j] : low[side] + at[side] * (high[side] - low[side]);
      });
    }
    return grid;
  };

  let rows = null, current = null, timer = null;

  const start = ({ id, options, columns, surface, middle, low, high }) => {
    const split = (part) => ({ ...part, x: columnsOf(part.x, rows.width, columns) });
    const training = new Training(options, split(rows.train), split(rows.valid));
    current = { id, training, columns, square: { columns, surface, middle, low, high }, seconds: 0, told: 0 };
    look();
  };

  const look = () => { // tells all there is to be drawn
    const { id, training, seconds } = current, { network, best, curve } = training;
    const { kernels } = network.answering();
    post({
      id, kind: "look", ended: training.ended, curve: curve.slice(current.told), epoch: curve.length, seconds,
      nParams: network.nParams, layers: network.layers, kernels, dead: network.deadUnits(training.valid.x),
      best: best && { epoch: best.epoch, loss: best.loss, losses: best.losses, logits: best.logits },
      surface: network.predict(gridOf(current.square)), grid: GRID,
    });
    current.told = curve.length;
    current.looked = performance.now();
  };

  const slice = () => {
    timer = null;
    const { training } = current, from = performance.now();
    do training.epoch(); while (!training.ended && performance.now() - from < SLICE_MS);
    current.seconds += (performance.now() - from) / 1000;
    if (training.ended || performance.now() - current.looked > LOOK_MS) look();
    if (!training.ended) timer = setTimeout(slice, 0);
  };

  const halt = () => {
    clearTimeout(timer);
    timer = null;
  };

  const answers = {
    data: (message) => (rows = message),
    start: (message) => { halt(); start(message); },
    run: () => { if (current && !timer && !current.training.ended) slice(); },
    pause: () => { halt(); if (current) look(); },
    step: () => { halt(); if (current && !current.training.ended) { current.training.epoch(); look(); } },
    square: (message) => { if (current) { Object.assign(current.square, message.square); look(); } },
  };
  return (message) => answers[message.kind](message);
};
