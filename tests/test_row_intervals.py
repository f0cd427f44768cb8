"""Intervals for one row: what they promise is held, whatever the errors; and what cannot be promised is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ffsearch
from ffsearch.errors import DataError
from ffsearch.search.evidence.row_intervals import LEVELS, learn_row_intervals
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.network.row_intervals import RowIntervals
from ffsearch.search.serving.predict import predict_file
from ffsearch.search.wording.language import PLAIN


def errors_of(rng: np.random.Generator, n: int, *, uneven: bool) -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions of one target, whose errors grow with the prediction or do not."""
    predicted = rng.uniform(1, 10, (n, 1))
    return predicted + rng.standard_t(3, (n, 1)) * (predicted if uneven else 1), predicted


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("n_known", [40, 400])
def test_as_many_rows_are_held_as_promised(n_known: int, *, uneven: bool) -> None:
    rng = np.random.default_rng(0)
    held = dict.fromkeys(LEVELS, 0.0)
    for _ in range(200):
        intervals = learn_row_intervals(*errors_of(rng, n_known, uneven=uneven), units=Units.of_rows(n_known))
        truth, predicted = errors_of(rng, 200, uneven=uneven)
        for level in LEVELS:
            low, high = intervals.bounds(predicted, level)
            held[level] += float(((low <= truth) & (truth <= high)).mean()) / 200
    for level in LEVELS:
        assert level - 0.012 < held[level] < level + 0.6 / n_known + 0.02, held


def test_errors_that_grow_with_the_prediction_make_intervals_that_do() -> None:
    rng = np.random.default_rng(1)
    truth, predicted = errors_of(rng, 2000, uneven=True)
    low, high = learn_row_intervals(truth, predicted, units=Units.of_rows(2000)).bounds(np.array([[1.5], [9.5]]), 0.9)
    assert 3 < (high - low)[1, 0] / (high - low)[0, 0] < 12
    alike = learn_row_intervals(truth, predicted, units=Units.of_rows(2000), is_adaptive=False)
    low, high = alike.bounds(np.array([[1.5], [9.5]]), 0.9)
    assert np.ptp(high - low) == pytest.approx(0)


def test_sets_of_labels_hold_the_true_one_as_often_as_promised_and_are_small_where_it_is_sure() -> None:
    rng = np.random.default_rng(2)

    def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
        probabilities = rng.dirichlet([0.3] * 4, n)
        return np.array([rng.choice(4, p=one) for one in probabilities]), probabilities

    intervals = learn_row_intervals(*rows(2000), units=Units.of_rows(2000))
    truth, probabilities = rows(4000)
    right = (probabilities.argmax(axis=1) == truth).mean()
    for level in LEVELS:
        is_in = intervals.sets(probabilities, level)
        assert is_in[np.arange(4000), truth].mean() == pytest.approx(max(level, right), abs=0.025)
    assert is_in.any(axis=1).all()
    sure = probabilities.max(axis=1) > 0.95
    assert is_in[sure].sum(axis=1).mean() < is_in[~sure].sum(axis=1).mean()


def test_a_group_counts_once_however_many_rows_it_has() -> None:
    """One group of 1,000 rows that are far off says as much as one of a single row."""
    truth = np.concatenate([np.full((1000, 1), 100.0), np.ones((40, 1))])
    numbers = np.concatenate([np.zeros(1000, np.int64), np.arange(1, 41)])
    intervals = learn_row_intervals(truth, np.zeros_like(truth), units=Units(kind=UnitKind.GROUPS, numbers=numbers))
    low, high = intervals.bounds(np.zeros((1, 1)), 0.9)
    assert (low[0, 0], high[0, 0]) == (-1, 1)
    assert intervals.bounds(np.zeros((1, 1)), 0.97)[1][0, 0] > 99


