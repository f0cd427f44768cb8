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
from typing import NamedTuple

import numpy as np

from ffsearch.search.network import defaults
from ffsearch.search.training.activations import activate_channel, back_through_channel
from ffsearch.search.training.compiling import compiled, reordered
from ffsearch.search.training.convolve import MapShape, convolve, flip, kernel_slopes, pitch_of
from ffsearch.search.training.elementwise import Array, Scalar, fill
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


@compiled
def _place(m: MapShape, line: int, channel: int) -> int:
    """Where the first pixel of a line begins."""
    return m.at + (((line + 1) * m.channels + channel) * m.pitch + 1) * m.batch


@compiled
def _runs(m: MapShape) -> tuple[int, int]:
    """How many stretches of images a line of one channel is, and their length: one where no place is left empty."""
    return (1, m.width * m.batch) if m.n == m.batch else (m.width, m.n)


@compiled
def _put_images(x: Array, maps: Array, m: MapShape) -> None:
    """Rows of the matrix, (n, height * width * channels), as images of the first map."""
    for line in range(m.height):
        for channel in range(m.channels):
            at = _place(m, line, channel)
            for column in range(m.width):
                j = (line * m.width + column) * m.channels + channel
                for i in range(len(x)):
                    maps[at + column * m.batch + i] = x[i, j]


@compiled
def _take_rows(maps: Array, m: MapShape, rows: Array) -> None:
    """Images of a map as rows, (n, height * width * channels)."""
    for line in range(m.height):
        for channel in range(m.channels):
            at = _place(m, line, channel)
            for column in range(m.width):
                j = (line * m.width + column) * m.channels + channel
                for i in range(m.n):
                    rows[i, j] = maps[at + column * m.batch + i]


@compiled
def _clear_edges(maps: Array, m: MapShape) -> None:
    """Zeros around images, and in the places of images that are not there."""
    line = m.channels * m.pitch * m.batch
    fill(maps[m.at : m.at + line], _ZERO)
    last = m.at + (m.height + 1) * line
    fill(maps[last : last + line + m.batch], _ZERO)
    for i in range(m.height):
        for channel in range(m.channels):
            at = _place(m, i, channel)
            fill(maps[at - m.batch : at], _ZERO)
            for column in range(m.width, m.pitch - 1):
                fill(maps[at + column * m.batch : at + (column + 1) * m.batch], _ZERO)
            if m.n < m.batch:
                for column in range(m.width):
                    fill(maps[at + column * m.batch + m.n : at + (column + 1) * m.batch], _ZERO)


# --- batch norm ------------------------------------------------------------------------------------------------------


@compiled
def _moments(maps: Array, m: MapShape, channel: int) -> tuple[float, float]:
    """Mean and variance of a channel over images and pixels, put together from those of stretches.

    Source: Chan, Golub, LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample variances.
    """
    n_runs, length = _runs(m)
    count, mean, squares = 0.0, 0.0, 0.0
    for line in range(m.height):
        for run in range(n_runs):
            at = _place(m, line, channel) + run * m.batch
            own = _total(maps[at : at + length]) / _F(length)
            spread = _spread(maps[at : at + length], own)
            apart, all_ = own - mean, count + length
            mean += apart * length / all_
            squares += spread + apart * apart * count * length / all_
            count = all_
    return mean, squares / count


@reordered
def _total(numbers: Array) -> Scalar:
    total = _ZERO
    for i in range(len(numbers)):
        total += numbers[i]
    return total


