"""What each layer does: probes rise where a layer bends the rows, and stay where nothing is left to bend."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.reports.layers_sections import layers
from ffsearch.search.evidence.layer_probes import ProbedRows, idle_share, layer_facts, targets_of
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import LayerFacts
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.language import PLAIN

N = 600


def stages(seed: int) -> tuple[list[NDArray[np.float32]], NDArray[np.float64]]:
    """Two columns, a layer that holds their product, and one that holds nothing new; the target is the product."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 2))
    product = x[:, :1] * x[:, 1:]
    first = np.column_stack([x, product, rng.normal(size=N)])
    second = np.tanh(first @ rng.normal(size=(4, 6)) * 0.1)
    return [part.astype(np.float32) for part in (x, first, second)], product + 0.1 * rng.normal(size=(N, 1))


def facts(seed: int) -> tuple[LayerFacts, ...]:
    (known, y), (sealed, y_sealed) = stages(seed), stages(1000 + seed)
    rows = ProbedRows(y=y, y_sealed=y_sealed, units=Units.of_rows(N))
    return layer_facts(known, sealed, rows, resets=[np.ones(N), np.zeros(N)], is_bounded=False)


def test_a_layer_that_makes_the_product_is_shown_and_one_that_adds_nothing_is_not() -> None:
    found = [facts(seed) for seed in range(10)]
    assert all([one.is_shown for one in of_seed] == [True, False] for of_seed in found)
    first = found[0][0]
    assert first.before < 0.05
    assert first.probe.value == pytest.approx(0.99, abs=0.02)
    assert (first.reset.value, first.n_units) == (1, 4)


def test_dead_units_and_those_at_an_end_say_nothing() -> None:
    rng = np.random.default_rng(0)
    units = rng.normal(size=(N, 4)).astype(np.float32)
    units[:, 1] = 0
    assert idle_share(units, is_bounded=False) == pytest.approx(0.25)
    ends = np.tanh(units * [1, 1, 1, 300]).astype(np.float32)
    assert idle_share(ends, is_bounded=True) == pytest.approx(0.5)
    assert idle_share(np.zeros((N, 3), np.float32), is_bounded=False) == 1


def test_targets_of_classes_are_a_column_a_class_and_an_unknown_one_is_none() -> None:
    assert targets_of(Task.MULTICLASS, np.array([2, -1, 0]), n_classes=3).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_a_sealed_row_of_twice_the_weight_counts_as_that_row_twice() -> None:
    (known, y), (sealed, y_sealed) = stages(1), stages(1001)
    weight = np.random.default_rng(2).integers(1, 4, N)
    rows = np.repeat(np.arange(N), weight)
    resets = [y_sealed[:, 0] ** 2, y_sealed[:, 0] + 1]
    once = ProbedRows(y=y, y_sealed=y_sealed, units=Units.of_rows(N), weight_sealed=weight / weight.max())
    weighed = layer_facts(known, sealed, once, resets=resets, is_bounded=False)
    twice = ProbedRows(y=y, y_sealed=y_sealed[rows], units=Units.of_labels(UnitKind.COPIES, rows))
    copied = layer_facts(
        known, [part[rows] for part in sealed], twice, resets=[one[rows] for one in resets], is_bounded=False
    )
    for one, other in zip(weighed, copied, strict=True):
        assert one.before == pytest.approx(other.before)
        for name in ("probe", "gain", "reset"):
            assert vars(getattr(one, name)) == pytest.approx(vars(getattr(other, name)))


@pytest.mark.parametrize(
    ("shown", "before"),
    [([True, False, False], None), ([False, True, False], "layer 1"), ([False, False, True], "layer 1 and 2")],
)
def test_a_layer_before_one_that_adds_something_is_not_called_useless(shown: list[bool], before: str | None) -> None:
    known = [replace(facts(0)[0], layer=layer, is_shown=one) for layer, one in enumerate(shown, 1)]
    results = SimpleNamespace(layers=known, shallow_twin=None, evidence=SimpleNamespace(settings={}))
    run: Any = SimpleNamespace(results=results)
    section = layers(run, PLAIN)
    assert section is not None
    assert "Not shown to add anything here" in section.texts[1]
    assert ("could do without" in section.texts[1]) == (before is not None)
    assert before is None or f"could do without {before} is not said" in section.texts[1]


