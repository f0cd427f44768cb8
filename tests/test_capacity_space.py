"""What a space of kind capacity may say, and what is refused with all faults at once."""

from __future__ import annotations

from typing import Any

import pytest

from ffsearch.errors import SpaceError
from ffsearch.spaces.loader import load, parse
from ffsearch.spaces.writer import space_identity


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"capacity.depth": [1, 2]}, r"unknown key. Did you mean depths\?"),
        ({"capacity.depths": [1]}, "1 entries are too few: at least 2"),
        ({"capacity.depths": [2, 1, 2]}, r"\[2, 1, 2\] names one of them twice"),
        ({"capacity.learning_rates": {"low": 0.1, "high": 0.01}}, r"low \(0.1\) must be below high \(0.01\)"),
        ({"data.test": None}, "null leaves no rows that chose nothing"),
        ({"data.valid": {"folds": 3}}, r"every seed has validation rows of its own.*write \{holdout: SHARE\}"),
        ({"data.augment": {"noise": 0.1}}, "a capacity study augments no rows"),
        ({"preset": "qick"}, r"Did you mean quick\?"),
        ({"search.trials": 5}, "search: unknown key"),
        ({"capacity.widths": [8], "capacity.budgets": [100]}, "Give one of widths and budgets"),
        ({"capacity.widths": [8, 16, 8]}, r"\[8, 16, 8\] names one of them twice"),
        ({"capacity.train_sizes": [0.0, 1.0]}, "train_sizes"),
        ({"capacity.convolutions": {}, "capacity.depths": [1, 3]}, "of convolutional layers there are 3 at least"),
        ({"capacity.convolutions": {}, "capacity.residual": True}, "residual connections are those of dense layers"),
        ({"capacity.convolutions": {}, "capacity.widths": [8]}, "convolutional networks have channels"),
        ({"kind": "capasity"}, r"\"capasity\" is not known. Did you mean capacity\? Legal: search, capacity"),
    ],
)
def test_faults_say_what_is_legal(overrides: dict[str, Any], text: str) -> None:
    with pytest.raises(SpaceError, match=text):
        load("capacity", overrides)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(SpaceError, match=r"capacity\.yaml cannot be used: 3 faults"):
        load("capacity", {"data.test": None, "capacity.depths": [1], "preset": "qick"})


def test_a_preset_and_what_it_fills_in_are_the_same_study() -> None:
    quick = load("capacity", {"preset": "quick"}).space
    written = {"capacity.depths": [1, 2, 4], "capacity.budgets": [3000, 10000], "capacity.seeds": 3}
    by_hand = load("capacity", {**written, "capacity.updates": 500, "capacity.learning_rates.n": 3}).space
    assert space_identity(quick) == space_identity(by_hand)
    assert space_identity(quick) != space_identity(load("capacity").space)


def test_an_almost_empty_file_is_a_study() -> None:
    space = parse("kind: capacity\ndata: {source: a.csv}\n").space
    assert space.kind == "capacity"
    assert space.data.source == "a.csv"
