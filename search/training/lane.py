"""The mathematics of a lane: one network, trained for an epoch by one compiled program that serves every topology.

With h for what a layer reads, W its kernel, b its bias, and one column a unit, a hidden layer computes

    z = h W                                  dense, the bias apart
    u = gamma (z + b - mean) r + beta        batch norm, r = 1/sqrt(var + eps); where it is off, u = z + b
    a = f(u)                                 activation
    out = keep a / (1 - rate)                dropout; for selu the affine form that keeps mean and variance

and, with d. for the derivative of the loss, backwards

    da = keep d_out / (1 - rate) + activity terms
    du = f'(u) da
    dz = gamma r (du - mean(du) - xhat mean(du xhat)),    xhat = (z + b - mean) r;  where batch norm is off, dz = du
    dW = h' dz + l1 sign W + 2 l2 W,    dh = dz W'

Products are the machine's BLAS; everything between two of them is a handful of loops over rows that lie in the
processor's nearest memory. Depth, widths, activation, optimiser and loss are data, so nothing is traced or compiled for
a topology. All numbers of a network lie in a few flat arrays, one after another in the order of its layers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ffsearch.search import defaults
from ffsearch.search.training.compiling import compiled, inlined, program
from ffsearch.search.training.denormals import flush, restore
from ffsearch.search.training.elementwise import (
    Array,
    Scalar,
    activate,
    back_through,
    descend,
    drop,
    field_key,
    losses,
    multiply,
    update_key,
)
from ffsearch.search.training.lane_augment import Augment, augment_rows

__all__ = [
    "BIAS",
    "CHUNK",
    "N_VECTORS",
    "SCALE",
    "SHIFT",
    "SLOPE",
    "Chunk",
    "Hyper",
    "Rows",
    "Scratch",
    "State",
    "evaluate",
    "train",
]

BIAS, SCALE, SHIFT, SLOPE = range(4)
"""Rows of a hidden layer's vectors, (4, units): bias, gamma, beta, and the slope left of zero."""

N_VECTORS: Final = 4

CHUNK: Final = 256
"""Validation rows evaluated at once. choice: their activations stay in the processor's second-level cache."""

_F = np.float32
_ZERO, _ONE, _TWO = _F(0.0), _F(1.0), _F(2.0)
_EPSILON = _F(defaults.BATCH_NORM_EPSILON)
_KEPT, _NEW = _F(defaults.BATCH_NORM_MOMENTUM), _F(1 - defaults.BATCH_NORM_MOMENTUM)


class Hyper(NamedTuple):
    """What tells one network's training from another's; numbers are float32 unless said otherwise."""

    optimizer: int
    loss: int
    activation: int
    batch_norm: bool
    learns_slope: bool
    learning_rate: Scalar
    momentum: Scalar
    weight_decay: Scalar
    l1: Scalar
    l2: Scalar
    bias_l1: Scalar
    bias_l2: Scalar
    activity_l1: Scalar
    activity_l2: Scalar
    threshold: Scalar  # uint32: random bits below it drop a unit; 0 drops none
    gain: Scalar  # of a unit that is kept
    shift: Scalar
    dropped: Scalar  # in the place of one that is not
    seed: Array  # uint32 (2,): of dropout and of augmentation


class State(NamedTuple):
    """What training changes; `units` counts those of hidden layers.

    Args:
        sizes: Columns of the matrix, units of every hidden layer, outputs; int64 (depth + 2,).
        kernels: All kernels, one after another, each (fan_in, units).
        vectors: Of every hidden layer (4, units), then the output layer's bias.
        moving: Of every hidden layer (2, units): moving mean and variance.
        kernel_moments: The optimiser's running averages, (2, len(kernels)).
        vector_moments: The same, (2, len(vectors)).
    """

    sizes: Array
    kernels: Array
    vectors: Array
    moving: Array
    kernel_moments: Array
    vector_moments: Array


class Scratch(NamedTuple):
    """Room for one update. Flat arrays hold a (batch, units) block a layer, or one of the widest layer.

    Args:
        x: The batch, (batch, n_features).
        y: Its targets, (batch, n_outputs).
        weight: Its weights, (batch,).
        z: Products, a block a layer; empty where nobody asks for them on the way back, and `out` takes them first.
        out: What each layer puts out, a block a layer.
        slope: f'(u), a block a layer; empty where it can be read off `out`.
        gate: Slope of dropout, a block a layer; empty where there is none.
        pull: Slope of the activity penalty, a block a layer; empty where there is none.
        d: Gradients, two blocks of the widest layer.
        gradient: Of the largest kernel.
        vector_gradient: Of a layer's vectors, flat.
        unit: Of every hidden layer mean, 1/sqrt(var + eps), gain and offset, (4, units) where `State.vectors` has its.
        logits: (batch, n_outputs).
        row_loss: (batch,).
    """

    x: Array
    y: Array
    weight: Array
    z: Array
    out: Array
    slope: Array
    gate: Array
    pull: Array
    d: Array
    gradient: Array
    vector_gradient: Array
    unit: Array
    logits: Array
    row_loss: Array


