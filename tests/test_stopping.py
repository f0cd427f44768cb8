"""How long a network is trained, and how often it is judged, by the rows there are."""

from __future__ import annotations

import pytest

from ffsearch.search.training.stopping import stopping_for, updates_between
from ffsearch.spaces.schema import TrainSpec


@pytest.mark.parametrize(
    ("n_train", "epochs_apart", "updates_apart", "patience", "max_looks"),
    [
        (100, 17, 51, 40, 393),  # 3 updates an epoch
        (491, 4, 60, 34, 334),  # 15
        (5_000, 3, 57, 36, 351),  # 19
        (26_000, 1, 101, 20, 200),
        (200_000, 1, 390, 16, 200),
    ],
)
def test_what_is_left_open_is_counted_in_updates(
    n_train: int, epochs_apart: int, updates_apart: int, patience: int, max_looks: int
) -> None:
    stopping = stopping_for(TrainSpec(), n_train)
    assert (stopping.evaluate_every, updates_between(stopping, n_train)) == (epochs_apart, updates_apart)
    assert (stopping.patience, stopping.max_epochs) == (patience, max_looks)


def test_a_patience_in_epochs_is_one_and_looks_after_each() -> None:
    stopping = stopping_for(TrainSpec(patience=16, max_epochs=200), 100)
    assert (stopping.evaluate_every, stopping.patience, stopping.max_epochs) == (1, 16, 200)


@pytest.mark.parametrize("max_epochs", [1, 3, 20, 1_000])
def test_no_more_epochs_are_made_than_asked_for(max_epochs: int) -> None:
    stopping = stopping_for(TrainSpec(max_epochs=max_epochs), 100)
    assert 0.8 * max_epochs <= stopping.max_epochs * stopping.evaluate_every <= max_epochs
