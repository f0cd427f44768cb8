"""The elementwise functions of a lane: activations, dropout, losses, and the optimisers' steps.

As in `lane.py`, axis 0 of every array is the slot. A function that differs between slots is one formula for all of
them, and a form, computed once an epoch, that says which case each slot is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import tensorflow as tf

from ffsearch.search import defaults
from ffsearch.search.heads import Loss
from ffsearch.search.topology import Activation
from ffsearch.search.training.families import FAMILIES, Family
from ffsearch.search.training.hashing import FIELD_WORD, HASH_WORDS, ROW_STRIDE

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "STEPS",
    "ActivationForm",
    "DropoutForm",
    "Moments",
    "Step",
    "Tensor",
    "activate",
    "activation_form",
    "drop",
    "dropout_form",
    "extent",
    "field_key",
    "mix",
    "per_slot",
    "place_bits",
    "slope_start",
    "update_key",
]

Tensor = Any
"""A TensorFlow tensor; TensorFlow publishes no types."""

Moments = tuple[Tensor, ...]
Step = Callable[..., tuple[Tensor, Moments]]


def per_slot(values: Tensor, w: Tensor) -> Tensor:
    """(n_slots,) made to meet an array of a slot's own axes."""
    return tf.reshape(values, (-1, *[1] * (len(w.shape) - 1)))


def extent(x: Tensor, axis: int) -> Any:
    """Length of an axis: a number where the graph knows it, else a tensor."""
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def mix(old: Tensor, new: Tensor, share: float) -> Tensor:
    """A running average that keeps `share` of the old."""
    return share * old + (1.0 - share) * new


# --- activations -----------------------------------------------------------------------------------------------------

ACTIVATIONS: Final = tuple(Activation)
"""A slot's activation is an index into these."""

_SLOPES: Final = {
    Activation.LEAKY_RELU: defaults.LEAKY_RELU_SLOPE,
    Activation.PRELU: defaults.PRELU_START,
    Activation.ELU: defaults.ELU_ALPHA,
    Activation.SELU: defaults.SELU_SCALE * defaults.SELU_ALPHA,
}


def slope_start(activation: Activation) -> float:
    """The factor left of zero: of u, or for elu and selu of exp(u) - 1. Only prelu learns it."""
    return _SLOPES.get(activation, 0.0)


class ActivationForm(NamedTuple):
    """Which activation each slot has, (n_slots, 1, 1) each."""

    family: Family | None  # of all slots; None where they differ
    right: Tensor  # factor of u right of zero
    exponential: Tensor  # bool: elu, selu
    curved: Tensor  # bool: swish, tanh, softsign
    tanh: Tensor  # bool
    softsign: Tensor  # bool
    learns_slope: Tensor  # 0 or 1: prelu


def activation_form(activation: Tensor, *, family: Family | None) -> ActivationForm:
    """The form of activation numbers, int32 (n_slots,), which are of one family unless that is None."""

    def one_of(*kinds: Activation) -> Tensor:
        return tf.reduce_any([tf.equal(activation, ACTIVATIONS.index(kind)) for kind in kinds], axis=0)[:, None, None]

    return ActivationForm(
        family=family,
        right=tf.where(one_of(Activation.SELU), defaults.SELU_SCALE, 1.0),
        exponential=one_of(*FAMILIES[Family.EXPONENTIAL]),
        curved=one_of(*FAMILIES[Family.CURVED]),
        tanh=one_of(Activation.TANH),
        softsign=one_of(Activation.SOFTSIGN),
        learns_slope=tf.cast(one_of(Activation.PRELU), tf.float32),
    )


def activate(u: Tensor, left: Tensor, form: ActivationForm) -> tuple[Tensor, Tensor]:
    """f(u) and f'(u) of all eight activations, with one exponential and one division between them.

    With e = exp(-|u|) and q = 1 / (1 + e), the logistic function is q right of zero and 1 - q left of it;
    swish = u logistic(u); tanh u = 2 logistic(2 u) - 1; softsign is u q with |u| in the place of e.

    Args:
        u: (n_slots, batch, units).
        left: The factor left of zero, (n_slots, 1, units).
        form: Which activation each slot has.
    """
    if form.family is Family.LINEAR:
        return _bent(u, left, form, None)
    size = tf.abs(u)
    e = tf.exp(tf.where(form.tanh, -2.0, -1.0) * size)
    if form.family is Family.EXPONENTIAL:
        return _bent(u, left, form, e)
    if form.family is Family.CURVED:
        return _curved(u, size, form, e)
    bent, curved = _bent(u, left, form, e), _curved(u, size, form, e)
    return tf.where(form.curved, curved[0], bent[0]), tf.where(form.curved, curved[1], bent[1])