class Chunk(NamedTuple):
    """Room for rows that are evaluated at once.

    Args:
        unit: As `Scratch.unit`, under the moving statistics.
        fed: Two blocks of the widest layer, (2, chunk * widest).
        slope: A block of the widest layer, (chunk * widest,), not looked at; empty where the activation keeps none.
        y: Targets, (chunk, n_outputs).
        gradient: Of the loss in the logits, (chunk, n_outputs); not looked at.
        row_loss: (chunk,).
    """

    unit: Array
    fed: Array
    slope: Array
    y: Array
    gradient: Array
    row_loss: Array


class Rows(NamedTuple):
    """Rows to learn from, or to be judged by.

    Args:
        x: Matrix, (n_rows, n_features).
        y: Targets, (n_rows, n_outputs); empty for classes.
        label: Class numbers, int32 (n_rows,); empty for everything else.
        weight: Of each row in the loss, (n_rows,); empty: all alike.
    """

    x: Array
    y: Array
    label: Array
    weight: Array


_MEAN, _RSTD, _GAIN, _OFFSET = range(4)
"""Rows of `Scratch.unit`."""

# --- one epoch -------------------------------------------------------------------------------------------------------


@program
def train(
    state: State,
    hyper: Hyper,
    augment: Augment | None,
    rows: Rows,
    order: Array,
    draws: Array,
    scratch: Scratch,
    step: int,
) -> tuple[float, float]:
    """Train for some updates.

    Args:
        state: Where the network stands; changed.
        hyper: How it is trained.
        augment: What is done to rows; None: nothing.
        rows: What it learns from.
        order: Row of every update, int32 (n_updates, batch_size).
        draws: What was drawn once a row, (n_updates, batch_size, n_draws); empty where nothing is augmented.
        scratch: Room.
        step: Updates made before.

    Returns:
        Means over the updates of data loss and penalty, each before its update.
    """
    loss, penalty, found = 0.0, 0.0, flush()
    for number in range(order.shape[0]):
        _read(rows, order[number], scratch)
        key = update_key(hyper.seed, step + number)
        if augment is not None:
            augment_rows(scratch.x, scratch.y, scratch.weight, augment, draws[number], key)
        penalty += _forward(state, hyper, scratch, key)
        losses(hyper.loss, scratch.logits, scratch.y, scratch.row_loss)
        for i in range(len(scratch.weight)):
            share = scratch.weight[i] / _F(len(scratch.weight))
            loss += scratch.row_loss[i] * share
            for j in range(scratch.logits.shape[1]):
                scratch.logits[i, j] *= share
        penalty += _backward(state, hyper, scratch, step + number + 1)
    restore(found)
    return loss / order.shape[0], penalty / order.shape[0]


@inlined
def _read(rows: Rows, order: Array, scratch: Scratch) -> None:
    """Copy the rows of one update."""
    x, y, weight = scratch.x, scratch.y, scratch.weight
    weighs = len(rows.weight) > 0
    for i in range(len(order)):
        row = order[i]
        for j in range(x.shape[1]):
            x[i, j] = rows.x[row, j]
        weight[i] = rows.weight[row] if weighs else _ONE
        _targets(rows, row, y, i)


@inlined
def _targets(rows: Rows, row: int, y: Array, i: int) -> None:
    """Targets of a row, classes as one slot each."""
    for j in range(y.shape[1]):
        y[i, j] = _ZERO if len(rows.label) else rows.y[row, j]
    if len(rows.label):
        y[i, rows.label[row]] = _ONE


@program
def evaluate(state: State, hyper: Hyper, rows: Rows, logits: Array, chunk: Chunk) -> float:
    """The mean loss on rows as the finished network gives it: moving statistics, no dropout.

    Args:
        state: The network.
        hyper: How it is trained.
        rows: What it is judged by; they count alike.
        logits: Holds the outputs afterwards, (n_rows, n_outputs).
        chunk: Room.
    """
    found = flush()
    _moving_lines(state, hyper, chunk.unit)
    n_rows, most, loss = len(rows.x), len(chunk.row_loss), 0.0
    for start in range(0, n_rows, most):
        stop = start + most if start + most < n_rows else n_rows
        n = stop - start
        _predict(state, hyper, rows.x[start:stop], logits[start:stop], chunk)
        gradient = chunk.gradient[:n]
        for i in range(n):
            _targets(rows, start + i, chunk.y, i)
            for j in range(logits.shape[1]):
                gradient[i, j] = logits[start + i, j]
        losses(hyper.loss, gradient, chunk.y, chunk.row_loss)
        for i in range(n):
            loss += chunk.row_loss[i]
    restore(found)
    return loss / n_rows


