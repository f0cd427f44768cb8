"""The decision as a table: what was found, and the answer it comes to; and whether what is told to settle it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import SeedSpread
from ffsearch.search.evidence.decision import VerdictCode, decide
from ffsearch.search.evidence.facts import Facts, facts_of_rows
from ffsearch.search.evidence.settling import settles
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import Estimate
from ffsearch.search.network.heads import Task

LOG_LOSS = Objective(name="log_loss", direction="minimize")
MODELS = ("dummy", "linear", "boosting", "network")


def interval(value: float, reach: float = 0.1) -> Estimate:
    return Estimate(value=value, low=value - reach, high=value + reach)


def ends(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high)


def facts(
    network: float = 0.5, linear: float = 0.5, boosting: float = 0.5, *, reach: float = 0.1, **changes: Any
) -> Facts:
    """Gains over a dummy of log loss 1, all known to `reach`; a twentieth of the best is worth having."""
    gains = {"network": network, "linear": linear, "boosting": boosting}
    return Facts(
        **{
            "metric": "log_loss",
            "room": 1.0,
            "margin": 0.05 * max(0.0, *gains.values()),
            "topology": "4 -> 8 -> 1 relu (49 parameters)",
            "n_params": 49,
            "n_rows": 200,
            "over_dummy": {name: interval(gain, reach) for name, gain in gains.items()},
            "over_linear": interval(network - linear, reach),
            "over_boosting": interval(network - boosting, reach),
            "boosting_over_linear": interval(boosting - linear, reach),
        }
        | changes
    )


NO_RIVAL = {"over_linear": None, "over_boosting": None, "boosting_over_linear": None}
ONE_UNIT = Estimate(value=0.2, low=math.nan, high=math.nan)

TABLE = {
    "the network beats both": (facts(0.6, 0.3, 0.3), VerdictCode.NETWORK),
    "boosting may be better by more than the margin": (facts(0.6, 0.3, 0.65), VerdictCode.NOT_SETTLED),
    "boosting is shown to gain less than the margin": (
        facts(0.6, 0.3, 0.6, over_boosting=ends(0.0, -0.02, 0.02)),
        VerdictCode.NETWORK,
    ),
    "boosting beats both": (facts(0.4, 0.2, 0.6), VerdictCode.BOOSTING),
    "boosting beats the network, and the linear model perhaps": (facts(0.4, 0.5, 0.6), VerdictCode.NOT_SETTLED),
    "all are alike to within the margin": (facts(0.5, 0.5, 0.5, reach=0.01), VerdictCode.LINEAR),
    "the linear model beats both": (facts(0.3, 0.6, 0.3), VerdictCode.LINEAR),
    "it beats boosting, which beats the network": (facts(0.2, 0.8, 0.5), VerdictCode.LINEAR),
    "nothing can be told": (facts(0.5, 0.5, 0.5), VerdictCode.NOT_SETTLED),
    "no model beats the dummy": (facts(0.0, 0.0, 0.0, reach=0.05), VerdictCode.NOTHING),
    "all are worse than the dummy": (facts(-0.3, 0.0, -0.3), VerdictCode.NOTHING),
    "a gain worth having is in sight": (facts(0.1, 0.0, 0.0, reach=0.3), VerdictCode.NOT_SETTLED),
    # a million rows: everything is shown, and nothing of it is worth having
    "the network gains .0003 where .025 matters": (
        facts(
            over_linear=ends(0.0003, 0.0001, 0.0005),
            over_boosting=ends(0.0003, 0.0001, 0.0005),
            boosting_over_linear=ends(0.0, -0.0002, 0.0002),
            margin=0.025,
        ),
        VerdictCode.LINEAR,
    ),
    "the network gains .016 to .024 where .025 matters": (
        facts(
            over_linear=ends(0.020, 0.016, 0.024),
            over_boosting=ends(0.020, 0.016, 0.024),
            boosting_over_linear=ends(0.0, -0.004, 0.004),
            margin=0.025,
        ),
        VerdictCode.LINEAR,
    ),
    "boosting gains .0003 over both where .025 matters": (
        facts(
            over_linear=ends(0.0, -0.0002, 0.0002),
            over_boosting=ends(-0.0003, -0.0005, -0.0001),
            boosting_over_linear=ends(0.0003, 0.0001, 0.0005),
            margin=0.025,
        ),
        VerdictCode.LINEAR,
    ),
    "a gain is shown, but not to be worth having or not": (
        facts(0.52, 0.5, 0.3, over_linear=ends(0.02, 0.01, 0.03), margin=0.026),
        VerdictCode.NOT_SETTLED,
    ),
    # no rival
    "the dummy alone was there": (
        facts(0.5, over_dummy={"network": interval(0.5)}, **NO_RIVAL),
        VerdictCode.NOT_SETTLED,
    ),
    "both rivals were left out, whatever they gain over the dummy": (facts(0.5, **NO_RIVAL), VerdictCode.NOT_SETTLED),
    "one rival is enough, and is beaten": (
        facts(0.6, 0.3, over_dummy={"network": interval(0.6), "linear": interval(0.3)},
              over_boosting=None, boosting_over_linear=None),
        VerdictCode.NETWORK,
    ),
    # not shown to be worse is not worth it
    "boosting leads by .09, and by -.001 at least": (
        facts(0.5, 0.2, 0.59, over_boosting=ends(-0.090, -0.181, 0.001)),
        VerdictCode.NOT_SETTLED,
    ),
    # one group
    "one group was sealed": (
        facts(
            over_dummy=dict.fromkeys(("network", "linear", "boosting"), ONE_UNIT),
            over_linear=ONE_UNIT, over_boosting=ONE_UNIT, boosting_over_linear=ONE_UNIT, n_units=1,
        ),
        VerdictCode.NOT_SETTLED,
    ),
    # a proper score
    "no answer changes, and the log loss says that something is learnt": (
        facts(0.0, 0.0, 0.0, reach=0.001, metric="accuracy", room=0.01, proper={"network": interval(0.03, 0.01)}),
        VerdictCode.NOT_SETTLED,
    ),
    "no answer changes, and the log loss says nothing either": (
        facts(0.0, 0.0, 0.0, reach=0.001, metric="accuracy", room=0.01, proper={"network": interval(0.0, 0.01)}),
        VerdictCode.NOTHING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_intervals_decide(case: str) -> None:
    found, code = TABLE[case]
    assert decide(found) is code


gains = st.floats(-1, 1).flatmap(lambda v: st.builds(interval, st.just(v), st.floats(1e-3, 0.6)))


@given(one=gains, other=gains, third=gains, margin=st.floats(0, 0.3))
def test_an_answer_is_never_given_that_intervals_do_not_carry(
    one: Estimate, other: Estimate, third: Estimate, margin: float
) -> None:
    found = facts(over_linear=one, over_boosting=other, boosting_over_linear=third, margin=margin)
    match decide(found):
        case VerdictCode.NETWORK:
            assert one.low > 0
            assert one.value > margin
            assert other.low >= -margin
        case VerdictCode.BOOSTING:
            assert other.high < 0
            assert third.low > 0
            assert third.value > margin
        case VerdictCode.LINEAR:
            assert max(one.high, third.high) <= margin


# --- models that answer rows -----------------------------------------------------------------------------------------


def answered(second: dict[str, np.ndarray], truth: np.ndarray, *, metric: str = "log_loss", **given: Any) -> Facts:
    """Facts of models by the probability that each gives the second class."""
    direction = "minimize" if metric == "log_loss" else "maximize"

    def terms(by: str) -> dict[str, np.ndarray]:
        return {
            name: row_terms(Task.BINARY, by, truth=truth, predictions=np.column_stack([1 - p, p]))
            for name, p in second.items()
        }

    return facts_of_rows(
        Objective(name=metric, direction=direction),
        truth=truth,
        terms=terms(metric),
        proper=None if metric == "log_loss" else terms("log_loss"),
        **{"topology": "t", "n_params": 1, "margin": 0.02} | given,
    )


def chance(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def two_alike(seed: int, n_rows: int) -> Facts:
    """Models of equal skill, each with noise of its own."""
    rng = np.random.default_rng(seed)
    odds = 2 * rng.standard_normal(n_rows)
    truth = (rng.random(n_rows) < chance(odds)).astype(np.int64)
    second = {"dummy": np.full(n_rows, truth.mean())}
    second |= {name: chance(odds + 0.3 * rng.standard_normal(n_rows)) for name in MODELS[1:]}
    return answered(second, truth, margin=0.01)


def test_models_that_are_alike_on_a_million_rows_come_to_the_simplest() -> None:
    assert decide(two_alike(0, 1_000_000)) is VerdictCode.LINEAR


def test_one_group_decides_nothing() -> None:
    found = two_alike(0, 400)
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=400)
    second = {name: rng.random(400) for name in MODELS}
    whole = Units.of_labels(UnitKind.GROUPS, np.zeros(400))
    assert decide(answered(second, truth, units=whole)) is VerdictCode.NOT_SETTLED
    assert settles(answered(second, truth, units=whole)).what == "groups"
    assert not found.is_one_unit


def test_one_positive_in_a_hundred_that_is_ranked_well_is_not_nothing() -> None:
    rng = np.random.default_rng(1)
    truth = (np.arange(4000) % 100 == 0).astype(np.int64)
    odds = 3.0 * truth + rng.standard_normal(4000) - 6  # an area of .98, and nobody is ever called positive
    second = {"dummy": np.full(4000, 0.01)} | {name: chance(odds) for name in MODELS[1:]}
    found = answered(second, truth, metric="accuracy")
    assert not found.shown
    assert decide(found) is VerdictCode.NOT_SETTLED
    assert settles(found).what == "score"


# --- what would settle it --------------------------------------------------------------------------------------------


def drawn(gain: float, n_rows: int, rng: np.random.Generator) -> Facts:
    """Losses of a network that gains so much over a linear model, and of boosted trees that are far behind."""
    common = rng.exponential(0.4, n_rows)
    losses = {
        "dummy": common + 0.5,
        "linear": common + 0.15 * rng.standard_normal(n_rows),
        "boosting": common + 0.3 + 0.15 * rng.standard_normal(n_rows),
        "network": common - gain + 0.15 * rng.standard_normal(n_rows),
    }
    return facts_of_rows(
        Objective(name="mae", direction="minimize"),
        truth=np.zeros(n_rows),
        terms={name: of_rows.astype(np.float32)[:, None] for name, of_rows in losses.items()},
        topology="t",
        n_params=1,
        margin=0.02,
        seeds=SeedSpread(total=4e-6, of_rows=0.0, degrees=8),
    )


@pytest.mark.parametrize("gain", [0.0, 0.03, 0.05, 0.08])
def test_with_the_rows_told_it_is_settled_in_three_of_four_tables(gain: float) -> None:
    rng = np.random.default_rng(0)
    settled: list[bool] = []
    while len(settled) < 200:
        first = drawn(gain, 80, rng)
        if decide(first) is not VerdictCode.NOT_SETTLED:
            continue
        n_needed = settles(first).n_needed
        assert n_needed is not None
        settled.append(decide(drawn(gain, n_needed, rng)) is not VerdictCode.NOT_SETTLED)
    assert np.mean(settled) >= 0.75


def test_seeds_that_no_rows_can_outweigh_are_told() -> None:
    doubt = facts(over_linear=interval(0.06), seeds=SeedSpread(total=0.034**2, of_rows=0.0, degrees=8), margin=0.03)
    found = settles(doubt)
    assert found.what == "seeds"
    assert found.n_needed is None


def test_groups_are_told_where_groups_are_what_is_lacking() -> None:
    doubt = facts(kind=UnitKind.GROUPS, n_units=6, margin=0.08)
    found = settles(doubt)
    assert found.what == "groups"
    assert found.n_needed is not None
    assert 6 < found.n_needed < 60


def test_what_noise_drowns_is_out_of_reach() -> None:
    assert settles(facts(reach=0.4, margin=0.01)).what == "far"
