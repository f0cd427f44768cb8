"""Runs in which points say how a network is shown the numbers of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.errors import DataError, SpaceError
from ffsearch.search.network.topology import Numbers
from ffsearch.search.serving.packaged import load_packaged
from ffsearch.search.steps import inputs
from ffsearch.search.steps.replay import replay

ALL = {"type": "choice", "values": ["robust", "quantile", "bins"]}
SMALL = {
    "data.valid": {"holdout": 0.25},
    "data.number_bins": 4,
    "space.depth": 1,
    "space.width": 16,
    "train.max_epochs": 3,
    "search.sampler": "random",
    "evidence.finalists": 2,
    "evidence.repeats": 2,
    "evidence.effects": 0,
}


def table(n_rows: int = 240) -> pd.DataFrame:
    """Two columns of very heavy tails, one with gaps, and a class that depends on their logarithms."""
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, n_rows))
    frame = pd.DataFrame({"a": np.exp(4 * a), "b": np.exp(4 * b), "c": generator.choice(["u", "v"], n_rows)})
    frame.loc[::9, "b"] = np.nan
    return frame.assign(y=np.where(a + b > 0, "yes", "no"))


def searched(out: Path, **overrides: Any) -> ffsearch.Run:
    return ffsearch.run("tabular", data=table(), target="y", overrides=SMALL | overrides, out=out)


@pytest.mark.slow
def test_every_way_is_tried_named_trained_again_and_saved_and_baselines_know_nothing_of_it(tmp_path: Path) -> None:
    run = searched(tmp_path / "run", **{"space.numbers": ALL, "search.trials": 14})
    assert run.records[0].point.numbers is Numbers.ROBUST
    assert {record.point.numbers for record in run.records} == set(Numbers)
    for record in run.records:
        n_features = 6 + 2 * 4 * (record.point.numbers is Numbers.BINS)
        assert record.topology.startswith(f"{n_features} -> 16 -> 1 ")
        named = [word for word in record.topology.split() if word.startswith("numbers=")]
        assert named == ([] if record.point.numbers is Numbers.ROBUST else [f"numbers={record.point.numbers}"])
    assert set(run.trials["point.numbers"]) == {"robust", "quantile", "bins"}
    predictions = load_packaged(run.path / "model" / "model.keras").predictions(table())
    assert np.isfinite(predictions).all()
    plain = searched(tmp_path / "plain", **{"data.number_bins": 0, "search.trials": 1})
    ours, theirs = (
        [{key: one[key] for key in ("name", "settings", "valid", "test")} for one in each.summary["baselines"]]
        for each in (run, plain)
    )
    assert len(ours) == 3
    assert ours == theirs


@pytest.mark.parametrize("way", ["quantile", "bins"])
def test_a_way_that_is_fixed_is_the_models(tmp_path: Path, way: str) -> None:
    run = searched(
        tmp_path / "run",
        **{"space.numbers": way, "search.trials": 1, "evidence": "none"}
        | ({"data.number_bins": 0} if way == "quantile" else {}),
    )
    facts = load_packaged(run.path / "model" / "model.keras").facts["preprocessor"]["numbers"]
    assert all(bool(number["knots"]) == (way == "quantile") for number in facts)
    assert all(bool(number["n_bins"]) == (way == "bins") for number in facts)


@pytest.mark.slow
def test_a_run_that_was_ended_goes_on_as_it_would_have(tmp_path: Path) -> None:
    asked = {"space.numbers": ALL, "evidence": "none", "search.concurrency": 1}
    searched(tmp_path / "parts", **asked, **{"search.trials": 3})
    parts = searched(tmp_path / "parts", **asked, **{"search.trials": 6})
    whole = searched(tmp_path / "whole", **asked, **{"search.trials": 6})
    assert [record.point for record in parts.records] == [record.point for record in whole.records]
    assert [record.value for record in parts.records] == [record.value for record in whole.records]
    trial = next(record.trial for record in whole.records if record.point.numbers is Numbers.BINS)
    assert replay(whole.path, trial, data=table()).is_same


def test_a_tuner_of_keras_tuner_builds_and_trains_every_way(tmp_path: Path) -> None:
    overrides = {**SMALL, "space.numbers": ALL, "search.sampler": "tpe"}
    hypermodel = ffsearch.hypermodel("tabular", data=table(), target="y", overrides=overrides)
    tuner = keras_tuner.GridSearch(hypermodel, objective=hypermodel.objective, directory=tmp_path, max_trials=0)
    for way, n_features in (("robust", 6), ("quantile", 6), ("bins", 14)):
        hp = tuner.oracle.get_space()
        hypermodel.build(hp)
        hp.values["numbers"] = way
        network = hypermodel.build(hp)
        assert network.input_shape[-1] == n_features
        hypermodel.fit(hp, network, epochs=1)


def test_matrices_that_memory_would_not_hold_are_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "memory_for_lanes", lambda: 10_000)
    with pytest.raises(SpaceError, match=r"^space\.numbers: bins, quantile, robust make matrices of .* rows x 26 colu"):
        searched(tmp_path / "run", **{"space.numbers": ALL})
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(inputs, "machine_memory", lambda: 10_000)
    fits = r"matrices of [\d,]+ rows x \d+ columns, 0\.0 GB, .* \(data\.rows=\d+ would fit\)"
    with pytest.raises(DataError, match=fits):
        searched(tmp_path / "run")
    assert not (tmp_path / "run").exists()
