"""Which columns carry the answer: planted ones are found in their order, noise is not, copies are told as a group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.evidence.columns import MAX_COLUMNS, AskedModel, alike, column_importances, dependence
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.network.heads import Task

WEIGHTS = np.array([3.0, 2.0, 1.4, 1.0, 0.7])
N_NOISE = 10


def planted(seed: int, n_rows: int = 400) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Five columns that count, the first the most, and ten that do not; and a target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, len(WEIGHTS) + N_NOISE)).astype(np.float32)
    y = x[:, : len(WEIGHTS)] @ WEIGHTS + rng.normal(size=n_rows)
    names = [f"c{place}" for place in range(len(WEIGHTS))] + [f"noise {place}" for place in range(N_NOISE)]
    return dict(zip(names, x.T, strict=True)), y[:, None]


def as_learnt(seed: int) -> Any:
    """A model that has learnt the weights, and a little of the noise, as one that was trained on few rows does."""
    weights = np.concatenate([WEIGHTS, np.random.default_rng(1000 + seed).normal(0, 0.15, N_NOISE)])

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return (np.column_stack(list(columns.values())) @ weights)[:, None]

    return predict


def asked(raw: Mapping[str, NDArray[Any]], predict: Any) -> AskedModel:
    """A model of columns that are numbers, each a column of its matrix."""
    return AskedModel(
        x=np.column_stack(list(raw.values())),
        places={name: np.array([place]) for place, name in enumerate(raw)},
        predict=lambda x: predict(dict(zip(raw, x.T, strict=True))),
    )


def found_in(seed: int, raw: dict[str, NDArray[Any]], truth: NDArray[Any], units: Units | None = None) -> Any:
    return column_importances(
        raw, {"network": asked(raw, as_learnt(seed))}, task=Task.REGRESSION, truth=truth,
        units=units or Units.of_rows(len(truth)), rng=np.random.default_rng(seed),
    )  # fmt: skip


def test_noise_is_seldom_called_useful_and_the_planted_order_is_found() -> None:
    n_false, taus = 0, []
    for seed in range(20):
        found = found_in(seed, *planted(seed))
        n_false += sum(one.is_useful for one in found if one.columns[0].startswith("noise"))
        value = {one.columns[0]: one.network.value for one in found}
        assert all(one.is_useful for one in found if one.columns[0] in ("c0", "c1", "c2", "c3"))
        taus.append(kendalltau([value[f"c{place}"] for place in range(5)], WEIGHTS).statistic)
    assert n_false <= 0.05 * 20 * N_NOISE
    assert np.mean(taus) >= 0.95
    assert min(taus) >= 0.8


def test_rows_that_weigh_more_count_for_more() -> None:
    """On half of the rows one column counts, on the others another, and the first half weighs nine times as much."""
    rng = np.random.default_rng(10)
    first = np.repeat([True, False], 1000)
    raw = {name: rng.normal(size=2000).astype(np.float32) for name in ("a", "b")}
    raw["first"] = first.astype(np.float32)

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return np.asarray(np.where(columns["first"] > 0.5, columns["a"], columns["b"])[:, None])

    def found(weight: NDArray[Any] | None) -> dict[str, float]:
        importances = column_importances(
            raw, {"network": asked(raw, predict)}, task=Task.REGRESSION, truth=predict(raw), units=Units.of_rows(2000),
            rng=np.random.default_rng(0), weight=weight,
        )  # fmt: skip
        return {one.columns[0]: one.network.value for one in importances}

    alike, weighed = found(None), found(np.where(first, 0.9, 0.1))
    assert alike["a"] == pytest.approx(alike["b"], rel=0.2)
    assert weighed["a"] / alike["a"] == pytest.approx(1.8, rel=0.05)
    assert weighed["b"] / alike["b"] == pytest.approx(0.2, rel=0.05)
    assert found(np.full(2000, 0.3)) == pytest.approx(alike)


def test_a_curve_of_weighted_rows_is_that_of_copied_ones() -> None:
    rng = np.random.default_rng(11)
    a = np.tile([-1, 0, 1], 150).astype(np.float32)  # a third of the rows each, so that both have the same stretches
    raw, weight = {"a": a, "b": rng.uniform(-1, 1, 450).astype(np.float32)}, np.repeat(rng.integers(1, 4, 150), 3)
    rows = np.repeat(np.arange(450), weight)

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return np.asarray((columns["a"].astype(float) * columns["b"])[:, None])

    (weighed,) = dependence(raw, ["a"], predict, output=0, units=Units.of_rows(450), weight=weight / 3)
    copies = {name: column[rows] for name, column in raw.items()}
    (copied,) = dependence(copies, ["a"], predict, output=0, units=Units.of_labels(UnitKind.COPIES, rows))
    assert weighed.at == pytest.approx(copied.at)
    for name in ("value", "low", "high"):
        assert getattr(weighed, name) == pytest.approx(getattr(copied, name), abs=1e-9)


def test_rows_of_one_group_count_as_one() -> None:
    raw, truth = planted(3)
    groups = Units.of_labels(UnitKind.GROUPS, np.repeat(np.arange(8), 50))
    alone, grouped = found_in(3, raw, truth), found_in(3, raw, truth, groups)
    width = [np.mean([one.network.high - one.network.low for one in found]) for found in (alone, grouped)]
    assert width[1] != pytest.approx(width[0], rel=0.02)
    assert [one.columns for one in alone][:4] == [("c0",), ("c1",), ("c2",), ("c3",)]


def test_two_copies_of_a_column_are_told_as_a_group_and_count_together() -> None:
    raw, truth = planted(4)
    half = {**raw, "copy": raw["c0"] * 2 + 5}

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        both = {name: cells for name, cells in columns.items() if name != "copy"}
        both["c0"] = (columns["c0"] + (columns["copy"] - 5) / 2) / 2
        return np.asarray(as_learnt(4)(both))

    found = column_importances(
        half, {"network": asked(half, predict)}, task=Task.REGRESSION, truth=truth, units=Units.of_rows(400),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert found[0].columns == ("c0", "copy")
    single = next(one for one in found if one.columns == ("c0",))
    assert found[0].network.low > single.network.high


def test_columns_go_together_by_rank_and_categories_by_their_levels() -> None:
    rng = np.random.default_rng(5)
    number = rng.normal(size=200).astype(np.float32)
    level = rng.choice(["a", "b", "c"], 200).astype(object)
    code = np.array([{"a": "x", "b": "y", "c": "z"}[one] for one in level], dtype=object)
    names = np.array([f"row {place}" for place in range(200)], dtype=object)
    raw = {
        "one": number, "level": level, "cube": number**3, "other": rng.normal(size=200).astype(np.float32),
        "code": code, "name": names, "constant": np.ones(200, np.float32), "gone": np.full(200, np.nan, np.float32),
    }  # fmt: skip
    raw["one"] = np.where(np.arange(200) % 50 == 0, np.nan, number).astype(np.float32)
    assert alike(raw) == [("one", "cube"), ("level", "code")]


def test_a_wide_table_is_looked_at_by_the_columns_that_count() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(900, 200)).astype(np.float32)
    raw = {f"c{place}": column for place, column in enumerate(x.T)}
    truth = (3 * x[:, 150] + x[:, 7])[:, None]

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return np.asarray((3 * columns["c150"] + columns["c7"])[:, None])

    found = column_importances(
        raw, {"network": asked(raw, predict)}, task=Task.REGRESSION, truth=truth, units=Units.of_rows(900), rng=rng
    )
    assert len(found) == MAX_COLUMNS
    assert [one.columns for one in found if one.is_useful] == [("c150",), ("c7",)]


def test_of_thousands_of_columns_groups_are_asked_before_single_ones() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(600, 3000)).astype(np.float32)
    raw = {f"c{place}": column for place, column in enumerate(x.T)}
    counting = {f"c{place}": 1 + place / 40 for place in range(0, 3000, 150)}
    n_asked: list[int] = []

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        n_asked.append(len(columns["c0"]))
        return np.asarray(sum(weight * columns[name] for name, weight in counting.items()))[:, None]

    truth = np.asarray(sum(weight * raw[name] for name, weight in counting.items()))[:, None]
    found = column_importances(
        raw, {"network": asked(raw, predict)}, task=Task.REGRESSION, truth=truth, units=Units.of_rows(600), rng=rng
    )
    useful = {one.columns[0] for one in found if one.is_useful}
    assert useful <= set(counting)
    assert len(useful) >= 18  # the weakest weigh a twentieth of the strongest
    assert len(n_asked) < 700
    assert max(n_asked) <= 5 * 600


def test_a_curve_of_local_effects_is_the_true_one_where_others_go_along_with_the_column() -> None:
    """Plain partial dependence is wrong here, for the two columns are nearly one."""
    rng = np.random.default_rng(7)
    a = rng.uniform(-1, 1, 4000)
    raw = {"a": a.astype(np.float32), "b": (a + rng.normal(0, 0.05, 4000)).astype(np.float32)}

    def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return np.asarray((columns["a"].astype(float) ** 2 + columns["b"])[:, None])

    (curve,) = dependence(raw, ["a"], predict, output=0, units=Units.of_rows(4000))
    at, value = np.array(curve.at), np.array(curve.value)
    np.testing.assert_allclose(value - value.mean(), at**2 - (at**2).mean(), atol=0.03)
    assert (np.array(curve.low) <= value).all()
    assert (np.array(curve.high) >= value).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    """A run on a table with one column that counts, one that does not, and a category."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"size": rng.normal(size=400), "noise | <b>": rng.normal(size=400)})
    frame["kind"] = rng.choice(["plain", "rare"], 400)
    frame["y"] = 3 * frame["size"] + 2 * (frame["kind"] == "rare") + rng.normal(size=400) * 0.2
    return ffsearch.run(
        frame, target="y", trials=2, out=tmp_path_factory.mktemp("columns") / "run", report=False,
        evidence={"finalists": 1, "repeats": 2, "effects": 0}, overrides={"train.max_epochs": 60},
    )  # fmt: skip


