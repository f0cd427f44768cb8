"""Tables whose answer is known, to see whether a study finds it: `control:tent`, or one that you write yourself.

    control:tent                                    a control by its name; ffsearch controls lists them
    control:tent@3                                  another draw of it
    control:tent?rows=2000&useless=5&seed=3         with options
    control:house_numbers                           images of numbers (`house_numbers.py`)
    control:folds                                   images on which depth must win (`folded_images.py`)
    control:sin(3*x1)*x2 + noise(.1)?useless=5      an expression of x1, x2, ... (`expressions.py`)

The inputs of an expression lie evenly between -1 and 1, and its rows are the first ones of however many are asked for:
more rows, useless columns or noise change none of them.

Source: Telgarsky 2016, arXiv 1602.04485 (tent); Eldan and Shamir 2016, arXiv 1512.03965 (radial); Grinsztajn, Oyallon
and Varoquaux 2022, arXiv 2207.08815 (boxes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from hashlib import sha256
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.features.images import LABEL, ImageShape, pixel_names
from ffsearch.search.data.files.expression_values import values_of
from ffsearch.search.data.files.expressions import Expression, parsed
from ffsearch.search.data.files.folded_images import SIDE, folded_images, tent
from ffsearch.search.data.files.house_numbers import HEIGHT, house_numbers, width_of
from ffsearch.search.wording.language import shortened
from ffsearch.spaces.schema import MIN_ROWS

__all__ = [
    "CONTROLS",
    "FOLDS_OPTIONS",
    "IMAGE_OPTIONS",
    "OPTIONS",
    "TARGET",
    "Control",
    "ControlTable",
    "Truth",
    "control_table",
    "safe_name",
]

TARGET: Final = "y"

N_ROWS: Final = 4_000
"""Rows of a control. choice: 640 of them validate and 800 test, which tells scores apart to 2 or 3 % of noise."""

MAX_ROWS: Final = 1_000_000
MAX_USELESS: Final = 1_000
MAX_DRAW: Final = 999_999_999
MAX_CELLS: Final = 100_000_000
"""Most rows, useless columns, draws, and cells. choice: more is a typing error; the cells take 800 MB."""

N_IMAGES: Final = 12_500
"""Images of a control, a fifth of them for the test. choice: 10,000 to learn from, 2,500 tell a point apart."""

MAX_PERCENT: Final = 300
"""Most jitter and clutter, in per cent of much. choice: beyond it nobody reads anything."""

MAX_CLASSES: Final = 100
"""Most classes that `class(...)` makes. choice: with more, most of them have too few rows to be learnt from."""

TENT_ROUNDS: Final = 2
"""Times that a further input is averaged in and the map applied twice, after it was applied once to the first input.

choice: along one input alone eight kinks are no task for a hundred units: at 300 and 1,000 parameters tuned networks of
one layer come to 2 % of the spread as deep ones do, and only those that got stuck tell them apart; and of five
iterations along one input nothing is learnt in 3,000 updates, whatever the depth. In two rounds one layer keeps three
quarters of the spread, four layers half of it; in three rounds nobody learns anything from 4,000 rows.
"""

NOISE: Final = 1.0
"""Standard deviation of what the linear control adds to a signal of the same. choice: half of the variance is noise."""

N_RIDGES: Final = 32
"""Waves of which `ridges` is the sum. choice: at 300 and 1,000 parameters one layer has 30 and 100 units for them."""

N_TREES, N_SPLIT, N_CUTS, N_AROUND = 40, 6, 3, 14
"""Of `boxes`: trees, inputs they cut, cuts of each tree, and useless inputs beside.