def _bent(u: Tensor, left: Tensor, form: ActivationForm, e: Tensor | None) -> tuple[Tensor, Tensor]:
    """A line right of zero; left of it a line too, or where e is given and the slot says so, an exponential."""
    positive, below, below_slope = u > 0.0, u, 1.0
    if e is not None:
        below, below_slope = tf.where(form.exponential, e - 1.0, u), tf.where(form.exponential, e, 1.0)
    return tf.where(positive, form.right * u, left * below), tf.where(positive, form.right, left * below_slope)


def _curved(u: Tensor, size: Tensor, form: ActivationForm, e: Tensor) -> tuple[Tensor, Tensor]:
    """swish, tanh, softsign."""
    q = 1.0 / (1.0 + tf.where(form.softsign, size, e))
    logistic = tf.where(u > 0.0, q, 1.0 - q)
    product = u * tf.where(form.softsign, q, logistic)
    product_slope = tf.where(form.softsign, q * q, logistic + product * (1.0 - logistic))
    value = tf.where(form.tanh, 2.0 * logistic - 1.0, product)
    return value, tf.where(form.tanh, 4.0 * logistic * (1.0 - logistic), product_slope)


# --- dropout ---------------------------------------------------------------------------------------------------------


class DropoutForm(NamedTuple):
    """How each slot drops: out = a gain + shift where a unit is kept, `dropped` elsewhere; (n_slots, 1, 1) each.

    Two differ between real units and padding, which stays 0: they are (n_slots, 1, units), one a layer.
    """

    gain: Tensor
    dropped: Tensor
    shift: tuple[Tensor, ...]
    threshold: tuple[Tensor, ...]  # uint32: random bits below it drop a unit


def dropout_form(rate: Tensor, *, activation: Tensor, widths: Tensor, units: Sequence[Any]) -> DropoutForm:
    """Plain dropout, and for selu the kind that keeps mean and variance.

    Source: Klambauer et al. 2017, arXiv 1706.02515, section "New dropout technique": a dropped unit takes selu's lower
    limit, and an affine map brings mean and variance back.

    Args:
        rate: (n_slots,).
        activation: Activation numbers, int32 (n_slots,).
        widths: Units that are not padding, int32 (n_slots, depth). Padding is neither dropped nor shifted.
        units: Units of every hidden layer with padding.
    """
    limit = -defaults.SELU_SCALE * defaults.SELU_ALPHA
    is_selu = tf.equal(activation, ACTIVATIONS.index(Activation.SELU))
    gain = tf.where(is_selu, tf.math.rsqrt((1.0 - rate) * (1.0 + rate * limit**2)), 1.0 / (1.0 - rate))
    shift = tf.where(is_selu, -gain * limit * rate, 0.0)
    dropped = tf.where(is_selu, gain * limit + shift, 0.0)
    real = [tf.range(n)[None, :] < widths[:, layer, None] for layer, n in enumerate(units)]
    return DropoutForm(
        gain=gain[:, None, None],
        dropped=dropped[:, None, None],
        shift=tuple(tf.where(each, shift[:, None], 0.0)[:, None] for each in real),
        threshold=tuple(tf.cast(tf.where(each, rate[:, None], 0.0) * 2.0**32, tf.uint32)[:, None] for each in real),
    )


def drop(a: Tensor, form: DropoutForm, *, layer: int, key: Tensor) -> tuple[Tensor, Tensor]:
    """Dropout's output and its slope in a.

    Args:
        a: (n_slots, batch, units).
        form: How each slot drops.
        layer: Number of the layer.
        key: Random words of this update, from `update_key`.
    """
    keep = _bits(field_key(key, layer), extent(a, 1), extent(a, 2)) >= form.threshold[layer]
    return tf.where(keep, a * form.gain + form.shift[layer], form.dropped), tf.where(keep, form.gain, 0.0)


def update_key(seed: Tensor, step: Tensor) -> Tensor:
    """Two random words for each slot and update, uint32 (n_slots, 2).

    Args:
        seed: Of the slot's dropout, uint32 (n_slots, 2).
        step: Updates it has made, int32 (n_slots,).
    """
    count = tf.cast(step, tf.uint32)[:, None]
    return _scramble(seed + _scramble(count + _word(FIELD_WORD)))


def _bits(key: Tensor, n_rows: Any, n_units: Any) -> Tensor:
    """32 random bits for every slot, row and unit, the upper ones the better: a hash of their place under the key.

    A generator's field for every slot would cost more than the network. The lane's width does not enter.
    """
    return place_bits(key, n_rows, tf.range(n_units))