def test_a_run_says_which_columns_carry_the_answer(run: ffsearch.Run) -> None:
    found = run.results.columns
    assert found is not None
    assert [one.columns for one in found.importances] == [("size",), ("kind",), ("noise | <b>",)]
    assert [one.is_useful for one in found.importances] == [True, True, False]
    assert set(found.importances[0].others) == {"boosting"}
    assert found.naive > found.network
    assert [one.column for one in found.curves] == ["size"]
    rise = np.polyfit(found.curves[0].at, found.curves[0].value, 1)[0]
    assert rise == pytest.approx(3, rel=0.15)


def test_curves_are_over_the_tables_own_numbers_and_dates_have_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    number = rng.uniform(0, 50, 300)
    days = rng.integers(0, 2000, 300)
    frame = pd.DataFrame(
        {
            "far": [f"{1_000_000_000 + value:.2f}" for value in number],
            "day": (pd.Timestamp("2019-01-01") + pd.to_timedelta(days, unit="D")).strftime("%Y-%m-%d"),
        }
    )
    frame["y"] = number / 10 + days / 400
    run = ffsearch.run(
        frame, target="y", trials=2, out=tmp_path / "run", report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": []}, overrides={"train.max_epochs": 150},
    )  # fmt: skip
    found = run.results.columns
    assert found is not None
    assert {one.columns[0] for one in found.importances if one.is_useful} == {"far", "day"}
    (curve,) = found.curves
    assert curve.column == "far"
    assert 1_000_000_000 <= curve.at[0] < curve.at[-1] <= 1_000_000_050


