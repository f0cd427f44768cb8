"""Which trainer a run uses: lanes where they hold its networks, the reference for the rest, or what was asked for."""

from __future__ import annotations

from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.data.problem import Problem
from ffsearch.search.executors.protocol import Carrier
from ffsearch.search.training.protocol import Stopping, Trainer
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["make_trainer"]


def make_trainer(
    name: str,
    problem: Problem,
    stopping: Stopping,
    *,
    optimizer: str,
    momentum: float,
    n_lanes: int = CONCURRENCY,
    carrier: Carrier | None = None,
) -> Trainer:
    """The trainer a space file names.

    `population` trains in lanes, and hands networks that no lane holds (`population.py` has the rule) to the reference
    trainer, one at a time; `keras` is the reference trainer for all; `auto` is `population`.

    Args:
        name: `auto`, `population` or `keras`.
        problem: What is to be learnt.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
        n_lanes: Networks in training at a time, in lanes.
        carrier: What trains the lanes; None for threads of this process.
    """
    if name == "keras":
        load_tensorflow()
        from ffsearch.search.training.keras_trainer import KerasTrainer

        return KerasTrainer(problem, stopping, optimizer=optimizer, momentum=momentum)
    from ffsearch.search.executors.population import PopulationTrainer

    return PopulationTrainer(
        problem, stopping, optimizer=optimizer, momentum=momentum, n_lanes=n_lanes, carrier=carrier
    )