@reordered
def _spread(numbers: Array, mean: Scalar) -> Scalar:
    """The sum of squares about a mean."""
    total = _ZERO
    for i in range(len(numbers)):
        total += (numbers[i] - mean) * (numbers[i] - mean)
    return total


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
    _put_images(x, front.maps, _read_map(front, 0))
    kernel_at, vector_at, moving_at, n_layers = 0, 0, 0, len(front.layers)
    for layer in range(n_layers):
        row = front.layers[layer]
        channels, n_kernel = row[_CHANNELS], 9 * row[_READ] * row[_CHANNELS]
        vectors = matrix(state.vectors, vector_at, N_VECTORS, channels)
        lines = matrix(unit, vector_at, N_VECTORS, channels)
        moving = matrix(state.moving, moving_at, 2, channels)
        z, out = _own_map(front, layer, row[_Z_AT]), _own_map(front, layer, row[_OUT_AT])
        places = front.places[row[_PLACES_AT] : row[_PLACES_AT] + row[_N_PLACES]]
        kernel = state.kernels[kernel_at : kernel_at + n_kernel]
        convolve(front.maps, _read_map(front, layer), places, kernel, front.maps, z)
        for channel in range(channels):
            if not hyper.batch_norm:
                lines[GAIN, channel] = _ONE
                lines[OFFSET, channel] = vectors[BIAS, channel]
            elif learns:
                _set_line(lines, vectors, moving, channel, _moments(front.maps, z, channel), True)
            else:
                kept = moving[0, channel] - vectors[BIAS, channel], moving[1, channel]
                _set_line(lines, vectors, moving, channel, kept, False)
            _activate(front.maps, z, out, row[_SLOPE_AT], channel, hyper, lines, vectors)
        if row[_POOLED]:
            _pool(front.maps, out, _given_map(front, layer, row[_POOL_AT]))
        kernel_at += n_kernel
        vector_at += N_VECTORS * channels
        moving_at += 2 * channels
    given = _given_map(front, n_layers - 1, front.layers[n_layers - 1, _POOL_AT])
    _take_rows(front.maps, given, front.rows)


@compiled
def _activate(
    maps: Array, z: MapShape, out: MapShape, slope_at: int, channel: int, hyper: Hyper, lines: Array, vectors: Array
) -> None:
    n_runs, length = _runs(out)
    gain, offset, left = lines[GAIN, channel], lines[OFFSET, channel], vectors[SLOPE, channel]
    for line in range(out.height):
        for run in range(n_runs):
            place = _place(out, line, channel) + run * out.batch - out.at
            from_at, to_at, kept_at = z.at + place, out.at + place, slope_at + place
            activate_channel(
                hyper.activation, maps[from_at : from_at + length], gain, offset, left,
                maps[to_at : to_at + length], maps[kept_at : kept_at + length],
            )  # fmt: skip


@compiled
def _pool(maps: Array, out: MapShape, pooled: MapShape) -> None:
    """The largest of 2 x 2 pixels; a last line or column alone is left out."""
    line_step, step, n = out.channels * out.pitch * out.batch, out.batch, out.n
    for line in range(pooled.height):
        for channel in range(pooled.channels):
            top, to = _place(out, 2 * line, channel), _place(pooled, line, channel)
            for column in range(pooled.width):
                a, b = top + 2 * column * step, top + 2 * column * step + line_step
                _largest(
                    maps[a : a + n], maps[a + step : a + step + n], maps[b : b + n], maps[b + step : b + step + n],
                    maps[to + column * step : to + column * step + n],
                )  # fmt: skip


@compiled
def _largest(a: Array, b: Array, c: Array, d: Array, into: Array) -> None:
    for i in range(len(into)):
        top = a[i] if a[i] >= b[i] else b[i]
        bottom = c[i] if c[i] >= d[i] else d[i]
        into[i] = top if top >= bottom else bottom


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
        kernel_at += 9 * front.layers[layer, _READ] * front.layers[layer, _CHANNELS]
        vector_at += N_VECTORS * front.layers[layer, _CHANNELS]
    _put_images(d_rows, front.d[0], _given_map(front, n_layers - 1, 0))
    for layer in range(n_layers - 1, -1, -1):
        row = front.layers[layer]
        channels, n_kernel = row[_CHANNELS], 9 * row[_READ] * row[_CHANNELS]
        kernel_at -= n_kernel
        vector_at -= N_VECTORS * channels
        own = _own_map(front, layer, 0)
        if row[_POOLED]:
            _unpool(front, layer, front.d[now], front.d[1 - now])
            now = 1 - now
        gradient = matrix(scratch.vector_gradient, 0, N_VECTORS, channels)
        _back_through_layer(front, layer, front.d[now], state, hyper, scratch.unit, vector_at, gradient)
        _clear_edges(front.d[now], own)
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
def _unpool(front: Front, layer: int, d_pooled: Array, d: Array) -> None:
    """The gradient in the largest of 2 x 2 pixels is that in the first of those; the others have none."""
    row, maps = front.layers[layer], front.maps
    out, pooled = _own_map(front, layer, row[_OUT_AT]), _given_map(front, layer, row[_POOL_AT])
    line_step, step, n = out.channels * out.pitch * out.batch, out.batch, out.n
    for line in range(pooled.height):
        for channel in range(pooled.channels):
            top, from_at = _place(out, 2 * line, channel), _place(pooled, line, channel)
            for column in range(pooled.width):
                a, p = top + 2 * column * step, from_at + column * step
                b, c = a + step, a + line_step
                e = c + step
                _shared(
                    maps[a : a + n], maps[b : b + n], maps[c : c + n], maps[p : p + n],
                    d_pooled[p - pooled.at : p - pooled.at + n],
                    d[a - out.at : a - out.at + n], d[b - out.at : b - out.at + n],
                    d[c - out.at : c - out.at + n], d[e - out.at : e - out.at + n],
                )  # fmt: skip
    own = _own_map(front, layer, 0)
    for channel in range(own.channels):
        for line in range(own.height):
            first = 0 if line >= 2 * pooled.height else 2 * pooled.width
            for column in range(first, own.width):
                at = _place(own, line, channel) + column * step
                fill(d[at : at + n], _ZERO)


