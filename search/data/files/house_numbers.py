"""House numbers, `control:house_numbers`: images of numbers, composed of scikit-learn's handwritten digits, none twice.

The subject of figures 6.6 and 6.7 of *Deep Learning* is numbers read from photographs (Goodfellow et al. 2014, arXiv
1312.6082): the answer is right where all digits are. Here each digit is one of 1,797 handwritten ones of 8 x 8 pixels
that scikit-learn carries, placed on a canvas of 16 rows; no download, and as many images as are asked for.

    background     a shade that changes from side to side, strokes across it, grain
    digits         side by side, each a little off its place, all of one size; light on dark or dark on light
    neighbours     a further digit on either side, cut by the edge, as cut-outs of photographs have them

Test images are composed of the last digits of scikit-learn's file, all others of the ones before: no digit stands on
both sides, and the file goes by writer, so that hardly a hand does. A number is one class: `47` is right as a whole or
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["HouseNumbers", "house_numbers", "width_of"]

HEIGHT: Final = 16
"""Rows of an image. choice: a digit of 8 x 8 has room to move; four times as many pixels take four times as long."""

SOURCE: Final = 8
"""Rows and columns of a digit as scikit-learn has it."""

TEST_DIGITS: Final = 360
"""Digits at the end of scikit-learn's file that test images are made of: a fifth of 1,797."""

TEST_SHARE: Final = 5
"""One of so many images is a test image."""

SCALE, STEP, GAP = 1.15, 7.0, 0.15
"""Pixels a pixel of a digit takes; pixels of a digit from one middle to the next, and what a neighbour is further off.

choice: two digits fill two thirds of the canvas, and of a neighbour two or three columns are left.
"""

N_STROKES, STROKE, SLOPE, GRAIN, CONTRAST, NEIGHBOURS = 2, 0.25, 0.3, 0.06, 1.5, 0.5
"""At a clutter of 1: strokes and their shade, how far the background changes, grain, how contrasts fall, and how often
a neighbour stands on a side."""

_SEED: Final = 6_601
"""Where all images come from, with the draw's number. choice: no other control's."""

_CHUNK: Final = 2_000
"""Images composed together. choice: some tens of MB at a time."""

_Numbers = NDArray[np.float64]
_Whole = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class HouseNumbers:
    """Images with their numbers, test images last.

    Args:
        pixels: uint8, shape (n, HEIGHT, width).
        numbers: What each shows, as a text, shape (n,).
        n_test: Images at the end that are composed of test digits.
        sources: Which digits of scikit-learn's file an image holds, neighbours last, shape (n, n_digits + 2).
    """

    pixels: NDArray[np.uint8]
    numbers: NDArray[np.str_]
    n_test: int
    sources: _Whole


def house_numbers(*, n_rows: int, seed: int, n_digits: int, jitter: float, clutter: float) -> HouseNumbers:
    """Compose images; the first ones are the same however many are asked for, within either part.

    Args:
        n_rows: Images in all; a fifth of them are test images.
        seed: Which draw.
        n_digits: Digits of every number.
        jitter: How far digits are off their place and size; 1 is much.
        clutter: How much stands in the way of the digits; 1 is so much that people begin to guess.
    """
    n_test = n_rows // TEST_SHARE
    parts = [
        _part(n, np.random.SeedSequence([_SEED, seed, n_digits, is_test]), n_digits, jitter, clutter, is_test=is_test)
        for n, is_test in ((n_rows - n_test, False), (n_test, True))
    ]
    pixels, numbers, sources = (np.concatenate(both) for both in zip(*parts, strict=True))
    return HouseNumbers(pixels=pixels, numbers=numbers, n_test=n_test, sources=sources)