choice: what Grinsztajn, Oyallon and Varoquaux found trees ahead on: values that jump, and columns that say nothing.
"""

_SEED: Final = 6_600
"""Where all draws come from, with the draw's number. choice: the book's figures are 6.6 and 6.7."""

_INPUTS, _NOISES, _USELESS = 1_000, 1_001, 1_002
"""What a draw is for, where it is not for a control by its number."""

_MAX_DIGITS: Final = len(str(MAX_DRAW))
"""Most digits of a number that is asked for; Python turns no endless ones into a number."""

_NAME: Final = re.compile(r"(?![xX][0-9]+$|pi$)[A-Za-z_][A-Za-z0-9_]*|")
"""What is a name of a control, or was meant as one, and no expression."""

_NAME_LETTERS: Final = 40
"""Letters of an expression in the name of a folder. choice: they tell what was asked; folders have a longest name."""

_Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]


class Truth(StrEnum):
    """What is known of a control, and is what a study or search of it has to find."""

    DEEPER = "deeper"
    WIDER = "wider"
    NOTHING = "nothing"
    TREES = "trees"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Option:
    """A whole number that may be asked for behind the question mark."""

    default: int
    low: int
    high: int


OPTIONS: Final[Mapping[str, Option]] = {
    "rows": Option(default=N_ROWS, low=MIN_ROWS, high=MAX_ROWS),
    "useless": Option(default=0, low=0, high=MAX_USELESS),
    "seed": Option(default=0, low=0, high=MAX_DRAW),
}
"""Options of every control that is a table."""

IMAGE_OPTIONS: Final[Mapping[str, Option]] = {
    "rows": Option(default=N_IMAGES, low=100, high=MAX_ROWS),
    "digits": Option(default=2, low=1, high=3),
    "jitter": Option(default=50, low=0, high=MAX_PERCENT),
    "clutter": Option(default=20, low=0, high=MAX_PERCENT),
    "seed": Option(default=0, low=0, high=MAX_DRAW),
}
"""Options of `house_numbers`. Jitter and clutter: docs/decisions.md has how well networks read at which."""

FOLDS_OPTIONS: Final[Mapping[str, Option]] = {name: IMAGE_OPTIONS[name] for name in ("rows", "seed")}
"""Options of `folds`."""


@dataclass(frozen=True, kw_only=True)
class ControlTable:
    """A control as drawn.

    Args:
        frame: Inputs `x1`, `x2`, ..., useless ones behind them, and the target; or pixels and their label.
        target: What the target is called.
        image: Height, width and channels where the inputs are pixels.
        n_test_rows: Rows at the end that are a test part.
        name: What the table is called in reports.
    """

    frame: pd.DataFrame
    target: str = TARGET
    image: ImageShape | None = None
    n_test_rows: int = 0
    name: str = ""


_Settled = Mapping[str, int]
"""The value of every option."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control: what is known of it, how it is made, and the options it takes."""

    truth: Truth
    make: Callable[[_Settled], ControlTable]
    options: Mapping[str, Option] = field(default_factory=lambda: OPTIONS)


def _tent(rng: np.random.Generator, n_rows: int) -> _Drawn:
    x = rng.random((n_rows, 1 + TENT_ROUNDS))
    y = tent(x[:, 0])
    for further in x.T[1:]:
        y = tent(tent((y + further) / 2))
    return x, y


def _radial(rng: np.random.Generator, n_rows: int) -> _Drawn:
    x = rng.uniform(-1, 1, (n_rows, 4))
    return x, np.cos(2 * np.pi * np.linalg.norm(x, axis=1))


def _linear(rng: np.random.Generator, n_rows: int) -> _Drawn:
    x = rng.standard_normal((n_rows, 8))
    weights = rng.standard_normal(8)
    return x, x @ (weights / np.linalg.norm(weights)) + NOISE * rng.standard_normal(n_rows)


def _noise(rng: np.random.Generator, n_rows: int) -> _Drawn:
    return rng.standard_normal((n_rows, 8)), rng.standard_normal(n_rows)


def _ridges(rng: np.random.Generator, n_rows: int) -> _Drawn:
    directions = rng.standard_normal((8, N_RIDGES))
    starts = rng.uniform(0, 2 * np.pi, N_RIDGES)
    x = rng.uniform(-1, 1, (n_rows, 8))
    waves = np.cos(3 * x @ (directions / np.linalg.norm(directions, axis=0)) + starts)
    return x, waves.sum(axis=1) / np.sqrt(N_RIDGES / 2)


def _boxes(rng: np.random.Generator, n_rows: int) -> _Drawn:
    trees = [
        (rng.permutation(N_SPLIT)[:N_CUTS], rng.uniform(-0.8, 0.8, N_CUTS), rng.standard_normal(2**N_CUTS))
        for _ in range(N_TREES)
    ]
    x = rng.uniform(-1, 1, (n_rows, N_SPLIT + N_AROUND))
    leaves = [levels[(x[:, inputs] > cuts) @ 2 ** np.arange(N_CUTS)] for inputs, cuts, levels in trees]
    return x, np.sum(leaves, axis=0) / np.sqrt(N_TREES)


