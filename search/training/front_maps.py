"""What is done to the maps of convolutional layers between two convolutions, compiled; `convolve.py` draws a map.

Functions touch pixels of images alone, so that what is zero around them stays so. The loops run over stretches of a map
that lie in one piece: a line of one channel where the batch fills whole vectors, else a pixel.
"""

from __future__ import annotations

import numpy as np

from ffsearch.search.training.compiling import compiled, reordered
from ffsearch.search.training.convolve import MapShape
from ffsearch.search.training.elementwise import Array, Scalar, fill

__all__ = [
    "clear_edges",
    "line_at",
    "moments",
    "pool",
    "put_images",
    "runs",
    "sum_along",
    "sum_left_of_zero",
    "sum_of",
    "take_rows",
    "unpool",
]

_F = np.float32
_ZERO = _F(0.0)


@compiled
def line_at(m: MapShape, line: int, channel: int) -> int:
    """Where the first pixel of a line begins."""
    return m.at + (((line + 1) * m.channels + channel) * m.pitch + 1) * m.batch


@compiled
def runs(m: MapShape) -> tuple[int, int]:
    """How many stretches of images a line of one channel is, and their length: one where no place is left empty."""
    return (1, m.width * m.batch) if m.n == m.batch else (m.width, m.n)


@compiled
def put_images(x: Array, maps: Array, m: MapShape) -> None:
    """Rows of the matrix, (n, height * width * channels), as images of the first map."""
    for line in range(m.height):
        for channel in range(m.channels):
            at = line_at(m, line, channel)
            for column in range(m.width):
                j = (line * m.width + column) * m.channels + channel
                for i in range(len(x)):
                    maps[at + column * m.batch + i] = x[i, j]


@compiled
def take_rows(maps: Array, m: MapShape, rows: Array) -> None:
    """Images of a map as rows, (n, height * width * channels)."""
    for line in range(m.height):
        for channel in range(m.channels):
            at = line_at(m, line, channel)
            for column in range(m.width):
                j = (line * m.width + column) * m.channels + channel
                for i in range(m.n):
                    rows[i, j] = maps[at + column * m.batch + i]


@compiled
def clear_edges(maps: Array, m: MapShape) -> None:
    """Zeros around images, and in the places of images that are not there."""
    line = m.channels * m.pitch * m.batch
    fill(maps[m.at : m.at + line], _ZERO)
    last = m.at + (m.height + 1) * line
    fill(maps[last : last + line + m.batch], _ZERO)
    for i in range(m.height):
        for channel in range(m.channels):
            at = line_at(m, i, channel)
            fill(maps[at - m.batch : at], _ZERO)
            for column in range(m.width, m.pitch - 1):
                fill(maps[at + column * m.batch : at + (column + 1) * m.batch], _ZERO)
            if m.n < m.batch:
                for column in range(m.width):
                    fill(maps[at + column * m.batch + m.n : at + (column + 1) * m.batch], _ZERO)


# --- means and sums of one channel ------------------------------------------------------------------------------------


@compiled
def moments(maps: Array, m: MapShape, channel: int) -> tuple[float, float]:
    """Mean and variance of a channel over images and pixels, put together from those of stretches.

    Source: Chan, Golub, LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample variances.
    """
    n_runs, length = runs(m)
    count, mean, squares = 0.0, 0.0, 0.0
    for line in range(m.height):
        for run in range(n_runs):
            at = line_at(m, line, channel) + run * m.batch
            own = sum_of(maps[at : at + length]) / _F(length)
            spread = _spread(maps[at : at + length], own)
            apart, all_ = own - mean, count + length
            mean += apart * length / all_
            squares += spread + apart * apart * count * length / all_
            count = all_
    return mean, squares / count


@reordered
def sum_of(numbers: Array) -> Scalar:
    """The sum."""
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


@reordered
def sum_left_of_zero(d: Array, z: Array, gain: Scalar, offset: Scalar) -> Scalar:
    """The gradient in the factor left of zero, from that in f(u)."""
    total = _ZERO
    for i in range(len(d)):
        u = z[i] * gain + offset
        total += d[i] * (_ZERO if u > _ZERO else u)
    return total


@reordered
def sum_along(d: Array, z: Array, mean: Scalar) -> Scalar:
    """The sum of products with what numbers are off their mean."""
    total = _ZERO
    for i in range(len(d)):
        total += d[i] * (z[i] - mean)
    return total


# --- the largest of 2 x 2 pixels --------------------------------------------------------------------------------------


@compiled
def pool(maps: Array, out: MapShape, pooled: MapShape, channel: int) -> None:
    """The largest of 2 x 2 pixels of a channel; a last line or column alone is left out."""
    line_step, step, n = out.channels * out.pitch * out.batch, out.batch, out.n
    for line in range(pooled.height):
        top, to = line_at(out, 2 * line, channel), line_at(pooled, line, channel)
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


@compiled
def unpool(maps: Array, out: MapShape, pooled: MapShape, channel: int, d_pooled: Array, d: Array) -> None:
    """The gradient in the largest of 2 x 2 pixels is that in the first of those; the others have none.

    Args:
        maps: All maps.
        out: The one that was pooled.
        pooled: What came of it.
        channel: Which channel.
        d_pooled: Gradient in that, a map of its own.
        d: Holds the gradient in `out` afterwards, a map of its own.
    """
    line_step, step, n = out.channels * out.pitch * out.batch, out.batch, out.n
    for line in range(pooled.height):
        top, from_at = line_at(out, 2 * line, channel), line_at(pooled, line, channel)
        for column in range(pooled.width):
            a, p = top + 2 * column * step, from_at + column * step
            b, c = a + step, a + line_step
            e = c + step
            one, two, three, largest = maps[a : a + n], maps[b : b + n], maps[c : c + n], maps[p : p + n]
            slope = d_pooled[p - pooled.at : p - pooled.at + n]
            _first(one, largest, slope, d[a - out.at : a - out.at + n])
            _second(one, two, largest, slope, d[b - out.at : b - out.at + n])
            _third(one, two, three, largest, slope, d[c - out.at : c - out.at + n])
            _last(one, two, three, largest, slope, d[e - out.at : e - out.at + n])
    for line in range(out.height):
        first = 0 if line >= 2 * pooled.height else 2 * pooled.width
        for column in range(first, out.width):
            at = line_at(out, line, channel) + column * step - out.at
            fill(d[at : at + n], _ZERO)


# A loop a pixel: of one that writes to all four the compiler makes no vector code.


@compiled
def _first(a: Array, largest: Array, slope: Array, d: Array) -> None:
    for i in range(len(d)):
        d[i] = slope[i] if a[i] == largest[i] else _ZERO


@compiled
def _second(a: Array, b: Array, largest: Array, slope: Array, d: Array) -> None:
    for i in range(len(d)):
        d[i] = slope[i] if (a[i] != largest[i]) & (b[i] == largest[i]) else _ZERO


@compiled
def _third(a: Array, b: Array, c: Array, largest: Array, slope: Array, d: Array) -> None:
    for i in range(len(d)):
        d[i] = slope[i] if (a[i] != largest[i]) & (b[i] != largest[i]) & (c[i] == largest[i]) else _ZERO


@compiled
def _last(a: Array, b: Array, c: Array, largest: Array, slope: Array, d: Array) -> None:
    for i in range(len(d)):
        d[i] = slope[i] if (a[i] != largest[i]) & (b[i] != largest[i]) & (c[i] != largest[i]) else _ZERO