# --- forward ---------------------------------------------------------------------------------------------------------


@inlined
def _forward(state: State, hyper: Hyper, scratch: Scratch, key: tuple[Scalar, Scalar]) -> float:
    """Through all layers in training, up to the logits. Returns what the activity penalty costs."""
    sizes, n = state.sizes, len(scratch.x)
    penalty, kernel_at, vector_at, moving_at, block_at = 0.0, 0, 0, 0, 0
    fed = scratch.x
    for layer in range(len(sizes) - 2):
        units, size = sizes[layer + 1], n * sizes[layer + 1]
        kernel = _matrix(state.kernels, kernel_at, sizes[layer], units)
        vectors = _matrix(state.vectors, vector_at, N_VECTORS, units)
        out = _matrix(scratch.out, block_at, n, units)
        z = _matrix(scratch.z, block_at, n, units) if len(scratch.z) else out
        slope = _matrix(scratch.slope, block_at, n, units) if len(scratch.slope) else out
        unit = _matrix(scratch.unit, vector_at, N_VECTORS, units)
        np.dot(fed, kernel, z)
        if hyper.batch_norm:
            _moments(z, unit, vectors, _matrix(state.moving, moving_at, 2, units))
        _line(unit, vectors, hyper.batch_norm)
        apart = len(scratch.z) > 0
        activate(hyper.activation, z, unit[_GAIN], unit[_OFFSET], vectors[SLOPE], out, slope, apart)
        if len(scratch.pull):
            penalty += _activity(out, _matrix(scratch.pull, block_at, n, units), hyper.activity_l1, hyper.activity_l2)
        if hyper.threshold:
            gate = _matrix(scratch.gate, block_at, n, units)
            drop(out, gate, field_key(key, layer), hyper.threshold, hyper.gain, hyper.shift, hyper.dropped)
        kernel_at += sizes[layer] * units
        vector_at += N_VECTORS * units
        moving_at += 2 * units
        block_at += size
        fed = out
    np.dot(fed, _matrix(state.kernels, kernel_at, sizes[-2], sizes[-1]), scratch.logits)
    bias = state.vectors[vector_at:]
    for i in range(n):
        for j in range(len(bias)):
            scratch.logits[i, j] += bias[j]
    return penalty


@compiled
def _matrix(flat: Array, at: int, n_rows: int, n_columns: int) -> Array:
    """A block of a flat array, as it lies there."""
    return flat[at : at + n_rows * n_columns].reshape((n_rows, n_columns))


@inlined
def _moments(z: Array, unit: Array, vectors: Array, moving: Array) -> None:
    """Mean of z and 1/sqrt(var + eps) of each unit over the batch, and the moving statistics of z + b."""
    n = _F(z.shape[0])
    mean, rstd = unit[_MEAN], unit[_RSTD]
    for j in range(z.shape[1]):
        mean[j] = _ZERO
        rstd[j] = _ZERO
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            mean[j] += z[i, j]
    for j in range(z.shape[1]):
        mean[j] /= n
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            difference = z[i, j] - mean[j]
            rstd[j] += difference * difference
    for j in range(z.shape[1]):
        variance = rstd[j] / n
        moving[0, j] = _KEPT * moving[0, j] + _NEW * (mean[j] + vectors[BIAS, j])
        moving[1, j] = _KEPT * moving[1, j] + _NEW * variance
        rstd[j] = _ONE / np.sqrt(variance + _EPSILON)


@inlined
def _line(unit: Array, vectors: Array, batch_norm: bool) -> None:  # noqa: FBT001
    """Bias and batch norm as one line: u = z gain + offset. The mean is that of z, so the bias cancels."""
    for j in range(unit.shape[1]):
        if batch_norm:
            unit[_GAIN, j] = vectors[SCALE, j] * unit[_RSTD, j]
            unit[_OFFSET, j] = vectors[SHIFT, j] - unit[_MEAN, j] * unit[_GAIN, j]
        else:
            unit[_GAIN, j] = _ONE
            unit[_OFFSET, j] = vectors[BIAS, j]