def test_what_the_network_loses_is_the_weighted_score_of_the_sealed_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    frame["y"] = frame["a"] + rng.normal(size=300) * np.where(frame["b"] > 0, 1.0, 0.1)
    frame["stands for"] = np.where(frame["b"] > 0, 1, 30)
    run = ffsearch.run(
        frame, target="y", trials=1, out=tmp_path / "run", report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": []},
        overrides={"train.max_epochs": 20, "data.weights": "stands for"},
    )  # fmt: skip
    assert run.results.columns is not None
    assert run.results.columns.network == pytest.approx(run.results.evidence.test.value**2, rel=1e-5)


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_the_report_names_them_and_gives_the_command_without_the_others(run: ffsearch.Run, lang: str) -> None:
    page = build_page(run, lang=lang)
    assert 'id="columns"' in page
    assert "data.drop=[&#34;noise | &lt;b&gt;&#34;]" in page or "data.drop=[&quot;noise | &lt;b&gt;&quot;]" in page
    assert "<b>" not in page.split('id="columns"')[1].split("</section>")[0].replace("<b></b>", "")


def test_where_it_was_not_asked_the_report_says_how(tmp_path: Path) -> None:
    run = ffsearch.run(
        "tabular", data="sklearn:iris", trials=1, out=tmp_path / "run", report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": [], "columns": False}, overrides={"train.max_epochs": 10},
    )  # fmt: skip
    assert run.results.columns is None
    assert "evidence.columns: true" in build_page(run)