@pytest.mark.parametrize("n_classes", [0, 3])
def test_a_row_that_stands_for_several_counts_as_those(n_classes: int) -> None:
    """Rows that are far off weigh four times the others: an interval of plain rows would hold too few."""
    rng = np.random.default_rng(4)
    n = 3000
    weight = np.where(rng.random(n) < 0.2, 4.0, 1.0)
    if n_classes:
        predicted = rng.dirichlet([1.0] * n_classes, n)
        truth = np.where(weight > 1, predicted.argmin(axis=1), predicted.argmax(axis=1))
    else:
        predicted = rng.uniform(1, 10, (n, 1))
        truth = predicted + rng.normal(size=(n, 1)) * weight[:, None]

    def held(intervals: RowIntervals, level: float) -> float:
        if n_classes:
            is_in = intervals.sets(predicted, level)[np.arange(n), truth]
        else:
            low, high = intervals.bounds(predicted, level)
            is_in = ((low <= truth) & (truth <= high))[:, 0]
        return float(np.average(is_in, weights=weight))

    learnt = learn_row_intervals(truth, predicted, units=Units.of_rows(n), weight=weight)
    whatever = learn_row_intervals(truth, predicted, units=Units.of_rows(n))
    for level in (0.8, 0.9, 0.95):
        assert held(learnt, level) == pytest.approx(level, abs=0.01)
        assert held(whatever, level) < level - 0.03
    assert learnt.n_units == int(weight.sum() ** 2 / np.square(weight).sum())  # unequal weights know less
    alike = learn_row_intervals(truth, predicted, units=Units.of_rows(n), weight=np.full(n, 7.0))
    assert alike.n_units == n
    assert held(alike, 0.9) == held(whatever, 0.9)


def test_a_group_weighs_as_its_rows_do_on_average() -> None:
    truth = np.concatenate([np.full((10, 1), 100.0), np.ones((40, 1))])
    units = Units(kind=UnitKind.GROUPS, numbers=np.concatenate([np.zeros(10, np.int64), np.arange(1, 41)]))
    for weight, reach in ((1.0, 1), (20.0, 100)):
        weights = np.concatenate([np.full(10, weight), np.ones(40)])
        intervals = learn_row_intervals(truth, np.zeros_like(truth), units=units, weight=weights)
        assert intervals.bounds(np.zeros((1, 1)), 0.7)[1][0, 0] == reach


def test_sealed_rows_say_by_their_weight_how_many_were_held(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(420, 2)), columns=["a", "b"])
    frame["y"] = frame["a"] + rng.normal(size=420) * np.where(frame["b"] > 0, 1.0, 0.1)
    frame["stands for"] = np.where(frame["b"] > 0, 30, 1)
    test = frame[300:]
    test.to_csv(tmp_path / "test.csv", index=False)
    run = ffsearch.run(
        frame[:300], target="y", trials=1, out=tmp_path / "run", report=False,
        evidence={"finalists": 1, "repeats": 3, "effects": 0, "baselines": [], "columns": False, "layers": False},
        overrides={
            "train.max_epochs": 30, "data.weights": "stands for", "data.test": str(tmp_path / "test.csv"),
        },
    )  # fmt: skip
    told = run.results.row_intervals
    assert told is not None
    for at in told.levels:
        ends = ffsearch.load_model(run.path).predict_interval(test, level=at.level)
        held = (ends["y low"] <= test["y"].to_numpy()) & (test["y"].to_numpy() <= ends["y high"])
        assert at.held.value == pytest.approx(np.average(held, weights=test["stands for"]))
    assert [abs(at.held.value - at.level) < 0.15 for at in told.levels] == [True] * len(told.levels)


@pytest.mark.parametrize(
    ("level", "text"),
    [(0, "a share between 0 and 1"), (1.0, "a share"), (90, "a share"), (0.95, "carry levels up to 0.888")],
)
def test_a_level_that_cannot_be_promised_is_refused(level: float, text: str) -> None:
    intervals = learn_row_intervals(np.zeros((8, 1)), np.ones((8, 1)), units=Units.of_rows(8))
    with pytest.raises(DataError, match=text):
        intervals.bounds(np.ones((3, 1)), level)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=300), st.sampled_from(LEVELS))
