"""The mathematics of a lane: many networks of one padded shape, trained side by side in one compiled program.

Axis 0 of every array is the slot, one network each; whatever tells two networks apart is data. With h for what a layer
reads, W its kernel, b its bias, and one column a unit, a hidden layer computes

    z = h W + b                              dense
    u = gamma (z - mean) r + beta            batch norm, r = 1/sqrt(var + eps); where it is off, u = z
    a = f(u)                                 activation
    out = keep a / (1 - rate)                dropout; for selu the affine form that keeps mean and variance

and, with d. for the derivative of the loss, backwards

    da = keep d_out / (1 - rate) + activity terms
    du = f'(u) da
    dz = gamma r (du - mean(du) - xhat mean(du xhat)),    xhat = (z - mean) r;  where batch norm is off, dz = du
    dW = h' dz + l1 sign W + 2 l2 W,    dh = dz W'

Everything is written out by hand, because the compiler fuses this form into a third of the passes over memory that
automatic differentiation leaves it with.

Padding. A network narrower than its lane has zeros in the columns, biases and outgoing rows of the units it lacks. For
all eight activations f(0) = 0, so these units put out 0, receive no gradient, and stay zero. Only alpha dropout would
set a unit to something else than 0, dropped or kept: it is told the width.

Nothing here depends on a slot's neighbours: batched products are products a slot, dropout is drawn from the slot's own
seed and update count.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import tensorflow as tf

from ffsearch.search import defaults
from ffsearch.search.heads import Loss
from ffsearch.search.training.augment import AugmentForm
from ffsearch.search.training.families import Family
from ffsearch.search.training.lane_augment import augment_rows
from ffsearch.search.training.lane_functions import (
    LOSSES,
    STEPS,
    ActivationForm,
    DropoutForm,
    Moments,
    Step,
    Tensor,
    activate,
    activation_form,
    drop,
    dropout_form,
    extent,
    mix,
    per_slot,
    update_key,
)

__all__ = [
    "BIAS",
    "N_MOMENTS",
    "SCALE",
    "SHIFT",
    "SLOPE",
    "Batches",
    "Hyper",
    "Result",
    "State",
    "epoch",
]

_Gradients = tuple[list[Tensor], list[Tensor]]  # of kernels, of vectors

BIAS, SCALE, SHIFT, SLOPE = range(4)
"""Rows of a hidden layer's vectors, (n_slots, 4, width): bias, gamma, beta, and the slope left of zero."""

N_MOMENTS: Final = {"adam": 2, "adamw": 2, "sgd": 1, "rmsprop": 1}
"""Running averages an optimiser keeps for every parameter."""


class Hyper(NamedTuple):
    """What tells the slots apart. Each of shape (n_slots,) unless said otherwise; float32 unless said otherwise."""

    learning_rate: Tensor
    l1: Tensor
    l2: Tensor
    bias_l1: Tensor
    bias_l2: Tensor
    activity_l1: Tensor | None  # None, None: no slot has them, and their passes over memory are left out
    activity_l2: Tensor | None
    weight_decay: Tensor
    dropout: Tensor
    batch_norm: Tensor  # bool
    activation: Tensor  # int32
    widths: Tensor  # int32 (n_slots, depth): units that are not padding
    seed: Tensor  # uint32 (n_slots, 2): of dropout
    fold: Tensor  # int32: which validation rows
    n_updates: Tensor  # int32: updates an epoch; 0 for an empty slot
    noise: Tensor | None = None  # None, None: no slot augments its rows
    swap: Tensor | None = None


class State(NamedTuple):
    """What training changes. `depth + 1` layers, the last one without batch norm and activation.

    Args:
        kernels: One a layer, (n_slots, fan_in, units).
        vectors: One a layer, (n_slots, 4, units), the output layer's (n_slots, 1, units).
        moving: One a hidden layer, (n_slots, 2, units): moving mean and variance.
        kernel_moments: For each of `kernels` the optimiser's running averages.
        vector_moments: For each of `vectors` the same.
        step: Updates made, int32 (n_slots,).
    """

    kernels: tuple[Tensor, ...]
    vectors: tuple[Tensor, ...]
    moving: tuple[Tensor, ...]
    kernel_moments: tuple[Moments, ...]
    vector_moments: tuple[Moments, ...]
    step: Tensor