@cache
def _digits() -> tuple[_Numbers, _Whole]:
    """Scikit-learn's digits, ink from 0 to 1, shape (1797, 8, 8), and what they are."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images / 16.0, bunch.target.astype(np.int64)


def width_of(n_digits: int) -> int:
    """Columns of an image: 16, 24 or 32, half a digit more than the number on either side."""
    return SOURCE * (n_digits + 1)


class _Chance:
    """Draws for `n` images, each call from a generator of its own, so that more images change none of the first."""

    def __init__(self, n: int, seeds: np.random.SeedSequence) -> None:
        self.n = n
        self._seeds = seeds

    def generator(self) -> np.random.Generator:
        """The next one."""
        return np.random.default_rng(self._seeds.spawn(1)[0])

    def even(self, low: float, high: float, *shape: int) -> _Numbers:
        """Numbers between low and high, shape (n, *shape)."""
        return self.generator().uniform(low, high, (self.n, *shape))

    def one_of(self, values: _Whole) -> _Whole:
        """One of some values for each image, shape (n,)."""
        chosen: _Whole = values[self.generator().integers(0, len(values), self.n)]
        return chosen


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """Where the digits stand and what surrounds them, a row an image.

    Args:
        x: Columns of the digits' middles, neighbours last, shape (n, n_digits + 2); far off where there is none.
        y: Rows of their middles, likewise.
        scale: Pixels a pixel of a source digit takes, shape (n,).
        slant: Columns that a digit leans a row, shape (n,).
        shade: Of background (0 is black) and ink, shape (n, 2).
        slope: How the background changes from side to side and from top to bottom, shape (n, 2).
        strokes: Of each stroke its angle, distance from the middle, half width and shade, shape (n, N_STROKES, 4).
    """

    x: _Numbers
    y: _Numbers
    scale: _Numbers
    slant: _Numbers
    shade: _Numbers
    slope: _Numbers
    strokes: _Numbers

    def taken(self, rows: slice) -> _Scene:
        """That of some images."""
        return _Scene(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def _part(
    n: int, seeds: np.random.SeedSequence, n_digits: int, jitter: float, clutter: float, *, is_test: bool
) -> tuple[NDArray[np.uint8], NDArray[np.str_], _Whole]:
    """Pixels, numbers and source digits of the training or the test images."""
    ink, labels = _digits()
    pool = np.arange(len(ink) - TEST_DIGITS, len(ink)) if is_test else np.arange(len(ink) - TEST_DIGITS)
    leading = pool[labels[pool] > 0] if n_digits > 1 else pool  # no house has the number 07
    chance = _Chance(n, seeds)
    sources = np.stack([chance.one_of(pool if slot else leading) for slot in range(n_digits + 2)], axis=1)
    written = np.array(["".join(map(str, row)) for row in labels[sources[:, :n_digits]].tolist()], dtype=np.str_)
    scene, grain = _scene(chance, n_digits, jitter, clutter), chance.generator()
    size = (HEIGHT, width_of(n_digits))
    pixels = np.empty((n, *size), np.uint8)
    for start in range(0, n, _CHUNK):
        rows = slice(start, min(start + _CHUNK, n))
        shades = _composed(np.pad(ink, ((0, 0), (1, 1), (1, 1)))[sources[rows]], scene.taken(rows), size)
        shades += GRAIN * clutter * grain.standard_normal(shades.shape)
        pixels[rows] = np.clip(255 * shades + 0.5, 0, 255)
    return pixels, written, sources


def _scene(chance: _Chance, n_digits: int, jitter: float, clutter: float) -> _Scene:
    """Draw where everything stands."""
    n = chance.n
    scale = SCALE * (1 + jitter * chance.even(-0.15, 0.15))
    place = np.append(np.arange(n_digits), [-1 - GAP, n_digits + GAP]) - (n_digits - 1) / 2
    together = np.stack([chance.even(-1, 1), chance.even(-2, 2)], axis=1) * jitter
    apart = chance.even(-0.6, 0.6, n_digits + 2, 2) * jitter
    x = width_of(n_digits) / 2 - 0.5 + place * STEP * scale[:, None] + together[:, :1] + apart[..., 0]
    is_there = chance.even(0, 1, 2) < min(NEIGHBOURS * clutter, 1)
    x[:, n_digits:] = np.where(is_there, x[:, n_digits:], -1000.0)
    sign = np.where(chance.even(0, 1) < 0.5, -1.0, 1.0)
    contrast = 0.8 / (1 + CONTRAST * clutter * chance.even(0, 1))
    middle = 0.5 + clutter * chance.even(-0.1, 0.1)
    strokes = [
        chance.even(0, np.pi, N_STROKES),
        chance.even(-10, 10, N_STROKES),
        chance.even(0.3, 1.0, N_STROKES),
        clutter * chance.even(-STROKE, STROKE, N_STROKES),
    ]
    return _Scene(
        x=x,
        y=(HEIGHT - 1) / 2 + together[:, 1:] + apart[..., 1],
        scale=scale,
        slant=jitter * chance.even(-0.2, 0.2),
        shade=np.stack([middle - sign * contrast / 2, middle + sign * contrast / 2], axis=1),
        slope=clutter * chance.even(-SLOPE, SLOPE, 2),
        strokes=np.stack(strokes, axis=-1) if n else np.empty((0, N_STROKES, 4)),
    )


def _composed(ink: _Numbers, scene: _Scene, size: tuple[int, int]) -> _Numbers:
    """Shades of images, shape (n, *size); `ink` of their digits with a border, shape (n, n_digits + 2, 10, 10)."""
    row, column = np.mgrid[: size[0], : size[1]].astype(np.float64)
    across, down = column / (size[1] - 1) - 0.5, row / (size[0] - 1) - 0.5
    shades: _Numbers = scene.shade[:, :1, None] + scene.slope[:, :1, None] * across + scene.slope[:, 1:, None] * down
    for angle, distance, half_width, shade in np.moveaxis(scene.strokes, 0, -1)[..., None, None]:
        off = np.abs((column - size[1] / 2) * np.cos(angle) + (row - size[0] / 2) * np.sin(angle) - distance)
        shades += shade * np.clip(half_width + 0.5 - off, 0, 1)
    covered = np.zeros_like(shades)
    scale, slant = scene.scale[:, None, None], scene.slant[:, None, None]
    for number in range(ink.shape[1]):
        v = (row - scene.y[:, number, None, None]) / scale
        u = (column - scene.x[:, number, None, None]) / scale - slant * v
        covered = np.maximum(covered, _between(ink[:, number], u, v))
    shades += covered * (scene.shade[:, 1:, None] - shades)
    return shades


def _between(ink: _Numbers, u: _Numbers, v: _Numbers) -> _Numbers:
    """Ink at places between pixels, from a digit's middle on: the mean of the four around, by how near they are."""
    middle, last = (SOURCE + 1) / 2, SOURCE + 1
    column, row = np.clip(u + middle, 0, last - 1e-9), np.clip(v + middle, 0, last - 1e-9)
    left, top = column.astype(np.int64), row.astype(np.int64)
    right_share, low_share = column - left, row - top
    image = np.arange(len(ink))[:, None, None]
    upper = ink[image, top, left] * (1 - right_share) + ink[image, top, left + 1] * right_share
    lower = ink[image, top + 1, left] * (1 - right_share) + ink[image, top + 1, left + 1] * right_share
    between: _Numbers = upper * (1 - low_share) + lower * low_share
    return between
