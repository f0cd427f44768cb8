// The playground itself: reads the rows the page carries, hands settings to a worker, and shows what it tells.
"use strict";
const MOST_POINTS = 400, MOST_LABELS = 12;
const byId = (id) => document.getElementById(id);
const play = JSON.parse(byId("play-data").textContent);
const say = (key, values = {}) =>
  play.words[key].replaceAll(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

// --- numbers as the page's language writes them

const signed = (text) => {
  const [whole, rest] = text.replace(/^-/, "").split(".");
  const grouped = /^\d+$/.test(whole) ? whole.replaceAll(/\B(?=(\d{3})+$)/g, play.signs.group) : whole;
  return (text.startsWith("-") ? play.signs.minus : "") + grouped + (rest ? play.signs.decimal + rest : "");
};
const significant = (value, digits = 4) => {
  if (!Number.isFinite(value)) return "–";
  const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (power < -3 || power >= 7) return signed(value.toExponential(digits - 1).replace("e+", "e"));
  return signed(value.toFixed(Math.max(0, digits - 1 - power)));
};
const trimmed = (value) => {
  const short = Number(value.toPrecision(3));
  return Math.abs(short) >= 1e5 || (short !== 0 && Math.abs(short) < 1e-3) ? significant(short, 3) : signed(String(short));
};
const count = (value) => signed(String(value));
const percent = (value) => say("percent", { n: signed((100 * value).toFixed(1)) });

// --- the rows, as they were packed: few distinct values as small codes, else float32

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const floatsOf = (text) => { // little-endian, on any machine
  const view = new DataView(bytesOf(text).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, place) => view.getFloat32(4 * place, true));
};
const unpacked = ({ values, codes, bits }, n) => {
  const known = floatsOf(values);
  if (!bits) return known;
  const packed = bytesOf(codes), mask = 2 ** bits - 1, each = 8 / bits;
  return Float32Array.from({ length: n }, (_, i) => known[(packed[Math.floor(i / each)] >> (bits * (i % each))) & mask]);
};
const rowMajor = (columns, nRows) => {
  const matrix = new Float32Array(nRows * columns.length);
  columns.forEach((column, j) => column.forEach((value, i) => (matrix[i * columns.length + j] = value)));
  return matrix;
};
const { n_rows: nRows, n_train: nTrain, n_outputs: nOutputs } = play;
const nValid = nRows - nTrain, isRegression = play.labels.length === 0;
const columns = play.x.map((packed) => unpacked(packed, nRows));
const targets = play.y.map((packed) => unpacked(packed, nRows));
const weight = play.weight && unpacked(play.weight, nRows);
const partOf = (from, to) => ({
  x: rowMajor(columns.map((column) => column.subarray(from, to)), to - from),
  y: rowMajor(targets.map((column) => column.subarray(from, to)), to - from),
  weight: weight && weight.subarray(from, to),
});
const parts = { kind: "data", width: columns.length, train: partOf(0, nTrain), valid: partOf(nTrain, nRows) };
const found = play.found && { losses: unpacked(play.found.losses, nValid), seconds: unpacked(play.found.seconds, nValid) };
const classOf = (row) => (play.labels.length > 2 || nOutputs > 1 ? targets[0][row] : Number(targets[0][row] > 0));

// --- who trains: a worker made of this page's own text, or the page where there are none

const trainerMade = (post) => {
  try {
    const text = `"use strict";\nconst makeTrainer = ${makeTrainer};\nconst serveTrainings = ${serveTrainings};
      const receive = serveTrainings(makeTrainer(), (message) => postMessage(message));
      onmessage = ({ data }) => receive(data);`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onmessage = ({ data }) => post(data);
    return (message) => worker.postMessage(message);
  } catch {
    return serveTrainings(makeTrainer(), post);
  }
};
let trainer = null; // made when it is first wanted
const tell = (message) => {
  if (!trainer) {
    trainer = trainerMade((told) => hear(told));
    trainer(parts);
  }
  trainer(message);
};

