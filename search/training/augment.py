"""What is done to the rows of a batch before a network learns from them; the definition, in NumPy.

In this order, each only where the point says so:

    images   turned, mirrored, zoomed and shifted about their middle in one bilinear step, edges continued outwards;
             then made brighter or darker
    swap     a cell is replaced by the same cell of another row of the batch, a category's slots all together
    noise    Gaussian noise is added to number columns
    mixup    a row becomes share * row + (1 - share) * partner, share from Beta(a, a); so do its target and its weight
    cutmix   a box of the partner's image replaces that part of the row's; target and weight are mixed by what is left.
             Where mixup is on too, each row gets one of the two by the toss of a coin

Rows are augmented while training and never otherwise. What is drawn once a row (angles, boxes, shares, partners) comes
from NumPy's generator under the job's seed and the epoch; what is drawn once a cell is a hash of the cell's place under
the job's seed and the number of the update, because a generator's field for every update would cost more than the
network. Both are the same numbers in both trainers: `lane_augment.py` does the same in a lane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

from ffsearch.errors import SpaceError
from ffsearch.search.base.seeds import Stream, stream
from ffsearch.search.data.features.problem import MatrixColumns
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.network.points import Parameters, grid_values
from ffsearch.search.network.topology import AUGMENTATIONS, Balance, Point
from ffsearch.search.training.hashing import place_bits, update_words

__all__ = [
    "IMAGE_ONLY",
    "Batch",
    "Draw",
    "Field",
    "augment_batch",
    "augment_words",
    "check_augmentation",
    "epoch_draws",
    "is_augmented",
    "is_warped",
    "mixes_rows",
    "n_draws",
]

IMAGE_ONLY: Final = ("shift", "rotate", "flip", "zoom", "brightness", "cutmix")
"""What only images can have done to them."""

_WARPS: Final = ("shift", "rotate", "flip", "zoom", "brightness")


class Field(IntEnum):
    """Fields of hashed bits in one update; below those of dropout, which are the numbers of layers."""

    NOISE = -1
    SWAP = -2
    OFFSET = -3  # one a cell: how many rows further in the batch a swapped cell comes from


class Draw(IntEnum):
    """Columns of what is drawn once a row. Tables have the first three."""

    SHARE = 0  # what the row keeps of its features, 1 without mixup
    TARGET_SHARE = 1  # what it keeps of its target and weight
    PARTNER = 2  # place in the batch of the row it is mixed with
    TOP = 3  # the box that comes from the partner: rows from TOP on and before BOTTOM
    BOTTOM = 4
    LEFT = 5
    RIGHT = 6
    X_OF_X = 7  # where a pixel (x, y) comes from: x' = X_OF_X x + X_OF_Y y + X_OF_1
    X_OF_Y = 8
    X_OF_1 = 9
    Y_OF_X = 10
    Y_OF_Y = 11
    Y_OF_1 = 12
    BRIGHTNESS = 13  # added to every pixel


_OF_TABLES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The rows of one update.

    Args:
        x: Features, (batch, n_features).
        y: Targets, float (batch, n_outputs): classes as one slot each where rows are mixed.
        weight: Of each row in the loss, (batch,).
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    weight: NDArray[np.float32]


def is_augmented(point: Point) -> bool:
    """Whether anything is done to rows; how classes are balanced is another matter."""
    return any(getattr(point, f"augment_{name}") > 0 for name in AUGMENTATIONS)


def is_warped(point: Point) -> bool:
    """Whether images are turned, shifted, mirrored, zoomed or made brighter."""
    return any(getattr(point, f"augment_{name}") > 0 for name in _WARPS)


def mixes_rows(point: Point) -> bool:
    """Whether targets may lie between those of two rows."""
    return point.augment_mixup > 0 or point.augment_cutmix > 0


def n_draws(columns: MatrixColumns) -> int:
    """Numbers drawn once a row."""
    return _OF_TABLES if columns.image is None else len(Draw)


def check_augmentation(parameters: Parameters, *, head: Head, columns: MatrixColumns) -> None:
    """Refuse what does not go with the data.

    Raises:
        SpaceError: If classes are to be balanced where there are none, or a table is to be treated as images.
    """
    faults = []
    balances = [value for value in _values_of(parameters, "balance") if value != Balance.NONE]
    if balances and head.task is Task.REGRESSION:
        faults.append(
            f"data.augment.balance: {', '.join(map(str, balances))} makes classes count alike, and this is a "
            "regression, which has none. Leave balance out."
        )
    wrong = [name for name in IMAGE_ONLY if any(_values_of(parameters, name))]
    if wrong and columns.image is None:
        faults.append(
            f"data.augment: {', '.join(wrong)} is for images (FILE.npz), and this is a table. Leave it out; a table "
            "takes balance, noise, swap and mixup."
        )
    if faults:
        raise SpaceError("\n".join(faults))


def _values_of(parameters: Parameters, name: str) -> tuple[Any, ...]:
    """Some values the search may try of an augmentation."""
    parameter = parameters.get(f"augment_{name}")
    return () if parameter is None else grid_values(parameter)


# --- what is drawn ---------------------------------------------------------------------------------------------------


def augment_words(seed: np.random.SeedSequence) -> NDArray[np.uint32]:
    """The two words under which a job's cells are hashed; those of its dropout, in fields of their own."""
    words: NDArray[np.uint32] = stream(seed, Stream.DROPOUT).generate_state(2).astype(np.uint32)
    return words