def _house_numbers(asked: _Settled) -> ControlTable:
    width = width_of(asked["digits"])
    _refuse_size(asked["rows"], HEIGHT * width)
    made = house_numbers(
        n_rows=asked["rows"],
        seed=asked["seed"],
        n_digits=asked["digits"],
        jitter=asked["jitter"] / 100,
        clutter=asked["clutter"] / 100,
    )
    labels = [f"#{number}" for number in made.numbers]  # the names of classes; numbers would be predicted as such
    return _images(made.pixels, labels, n_test=made.n_test)


def _folds(asked: _Settled) -> ControlTable:
    _refuse_size(asked["rows"], SIDE**2)
    pixels, quarters, n_test = folded_images(n_rows=asked["rows"], seed=asked["seed"])
    return _images(pixels, quarters.tolist(), n_test=n_test)


def _images(pixels: NDArray[np.uint8], labels: list[str], *, n_test: int) -> ControlTable:
    """Grey images as a table; pixels have the shape (n, height, width)."""
    shape = (*pixels.shape[1:], 1)
    frame = pd.DataFrame(pixels.reshape(len(pixels), -1), columns=pixel_names(shape), copy=False)
    return ControlTable(frame=frame.assign(**{LABEL: labels}), target=LABEL, image=shape, n_test_rows=n_test)


def _table(number: int, draw: Callable[[np.random.Generator, int], _Drawn]) -> Callable[[_Settled], ControlTable]:
    """How a control of so many rows is made; its number is part of the seed of its draws, and never changes."""

    def make(asked: _Settled) -> ControlTable:
        _refuse_size(asked["rows"], asked["useless"])
        x, y = draw(np.random.default_rng([_SEED, number, asked["seed"]]), asked["rows"])
        return ControlTable(frame=_framed(x, pd.Series(y), asked))

    return make


CONTROLS: Final[Mapping[str, Control]] = {
    "tent": Control(truth=Truth.DEEPER, make=_table(0, _tent)),
    "radial": Control(truth=Truth.DEEPER, make=_table(1, _radial)),
    "ridges": Control(truth=Truth.WIDER, make=_table(4, _ridges)),
    "linear": Control(truth=Truth.NOTHING, make=_table(2, _linear)),
    "noise": Control(truth=Truth.NOTHING, make=_table(3, _noise)),
    "boxes": Control(truth=Truth.TREES, make=_table(5, _boxes)),
    "folds": Control(truth=Truth.DEEPER, make=_folds, options=FOLDS_OPTIONS),
    "house_numbers": Control(truth=Truth.OPEN, make=_house_numbers, options=IMAGE_OPTIONS),
}
"""All of them by name."""


def control_table(given: str) -> ControlTable:
    """The table of a control, the same every time.

    Args:
        given: What stands behind `control:`, a name or an expression with its draw and options.

    Raises:
        DataError: If there is no such control, the expression is none, or has no value in some row.
    """
    text, question, asked = given.partition("?")
    base, at, draw = text.partition("@")
    is_draw = draw.isascii() and draw.isdigit() and len(draw) <= _MAX_DIGITS
    is_name = _NAME.fullmatch(base) is not None
    if (is_name and base not in CONTROLS) or (is_name and at and not is_draw):
        raise _no_control(given, base)
    if at and not is_draw:
        raise DataError(
            f"control:{_shown(given)}: behind @ stands the number of a draw, 0 or more, and not {_shown(draw)!r}."
        )
    options = CONTROLS[base].options if base in CONTROLS else OPTIONS
    found = _asked(asked, options, given=given) if question else {}
    if at and "seed" in found:
        raise DataError(f"control:{_shown(given)} says its draw twice, behind @ and as seed. Leave one of them out.")
    settled = {name: option.default for name, option in options.items()} | ({"seed": int(draw)} if at else {}) | found
    table = CONTROLS[base].make(settled) if base in CONTROLS else _written(base, settled)
    return replace(table, name=" ".join(base.split()))


def safe_name(given: str) -> str:
    """A control in the name of a file or folder: `tent_3`; an expression's letters, and what tells it from others."""
    safe = re.sub(r"[^\w.-]+", "_", given, flags=re.ASCII)
    if re.fullmatch(r"\w+(@\w*)?", given, flags=re.ASCII):
        return safe
    return f"{safe[:_NAME_LETTERS].strip('_')}-{sha256(given.encode(errors='replace')).hexdigest()[:6]}"


