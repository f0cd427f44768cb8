"""What a verdict rests on: answers to the same rows, matched by the number of the repeat, and what is independent."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ffsearch.search.base.objective import Objective
from ffsearch.search.data.splits import Guide
from ffsearch.search.evidence.facts import facts_of_rows
from ffsearch.search.evidence.predictions import RepeatPredictions
from ffsearch.search.evidence.units import units_of
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.steps.comparing import elsewhere_of, facts_of_validation

LOSS = Objective(name="log_loss", direction="minimize")
HEAD = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("a", "b"))
N_VALID = 60


def a_repeat(number: int, rng: np.random.Generator) -> RepeatPredictions:
    """A network, trial 7, that knows the classes of the rows of one repeat fairly well."""
    y = rng.integers(2, size=N_VALID)
    logits = (2.0 * (2 * y - 1) + rng.normal(size=N_VALID)).astype(np.float32)[:, None]
    return RepeatPredictions(
        repeat=number, rows=np.arange(N_VALID) + 1_000 * number, n_train=240, head=HEAD,
        y=y.astype(np.float32)[:, None], scale=None, outputs={7: logits},
    )  # fmt: skip


def weighed_with(repeats: list[RepeatPredictions], guide: Guide) -> Any:
    return SimpleNamespace(
        winner=SimpleNamespace(trial=7, topology="2 -> 1", n_params=3),
        finalists=SimpleNamespace(predictions=tuple(repeats), guide=guide),
        answered=None, corrected=None, smaller=None, divisor=None,
    )  # fmt: skip


def baselines_like(repeats: list[RepeatPredictions]) -> Any:
    """One that knows nothing, and a linear model that answers exactly as the network, both in repeats 1, 2, ..."""
    half = tuple(np.full((N_VALID, 2), 0.5) for _ in repeats)
    same = tuple(one.predictions(7) for one in repeats)
    return [SimpleNamespace(name="dummy", valid=half), SimpleNamespace(name="linear", valid=same)]


SETTING: Any = SimpleNamespace(head=HEAD, objective=LOSS)


def test_repeats_of_network_and_baselines_are_matched_by_number_where_one_is_missing() -> None:
    """Repeat 1 of the network was cut by the budget; a linear model that answers as it does is no worse by place."""
    rng = np.random.default_rng(0)
    repeats = [a_repeat(number, rng) for number in (1, 2, 3)]
    found = facts_of_validation(weighed_with(repeats[1:], Guide()), baselines_like(repeats), SETTING, 0.02)
    assert found is not None
    assert found.over_linear is not None
    assert found.over_linear.value == pytest.approx(0, abs=1e-6)
    assert found.over_dummy["network"].low > 0
    assert found.n_rows == 2 * N_VALID


def test_other_rows_speak_for_sealed_ones_but_not_by_time() -> None:
    rng = np.random.default_rng(0)
    repeats = [a_repeat(number, rng) for number in (1, 2, 3)]
    beside = elsewhere_of(weighed_with(repeats, Guide()), baselines_like(repeats), SETTING)
    assert beside is not None
    assert beside.n_units == 3 * N_VALID
    assert set(beside.terms) == {"network", "dummy", "linear"}
    by_time = Guide(moments=np.arange(5_000.0))
    assert elsewhere_of(weighed_with(repeats, by_time), baselines_like(repeats), SETTING) is None


def test_of_a_mean_of_networks_the_mean_is_compared_and_not_one_of_them() -> None:
    """A mean that is surer of what is right gains over a linear model that answers as the winner's own network does."""
    rng = np.random.default_rng(0)
    repeats = [a_repeat(number, rng) for number in (1, 2, 3)]
    means = [replace(one, outputs={7: 3 * one.outputs[7]}) for one in repeats]
    weighed = weighed_with(repeats, Guide())
    weighed.answered = SimpleNamespace(predictions=tuple(means), guide=Guide())
    found = facts_of_validation(weighed, baselines_like(repeats), SETTING, 0.02)
    beside = elsewhere_of(weighed, baselines_like(repeats), SETTING)
    assert found is not None
    assert found.over_linear is not None
    assert found.over_linear.value > 0.05
    assert beside is not None
    assert beside.terms["network"].mean() < beside.terms["linear"].mean() - 0.05


def test_a_table_by_time_has_wider_differences_than_the_same_rows_without() -> None:
    rng = np.random.default_rng(0)
    n_rows = 300
    noise, drift = rng.normal(size=n_rows), np.zeros(n_rows)
    for row in range(1, n_rows):
        drift[row] = 0.7 * drift[row - 1] + noise[row]
    losses = {"dummy": np.full(n_rows, 3.0), "linear": np.full(n_rows, 1.0), "network": 0.9 + 0.1 * drift}
    widths = []
    for guide in (Guide(), Guide(moments=np.arange(n_rows, dtype=float))):
        found = facts_of_rows(
            Objective(name="mae", direction="minimize"),
            truth=np.zeros(n_rows),
            terms={name: of_model.astype(np.float32)[:, None] for name, of_model in losses.items()},
            units=units_of(guide, np.arange(n_rows)),
            topology="2 -> 1",
            n_params=3,
            margin=0.02,
        )
        assert found.over_linear is not None
        widths.append(found.over_linear.high - found.over_linear.low)
    assert widths[1] > 1.5 * widths[0]
