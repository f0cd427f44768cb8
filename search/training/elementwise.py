"""The elementwise functions of a lane, compiled: dropout, losses, and the optimisers' steps; `activations.py` has more.

Arrays are float32, (rows, units), or one entry a unit. Loops are short and touch few arrays at a time, because the
compiler computes on whole vectors only where it can see that no array overlaps another.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Loss
from ffsearch.search.training.compiling import compiled
from ffsearch.search.training.hashing import FIELD_WORD, HASH_WORDS, ROW_STRIDE

__all__ = [
    "LOSSES",
    "N_MOMENTS",
    "OPTIMIZERS",
    "Array",
    "Scalar",
    "add",
    "copy",
    "descend",
    "draw",
    "drop",
    "elastic_slope",
    "exponential",
    "field_key",
    "fill",
    "losses",
    "mean_share",
    "multiply",
    "place_bits",
    "update_key",
]

Array = Any
"""A NumPy array inside compiled code, where its annotations are not read."""

Scalar = Any
"""A float32 or an integer there."""

_F = np.float32
_U = np.uint32
_ZERO, _HALF, _ONE, _TWO = (_F(value) for value in (0.0, 0.5, 1.0, 2.0))

# --- the exponential -------------------------------------------------------------------------------------------------

_LOWEST: Final = _F(-87.0)
_LOG2_E: Final = _F(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
_EXP = tuple(
    _F(value)
    for value in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)


@compiled
def exponential(x: Scalar) -> Scalar:
    """exp(x) to the last bit or so, for x up to 88; below -87 it is exp(-87), which nothing tells from 0.

    The C library's takes one number at a time; this one becomes a vector's instructions.

    Source: Moshier 1989, Methods and Programs for Mathematical Functions, expf of the Cephes library: exp(x) is
    2**n exp(r) with |r| up to half of ln 2, and exp(r) a polynomial.
    """
    x = _LOWEST if x < _LOWEST else x
    n = np.floor(x * _LOG2_E + _HALF)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = _EXP[0] * r + _EXP[1]
    p = p * r + _EXP[2]
    p = p * r + _EXP[3]
    p = p * r + _EXP[4]
    p = p * r + _EXP[5]
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return (p * r * r + r + _ONE) * power


# --- sums and products of arrays --------------------------------------------------------------------------------------


@compiled
def add(x: Array, term: Array) -> None:
    """The sum in the place of x; both of one shape."""
    flat, terms = x.reshape(-1), term.reshape(-1)
    for i in range(len(flat)):
        flat[i] += terms[i]


@compiled
def copy(x: Array, into: Array) -> None:
    """As many rows as there are, of matrices."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            into[i, j] = x[i, j]


@compiled
def fill(x: Array, value: Scalar) -> None:
    """One value everywhere."""
    flat = x.reshape(-1)
    for i in range(len(flat)):
        flat[i] = value


@compiled
def multiply(x: Array, factor: Array) -> None:
    """The product in the place of x; both of one shape."""
    flat, factors = x.reshape(-1), factor.reshape(-1)
    for i in range(len(flat)):
        flat[i] *= factors[i]


# --- random bits, and dropout ----------------------------------------------------------------------------------------

_WORD_1, _WORD_2 = (_U(word) for word in HASH_WORDS)
_FIELD = _U(FIELD_WORD)
_STRIDE = _U(ROW_STRIDE)
_FOLD = _U(15)


@compiled
def _fold(x: Scalar) -> Scalar:
    return x ^ _U(x >> _FOLD)


@compiled
def _scramble(x: Scalar) -> Scalar:
    """Every bit of the result depends on every bit of x."""
    x = _fold(_U(_fold(x) * _WORD_1))
    return _fold(_U(_fold(x) * _WORD_2))


@compiled
def update_key(seed: Array, step: int) -> tuple[Scalar, Scalar]:
    """Two random words for an update.

    Args:
        seed: Two words of the job.
        step: Updates it has made.
    """
    count = _scramble(_U(_U(step) + _FIELD))
    return _scramble(_U(seed[0] + count)), _scramble(_U(seed[1] + count))


@compiled
def field_key(key: tuple[Scalar, Scalar], field: int) -> tuple[Scalar, Scalar]:
    """The key of one field of bits in an update; 0 and up are the layers of dropout."""
    word = _U(_U(field) * _FIELD)
    return _U(_U(key[0]) + word), _U(_U(key[1]) + word)


