"""The decision on answers whose truth is known, and that every sentence can be said."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import SeedSpread
from ffsearch.search.evidence.decision import VerdictCode, decide
from ffsearch.search.evidence.facts import Facts, Smaller, facts_of_rows
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import UnitKind
from ffsearch.search.evidence.verdict import verdict
from ffsearch.search.folder.plain import json_bytes, read
from ffsearch.search.folder.results import Averaged, Estimate
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import ENGLISH, LANGUAGES, PLAIN

LOG_LOSS = Objective(name="log_loss", direction="minimize")
MODELS = ("dummy", "linear", "boosting", "network")


def interval(value: float, reach: float = 0.1) -> Estimate:
    return Estimate(value=value, low=value - reach, high=value + reach)


def facts(
    network: float = 0.5,
    linear: float = 0.5,
    boosting: float = 0.5,
    *,
    reach: float = 0.1,
    **changes: object,
) -> Facts:
    """Gains over a dummy of log loss 1, all known to `reach`."""
    return Facts(
        **{
            "metric": "log_loss",
            "room": 1.0,
            "margin": 0.05 * max(network, linear, boosting, 0.0),
            "topology": "4 -> 8 -> 1 relu (49 parameters)",
            "n_params": 49,
            "n_rows": 200,
            "over_dummy": {
                "network": interval(network, reach),
                "linear": interval(linear, reach),
                "boosting": interval(boosting, reach),
            },
            "over_linear": interval(network - linear, reach),
            "over_boosting": interval(network - boosting, reach),
            "boosting_over_linear": interval(boosting - linear, reach),
        }
        | changes
    )


NO_RIVAL = {"over_linear": None, "over_boosting": None, "boosting_over_linear": None}
ONE_UNIT = Estimate(value=0.2, low=math.nan, high=math.nan)


def averaged(gain: Estimate | None) -> Averaged:
    return Averaged(n_networks=5, n_params=245, n_bytes=90_000, rows_per_s=1e5, rows_per_s_single=4e5, gain=gain)


gains = st.floats(-1, 1).flatmap(lambda v: st.builds(interval, st.just(v), st.floats(1e-3, 0.6)))


spreads = st.builds(SeedSpread, total=st.floats(0, 0.04), of_rows=st.floats(0, 0.01), degrees=st.integers(1, 20))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    optional = st.none() | gains
    return facts(
        over_dummy={"network": draw(gains), "linear": draw(gains), "boosting": draw(gains)},
        over_linear=draw(optional),
        over_boosting=draw(optional),
        boosting_over_linear=draw(optional),
        smaller=draw(st.none() | st.builds(Smaller, topology=st.just("4 -> 4 -> 1"), n_params=st.just(9), loss=gains)),
        chosen_again=draw(st.none() | st.floats(0, 1)),
        seeds=draw(st.none() | spreads),
    )


@settings(deadline=None)  # the first call loads SciPy
@given(found=any_facts())
def test_whatever_was_found_has_words_and_comes_back_from_json(found: Facts) -> None:
    answer = verdict(found)
    assert answer.code == decide(found)
    assert answer.sentences[0].code is Code[f"ANSWER_{answer.code.upper()}"]
    for t in LANGUAGES.values():
        assert "{" not in answer.said(t)
    text = json_bytes(answer)
    assert read(TypeAdapter(Verdict), text, path=Path("summary.json")) == answer
    assert json.loads(text)["text"] == answer.said(PLAIN)


def test_every_wording_is_reachable() -> None:
    small = Smaller(topology="4 -> 4 -> 1", n_params=9, loss=interval(0.3))
    examples = [
        facts(0.6, 0.3, 0.3, smaller=small, chosen_again=0.9),
        facts(0.4, 0.2, 0.6, smaller=Smaller(topology="t", n_params=9, loss=interval(0.0)), chosen_again=0.5),
        facts(0.3, 0.6, 0.3),
        facts(-0.3, 0.0, -0.3),
        facts(0.5, 0.5, 0.5, chosen_again=0.2, margin=0.08),
        facts(0.5, 0.5, 0.5, seeds=SeedSpread(total=0.04**2, of_rows=0.0, degrees=8)),
        facts(0.5, 0.5, 0.5, reach=0.4),
        facts(0.5, 0.501, 0.5, reach=0.3, over_dummy={"network": interval(0.01, 0.005)}),
        facts(0.6, 0.3, 0.65),
        facts(0.5, 0.4, 0.5, boosting_over_linear=interval(0.15), is_sealed=False),
        facts(0.5, 0.4, 0.3, over_boosting=interval(0.2), boosting_over_linear=interval(0.15)),
        facts(over_dummy={"network": interval(0.5)}, **NO_RIVAL),
        facts(kind=UnitKind.GROUPS, n_units=9, margin=0.08),
        *(facts(over_dummy={"network": ONE_UNIT}, kind=kind, n_units=1, **NO_RIVAL) for kind in UnitKind),
        *(facts(0.0, 0.0, 0.0, reach=0.01, proper={name: interval(0.3)}) for name in ("network", "linear", "boosting")),
    ]
    examples += [
        facts(averaged=averaged(gain)) for gain in (interval(0.2), interval(0.0), interval(-0.2), ONE_UNIT, None)
    ]
    said = {one.key for example in examples for one in verdict(example).sentences}
    codes = [code for code in Code if code.startswith("FFS6")]
    assert said == {key for code in codes for key in ENGLISH.words if key.startswith(f"found.{code.key}")}


def test_the_numbers_stand_in_the_sentence() -> None:
    text = verdict(facts(0.6, 0.3, 0.3)).said(ENGLISH)
    assert "The network beats the linear model by 0.30 in log loss (0.20 to 0.40)." in text
    assert "on 200 rows" in text


def test_what_is_behind_is_told_from_the_side_that_is_ahead() -> None:
    assert "Boosted trees are better by 0.20 in log loss (0.10 to 0.30)." in verdict(facts(0.4, 0.2, 0.6)).said(ENGLISH)


def test_until_it_is_settled_the_simplest_that_is_not_beaten_is_named() -> None:
    assert "the linear model is the one to use" in verdict(facts(0.5, 0.5, 0.5)).said(ENGLISH)
    better_trees = facts(0.5, 0.4, 0.5, boosting_over_linear=interval(0.15))
    assert "boosted trees are the ones to use" in verdict(better_trees).said(ENGLISH)


# --- known predictions, with answers as models of each kind would give them -------------------------------------------


def answered(kind: str, seed: int, n_rows: int = 400) -> Facts:
    """Rows of a known truth, answered by a linear model, trees and a network that know it as well as they can."""
    rng = np.random.default_rng([["linear", "xor", "noise", "steps"].index(kind), seed])
    x = rng.normal(size=(n_rows, 2))
    logits = {
        "linear": 2 * x[:, 0],
        "xor": 3 * np.sign(x[:, 0] * x[:, 1]),
        "noise": np.zeros(n_rows),
        "steps": 3.0 * (2 * (np.floor(2 * x[:, 0]) % 2) - 1),
    }[kind]
    truth = (rng.random(n_rows) < 1 / (1 + np.exp(-logits))).astype(int)
    # What each kind of model makes of the truth, as a factor of the true logit, and how noisily.
    skills = {
        "linear": {"linear": (1.0, 0.1), "boosting": (0.9, 0.5), "network": (1.0, 0.25)},
        "xor": {"linear": (0.0, 0.1), "boosting": (0.7, 0.6), "network": (0.9, 0.4)},
        "noise": {"linear": (0.0, 0.05), "boosting": (0.0, 0.1), "network": (0.0, 0.2)},
        "steps": {"linear": (0.0, 0.1), "boosting": (0.9, 0.4), "network": (0.4, 0.8)},
    }[kind]
    terms = {"dummy": np.full(n_rows, truth.mean())}
    for name, (skill, noise) in skills.items():
        terms[name] = 1 / (1 + np.exp(-(skill * logits + noise * rng.normal(size=n_rows))))
    return facts_of_rows(
        LOG_LOSS,
        truth=truth,
        terms={
            name: row_terms(Task.BINARY, "log_loss", truth=truth, predictions=np.column_stack([1 - second, second]))
            for name, second in terms.items()
        },
        topology="2 -> 16 -> 1 relu (65 parameters)",
        n_params=65,
        margin=0.01,
        seeds=SeedSpread(total=0.005**2, of_rows=0.0, degrees=8),
    )


@pytest.mark.parametrize(
    ("kind", "is_right"),
    [
        ("linear", lambda found: decide(found) is not VerdictCode.NETWORK),
        ("xor", lambda found: decide(found) is VerdictCode.NETWORK and found.over_linear.low > 0),
        ("noise", lambda found: decide(found) is VerdictCode.NOTHING),
        ("steps", lambda found: decide(found) is VerdictCode.BOOSTING),
    ],
)
def test_known_answers_are_found(kind: str, is_right: object) -> None:
    right = [is_right(answered(kind, seed)) for seed in range(20)]
    assert sum(right) >= 19


def test_seeds_widen_what_is_said_of_the_network_alone() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=300)
    terms = {name: rng.random((300, 1)).astype(np.float32) for name in MODELS}
    made = {
        sd: facts_of_rows(
            LOG_LOSS,
            truth=truth,
            terms=terms,
            topology="t",
            n_params=1,
            margin=0.01,
            seeds=None if sd is None else SeedSpread(total=sd**2, of_rows=0.0, degrees=8),
        )
        for sd in (None, 0.1)
    }

    def width(found: Estimate | None) -> float:
        assert found is not None
        return found.high - found.low

    assert width(made[0.1].over_linear) > 2 * width(made[None].over_linear)
    assert width(made[0.1].boosting_over_linear) == pytest.approx(width(made[None].boosting_over_linear), rel=0.1)
