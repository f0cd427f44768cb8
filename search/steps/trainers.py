"""Trainers of one run: whatever matrices they train on, they train as its space says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ffsearch.search.data.problem import Problem
from ffsearch.search.training.protocol import Stopping, Trainer
from ffsearch.spaces.schema import TrainSpec

if TYPE_CHECKING:
    from ffsearch.search.executors.protocol import Carrier

__all__ = ["Trainers"]


@dataclass(frozen=True, kw_only=True)
class Trainers:
    """Makes the trainers of a run.

    Args:
        train: How the space says to train.
        stopping: When a candidate's training ends.
        n_lanes: Networks in training at a time.
        carrier: Where networks are trained; None for threads of this process.
    """

    train: TrainSpec
    stopping: Stopping
    n_lanes: int
    carrier: Carrier | None = None

    @property
    def name(self) -> str:
        """Which trainer it is: `population` or `keras`."""
        return "keras" if self.train.trainer == "keras" else "population"

    def make(self, problem: Problem, *, n_passes: int = 1) -> Trainer:
        """A trainer of these matrices, an epoch of which is so many times the passes it has in the search."""
        from ffsearch.search.executors.trainers import make_trainer

        return make_trainer(
            self.train.trainer,
            problem,
            replace(self.stopping, evaluate_every=n_passes * self.stopping.evaluate_every),
            optimizer=self.train.optimizer,
            momentum=self.train.momentum,
            n_lanes=self.n_lanes,
            carrier=self.carrier,
        )
