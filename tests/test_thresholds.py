"""Where the probability of one of two classes is cut: the best cut, what it is judged by, and what follows it."""

from __future__ import annotations

import html
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import ffsearch
from ffsearch import DataError, FFSearchClassifier, RunError, SpaceError
from ffsearch.reports.html import build_page
from ffsearch.reports.markdown import build_text
from ffsearch.search.cli import invoke
from ffsearch.search.evidence.thresholds import (
    HALF,
    Costs,
    Rule,
    Scored,
    choose_cut,
    curve,
    gain_elsewhere,
    judged_at,
    measures_at,
)
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.cut_results import MEASURES, Threshold
from ffsearch.search.folder.plain import read
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import LANGUAGES

DEAR = Costs(false_negative=5.0, false_positive=1.0)


def scored(n_rows: int, *, seed: int = 0, skill: float = 1.5, share: float = 0.2, weighs: bool = False) -> Scored:
    """Rows with the probabilities that are right for them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(np.log(share / (1 - share)), skill, size=n_rows)
    probability = 1 / (1 + np.exp(-logits))
    return Scored(
        positive=rng.random(n_rows) < probability,
        probability=probability,
        units=Units.of_rows(n_rows),
        weight=rng.lognormal(size=n_rows) if weighs else None,
    )


def rule(measure: str, *, precision: float | None = None) -> Rule:
    return Rule(measure=measure, costs=DEAR, precision=precision)


# --- measures ---------------------------------------------------------------------------------------------------------


def test_measures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

    rows = scored(500, weighs=True)
    taken = rows.probability >= 0.3
    found = measures_at(rows, 0.3, DEAR)
    for name, score in (
        ("recall", recall_score), ("precision", precision_score), ("f1", f1_score),
        ("balanced_accuracy", balanced_accuracy_score),
    ):  # fmt: skip
        assert found[name] == pytest.approx(score(rows.positive, taken, sample_weight=rows.weight))
    cost = 5.0 * (rows.positive & ~taken) + 1.0 * (~rows.positive & taken)
    assert found["cost"] == pytest.approx(np.average(cost, weights=rows.weight))


def test_a_curve_is_the_measures_at_every_hundredth() -> None:
    rows = scored(300, weighs=True)
    for point in curve(rows, DEAR)[::10]:
        expected = measures_at(rows, point["threshold"], DEAR)
        np.testing.assert_allclose([point[name] for name in MEASURES], [expected[name] for name in MEASURES])


@pytest.mark.parametrize("measure", ["recall", "precision", "f1", "balanced_accuracy", "cost"])
def test_what_rows_add_is_the_slope_of_a_measure(measure: str) -> None:
    rows = scored(200, weighs=True)
    judged = judged_at(rows, 0.3, rule(measure))
    assert judged.value.value == pytest.approx(judged.measures[measure])
    assert judged.at_half.value == pytest.approx(measures_at(rows, HALF, DEAR)[measure])
    sign = -1 if measure == "cost" else 1
    assert judged.gain.value == pytest.approx(sign * (judged.value.value - judged.at_half.value))
    assert judged.gain.low <= judged.gain.value <= judged.gain.high


@pytest.mark.parametrize("measure", ["f1", "balanced_accuracy", "cost"])
def test_intervals_of_a_gain_hold(measure: str) -> None:
    whole = scored(200_000, seed=1)
    true = judged_at(whole, 0.25, rule(measure)).gain.value
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(300):
        drawn = rng.integers(len(whole.positive), size=400)
        part = Scored(
            positive=whole.positive[drawn], probability=whole.probability[drawn], units=Units.of_rows(len(drawn))
        )
        gain = judged_at(part, 0.25, rule(measure)).gain
        held += gain.low <= true <= gain.high
    assert held >= 0.92 * 300


# --- choosing ---------------------------------------------------------------------------------------------------------


@given(
    cells=st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=4, max_size=25).filter(
        lambda cells: len({positive for _, positive in cells}) == 2
    ),
    measure=st.sampled_from(["f1", "balanced_accuracy", "cost"]),
)
@settings(max_examples=60, deadline=None)
def test_no_threshold_is_better_than_the_best_of_the_rows(cells: list[tuple[int, bool]], measure: str) -> None:
    probability = np.array([step / 8 for step, _ in cells])
    rows = Scored(
        positive=np.array([positive for _, positive in cells]), probability=probability,
        units=Units(kind=Units.of_rows(1).kind, numbers=np.zeros(len(cells), np.int64)),  # one unit: drawn whole
    )  # fmt: skip
    chosen = rule(measure)
    cut = choose_cut(rows, chosen, rng=np.random.default_rng(0))
    assert cut is not None
    assert cut.low == cut.value == cut.high
    every = [measures_at(rows, threshold, DEAR)[measure] for threshold in np.linspace(-0.01, 1.01, 103)]
    ours = measures_at(rows, cut.value, DEAR)[measure]
    assert chosen.sign * ours >= np.nanmax(chosen.sign * np.array(every)) - 1e-12


@pytest.mark.parametrize("weighs", [False, True])
def test_right_probabilities_are_cut_where_costs_say(*, weighs: bool) -> None:
    rows = scored(40_000, weighs=weighs)  # of right probabilities c_fp / (c_fp + c_fn) costs least (Elkan 2001)
    cut = choose_cut(rows, rule("cost"), rng=np.random.default_rng(0))
    assert cut is not None
    assert cut.value == pytest.approx(1 / 6, abs=0.04)
    assert cut.low < 1 / 6 < cut.high


def test_recall_is_the_most_there_is_where_precision_has_a_floor() -> None:
    rows = scored(5_000)
    cut = choose_cut(rows, rule("recall", precision=0.7), rng=np.random.default_rng(0))
    assert cut is not None
    found = measures_at(rows, cut.value, DEAR)
    assert found["precision"] == pytest.approx(0.7, abs=0.03)
    assert found["recall"] > measures_at(rows, 0.9, DEAR)["recall"]
    backwards = Scored(positive=rows.positive, probability=1 - rows.probability, units=rows.units)
    assert choose_cut(backwards, rule("recall", precision=0.99), rng=np.random.default_rng(0)) is None


def test_rows_of_one_class_choose_nothing() -> None:
    rows = scored(50)
    alone = rows.of(rows.positive)
    assert choose_cut(alone, rule("f1"), rng=np.random.default_rng(0)) is None


def test_what_a_threshold_gains_is_judged_by_rows_that_did_not_choose_it() -> None:
    whole = scored(6_000)
    parts = [whole.of(np.arange(6_000) % 3 == place) for place in range(3)]
    numbered = [
        Scored(
            positive=one.positive, probability=one.probability,
            units=Units(kind=one.units.kind, numbers=np.arange(len(one.positive)) + 10_000 * place),
        )
        for place, one in enumerate(parts)
    ]  # fmt: skip
    gain = gain_elsewhere(numbered, rule("cost"), rng=np.random.default_rng(0))
    assert gain is not None
    assert gain.low > 0
    assert gain_elsewhere(numbered[:1], rule("cost"), rng=np.random.default_rng(0)) is None
    # By noise alone nothing is gained in the mean, however well a threshold does on the rows that chose it.
    gains = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        noise = [
            Scored(
                positive=rng.random(60) < 0.5, probability=rng.random(60) * 0.2 + 0.4,
                units=Units(kind=Units.of_rows(1).kind, numbers=np.arange(60) + 1000 * place),
            )
            for place in range(3)
        ]  # fmt: skip
        found = gain_elsewhere(noise, Rule(measure="balanced_accuracy", costs=Costs()), rng=rng)
        assert found is not None
        gains.append(found.value)
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains)) + 0.01


# --- a whole run ------------------------------------------------------------------------------------------------------

QUICK: dict[str, Any] = {
    "search.trials": 2,
    "train.max_epochs": 8,
    "space.depth": 1,
    "evidence": {"finalists": 2, "repeats": 3, "effects": 0},
}


def a_table(n_rows: int = 900, seed: int = 0) -> pd.DataFrame:
    """A rare class that two numbers tell of."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 2))
    y = np.where(x[:, 0] + x[:, 1] + rng.normal(size=n_rows) > 2.0, "ill", "well")
    return pd.DataFrame({"u": x[:, 0], "v": x[:, 1], "y": y})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thresholds")
    a_table().to_csv(folder / "table.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def dear(folder: Path) -> Any:
    """A run whose misses cost five times as much as its false alarms."""
    return ffsearch.run(
        "tabular", data=folder / "table.csv", target="y",
        overrides={**QUICK, "data.costs": {"false_negative": 5, "false_positive": 1}}, out=folder / "dear",
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain(folder: Path) -> Any:
    """The same where nothing is asked."""
    return ffsearch.run("tabular", data=folder / "table.csv", target="y", overrides=QUICK, out=folder / "plain")


def test_costs_choose_a_threshold_and_the_model_keeps_it(dear: Any) -> None:
    found = dear.results.threshold
    assert (found.positive, found.wanted, found.in_model, found.measure) == ("ill", "cost", True, "cost")
    assert found.value < 0.35
    assert {one.name for one in found.sealed} == {"network", "dummy", "linear", "boosting"}
    network = found.sealed[0]
    assert network.value.value <= network.at_half.value
    with zipfile.ZipFile(dear.path / "model" / "model.keras") as archive:
        kept = json.loads(archive.read("ffsearch.json"))["threshold"]
    assert kept == {"positive": "ill", "value": found.value, "by": "cost"}


def test_labels_follow_the_threshold_and_probabilities_stay(dear: Any, plain: Any, folder: Path) -> None:
    rows = a_table(300, seed=9)
    cut, half = ffsearch.load_model(dear.path), ffsearch.load_model(plain.path)
    positive, value = cut.threshold or ("", 0.0)
    assert (positive, half.threshold) == ("ill", None)
    probabilities = cut.predict_proba(rows)
    pd.testing.assert_frame_equal(probabilities, half.predict_proba(rows))
    expected = np.where(probabilities["ill"] >= value, "ill", "well")
    assert list(cut.predict(rows)) == list(expected)
    assert list(half.predict(rows)) == list(np.where(probabilities["ill"] > 0.5, "ill", "well"))
    assert (cut.predict(rows) == "ill").sum() > (half.predict(rows) == "ill").sum()
    rows.to_csv(folder / "rows.csv", index=False)
    assert invoke(["predict", str(dear.path), str(folder / "rows.csv"), "--out", str(folder / "answers.csv")]) == 0
    assert list(pd.read_csv(folder / "answers.csv")["prediction"]) == list(expected)


def test_confused_classes_are_those_that_are_answered(dear: Any) -> None:
    errors, network = dear.results.errors, dear.results.threshold.sealed[0]
    ill = errors.labels.index("ill")
    counts = np.array(errors.confusion)
    assert counts[ill, ill] / counts[ill].sum() == pytest.approx(network.measures["recall"])


def test_other_costs_weigh_anew_without_training(dear: Any, folder: Path) -> None:
    trials = dear.trials
    again = ffsearch.run(
        "tabular", data=folder / "table.csv", target="y",
        overrides={**QUICK, "data.costs": {"false_negative": 1, "false_positive": 5}}, out=folder / "dear",
    )  # fmt: skip
    assert again.results.threshold.value > 0.5
    assert again.results.threshold.false_positive == 5
    pd.testing.assert_frame_equal(again.trials, trials)


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_where_nothing_is_asked_the_panel_says_how_to_ask(plain: Any, lang: str) -> None:
    found = plain.results.threshold
    assert (found.in_model, found.value, found.wanted, found.sealed) == (False, 0.5, "half", ())
    assert [rule.name for rule in found.rules] == ["f1", "balanced_accuracy"]
    t = LANGUAGES[lang]
    page, text = html.unescape(build_page(plain, lang=lang)), build_text(plain, lang=lang)
    assert t("threshold.title") in page
    assert "--set evidence.threshold=f1" in page
    assert Code.THRESHOLD_NOT_ASKED in text
    assert plain.figures.threshold() is not None


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_what_was_chosen_is_told_everywhere(folder: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = ffsearch.run(
        "tabular", data=folder / "table.csv", target="y",
        overrides={**QUICK, "evidence": {**QUICK["evidence"], "threshold": "f1"}}, out=folder / "f1",
    )  # fmt: skip
    assert run.results.threshold.wanted == "f1"
    page, text = html.unescape(build_page(run, lang=lang)), build_text(run, lang=lang)
    assert Code.THRESHOLD_IN_MODEL in page
    assert Code.THRESHOLD_IN_MODEL in text
    assert LANGUAGES[lang]("threshold.sealed") in page
    assert Code.THRESHOLD_IN_MODEL in (run.path / "model" / "card.md").read_text(encoding="utf-8")
    assert invoke(["show", str(run.path)]) == 0
    assert "is answered from a probability of" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_the_positive_class_may_be_named(folder: Path) -> None:
    overrides = {**QUICK, "data.positive": "well", "evidence": {**QUICK["evidence"], "threshold": "balanced_accuracy"}}
    run = ffsearch.run("tabular", data=folder / "table.csv", target="y", overrides=overrides, out=folder / "well")
    assert run.results.threshold.positive == "well"
    assert run.results.threshold.value > 0.5
    with pytest.raises(DataError, match=r"data\.positive: 'sick' is no class of 'y'. Its classes: 'ill', 'well'"):
        ffsearch.run(
            "tabular", data=folder / "table.csv", target="y", overrides={**QUICK, "data.positive": "sick"},
            out=folder / "sick",
        )  # fmt: skip
    assert not (folder / "sick").exists()


@pytest.mark.slow
@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_where_precision_has_a_floor_it_is_precision_that_is_judged(folder: Path, lang: str) -> None:
    asked = {**QUICK["evidence"], "threshold": "recall_at_precision=0.6"}
    run = ffsearch.run(
        "tabular", data=folder / "table.csv", target="y", overrides={**QUICK, "evidence": asked}, out=folder / "floor"
    )  # fmt: skip
    found = run.results.threshold
    network = found.sealed[0]
    assert (found.measure, found.in_model) == ("precision", True)
    assert network.value.value == pytest.approx(network.measures["precision"])
    assert found.chosen is not None
    assert found.chosen.measures["precision"] == pytest.approx(0.6, abs=0.06)
    assert found.chosen.gain is None
    text = build_text(run, lang=lang)
    assert LANGUAGES[lang]("threshold.sealed_floor", wanted="recall_at_precision=0.6") in text.replace("\\_", "_")


def test_a_precision_that_no_threshold_has_is_told_and_not_called_unasked(folder: Path) -> None:
    asked = {**QUICK["evidence"], "threshold": "recall_at_precision=1"}
    rng = np.random.default_rng(3)
    noise = pd.DataFrame({"u": rng.normal(size=600), "y": np.where(rng.random(600) < 0.4, "ill", "well")})
    run = ffsearch.run(
        "tabular", data=noise, target="y", overrides={**QUICK, "evidence": asked}, out=folder / "unreached"
    )  # fmt: skip
    text = build_text(run)
    assert run.results.threshold.in_model or Code.THRESHOLD_UNLEARNT in text
    assert Code.THRESHOLD_NOT_ASKED not in text


def test_without_repeats_a_threshold_is_not_chosen_and_that_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ffsearch.run(
        "tabular", data=folder / "table.csv", target="y", out=folder / "none", progress=True,
        overrides={**QUICK, "evidence": "none", "data.costs": {"false_negative": 5}},
    )  # fmt: skip
    assert Code.THRESHOLD_UNLEARNT in "".join(capsys.readouterr())
    assert run.results.threshold is None
    assert [one.code for one in run.results.evidence.notices if one.code == Code.THRESHOLD_UNLEARNT]
    assert ffsearch.load_model(run.path).threshold is None


@pytest.mark.parametrize("key", ["data.costs", "data.positive", "evidence.threshold"])
def test_other_tasks_have_no_threshold(key: str, tmp_path: Path) -> None:
    value: Any = {"data.costs": {"false_negative": 2}, "data.positive": "1", "evidence.threshold": "f1"}[key]
    with pytest.raises(SpaceError, match=rf"{key}: a threshold is for two classes"):
        ffsearch.run("tabular", data="sklearn:wine", overrides={key: value}, out=tmp_path / "run")
    with pytest.raises(SpaceError, match=r"a threshold is for two classes, and data\.task is regression"):
        ffsearch.load_space("tabular", {key: value, "data.task": "regression"})


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"evidence.threshold": "f2"}, '"f2" is not known. Legal: auto, half, f1'),
        ({"evidence.threshold": "recall_at_precision=1.5"}, "precision P above 0, at most 1"),
        ({"evidence.threshold": "cost"}, r"say data\.costs"),
        ({"data.costs": {"false_negative": 0}}, "false_negative"),
        ({"data.costs": {"missed": 3}}, "missed"),
        ({"evidence.threshold": "f1", "evidence.finalists": 0}, "finalists is 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(overrides: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError, match=told):
        ffsearch.load_space("tabular", overrides)


def test_an_estimator_answers_by_the_threshold() -> None:
    table = a_table()
    x, y = table[["u", "v"]], (table["y"] == "ill").astype(int)
    asked = {**QUICK, "data.costs": {"false_negative": 5, "false_positive": 1}}
    asked.pop("search.trials")
    estimator = FFSearchClassifier(trials=2, overrides=asked, random_state=0).fit(x, y)
    threshold = estimator.run_.results.threshold
    assert (threshold.positive, threshold.in_model) == ("1", True)
    assert list(estimator.predict(x)) == list((estimator.predict_proba(x)[:, 1] >= threshold.value).astype(int))


@pytest.mark.parametrize("field", ["measures", "threshold"])
def test_a_kept_threshold_without_a_measure_is_refused_when_it_is_read(field: str, tmp_path: Path) -> None:
    """Reports ask for every measure by name."""
    whole = {"recall": 0.5, "precision": None, "f1": 0.5, "balanced_accuracy": 0.5, "cost": 0.1}
    rule = {"name": "f1", "threshold": {"value": 0.4, "low": 0.3, "high": 0.5}, "measures": whole}
    kept = {
        "positive": "yes", "share": 0.2, "wanted": "f1", "value": 0.4, "in_model": True, "measure": "f1",
        "false_negative": 1.0, "false_positive": 1.0, "costs_given": False, "n_rows": 50,
        "curve": [{"threshold": 0.4, **whole}], "at_half": whole, "rules": [rule],
    }  # fmt: skip
    adapter = TypeAdapter(Threshold)
    assert read(adapter, json.dumps(kept), path=tmp_path).chosen is not None
    damaged = {"measures": {"at_half": {}}, "threshold": {"curve": [whole]}}[field]
    told = {"measures": "at_half: .*it lacks recall, precision", "threshold": r"curve\.0: .*it lacks threshold"}[field]
    with pytest.raises(RunError, match=told):
        read(adapter, json.dumps(kept | damaged), path=tmp_path)
