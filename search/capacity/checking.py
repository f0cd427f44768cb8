"""Whether a shard is what training makes: its scores computed again from its weights, some networks trained again.

all networks      what the plan says of them; scores and lowest loss from the weights that were sent
some at random    training again, from the first weights on: curve and weights; so of all that diverged

What is not among those trained again is known by its weights alone: its curve beyond the lowest point is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import RunError
from ffsearch.search.base.environment import environment
from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.study import record_network
from ffsearch.search.network.heads import mean_loss
from ffsearch.search.steps.replay import SAME, difference_of
from ffsearch.search.training.protocol import Trained

if TYPE_CHECKING:
    from ffsearch.search.capacity.setup import Study
    from ffsearch.search.capacity.shards import Shard
    from ffsearch.search.folder.trial_record import TrialRecord

__all__ = ["Checked", "Checker"]

SCORES: Final = 1e-4
"""Largest difference of a score computed again, as a share of it. choice: float32 products in another order differ by
1e-6 of it; what is a hundred times that is another network's."""

ALIKE: Final = 0.05
"""Largest difference of the lowest loss, as a share, of a network trained again on another kind of machine. choice:
rounding grows while training, and two seeds differ by more."""

_PLANNED: Final = ("trial", "point", "topology", "n_params", "ended", "best_epoch", "n_epochs", "n_updates", "seed")
"""What follows from the plan and the curve, exactly."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A shard that came out as sent.

    Args:
        again: Numbers of the networks that were trained again.
        largest: Largest difference of their lowest losses, as a share; 0 where all are the same to the last digits.
    """

    again: tuple[int, ...]
    largest: float


