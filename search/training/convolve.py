"""Convolutions of 3 x 3 pixels with zeros around, compiled: forward, back to the input, and back to the kernel.

A map holds the numbers of all channels of a batch of images, each line of an image with all its channels, and the
images of the batch innermost, so that a step to the next pixel is a step of a whole batch:

    lines      0 | 1 ... height | height + 1     the first and the last are zeros
    channels   0 ... channels - 1
    columns    0 | 1 ... width | (width + 1)     zeros at the ends; where the last is missing, the next first is there
    images     0 ... batch - 1 | zeros           as many as fill whole vectors

So what a kernel's place looks at, for a whole line of output, is one stretch of the map: nothing is copied together
(im2col), no product is too small for the processor, and a channel more or less costs what it is worth.

Source: Fu et al. 2024, arXiv 2408.00278 (the batch innermost is the fastest layout of direct convolutions but for very
large images); Krizhevsky 2012, cuda-convnet, had it, too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from ffsearch.search.network.topology import KERNEL_SIDE
from ffsearch.search.training.compiling import compiled, reordered
from ffsearch.search.training.elementwise import Array
from ffsearch.search.training.tiles import MOST_ROWS, N_PLACES, TILE, VECTOR, products_of, tile_of

__all__ = [
    "MapShape",
    "convolve",
    "flip",
    "kernel_slopes",
    "map_size",
    "padded_batch",
    "pitch_of",
    "places_of",
    "slopes_size",
]

_STRIP: Final = 768
"""Numbers of each row that `products_of` reads before it goes to the next rows. choice: ten rows of them lie in the
nearest memory, 32 KB of most processors."""

_TAPS: Final = KERNEL_SIDE**2


class MapShape(NamedTuple):
    """Of a map.

    Args:
        height: Lines of an image.
        width: Its columns.
        channels: Its channels.
        pitch: Columns of a line in the map, zeros at the ends and all.
        batch: Images in the map, those of zeros and all.
        n: Images of the batch.
        at: Where in the flat array of all maps it begins.
    """

    height: int
    width: int
    channels: int
    pitch: int
    batch: int
    n: int
    at: int


# --- how maps are laid out, in Python --------------------------------------------------------------------------------


def padded_batch(n: int, *, narrowest: int) -> int:
    """Images a map has room for: whole vectors, and a tile of output in the narrowest line.

    Args:
        n: Images of a batch.
        narrowest: Fewest columns of an image.
    """
    needed = max(n, -(-TILE // narrowest))
    return -(-needed // VECTOR) * VECTOR


@register_jitable  # type: ignore[untyped-decorator]
def pitch_of(width: int) -> int:
    """Columns of a line in a map: odd, for channels a power of two apart would get into each other's way in caches."""
    return width + 1 + width % 2