@inlined
def _activity(a: Array, pull: Array, l1: Scalar, l2: Scalar) -> float:
    """The activity penalty, summed over units, mean over the batch as Keras has it, and its slope in a."""
    cost, n = 0.0, _F(a.shape[0])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            cost += l1 * abs(a[i, j]) + l2 * (a[i, j] * a[i, j])
            pull[i, j] = (l1 * np.sign(a[i, j]) + _TWO * l2 * a[i, j]) / n
    return float(cost / n)


@inlined
def _moving_lines(state: State, hyper: Hyper, unit: Array) -> None:
    """The lines of all layers under the moving statistics."""
    vector_at, moving_at = 0, 0
    for layer in range(len(state.sizes) - 2):
        units = state.sizes[layer + 1]
        vectors, moving = (
            _matrix(state.vectors, vector_at, N_VECTORS, units),
            _matrix(state.moving, moving_at, 2, units),
        )
        line = _matrix(unit, vector_at, N_VECTORS, units)
        for j in range(units):
            line[_MEAN, j] = moving[0, j] - vectors[BIAS, j]
            line[_RSTD, j] = _ONE / np.sqrt(moving[1, j] + _EPSILON)
        _line(line, vectors, hyper.batch_norm)
        vector_at += N_VECTORS * units
        moving_at += 2 * units


@inlined
def _predict(state: State, hyper: Hyper, x: Array, logits: Array, chunk: Chunk) -> None:
    """Logits of a chunk of rows."""
    sizes, n = state.sizes, len(x)
    kernel_at, vector_at = 0, 0
    fed = x
    for layer in range(len(sizes) - 2):
        units = sizes[layer + 1]
        left = state.vectors[vector_at + SLOPE * units : vector_at + N_VECTORS * units]
        out = _matrix(chunk.fed[layer % 2], 0, n, units)
        np.dot(fed, _matrix(state.kernels, kernel_at, sizes[layer], units), out)
        line = _matrix(chunk.unit, vector_at, N_VECTORS, units)
        slope = _matrix(chunk.slope, 0, n, units) if len(chunk.slope) else out
        activate(hyper.activation, out, line[_GAIN], line[_OFFSET], left, out, slope, False)  # noqa: FBT003
        kernel_at += sizes[layer] * units
        vector_at += N_VECTORS * units
        fed = out
    np.dot(fed, _matrix(state.kernels, kernel_at, sizes[-2], sizes[-1]), logits)
    for i in range(n):
        for j in range(sizes[-1]):
            logits[i, j] += state.vectors[vector_at + j]


# --- backward --------------------------------------------------------------------------------------------------------


@inlined
def _backward(state: State, hyper: Hyper, scratch: Scratch, count: int) -> float:
    """From the gradient in the logits back to the first layer, every parameter one step further on the way.

    A layer steps after the gradient has passed through its old kernel. Returns what L1 and L2 cost before.
    """
    sizes, n, depth = state.sizes, len(scratch.x), len(state.sizes) - 2
    kernel_at, vector_at = len(state.kernels), len(state.vectors) - sizes[-1]
    block_at = len(scratch.out)
    dz = scratch.logits
    bias_gradient = scratch.vector_gradient[: sizes[-1]]
    for j in range(sizes[-1]):
        bias_gradient[j] = _ZERO
    for i in range(n):
        for j in range(sizes[-1]):
            bias_gradient[j] += dz[i, j]
    penalty = 0.0
    for layer in range(depth, -1, -1):
        fan_in, units = sizes[layer], sizes[layer + 1]
        kernel_at -= fan_in * units
        if layer < depth:
            vector_at -= N_VECTORS * units
            block_at -= n * units
            left = state.vectors[vector_at + SLOPE * units : vector_at + N_VECTORS * units]
            _backward_unit(hyper, scratch, vector_at, block_at, dz, left)
        kernel = _matrix(state.kernels, kernel_at, fan_in, units)
        gradient = _matrix(scratch.gradient, 0, fan_in, units)
        below = block_at - n * fan_in
        fed = _matrix(scratch.out, below, n, fan_in) if layer else scratch.x
        np.dot(fed.T, dz, gradient)
        d_fed = _matrix(scratch.d[layer % 2], 0, n, fan_in) if layer else dz
        if layer:
            np.dot(dz, kernel.T, d_fed)
        penalty += _step(state, hyper, scratch, kernel_at, fan_in * units, vector_at, units, layer < depth, count)
        dz = d_fed
    return penalty


