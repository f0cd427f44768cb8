"""When a temperature becomes part of the model: enough errors, 1 left out, shown on rows that had no part in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.evidence.calibration import MIN_ERRORS, Validated, weigh_temperature
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.reader import MODEL
from ffsearch.search.folder.results import TEMPERATURES, Temperature
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.serving.packaged import load_packaged
from ffsearch.search.wording.language import LANGUAGES

BINARY = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes"))
THREE = Head(
    task=Task.MULTICLASS, loss=Loss.CATEGORICAL_CROSSENTROPY, n_outputs=3, target_names=("y",), labels=("a", "b", "c")
)


def weighed(
    factor: float, *, n_rows: int = 1000, head: Head = BINARY, spread: float = 2.0, seed: int = 0, copies: int = 1
) -> Temperature:
    """Five repeats, each on a fifth of the rows, of networks that are right but for a factor of their logits."""
    rng = np.random.default_rng(seed)
    right = spread * rng.normal(size=(n_rows, head.n_outputs))
    y = _drawn(head, right, rng)
    repeats = []
    for _ in range(5):
        drawn = rng.permutation(n_rows)[: n_rows // 5]
        logits = factor * (right[drawn] + 0.1 * rng.normal(size=(len(drawn), head.n_outputs)))
        rows = np.repeat(drawn, copies)
        repeats.append(Validated(rows=rows, y=y[rows], logits=np.repeat(logits, copies, axis=0)))
    rows = np.concatenate([one.rows for one in repeats])
    return weigh_temperature(head, repeats, units=Units.of_labels(UnitKind.ROWS, rows))


def _drawn(head: Head, logits: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.generic]:
    if head.task is Task.BINARY:
        return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1).astype(np.int32)


@pytest.mark.parametrize("head", [BINARY, THREE])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_factor_that_is_off_is_found_with_its_interval(head: Head, factor: float) -> None:
    found = weighed(factor, head=head)
    assert found.in_model
    assert found.low is not None
    assert found.high is not None
    assert found.low < factor < found.high
    assert found.low > 0.65 * factor
    assert found.high < 1.5 * factor
    assert found.gain is not None
    assert found.gain.low > 0
    assert found.gain.value == pytest.approx(found.loss_before - found.loss_after, rel=0.3)


def test_right_probabilities_are_left_alone() -> None:
    taken = [weighed(1.0, seed=seed, n_rows=600).in_model for seed in range(60)]
    assert sum(taken) <= 3


def test_the_interval_holds_the_factor_as_often_as_it_says() -> None:
    found = [weighed(1.5, seed=seed, n_rows=400) for seed in range(200)]
    held = [one.low <= 1.5 <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(held) > 190
    assert np.mean(held) > 0.92


def test_rows_that_are_told_apart_give_none() -> None:
    """As 96 rows of iris do: hardly an error, and a log loss that falls as long as the logits grow."""
    found = weighed(0.1, n_rows=96, spread=40.0)
    assert found.n_errors is not None
    assert found.n_errors < MIN_ERRORS
    assert not found.in_model
    assert found.value >= TEMPERATURES[0]


def test_at_a_bound_none_is_taken() -> None:
    found = weighed(30.0)
    assert found.n_errors is not None
    assert found.n_errors >= MIN_ERRORS
    assert found.low is None
    assert not found.in_model


def test_one_repeat_shows_nothing_on_other_rows() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(500, 1))
    one = Validated(rows=np.arange(500), y=_drawn(BINARY, logits, rng), logits=4 * logits)
    found = weigh_temperature(BINARY, [one], units=Units.of_rows(500))
    assert found.value > 2
    assert found.gain is None
    assert not found.in_model


def test_rows_of_several_repeats_are_no_more_than_they_are() -> None:
    """The same rows four times over in every repeat: no more errors, and no narrower an interval."""
    once, often = weighed(1.5, n_rows=300), weighed(1.5, n_rows=300, copies=4)
    assert often.n_errors == once.n_errors
    assert once.high is not None
    assert once.low is not None
    assert often.high is not None
    assert often.low is not None
    assert (often.high - often.low) == pytest.approx(once.high - once.low, rel=0.01)


@settings(max_examples=25, deadline=None)
@given(factor=st.floats(0.02, 50), n_rows=st.integers(10, 300), seed=st.integers(0, 9), spread=st.floats(0.0, 30))
def test_it_never_leaves_its_bounds(factor: float, n_rows: int, seed: int, spread: float) -> None:
    found = weighed(factor, n_rows=n_rows, seed=seed, spread=spread)
    assert TEMPERATURES[0] <= found.value <= TEMPERATURES[1]
    assert found.loss_after <= found.loss_before
    if found.in_model:
        assert found.n_errors is not None
        assert found.n_errors >= MIN_ERRORS


# --- in a run --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    """Networks that a penalty makes timid."""
    overrides = {
        "search.trials": 1,
        "train.max_epochs": 40,
        "data.valid": {"holdout": 0.2},
        "space": {"depth": 1, "width": 8, "learning_rate": 0.01, "l2": 0.03},
        "evidence": {"finalists": 1, "repeats": 3, "effects": 0, "baselines": []},
    }
    out = tmp_path_factory.mktemp("timid") / "run"
    return ffsearch.run("tabular", data=a_table(), target="y", overrides=overrides, out=out)


def a_table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 1000))
    return pd.DataFrame({"a": a, "b": b, "y": np.where(2 * (a + b) + rng.logistic(size=1000) > 0, "t", "f")})


def test_a_temperature_that_is_shown_to_help_is_in_the_model_and_told(run: ffsearch.Run) -> None:
    calibration = run.results.calibration
    assert calibration is not None
    found = calibration.temperature
    assert found is not None
    assert found.in_model
    assert found.value < 1
    packaged = load_packaged(run.path / MODEL)
    assert packaged.facts["temperature"] == found.value
    layers = [layer.name for layer in packaged.model.layers]
    assert "temperature" in layers
    card = (run.path / "model" / "card.md").read_text().replace("\\", "")
    assert "Such networks are too timid, so the model divides its logits by 0." in card
    assert "[FFS421]" in card
    for language in LANGUAGES.values():
        page = build_page(run, lang=language.code)
        assert "FFS421" in page
        assert "FFS722" not in page


def test_a_mean_of_networks_has_none(run: ffsearch.Run, tmp_path: Path) -> None:
    text = (run.path / "space.yaml").read_text()
    assert "model: single" in text
    space = tmp_path / "space.yaml"
    space.write_text(text.replace("model: single", "model: average"))
    average = ffsearch.run(str(space), data=a_table(), target="y", out=tmp_path / "run")
    assert average.results.calibration is not None
    assert average.results.calibration.temperature is None
    assert load_packaged(average.path / MODEL).facts["temperature"] is None
