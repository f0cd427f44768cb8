"""Images on which depth must win: what they show, and that a study of them says so."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import ffsearch
from ffsearch.errors import DataError
from ffsearch.search.data.features.images import LABEL
from ffsearch.search.data.files.controls import control_table
from ffsearch.search.data.files.folded_images import LEAD, QUARTERS, SIDE, folded_images
from ffsearch.search.data.prepare import prepare
from ffsearch.search.network.heads import Task
from ffsearch.spaces.schema import DataSpec

PLACES = list(product(range(4), repeat=2))


def folded(shade: float) -> float:
    return 2 * shade if shade < 0.5 else 2 - 2 * shade


def test_the_label_is_the_quarter_with_the_largest_fold_of_folds() -> None:
    pixels, labels, n_test = folded_images(n_rows=200, seed=0)
    assert pixels.shape == (200, SIDE, SIDE)
    assert n_test == 40
    for image, label in zip(pixels / 255, labels, strict=True):
        once = {place: folded(float(image[2 * place[0], 2 * place[1]])) for place in PLACES}
        twice = {(down, across): folded((once[down, across] + once[down, across ^ 1]) / 2) for down, across in PLACES}
        largest = dict.fromkeys(QUARTERS.tolist(), 0.0)
        for down, across in PLACES:
            quarter = f"{('top', 'bottom')[down // 2]} {('left', 'right')[across // 2]}"
            thrice = folded((twice[down, across] + twice[down ^ 1, across]) / 2)
            largest[quarter] = max(largest[quarter], thrice)
        *_, second, first = sorted(largest.values())
        assert largest[label] == pytest.approx(first)
        assert first - second >= LEAD - 1e-9


def test_a_place_is_four_pixels_of_one_shade() -> None:
    pixels, _, _ = folded_images(n_rows=100, seed=0)
    places = pixels.reshape(100, 4, 2, 4, 2)
    assert (places == places[:, :, :1, :, :1]).all()


def test_more_images_begin_with_the_fewer_and_another_seed_with_others() -> None:
    few, more, other = (folded_images(n_rows=n, seed=seed)[0] for n, seed in ((500, 0), (5500, 0), (500, 1)))
    assert (more[:400] == few[:400]).all()
    assert (more[-1100:][:100] == few[-100:]).all()
    assert (other != few).any(axis=(1, 2)).all()


def test_quarters_are_alike_often() -> None:
    counts = Counter(folded_images(n_rows=8000, seed=0)[1].tolist())
    assert set(counts) == set(QUARTERS)
    assert all(abs(count - 2000) < 200 for count in counts.values())


def test_it_is_read_as_images_with_a_test_part() -> None:
    prepared = prepare(DataSpec(source="control:folds@2?rows=500"), seed=0)
    assert prepared.table.image == (SIDE, SIDE, 1)
    assert prepared.head.task is Task.MULTICLASS
    assert len(prepared.splits.test) == 100
    frame, (pixels, labels, _) = control_table("folds?rows=500&seed=2").frame, folded_images(n_rows=500, seed=2)
    assert (frame.drop(columns=LABEL).to_numpy() == pixels.reshape(500, -1)).all()
    assert frame[LABEL].tolist() == np.asarray(labels).tolist()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("useless=3", r"'useless' is no option.*Behind the question mark stand rows, seed"),
        ("rows=20", r"rows is '20'; it must be a whole number from 100 to"),
        ("rows=1000001", r"must be a whole number from 100 to 1,000,000"),
    ],
)
def test_what_cannot_be_is_refused(options: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        control_table(f"folds?{options}")


@pytest.mark.slow
def test_a_study_of_them_says_deeper(tmp_path: Path) -> None:
    asked = {"preset": "quick", "capacity.budgets": [10_000], "capacity.longer": 1}
    study = ffsearch.run("capacity-convolutional", data="control:folds", overrides=asked, out=tmp_path / "run")
    assert study.results.verdict is not None
    assert study.results.verdict.code == "deeper"