def epoch_draws(
    seed: np.random.SeedSequence, epoch: int, *, point: Point, columns: MatrixColumns, n_updates: int, batch_size: int
) -> NDArray[np.float32]:
    """What is drawn once a row in one epoch, (n_updates, batch_size, n_draws).

    Args:
        seed: The job's seed.
        epoch: Number of the epoch, counted from 1.
        point: How rows are augmented.
        columns: What the columns of the matrix are.
        n_updates: Updates of the epoch.
        batch_size: Rows an update.
    """
    draws = np.zeros((n_updates, batch_size, n_draws(columns)), np.float32)
    draws[:, :, [Draw.SHARE, Draw.TARGET_SHARE]] = 1
    generator = np.random.default_rng(stream(seed, Stream.AUGMENT, epoch))
    # A row further on in the batch is a random one: rows come in a random order.
    offsets = generator.integers(1, max(2, batch_size), (n_updates, 1))
    draws[:, :, Draw.PARTNER] = (np.arange(batch_size) + offsets) % batch_size
    if point.augment_mixup > 0:
        share = generator.beta(point.augment_mixup, point.augment_mixup, draws.shape[:2])
        draws[:, :, [Draw.SHARE, Draw.TARGET_SHARE]] = share[:, :, None]
    if columns.image is None:
        return draws
    if point.augment_cutmix > 0:
        _draw_boxes(draws, generator, point=point, image=columns.image)
    _draw_warps(draws, generator, point=point, image=columns.image)
    return draws


def _draw_boxes(
    draws: NDArray[np.float32], generator: np.random.Generator, *, point: Point, image: tuple[int, int, int]
) -> None:
    """Boxes about a random pixel, cut off at the edges; what is left of the image is the target's share.

    Source: Yun et al. 2019, CutMix, arXiv 1905.04899, section 3.1.
    """
    height, width, _ = image
    wanted = np.sqrt(1 - generator.beta(point.augment_cutmix, point.augment_cutmix, draws.shape[:2]))
    edges = []
    for size in (height, width):
        middle, half = generator.uniform(0, size, draws.shape[:2]), wanted * size / 2
        edges += [np.rint(np.clip(middle - half, 0, size)), np.rint(np.clip(middle + half, 0, size))]
    top, bottom, left, right = edges
    cut = generator.random(draws.shape[:2]) < (0.5 if point.augment_mixup > 0 else 1.0)
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    for place, values in zip((Draw.TOP, Draw.BOTTOM, Draw.LEFT, Draw.RIGHT), edges, strict=True):
        draws[:, :, place] = np.where(cut, values, 0)
    draws[:, :, Draw.SHARE] = np.where(cut, 1, draws[:, :, Draw.SHARE])
    draws[:, :, Draw.TARGET_SHARE] = np.where(cut, kept, draws[:, :, Draw.TARGET_SHARE])


def _draw_warps(
    draws: NDArray[np.float32], generator: np.random.Generator, *, point: Point, image: tuple[int, int, int]
) -> None:
    """Where each pixel comes from, and what is added to it: the way back from the new image to the old one."""
    height, width, _ = image
    shape = draws.shape[:2]

    def drawn(largest: float) -> NDArray[np.float64]:
        return generator.uniform(-largest, largest, shape) if largest > 0 else np.zeros(shape)

    angle = np.deg2rad(drawn(point.augment_rotate))
    scale = np.exp(-drawn(np.log1p(point.augment_zoom)))
    mirror = np.where(generator.random(shape) < point.augment_flip, -1.0, 1.0)
    down, right = drawn(point.augment_shift) * height, drawn(point.augment_shift) * width
    of = {
        Draw.X_OF_X: mirror * scale * np.cos(angle),
        Draw.X_OF_Y: mirror * scale * np.sin(angle),
        Draw.Y_OF_X: -scale * np.sin(angle),
        Draw.Y_OF_Y: scale * np.cos(angle),
    }
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    of[Draw.X_OF_1] = middle_x - of[Draw.X_OF_X] * (middle_x + right) - of[Draw.X_OF_Y] * (middle_y + down)
    of[Draw.Y_OF_1] = middle_y - of[Draw.Y_OF_X] * (middle_x + right) - of[Draw.Y_OF_Y] * (middle_y + down)
    of[Draw.BRIGHTNESS] = drawn(point.augment_brightness)
    for place, values in of.items():
        draws[:, :, place] = values


# --- what is done with it --------------------------------------------------------------------------------------------


