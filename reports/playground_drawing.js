// Drawings of the playground, each on a canvas of its own, in the page's colours and at the size it is shown.
"use strict";
const CLASS_COLOURS = ["--best", "--train", "--third", "--fourth", "--bad", "--fifth"];
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const channelsOf = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
const classColour = (number) => colourOf(CLASS_COLOURS[number % CLASS_COLOURS.length]);

// A canvas cleared and measured: drawing goes on in CSS pixels.
const clearedCanvas = (canvas, height) => {
  const width = canvas.clientWidth, scale = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.lineJoin = "round";
  return { pen, width, height };
};
const textAt = (pen, text, x, y, { colour = "--muted", align = "left", base = "alphabetic", most } = {}) => {
  pen.fillStyle = colourOf(colour);
  pen.textAlign = align;
  pen.textBaseline = base;
  pen.fillText(text, x, y, most);
};
const lineOf = (pen, points, colour, { width = 1, dash = [] } = {}) => {
  pen.strokeStyle = colourOf(colour);
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  points.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
  pen.setLineDash([]);
};
const dotAt = (pen, x, y, radius, colour) => {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
};
const scaleOf = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
const finite = (values) => values.filter(Number.isFinite);
const rangeOf = (values) => {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
};
// Round numbers across a range, three or four of them; of a range that no number lies within, its end.
const ticksOf = (low, high) => {
  const rough = (high - low) / 3 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) * power, first = Math.ceil(low / step);
  const n = Math.min(8, Math.floor(high / step + 1e-9) - first + 1);
  return n > 0 ? Array.from({ length: n }, (_, place) => (first + place) * step) : [low];
};
const leftAxis = (pen, y, ticks, left, right, write) => {
  for (const tick of ticks) {
    lineOf(pen, [[left, y(tick)], [right, y(tick)]], "--rule");
    textAt(pen, write(tick), left - 6, y(tick), { align: "right", base: "middle" });
  }
};

// Both losses, an epoch after the other; long ones are thinned to what the width can show. `curve`: [train, valid].
const drawCurves = (canvas, { curve, best, words, write }) => {
  const { pen, width, height } = clearedCanvas(canvas, 300), left = 52, right = width - 12, bottom = height - 42, top = 22;
  const shown = curve.filter((_, place) => place % Math.ceil(curve.length / 600) === 0 || place === curve.length - 1);
  const usual = finite(shown.flat()).sort((one, other) => one - other); // one leap must not flatten all the rest
  const [low, high] = usual.length ? [usual[0], usual[Math.ceil(0.98 * (usual.length - 1))]] : [0, 1];
  const y = scaleOf(low, high > low ? high : low + 1, bottom, top), x = scaleOf(1, Math.max(2, curve.length), left, right);
  leftAxis(pen, y, ticksOf(low, high), left, right, write);
  textAt(pen, words.epochs, right, height - 4, { align: "right" });
  for (const tick of ticksOf(1, Math.max(2, curve.length))) {
    if (Number.isInteger(tick)) textAt(pen, write(tick), x(tick), bottom + 16, { align: "center" });
  }
  const epochs = shown.map((_, place) => 1 + (place * (curve.length - 1)) / Math.max(1, shown.length - 1));
  ["--train", "--best"].forEach((colour, which) => {
    const points = shown.map((losses, place) => [x(epochs[place]), Math.max(top - 6, y(losses[which]))]);
    lineOf(pen, points.filter(([, at]) => Number.isFinite(at)), colour, { width: 2 });
  });
  textAt(pen, words.train_loss, left, 12, { colour: "--train" });
  textAt(pen, words.valid_loss, left + pen.measureText(words.train_loss).width + 16, 12, { colour: "--best" });
  if (best) dotAt(pen, x(best.epoch), y(best.loss), 4.5, colourOf("--best"));
};

// --- what the network answers: over two columns for classes, against the truth for numbers

