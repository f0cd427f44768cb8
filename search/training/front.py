"""The convolutional layers of a lane, in front of its dense ones, compiled: forward, and back with a step of each.

    images -> [ convolution -> batch norm? -> activation -> largest of 2 x 2 at a stage's end ] x n -> a row an image

The mathematics is that of `lane.py`, with one column a channel, whose mean and variance are over images and pixels.
Convolutions and the layout of maps are those of `convolve.py`. All maps lie in one flat array, and a table says where,
so that one program serves all images, depths and channels.

A map's zeros are written once and never again: loops between convolutions touch pixels of images alone, and a
convolution of images of zeros is zero. Maps of gradients share two places, so theirs are cleared each time.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from ffsearch.search.network import defaults
from ffsearch.search.network.topology import KERNEL_SIDE
from ffsearch.search.training.activations import activate_channel, back_through_channel
from ffsearch.search.training.compiling import compiled
from ffsearch.search.training.convolve import MapShape, convolve, flip, kernel_slopes, pitch_of
from ffsearch.search.training.elementwise import Array, Scalar, fill
from ffsearch.search.training.front_maps import (
    clear_edges,
    line_at,
    moments,
    pool,
    put_images,
    runs,
    sum_along,
    sum_left_of_zero,
    sum_of,
    take_rows,
    unpool,
)
from ffsearch.search.training.intrinsics import unowned
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
    Hyper,
    Scratch,
    State,
    matrix,
)
from ffsearch.search.training.lane_descent import step_layer

__all__ = ["Front", "FrontField", "look_at", "step_front"]

_F = np.float32
_ZERO, _ONE = _F(0.0), _F(1.0)
_EPSILON = _F(defaults.BATCH_NORM_EPSILON)
_KEPT, _NEW = _F(defaults.BATCH_NORM_MOMENTUM), _F(1 - defaults.BATCH_NORM_MOMENTUM)
_TAPS: Final = KERNEL_SIDE**2


class FrontField(IntEnum):
    """Columns of `Front.layers`: numbers of a layer, then where in the flat arrays its own begin."""

    HEIGHT = 0  # of its output before pooling
    WIDTH = 1
    READ = 2  # channels
    CHANNELS = 3
    POOLED = 4  # 1: it ends a stage
    FED_AT = 5  # map it reads
    Z_AT = 6  # of its products; those of `out` where nobody asks for them on the way back
    OUT_AT = 7
    SLOPE_AT = 8  # of f'(u); those of `out` where it can be read off them
    POOL_AT = 9  # what the next layer reads; those of `out` where it ends no stage
    PLACES_AT = 10
    N_PLACES = 11
    BACK_AT = 12  # places of the convolution that gradients go back by
    N_BACK = 13


_HEIGHT, _WIDTH, _READ, _CHANNELS, _POOLED = (int(field) for field in list(FrontField)[:5])
_FED_AT, _Z_AT, _OUT_AT, _SLOPE_AT, _POOL_AT = (int(field) for field in list(FrontField)[5:10])
_PLACES_AT, _N_PLACES, _BACK_AT, _N_BACK = (int(field) for field in list(FrontField)[10:])


class Front(NamedTuple):
    """The convolutional layers of a network, and room for one batch of images.

    Args:
        n: Images of a batch.
        batch: Images a map has room for.
        layers: A row a layer, int64 (n_layers, len(FrontField)).
        places: Of all layers, int64.
        maps: All maps, the first of which holds the images.
        d: Two maps of gradients, the larger ones, (2, n).
        flipped: Room for the largest kernel, flipped.
        sums: Room for the gradient in it, a vector a number.
        rows: What the dense layers read, (n, n_features).
    """

    n: int
    batch: int
    layers: Array
    places: Array
    maps: Array
    d: Array
    flipped: Array
    sums: Array
    rows: Array


@compiled
def _unowned_front(f: Front) -> Front:
    return Front(
        f.n, f.batch, unowned(f.layers), unowned(f.places), unowned(f.maps), unowned(f.d), unowned(f.flipped),
        unowned(f.sums), unowned(f.rows),
    )  # fmt: skip


# --- maps ------------------------------------------------------------------------------------------------------------


@compiled
def _read_map(front: Front, layer: int) -> MapShape:
    """What a layer reads."""
    row = front.layers[layer]
    return MapShape(row[_HEIGHT], row[_WIDTH], row[_READ], pitch_of(row[_WIDTH]), front.batch, front.n, row[_FED_AT])


@compiled
def _own_map(front: Front, layer: int, at: int) -> MapShape:
    """What a layer computes, before pooling."""
    row = front.layers[layer]
    return MapShape(row[_HEIGHT], row[_WIDTH], row[_CHANNELS], pitch_of(row[_WIDTH]), front.batch, front.n, at)


@compiled
def _given_map(front: Front, layer: int, at: int) -> MapShape:
    """What a layer hands on."""
    row = front.layers[layer]
    height, width = row[_HEIGHT], row[_WIDTH]
    if row[_POOLED]:
        height, width = height // 2, width // 2
    return MapShape(height, width, row[_CHANNELS], pitch_of(width), front.batch, front.n, at)


# --- batch norm ------------------------------------------------------------------------------------------------------


@compiled
def _set_line(
    unit: Array, vectors: Array, moving: Array, channel: int, moments: tuple[float, float],
    learns: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Batch norm of a channel as one line, u = z gain + offset; learning, the moving statistics follow."""
    mean, variance = _F(moments[0]), _F(moments[1])
    if learns:
        moving[0, channel] = _KEPT * moving[0, channel] + _NEW * (mean + vectors[BIAS, channel])
        moving[1, channel] = _KEPT * moving[1, channel] + _NEW * variance
    unit[MEAN, channel] = mean
    unit[RSTD, channel] = _ONE / np.sqrt(variance + _EPSILON)
    unit[GAIN, channel] = vectors[SCALE, channel] * unit[RSTD, channel]
    unit[OFFSET, channel] = vectors[SHIFT, channel] - mean * unit[GAIN, channel]


