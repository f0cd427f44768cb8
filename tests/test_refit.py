"""Algorithm 7.2: exactly so many updates on all rows, by either trainer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from contracts.trainers import N_FEATURES, POINT, descended, problem_for, running_mean
from ffsearch.errors import TrainingError
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Activation, Balance, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.training import refit as refitting
from ffsearch.search.training.batches import cut_batches, epoch_order
from ffsearch.search.training.refit import Hold, Refitted, Steps, refits

SEED = np.random.SeedSequence(3)

HEAD = Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=2, target_names=("u", "v"))


def test_updates_or_epochs_are_held() -> None:
    steps = Steps(updates=40, epochs=8)
    assert steps.n_updates(Hold.UPDATES, n_rows=200, batch_size=32) == 40
    assert steps.n_updates(Hold.EPOCHS, n_rows=200, batch_size=32) == 48


@pytest.mark.parametrize("trainer", ["population", "keras"])
@pytest.mark.parametrize("n_updates", [4, 6, 15])
def test_a_refit_makes_exactly_the_updates_asked_for(trainer: str, n_updates: int) -> None:
    split = problem_for(Task.REGRESSION).splits[0]
    point = Point(depth=1, width=5, activation=Activation.TANH, learning_rate=0.05)
    (refitted,) = refits(
        point,
        head=HEAD,
        x=split.x_train,
        y=split.y_train,
        n_updates=n_updates,
        batch_size=32,
        seeds=[SEED],
        optimizer="sgd",
        momentum=0.0,
        trainer=trainer,
    )
    weights = [w.astype(float) for w in initial_weights(point, n_features=N_FEATURES, n_outputs=2, seed=SEED)]
    rows_of = [rows for epoch in (1, 2, 3) for rows in cut_batches(epoch_order(SEED, epoch, n_rows=200), batch_size=32)]
    path = []
    for rows in rows_of[:n_updates]:
        weights = descended(weights, split.x_train[rows].astype(float), split.y_train[rows], rate=0.05)
        path.append(weights)
    for got, want in zip(refitted.weights, running_mean(path), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    assert (refitted.n_updates, refitted.n_epochs) == (n_updates, n_updates / 6)
    assert len(refitted.train_loss) == len(refitted.penalty) == math.ceil(n_updates / 6)


@pytest.mark.parametrize("trainer", ["population", "keras"])
def test_a_refit_that_diverges_says_what_to_do(trainer: str) -> None:
    split = problem_for(Task.REGRESSION).splits[0]
    with pytest.raises(TrainingError, match=r"diverged.*learning rate 1e\+25.*search.seed"):
        refits(
            Point(depth=1, width=8, learning_rate=1e25),
            head=HEAD,
            x=split.x_train,
            y=split.y_train,
            n_updates=20,
            batch_size=32,
            seeds=[SEED],
            trainer=trainer,
        )


def refitted_by(trainer: str, point: Point) -> Refitted:
    split = problem_for(Task.BINARY).splits[0]
    head = problem_for(Task.BINARY).head
    (refitted,) = refits(
        point, head=head, x=split.x_train, y=split.y_train, n_updates=25, batch_size=32, seeds=[SEED], trainer=trainer
    )
    return refitted


@pytest.mark.parametrize(
    "changes", [{}, {"augment_balance": Balance.OVERSAMPLE}, {"augment_noise": 0.1, "batch_norm": True}]
)
def test_lane_and_reference_agree(changes: dict[str, object]) -> None:
    point = replace(POINT, dropout=0.0, **changes)
    lane, reference = refitted_by("population", point), refitted_by("keras", point)
    assert lane.n_epochs == reference.n_epochs
    np.testing.assert_allclose(lane.train_loss, reference.train_loss, rtol=1e-4)
    np.testing.assert_allclose(lane.penalty, reference.penalty, rtol=1e-3, atol=1e-6)
    for got, want in zip(lane.weights, reference.weights, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("trainer", ["population", pytest.param("keras", marks=pytest.mark.slow)])
def test_several_refits_are_each_what_its_seed_makes_of_it(trainer: str) -> None:
    split, head = problem_for(Task.BINARY).splits[0], problem_for(Task.BINARY).head
    seeds = [SEED, *(np.random.SeedSequence(seed) for seed in (4, 5))]

    def trained(*of: np.random.SeedSequence) -> list[Refitted]:
        return refits(
            POINT, head=head, x=split.x_train, y=split.y_train, n_updates=25, batch_size=32, seeds=of, trainer=trainer
        )

    together = trained(*seeds)
    alone = [one for seed in seeds for one in trained(seed)]
    for one, other in zip(together, alone, strict=True):
        for got, want in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(got, want)
    assert not np.allclose(together[0].weights[0], together[1].weights[0])


def test_a_network_that_no_lane_holds_goes_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refitting, "memory_for_lanes", lambda: 10)
    monkeypatch.setattr(refitting, "fit_updates", lambda *_, **__: pytest.fail("trained by a lane"))
    assert refitted_by("population", POINT).n_updates == 25