// --- what is set

const form = byId("play-form"), field = form.elements;
const settings = () => {
  const depth = Number(field.depth.value), width = Number(field.width.value);
  const surface = [Number(field.first.value), Number(field.second.value)];
  const chosen = field.only.checked ? [...new Set(surface)] : columns.map((_, place) => place);
  const seed = crypto.getRandomValues(new Uint32Array(2));
  const options = {
    sizes: [chosen.length, ...new Array(depth).fill(width), nOutputs], activation: field.activation.value,
    batchNorm: field.batch_norm.checked, dropout: Number(field.dropout.value), l1: Number(field.l1.value),
    l2: Number(field.l2.value), learningRate: Number(field.rate.value), batchSize: Number(field.batch.value),
    loss: play.loss, averaged: true, constants: play.constants, patience: play.patience, most: play.most, seed: [...seed],
  };
  return { options, columns: chosen, ...squareOf(surface, chosen) };
};
const middleOf = (column) => column.slice(0, nTrain).sort()[Math.floor(nTrain / 2)];
const middles = columns.map(middleOf);
const edgesOf = (column) => {
  const [low, high] = rangeOf(column.subarray(0, nTrain)), margin = 0.05 * (high - low || 1);
  return [low - margin, high + margin];
};
const squareOf = (surface, chosen) => {
  const [low, high] = [0, 1].map((end) => surface.map((column) => edgesOf(columns[column])[end]));
  return { surface, low, high, middle: chosen.map((column) => middles[column]) };
};

// --- the state: one training, and what was guessed of it

let state = { id: 0, isRunning: false, curve: [], look: null, square: null, isCovered: false };
const tally = { right: 0, all: 0 };
const isGuessing = () => field.guessing.checked;
const guessed = () => field.guess.value;

const begin = () => {
  const set = settings();
  state = { id: state.id + 1, isRunning: false, curve: [], look: null, square: set, isCovered: isGuessing(), guess: guessed() };
  tell({ kind: "start", id: state.id, ...set });
};
const mayBegin = () => {
  if (!form.reportValidity()) return false;
  if (!isGuessing() || guessed()) return true;
  byId("play-status").textContent = say("guess_first");
  field.guess[0].focus();
  return false;
};
const isOver = () => Boolean(state.look?.ended);
const run = () => {
  if (state.isRunning) return pause();
  if ((!state.look || isOver()) && !mayBegin()) return;
  if (!state.look || isOver()) begin();
  state.isRunning = true;
  tell({ kind: "run" });
  showButtons();
};
const pause = () => {
  state.isRunning = false;
  tell({ kind: "pause" });
  showButtons();
};
const step = () => {
  if ((!state.look || isOver()) && !mayBegin()) return;
  if (!state.look || isOver()) begin();
  state.isRunning = false;
  tell({ kind: "step" });
  showButtons();
};
const anew = () => {
  if (state.look) tell({ kind: "pause" });
  state = { ...state, id: state.id + 1, isRunning: false, curve: [], look: null, isCovered: false };
  byId("play-status").textContent = say("idle");
  show();
};

const hear = (told) => {
  if (told.id !== state.id) return;
  state.curve.push(...told.curve);
  state.look = told;
  if (told.ended && state.isRunning) state.isRunning = false;
  if (told.ended && state.isCovered) uncover();
  show();
};

// --- losses compared, over the same validation rows