@compiled
def place_bits(key: tuple[Scalar, Scalar], row: int, column: int) -> Scalar:
    """32 random bits of a row and a column, the upper ones the better: a hash of their place under the key."""
    place = _U(_U(_U(key[0]) + _U(_U(row) * _STRIDE)) + _U(column))
    return _U(_U(_fold(_U(place * _WORD_1)) + _U(key[1])) * _WORD_2)


@compiled
def drop(
    a: Array, gate: Array, key: tuple[Scalar, Scalar], threshold: Scalar, gain: Scalar, shift: Scalar, dropped: Scalar
) -> None:
    """Dropout in place: a gain + shift where a unit is kept, `dropped` elsewhere.

    Args:
        a: (rows, units); holds the output afterwards.
        gate: The same shape; holds the output's slope in a afterwards.
        key: Of the layer's field of bits.
        threshold: Random bits below it drop a unit.
        gain: Of what is kept.
        shift: Added to it.
        dropped: In the place of what is dropped.
    """
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            keep = place_bits(key, i, j) >= threshold
            a[i, j] = a[i, j] * gain + shift if keep else dropped
            gate[i, j] = gain if keep else _ZERO


# --- losses ----------------------------------------------------------------------------------------------------------

LOSSES: Final = tuple(Loss)
"""A loss is an index into these."""

_MSE, _MAE, _HUBER, _BINARY, _CATEGORICAL = (
    LOSSES.index(each)
    for each in (Loss.MSE, Loss.MAE, Loss.HUBER, Loss.BINARY_CROSSENTROPY, Loss.CATEGORICAL_CROSSENTROPY)
)
_DELTA = _F(defaults.HUBER_DELTA)


@compiled
def losses(loss: int, logits: Array, y: Array, row_loss: Array) -> None:
    """The loss of each row, and in the place of the logits their gradient.

    Args:
        loss: Its number.
        logits: (rows, n_outputs); holds the gradient afterwards.
        y: Targets, (rows, n_outputs), classes as one slot each.
        row_loss: (rows,); holds the losses afterwards.
    """
    if loss == _CATEGORICAL:
        _categorical(logits, y, row_loss)
        return
    n_outputs = _F(logits.shape[1])
    for i in range(logits.shape[0]):
        total = _ZERO
        for j in range(logits.shape[1]):
            one, slope = _one_loss(loss, logits[i, j], y[i, j])
            total += one
            logits[i, j] = slope / n_outputs
        row_loss[i] = total / n_outputs