class Batches(NamedTuple):
    """The rows. Training rows of all folds lie one after another; `order` counts through them.

    Args:
        x: Matrix, (n_rows, n_features).
        y: Targets, float32 (n_rows, n_outputs), or int32 (n_rows,) class numbers.
        x_valid: Validation rows in chunks, (n_chunks, n_folds, chunk, n_features), the last ones padding.
        y_valid: Their targets, (n_chunks, n_folds, chunk, ...).
        valid_weight: Of each in the mean, (n_chunks, n_folds, chunk): 1 / n_valid, 0 for padding.
        order: Row of every update, int32 (n_slots, n_updates * batch_size).
        weight: What each of them weighs in the loss, (n_slots, n_updates * batch_size).
        draws: What was drawn for each of them, (n_slots, n_updates * batch_size, n_draws); None: nothing is augmented.
        cell: Number of the table's cell each column of x comes from, int32 (n_features,); None with `draws`.
        is_number: 1 for a number column, else 0, (n_features,); None with `draws`.
    """

    x: Tensor
    y: Tensor
    x_valid: Tensor
    y_valid: Tensor
    valid_weight: Tensor
    order: Tensor
    weight: Tensor
    draws: Tensor | None = None
    cell: Tensor | None = None
    is_number: Tensor | None = None


class Result(NamedTuple):
    """What an epoch says of each slot: three means of shape (n_slots,) and the logits (n_slots, n_valid, n_outputs)."""

    train_loss: Tensor
    penalty: Tensor
    valid_loss: Tensor
    valid_logits: Tensor


class _Layer(NamedTuple):
    """What the backward pass needs of a hidden layer's forward pass, each (n_slots, batch, units) or a row of it."""

    fed: Tensor  # h
    z: Tensor  # h W, the bias apart
    mean: Tensor
    rstd: Tensor  # r
    gain: Tensor  # gamma r
    u: Tensor
    a: Tensor
    out_slope: Tensor  # d out / d a
    slope: Tensor  # f'(u)


class _Forms(NamedTuple):
    """What follows from the hyperparameters, once an epoch."""

    normalised: Tensor  # bool (n_slots, 1, 1)
    batch_norm: Tensor  # the same as 0 or 1
    activation: ActivationForm
    dropout: DropoutForm


# --- one epoch -------------------------------------------------------------------------------------------------------


def epoch(
    state: State,
    hyper: Hyper,
    batches: Batches,
    *,
    batch_size: int,
    ragged: bool,
    family: Family | None,
    augment: AugmentForm | None,
    loss: Loss,
    optimizer: str,
    momentum: float,
) -> tuple[State, Result]:
    """Train every slot for an epoch, then evaluate it.

    Args:
        state: Where the slots stand.
        hyper: What tells them apart.
        batches: The rows and their order.
        batch_size: Rows an update.
        ragged: Whether the numbers of updates may be unequal.
        family: Which activations there are; None: any.
        augment: What is done to rows; None: nothing.
        loss: What is minimised.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.

    Returns:
        The state after the epoch, and its losses.
    """
    n_slots = extent(batches.order, 0)
    forms = _forms(hyper, family=family, units=[extent(kernel, 2) for kernel in state.kernels[:-1]])
    step = partial(STEPS[optimizer], momentum=momentum)

    def update(index: Tensor, state: State, sums: Tensor) -> tuple[Tensor, State, Tensor]:
        rows = _rows(state, hyper, batches, start=index * batch_size, batch_size=batch_size, augment=augment)
        new, costs = _update(state, hyper, forms, rows, loss=loss, step=step)
        if ragged:
            live = index < hyper.n_updates
            new = tf.nest.map_structure(lambda a, b: tf.where(per_slot(live, a), a, b), new, state)
            costs = tf.where(live, costs, 0.0)
        return index + 1, new, sums + costs

    longest = tf.reduce_max(hyper.n_updates)
    start = (0, state, tf.zeros((2, n_slots)))
    _, state, sums = tf.while_loop(lambda index, *_: index < longest, update, start)
    means = sums / tf.cast(tf.maximum(hyper.n_updates, 1), tf.float32)
    valid_loss, logits = _evaluate(state, hyper, forms, batches, loss=loss)
    return state, Result(train_loss=means[0], penalty=means[1], valid_loss=valid_loss, valid_logits=logits)


