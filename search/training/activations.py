"""Activations, compiled: of whole layers, a column a unit, and of the numbers of one channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ffsearch.search.network import defaults
from ffsearch.search.network.topology import Activation
from ffsearch.search.training.compiling import compiled
from ffsearch.search.training.elementwise import Array, Scalar, exponential, multiply

__all__ = [
    "ACTIVATIONS",
    "activate",
    "activate_channel",
    "back_through",
    "back_through_channel",
    "keeps_slope",
    "slope_start",
]

_F = np.float32
_ZERO, _ONE, _TWO = (_F(value) for value in (0.0, 1.0, 2.0))

ACTIVATIONS: Final = tuple(Activation)
"""A network's activation is an index into these."""

_SLOPES: Final = {
    Activation.LEAKY_RELU: defaults.LEAKY_RELU_SLOPE,
    Activation.PRELU: defaults.PRELU_START,
    Activation.ELU: defaults.ELU_ALPHA,
    Activation.SELU: defaults.SELU_SCALE * defaults.SELU_ALPHA,
}

_RELU, _LEAKY_RELU, _PRELU, _ELU, _SELU, _SWISH, _TANH, _SOFTSIGN = (
    ACTIVATIONS.index(Activation(name))
    for name in ("relu", "leaky_relu", "prelu", "elu", "selu", "swish", "tanh", "softsign")
)


def slope_start(activation: Activation) -> float:
    """The factor left of zero: of u, or for elu and selu of exp(u) - 1. Only prelu learns it."""
    return _SLOPES.get(activation, 0.0)


def _loops(function: Callable[[Any, Any], tuple[Any, Any]]) -> tuple[Any, Any]:
    """An activation in the place of u, and its slope: of all units of a layer, and of one channel."""
    function = compiled(function)

    @compiled
    def units(u: Array, left: Array, slope: Array) -> None:
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j], slope[i, j] = function(u[i, j], left[j])

    @compiled
    def channel(u: Array, left: Scalar, slope: Array) -> None:
        for i in range(len(u)):
            u[i], slope[i] = function(u[i], left)

    return units, channel


@compiled
def _are_apart(z: Array, out: Array) -> bool:
    """Whether input and output are different arrays.

    The callers have a loop for each case: the compiler makes vector code only where it knows that they do not overlap.
    """
    return bool(z.ctypes.data != out.ctypes.data)


@compiled
def _bent_units(z: Array, gain: Array, offset: Array, left: Array, out: Array) -> None:
    """A line right of zero, another one left of it. Its slope can be read off the sign of what it puts out."""
    if _are_apart(z, out):
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                u = z[i, j] * gain[j] + offset[j]
                bent = left[j] * u
                out[i, j] = u if u > _ZERO else bent
    else:
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                u = out[i, j] * gain[j] + offset[j]
                bent = left[j] * u
                out[i, j] = u if u > _ZERO else bent


@compiled
def _line(z: Array, gain: Array, offset: Array, out: Array) -> None:
    if _are_apart(z, out):
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] = z[i, j] * gain[j] + offset[j]
    else:
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] = out[i, j] * gain[j] + offset[j]