def test_what_is_saved_is_read_as_it_was_and_higher_levels_reach_further(off: list[float], level: float) -> None:
    truth = np.array(off)[:, None]
    intervals = learn_row_intervals(truth, np.linspace(0, 1, len(off))[:, None], units=Units.of_rows(len(off)))
    again = RowIntervals.from_dict(json.loads(json.dumps(intervals.as_dict())))
    rows = np.linspace(-1, 2, 7)[:, None]
    if level > intervals.highest:
        return
    np.testing.assert_allclose(again.bounds(rows, level), intervals.bounds(rows, level), rtol=1e-6)
    assert (intervals.bounds(rows, level / 2)[1] <= intervals.bounds(rows, level)[1]).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of numbers, of two targets."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    frame["price"] = 1000 + 100 * frame["a"] + rng.normal(size=300) * 20
    frame["weight"] = frame["b"] + rng.normal(size=300) * 0.1
    out = tmp_path_factory.mktemp("row_intervals") / "run"
    ffsearch.run(
        frame, target=["price", "weight"], trials=3, out=out, report=False,
        evidence={"finalists": 2, "repeats": 3, "effects": 0, "baselines": []}, overrides={"train.max_epochs": 60},
    )  # fmt: skip
    frame.head(20).to_csv(out.parent / "rows.csv", index=False)
    return out


def test_a_run_says_how_far_answers_may_be_off_in_the_targets_units(run: Path) -> None:
    told = ffsearch.load(run).results.row_intervals
    assert told is not None
    assert [one.level for one in told.levels] == list(LEVELS)
    price, weight = told.levels[2].widths
    assert 40 < price < 400
    assert 0.2 < weight < 3
    assert told.levels[2].held.low <= told.levels[2].held.value <= told.levels[2].held.high
    said = [PLAIN.says(finding) for finding in model_findings(ffsearch.load(run).results)]
    assert any("90 % of the rows to come held" in one and "--interval 0.9" in one for one in said)
    frame = ffsearch.load_model(run).predict_interval(pd.read_csv(run.parent / "rows.csv"), level=0.8)
    assert list(frame) == ["price low", "price high", "weight low", "weight high"]
    middle = (frame["price low"] + frame["price high"]) / 2
    predicted = ffsearch.load_model(run).predict(pd.read_csv(run.parent / "rows.csv"))
    assert isinstance(predicted, pd.DataFrame)
    np.testing.assert_allclose(middle, predicted["price"], rtol=1e-5)


def test_a_file_of_answers_has_the_ends_beside_them(run: Path) -> None:
    out = run.parent / "answers.csv"
    predict_file(run, run.parent / "rows.csv", out=out, level=0.9)
    answers = pd.read_csv(out)
    assert list(answers) == ["row", "price", "weight", "price low", "price high", "weight low", "weight high"]
    assert (answers["price low"] < answers["price"]).all()
    with pytest.raises(DataError, match="a share between 0 and 1"):
        predict_file(run, run.parent / "rows.csv", out=out, level=90)


def test_labels_of_a_set_stand_likeliest_first(tmp_path: Path) -> None:
    ffsearch.run(
        "tabular", data="sklearn:iris", trials=3, out=tmp_path / "run", report=False,
        evidence={"finalists": 2, "repeats": 3, "effects": 0, "baselines": []}, overrides={"train.max_epochs": 60},
    )  # fmt: skip
    model = ffsearch.load_model(tmp_path / "run")
    rows = pd.DataFrame({name: [5.0, 6.0, 6.2] for name in model.columns})
    sets = model.predict_interval(rows, level=0.95)["labels"]
    assert [row[0] for row in sets] == list(model.predict(rows))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    predict_file(tmp_path / "run", tmp_path / "rows.csv", out=tmp_path / "answers.csv", level=0.95)
    assert list(pd.read_csv(tmp_path / "answers.csv")["labels"]) == [" | ".join(row) for row in sets]


def test_a_model_that_does_not_know_says_what_makes_one_that_does(tmp_path: Path) -> None:
    ffsearch.run(
        "sklearn:iris",
        trials=2,
        out=tmp_path / "run",
        report=False,
        evidence="none",
        overrides={"train.max_epochs": 20},
    )
    model = ffsearch.load_model(tmp_path / "run")
    rows = pd.DataFrame({name: [5.0] for name in model.columns})
    with pytest.raises(DataError, match=r"does not know how far .* evidence\.finalists"):
        model.predict_interval(rows)