def _forms(hyper: Hyper, *, family: Family | None, units: Sequence[Any]) -> _Forms:
    """For lanes whose hidden layers have these units, padding included."""
    normalised = hyper.batch_norm[:, None, None]
    return _Forms(
        normalised=normalised,
        batch_norm=tf.cast(normalised, tf.float32),
        activation=activation_form(hyper.activation, family=family),
        dropout=dropout_form(hyper.dropout, activation=hyper.activation, widths=hyper.widths, units=units),
    )


def _rows(
    state: State, hyper: Hyper, batches: Batches, *, start: Tensor, batch_size: int, augment: AugmentForm | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Features, targets and weights of one update, augmented where that is asked for."""
    n_slots = extent(batches.order, 0)
    rows = tf.slice(batches.order, (0, start), (n_slots, batch_size))
    x, y = tf.gather(batches.x, rows), tf.gather(batches.y, rows)
    weight = tf.slice(batches.weight, (0, start), (n_slots, batch_size))
    if augment is None or batches.draws is None:
        return x, y, weight
    return augment_rows(
        x,
        y,
        weight,
        form=augment,
        noise=hyper.noise,
        swap=hyper.swap,
        draws=tf.slice(batches.draws, (0, start, 0), (n_slots, batch_size, extent(batches.draws, 2))),
        cell=batches.cell,
        is_number=batches.is_number,
        key=update_key(hyper.seed, state.step),
        n_outputs=extent(state.kernels[-1], 2),
    )


def _update(
    state: State, hyper: Hyper, forms: _Forms, rows: tuple[Tensor, Tensor, Tensor], *, loss: Loss, step: Step
) -> tuple[State, Tensor]:
    """One update of every slot. Returns also what it cost before: data loss and penalty, (2, n_slots)."""
    x, y, weight = rows
    layers, hidden, moving = _forward(state, hyper, forms, x)
    logits = tf.matmul(hidden, state.kernels[-1]) + state.vectors[-1]
    row_loss, d_logits = LOSSES[loss](logits, y)
    weight /= weight.shape[1]
    gradients = _backward(state, hyper, forms, layers, hidden, d_logits * weight[:, :, None])
    gradients, penalty = _penalise(state, hyper, gradients)
    penalty += sum(_activity_penalty(layer.a, hyper) for layer in layers)
    stepped = _descend(state, hyper, gradients, step=step)
    return stepped._replace(moving=moving), tf.stack([tf.reduce_sum(row_loss * weight, axis=1), penalty])


def _evaluate(state: State, hyper: Hyper, forms: _Forms, batches: Batches, *, loss: Loss) -> tuple[Tensor, Tensor]:
    """Mean loss and logits on the validation rows, with moving statistics and without dropout."""

    def chunk(parts: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        x, y, weight = (tf.gather(part, hyper.fold) for part in parts)
        logits = _predict(state, forms, x)
        return tf.reduce_sum(LOSSES[loss](logits, y)[0] * weight, axis=1), logits

    losses, logits = tf.map_fn(
        chunk, (batches.x_valid, batches.y_valid, batches.valid_weight), fn_output_signature=(tf.float32, tf.float32)
    )
    n_chunks, n_slots, n_rows, n_outputs = (extent(logits, axis) for axis in range(4))
    logits = tf.reshape(tf.transpose(logits, (1, 0, 2, 3)), (n_slots, n_chunks * n_rows, n_outputs))
    return tf.reduce_sum(losses, axis=0), logits


# --- forward ---------------------------------------------------------------------------------------------------------


def _forward(state: State, hyper: Hyper, forms: _Forms, x: Tensor) -> tuple[list[_Layer], Tensor, tuple[Tensor, ...]]:
    """Hidden layers in training. Returns what the backward pass needs, the last output, the new moving statistics."""
    layers, moving, fed = [], [], x
    key = update_key(hyper.seed, state.step)
    for number, (kernel, vectors, old) in enumerate(zip(state.kernels, state.vectors, state.moving, strict=False)):
        z = tf.matmul(fed, kernel)
        mean, variance = _moments(z)
        bias = vectors[:, BIAS : BIAS + 1]
        statistics = tf.concat([mean + bias, variance], axis=1)
        gain, shift, rstd = _normaliser(forms, vectors, mean=mean + bias, variance=variance)
        u = z * gain + shift
        a, slope = activate(u, vectors[:, SLOPE : SLOPE + 1], forms.activation)
        out, out_slope = drop(a, forms.dropout, layer=number, key=key)
        layers.append(_Layer(fed, z, forms.batch_norm * mean, rstd, gain, u, a, out_slope, slope))
        moving.append(mix(old, statistics, defaults.BATCH_NORM_MOMENTUM))
        fed = out
    return layers, fed, tuple(moving)


def _predict(state: State, forms: _Forms, x: Tensor) -> Tensor:
    """Logits as the finished network gives them."""
    fed = x
    for kernel, vectors, moving in zip(state.kernels, state.vectors, state.moving, strict=False):
        gain, shift, _ = _normaliser(forms, vectors, mean=moving[:, :1], variance=moving[:, 1:])
        u = tf.matmul(fed, kernel) * gain + shift
        fed, _ = activate(u, vectors[:, SLOPE : SLOPE + 1], forms.activation)
    return tf.matmul(fed, state.kernels[-1]) + state.vectors[-1]


def _moments(z: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each unit over the batch."""
    mean = tf.reduce_mean(z, axis=1, keepdims=True)
    return mean, tf.reduce_mean(tf.square(z - mean), axis=1, keepdims=True)


def _normaliser(forms: _Forms, vectors: Tensor, *, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bias and batch norm as one line: u = (h W) gain + shift. The mean is that of h W + b.

    Where batch norm is off, the gain is 1 and the shift the bias.
    """
    bias, gamma, beta = (vectors[:, row : row + 1] for row in (BIAS, SCALE, SHIFT))
    rstd = tf.where(forms.normalised, tf.math.rsqrt(variance + defaults.BATCH_NORM_EPSILON), 1.0)
    gain = gamma * rstd
    return gain, beta + (bias - tf.where(forms.normalised, mean, 0.0)) * gain, rstd


# --- backward --------------------------------------------------------------------------------------------------------


def _backward(
    state: State, hyper: Hyper, forms: _Forms, layers: list[_Layer], hidden: Tensor, d_logits: Tensor
) -> _Gradients:
    """Gradients of the data loss and the activity terms, in the order of the layers."""
    d_kernels: list[Tensor] = [tf.matmul(hidden, d_logits, transpose_a=True)]
    d_vectors = [tf.reduce_sum(d_logits, axis=1, keepdims=True)]
    d_out = tf.matmul(d_logits, state.kernels[-1], transpose_b=True)
    for number in reversed(range(len(layers))):
        layer = layers[number]
        d_a = d_out * layer.out_slope + _activity_slope(layer.a, hyper)
        dz, d_vector = _backward_unit(layer, d_a, forms)
        d_kernels.insert(0, tf.matmul(layer.fed, dz, transpose_a=True))
        d_vectors.insert(0, d_vector)
        if number:
            d_out = tf.matmul(dz, state.kernels[number], transpose_b=True)
    return d_kernels, d_vectors


def _backward_unit(layer: _Layer, d_a: Tensor, forms: _Forms) -> tuple[Tensor, Tensor]:
    """Through activation and batch norm: dz, and the gradients of bias, gamma, beta and slope, (n_slots, 4, units).

    With batch norm the bias has no gradient (the mean takes it away); without, gamma and beta are not there. The slope
    learns in prelu alone.
    """
    du = d_a * layer.slope
    xhat = (layer.z - layer.mean) * layer.rstd
    d_beta = tf.reduce_sum(du, axis=1, keepdims=True)
    d_gamma = tf.reduce_sum(du * xhat, axis=1, keepdims=True)
    d_slope = tf.reduce_sum(d_a * tf.minimum(layer.u, 0.0), axis=1, keepdims=True)
    on, learns = forms.batch_norm, forms.activation.learns_slope
    dz = layer.gain * (du - on / d_a.shape[1] * (d_beta + xhat * d_gamma))
    return dz, tf.concat([(1.0 - on) * d_beta, on * d_gamma, on * d_beta, learns * d_slope], axis=1)


# --- penalties -------------------------------------------------------------------------------------------------------


def _penalise(state: State, hyper: Hyper, gradients: _Gradients) -> tuple[_Gradients, Tensor]:
    """Add the gradients of L1 and L2 on kernels and biases, and sum up what they cost, (n_slots,)."""
    cost = tf.zeros_like(hyper.l1)
    kernels, vectors = [], []
    for kernel, vector, d_kernel, d_vector in zip(state.kernels, state.vectors, *gradients, strict=True):
        bias = vector[:, : BIAS + 1]
        cost += _elastic(kernel, hyper.l1, hyper.l2) + _elastic(bias, hyper.bias_l1, hyper.bias_l2)
        kernels.append(d_kernel + _elastic_slope(kernel, hyper.l1, hyper.l2))
        d_bias = d_vector[:, : BIAS + 1] + _elastic_slope(bias, hyper.bias_l1, hyper.bias_l2)
        vectors.append(tf.concat([d_bias, d_vector[:, BIAS + 1 :]], axis=1))
    return (kernels, vectors), cost


def _elastic(w: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
    """`l1 * sum |w| + l2 * sum w^2` of each slot."""
    return l1 * tf.reduce_sum(tf.abs(w), axis=(1, 2)) + l2 * tf.reduce_sum(tf.square(w), axis=(1, 2))


def _elastic_slope(w: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
    return per_slot(l1, w) * tf.sign(w) + 2.0 * per_slot(l2, w) * w


def _activity_penalty(a: Tensor, hyper: Hyper) -> Tensor | float:
    """Summed over units, mean over the batch, as Keras does."""
    if hyper.activity_l1 is None:
        return 0.0
    return _elastic(a, hyper.activity_l1, hyper.activity_l2) / a.shape[1]


def _activity_slope(a: Tensor, hyper: Hyper) -> Tensor | float:
    if hyper.activity_l1 is None:
        return 0.0
    return _elastic_slope(a, hyper.activity_l1, hyper.activity_l2) / a.shape[1]


# --- descent ---------------------------------------------------------------------------------------------------------


def _descend(state: State, hyper: Hyper, gradients: _Gradients, *, step: Step) -> State:
    """Every parameter one step further; moving statistics are left as they are. Decay touches kernels alone."""
    count = state.step + 1
    rate = hyper.learning_rate
    shrunk = [kernel * per_slot(1.0 - rate * hyper.weight_decay, kernel) for kernel in state.kernels]
    kernels = [step(*each, rate, count) for each in zip(shrunk, gradients[0], state.kernel_moments, strict=True)]
    vectors = [step(*each, rate, count) for each in zip(state.vectors, gradients[1], state.vector_moments, strict=True)]
    return State(
        kernels=tuple(new for new, _ in kernels),
        vectors=tuple(new for new, _ in vectors),
        moving=state.moving,
        kernel_moments=tuple(moments for _, moments in kernels),
        vector_moments=tuple(moments for _, moments in vectors),
        step=count,
    )
