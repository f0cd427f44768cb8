"""The decision on answers whose truth is known, and that every sentence can be said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.decision import VerdictCode, decide
from ffsearch.search.evidence.facts import Facts, Smaller, facts_of_rows
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.verdict import verdict
from ffsearch.search.folder.plain import json_bytes, read
from ffsearch.search.folder.results import Estimate
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


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (facts(0.6, 0.3, 0.3), VerdictCode.NETWORK),
        (facts(0.6, 0.3, 0.65), VerdictCode.NETWORK),  # boosting may be better, but is not shown to be
        (facts(0.4, 0.2, 0.6), VerdictCode.BOOSTING),
        (facts(0.4, 0.5, 0.6), VerdictCode.BOOSTING),
        (facts(0.5, 0.5, 0.5, reach=0.01), VerdictCode.LINEAR),
        (facts(0.3, 0.6, 0.3), VerdictCode.LINEAR),
        (facts(0.2, 0.8, 0.5), VerdictCode.LINEAR),  # boosting beats the network, and the linear model beats both
        (facts(0.5, 0.5, 0.5), VerdictCode.NOT_SETTLED),
        (facts(0.0, 0.0, 0.0, reach=0.05), VerdictCode.NOTHING),
        (facts(-0.3, 0.0, -0.3), VerdictCode.NOTHING),
        (facts(0.1, 0.0, 0.0, reach=0.3), VerdictCode.NOT_SETTLED),  # a gain worth having is in sight
        (facts(0.5, over_linear=None, over_boosting=None, boosting_over_linear=None), VerdictCode.NETWORK),
        (facts(0.5, over_linear=None, boosting_over_linear=None), VerdictCode.NETWORK),
    ],
)
def test_intervals_decide(found: Facts, code: VerdictCode) -> None:
    assert decide(found) is code


gains = st.floats(-1, 1).flatmap(lambda v: st.builds(interval, st.just(v), st.floats(1e-3, 0.6)))


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
        seed_share=draw(st.none() | st.floats(0, 1)),
    )


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


@given(found=any_facts())
def test_the_code_network_is_only_given_where_intervals_say_so(found: Facts) -> None:
    if decide(found) is VerdictCode.NETWORK:
        assert found.over_dummy["network"].low > 0
        assert found.over_linear is None or found.over_linear.low > 0
        assert found.over_boosting is None or found.over_boosting.high >= 0


def test_every_wording_is_reachable() -> None:
    small = Smaller(topology="4 -> 4 -> 1", n_params=9, loss=interval(0.3))
    examples = [
        facts(0.6, 0.3, 0.3, smaller=small, chosen_again=0.9),
        facts(0.4, 0.2, 0.6, smaller=Smaller(topology="t", n_params=9, loss=interval(0.0)), chosen_again=0.5),
        facts(0.3, 0.6, 0.3),
        facts(-0.3, 0.0, -0.3),
        facts(0.5, 0.5, 0.5, chosen_again=0.2, seed_share=0.1),
        facts(0.5, 0.5, 0.5, seed_share=0.7),
        facts(0.5, 0.5, 0.5, reach=0.4),
        facts(0.5, 0.501, 0.5, reach=0.3, over_dummy={"network": interval(0.01, 0.005)}),
        facts(0.6, 0.3, 0.65),
        facts(0.5, 0.4, 0.5, boosting_over_linear=interval(0.15), is_sealed=False),
        facts(0.5, 0.4, 0.3, over_boosting=interval(0.2), boosting_over_linear=interval(0.15)),
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


def test_rows_that_would_settle_it_follow_the_square_of_the_doubt() -> None:
    text = verdict(facts(0.55, 0.5, 0.5, reach=0.1)).said(ENGLISH)
    assert "about 800 rows to compare on, instead of 200." in text


# --- known answers, with answers as models of each kind would give them ----------------------------------------------


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
            name: row_terms(Task.BINARY, "log_loss", truth=truth, answers=np.column_stack([1 - second, second]))
            for name, second in terms.items()
        },
        topology="2 -> 16 -> 1 relu (65 parameters)",
        n_params=65,
        rng=rng,
        seed_sd=0.005,
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
            LOG_LOSS, truth=truth, terms=terms, topology="t", n_params=1, rng=np.random.default_rng(1), seed_sd=sd
        )
        for sd in (None, 0.1)
    }

    def width(found: Estimate | None) -> float:
        assert found is not None
        return found.high - found.low

    assert width(made[0.1].over_linear) > 2 * width(made[None].over_linear)
    assert width(made[0.1].boosting_over_linear) == pytest.approx(width(made[None].boosting_over_linear), rel=0.1)
    assert made[None].seed_share is None
    assert made[0.1].seed_share is not None
    assert made[0.1].seed_share > 0.8
