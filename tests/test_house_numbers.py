"""Images of numbers, composed of scikit-learn's digits: no digit on both sides, and what the options do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ffsearch.errors import DataError
from ffsearch.search.data.features.images import LABEL
from ffsearch.search.data.files.controls import control_table
from ffsearch.search.data.files.house_numbers import HEIGHT, HouseNumbers, house_numbers, width_of
from ffsearch.search.data.prepare import prepare
from ffsearch.search.network.heads import Task
from ffsearch.spaces.schema import DataSpec


def made(n_rows: int = 500, *, seed: int = 0, n_digits: int = 2, jitter: float = 1, clutter: float = 1) -> HouseNumbers:
    return house_numbers(n_rows=n_rows, seed=seed, n_digits=n_digits, jitter=jitter, clutter=clutter)


@pytest.mark.parametrize("n_digits", [1, 2, 3])
def test_an_image_shows_the_digits_of_its_number(n_digits: int) -> None:
    found = made(n_digits=n_digits)
    assert found.pixels.shape == (500, HEIGHT, width_of(n_digits))
    assert found.n_test == 100
    written = load_digits().target[found.sources[:, :n_digits]]
    assert ["".join(map(str, row)) for row in written.tolist()] == found.numbers.tolist()
    assert all(len(number) == n_digits for number in found.numbers)
    assert n_digits == 1 or not any(number.startswith("0") for number in found.numbers)


@pytest.mark.slow
def test_no_digit_stands_on_both_sides_whatever_the_draw() -> None:
    train, test = set[int](), set[int]()
    for seed in range(4):
        sources = made(6000, seed=seed).sources
        train |= set(sources[:-1200].ravel().tolist())
        test |= set(sources[-1200:].ravel().tolist())
    assert not train & test
    assert train | test == set(range(1797))


def test_more_images_begin_with_the_fewer_and_another_seed_with_others() -> None:
    few, more = made(500), made(5500)
    assert (more.pixels[:400] == few.pixels[:400]).all()
    assert (more.pixels[-1100:][:100] == few.pixels[-100:]).all()
    assert more.numbers[:400].tolist() == few.numbers[:400].tolist()
    other = made(500, seed=1)
    assert (other.pixels != few.pixels).any(axis=(1, 2)).all()
    assert (other.numbers != few.numbers).mean() > 0.9


def test_without_jitter_and_clutter_digits_stand_where_they_should() -> None:
    """Two shades, nothing around, and each digit found again in its place by the nearest of all that are like it."""
    plain = made(300, jitter=0, clutter=0)
    shades = plain.pixels.astype(float)
    edge = np.concatenate([shades[:, 0], shades[:, -1]], axis=1)
    assert np.ptp(edge, axis=1).max() <= 1
    ink = np.abs(shades - edge[:, :1, None])
    assert ink[:, 2:14, 3:-3].sum() > 0.99 * ink.sum()
    twice = {number: np.flatnonzero(plain.sources[:, 0] == number) for number in plain.sources[:, 0]}
    same = next(rows for rows in twice.values() if len(rows) > 1)[:2]
    left, right = ink[same][:, :, :10] / ink[same].max(axis=(1, 2), keepdims=True)
    assert np.abs(left - right).max() < 0.03


def test_clutter_stands_in_the_way_and_jitter_moves() -> None:
    def error(found: HouseNumbers) -> float:
        """Of the nearest training image by pixels, on whether the number is under 50."""
        x = found.pixels.reshape(len(found.pixels), -1).astype(float)
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        near = (x[-400:] @ x[:-400].T).__abs__().argmax(axis=1)
        return float(np.mean(found.numbers[:-400][near] != found.numbers[-400:]))

    plain, moved, hidden = (error(made(2000, jitter=j, clutter=c)) for j, c in ((0, 0), (1.5, 0), (0, 1.5)))
    assert plain < moved - 0.1
    assert plain < hidden - 0.1


def test_it_is_read_as_images_with_a_test_part_and_a_class_a_number() -> None:
    prepared = prepare(DataSpec(source="control:house_numbers?rows=2000", rows=1000), seed=0)
    assert prepared.table.image == (16, 24, 1)
    assert prepared.head.task is Task.MULTICLASS
    assert prepared.head.n_outputs == 90
    assert len(prepared.splits.test) == 400
    assert len(prepared.development_rows) == 1000


def test_options_are_percent_and_digits() -> None:
    frame = control_table("house_numbers@3?rows=200&jitter=0&clutter=50&digits=1").frame
    found = made(200, seed=3, n_digits=1, jitter=0, clutter=0.5)
    assert (frame.drop(columns=LABEL).to_numpy() == found.pixels.reshape(200, -1)).all()
    assert frame[LABEL].tolist() == [f"#{number}" for number in found.numbers]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("digits=4", r"digits is '4'; it must be a whole number from 1 to 3"),
        ("clutter=x", r"clutter is 'x'; it must be a whole number from 0 to 300"),
        ("useless=3", r"'useless' is no option.*rows, digits, jitter, clutter, seed"),
        ("rows=1000000", r"has 384,000,000 cells; at most 100,000,000"),
        ("rows=20", r"rows is '20'; it must be a whole number from 100 to"),
    ],
)
def test_what_cannot_be_is_refused(options: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        control_table(f"house_numbers?{options}")
