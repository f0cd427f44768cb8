"""The mathematics of a lane: one network, trained for an epoch by one compiled program that serves every topology.

With h for what a layer reads, W its kernel, b its bias, and one column a unit, a hidden layer computes

    z = h W                                  dense, the bias apart
    u = gamma (z + b - mean) r + beta        batch norm, r = 1/sqrt(var + eps); where it is off, u = z + b
    a = f(u)                                 activation
    out = keep a / (1 - rate)                dropout; for selu the affine form that keeps mean and variance
    h' = out + h                             where layers add to one below that is as wide; else h' = out

and, with d. for the derivative of the loss, backwards

    da = keep d_out / (1 - rate) + activity terms
    du = f'(u) da
    dz = gamma r (du - mean(du) - xhat mean(du xhat)),    xhat = (z + b - mean) r;  where batch norm is off, dz = du
    dW = h' dz + l1 sign W + 2 l2 W,    dh = dz W'

Products are the machine's BLAS; everything between two of them is a handful of loops over rows that lie in the
processor's nearest memory. Depth, widths, activation, optimiser and loss are data, so nothing is traced or compiled for
a topology. The arrays are those of `lane_arrays.py`.
"""

from __future__ import annotations

import numpy as np

from ffsearch.search.network import defaults
from ffsearch.search.training.activations import activate, back_through
from ffsearch.search.training.compiling import compiled, inlined, program
from ffsearch.search.training.elementwise import (
    Array,
    Scalar,
    add,
    copy,
    draw,
    drop,
    field_key,
    fill,
    losses,
    mean_share,
    multiply,
    update_key,
)
from ffsearch.search.training.front import Front, look_at, step_front
from ffsearch.search.training.intrinsics import flush, restore, unowned
from ffsearch.search.training.lane_arrays import (
    BIAS,
    GAIN,
    MEAN,
    N_VECTORS,
    OFFSET,
    RSTD,
    SCALE,
    SHIFT,
    SLOPE,
    Chunk,
    Hyper,
    Rows,
    Scratch,
    State,
    matrix,
    unowned_chunk,
    unowned_rows,
    unowned_scratch,
    unowned_state,
)
from ffsearch.search.training.lane_augment import Augment, augment_rows
from ffsearch.search.training.lane_descent import step_layer
from ffsearch.search.training.lane_rows import read_rows, slots, sum_by_weight, weigh

__all__ = ["evaluate", "train"]

_F = np.float32
_ZERO, _ONE, _TWO = _F(0.0), _F(1.0), _F(2.0)
_EPSILON = _F(defaults.BATCH_NORM_EPSILON)
_KEPT, _NEW = _F(defaults.BATCH_NORM_MOMENTUM), _F(1 - defaults.BATCH_NORM_MOMENTUM)

# --- one epoch -------------------------------------------------------------------------------------------------------