# --- forward ---------------------------------------------------------------------------------------------------------


@compiled
def look_at(owned: Front, x: Array, state: State, hyper: Hyper, unit: Array, learns: bool) -> None:  # noqa: FBT001
    """Through all layers; `Front.rows` holds what the dense part reads afterwards.

    Args:
        owned: The layers.
        x: Rows of the matrix, (up to n, n_pixels); fewer than a batch where they are evaluated alone.
        state: The network.
        hyper: How it is trained.
        unit: As `Scratch.unit`, its first numbers.
        learns: Whether statistics are the batch's own, and the moving ones follow them.
    """
    front = _unowned_front(owned)
    put_images(x, front.maps, _read_map(front, 0))
    kernel_at, vector_at, moving_at, n_layers = 0, 0, 0, len(front.layers)
    for layer in range(n_layers):
        row = front.layers[layer]
        channels, n_kernel = row[_CHANNELS], _TAPS * row[_READ] * row[_CHANNELS]
        vectors = matrix(state.vectors, vector_at, N_VECTORS, channels)
        lines = matrix(unit, vector_at, N_VECTORS, channels)
        moving = matrix(state.moving, moving_at, 2, channels)
        z, out = _own_map(front, layer, row[_Z_AT]), _own_map(front, layer, row[_OUT_AT])
        given = _given_map(front, layer, row[_POOL_AT])
        places = front.places[row[_PLACES_AT] : row[_PLACES_AT] + row[_N_PLACES]]
        kernel = state.kernels[kernel_at : kernel_at + n_kernel]
        convolve(front.maps, _read_map(front, layer), places, kernel, front.maps, z)
        for channel in range(channels):
            if not hyper.batch_norm:
                lines[GAIN, channel] = _ONE
                lines[OFFSET, channel] = vectors[BIAS, channel]
            elif learns:
                _set_line(lines, vectors, moving, channel, moments(front.maps, z, channel), True)
            else:
                kept = moving[0, channel] - vectors[BIAS, channel], moving[1, channel]
                _set_line(lines, vectors, moving, channel, kept, False)
            _activate(front.maps, z, out, row[_SLOPE_AT], channel, hyper, lines, vectors)
            if row[_POOLED]:
                pool(front.maps, out, given, channel)
        kernel_at += n_kernel
        vector_at += N_VECTORS * channels
        moving_at += 2 * channels
    take_rows(front.maps, given, front.rows)


@compiled
def _activate(
    maps: Array, z: MapShape, out: MapShape, slope_at: int, channel: int, hyper: Hyper, lines: Array, vectors: Array
) -> None:
    n_runs, length = runs(out)
    gain, offset, left = lines[GAIN, channel], lines[OFFSET, channel], vectors[SLOPE, channel]
    for line in range(out.height):
        for run in range(n_runs):
            place = line_at(out, line, channel) + run * out.batch - out.at
            from_at, to_at, kept_at = z.at + place, out.at + place, slope_at + place
            activate_channel(
                hyper.activation, maps[from_at : from_at + length], gain, offset, left,
                maps[to_at : to_at + length], maps[kept_at : kept_at + length],
            )  # fmt: skip


# --- backward --------------------------------------------------------------------------------------------------------