def augment_batch(
    batch: Batch,
    draws: NDArray[np.float32],
    *,
    point: Point,
    columns: MatrixColumns,
    words: NDArray[np.uint32],
    step: int,
) -> Batch:
    """The rows of one update, augmented.

    Args:
        batch: The rows.
        draws: What was drawn for them, (batch, n_draws).
        point: How rows are augmented.
        columns: What the columns of the matrix are.
        words: The job's, from `augment_words`.
        step: Updates the job has made.
    """
    x, key = batch.x, update_words(words, step)
    if is_warped(point):
        assert columns.image is not None
        x = _warped(x, draws, image=columns.image)
    if point.augment_swap > 0:
        x = _swapped(x, point.augment_swap, cell=columns.cell, key=key)
    if point.augment_noise > 0:
        z = _normal(place_bits(key, field=Field.NOISE, n_rows=len(x), columns=np.arange(x.shape[1])))
        x = x + np.float32(point.augment_noise) * z * columns.is_number
    augmented = replace(batch, x=x)
    return _mixed(augmented, draws, image=columns.image) if mixes_rows(point) else augmented


def _warped(x: NDArray[np.float32], draws: NDArray[np.float32], *, image: tuple[int, int, int]) -> NDArray[np.float32]:
    """Each pixel from where it comes from, between the four pixels about that place."""
    height, width, channels = image
    row, column = (axis.reshape(-1).astype(np.float32) for axis in np.mgrid[:height, :width])
    of = {place: draws[:, place, None] for place in Draw}
    source_x = of[Draw.X_OF_X] * column + of[Draw.X_OF_Y] * row + of[Draw.X_OF_1]
    source_y = of[Draw.Y_OF_X] * column + of[Draw.Y_OF_Y] * row + of[Draw.Y_OF_1]
    source_x, source_y = np.clip(source_x, 0, width - 1), np.clip(source_y, 0, height - 1)
    left, top = np.floor(source_x).astype(np.int32), np.floor(source_y).astype(np.int32)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = (source_x - left)[:, :, None], (source_y - top)[:, :, None]
    pixels = x.reshape(len(x), height * width, channels)

    def at(y: NDArray[np.int32], x: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.take_along_axis(pixels, (y * width + x)[:, :, None], axis=1)

    above = at(top, left) * (1 - dx) + at(top, right) * dx
    below = at(bottom, left) * (1 - dx) + at(bottom, right) * dx
    warped = (above * (1 - dy) + below * dy).reshape(x.shape) + of[Draw.BRIGHTNESS]
    return np.asarray(warped, np.float32)


def _swapped(
    x: NDArray[np.float32], rate: float, *, cell: NDArray[np.int32], key: NDArray[np.uint32]
) -> NDArray[np.float32]:
    """Cells from other rows of the batch: those of one cell of the table from as many rows further on."""
    swapped = _uniform(place_bits(key, field=Field.SWAP, n_rows=len(x), columns=cell)) < np.float32(rate)
    chance = _uniform(place_bits(key, field=Field.OFFSET, n_rows=1, columns=cell))
    offset = 1 + np.floor(chance * np.float32(len(x) - 1)).astype(np.int64)
    others = (np.arange(len(x))[:, None] + offset) % len(x)
    return np.where(swapped, np.take_along_axis(x, others, axis=0), x)


def _mixed(batch: Batch, draws: NDArray[np.float32], *, image: tuple[int, int, int] | None) -> Batch:
    """Rows mixed with their partners."""
    partner = draws[:, Draw.PARTNER].astype(np.int64)
    share, target_share = draws[:, Draw.SHARE], draws[:, Draw.TARGET_SHARE]
    x = share[:, None] * batch.x + (1 - share[:, None]) * batch.x[partner]
    if image is not None:
        height, width, channels = image
        row, column = (axis.reshape(-1) for axis in np.mgrid[:height, :width])
        edge = {place: draws[:, place, None] for place in (Draw.TOP, Draw.BOTTOM, Draw.LEFT, Draw.RIGHT)}
        in_rows = (row >= edge[Draw.TOP]) & (row < edge[Draw.BOTTOM])
        inside = in_rows & (column >= edge[Draw.LEFT]) & (column < edge[Draw.RIGHT])
        x = np.where(np.repeat(inside, channels, axis=1), batch.x[partner], x)
    return Batch(
        x=x,
        y=target_share[:, None] * batch.y + (1 - target_share[:, None]) * batch.y[partner],
        weight=target_share * batch.weight + (1 - target_share) * batch.weight[partner],
    )


def _uniform(bits: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The upper 23 bits as a number in [0, 1), exact in float32."""
    return (bits >> np.uint32(9)).astype(np.float32) * np.float32(2.0**-23)


def _normal(bits: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Standard normal numbers by the inverse of their distribution; the upper 23 bits never reach its ends."""
    centred = (2 * (bits >> np.uint32(9)) + 1).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return np.asarray(np.sqrt(2.0) * erfinv(centred), np.float32)