@program
def train(
    state: State,
    hyper: Hyper,
    augment: Augment | None,
    rows: Rows,
    order: Array,
    draws: Array,
    front: Front | None,
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
        front: Its convolutional layers; None: there are none.
        scratch: Room.
        step: Updates made before.

    Returns:
        Means over the updates of data loss and penalty, each before its update.
    """
    state, rows, scratch = unowned_state(state), unowned_rows(rows), unowned_scratch(scratch)
    loss, penalty, found = 0.0, 0.0, flush()
    for number in range(order.shape[0]):
        read_rows(rows, order[number], scratch)
        key = update_key(hyper.seed, step + number)
        if augment is not None:
            augment_rows(scratch.x, scratch.y, scratch.weight, augment, draws[number], key)
        fed, is_front = scratch.x, False
        if front is not None:
            look_at(front, scratch.x, state, hyper, scratch.unit, True)
            fed, is_front = unowned(front.rows), True
        penalty += _forward(state, hyper, scratch, fed, key)
        losses(hyper.loss, scratch.logits, scratch.y, scratch.row_loss)
        loss += weigh(scratch.weight, scratch.row_loss, scratch.logits)
        penalty += _backward(state, hyper, scratch, fed, is_front, step + number + 1)
        if front is not None:
            d_rows = matrix(scratch.d[0], 0, len(fed), fed.shape[1])
            penalty += step_front(front, d_rows, state, hyper, scratch, step + number + 1)
        if len(state.mean_kernels):
            _average(state, mean_share(step + number + 1))
    restore(found)
    return loss / order.shape[0], penalty / order.shape[0]


@compiled
def _average(state: State, share: Scalar) -> None:
    """Draw the running means to where the network stands."""
    draw(state.mean_kernels, state.kernels, share)
    draw(state.mean_vectors, state.vectors, share)
    draw(state.mean_moving, state.moving, share)


@program
def evaluate(state: State, hyper: Hyper, rows: Rows, logits: Array, front: Front | None, chunk: Chunk) -> float:
    """The mean loss on rows as the finished network gives it: moving statistics, no dropout.

    Args:
        state: The network.
        hyper: How it is trained.
        rows: What it is judged by; what they weigh has a mean of 1.
        logits: Holds the outputs afterwards, (n_rows, n_outputs).
        front: Its convolutional layers; None: there are none.
        chunk: Room; with layers in front of as many rows as they look at.
    """
    state, rows, chunk, logits = unowned_state(state), unowned_rows(rows), unowned_chunk(chunk), unowned(logits)
    found = flush()
    _moving_lines(state, hyper, chunk.unit)
    n_rows, most, loss = len(rows.x), len(chunk.row_loss), 0.0
    for start in range(0, n_rows, most):
        stop = start + most if start + most < n_rows else n_rows
        n = stop - start
        predictions, gradient, row_loss = logits[start:stop], chunk.gradient[:n], chunk.row_loss[:n]
        fed = rows.x[start:stop]
        if front is not None:
            look_at(front, fed, state, hyper, chunk.unit, False)
            fed = unowned(front.rows)[:n]
        _predict(state, hyper, fed, predictions, chunk)
        copy(predictions, gradient)
        if len(rows.label):
            slots(rows.label[start:stop], chunk.y)
        else:
            copy(rows.y[start:stop], chunk.y)
        losses(hyper.loss, gradient, chunk.y, row_loss)
        loss += sum_by_weight(row_loss, rows.weight[start:stop])
    restore(found)
    return loss / n_rows


# --- forward ---------------------------------------------------------------------------------------------------------


@inlined
def _forward(state: State, hyper: Hyper, scratch: Scratch, rows: Array, key: tuple[Scalar, Scalar]) -> float:
    """Through all dense layers in training, up to the logits. Returns what the activity penalty costs."""
    sizes, n = state.sizes, len(rows)
    penalty, block_at = 0.0, 0
    kernel_at, vector_at, moving_at = state.starts[0], state.starts[1], state.starts[2]
    fed = rows
    for layer in range(len(sizes) - 2):
        units, size = sizes[layer + 1], n * sizes[layer + 1]
        kernel = matrix(state.kernels, kernel_at, sizes[layer], units)
        vectors = matrix(state.vectors, vector_at, N_VECTORS, units)
        out = matrix(scratch.out, block_at, n, units)
        z = matrix(scratch.z, block_at, n, units) if len(scratch.z) else out
        slope = matrix(scratch.slope, block_at, n, units) if len(scratch.slope) else out
        unit = matrix(scratch.unit, vector_at, N_VECTORS, units)
        np.dot(fed, kernel, z)
        if hyper.batch_norm:
            _moments(z, unit, vectors, matrix(state.moving, moving_at, 2, units))
        _line(unit, vectors, hyper.batch_norm)
        activate(hyper.activation, z, unit[GAIN], unit[OFFSET], vectors[SLOPE], out, slope)
        if len(scratch.pull):
            penalty += _activity(out, matrix(scratch.pull, block_at, n, units), hyper.activity_l1, hyper.activity_l2)
        if hyper.threshold:
            gate = matrix(scratch.gate, block_at, n, units)
            drop(out, gate, field_key(key, layer), hyper.threshold, hyper.gain, hyper.shift, hyper.dropped)
        if hyper.residual:
            total = matrix(scratch.total, block_at, n, units)
            copy(out, total)
            if _joins(sizes, layer):
                add(total, fed)
            out = total
        kernel_at += sizes[layer] * units
        vector_at += N_VECTORS * units
        moving_at += 2 * units
        block_at += size
        fed = out
    np.dot(fed, matrix(state.kernels, kernel_at, sizes[-2], sizes[-1]), scratch.logits)
    _add_bias(scratch.logits, state.vectors[vector_at:])
    return penalty


@compiled
def _joins(sizes: Array, layer: int) -> bool:
    """Whether a hidden layer, by its number from 0, adds to the one below where layers do: it must be as wide."""
    return bool(0 < layer < len(sizes) - 2 and sizes[layer] == sizes[layer + 1])


@compiled
def _add_bias(z: Array, bias: Array) -> None:
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += bias[j]


@compiled
def _moments(z: Array, unit: Array, vectors: Array, moving: Array) -> None:
    """Mean of z and 1/sqrt(var + eps) of each unit over the batch, and the moving statistics of z + b."""
    n = _F(z.shape[0])
    mean, rstd = unit[MEAN], unit[RSTD]
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


@compiled
def _line(unit: Array, vectors: Array, batch_norm: bool) -> None:  # noqa: FBT001
    """Bias and batch norm as one line: u = z gain + offset. The mean is that of z, so the bias cancels."""
    for j in range(unit.shape[1]):
        if batch_norm:
            unit[GAIN, j] = vectors[SCALE, j] * unit[RSTD, j]
            unit[OFFSET, j] = vectors[SHIFT, j] - unit[MEAN, j] * unit[GAIN, j]
        else:
            unit[GAIN, j] = _ONE
            unit[OFFSET, j] = vectors[BIAS, j]


@compiled
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
    """The lines of all dense layers under the moving statistics."""
    vector_at, moving_at = state.starts[1], state.starts[2]
    for layer in range(len(state.sizes) - 2):
        units = state.sizes[layer + 1]
        vectors, moving = (
            matrix(state.vectors, vector_at, N_VECTORS, units),
            matrix(state.moving, moving_at, 2, units),
        )
        line = matrix(unit, vector_at, N_VECTORS, units)
        for j in range(units):
            line[MEAN, j] = moving[0, j] - vectors[BIAS, j]
            line[RSTD, j] = _ONE / np.sqrt(moving[1, j] + _EPSILON)
        _line(line, vectors, hyper.batch_norm)
        vector_at += N_VECTORS * units
        moving_at += 2 * units


@inlined
def _predict(state: State, hyper: Hyper, x: Array, logits: Array, chunk: Chunk) -> None:
    """Logits of a chunk of rows."""
    sizes, n = state.sizes, len(x)
    kernel_at, vector_at = state.starts[0], state.starts[1]
    fed = x
    for layer in range(len(sizes) - 2):
        units = sizes[layer + 1]
        left = state.vectors[vector_at + SLOPE * units : vector_at + N_VECTORS * units]
        out = matrix(chunk.fed[layer % 2], 0, n, units)
        np.dot(fed, matrix(state.kernels, kernel_at, sizes[layer], units), out)
        line = matrix(chunk.unit, vector_at, N_VECTORS, units)
        slope = matrix(chunk.slope, 0, n, units) if len(chunk.slope) else out
        activate(hyper.activation, out, line[GAIN], line[OFFSET], left, out, slope)
        if hyper.residual and _joins(sizes, layer):
            add(out, fed)
        kernel_at += sizes[layer] * units
        vector_at += N_VECTORS * units
        fed = out
    np.dot(fed, matrix(state.kernels, kernel_at, sizes[-2], sizes[-1]), logits)
    _add_bias(logits, state.vectors[vector_at:])


# --- backward --------------------------------------------------------------------------------------------------------


@inlined
def _backward(
    state: State,
    hyper: Hyper,
    scratch: Scratch,
    rows: Array,
    is_front: bool,  # noqa: FBT001
    count: int,
) -> float:
    """From the gradient in the logits back to the first dense layer, every parameter one step further on the way.

    A layer steps after the gradient has passed through its old kernel. Where there are layers in front, the gradient in
    `rows` is left in `scratch.d[0]`. Returns what L1 and L2 cost before.
    """
    sizes, n, depth = state.sizes, len(rows), len(state.sizes) - 2
    kernel_at, vector_at = len(state.kernels), len(state.vectors) - sizes[-1]
    block_at = len(scratch.out)
    dz = scratch.logits
    _column_sums(dz, scratch.vector_gradient)
    penalty = 0.0
    for layer in range(depth, -1, -1):
        fan_in, units = sizes[layer], sizes[layer + 1]
        kernel_at -= fan_in * units
        joins = hyper.residual and _joins(sizes, layer)
        skip = matrix(scratch.skip, 0, n, units) if joins else dz
        if layer < depth:
            vector_at -= N_VECTORS * units
            block_at -= n * units
            left = state.vectors[vector_at + SLOPE * units : vector_at + N_VECTORS * units]
            if joins:
                copy(dz, skip)
            _backward_unit(hyper, scratch, vector_at, block_at, dz, left)
        kernel = matrix(state.kernels, kernel_at, fan_in, units)
        gradient = matrix(scratch.gradient, 0, fan_in, units)
        below = block_at - n * fan_in
        fed = matrix(scratch.total if hyper.residual else scratch.out, below, n, fan_in) if layer else rows
        np.dot(fed.T, dz, gradient)
        goes_on = layer > 0 or is_front
        d_fed = matrix(scratch.d[layer % 2], 0, n, fan_in) if goes_on else dz
        if goes_on:
            np.dot(dz, kernel.T, d_fed)
        if joins:
            add(d_fed, skip)
        penalty += step_layer(state, hyper, scratch, kernel_at, fan_in * units, vector_at, units, layer < depth, count)
        dz = d_fed
    return penalty


@compiled
def _column_sums(array: Array, sums: Array) -> None:
    for j in range(array.shape[1]):
        sums[j] = _ZERO
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            sums[j] += array[i, j]


@inlined
def _backward_unit(hyper: Hyper, scratch: Scratch, vector_at: int, block_at: int, d: Array, left: Array) -> None:
    """Through dropout, activation and batch norm: d_out becomes dz, and the layer's vectors get their gradients.

    With batch norm the bias has no gradient (the mean takes it away); without, gamma and beta are not there. The slope
    left of zero learns in prelu alone.
    """
    n, units = d.shape
    out = matrix(scratch.out, block_at, n, units)
    z = matrix(scratch.z, block_at, n, units) if len(scratch.z) else out
    slope = matrix(scratch.slope, block_at, n, units) if len(scratch.slope) else out
    unit = matrix(scratch.unit, vector_at, N_VECTORS, units)
    gradient = matrix(scratch.vector_gradient, 0, N_VECTORS, units)
    fill(gradient, _ZERO)
    if hyper.threshold:
        multiply(d, matrix(scratch.gate, block_at, n, units))
    if len(scratch.pull):
        add(d, matrix(scratch.pull, block_at, n, units))
    if hyper.learns_slope:
        _back_to_slope(d, z, unit, gradient[SLOPE])
    back_through(hyper.activation, d, out, left, slope)
    if hyper.batch_norm:
        _back_through_norm(d, z, unit, gradient)
    else:
        _column_sums(d, gradient[BIAS])


@compiled
def _back_to_slope(d: Array, z: Array, unit: Array, d_slope: Array) -> None:
    """The gradient in the factors left of zero, from that in f(u)."""
    gain, offset = unit[GAIN], unit[OFFSET]
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            u = z[i, j] * gain[j] + offset[j]
            d_slope[j] += d[i, j] * (_ZERO if u > _ZERO else u)


@compiled
def _back_through_norm(d: Array, z: Array, unit: Array, gradient: Array) -> None:
    """The gradient in u becomes that in z; gamma and beta get theirs. Offsets and 1/sqrt(var + eps) are used up."""
    mean, rstd, gain, offset = unit[MEAN], unit[RSTD], unit[GAIN], unit[OFFSET]
    d_gamma, d_beta = gradient[SCALE], gradient[SHIFT]
    n, units = d.shape
    for i in range(n):
        for j in range(units):
            d_beta[j] += d[i, j]
        for j in range(units):
            d_gamma[j] += d[i, j] * (z[i, j] - mean[j])
    share = _ONE / _F(n)
    for j in range(units):
        d_gamma[j] *= rstd[j]
        offset[j] = share * d_beta[j]
        rstd[j] *= share * d_gamma[j]
    for i in range(n):
        for j in range(units):
            d[i, j] = gain[j] * (d[i, j] - offset[j] - (z[i, j] - mean[j]) * rstd[j])