@compiled
def step_front(owned: Front, d_rows: Array, state: State, hyper: Hyper, scratch: Scratch, count: int) -> float:
    """From the gradient in `Front.rows` back to the first layer, every parameter one step further on the way.

    Args:
        owned: The layers.
        d_rows: The gradient, (n, n_features).
        state: The network; changed.
        hyper: How it is trained.
        scratch: Room.
        count: Number of the update, from 1.

    Returns:
        What L1 and L2 cost before.
    """
    front = _unowned_front(owned)
    penalty, n_layers, now, kernel_at, vector_at = 0.0, len(front.layers), 0, 0, 0
    for layer in range(n_layers):
        kernel_at += _TAPS * front.layers[layer, _READ] * front.layers[layer, _CHANNELS]
        vector_at += N_VECTORS * front.layers[layer, _CHANNELS]
    put_images(d_rows, front.d[0], _given_map(front, n_layers - 1, 0))
    for layer in range(n_layers - 1, -1, -1):
        row = front.layers[layer]
        channels, n_kernel = row[_CHANNELS], _TAPS * row[_READ] * row[_CHANNELS]
        kernel_at -= n_kernel
        vector_at -= N_VECTORS * channels
        own, given = _own_map(front, layer, 0), front.d[now]
        if row[_POOLED]:
            now = 1 - now
        gradient = matrix(scratch.vector_gradient, 0, N_VECTORS, channels)
        _back_through_layer(front, layer, given, front.d[now], state, hyper, scratch.unit, vector_at, gradient)
        clear_edges(front.d[now], own)
        read = _read_map(front, layer)
        places = front.places[row[_PLACES_AT] : row[_PLACES_AT] + row[_N_PLACES]]
        kernel_slopes(front.maps, read, places, front.d[now], own, front.sums, scratch.gradient)
        if layer:
            flip(state.kernels[kernel_at : kernel_at + n_kernel], row[_READ], channels, front.flipped)
            back = front.places[row[_BACK_AT] : row[_BACK_AT] + row[_N_BACK]]
            into = MapShape(read.height, read.width, read.channels, read.pitch, read.batch, read.n, 0)
            convolve(front.d[now], own, back, front.flipped, front.d[1 - now], into)
            now = 1 - now
        penalty += step_layer(state, hyper, scratch, kernel_at, n_kernel, vector_at, channels, True, count)
    return penalty


@compiled
def _back_through_layer(
    front: Front, layer: int, given: Array, d: Array, state: State, hyper: Hyper, unit: Array, vector_at: int,
    gradient: Array,
) -> None:  # fmt: skip
    """Through pooling, activation and batch norm: the gradient in what was given becomes that in z, in `d`.

    Vectors get theirs. Channel by channel, so that a channel's numbers are still near when they are asked for again.
    """
    row, maps = front.layers[layer], front.maps
    out, pooled = _own_map(front, layer, row[_OUT_AT]), _given_map(front, layer, row[_POOL_AT])
    own = _own_map(front, layer, 0)
    vectors = matrix(state.vectors, vector_at, N_VECTORS, own.channels)
    lines = matrix(unit, vector_at, N_VECTORS, own.channels)
    n_runs, length = runs(own)
    fill(gradient, _ZERO)
    for channel in range(own.channels):
        mean, gain, offset = lines[MEAN, channel], lines[GAIN, channel], lines[OFFSET, channel]
        left = vectors[SLOPE, channel]
        if row[_POOLED]:
            unpool(maps, out, pooled, channel, given, d)
        all_, along, bent = 0.0, 0.0, 0.0
        for line in range(own.height):
            for run in range(n_runs):
                at = line_at(own, line, channel) + run * own.batch
                slopes = d[at : at + length]
                z = maps[row[_Z_AT] + at : row[_Z_AT] + at + length]
                if hyper.learns_slope:
                    bent += sum_left_of_zero(slopes, z, gain, offset)
                back_through_channel(
                    hyper.activation, slopes, maps[row[_OUT_AT] + at : row[_OUT_AT] + at + length], left,
                    maps[row[_SLOPE_AT] + at : row[_SLOPE_AT] + at + length],
                )  # fmt: skip
                all_ += sum_of(slopes)
                if hyper.batch_norm:
                    along += sum_along(slopes, z, mean)
        gradient[SLOPE, channel] = _F(bent)
        if not hyper.batch_norm:
            gradient[BIAS, channel] = _F(all_)
            continue
        rstd = lines[RSTD, channel]
        gradient[SHIFT, channel], gradient[SCALE, channel] = _F(all_), _F(along) * rstd
        share = _ONE / _F(own.n * own.height * own.width)
        shift, tilt = share * gradient[SHIFT, channel], share * gradient[SCALE, channel] * rstd
        for line in range(own.height):
            for run in range(n_runs):
                at = line_at(own, line, channel) + run * own.batch
                z = maps[row[_Z_AT] + at : row[_Z_AT] + at + length]
                _back_through_norm(d[at : at + length], z, mean, gain, shift, tilt)


@compiled
def _back_through_norm(d: Array, z: Array, mean: Scalar, gain: Scalar, shift: Scalar, tilt: Scalar) -> None:
    for i in range(len(d)):
        d[i] = gain * (d[i] - shift - (z[i] - mean) * tilt)