def map_size(height: int, width: int, channels: int, *, batch: int) -> int:
    """Numbers of a map: one column more than its lines, which its last pixel looks at; whole cache lines."""
    n_columns: int = (height + 2) * channels * pitch_of(width) + 1
    return -(-n_columns * batch // TILE) * TILE


def places_of(width: int, channels: int, *, batch: int) -> NDArray[np.int64]:
    """Where a pixel of output looks, from the corner of its place: by lines, then columns, then channels as kernels.

    Args:
        width: Columns of an image.
        channels: Channels of the map it looks at.
        batch: Images the map has room for.

    Returns:
        Offsets, as many as fill whole tiles of `N_PLACES`; those beyond the kernel's repeat the last.
    """
    pitch = pitch_of(width)
    line, column, channel = np.indices((KERNEL_SIDE, KERNEL_SIDE, channels)).reshape(3, -1)
    places = ((line * channels + channel) * pitch + column) * batch
    return np.pad(places, (0, -len(places) % N_PLACES), mode="edge").astype(np.int64)


def slopes_size(n_read: int, channels: int) -> int:
    """Numbers of the room that `kernel_slopes` asks for."""
    return -(-_TAPS * n_read // N_PLACES) * N_PLACES * channels * VECTOR


# --- compiled --------------------------------------------------------------------------------------------------------

_TILE_1, _TILE_2, _TILE_3, _TILE_4, _TILE_5, _TILE_6 = (tile_of(1 + rows) for rows in range(MOST_ROWS))
_PRODUCTS_1, _PRODUCTS_2, _PRODUCTS_3, _PRODUCTS_4, _PRODUCTS_5, _PRODUCTS_6 = (
    products_of(1 + rows) for rows in range(MOST_ROWS)
)


@compiled
def convolve(maps: Array, read: MapShape, places: Array, kernel: Array, into: Array, out: MapShape) -> None:
    """Each pixel of output: the sum of all that its places hold, by their weights. Images of zeros stay zeros.

    Args:
        maps: Holds the map that is read.
        read: Its shape.
        places: From `places_of`.
        kernel: Flat, (9 * channels read, channels).
        into: Holds the output afterwards.
        out: Its shape, of as many lines, columns and images.
    """
    length, channels, n_places = out.width * out.batch, out.channels, _TAPS * read.channels
    step = out.pitch * out.batch
    n_groups = (channels + MOST_ROWS - 1) // MOST_ROWS
    for line in range(out.height):
        read_at = read.at + line * read.channels * read.pitch * read.batch
        out_at = out.at + (line + 1) * channels * step + out.batch
        for start in range(0, length, TILE):
            begin = min(start, length - TILE)  # the last one may compute again what one before it did
            channel = 0
            for group in range(n_groups):
                rows = (channels - channel) // (n_groups - group)
                _tile(rows, into, out_at + channel * step + begin, step, kernel, channel, channels,
                      maps, read_at + begin, places, n_places)  # fmt: skip
                channel += rows


@compiled
def _tile(
    rows: int, out: Array, out_at: int, step: int, kernel: Array, kernel_at: int, kernel_step: int,
    fed: Array, fed_at: int, places: Array, n_places: int,
) -> None:  # fmt: skip
    if rows == 6:
        _TILE_6(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)
    elif rows == 5:
        _TILE_5(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)
    elif rows == 4:
        _TILE_4(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)
    elif rows == 3:
        _TILE_3(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)
    elif rows == 2:
        _TILE_2(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)
    else:
        _TILE_1(out, out_at, step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)


@compiled
def flip(kernel: Array, n_read: int, channels: int, flipped: Array) -> None:
    """The kernel by which gradients go back to the input: places the other way round, input and output exchanged.

    Args:
        kernel: Flat, (9, n_read, channels).
        n_read: Channels that are read.
        channels: Channels of output.
        flipped: Flat, (9, channels, n_read); holds it afterwards.
    """
    size = n_read * channels
    for tap in range(_TAPS):
        from_at, to_at = tap * size, (_TAPS - 1 - tap) * size
        for i in range(n_read):
            for j in range(channels):
                flipped[to_at + j * n_read + i] = kernel[from_at + i * channels + j]


@compiled
def kernel_slopes(
    maps: Array, read: MapShape, places: Array, slopes: Array, d: MapShape, sums: Array, gradient: Array
) -> None:
    """The gradient in the kernel.

    Args:
        maps: Holds the map that was read.
        read: Its shape.
        places: From `places_of`.
        slopes: Holds the map of gradients in the output; its images of zeros are zeros.
        d: Its shape.
        sums: Room of `slopes_size`.
        gradient: Flat, (9 * channels read, channels); holds the gradient afterwards.
    """
    channels, n_places = d.channels, len(places)
    sums_step = channels * VECTOR
    for i in range(n_places * sums_step):
        sums[i] = np.float32(0.0)
    length = d.width * d.batch
    most_lines = max(1, _STRIP // length)
    d_step, d_line, read_line = d.pitch * d.batch, channels * d.pitch * d.batch, read.channels * read.pitch * read.batch
    n_groups = (channels + MOST_ROWS - 1) // MOST_ROWS
    for line in range(0, d.height, most_lines):
        n_lines = min(most_lines, d.height - line)
        for start in range(0, length, _STRIP):
            n = min(_STRIP, length - start)
            read_at = read.at + line * read_line + start
            d_at = d.at + (line + 1) * d_line + d.batch + start
            channel = 0
            for group in range(n_groups):
                rows = (channels - channel) // (n_groups - group)
                for place in range(0, n_places, N_PLACES):
                    _products(
                        rows, sums, place * sums_step + channel * VECTOR, sums_step,
                        slopes, d_at + channel * d_step, d_step, d_line,
                        maps, read_at, read_line, places, place, n_lines, n,
                    )  # fmt: skip
                channel += rows
    _gathered(sums, gradient, _TAPS * read.channels * channels)


@compiled
def _products(
    rows: int, sums: Array, sums_at: int, sums_step: int, d: Array, d_at: int, d_step: int, d_line: int,
    fed: Array, fed_at: int, fed_line: int, places: Array, places_at: int, n_lines: int, length: int,
) -> None:  # fmt: skip
    if rows == 6:
        _PRODUCTS_6(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip
    elif rows == 5:
        _PRODUCTS_5(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip
    elif rows == 4:
        _PRODUCTS_4(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip
    elif rows == 3:
        _PRODUCTS_3(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip
    elif rows == 2:
        _PRODUCTS_2(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip
    else:
        _PRODUCTS_1(sums, sums_at, sums_step, d, d_at, d_step, d_line,
                    fed, fed_at, fed_line, places, places_at, n_lines, length)  # fmt: skip


@reordered
def _gathered(sums: Array, gradient: Array, n: int) -> None:
    """Vectors of sums as one number each."""
    for i in range(n):
        total = np.float32(0.0)
        for j in range(VECTOR):
            total += sums[i * VECTOR + j]
        gradient[i] = total
