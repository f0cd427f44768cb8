"""Folded images, `control:folds`: images on which depth must win, for a study of convolutional networks.

    4 x 4 places of 2 x 2 pixels, each a shade of its own, from black (0) to white (1)
        -> the tent map, 0 to 1 and back to 0                      of every place
        -> averaged with the place beside it, and the tent map     within its quarter of the image
        -> averaged with the place above or below, and once more
        -> which quarter holds the largest                         the label

Three stages of a network each end by taking the largest of 2 x 2 pixels. The first leaves a place as it is; whatever is
folded and averaged has to be computed before the second does, for behind it no place is known any more. With three
layers in all, one stands there, however many channels it has. Images that leave in doubt which quarter it is are drawn
again.

Source: Telgarsky 2016, arXiv 1602.04485, for the tent map; that the largest value is taken is our own.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "folded_images", "tent"]

PLACES, PIXELS = 4, 2
"""Places a side of an image, and pixels a side of a place. choice: as few as three stages of pooling leave one of."""

SIDE: Final = PLACES * PIXELS

TEST_SHARE: Final = 5
"""One of so many images is a test image."""

QUARTERS: Final = np.array(["top left", "top right", "bottom left", "bottom right"])

LEAD: Final = 0.05
"""What the largest of the best quarter has before that of any other, at least.

choice: without it seeds of one cell are .1 of accuracy apart, and depth is found in four of five draws; with .1 three
layers come to .92, and with .2 to .99, so that nothing is left to gain.
"""

_SEED: Final = 6_602
"""Where all images come from, with the draw's number. choice: no other control's."""

_CHUNK: Final = 4_096
"""Images that are drawn together. choice: a MB at a time."""


def folded_images(*, n_rows: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.str_], int]:
    """Draw images; the first ones are the same however many are asked for, within either part.

    Args:
        n_rows: Images in all; a fifth of them are test images, the last ones.
        seed: Which draw.

    Returns:
        Pixels, shape (n_rows, SIDE, SIDE); the quarter of each, shape (n_rows,); and how many are test images.
    """
    n_test = n_rows // TEST_SHARE
    sizes = ((n_rows - n_test, False), (n_test, True))
    parts = [_drawn(n, np.random.default_rng([_SEED, seed, is_test])) for n, is_test in sizes]
    shades, quarters = (np.concatenate(both) for both in zip(*parts, strict=True))
    pixels = shades.repeat(PIXELS, axis=1).repeat(PIXELS, axis=2)
    return pixels, QUARTERS[quarters], n_test


def tent(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tent map: 0 to 1 and back to 0 on [0, 1]."""
    folded: NDArray[np.float64] = 1 - np.abs(2 * y - 1)
    return folded


def _drawn(n: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The first `n` images without doubt: shades of places, and the numbers of quarters, row by row."""
    shades, quarters = [np.empty((0, PLACES, PLACES), np.uint8)], [np.empty(0, np.int64)]
    while sum(map(len, quarters)) < n:
        tried = rng.integers(0, 256, (_CHUNK, PLACES, PLACES))
        largest = _largest(tried / 255)
        last = np.sort(largest, axis=1)
        is_clear = last[:, -1] - last[:, -2] >= LEAD
        shades.append(tried[is_clear].astype(np.uint8))
        quarters.append(largest[is_clear].argmax(axis=1))
    return np.concatenate(shades)[:n], np.concatenate(quarters)[:n]


def _largest(shades: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest of what the places of every quarter come to, shape (n, 4)."""
    half = PLACES // 2
    folded = tent(shades).reshape(-1, half, half, half, half)  # image, quarter down, row, quarter across, column
    for axis in (4, 2):
        folded = tent((folded + np.flip(folded, axis)) / 2)
    largest: NDArray[np.float64] = folded.max(axis=(2, 4)).reshape(-1, half * half)
    return largest