def probed(control: str, out: Path) -> tuple[ffsearch.Run, list[bool]]:
    """A network of three layers on a control, and which of its layers are shown to add something."""
    run = ffsearch.run(
        "tabular", data=control, trials=1, out=out, report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": [], "columns": False},
        overrides={
            "space.depth": 3, "space.width": 64, "space.activation": "relu", "space.batch_norm": False,
            "space.dropout": 0.0, "space.learning_rate": 0.003, "train.max_epochs": 150,
        },
    )  # fmt: skip
    return run, [one.is_shown for one in run.results.layers]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_on_controls_the_known_answer_is_found(seed: int, tmp_path: Path) -> None:
    """Tents are folded layer by layer; of a plane nothing is left to bend."""
    tent, shown = probed(f"control:tent@{seed}?rows=2000", tmp_path / "tent")
    assert shown == [True, True, True]
    assert tent.results.shallow_twin is not None
    assert tent.results.shallow_twin.is_shown
    assert tent.results.layers[0].before < 0.05
    assert tent.results.layers[-1].probe.value > 0.6
    plane, shown = probed(f"control:linear@{seed}?rows=2000", tmp_path / "linear")
    assert shown == [False, False, False]
    assert plane.results.shallow_twin is not None
    assert not plane.results.shallow_twin.is_shown


@pytest.fixture(scope="module", params=[("tanh", True), ("swish", False)])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    """Two layers on a table whose target asks for one bend."""
    activation, batch_norm = request.param
    return ffsearch.run(
        "tabular", data="control:linear", trials=1, out=tmp_path_factory.mktemp("layers") / "run", report=False,
        evidence={"finalists": 1, "repeats": 2, "effects": 0, "baselines": []},
        overrides={
            "data.rows": 400, "space.depth": 3, "space.width": 16, "space.activation": activation,
            "space.batch_norm": batch_norm, "space.dropout": 0.0, "train.max_epochs": 60,
        },
    )  # fmt: skip


def test_a_run_says_what_each_layer_does(run: ffsearch.Run) -> None:
    found = run.results.layers
    assert [one.layer for one in found] == [1, 2, 3]
    assert [one.n_units for one in found] == [16, 16, 16]
    assert all(one.reset.value > 0 for one in found)
    assert not any(one.is_shown for one in found[1:])  # the target is linear
    for lang in ("en", "pt-BR"):
        assert 'id="layers"' in build_page(run, lang=lang)


def test_beside_several_layers_stands_one_as_large(run: ffsearch.Run, tmp_path: Path) -> None:
    twin, best = run.results.shallow_twin, run.results.best
    assert twin is not None
    assert best is not None
    assert twin.n_params == pytest.approx(best.n_params, rel=0.1)
    assert twin.n_units > 16
    assert not twin.is_shown  # the target is linear
    said = html.unescape(build_page(run))
    assert f"One hidden layer of {twin.n_units} units, with as many parameters and trained as long, explains" in said
    assert "one layer as large" in said  # the line in the figure


@pytest.mark.parametrize(("data", "model"), [("sklearn:breast_cancer", "single"), ("sklearn:wine", "average")])
def test_classes_are_probed_too_and_of_a_mean_the_first_network(data: str, model: str, tmp_path: Path) -> None:
    run = ffsearch.run(
        "tabular", data=data, trials=1, out=tmp_path / "run", report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": [], "columns": False},
        overrides={"train.max_epochs": 20, "model": model, "space.depth": 2, "space.width": 32},
    )  # fmt: skip
    first, second = run.results.layers
    assert first.before > 0.5  # classes that a plane parts
    assert second.probe.value > 0.5
    assert first.reset.value > 0


def test_where_it_was_not_asked_the_report_says_how(tmp_path: Path) -> None:
    run = ffsearch.run(
        "tabular", data="sklearn:iris", trials=1, out=tmp_path / "run", report=False,
        evidence={"finalists": 0, "effects": 0, "baselines": [], "layers": False}, overrides={"train.max_epochs": 10},
    )  # fmt: skip
    assert run.results.layers == ()
    assert "evidence.layers: true" in html.unescape(build_page(run))