def _bent(u: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:
    """The same where the factor left of zero may have any sign, so that the slope has to be kept."""
    return (u, _ONE) if u > _ZERO else (left * u, left)


def _exponential_left(right: float) -> Callable[[Any, Any], tuple[Any, Any]]:
    """A line right of zero, an exponential left of it."""
    factor = _F(right)

    def function(u: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:
        e = exponential(-abs(u))
        return (factor * u, factor) if u > _ZERO else (left * (e - _ONE), left * e)

    return function


def _swish(u: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:  # noqa: ARG001  (one form for all)
    q = _ONE / (_ONE + exponential(-abs(u)))
    logistic = q if u > _ZERO else _ONE - q
    return u * logistic, logistic + u * logistic * (_ONE - logistic)


def _tanh(u: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:  # noqa: ARG001
    """2 logistic(2 u) - 1."""
    q = _ONE / (_ONE + exponential(-_TWO * abs(u)))
    logistic = q if u > _ZERO else _ONE - q
    return _TWO * logistic - _ONE, _TWO * _TWO * logistic * (_ONE - logistic)


def _softsign(u: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:  # noqa: ARG001
    q = _ONE / (_ONE + abs(u))
    return u * q, q * q


_prelu_units, _prelu_channel = _loops(_bent)
_elu_units, _elu_channel = _loops(_exponential_left(1.0))
_selu_units, _selu_channel = _loops(_exponential_left(defaults.SELU_SCALE))
_swish_units, _swish_channel = _loops(_swish)
_tanh_units, _tanh_channel = _loops(_tanh)
_softsign_units, _softsign_channel = _loops(_softsign)


def keeps_slope(activation: Activation) -> bool:
    """Whether the slope is kept for the way back; otherwise it is `left` where the output is not positive, and 1."""
    return activation not in (Activation.RELU, Activation.LEAKY_RELU)


@compiled
def activate(activation: int, z: Array, gain: Array, offset: Array, left: Array, out: Array, slope: Array) -> None:
    """f(u) and f'(u) of u = z gain + offset.

    Args:
        activation: Its number.
        z: (rows, units); may be `out` itself.
        gain: One a unit, (units,).
        offset: One a unit, (units,).
        left: The factor left of zero, (units,).
        out: (rows, units); holds f(u) afterwards.
        slope: (rows, units); holds f'(u) afterwards, if `keeps_slope`.
    """
    if activation in (_RELU, _LEAKY_RELU):
        _bent_units(z, gain, offset, left, out)
        return
    _line(z, gain, offset, out)
    if activation == _PRELU:
        _prelu_units(out, left, slope)
    elif activation == _ELU:
        _elu_units(out, left, slope)
    elif activation == _SELU:
        _selu_units(out, left, slope)
    elif activation == _SWISH:
        _swish_units(out, left, slope)
    elif activation == _TANH:
        _tanh_units(out, left, slope)
    else:
        _softsign_units(out, left, slope)


@compiled
def back_through(activation: int, d: Array, out: Array, left: Array, slope: Array) -> None:
    """The gradient in u, d f'(u), in the place of d.

    Args:
        activation: Its number.
        d: Gradient in f(u), (rows, units).
        out: What `activate` made of u, or zero where dropout took it, (rows, units).
        left: As `activate` had it; the same for all units where no slope is kept.
        slope: What it kept.
    """
    if activation in (_RELU, _LEAKY_RELU):
        flat, signs, factor = d.reshape(-1), out.reshape(-1), left[0]
        for i in range(len(flat)):
            bent = factor * flat[i]
            flat[i] = flat[i] if signs[i] > _ZERO else bent
    else:
        multiply(d, slope)


# --- of one channel --------------------------------------------------------------------------------------------------


@compiled
def activate_channel(
    activation: int, z: Array, gain: Scalar, offset: Scalar, left: Scalar, out: Array, slope: Array
) -> None:
    """The same as `activate` of some numbers of one channel.

    Args:
        activation: Its number.
        z: (n,); may be `out` itself.
        gain: The channel's.
        offset: Likewise.
        left: The factor left of zero.
        out: (n,); holds f(u) afterwards.
        slope: (n,); holds f'(u) afterwards, if `keeps_slope`.
    """
    if activation in (_RELU, _LEAKY_RELU):
        _bent_channel(z, gain, offset, left, out)
        return
    _line_channel(z, gain, offset, out)
    if activation == _PRELU:
        _prelu_channel(out, left, slope)
    elif activation == _ELU:
        _elu_channel(out, left, slope)
    elif activation == _SELU:
        _selu_channel(out, left, slope)
    elif activation == _SWISH:
        _swish_channel(out, left, slope)
    elif activation == _TANH:
        _tanh_channel(out, left, slope)
    else:
        _softsign_channel(out, left, slope)


@compiled
def _bent_channel(z: Array, gain: Scalar, offset: Scalar, left: Scalar, out: Array) -> None:
    if _are_apart(z, out):
        for i in range(len(out)):
            u = z[i] * gain + offset
            bent = left * u
            out[i] = u if u > _ZERO else bent
    else:
        for i in range(len(out)):
            u = out[i] * gain + offset
            bent = left * u
            out[i] = u if u > _ZERO else bent


@compiled
def _line_channel(z: Array, gain: Scalar, offset: Scalar, out: Array) -> None:
    if _are_apart(z, out):
        for i in range(len(out)):
            out[i] = z[i] * gain + offset
    else:
        for i in range(len(out)):
            out[i] = out[i] * gain + offset


@compiled
def back_through_channel(activation: int, d: Array, out: Array, left: Scalar, slope: Array) -> None:
    """The same as `back_through` of some numbers of one channel, all arrays (n,)."""
    if activation in (_RELU, _LEAKY_RELU):
        for i in range(len(d)):
            bent = left * d[i]
            d[i] = d[i] if out[i] > _ZERO else bent
    else:
        for i in range(len(d)):
            d[i] *= slope[i]