const meanOf = (values) => { // with the ends of a normal interval over rows; a loss of less than nothing is none
  const n = values.length;
  let total = 0, square = 0;
  values.forEach((value, row) => (total += value * (weight ? weight[nTrain + row] : 1)));
  const value = total / n;
  values.forEach((each, row) => (square += ((each - value) * (weight ? weight[nTrain + row] : 1)) ** 2));
  const half = 1.96 * Math.sqrt(square / Math.max(1, n - 1) / n);
  return { value, low: value - half, high: value + half };
};
const lossesOf = (values) => {
  const { value, low, high } = meanOf(values);
  return { value, low: Math.max(0, low), high };
};
const nothing = (() => { // losses of what knows the target's distribution and no column
  const { rowLoss } = makeTrainer(), { train, valid } = parts, n = Math.max(2, nOutputs);
  const shares = new Float64Array(isRegression ? nOutputs : n);
  for (let row = 0; row < nTrain; row++) {
    const share = (weight ? weight[row] : 1) / nTrain;
    if (isRegression) for (let j = 0; j < nOutputs; j++) shares[j] += share * train.y[row * nOutputs + j];
    else shares[classOf(row)] += share;
  }
  const logits = isRegression ? shares : nOutputs === 1 ? [Math.log(shares[1] / shares[0])] : shares.map((share) => Math.log(Math.max(share, 1e-9)));
  return Float32Array.from({ length: nValid }, (_, row) =>
    rowLoss(play.loss, play.constants, Float64Array.from(logits), 0, valid.y, row, nOutputs));
})();
const yardstick = () => found?.losses ?? nothing;
const compared = () => { // of the best epoch's network
  const differences = state.look.best.losses.map((loss, row) => loss - yardstick()[row]), gap = meanOf(differences);
  return { ...gap, way: gap.high < 0 ? "lower" : gap.low > 0 ? "higher" : "same" };
};
const secondOf = (logits) => { // share of right classes, or mean absolute error
  let total = 0;
  for (let row = 0; row < nValid; row++) {
    const at = row * nOutputs, each = weight ? weight[nTrain + row] : 1;
    if (isRegression) {
      for (let j = 0; j < nOutputs; j++) total += (each * Math.abs(logits[at + j] - parts.valid.y[at + j])) / nOutputs;
    } else {
      const shares = shareOf(logits, at, nOutputs);
      total += each * (shares.indexOf(Math.max(...shares)) === classOf(nTrain + row));
    }
  }
  return (total / nValid) * (isRegression && play.scale ? play.scale[1] : 1);
};

const uncover = () => {
  state.isCovered = false;
  if (!state.look?.best) return;
  const { way } = compared();
  tally.all += 1;
  tally.right += Number(way === state.guess);
  state.verdict = say(way === state.guess ? "guess_right" : "guess_wrong", {
    guess: say(state.guess), truth: say(way), right: count(tally.right), all: count(tally.all),
  });
  for (const radio of field.guess) radio.checked = false;
};

// --- what is shown