def _written(text: str, asked: _Settled) -> ControlTable:
    """The table of an expression."""
    expression = parsed(text)
    n_rows, n_columns = asked["rows"], expression.n_inputs + asked["useless"]
    if not n_columns:
        raise DataError(
            f"control:{_shown(text)} has no column to learn from. Name an input, x1, or ask for useless columns: "
            f"control:{_shown(text)}?useless=8"
        )
    _refuse_size(n_rows, n_columns)
    x = _even(_INPUTS, asked["seed"], (n_rows, expression.n_inputs))
    return ControlTable(frame=_framed(x, _target(expression, x, seed=asked["seed"]), asked))


def _framed(x: NDArray[np.float64], y: pd.Series[float] | pd.Series[str], asked: _Settled) -> pd.DataFrame:
    x = np.concatenate([x, _even(_USELESS, asked["seed"], (len(x), asked["useless"]))], axis=1)
    return pd.DataFrame({f"x{place + 1}": x[:, place] for place in range(x.shape[1])} | {TARGET: y})


def _even(purpose: int, seed: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Numbers evenly between -1 and 1, each column by itself: neither more rows nor more columns change one."""
    columns = [
        np.random.default_rng([_SEED, purpose, seed, place]).uniform(-1, 1, shape[0]) for place in range(shape[1])
    ]
    return np.stack(columns, axis=1) if columns else np.empty(shape)


def _target(expression: Expression, x: NDArray[np.float64], *, seed: int) -> pd.Series[float] | pd.Series[str]:
    """The target of an expression: numbers, `yes` and `no` of a comparison, or the classes that `class(...)` names."""

    def draw(number: int) -> NDArray[np.float64]:
        return np.random.default_rng([_SEED, _NOISES, seed, number]).standard_normal(len(x))

    values = values_of(expression, x, draw=draw) + 0.0  # -0 is 0, and one class
    if expression.is_truth:
        return pd.Series(np.where(values != 0, "yes", "no"))
    if not expression.is_class:
        return pd.Series(values)
    classes = np.unique(values)
    if (classes % 1 != 0).any() or len(classes) > MAX_CLASSES:
        odd = classes[classes % 1 != 0]
        told = f"{odd[0]:.6g} among them" if len(odd) else "whole numbers"
        raise DataError(
            f"control:{_shown(expression.text)} has {len(classes):,} different values, {told}. Classes are at most "
            f"{MAX_CLASSES} whole numbers, class(floor(3*x1)), or a comparison, class(x1 > 0)."
        )
    return pd.Series([f"c{value:.0f}" for value in values])


def _asked(text: str, options: Mapping[str, Option], *, given: str) -> dict[str, int]:
    """What stands behind the question mark: `rows=2000&useless=5`."""
    found: dict[str, int] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name not in options:
            near = get_close_matches(name, options, n=1)
            told = f" (is it {near[0]}?)" if near else ""
            raise DataError(
                f"control:{_shown(given)}: {_shown(name)!r} is no option{told}. Behind the question mark stand "
                f"{', '.join(options)}, such as ?rows=2000&seed=3."
            )
        if name in found:
            raise DataError(f"control:{_shown(given)} says {name} twice. Leave one of them out.")
        option, is_whole = options[name], value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
        if not is_whole or not option.low <= int(value) <= option.high:
            raise DataError(
                f"control:{_shown(given)}: {name} is {_shown(value)!r}; it must be a whole number from {option.low:,} "
                f"to {option.high:,}."
            )
        found[name] = int(value)
    return found


def _refuse_size(n_rows: int, n_columns: int) -> None:
    if n_rows * n_columns > MAX_CELLS:
        raise DataError(
            f"A control of {n_rows:,} rows and {n_columns:,} columns has {n_rows * n_columns:,} cells; at most "
            f"{MAX_CELLS:,} are legal. Ask for less."
        )


def _no_control(given: str, base: str) -> DataError:
    near = get_close_matches(base, CONTROLS, n=1)
    told = f" (is it control:{near[0]}?)" if near and near[0] != base else ""
    return DataError(
        f"control:{_shown(given)} is no control{told}. There are: {', '.join(CONTROLS)}; control:tent@3 is another "
        "draw; and you may write your own, control:'sin(3*x1)*x2 + noise(.1)'. ffsearch controls says more."
    )


def _shown(text: str) -> str:
    """A text as an error shows it: short, and without signs that a terminal would obey."""
    return shortened("".join(sign if sign.isprintable() else "?" for sign in text))
