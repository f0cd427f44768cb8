"""Augmentation in a lane: what `augment.py` defines, for all slots at once and with strengths as data.

As in `lane.py`, axis 0 of every array is the slot. A strength of 0 leaves a slot's rows as they are, bit for bit.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ffsearch.search.training.augment import AugmentForm, Draw, Field
from ffsearch.search.training.lane_functions import Tensor, extent, field_key, place_bits

__all__ = ["augment_rows"]


def augment_rows(
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    *,
    form: AugmentForm,
    noise: Tensor,
    swap: Tensor,
    draws: Tensor,
    cell: Tensor,
    is_number: Tensor,
    key: Tensor,
    n_outputs: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """The rows of one update, augmented.

    Args:
        x: Features, (n_slots, batch, n_features).
        y: Targets, float (n_slots, batch, n_outputs), or int32 (n_slots, batch) class numbers.
        weight: Of each row in the loss, (n_slots, batch).
        form: What is computed.
        noise: Standard deviation, (n_slots,).
        swap: Chance of a cell, (n_slots,).
        draws: What was drawn once a row, (n_slots, batch, n_draws).
        cell: Number of the table's cell each column comes from, int32 (n_features,).
        is_number: 1 for a number column, else 0, (n_features,).
        key: Random words of this update, from `update_key`.
        n_outputs: Units of the output layer.

    Returns:
        Features, targets with one slot a class, and weights.
    """
    if form.warped:
        assert form.image is not None
        x = _warped(x, draws, image=form.image)
    x = _swapped(x, swap, cell=cell, key=key)
    bits = place_bits(field_key(key, Field.NOISE), extent(x, 1), tf.range(extent(x, 2)))
    x += noise[:, None, None] * _normal(bits) * is_number
    targets = y if y.dtype.is_floating else tf.one_hot(y, n_outputs)
    return _mixed(x, targets, weight, draws, image=form.image)


def _warped(x: Tensor, draws: Tensor, *, image: tuple[int, int, int]) -> Tensor:
    """Each pixel from where it comes from, between the four pixels about that place."""
    height, width, channels = image
    row, column = (tf.cast(axis, tf.float32) for axis in _places(image))
    of = {place: draws[:, :, place, None] for place in Draw}
    source_x = of[Draw.X_OF_X] * column + of[Draw.X_OF_Y] * row + of[Draw.X_OF_1]
    source_y = of[Draw.Y_OF_X] * column + of[Draw.Y_OF_Y] * row + of[Draw.Y_OF_1]
    source_x = tf.clip_by_value(source_x, 0.0, width - 1.0)
    source_y = tf.clip_by_value(source_y, 0.0, height - 1.0)
    left, top = tf.floor(source_x), tf.floor(source_y)
    dx, dy = (source_x - left)[..., None], (source_y - top)[..., None]
    left, top = tf.cast(left, tf.int32), tf.cast(top, tf.int32)
    right, bottom = tf.minimum(left + 1, width - 1), tf.minimum(top + 1, height - 1)
    n_slots, n_rows = extent(x, 0), extent(x, 1)
    pixels = tf.reshape(x, (n_slots * n_rows, height * width, channels))

    def at(y: Tensor, x: Tensor) -> Tensor:
        places = tf.reshape(y * width + x, (n_slots * n_rows, height * width))
        return tf.reshape(tf.gather(pixels, places, batch_dims=1), (n_slots, n_rows, height * width, channels))

    above = at(top, left) * (1.0 - dx) + at(top, right) * dx
    below = at(bottom, left) * (1.0 - dx) + at(bottom, right) * dx
    warped = above * (1.0 - dy) + below * dy
    return tf.reshape(warped, (n_slots, n_rows, height * width * channels)) + of[Draw.BRIGHTNESS]


def _swapped(x: Tensor, swap: Tensor, *, cell: Tensor, key: Tensor) -> Tensor:
    """Cells from other rows of the batch: those of one cell of the table from as many rows further on."""
    n_slots, n_rows, n_features = (extent(x, axis) for axis in range(3))
    swapped = _uniform(place_bits(field_key(key, Field.SWAP), n_rows, cell)) < swap[:, None, None]
    chance = _uniform(place_bits(field_key(key, Field.OFFSET), 1, cell))
    offset = 1 + tf.cast(tf.floor(chance * tf.cast(n_rows - 1, tf.float32)), tf.int32)
    others = (tf.range(n_rows)[:, None] + offset) % n_rows * n_features + tf.range(n_features)
    flat = tf.reshape(x, (n_slots, n_rows * n_features))
    taken = tf.gather(flat, tf.reshape(others, (n_slots, n_rows * n_features)), batch_dims=1)
    return tf.where(swapped, tf.reshape(taken, (n_slots, n_rows, n_features)), x)


def _mixed(
    x: Tensor, y: Tensor, weight: Tensor, draws: Tensor, *, image: tuple[int, int, int] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, targets and weights mixed with those of their partners."""
    partner = tf.cast(draws[:, :, Draw.PARTNER], tf.int32)
    share, target_share = draws[:, :, Draw.SHARE, None], draws[:, :, Draw.TARGET_SHARE, None]
    other = tf.gather(x, partner, batch_dims=1)
    mixed = share * x + (1.0 - share) * other
    if image is not None:
        row, column = (tf.cast(tf.repeat(axis, image[2]), tf.float32) for axis in _places(image))
        edge = {place: draws[:, :, place, None] for place in (Draw.TOP, Draw.BOTTOM, Draw.LEFT, Draw.RIGHT)}
        in_rows = (row >= edge[Draw.TOP]) & (row < edge[Draw.BOTTOM])
        mixed = tf.where(in_rows & (column >= edge[Draw.LEFT]) & (column < edge[Draw.RIGHT]), other, mixed)
    y = target_share * y + (1.0 - target_share) * tf.gather(y, partner, batch_dims=1)
    kept = target_share[:, :, 0]
    return mixed, y, kept * weight + (1.0 - kept) * tf.gather(weight, partner, batch_dims=1)


def _places(image: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Row and column of every pixel, int32 (H * W,) each."""
    places = tf.range(image[0] * image[1])
    return places // image[1], places % image[1]


def _uniform(bits: Tensor) -> Tensor:
    """The upper 23 bits as a number in [0, 1), exact in float32."""
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * 2.0**-23


def _normal(bits: Tensor) -> Tensor:
    """Standard normal numbers by the inverse of their distribution; the upper 23 bits never reach its ends."""
    odd = 2 * tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.int32) + 1
    return 2.0**0.5 * tf.math.erfinv(tf.cast(odd, tf.float32) * 2.0**-23 - 1.0)