class Checker:
    """Checks shards of one study.

    Args:
        study: What is compared.
        n_again: Networks of every shard that are trained again.
        seed: Draws them; None: the system does, so that nobody can know them before.
    """

    def __init__(self, study: Study, *, n_again: int, seed: int | None) -> None:
        self._study, self._n_again = study, n_again
        self.seed = np.random.SeedSequence(seed).entropy
        """What drew them, so that the same check can be made again."""

    def check(self, shard: Shard) -> Checked:
        """Hold a shard against its weights and some of its networks against training.

        Raises:
            RunError: If something in it is not as training makes it; with the network.
        """
        for number in sorted(shard.records):
            self._check_score(shard, shard.records[number])
        again = self._drawn(shard)
        largest = max((self._check_again(shard, trained) for trained in self._trained(again)), default=0.0)
        return Checked(again=tuple(map(self._study.plan.number, again)), largest=largest)

    def _drawn(self, shard: Shard) -> list[Training]:
        """Some networks at random, and all that diverged, of which there are no weights."""
        rng = np.random.default_rng([shard.share.number, *_words(self.seed)])
        numbers = sorted(shard.records)
        drawn = set(rng.permutation(numbers)[: self._n_again].tolist())
        drawn |= {number for number in numbers if shard.records[number].value is None}
        return [self._study.plan.training(number) for number in sorted(drawn)]

    def _trained(self, trainings: Sequence[Training]) -> Iterator[Trained]:
        plan = self._study.plan
        for size, rows in enumerate(self._study.rows):
            wanted = [training for training in trainings if plan.cells[training.cell].size == size]
            yield from rows.trainer.train(plan.job(training) for training in wanted)

    def _check_again(self, shard: Shard, trained: Trained) -> float:
        """How far a network trained again is from what was sent; 0 where it is the same.

        Raises:
            RunError: If it is another one.
        """
        sent, again = shard.records[trained.job.trial], record_network(self._study, trained)
        difference, epoch = difference_of(sent, again)
        if difference <= SAME and _same_weights(shard.weights(sent.trial), trained.weights):
            return 0.0
        is_other_machine = any(shard.made.get(name) != value for name, value in environment().items())
        if is_other_machine and sent.valid_loss is not None and again.valid_loss is not None:
            share = abs(sent.valid_loss - again.valid_loss) / max(abs(again.valid_loss), _TINY)
            if share <= ALIKE:
                return max(share, SAME)
        since = "" if epoch is None else f" from epoch {epoch} on"
        raise _changed(shard, sent, f"trained again it is another one{since}")

    def _check_score(self, shard: Shard, sent: TrialRecord) -> None:
        """Hold a record against the plan, its own curve and its weights.

        Raises:
            RunError: If they do not agree.
        """
        weights = shard.weights(sent.trial)
        if (weights is None) is not (sent.value is None):
            raise _changed(shard, sent, "it has weights or a score, and not both")
        logits = np.empty((0, self._study.problem.head.n_outputs), np.float32)
        training = self._study.plan.training(sent.trial)
        if weights is not None:
            logits = self._logits(shard, training, weights)
            if not np.isfinite(logits).all():
                raise _changed(shard, sent, "its weights answer with what are no numbers")
        again = record_network(self._study, self._as_trained(training, sent, logits))
        for name in _PLANNED:
            if getattr(sent, name) != getattr(again, name):
                raise _changed(shard, sent, f"its {name} does not follow from the plan and its curve")
        if sent.value is not None:
            self._check_numbers(shard, sent, again, loss=self._loss(training, logits))

    def _check_numbers(self, shard: Shard, sent: TrialRecord, again: TrialRecord, *, loss: float) -> None:
        n_valid = min(len(split.x_valid) for split in self._study.problem.splits)
        for name, value, expected in (
            ("score", sent.value, again.value), ("lowest loss", sent.valid_loss, loss),
            ("lowest loss", sent.valid_loss, again.valid_loss),
            *((name, value, again.metrics.get(name, math.nan)) for name, value in sent.metrics.items()),
        ):  # fmt: skip
            metric = self._study.objective.name if name == "score" else name
            slack = 1.01 / n_valid if metric in _COUNTED else _NOISE
            if not _alike(value, expected, slack=slack):
                raise _changed(shard, sent, f"its weights give another {name}: {expected:.6g}, and {value} was sent")
        if sent.metrics.keys() != again.metrics.keys():
            raise _changed(shard, sent, "it has other metrics than networks of this study")

    def _logits(self, shard: Shard, training: Training, weights: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """What a network with these weights answers on its validation rows.

        Raises:
            RunError: If they are not of its shape.
        """
        from ffsearch.search.network.model import build_network
        from ffsearch.search.training.keras_trainer import forget_graphs, predictor

        problem, job = self._problem(training), self._study.plan.job(training)
        model = build_network(job.point, head=problem.head, n_features=problem.n_features, seed=job.seed)
        if [one.shape for one in weights] != [one.shape for one in model.get_weights()]:
            raise _changed(shard, shard.records[job.trial], "its weights are of another network")
        model.set_weights(weights)
        logits = predictor(model)(problem.splits[job.fold].x_valid)
        forget_graphs(collect=False)
        return logits

    def _loss(self, training: Training, logits: NDArray[np.float32]) -> float:
        problem = self._problem(training)
        split = problem.splits[training.seed]
        return mean_loss(problem.head, split.y_valid, logits, weight=split.valid_weight)

    def _problem(self, training: Training) -> Any:
        return self._study.rows[self._study.plan.cells[training.cell].size].problem

    def _as_trained(self, training: Training, sent: TrialRecord, logits: NDArray[np.float32]) -> Trained:
        """A training that came to these answers along the curve that was sent."""
        from ffsearch.search.training.lanes import n_updates

        rows = self._study.rows[self._study.plan.cells[training.cell].size]
        losses = sent.curve.valid_loss
        look = int(np.nanargmin(losses)) + 1 if sent.value is not None and np.isfinite(losses).any() else 0
        per_look = n_updates(len(rows.problem.splits[training.seed].x_train), rows.stopping)
        return Trained(
            job=self._study.plan.job(training), ended=sent.ended,
            curve=replace(sent.curve, every=rows.stopping.evaluate_every),
            best_epoch=look * rows.stopping.evaluate_every, n_updates=look * per_look, valid_logits=logits,
        )  # fmt: skip


_NOISE: Final = 1e-6
"""What a score near 0 may be off beside."""

_COUNTED: Final = ("accuracy", "balanced_accuracy", "roc_auc", "ece")
"""Scores that count rows: one that lies on an edge may fall to either side of it."""

_TINY: Final = float(np.finfo(np.float32).tiny)


def _alike(value: float | None, expected: float | None, *, slack: float) -> bool:
    if value is None or expected is None or math.isnan(value) or math.isnan(expected):
        return (value is None or math.isnan(value)) and (expected is None or math.isnan(expected))
    return abs(value - expected) <= SCORES * abs(expected) + slack


def _same_weights(sent: list[NDArray[np.float32]] | None, again: list[NDArray[np.float32]] | None) -> bool:
    if sent is None or again is None:
        return sent is None and again is None
    return len(sent) == len(again) and all(
        one.shape == other.shape and np.allclose(one, other, rtol=1e-5, atol=1e-6)
        for one, other in zip(sent, again, strict=True)
    )


def _words(entropy: Any) -> list[int]:
    """An entropy of any size as words."""
    return [int(word) for word in np.random.SeedSequence(entropy).generate_state(4)]


def _changed(shard: Shard, sent: TrialRecord, what: str) -> RunError:
    return RunError(
        f"{shard.path} is not as training makes it: network {sent.trial} ({sent.topology}): {what}. Ask for share "
        f"{shard.share} again, or leave it out and give --fill."
    )