@compiled
def _shared(
    a: Array, b: Array, c: Array, largest: Array, slope: Array, d_a: Array, d_b: Array, d_c: Array, d_d: Array
) -> None:
    for i in range(len(largest)):
        is_a = a[i] == largest[i]
        is_b = (not is_a) & (b[i] == largest[i])
        is_c = (not is_a) & (not is_b) & (c[i] == largest[i])
        d_a[i] = slope[i] if is_a else _ZERO
        d_b[i] = slope[i] if is_b else _ZERO
        d_c[i] = slope[i] if is_c else _ZERO
        d_d[i] = _ZERO if is_a | is_b | is_c else slope[i]


@compiled
def _back_through_layer(
    front: Front, layer: int, d: Array, state: State, hyper: Hyper, unit: Array, vector_at: int, gradient: Array
) -> None:
    """Through activation and batch norm: the gradient in the output becomes that in z; vectors get theirs."""
    row, maps = front.layers[layer], front.maps
    own = _own_map(front, layer, 0)
    vectors = matrix(state.vectors, vector_at, N_VECTORS, own.channels)
    lines = matrix(unit, vector_at, N_VECTORS, own.channels)
    n_runs, length = _runs(own)
    fill(gradient, _ZERO)
    for channel in range(own.channels):
        mean, gain, offset = lines[MEAN, channel], lines[GAIN, channel], lines[OFFSET, channel]
        left = vectors[SLOPE, channel]
        all_, along, bent = 0.0, 0.0, 0.0
        for line in range(own.height):
            for run in range(n_runs):
                at = _place(own, line, channel) + run * own.batch
                slopes = d[at : at + length]
                z = maps[row[_Z_AT] + at : row[_Z_AT] + at + length]
                if hyper.learns_slope:
                    bent += _left_of_zero(slopes, z, gain, offset)
                back_through_channel(
                    hyper.activation, slopes, maps[row[_OUT_AT] + at : row[_OUT_AT] + at + length], left,
                    maps[row[_SLOPE_AT] + at : row[_SLOPE_AT] + at + length],
                )  # fmt: skip
                all_ += _total(slopes)
                if hyper.batch_norm:
                    along += _along(slopes, z, mean)
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
                at = _place(own, line, channel) + run * own.batch
                z = maps[row[_Z_AT] + at : row[_Z_AT] + at + length]
                _back_through_norm(d[at : at + length], z, mean, gain, shift, tilt)


@reordered
def _left_of_zero(d: Array, z: Array, gain: Scalar, offset: Scalar) -> Scalar:
    """The gradient in the factor left of zero, from that in f(u)."""
    total = _ZERO
    for i in range(len(d)):
        u = z[i] * gain + offset
        total += d[i] * (_ZERO if u > _ZERO else u)
    return total


@reordered
def _along(d: Array, z: Array, mean: Scalar) -> Scalar:
    total = _ZERO
    for i in range(len(d)):
        total += d[i] * (z[i] - mean)
    return total


@compiled
def _back_through_norm(d: Array, z: Array, mean: Scalar, gain: Scalar, shift: Scalar, tilt: Scalar) -> None:
    for i in range(len(d)):
        d[i] = gain * (d[i] - shift - (z[i] - mean) * tilt)