const shareOf = (logits, at, units) => { // probabilities of classes
  if (units === 1) {
    const yes = 1 / (1 + Math.exp(-logits[at]));
    return [1 - yes, yes];
  }
  const scores = Array.from(logits.subarray(at, at + units)), largest = Math.max(...scores);
  const parts = scores.map((score) => Math.exp(score - largest)), total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
};
const surfacePicture = ({ surface, grid, units }) => {
  const picture = Object.assign(document.createElement("canvas"), { width: grid, height: grid });
  const pen = picture.getContext("2d"), pixels = pen.createImageData(grid, grid), paper = channelsOf(colourOf("--paper"));
  const colours = Array.from({ length: Math.max(2, units) }, (_, number) => channelsOf(classColour(number)));
  for (let cell = 0; cell < grid * grid; cell++) {
    const shares = shareOf(surface, cell * units, units);
    for (let channel = 0; channel < 3; channel++) {
      const mixed = shares.reduce((sum, share, number) => sum + share * colours[number][channel], 0);
      pixels.data[4 * cell + channel] = 0.42 * mixed + 0.58 * paper[channel];
    }
    pixels.data[4 * cell + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  return picture;
};
// options: surface, grid, units, low, high, ticks and names of both columns, points [[x, y, class]], write
const drawSurface = (canvas, { names, ticks, low, high, points, write, ...answer }) => {
  const { pen, width, height } = clearedCanvas(canvas, 300), left = 52, right = width - 12, bottom = height - 42, top = 26;
  const x = scaleOf(low[0], high[0], left, right), y = scaleOf(low[1], high[1], bottom, top);
  if (answer.surface) pen.drawImage(surfacePicture(answer), left, top, right - left, bottom - top);
  for (const [across, up, number] of points) {
    dotAt(pen, x(across), y(up), 3.6, colourOf("--paper"));
    dotAt(pen, x(across), y(up), 2.6, classColour(number));
  }
  for (const [place, value] of ticks[0]) {
    if (place >= low[0] && place <= high[0]) textAt(pen, write(value), x(place), bottom + 15, { align: "center" });
  }
  for (const [place, value] of ticks[1]) {
    if (place >= low[1] && place <= high[1]) textAt(pen, write(value), left - 6, y(place), { align: "right", base: "middle" });
  }
  textAt(pen, names[0], right, height - 6, { align: "right", most: right - left });
  textAt(pen, names[1], left, 14, { most: right - left });
};
const drawAgainstTruth = (canvas, { pairs, target, words, write }) => {
  const { pen, width, height } = clearedCanvas(canvas, 300), left = 60, right = width - 12, bottom = height - 42, top = 26;
  const [low, high] = rangeOf(pairs.map(([truth]) => truth)), x = scaleOf(low, high, left, right), y = scaleOf(low, high, bottom, top);
  leftAxis(pen, y, ticksOf(low, high), left, right, write);
  for (const tick of ticksOf(low, high)) textAt(pen, write(tick), x(tick), bottom + 16, { align: "center" });
  lineOf(pen, [[left, bottom], [right, top]], "--muted", { dash: [4, 4] });
  pen.globalAlpha = 0.6;
  for (const [truth, told] of pairs) dotAt(pen, x(truth), Math.min(bottom, Math.max(top, y(told))), 3, colourOf("--best"));
  pen.globalAlpha = 1;
  textAt(pen, `${words.true}: ${target}`, right, height - 6, { align: "right", most: right - left });
  textAt(pen, words.predicted, left, 14);
};

// Losses with their intervals, a row each: { name, value, low, high, colour, isHollow }.
const drawScores = (canvas, { rows, write }) => {
  const rowHeight = 52, { pen, width } = clearedCanvas(canvas, 12 + rowHeight * Math.max(1, rows.length));
  const [low, high] = rangeOf(rows.flatMap((row) => [row.low, row.high, row.value])), x = scaleOf(low, high, 14, width - 14);
  rows.forEach((row, number) => {
    const y = 34 + rowHeight * number;
    textAt(pen, row.name, 8, y - 14, { colour: "--ink", most: width - 90 });
    textAt(pen, write(row.value), width - 8, y - 14, { align: "right", colour: "--ink" });
    lineOf(pen, [[8, y], [width - 8, y]], "--rule");
    lineOf(pen, [[x(row.low), y], [x(row.high), y]], row.colour, { width: 3 });
    dotAt(pen, x(row.value), y, 5.5, colourOf(row.colour));
    if (row.isHollow) dotAt(pen, x(row.value), y, 3.5, colourOf("--paper"));
  });
};

// --- weights: a block a layer, a column a unit, a row what it reads; dead units are marked below

const weightsPicture = (kernels, { fanIn, units, kernel }) => {
  const picture = Object.assign(document.createElement("canvas"), { width: units, height: fanIn });
  const pen = picture.getContext("2d"), pixels = pen.createImageData(units, fanIn), paper = channelsOf(colourOf("--paper"));
  const [up, down] = ["--best", "--train"].map((name) => channelsOf(colourOf(name)));
  const block = kernels.subarray(kernel, kernel + fanIn * units);
  const [low, high] = rangeOf(block), largest = Math.max(high, -low) || 1;
  for (let place = 0; place < fanIn * units; place++) {
    const share = Math.min(1, Math.abs(block[place]) / largest), colour = block[place] > 0 ? up : down;
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * place + channel] = share * colour[channel] + (1 - share) * paper[channel];
    }
    pixels.data[4 * place + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  return picture;
};
const drawWeights = (canvas, { kernels, layers, dead }) => {
  const { pen, width, height } = clearedCanvas(canvas, 240), gap = 12, top = 20, bottom = height - 14;
  const shares = layers.map(({ units }) => Math.sqrt(units)), total = shares.reduce((sum, share) => sum + share, 0);
  const room = width - 2 - gap * (layers.length - 1);
  let left = 1;
  pen.imageSmoothingEnabled = false;
  layers.forEach((layer, number) => {
    const wide = (room * shares[number]) / total;
    pen.drawImage(weightsPicture(kernels, layer), left, top, wide, bottom - top);
    pen.strokeStyle = colourOf("--rule");
    pen.strokeRect(left, top, wide, bottom - top);
    textAt(pen, `${layer.fanIn} → ${layer.units}`, left, 12, { most: wide });
    dead[number]?.forEach((isDead, unit) => {
      const cell = wide / layer.units;
      pen.fillStyle = colourOf("--bad");
      if (isDead) pen.fillRect(left + unit * cell, bottom + 3, Math.max(1, cell - 1), 7);
    });
    left += wide + gap;
  });
};