def place_bits(key: Tensor, n_rows: Any, columns: Tensor) -> Tensor:
    """The same for columns of these numbers, int32 (n_columns,): equal numbers get equal bits."""
    rows = key[:, 0, None, None] + tf.cast(tf.range(n_rows) * ROW_STRIDE, tf.uint32)[:, None]
    x = _fold((rows + tf.cast(columns, tf.uint32)) * _word(HASH_WORDS[0]))
    return (x + key[:, 1, None, None]) * _word(HASH_WORDS[1])


def field_key(key: Tensor, field: int) -> Tensor:
    """The key of one field of bits in an update; 0 and up are the layers of dropout."""
    return key + _word(field * FIELD_WORD)


def _scramble(x: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of x."""
    for word in HASH_WORDS:
        x = _fold(_fold(x) * _word(word))
    return x


def _fold(x: Tensor) -> Tensor:
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, _word(15)))


def _word(value: int) -> Tensor:
    return tf.constant(value & 0xFFFFFFFF, tf.uint32)


# --- losses: of each row (n_slots, n_rows), and their gradient in the logits (n_slots, n_rows, n_outputs) ------------


def _n_outputs(logits: Tensor) -> Tensor:
    return tf.cast(extent(logits, 2), logits.dtype)


def _mse(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    error = logits - y
    return tf.reduce_mean(tf.square(error), axis=2), 2.0 * error / _n_outputs(error)


def _mae(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    error = logits - y
    return tf.reduce_mean(tf.abs(error), axis=2), tf.sign(error) / _n_outputs(error)


def _huber(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Squared up to `HUBER_DELTA`, linear beyond."""
    error = logits - y
    slope = tf.clip_by_value(error, -defaults.HUBER_DELTA, defaults.HUBER_DELTA)
    return tf.reduce_mean(slope * (error - 0.5 * slope), axis=2), slope / _n_outputs(error)


def _binary(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """log(1 + exp(-|s|)) + max(s, 0) - s y: no overflow at either end."""
    row = tf.math.log1p(tf.exp(-tf.abs(logits))) + tf.maximum(logits, 0.0) - logits * y
    return tf.reduce_mean(row, axis=2), (tf.sigmoid(logits) - y) / _n_outputs(logits)


def _categorical(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    truth = y if y.dtype.is_floating else tf.one_hot(y, extent(logits, 2))  # mixed rows lie between two classes
    shifted = logits - tf.reduce_max(logits, axis=2, keepdims=True)
    exponentials = tf.exp(shifted)
    total = tf.reduce_sum(exponentials, axis=2, keepdims=True)
    row = tf.math.log(total[:, :, 0]) - tf.reduce_sum(truth * shifted, axis=2)
    return row, exponentials / total - truth


LOSSES: Final[dict[Loss, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]]] = {
    Loss.MSE: _mse,
    Loss.MAE: _mae,
    Loss.HUBER: _huber,
    Loss.BINARY_CROSSENTROPY: _binary,
    Loss.CATEGORICAL_CROSSENTROPY: _categorical,
}


# --- optimisers: one step of one array, as Keras computes it ---------------------------------------------------------


def _adam(
    w: Tensor, gradient: Tensor, moments: Moments, rate: Tensor, count: Tensor, *, momentum: float
) -> tuple[Tensor, Moments]:
    """Adam, and AdamW, whose decay has been done before. Source: Kingma and Ba 2015, end of section 2."""
    del momentum
    first = mix(moments[0], gradient, defaults.ADAM_BETA_1)
    second = mix(moments[1], tf.square(gradient), defaults.ADAM_BETA_2)
    n = tf.cast(count, tf.float32)
    unbiased = tf.sqrt(1.0 - tf.pow(defaults.ADAM_BETA_2, n)) / (1.0 - tf.pow(defaults.ADAM_BETA_1, n))
    return w - per_slot(rate * unbiased, w) * first / (tf.sqrt(second) + defaults.OPTIMIZER_EPSILON), (first, second)


def _sgd(
    w: Tensor, gradient: Tensor, moments: Moments, rate: Tensor, count: Tensor, *, momentum: float
) -> tuple[Tensor, Moments]:
    """Gradient descent with plain momentum."""
    del count
    velocity = momentum * moments[0] - per_slot(rate, w) * gradient
    return w + velocity, (velocity,)


def _rmsprop(
    w: Tensor, gradient: Tensor, moments: Moments, rate: Tensor, count: Tensor, *, momentum: float
) -> tuple[Tensor, Moments]:
    """RMSprop, with epsilon under the root as Keras has it."""
    del count, momentum
    square = mix(moments[0], tf.square(gradient), defaults.RMSPROP_RHO)
    return w - per_slot(rate, w) * gradient * tf.math.rsqrt(square + defaults.OPTIMIZER_EPSILON), (square,)


STEPS: Final[dict[str, Step]] = {"adam": _adam, "adamw": _adam, "sgd": _sgd, "rmsprop": _rmsprop}
