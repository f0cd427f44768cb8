"""The trainers of a run: lanes where they hold its networks, the reference for the rest, or what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.data.features.problem import Problem
from ffsearch.search.executors.protocol import Executor
from ffsearch.search.training.protocol import Stopping, Trainer
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["Trainers"]


@dataclass(frozen=True, kw_only=True)
class Trainers:
    """Makes trainers that train alike, whatever matrices they are given.

    `population` trains in lanes, and hands networks that no lane holds (`population.py` has the rule) to the reference
    trainer, one at a time; `keras` is the reference trainer for all; `auto` is `population`.

    Args:
        kind: `auto`, `population` or `keras`.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
        n_lanes: Networks in training at a time, in lanes.
        executor: What trains the lanes; None for threads of this process.
    """

    kind: str
    stopping: Stopping
    optimizer: str
    momentum: float
    n_lanes: int = CONCURRENCY
    executor: Executor | None = None

    def make(self, problem: Problem, *, n_passes: int = 1) -> Trainer:
        """A trainer of these matrices, whose epochs have so many times the passes that the stopping says."""
        stopping = replace(self.stopping, evaluate_every=n_passes * self.stopping.evaluate_every)
        if self.kind == "keras":
            load_tensorflow()
            from ffsearch.search.training.keras_trainer import KerasTrainer

            return KerasTrainer(problem, stopping, optimizer=self.optimizer, momentum=self.momentum)
        from ffsearch.search.executors.population import PopulationTrainer

        return PopulationTrainer(
            problem, stopping, optimizer=self.optimizer, momentum=self.momentum, n_lanes=self.n_lanes,
            executor=self.executor,
        )  # fmt: skip