@compiled
def _one_loss(loss: int, logit: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """Of one output, and its slope."""
    error = logit - y
    if loss == _MSE:
        return error * error, _TWO * error
    if loss == _MAE:
        return abs(error), np.sign(error)
    if loss == _HUBER:
        slope = min(max(error, -_DELTA), _DELTA)
        return slope * (error - _HALF * slope), slope
    e = np.exp(-abs(logit))  # log(1 + exp(-|s|)) + max(s, 0) - s y: no overflow at either end
    logistic = _ONE / (_ONE + e) if logit > _ZERO else e / (_ONE + e)
    return _F(np.log1p(e)) + max(logit, _ZERO) - logit * y, logistic - y


@compiled
def _categorical(logits: Array, y: Array, row_loss: Array) -> None:
    """Softmax, and the logarithm of the true class' share of it."""
    for i in range(logits.shape[0]):
        largest = logits[i, 0]
        for j in range(logits.shape[1]):
            largest = max(largest, logits[i, j])
        total, true = _ZERO, _ZERO
        for j in range(logits.shape[1]):
            shifted = logits[i, j] - largest
            true += y[i, j] * shifted
            logits[i, j] = exponential(shifted)
            total += logits[i, j]
        row_loss[i] = _F(np.log(total)) - true
        for j in range(logits.shape[1]):
            logits[i, j] = logits[i, j] / total - y[i, j]


# --- optimisers: one step of one array, as Keras computes it ---------------------------------------------------------

OPTIMIZERS: Final = ("adam", "adamw", "sgd", "rmsprop")
"""An optimiser is an index into these."""

_SGD, _RMSPROP = OPTIMIZERS.index("sgd"), OPTIMIZERS.index("rmsprop")

N_MOMENTS: Final = {"adam": 2, "adamw": 2, "sgd": 1, "rmsprop": 1}
"""Running averages an optimiser keeps for every parameter."""

_BETA_1, _BETA_2 = _F(defaults.ADAM_BETA_1), _F(defaults.ADAM_BETA_2)
_NEW_1, _NEW_2 = _F(1 - defaults.ADAM_BETA_1), _F(1 - defaults.ADAM_BETA_2)  # in float32 1 - .999 is off by 5e-5
_NEW_RHO = _F(1 - defaults.RMSPROP_RHO)
_RHO, _EPSILON = _F(defaults.RMSPROP_RHO), _F(defaults.OPTIMIZER_EPSILON)


@compiled
def elastic_slope(w: Scalar, l1: Scalar, l2: Scalar) -> Scalar:
    """The slope of `l1 |w| + l2 w^2`."""
    return l1 * np.sign(w) + _TWO * l2 * w


@compiled
def descend(
    optimizer: int, w: Array, gradient: Array, first: Array, second: Array,
    rate: Scalar, kept: Scalar, l1: Scalar, l2: Scalar, count: int, momentum: Scalar,
) -> None:  # fmt: skip
    """One step, in place.

    Args:
        optimizer: Its number.
        w: Parameters, (n,).
        gradient: Of the loss without penalties, (n,).
        first: The optimiser's running average, (n,).
        second: Its other one; the same array for those that have one.
        rate: The learning rate.
        kept: What decoupled decay leaves of a parameter before the step: 1 - rate * weight_decay.
        l1: Factor of `|w|` in the loss.
        l2: Factor of `w^2`.
        count: Number of this update, from 1.
        momentum: Of `sgd`.
    """
    if optimizer == _SGD:
        _sgd(w, gradient, first, rate, kept, l1, l2, momentum)
    elif optimizer == _RMSPROP:
        _rmsprop(w, gradient, first, rate, kept, l1, l2)
    else:  # Source: Kingma and Ba 2015, end of section 2.
        unbiased = np.sqrt(_ONE - _BETA_2 ** _F(count)) / (_ONE - _BETA_1 ** _F(count))
        _adam(w, gradient, first, second, _F(rate * unbiased), kept, l1, l2)


@compiled
def _adam(
    w: Array, gradient: Array, first: Array, second: Array, rate: Scalar, kept: Scalar, l1: Scalar, l2: Scalar
) -> None:
    for i in range(len(w)):
        g = gradient[i] + elastic_slope(w[i], l1, l2)
        m = _BETA_1 * first[i] + _NEW_1 * g
        v = _BETA_2 * second[i] + _NEW_2 * (g * g)
        first[i] = m
        second[i] = v
        w[i] = kept * w[i] - rate * m / (np.sqrt(v) + _EPSILON)


@compiled
def _sgd(
    w: Array, gradient: Array, velocity: Array, rate: Scalar, kept: Scalar, l1: Scalar, l2: Scalar, momentum: Scalar
) -> None:
    """Plain momentum."""
    for i in range(len(w)):
        step = momentum * velocity[i] - rate * (gradient[i] + elastic_slope(w[i], l1, l2))
        velocity[i] = step
        w[i] = kept * w[i] + step


@compiled
def _rmsprop(w: Array, gradient: Array, square: Array, rate: Scalar, kept: Scalar, l1: Scalar, l2: Scalar) -> None:
    """With epsilon under the root, as Keras has it."""
    for i in range(len(w)):
        g = gradient[i] + elastic_slope(w[i], l1, l2)
        v = _RHO * square[i] + _NEW_RHO * (g * g)
        square[i] = v
        w[i] = kept * w[i] - rate * g / np.sqrt(v + _EPSILON)


# --- the running mean of weights -------------------------------------------------------------------------------------

_LATER = _F(defaults.LATER_WEIGHTS)


@compiled
def mean_share(count: int) -> Scalar:
    """How far an update draws the mean: all the way at the first one.

    Args:
        count: Number of the update, from 1.
    """
    return _F((_LATER + _ONE) / (_LATER + _F(count)))


@compiled
def draw(mean: Array, w: Array, share: Scalar) -> None:
    """Draw a mean to what it is of, in place."""
    for i in range(len(mean)):
        mean[i] += share * (w[i] - mean[i])