@inlined
def _backward_unit(hyper: Hyper, scratch: Scratch, vector_at: int, block_at: int, d: Array, left: Array) -> None:
    """Through dropout, activation and batch norm: d_out becomes dz, and the layer's vectors get their gradients.

    With batch norm the bias has no gradient (the mean takes it away); without, gamma and beta are not there. The slope
    left of zero learns in prelu alone.
    """
    n, units = d.shape
    out = _matrix(scratch.out, block_at, n, units)
    z = _matrix(scratch.z, block_at, n, units) if len(scratch.z) else out
    slope = _matrix(scratch.slope, block_at, n, units) if len(scratch.slope) else out
    unit = _matrix(scratch.unit, vector_at, N_VECTORS, units)
    mean, rstd, gain, offset = unit[_MEAN], unit[_RSTD], unit[_GAIN], unit[_OFFSET]
    for j in range(N_VECTORS * units):
        scratch.vector_gradient[j] = _ZERO
    gradient = _matrix(scratch.vector_gradient, 0, N_VECTORS, units)
    d_bias, d_gamma, d_beta, d_slope = gradient[BIAS], gradient[SCALE], gradient[SHIFT], gradient[SLOPE]
    if hyper.threshold:
        multiply(d, _matrix(scratch.gate, block_at, n, units))
    if len(scratch.pull):
        pull = _matrix(scratch.pull, block_at, n, units)
        for i in range(n):
            for j in range(units):
                d[i, j] += pull[i, j]
    if hyper.learns_slope:
        for i in range(n):
            for j in range(units):
                u = z[i, j] * gain[j] + offset[j]
                d_slope[j] += d[i, j] * (_ZERO if u > _ZERO else u)
    back_through(hyper.activation, d, out, left, slope)
    for i in range(n):
        for j in range(units):
            d_beta[j] += d[i, j]
        if hyper.batch_norm:
            for j in range(units):
                d_gamma[j] += d[i, j] * (z[i, j] - mean[j])
    if not hyper.batch_norm:
        for j in range(units):
            d_bias[j] = d_beta[j]
            d_beta[j] = _ZERO
        return
    share = _ONE / _F(n)
    for j in range(units):
        d_gamma[j] *= rstd[j]
        offset[j] = share * d_beta[j]  # offset has done its work
        rstd[j] *= share * d_gamma[j]
    for i in range(n):
        for j in range(units):
            d[i, j] = gain[j] * (d[i, j] - offset[j] - (z[i, j] - mean[j]) * rstd[j])


# --- descent ---------------------------------------------------------------------------------------------------------


@inlined
def _step(
    state: State, hyper: Hyper, scratch: Scratch,
    kernel_at: int, n_kernel: int, vector_at: int, units: int, hidden: bool, count: int,  # noqa: FBT001
) -> float:  # fmt: skip
    """One layer's parameters one step further. Decay touches kernels alone, bias penalties biases."""
    kernel, bias = state.kernels[kernel_at : kernel_at + n_kernel], state.vectors[vector_at : vector_at + units]
    penalty = _elastic(kernel, hyper.l1, hyper.l2) + _elastic(bias, hyper.bias_l1, hyper.bias_l2)
    kernel_moments, vector_moments = state.kernel_moments, state.vector_moments
    rate, gradient = hyper.learning_rate, scratch.vector_gradient
    descend(
        hyper.optimizer, kernel, scratch.gradient[:n_kernel],
        kernel_moments[0][kernel_at : kernel_at + n_kernel], kernel_moments[-1][kernel_at : kernel_at + n_kernel],
        rate, _ONE - rate * hyper.weight_decay, hyper.l1, hyper.l2, count, hyper.momentum,
    )  # fmt: skip
    descend(
        hyper.optimizer, bias, gradient[:units],
        vector_moments[0][vector_at : vector_at + units], vector_moments[-1][vector_at : vector_at + units],
        rate, _ONE, hyper.bias_l1, hyper.bias_l2, count, hyper.momentum,
    )  # fmt: skip
    if hidden:
        start, stop = vector_at + units, vector_at + N_VECTORS * units
        descend(
            hyper.optimizer, state.vectors[start:stop], gradient[units : N_VECTORS * units],
            vector_moments[0][start:stop], vector_moments[-1][start:stop],
            rate, _ONE, _ZERO, _ZERO, count, hyper.momentum,
        )  # fmt: skip
    return penalty


@inlined
def _elastic(w: Array, l1: Scalar, l2: Scalar) -> float:
    """`l1 * sum |w| + l2 * sum w^2`."""
    if l1 == _ZERO and l2 == _ZERO:
        return 0.0
    absolute, square = _ZERO, _ZERO
    for i in range(len(w)):
        absolute += abs(w[i])
        square += w[i] * w[i]
    return float(l1 * absolute + l2 * square)