const showButtons = () => {
  byId("play-run").textContent = say(state.isRunning ? "pause" : "run");
};
const statusText = () => {
  const { look } = state;
  if (!look) return say("idle");
  const last = state.curve.at(-1), rate = look.seconds ? trimmed(look.epoch / look.seconds) : "–";
  const values = {
    epoch: count(look.epoch), rate, params: count(look.nParams), train: significant(last?.[0] ?? NaN),
    valid: significant(last?.[1] ?? NaN), lowest: significant(look.best?.loss ?? NaN), at: count(look.best?.epoch ?? 0),
  };
  const how = look.ended ? ` ${say(look.ended)}` : "";
  return say(state.isCovered ? "status_covered" : "status", values) + (state.isCovered ? "" : how);
};
const comparedText = () => {
  const { value, low, high, way } = compared(), against = found ? "found" : "nothing";
  const numbers = { value: significant(value, 3), low: significant(low, 3), high: significant(high, 3), n: count(nValid) };
  const second = secondOf(state.look.best.logits), write = isRegression ? significant : percent;
  const theirs = found ? meanOf(found.seconds).value : NaN;
  const more = found ? say("second_both", { mine: write(second), theirs: write(theirs) }) : say("second", { mine: write(second) });
  return [state.verdict, say(`compared_${way}`, { ...numbers, against: say(`the_${against}`) }), more].filter(Boolean).join(" ");
};
const deadText = () => {
  const dead = state.look.dead.map((layer, number) => ({ n: layer.filter(Boolean).length, units: layer.length, layer: number + 1 }));
  const some = dead.filter(({ n }) => n > 0).map((each) => say("dead_layer", each));
  return some.length ? say("dead", { layers: some.join("; ") }) : say("dead_none");
};
const pointsShown = () => {
  const each = Math.ceil(nValid / MOST_POINTS), rows = [], [first, second] = chosenColumns();
  for (let row = nTrain; row < nRows; row += each) rows.push([columns[first][row], columns[second][row], classOf(row)]);
  return rows;
};
const chosenColumns = () => [Number(field.first.value), Number(field.second.value)];
const showMap = () => {
  const { look } = state, canvas = byId("play-map");
  if (isRegression) {
    const [mean, scale] = play.scale ?? [0, 1], told = look?.best?.logits, pairs = [];
    if (told) for (let row = 0; row < nValid; row++) {
      pairs.push([mean + scale * parts.valid.y[row * nOutputs], mean + scale * told[row * nOutputs]]);
    }
    return drawAgainstTruth(canvas, { pairs, target: play.target, words: play.words, write: trimmed });
  }
  const chosen = chosenColumns(), { low, high } = squareOf(chosen, []);
  return drawSurface(canvas, {
    surface: look?.surface, grid: look?.grid, units: nOutputs, low, high, points: pointsShown(), write: trimmed,
    names: chosen.map((column) => play.names[column]), ticks: chosen.map((column) => play.ticks[column]),
  });
};
const showLegend = () => { // which colour is which class; of many the first
  for (const [number, label] of play.labels.slice(0, MOST_LABELS).entries()) {
    const item = document.createElement("li"), mark = document.createElement("i");
    mark.style.background = `var(${CLASS_COLOURS[number % CLASS_COLOURS.length]})`;
    item.append(mark, label);
    byId("play-legend").append(item);
  }
};
const scoreRows = () => {
  const rows = [];
  if (state.look?.best) rows.push({ name: say("yours"), ...lossesOf(state.look.best.losses), colour: "--train" });
  if (found) rows.push({ name: say("found"), ...lossesOf(found.losses), colour: "--best" });
  return [...rows, { name: say("knowing_nothing"), ...lossesOf(nothing), colour: "--muted", isHollow: true }];
};
const describeScores = (rows) => {
  const texts = rows.map(({ name, value, low, high }) =>
    say("score", { name, value: significant(value), low: significant(low), high: significant(high) }));
  byId("play-scores").setAttribute("aria-label", texts.join("; "));
};
const show = () => {
  const { look, isCovered } = state;
  showButtons();
  for (const part of document.querySelectorAll("#playground [data-answer]")) part.hidden = isCovered;
  byId("play-covered").hidden = !isCovered;
  if (look || isCovered) byId("play-status").textContent = statusText();
  if (isCovered) return;
  const rows = scoreRows();
  drawCurves(byId("play-curves"), { curve: state.curve, best: look?.best, words: play.words, write: trimmed });
  byId("play-curves").setAttribute("aria-label", look ? statusText() : say("curves"));
  showMap();
  drawScores(byId("play-scores"), { rows, write: significant });
  describeScores(rows);
  drawWeights(byId("play-weights"), look ?? { kernels: new Float32Array(), layers: [], dead: [] });
  byId("play-compared").textContent = look?.best ? comparedText() : "";
  byId("play-dead").textContent = look?.epoch ? deadText() : "";
};

// --- events

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("play-step").addEventListener("click", step);
byId("play-anew").addEventListener("click", anew);
form.addEventListener("change", ({ target }) => {
  if (target.name === "guessing") byId("play-guess").hidden = !target.checked;
  if (["guessing", "guess"].includes(target.name)) return;
  const isView = ["first", "second"].includes(target.name) && !field.only.checked;
  if (!isView) return anew(); // another network
  if (state.look) tell({ kind: "square", square: squareOf(chosenColumns(), state.square.columns) });
  show();
});
showLegend();
addEventListener("resize", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
