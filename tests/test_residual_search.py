"""A search over residual connections: whether each layer as wide as the one before adds to that one's outputs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.network.topology import Point

SETTINGS = {
    "space.depth": 3, "space.width": 16, "space.activation": "relu", "space.batch_norm": False, "space.dropout": 0.0,
    "space.residual": {"type": "choice", "values": [True, False]},
    "train.max_epochs": 20, "data.rows": 300,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    return ffsearch.run(
        "tabular", data="control:tent", trials=6, out=tmp_path_factory.mktemp("residual") / "run", report=False,
        evidence={"finalists": 2, "repeats": 2, "effects": 3, "baselines": [], "columns": False},
        overrides=SETTINGS,
    )  # fmt: skip


def test_it_is_searched_told_and_saved(run: ffsearch.Run) -> None:
    assert set(run.trials["point.residual"]) == {True, False}
    assert run.results.best is not None
    best = bool(run.results.best.point.get("residual"))
    assert ("residual" in run.results.best.topology.split()) == best
    network = keras.saving.load_model(run.path / "model" / "model.keras")
    joins = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.Add)]
    assert len(joins) == 2 * best
    page = build_page(run)
    assert ("residual connections" in page) or not best
    (effect,) = (one for one in run.results.effects if one.factor == "residual")
    assert effect.change == ("off" if best else "on")


def test_a_network_with_it_is_packaged_as_it_was_trained(tmp_path: Path) -> None:
    run = ffsearch.run(
        "tabular", data="control:tent", trials=1, out=tmp_path / "run", report=False, evidence="none",
        overrides=SETTINGS | {"space.residual": True},
    )  # fmt: skip
    assert run.results.best is not None
    assert run.results.best.point["residual"]
    model = run.model()
    rows = {"x1": np.array([0.1, 0.7]), "x2": np.array([0.2, 0.4]), "x3": np.array([0.9, 0.3])}
    assert np.isfinite(np.asarray(model.predict(rows, verbose=0))).all()


def test_what_is_off_is_not_written_and_old_points_have_none() -> None:
    off = Point(depth=2, width=8)
    assert "residual" not in off.as_dict()
    assert Point.from_dict(off.as_dict()) == off
    on = Point(depth=2, width=8, residual=True)
    assert Point.from_dict(on.as_dict()) == on
    assert on.identity != off.identity
