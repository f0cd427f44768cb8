"""Augmentation in a lane, compiled: what `augment.py` defines, for the rows of one update, in place."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ffsearch.search.training.augment import Draw, Field
from ffsearch.search.training.compiling import compiled
from ffsearch.search.training.elementwise import Array, Scalar, copy, field_key, place_bits

__all__ = ["Augment", "augment_rows"]

_F = np.float32
_U = np.uint32
_ZERO, _ONE = _F(0.0), _F(1.0)
_UNIFORM: Final = _F(2.0**-23)
_LOW_BITS: Final = _U(9)

_NOISE, _SWAP, _OFFSET = (int(field) for field in (Field.NOISE, Field.SWAP, Field.OFFSET))
_SHARE, _TARGET_SHARE, _PARTNER = (int(draw) for draw in (Draw.SHARE, Draw.TARGET_SHARE, Draw.PARTNER))
_TOP, _BOTTOM, _LEFT, _RIGHT = (int(draw) for draw in (Draw.TOP, Draw.BOTTOM, Draw.LEFT, Draw.RIGHT))
_X_OF_X, _X_OF_Y, _X_OF_1 = (int(draw) for draw in (Draw.X_OF_X, Draw.X_OF_Y, Draw.X_OF_1))
_Y_OF_X, _Y_OF_Y, _Y_OF_1 = (int(draw) for draw in (Draw.Y_OF_X, Draw.Y_OF_Y, Draw.Y_OF_1))
_BRIGHTNESS = int(Draw.BRIGHTNESS)


class Augment(NamedTuple):
    """What is done to the rows of one network.

    Args:
        warped: Whether images are turned, shifted, mirrored, zoomed or made brighter.
        mixed: Whether rows are mixed with others.
        noise: Standard deviation, float32.
        swap: Chance of a cell, float32.
        image: Height, width and channels, int64 (3,); zeros for a table.
        cell: Number of the table's cell each column comes from, int32 (n_features,).
        is_number: Whether a column is a number, bool (n_features,).
        before: Room for the rows as they were, (batch, n_features).
        y_before: The same for targets.
        weight_before: The same for weights.
    """

    warped: bool
    mixed: bool
    noise: Scalar
    swap: Scalar
    image: Array
    cell: Array
    is_number: Array
    before: Array
    y_before: Array
    weight_before: Array


@compiled
def augment_rows(x: Array, y: Array, weight: Array, augment: Augment, draws: Array, key: tuple[Scalar, Scalar]) -> None:
    """The rows of one update, augmented in place.

    Args:
        x: Features, (batch, n_features).
        y: Targets, classes as one slot each, (batch, n_outputs).
        weight: Of each row in the loss, (batch,).
        augment: What is done.
        draws: What was drawn once a row, (batch, n_draws).
        key: Random words of this update.
    """
    if augment.warped:
        copy(x, augment.before)
        _warp(augment.before, x, draws, augment.image)
    if augment.swap > _ZERO:
        copy(x, augment.before)
        _swap(augment.before, x, augment, key)
    if augment.noise > _ZERO:
        _add_noise(x, augment, field_key(key, _NOISE))
    if augment.mixed:
        copy(x, augment.before)
        copy(y, augment.y_before)
        for i in range(len(weight)):
            augment.weight_before[i] = weight[i]
        _mix(augment, x, y, weight, draws)


@compiled
def _warp(old: Array, new: Array, draws: Array, image: Array) -> None:
    """Each pixel from where it comes from, between the four pixels about that place."""
    height, width, channels = image[0], image[1], image[2]
    for i in range(len(old)):
        drawn = draws[i]
        for place in range(height * width):
            row, column = _F(place // width), _F(place % width)
            from_x = drawn[_X_OF_X] * column + drawn[_X_OF_Y] * row + drawn[_X_OF_1]
            from_y = drawn[_Y_OF_X] * column + drawn[_Y_OF_Y] * row + drawn[_Y_OF_1]
            from_x, from_y = min(max(from_x, _ZERO), _F(width - 1)), min(max(from_y, _ZERO), _F(height - 1))
            left, top = int(np.floor(from_x)), int(np.floor(from_y))
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            dx, dy = from_x - _F(left), from_y - _F(top)
            for channel in range(channels):
                above = (
                    old[i, (top * width + left) * channels + channel] * (_ONE - dx)
                    + old[i, (top * width + right) * channels + channel] * dx
                )
                below = (
                    old[i, (bottom * width + left) * channels + channel] * (_ONE - dx)
                    + old[i, (bottom * width + right) * channels + channel] * dx
                )
                new[i, place * channels + channel] = above * (_ONE - dy) + below * dy + drawn[_BRIGHTNESS]


@compiled
def _swap(old: Array, new: Array, augment: Augment, key: tuple[Scalar, Scalar]) -> None:
    """Cells from other rows of the batch: those of one cell of the table from as many rows further on."""
    n = len(old)
    swap_key, offset_key = field_key(key, _SWAP), field_key(key, _OFFSET)
    for j in range(old.shape[1]):
        chance = _uniform(place_bits(offset_key, 0, augment.cell[j]))
        offset = 1 + int(np.floor(chance * _F(n - 1)))
        for i in range(n):
            if _uniform(place_bits(swap_key, i, augment.cell[j])) < augment.swap:
                new[i, j] = old[(i + offset) % n, j]


@compiled
def _add_noise(x: Array, augment: Augment, key: tuple[Scalar, Scalar]) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if augment.is_number[j]:
                x[i, j] += augment.noise * _normal(place_bits(key, i, j))


@compiled
def _mix(augment: Augment, x: Array, y: Array, weight: Array, draws: Array) -> None:
    """Rows, targets and weights mixed with those of their partners."""
    width, channels = augment.image[1], augment.image[2]
    for i in range(len(x)):
        partner = int(draws[i, _PARTNER])
        share, kept = draws[i, _SHARE], draws[i, _TARGET_SHARE]
        for j in range(x.shape[1]):
            x[i, j] = share * augment.before[i, j] + (_ONE - share) * augment.before[partner, j]
        if channels:
            for row in range(int(draws[i, _TOP]), int(draws[i, _BOTTOM])):
                start = (row * width + int(draws[i, _LEFT])) * channels
                stop = (row * width + int(draws[i, _RIGHT])) * channels
                for j in range(start, stop):
                    x[i, j] = augment.before[partner, j]
        for j in range(y.shape[1]):
            y[i, j] = kept * augment.y_before[i, j] + (_ONE - kept) * augment.y_before[partner, j]
        weight[i] = kept * augment.weight_before[i] + (_ONE - kept) * augment.weight_before[partner]


@compiled
def _uniform(bits: Scalar) -> Scalar:
    """The upper 23 bits as a number in [0, 1), exact in float32."""
    return _F(_U(bits >> _LOW_BITS)) * _UNIFORM


# Source: Giles 2012, Approximating the erfinv function, GPU Computing Gems, single precision.
_MIDDLE = tuple(
    _F(value)
    for value in (
        2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
        0.246640727, 1.50140941,
    )
)  # fmt: skip
_TAIL = tuple(
    _F(value)
    for value in (
        -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
        1.00167406, 2.83297682,
    )
)  # fmt: skip
_ROOT_2 = _F(2.0**0.5)


@compiled
def _normal(bits: Scalar) -> Scalar:
    """A standard normal number by the inverse of its distribution; the upper 23 bits never reach its ends."""
    x = _F(_U(2) * _U(bits >> _LOW_BITS) + _U(1)) * _UNIFORM - _ONE
    w = -_F(np.log((_ONE - x) * (_ONE + x)))
    if w < _F(5.0):
        w -= _F(2.5)
        p = _MIDDLE[0]
        for k in range(1, 9):
            p = p * w + _MIDDLE[k]
    else:
        w = np.sqrt(w) - _F(3.0)
        p = _TAIL[0]
        for k in range(1, 9):
            p = p * w + _TAIL[k]
    return _ROOT_2 * p * x
